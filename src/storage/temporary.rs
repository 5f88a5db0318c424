//! Half-made things: made in `tmp`, locked by their maker, renamed when whole.
//!
//! What is in `tmp` without a lock belongs to nobody who lives: [`sweep`]
//! removes it.

use std::{
    fs,
    io::Write,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use super::{lock, remove::remove_tree};
use crate::sys::{
    self, Named,
    fs::{Lock, flock, mkdir, open_directory, random, rename_to_free, sync_file_system},
};

/// A directory or a file in `tmp` that disappears unless it is published.
#[derive(Debug)]
pub(super) struct Draft {
    path: PathBuf,
    lock: Option<OwnedFd>,
}

impl Draft {
    /// Makes the directory `path`, or takes over what a dead process left
    /// there; none if somebody is at work in it.
    pub(super) fn directory(path: &Path) -> sys::Result<Option<Self>> {
        loop {
            let is_new = match mkdir(path, 0o700) {
                Err(error) if error.errno == Errno::EEXIST => false,
                result => result.map(|()| true)?,
            };
            let Some(lock) = lock::claim(path)? else {
                return Ok(None);
            };
            let draft = Self { path: path.into(), lock: Some(lock) };
            if is_new {
                return Ok(Some(draft));
            }
            drop(draft); // Removes what was left, under the lock.
        }
    }

    /// Makes a directory with a name of its own in `tmp`.
    pub(super) fn new_directory(tmp: &Path) -> sys::Result<Self> {
        loop {
            let path = tmp.join(format!("dir-{:016x}", random()?));
            mkdir(&path, 0o700)?;
            // None if somebody swept it before it was locked.
            if let Some(lock) = lock::claim(&path)? {
                return Ok(Self { path, lock: Some(lock) });
            }
        }
    }

    /// Takes over the directory `path`; none if it is not there, or if somebody
    /// has it, or if nobody can tell.
    pub(super) fn existing(path: &Path) -> sys::Result<Option<Self>> {
        let lock = lock::exclusive(path)?;
        Ok(lock.map(|lock| Self { path: path.into(), lock: Some(lock) }))
    }

    /// Makes a file with this content and a name of its own in `tmp`.
    pub(super) fn file(tmp: &Path, content: &[u8]) -> sys::Result<Self> {
        loop {
            let path = tmp.join(format!("file-{:016x}", random()?));
            let mut file = create(&path)?;
            // Shared, so that it needs no change when others may use the file.
            if let Some(lock) = lock::shared(&path)? {
                let draft = Self { path, lock: Some(lock) };
                file.write_all(content).named(|| format!("write({:?})", draft.path))?;
                return Ok(draft);
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what is in it to the disk, and fails if anything since it was made
    /// could not be written.
    ///
    /// By the descriptor that was open all along: another one would not be told of
    /// what the kernel, or whoever synced before us, has failed to write already
    /// (`syncfs(2)`, VERSIONS).
    pub(super) fn sync(&self) -> sys::Result<()> {
        self.lock.as_ref().map_or(Ok(()), sync_file_system)
    }

    /// Removes it, and says if that fails.
    pub(super) fn discard(mut self) -> sys::Result<()> {
        let _lock = self.lock.take();
        remove(&self.path)
    }

    /// Moves it to a name that is free, else fails with `EEXIST`; it remains a
    /// draft, with its lock.
    pub(super) fn rename(&mut self, destination: &Path) -> sys::Result<()> {
        rename_to_free(&self.path, destination)?;
        self.path = destination.into();
        Ok(())
    }

    /// Lets it stay where it is; the lock is the caller's.
    pub(super) fn stay(&mut self) -> Option<OwnedFd> {
        self.lock.take()
    }

    /// Moves it to a name that is free, else fails with `EEXIST`, and leaves it
    /// there for anybody.
    pub(super) fn leave(&mut self, destination: &Path) -> sys::Result<()> {
        self.rename(destination)?;
        self.lock = None;
        Ok(())
    }

    /// Moves it to where it belongs; the lock that is returned keeps it there.
    ///
    /// The rename comes first: changing a lock lets go of it for a moment, and
    /// whoever takes it then must find that the draft is gone from `tmp`.
    pub(super) fn publish(mut self, destination: &Path) -> sys::Result<Option<OwnedFd>> {
        fs::rename(&self.path, destination)
            .named(|| format!("rename({:?}, {destination:?})", self.path))?;
        let lock = self.lock.take();
        if let Some(lock) = &lock {
            // Without locks there is none to change; see `lock.rs`.
            let _ = flock(lock, Lock::Shared);
        }
        Ok(lock)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.lock.is_some() {
            // What cannot be removed now is swept later.
            let _ = remove(&self.path);
        }
    }
}

/// Removes the entries of `dir` that no living process holds, as far as
/// possible; the error is only that `dir` cannot be read.
pub(super) fn sweep(dir: &Path) -> sys::Result<()> {
    for entry in sys::fs::entries(open_directory(dir)?)? {
        let path = dir.join(entry.name);
        if let Ok(Some(_lock)) = lock::exclusive(&path) {
            let _ = remove(&path);
        }
    }
    Ok(())
}

/// Removes what is at `path`, of whatever kind.
pub(super) fn remove(path: &Path) -> sys::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    remove_tree(open_directory(parent)?, Path::new(name))
}

fn create(path: &Path) -> sys::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).named(|| format!("open({path:?}, O_CREAT | O_EXCL)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::testing::TempDir;

    #[test]
    fn only_what_nobody_holds_is_swept() {
        let temp = TempDir::new();
        let living = Draft::directory(&temp.path().join("living")).unwrap().unwrap();
        let written = Draft::file(temp.path(), b"half").unwrap();
        let dead = temp.path().join("dead");
        fs::create_dir_all(dead.join("fs/etc")).unwrap();
        fs::write(temp.path().join("file-dead"), "").unwrap();
        sweep(temp.path()).unwrap();
        assert!(living.path().exists() && written.path().exists());
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 2);
    }

    #[test]
    fn one_process_works_and_another_learns_of_it() {
        let temp = TempDir::new();
        let path = temp.path().join("layer");
        let first = Draft::directory(&path).unwrap().unwrap();
        assert!(Draft::directory(&path).unwrap().is_none());
        drop(first);
        assert!(!path.exists());
    }

    #[test]
    fn a_name_that_is_taken_is_left_alone() {
        let temp = TempDir::new();
        let taken = temp.path().join("taken");
        fs::create_dir(&taken).unwrap();
        let mut draft = Draft::new_directory(temp.path()).unwrap();
        assert_eq!(draft.rename(&taken).unwrap_err().errno, Errno::EEXIST);
        draft.rename(&temp.path().join("free")).unwrap();
        drop(draft);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_dead_process_left_is_not_built_upon() {
        let temp = TempDir::new();
        let path = temp.path().join("layer");
        fs::create_dir_all(path.join("fs/stale")).unwrap();
        let draft = Draft::directory(&path).unwrap().unwrap();
        assert_eq!(fs::read_dir(draft.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_published_stays() {
        let temp = TempDir::new();
        let destination = temp.path().join("whole");
        let lock = Draft::file(temp.path(), b"whole").unwrap().publish(&destination).unwrap();
        sweep(temp.path()).unwrap();
        assert_eq!(fs::read(&destination).unwrap(), b"whole");
        drop(lock);
    }
}
