//! Removes a tree that a stranger filled.
//!
//! By descriptor, so that no symbolic link is followed; whatever its modes, for
//! overlayfs leaves a `work/work` that nobody may enter; and however deep, for
//! an image may nest directories further than paths or open files reach.

use std::{
    ffi::OsString,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use nix::errno::Errno;

use crate::sys::{self, fs};

/// Directories deeper than this are moved to the top before they are removed:
/// each level costs a descriptor and some stack.
const MAX_DEPTH: usize = 64;

/// Removes `name` in `parent`, with everything in it; it may be missing.
pub(super) fn remove_tree(parent: impl AsFd, name: &Path) -> sys::Result<()> {
    match fs::unlink_at(&parent, name) {
        Ok(()) => return Ok(()),
        Err(error) if error.errno == Errno::ENOENT => return Ok(()),
        Err(error) if !matches!(error.errno, Errno::EISDIR | Errno::EPERM) => return Err(error),
        Err(_) => {}
    }
    remove_content(open(&parent, name)?)?;
    fs::rmdir_at(&parent, name)
}

/// Removes everything in `directory`, but not itself.
pub(super) fn remove_content(directory: OwnedFd) -> sys::Result<()> {
    // What is too deep comes back as an entry of the top, so look again.
    while !empty(&directory, &directory, 0)? {}
    Ok(())
}

/// Removes what is in `dir`; false if something of it was moved to `top`.
fn empty(dir: &OwnedFd, top: &OwnedFd, depth: usize) -> sys::Result<bool> {
    let mut done = true;
    for entry in fs::entries(dir)? {
        let name = Path::new(&entry.name);
        if !entry.is_directory {
            fs::unlink_at(dir, name)?;
        } else if fs::rmdir_at(dir, name).is_ok() {
            // Most directories that a sandbox leaves are empty.
        } else if depth < MAX_DEPTH {
            done &= empty(&open(dir, name)?, top, depth + 1)?;
            fs::rmdir_at(dir, name)?;
        } else {
            let unique = OsString::from(format!("deep-{:016x}", fs::random()?));
            drop(open(dir, name)?); // To move it, its `..` must be writable.
            fs::rename_at(dir, name, top, Path::new(&unique))?;
            done = false;
        }
    }
    Ok(done)
}

/// Opens a directory to empty it, and gives itself the permissions for that.
fn open(parent: impl AsFd, name: &Path) -> sys::Result<OwnedFd> {
    match fs::open_directory_at(&parent, name) {
        Err(error) if error.errno == Errno::EACCES => {
            // A directory, else it had not been EACCES but ENOTDIR or ELOOP.
            fs::chmod_at(&parent, name, 0o700)?;
            fs::open_directory_at(&parent, name)
        }
        result => {
            let dir = result?;
            if fs::fstat(&dir)?.st_mode & 0o700 != 0o700 {
                // Root of a user namespace may need no permission; others do.
                let _ = fs::fchmod(&dir, 0o700);
            }
            Ok(dir)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs as std_fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::storage::testing::TempDir;

    fn remove(temp: &TempDir, name: &str) {
        let parent = fs::open_directory(temp.path()).unwrap();
        remove_tree(&parent, Path::new(name)).unwrap();
        assert!(!temp.path().join(name).exists());
    }

    #[test]
    fn a_link_is_removed_and_its_target_is_not() {
        let temp = TempDir::new();
        std_fs::create_dir_all(temp.path().join("canary")).unwrap();
        std_fs::write(temp.path().join("canary/file"), "").unwrap();
        std_fs::create_dir(temp.path().join("tree")).unwrap();
        std::os::unix::fs::symlink("../canary", temp.path().join("tree/link")).unwrap();
        std::os::unix::fs::symlink("canary", temp.path().join("link")).unwrap();
        remove(&temp, "tree");
        remove(&temp, "link");
        assert!(temp.path().join("canary/file").exists());
    }

    #[test]
    fn a_directory_that_nobody_may_enter_is_removed() {
        let temp = TempDir::new();
        let inner = temp.path().join("work/work/inner");
        std_fs::create_dir_all(&inner).unwrap();
        std_fs::write(inner.join("file"), "").unwrap();
        for path in [inner.as_path(), inner.parent().unwrap()] {
            std_fs::set_permissions(path, std_fs::Permissions::from_mode(0o000)).unwrap();
        }
        remove(&temp, "work");
    }

    #[test]
    fn a_tree_deeper_than_any_path_is_removed() {
        let temp = TempDir::new();
        let parent = fs::open_directory(temp.path()).unwrap();
        fs::mkdir_at(&parent, Path::new("deep"), 0o700).unwrap();
        let mut dir = fs::open_directory_at(&parent, Path::new("deep")).unwrap();
        for _ in 0..3000 {
            fs::mkdir_at(&dir, Path::new("d"), 0o700).unwrap();
            dir = fs::open_directory_at(&dir, Path::new("d")).unwrap();
        }
        remove(&temp, "deep");
    }

    #[test]
    fn what_is_not_there_is_removed_already() {
        remove(&TempDir::new(), "nothing");
    }
}
