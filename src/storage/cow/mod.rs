//! Directories of the host that a sandbox sees copy-on-write.
//!
//! ```text
//! sandboxes/ID/cow/N/upper    what the sandbox has changed, as overlayfs keeps it
//! sandboxes/ID/cow/N/work     overlayfs's own
//! sandboxes/ID/cow/N/starts   when the sandbox was started, and on which directory
//! ```
//!
//! `N` is the place of the mount among those of the sandbox. Nothing is walked or
//! copied when it starts: the host's directory is the lower one of an overlay.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use super::{Error, SandboxDir, remove::remove_tree, rootfs::contains};
use crate::{
    oci::Overlay,
    sys::{
        self, Named,
        fs::{chmod, entries, fstat, mkdir, open_directory, sync_file_system},
        time::kernel_now,
    },
};

/// Where it is in the directory of a sandbox.
pub(super) const COW: &str = "cow";
const UPPER: &str = "upper";
const WORK: &str = "work";
const STARTS: &str = "starts";

impl SandboxDir {
    /// The overlay that shows `source`, of the host, and takes what the sandbox changes;
    /// it is the mount of this number.
    ///
    /// The overlay is `volatile`: else each file that is changed would be synced when it
    /// is copied (`filesystems/overlayfs.rst`, "Volatile mount"). What stays is synced
    /// once, when the sandbox has ended ([`SandboxDir::settle_changes`]).
    ///
    /// # Errors
    /// [`Error::HoldsStore`] if the store is in that directory, which overlayfs refuses;
    /// or if the directories cannot be made.
    pub fn copy_on_write(&self, number: usize, source: &Path) -> Result<Overlay, Error> {
        let failed = |error| Error::Directory { path: source.into(), source: error };
        let lower = source.canonicalize().named(|| format!("realpath({source:?})"));
        let lower = lower.map_err(failed)?;
        if contains(&lower, self.path()) {
            return Err(Error::HoldsStore { path: source.into(), root: self.root.clone() });
        }
        let there = open_directory(&lower).and_then(fstat).map_err(failed)?;
        let place = self.path().join(COW).join(number.to_string());
        let (upper, work) = (place.join(UPPER), place.join(WORK));
        let make = || {
            make_directory(&self.path().join(COW))?;
            make_directory(&place)?;
            if make_directory(&upper)? {
                chmod(&upper, there.st_mode & 0o7777)?; // It is the directory that is seen.
            }
            make_directory(&work)?;
            forget_volatile(&work)?;
            note_start(&place.join(STARTS), there.st_ino)
        };
        make().map_err(|source| Error::Store { root: self.root.clone(), source })?;
        Ok(Overlay { lower: vec![lower], upper: Some(upper), work: Some(work), volatile: true })
    }
}

impl SandboxDir {
    /// To be called once it has ended: whether it has changed anything that it saw
    /// copy-on-write. That is on disk then, and can be mounted again.
    ///
    /// # Errors
    /// If the directories cannot be read, or not be synced.
    pub fn settle_changes(&self) -> Result<bool, Error> {
        let settle = || {
            let mut has_changed = false;
            for place in places(self.path())? {
                if entries(open_directory(&place.join(UPPER))?)?.is_empty() {
                    continue;
                }
                if !has_changed {
                    sync_file_system(open_directory(&place)?)?;
                }
                has_changed = true;
                forget_volatile(&place.join(WORK))?;
            }
            Ok(has_changed)
        };
        settle().map_err(|source| Error::Store { root: self.root.clone(), source })
    }
}

/// The directories of all such mounts of a sandbox.
fn places(sandbox: &Path) -> sys::Result<Vec<PathBuf>> {
    let all = sandbox.join(COW);
    match open_directory(&all) {
        Err(error) if error.errno == Errno::ENOENT => Ok(Vec::new()),
        opened => Ok(entries(opened?)?.into_iter().map(|entry| all.join(entry.name)).collect()),
    }
}

/// Whether it was made only now.
fn make_directory(path: &Path) -> sys::Result<bool> {
    match mkdir(path, 0o700) {
        Err(error) if error.errno == Errno::EEXIST => Ok(false),
        made => made.map(|()| true),
    }
}

/// Lets a `volatile` overlay be mounted again: the machine has not stopped since, or
/// whoever starts the sandbox takes what is left.
fn forget_volatile(work: &Path) -> sys::Result<()> {
    match open_directory(&work.join(WORK)) {
        Err(error) if error.errno == Errno::ENOENT => Ok(()),
        opened => remove_tree(opened?, Path::new("incompat")),
    }
}

/// One line a start: seconds, nanoseconds, inode of the directory that is shown.
fn note_start(path: &Path, inode: u64) -> sys::Result<()> {
    let (seconds, nanoseconds) = kernel_now();
    let note =
        |mut file: File| file.write_all(format!("{seconds} {nanoseconds} {inode}\n").as_bytes());
    let file = fs::OpenOptions::new().append(true).create(true).open(path);
    file.and_then(note).named(|| format!("write({path:?})"))
}
