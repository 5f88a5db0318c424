//! Who uses what: `flock(2)` on the object itself, never on the whole store.
//!
//! A shared lock says "I use this, keep it", an exclusive one "nobody else may
//! touch this". The kernel drops a lock with its last descriptor, so a process
//! that was killed holds none and what it left half-made is known as garbage.
//!
//! A lock is on a file, not on a name: whoever got one looks again whether the
//! file is still there. Where the file system knows no locks (some network file
//! systems), everything counts as used and nothing is ever swept.

use std::{os::fd::OwnedFd, path::Path, sync::Mutex};

use nix::errno::Errno;

use crate::sys::{
    self,
    fs::{Lock, flock, fstat, lstat, open_to_read},
};

/// Locks that last as long as the store is open.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<Vec<OwnedFd>>);

impl Held {
    pub(super) fn keep(&self, lock: OwnedFd) {
        if let Ok(mut locks) = self.0.lock() {
            locks.push(lock);
        }
    }

    pub(super) fn release(&self) {
        if let Ok(mut locks) = self.0.lock() {
            locks.clear();
        }
    }
}

/// Opens what is at `path` and keeps others from removing it; none if it is
/// not there.
pub(super) fn shared(path: &Path) -> sys::Result<Option<OwnedFd>> {
    let Some(fd) = open(path)? else { return Ok(None) };
    match flock(&fd, Lock::Shared) {
        Err(error) if !unsupported(&error) => return Err(error),
        _ => {}
    }
    let is_there = fstat(&fd)?.st_nlink > 0;
    Ok(is_there.then_some(fd))
}

/// Opens what is at `path` for oneself alone; none if it is not there, if
/// somebody uses it, or if nobody can tell.
pub(super) fn exclusive(path: &Path) -> sys::Result<Option<OwnedFd>> {
    let Some(fd) = open(path)? else { return Ok(None) };
    match flock(&fd, Lock::ExclusiveNow) {
        Ok(()) => Ok(is_at(&fd, path)?.then_some(fd)),
        Err(error) if error.errno == Errno::EWOULDBLOCK || unsupported(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// As [`exclusive`], for the one who made it: succeeds without a lock where
/// there are none.
pub(super) fn claim(path: &Path) -> sys::Result<Option<OwnedFd>> {
    let Some(fd) = open(path)? else { return Ok(None) };
    match flock(&fd, Lock::ExclusiveNow) {
        Err(error) if error.errno == Errno::EWOULDBLOCK => return Ok(None),
        Err(error) if !unsupported(&error) => return Err(error),
        _ => {}
    }
    Ok(is_at(&fd, path)?.then_some(fd))
}

/// Waits until nobody holds `path` exclusively.
pub(super) fn wait(path: &Path) -> sys::Result<()> {
    shared(path).map(drop)
}

fn open(path: &Path) -> sys::Result<Option<OwnedFd>> {
    match open_to_read(path) {
        Err(error) if error.errno == Errno::ENOENT => Ok(None),
        result => result.map(Some),
    }
}

/// Whether `path` still names the file which was opened by it: another process
/// may have removed it, or moved it to where it belongs, in between.
fn is_at(fd: &OwnedFd, path: &Path) -> sys::Result<bool> {
    let ours = fstat(fd)?;
    match lstat(path) {
        Ok(there) => Ok((ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)),
        Err(error) if error.errno == Errno::ENOENT => Ok(false),
        Err(error) => Err(error),
    }
}

/// NFS locks whole files with `fcntl(2)` behind `flock(2)`, and refuses an
/// exclusive lock on what is open for reading only (`flock(2)`, "NFS details").
fn unsupported(error: &sys::Error) -> bool {
    matches!(error.errno, Errno::EBADF | Errno::ENOLCK | Errno::ENOSYS | Errno::EOPNOTSUPP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::testing::TempDir;

    #[test]
    fn what_is_used_cannot_be_taken() {
        let temp = TempDir::new();
        let user = shared(temp.path()).unwrap().unwrap();
        assert!(shared(temp.path()).unwrap().is_some());
        assert!(exclusive(temp.path()).unwrap().is_none());
        assert!(claim(temp.path()).unwrap().is_none());
        drop(user);
        assert!(exclusive(temp.path()).unwrap().is_some());
    }

    #[test]
    fn what_was_moved_away_is_not_there() {
        let temp = TempDir::new();
        let (from, to) = (temp.path().join("a"), temp.path().join("b"));
        std::fs::write(&from, "").unwrap();
        let fd = open(&from).unwrap().unwrap();
        std::fs::rename(&from, &to).unwrap();
        assert!(!is_at(&fd, &from).unwrap());
        assert!(is_at(&fd, &to).unwrap());
        assert!(shared(&from).unwrap().is_none());
    }
}
