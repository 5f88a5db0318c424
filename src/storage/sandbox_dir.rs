//! The directories that one sandbox writes to.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use super::{Error, Store, remove::remove_tree, temporary::Draft};
use crate::sys::{
    self,
    fs::{chmod, mkdir, open_directory},
};

/// What a sandbox changes, as long as it lives: removed when it is dropped.
///
/// A lock says that its sandbox lives. Were we killed, the next command would
/// find the lock free and remove the directory.
#[derive(Debug)]
pub struct SandboxDir {
    root: PathBuf,
    draft: Draft,
}

impl Store {
    /// Makes the directories of a new sandbox.
    ///
    /// # Errors
    /// If `id` is no safe name, if a living sandbox has it, or if the
    /// directories cannot be made.
    pub fn create_sandbox(&self, id: &str) -> Result<SandboxDir, Error> {
        if !is_safe(id) {
            return Err(Error::SandboxName(id.into()));
        }
        match self.sandbox_draft(id) {
            Ok(draft) => Ok(SandboxDir { root: self.root.clone(), draft }),
            Err(error) if error.errno == Errno::EEXIST => Err(Error::SandboxExists(id.into())),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// Locked before it has its name: without the lock it would be taken for
    /// garbage.
    fn sandbox_draft(&self, id: &str) -> sys::Result<Draft> {
        let mut draft = Draft::new_directory(&self.tmp())?;
        draft.rename(&self.sandboxes().join(id))?;
        Ok(draft)
    }
}

impl SandboxDir {
    /// The directory of the sandbox.
    pub fn path(&self) -> &Path {
        self.draft.path()
    }

    /// The sandbox's name in the store.
    pub fn id(&self) -> &str {
        self.path().file_name().and_then(OsStr::to_str).unwrap_or_default()
    }

    /// Removes everything that the sandbox wrote.
    ///
    /// # Errors
    /// If something of it cannot be removed.
    pub fn remove(self) -> Result<(), Error> {
        let Self { root, draft } = self;
        draft.discard().map_err(|source| Error::Store { root, source })
    }

    /// A new directory in it with exactly these permissions.
    pub(super) fn create(&self, name: &str, mode: u32) -> Result<PathBuf, Error> {
        let path = self.path().join(name);
        mkdir(&path, mode)
            // The umask may have taken what others may do.
            .and_then(|()| if mode & 0o7077 == 0 { Ok(()) } else { chmod(&path, mode) })
            .map_err(|source| Error::Store { root: self.root.clone(), source })?;
        Ok(path)
    }

    /// To be called while the sandbox runs: removes overlayfs's note that the
    /// upper directory must not be mounted again after a crash. It never is,
    /// and now nobody waits.
    pub fn forget_crash_note(&self) {
        if let Ok(work) = open_directory(&self.path().join("work/work")) {
            let _ = remove_tree(&work, Path::new("incompat"));
        }
    }
}

fn is_safe(id: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    id.bytes().all(safe) && id.len() <= 200 && id.starts_with(|c: char| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::testing::{TempDir, store};

    #[test]
    fn an_id_is_one_safe_component() {
        for good in ["a", "0", "web-1", "a.b_c"] {
            assert!(is_safe(good), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "-x", "a b", "a\0", "ä", &"a".repeat(201)] {
            assert!(!is_safe(bad), "{bad}");
        }
    }

    #[test]
    fn a_living_sandbox_keeps_its_name() {
        let temp = TempDir::new();
        let store = store(&temp);
        let first = store.create_sandbox("web").unwrap();
        let error = store.create_sandbox("web").unwrap_err();
        assert_eq!(error.to_string(), "a sandbox named `web` exists already");
        drop(first);
        store.create_sandbox("web").unwrap().remove().unwrap();
        assert!(!temp.path().join("store/sandboxes/web").exists());
    }
}
