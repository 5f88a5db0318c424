//! Removes the whole store, as long as nobody uses it.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use super::{
    DOMAIN, Error, Prune, Store, collect::names, lock, measure::Measure, remove::remove_tree,
    sandbox_dir::SPARE, sandboxes::NAMES, volumes::VOLUMES,
};
use crate::sys::{
    self,
    fs::{open_directory, rmdir_at},
};

/// What a store consists of, besides spare directories.
const PARTS: [&str; 11] = [
    "refs",
    "sandboxes",
    NAMES,
    VOLUMES,
    "networks",
    "cni",
    "blobs",
    "layers",
    "skeleton",
    "tmp",
    DOMAIN,
];

/// What a reset did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reset {
    /// Bytes on disk that were freed.
    pub bytes: u64,
    /// Bytes that are still there: what is not ours to remove, and what was never
    /// a part of the store.
    pub left: u64,
}

impl Store {
    /// Removes everything that belongs to the store, and its directory if nothing
    /// else is in there.
    ///
    /// # Errors
    /// [`Error::InUse`] if a command or sandbox uses something of it: then nothing
    /// of that is touched. Or if it cannot be read or written.
    pub fn reset(&self) -> Result<Reset, Error> {
        let all = Prune { images: true, sandboxes: true, debris: true, ..Prune::default() };
        let before = Measure::default().tree(&self.root);
        self.expect_unused()?;
        // By way of the locks of all that could be used.
        self.prune(all)?;
        self.expect_unused()?;
        self.remove_parts().map_err(|source| self.failed(source))?;
        let left = Measure::default().tree(&self.root);
        Ok(Reset { bytes: before.saturating_sub(left), left })
    }

    fn expect_unused(&self) -> Result<(), Error> {
        let used = self.in_use().map_err(|source| self.failed(source))?;
        match used.first() {
            None => Ok(()),
            Some(path) => Err(Error::InUse {
                root: self.root.clone(),
                first: path.clone(),
                count: used.len(),
            }),
        }
    }

    /// What somebody holds a lock on.
    fn in_use(&self) -> sys::Result<Vec<PathBuf>> {
        let mut used = Vec::new();
        for dir in [self.sandboxes_dir(), self.volumes_dir(), self.tmp(), self.blobs()] {
            for name in names(&dir)? {
                let path = dir.join(name);
                let is_there = sys::fs::lstat(&path).is_ok();
                if is_there && matches!(lock::exclusive(&path), Ok(None)) {
                    used.push(path);
                }
            }
        }
        Ok(used)
    }

    fn remove_parts(&self) -> sys::Result<()> {
        let spare = names(&self.root)?.into_iter().filter(|name| name.starts_with(SPARE));
        let root = match open_directory(&self.root) {
            Err(error) if error.errno == Errno::ENOENT => return Ok(()),
            root => root?,
        };
        for part in PARTS.map(String::from).into_iter().chain(spare) {
            // What is left is measured.
            let _ = remove_tree(&root, Path::new(&part));
        }
        if let (Some(parent), Some(name)) = (self.root.parent(), self.root.file_name()) {
            // It may be somebody else's, or hold more than a store.
            let _ = remove_empty(parent, name);
        }
        Ok(())
    }
}

fn remove_empty(parent: &Path, name: &OsStr) -> sys::Result<()> {
    rmdir_at(open_directory(parent)?, Path::new(name))
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt,
    };

    use super::*;
    use crate::storage::testing::{TempDir, put, store};

    #[test]
    fn nothing_of_a_store_is_left() {
        let temp = TempDir::new();
        put(&store(&temp), "a", "one");
        let store = store(&temp);
        store.create_sandbox("stopped", Some("name")).unwrap().keep(None, false).unwrap();
        store.create_sandbox("passing", None).unwrap().remove().unwrap();
        fs::write(store.refs().join("broken"), "").unwrap();
        fs::write(store.root.join(DOMAIN), "1 2\n").unwrap();
        let closed = store.all_layers().join("other/0b/fs/closed");
        fs::create_dir_all(closed.join("inner")).unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o000)).unwrap();
        let size = Measure::default().tree(&store.root);
        assert_eq!(store.reset().unwrap(), Reset { bytes: size, left: 0 });
        assert!(!store.root.exists());
        assert_eq!(store.reset().unwrap(), Reset { bytes: 0, left: 0 });
    }

    #[test]
    fn what_is_not_the_stores_stays() {
        let temp = TempDir::new();
        let store = store(&temp);
        fs::write(store.root.join("canary"), "mine").unwrap();
        assert!(store.reset().unwrap().left > 0);
        assert_eq!(names(&store.root).unwrap(), ["canary"]);
    }

    #[test]
    fn a_store_that_is_used_is_not_touched() {
        let temp = TempDir::new();
        put(&store(&temp), "used", "one");
        put(&store(&temp), "other", "two");
        let user = store(&temp);
        user.image("used").unwrap().unwrap();
        let store = Store::unswept_with_map(&user.root, user.map.clone());
        let error = store.reset().unwrap_err();
        assert!(matches!(error, Error::InUse { count: 1, .. }), "{error}");
        assert_eq!(store.images().unwrap().len(), 2);
        drop(user);
        let running = store.create_sandbox("running", None).unwrap();
        assert!(matches!(store.reset().unwrap_err(), Error::InUse { count: 1, .. }));
        drop(running);
        store.reset().unwrap();
    }
}
