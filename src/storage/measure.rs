//! How much of the disk something takes, as `du(1)` counts: in blocks, and a
//! file with several names once.

use std::{
    collections::HashSet,
    ffi::OsString,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use nix::errno::Errno;

use crate::sys::{
    self,
    fs::{Stat, entries, fstat, is_directory, lstat, open_directory, open_directory_at, stat_at},
};

/// `st_blocks` counts in these, whatever the file system's own (`stat(3type)`).
const BLOCK: u64 = 512;

/// What was measured so far: a file that has several names counts where it is
/// met first.
#[derive(Debug, Default)]
pub(super) struct Measure {
    linked: HashSet<(u64, u64)>,
    /// Directories that could not be read, and count as empty.
    pub(super) unread: u64,
}

/// A directory that is being measured.
#[derive(Debug)]
struct Level {
    id: (u64, u64),
    /// What is still to be entered.
    left: Vec<OsString>,
}

impl Measure {
    /// Bytes on disk of what is at `path`, with all that is below; 0 if it is
    /// not there.
    pub(super) fn tree(&mut self, path: &Path) -> u64 {
        let Ok(stat) = lstat(path) else { return 0 };
        let below = if is_directory(&stat) { self.below(path) } else { 0 };
        self.count(&stat) + below
    }

    /// Bytes on disk of a file or directory itself; 0 if it is not there.
    pub(super) fn itself(&mut self, path: &Path) -> u64 {
        lstat(path).map_or(0, |stat| self.count(&stat))
    }

    /// The way up is `..` and not a stack of descriptors: an image may nest
    /// directories deeper than we may open files.
    fn below(&mut self, path: &Path) -> u64 {
        let mut bytes = 0;
        let Some((mut here, level)) = self.enter(open_directory(path), &mut bytes) else {
            return 0;
        };
        let mut levels = vec![level];
        while let Some(level) = levels.last_mut() {
            if let Some(name) = level.left.pop() {
                let child = open_directory_at(&here, Path::new(&name));
                let Some((child, level)) = self.enter(child, &mut bytes) else { continue };
                here = child;
                levels.push(level);
                continue;
            }
            levels.pop();
            let Some(parent) = levels.last() else { break };
            match open_directory_at(&here, Path::new("..")) {
                Ok(up) if identity(&up).is_ok_and(|id| id == parent.id) => here = up,
                _ => break, // Somebody moved it, and measuring goes no further.
            }
        }
        bytes
    }

    /// Counts what is in a directory, and tells which directories are in it.
    fn enter(&mut self, opened: sys::Result<OwnedFd>, bytes: &mut u64) -> Option<(OwnedFd, Level)> {
        let read = opened.and_then(|dir| {
            let level = Level { id: identity(&dir)?, left: Vec::new() };
            Ok((entries(&dir)?, dir, level))
        });
        let (entries, dir, mut level) = match read {
            Ok(read) => read,
            Err(error) => {
                self.unread += u64::from(error.errno != Errno::ENOENT);
                return None;
            }
        };
        for entry in entries {
            // What is gone by now takes no room.
            let Ok(stat) = stat_at(&dir, Path::new(&entry.name)) else { continue };
            *bytes += self.count(&stat);
            if is_directory(&stat) {
                level.left.push(entry.name);
            }
        }
        Some((dir, level))
    }

    fn count(&mut self, stat: &Stat) -> u64 {
        let is_new = is_directory(stat)
            || stat.st_nlink < 2
            || self.linked.insert((stat.st_dev, stat.st_ino));
        if is_new { u64::try_from(stat.st_blocks).unwrap_or(0) * BLOCK } else { 0 }
    }
}

fn identity(dir: impl AsFd) -> sys::Result<(u64, u64)> {
    let stat = fstat(dir)?;
    Ok((stat.st_dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::*;
    use crate::storage::testing::TempDir;

    fn du(path: &Path) -> u64 {
        let output = Command::new("du").args(["-s", "-B1"]).arg(path).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split('\t').next().unwrap().parse().unwrap()
    }

    #[test]
    fn it_is_what_du_says() {
        let temp = TempDir::new();
        for dir in ["a/b/c", "a/empty", "d"] {
            fs::create_dir_all(temp.path().join(dir)).unwrap();
        }
        fs::write(temp.path().join("a/b/file"), vec![1; 100_000]).unwrap();
        fs::write(temp.path().join("d/small"), "x").unwrap();
        fs::File::create(temp.path().join("d/sparse")).unwrap().set_len(1 << 30).unwrap();
        fs::hard_link(temp.path().join("a/b/file"), temp.path().join("d/again")).unwrap();
        std::os::unix::fs::symlink("/", temp.path().join("root")).unwrap();
        let mut measure = Measure::default();
        assert_eq!(measure.tree(temp.path()), du(temp.path()));
        assert_eq!(measure.unread, 0);
        assert!(Measure::default().tree(&temp.path().join("d")) >= 100_000);
        assert!(measure.tree(&temp.path().join("d")) < 100_000, "the file was counted already");
        assert_eq!(measure.tree(&temp.path().join("nothing")), 0);
    }

    #[test]
    fn a_tree_deeper_than_files_may_be_opened_is_measured() {
        let temp = TempDir::new();
        let mut dir = open_directory(temp.path()).unwrap();
        for _ in 0..3000 {
            sys::fs::mkdir_at(&dir, Path::new("d"), 0o700).unwrap();
            dir = open_directory_at(&dir, Path::new("d")).unwrap();
        }
        let mut bottom = sys::fs::create_file_at(&dir, Path::new("file"), 0o600).unwrap();
        std::io::Write::write_all(&mut bottom, &[1; 100_000]).unwrap();
        assert!(Measure::default().tree(temp.path()) >= 100_000);
    }
}
