//! What a sandbox has changed of a directory of the host's.
//!
//! What overlayfs has in the upper directory is held against what the host has now. A
//! file that was only opened for writing, or written as it was, is no change.

use std::{
    ffi::OsString,
    fs::File,
    io::Read,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use crate::{
    storage::{
        Difference, Error,
        merged::{NOTES, hides, is_opaque, there},
        tree_tar::{check_depth, copy_error},
    },
    sys::{
        self, Named,
        fs::{
            FileType, Stat, entries, fstat, is_directory, is_file, is_symlink, open_directory_at,
            open_file_at, read_link_at, stat_at, xattr, xattr_names,
        },
    },
};

/// How a path differs from what the host has.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) difference: Difference,
    /// Relative to the directory that is shown.
    pub(super) path: PathBuf,
    /// What is there in the upper directory, if anything.
    pub(super) new: Option<Stat>,
    /// What is there on the host, if anything.
    pub(super) old: Option<Stat>,
    /// Whether it is a directory in which something has changed, but not itself.
    pub(super) is_way: bool,
}

/// What there is to be told of the two sides.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    /// Where something else is mounted, relative as well.
    pub(super) mount_points: &'a [PathBuf],
    pub(super) changes: Vec<Change>,
    /// Files with several names that are the same on both sides.
    pub(super) same: Vec<(PathBuf, Stat)>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(mount_points: &'a [PathBuf]) -> Self {
        Self { mount_points, changes: Vec::new(), same: Vec::new() }
    }

    /// Visits a directory; directories come before what is in them.
    pub(super) fn directory(
        &mut self,
        path: &Path,
        upper: &OwnedFd,
        host: Option<&OwnedFd>,
    ) -> Result<(), Error> {
        check_depth(path)?;
        let failed = |source| copy_error(path, source);
        let names = sorted(upper).map_err(failed)?;
        for name in &names {
            self.name(&path.join(name), upper, host)?;
        }
        let Some(host) = host.filter(|_| !path.as_os_str().is_empty()) else { return Ok(()) };
        if is_opaque(upper).map_err(failed)? {
            for name in sorted(host).map_err(failed)? {
                if names.binary_search(&name).is_err() {
                    let old = there(stat_at(host, Path::new(&name))).map_err(failed)?;
                    self.deleted(path.join(name), None, old);
                }
            }
        }
        Ok(())
    }

    fn name(&mut self, path: &Path, upper: &OwnedFd, host: Option<&OwnedFd>) -> Result<(), Error> {
        let failed = |source| copy_error(path, source);
        let name = Path::new(path.file_name().unwrap_or_default());
        let Some(new) = there(stat_at(upper, name)).map_err(failed)? else { return Ok(()) };
        let old = host.map(|host| there(stat_at(host, name))).transpose().map_err(failed)?;
        let old = old.flatten();
        if hides(upper, name, &new).map_err(failed)? {
            self.deleted(path.into(), Some(new), old);
            return Ok(());
        }
        if !is_directory(&new) {
            return self.file(path, upper, host, (new, old)).map_err(failed);
        }
        let inner = open_directory_at(upper, name).map_err(failed)?;
        let below = match (host, &old) {
            (Some(host), Some(old)) if is_directory(old) => {
                Some(open_directory_at(host, name).map_err(failed)?)
            }
            _ => None,
        };
        let place = self.changes.len();
        let mut change = Change::new(path, new, old);
        if let Some(below) = &below {
            change.is_way = same_attributes(&inner, below).map_err(failed)?;
        }
        let is_idle = change.is_way || (old.is_none() && self.is_mount_point(path));
        self.changes.push(change);
        self.directory(path, &inner, below.as_ref())?;
        if is_idle && self.changes.len() == place + 1 {
            self.changes.pop();
        }
        Ok(())
    }

    fn file(
        &mut self,
        path: &Path,
        upper: &OwnedFd,
        host: Option<&OwnedFd>,
        (new, old): (Stat, Option<Stat>),
    ) -> sys::Result<()> {
        let name = Path::new(path.file_name().unwrap_or_default());
        if let (Some(host), Some(old)) = (host, &old)
            && same_files((upper, &new), (host, old), name)?
        {
            if new.st_nlink > 1 {
                self.same.push((path.into(), new));
            }
        } else if old.is_some() || !self.is_mount_point(path) {
            self.changes.push(Change::new(path, new, old));
        }
        Ok(())
    }

    fn deleted(&mut self, path: PathBuf, new: Option<Stat>, old: Option<Stat>) {
        if old.is_some() {
            let difference = Difference::Deleted;
            self.changes.push(Change { difference, path, new, old, is_way: false });
        }
    }

    fn is_mount_point(&self, path: &Path) -> bool {
        self.mount_points.iter().any(|mount_point| mount_point == path)
    }
}

impl Change {
    fn new(path: &Path, new: Stat, old: Option<Stat>) -> Self {
        let difference = if old.is_some() { Difference::Changed } else { Difference::Added };
        Self { difference, path: path.into(), new: Some(new), old, is_way: false }
    }

    /// Whether it makes a directory, without which there is nothing for what is in it.
    pub(super) fn makes_directory(&self) -> bool {
        self.difference != Difference::Deleted
            && self.new.as_ref().is_some_and(is_directory)
            && !self.old.as_ref().is_some_and(is_directory)
    }
}

/// The names in a directory, in order.
pub(super) fn sorted(directory: &OwnedFd) -> sys::Result<Vec<OsString>> {
    let mut names: Vec<_> = entries(directory)?.into_iter().map(|entry| entry.name).collect();
    names.sort();
    Ok(names)
}

/// Whether two files, of which neither is a directory, are alike; but for owner and
/// times.
pub(super) fn same_files(
    (upper, new): (&OwnedFd, &Stat),
    (host, old): (&OwnedFd, &Stat),
    name: &Path,
) -> sys::Result<bool> {
    let kind = |stat: &Stat| FileType::from_raw_mode(stat.st_mode);
    if kind(new) != kind(old) {
        return Ok(false);
    }
    if is_symlink(new) {
        return Ok(read_link_at(upper, name)? == read_link_at(host, name)?);
    }
    if new.st_mode != old.st_mode || !is_file(new) {
        return Ok(new.st_mode == old.st_mode && new.st_rdev == old.st_rdev);
    }
    if new.st_size != old.st_size {
        return Ok(false);
    }
    let old = match open_file_at(host, name) {
        Err(error) if error.errno == Errno::EACCES => return Ok(false), // Nobody knows.
        opened => opened?,
    };
    let new = open_file_at(upper, name)?;
    Ok(attributes(&new)? == attributes(&old)? && same_content(new, old, name)?)
}

fn same_content(mut new: File, mut old: File, name: &Path) -> sys::Result<bool> {
    const CHUNK: u64 = 1 << 16;
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        left.clear();
        right.clear();
        let read = (&mut new).take(CHUNK).read_to_end(&mut left);
        read.and_then(|_| (&mut old).take(CHUNK).read_to_end(&mut right))
            .named(|| format!("read({name:?})"))?;
        if left != right || left.is_empty() {
            return Ok(left == right);
        }
    }
}

/// Whether two directories have the same permissions and attributes.
pub(super) fn same_attributes(new: &OwnedFd, old: &OwnedFd) -> sys::Result<bool> {
    let mode = |stat: Stat| stat.st_mode & 0o1777; // setgid goes on from the one above.
    Ok(mode(fstat(new)?) == mode(fstat(old)?) && attributes(new)? == attributes(old)?)
}

/// The extended attributes that anybody may set, but for overlayfs's own.
pub(super) fn attributes(file: impl std::os::fd::AsFd) -> sys::Result<Vec<(OsString, Vec<u8>)>> {
    let mut all = Vec::new();
    for name in xattr_names(&file)? {
        let text = name.as_encoded_bytes();
        if text.starts_with(b"user.") && !text.starts_with(NOTES.as_bytes()) {
            let value = xattr(&file, &name)?.unwrap_or_default();
            all.push((name, value));
        }
    }
    Ok(all)
}
