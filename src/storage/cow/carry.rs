//! Takes what a sandbox has changed over to the host.
//!
//! # Theory of operation
//!
//! ```text
//! choose   which changes are meant, and which of them may be carried
//! carry    each on its own: made whole in a directory of ours at the top of the tree,
//!          then renamed to where it belongs
//! sync     once, so that nothing is given up that is not on disk
//! fold     what is alike on both sides now is removed from the upper directory
//! ```
//!
//! Whoever is killed meanwhile leaves each file old or new. Whoever comes next finds
//! what was carried alike on both sides, and removes the directory of ours with what is
//! half made ([`STAGING`]).
//!
//! The tree is a stranger's by now: a directory may have become a link. So each is
//! opened in the one above by a single name, which nothing follows if it is a link, and
//! no path is resolved at all.

use std::{
    cell::OnceCell,
    collections::HashMap,
    fs::File,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use super::{
    Cow, Refusal,
    compare::{Change, attributes},
    drift::{first_change, has_changed},
};
use crate::{
    storage::{Difference, Error, merged::there, remove::remove_tree, tree_tar::copy_error},
    sys::{
        self, Named,
        fs::{
            FileType, Stat, Timespec, Timestamps, chmod_at, create_file_at, exchange_at, fchmod,
            fstat, is_directory, link_at, mkdir_at, mkfifo_at, open_directory_at, open_file_at,
            read_link_at, remove_xattr, rename_at, rename_to_free_at, set_times, set_times_at,
            set_xattr, stat_at, symlink_at, unlink_at,
        },
    },
};

/// How the directory in which files are made begins; the id of the sandbox follows.
pub(super) const STAGING: &str = ".sandbox-apply-";
/// The name of what is made there: one at a time.
const DRAFT: &str = "draft";

/// Carries changes one after the other.
#[derive(Debug)]
pub(super) struct Carrier<'a> {
    cow: &'a Cow,
    is_forced: bool,
    staging: OnceCell<OwnedFd>,
    /// Where files with several names are on the host, by their inode in the upper
    /// directory.
    linked: HashMap<u64, PathBuf>,
}

impl<'a> Carrier<'a> {
    pub(super) fn new(cow: &'a Cow, is_forced: bool, same: &[(PathBuf, Stat)]) -> Self {
        let linked = same.iter().map(|(path, stat)| (stat.st_ino, path.clone())).collect();
        Self { cow, is_forced, staging: OnceCell::new(), linked }
    }

    /// Why a change may not be carried, if it may not.
    pub(super) fn refusal(&self, change: &Change) -> Result<Option<Refusal>, Error> {
        if let Some(refusal) = self.unwanted(change) {
            return Ok(Some(refusal));
        }
        let found = self.drift(change).or_else(|error| match error.errno {
            Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP => {
                Ok(Some(Refusal::Drifted(change.path.clone())))
            }
            _ => Err(error),
        });
        found.map_err(|source| copy_error(&change.path, source))
    }

    fn unwanted(&self, change: &Change) -> Option<Refusal> {
        const SET_ID: u32 = libc::S_ISUID | libc::S_ISGID;
        let new = change.new.as_ref().filter(|_| change.difference != Difference::Deleted)?;
        match FileType::from_raw_mode(new.st_mode) {
            FileType::RegularFile if new.st_mode & SET_ID != 0 => Some(Refusal::SetId),
            FileType::RegularFile | FileType::Directory | FileType::Symlink | FileType::Fifo => {
                None
            }
            FileType::Socket => Some(Refusal::Socket),
            _ => Some(Refusal::Device),
        }
    }

    fn drift(&self, change: &Change) -> sys::Result<Option<Refusal>> {
        let Some(old) = &change.old else { return Ok(None) };
        let device = self.cow.device;
        if old.st_dev != device {
            return Ok(Some(Refusal::Mounted));
        }
        if self.is_forced {
            return Ok(None);
        }
        let since = self.cow.before(&change.path);
        let replaces = !change.new.as_ref().is_some_and(is_directory)
            || change.difference == Difference::Deleted;
        if is_directory(old) && replaces {
            let (above, name) = self.cow.on_host(&change.path)?;
            let found = first_change(&above, &name, since, device)?;
            let whole = |found| Refusal::Drifted(change.path.with_file_name("").join(found));
            return Ok(found.map(whole));
        }
        let drifted = has_changed(old, since);
        Ok(drifted.then(|| Refusal::Drifted(change.path.clone())))
    }

    /// Carries it, unless the host has changed meanwhile.
    pub(super) fn carry(&mut self, change: &Change) -> Result<Option<Refusal>, Error> {
        match self.carry_one(change) {
            Ok(true) => Ok(None),
            Ok(false) => Ok(Some(Refusal::Drifted(change.path.clone()))),
            Err(error) if matches!(error.errno, Errno::ENOTDIR | Errno::ELOOP) => {
                Ok(Some(Refusal::Drifted(change.path.clone())))
            }
            Err(source) => Err(copy_error(&change.path, source)),
        }
    }

    /// False if the host is not what it was when the change was looked at.
    fn carry_one(&mut self, change: &Change) -> sys::Result<bool> {
        let (host, name) = self.cow.on_host(&change.path)?;
        let now = there(stat_at(&host, &name))?;
        if !is_same(change.old.as_ref(), now.as_ref()) {
            return Ok(false);
        }
        if change.difference == Difference::Deleted {
            return self.delete(&host, &name, change.old.as_ref()).map(|()| true);
        }
        let (upper, _) = self.cow.in_upper(&change.path)?;
        let Some(new) = &change.new else { return Ok(true) };
        match (is_directory(new), &now) {
            (true, Some(now)) if is_directory(now) => adapt(&upper, &host, &name).map(|()| true),
            _ => {
                self.make(change, (&upper, &name), new)?;
                self.place(&host, &name, now.as_ref(), is_directory(new))
            }
        }
    }

    /// A directory goes at once, and then what was in it.
    fn delete(&self, host: &OwnedFd, name: &Path, old: Option<&Stat>) -> sys::Result<()> {
        if !old.is_some_and(is_directory) {
            return unlink_at(host, name);
        }
        let staging = self.staging()?;
        rename_at(host, name, staging, Path::new(DRAFT))?;
        remove_tree(staging, Path::new(DRAFT))
    }

    /// Makes what the upper directory has as the draft.
    fn make(
        &mut self,
        change: &Change,
        (upper, name): (&OwnedFd, &Path),
        new: &Stat,
    ) -> sys::Result<()> {
        let draft = Path::new(DRAFT);
        if new.st_nlink > 1 && !is_directory(new) {
            let first = self.linked.entry(new.st_ino).or_insert_with(|| change.path.clone());
            if *first != change.path {
                let (above, first) = self.cow.on_host(first)?;
                if link_at(&above, &first, self.staging()?, draft).is_ok() {
                    return Ok(());
                }
            }
        }
        let staging = self.staging()?;
        match FileType::from_raw_mode(new.st_mode) {
            FileType::Directory => {
                mkdir_at(staging, draft, 0o700)?;
                adapt_to(open_directory_at(upper, name)?, open_directory_at(staging, draft)?)
            }
            FileType::Symlink => {
                symlink_at(&read_link_at(upper, name)?, staging, draft)?;
                set_times_at(staging, draft, &times(new))
            }
            FileType::Fifo => {
                mkfifo_at(staging, draft)?;
                chmod_at(staging, draft, new.st_mode & 0o777)
            }
            _ => copy(open_file_at(upper, name)?, create_file_at(staging, draft, 0o600)?, new),
        }
    }

    /// Gives the draft its name, in place of what is there; false if something is there
    /// that was not when we looked.
    fn place(
        &self,
        host: &OwnedFd,
        name: &Path,
        old: Option<&Stat>,
        is_new_directory: bool,
    ) -> sys::Result<bool> {
        let (staging, draft) = (self.staging()?, Path::new(DRAFT));
        match old {
            None => match rename_to_free_at(staging, draft, host, name) {
                Err(error) if error.errno == Errno::EEXIST => {
                    return remove_tree(staging, draft).map(|()| false);
                }
                placed => placed?,
            },
            Some(old) if is_directory(old) || is_new_directory => {
                exchange_at(staging, draft, host, name)?;
                remove_tree(staging, draft)?;
            }
            Some(_) => {
                rename_at(staging, draft, host, name)?;
                // Two names of one file are not renamed over each other (`rename(2)`).
                remove_tree(staging, draft)?;
            }
        }
        Ok(true)
    }

    /// Made when it is first needed; nobody else may look into it.
    fn staging(&self) -> sys::Result<&OwnedFd> {
        if let Some(staging) = self.staging.get() {
            return Ok(staging);
        }
        let name = self.cow.staging_name();
        mkdir_at(&self.cow.host, &name, 0o700)?;
        let staging = open_directory_at(&self.cow.host, &name)?;
        Ok(self.staging.get_or_init(|| staging))
    }
}

/// Whether it is what it was. Not by its stamp, which changes as well if another of its
/// names does.
fn is_same(then: Option<&Stat>, now: Option<&Stat>) -> bool {
    let look = |stat: &Stat| {
        let written = (stat.st_mtime, stat.st_mtime_nsec, stat.st_size);
        let written = if is_directory(stat) { Default::default() } else { written };
        (stat.st_dev, stat.st_ino, written)
    };
    then.map(look) == now.map(look)
}

/// Gives a directory that is there the permissions and attributes of the other one.
fn adapt(upper: &OwnedFd, host: &OwnedFd, name: &Path) -> sys::Result<()> {
    adapt_to(open_directory_at(upper, name)?, open_directory_at(host, name)?)
}

/// But for setgid, which is the tree's matter: it goes on from the directory above.
fn adapt_to(from: OwnedFd, to: OwnedFd) -> sys::Result<()> {
    const SET_GID: u32 = libc::S_ISGID;
    let wanted = attributes(&from)?;
    for (name, _) in attributes(&to)? {
        if wanted.iter().all(|(other, _)| *other != name) {
            remove_xattr(&to, &name)?;
        }
    }
    for (name, value) in wanted {
        set_xattr(&to, &name, &value)?;
    }
    let mode = fstat(&to)?.st_mode & SET_GID | fstat(&from)?.st_mode & 0o1777;
    fchmod(&to, mode)
}

fn copy(mut from: File, mut to: File, stat: &Stat) -> sys::Result<()> {
    io::copy(&mut from, &mut to).named(|| "copy_file_range()".into())?;
    for (name, value) in attributes(&from)? {
        set_xattr(&to, &name, &value)?;
    }
    fchmod(&to, stat.st_mode & 0o1777)?;
    set_times(&to, &times(stat))
}

fn times(stat: &Stat) -> Timestamps {
    let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    Timestamps {
        last_access: time(stat.st_atime, stat.st_atime_nsec as i64),
        last_modification: time(stat.st_mtime, stat.st_mtime_nsec as i64),
    }
}
