//! Root file systems made of what the store has; described, not mounted.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{Error, SandboxDir, Store};
use crate::{
    oci::{DiffId, Image, Overlay, RootFs},
    sys::{
        self, Named,
        fs::{fchown, fstat, open_directory},
    },
};

impl Store {
    /// The layers of an image under a directory for what the sandbox changes.
    ///
    /// # Errors
    /// If that directory cannot be made.
    pub fn root_fs(&self, image: &Image, sandbox: &SandboxDir) -> Result<RootFs, Error> {
        let layers = stack(&image.config.rootfs.diff_ids);
        let layers: Vec<PathBuf> = layers.into_iter().map(|id| self.layer_at(id)).collect();
        let lent = sandbox.lent_directories(&layers)?;
        let layers = layers.into_iter().map(|layer| layer.join("fs"));
        let lower = lent.into_iter().chain(layers).chain([self.skeleton()?]).collect();
        let overlay = changes(lower, sandbox, 0o755)?;
        self.give_to_root(&overlay).map_err(|source| self.failed(source))?;
        Ok(RootFs::Overlay(overlay))
    }

    /// A directory of the host's, which the sandbox changes for itself only: in
    /// memory, if the store lies in it.
    ///
    /// # Errors
    /// If `dir` is not a directory, or the sandbox's cannot be made.
    pub fn directory_root(&self, dir: &Path, sandbox: &SandboxDir) -> Result<RootFs, Error> {
        let failed = |source| Error::Directory { path: dir.into(), source };
        let lower = dir.canonicalize().named(|| format!("realpath({dir:?})")).map_err(failed)?;
        let there = open_directory(&lower).and_then(fstat).map_err(failed)?;
        let mode = there.st_mode & 0o7777;
        let within = contains(&lower, sandbox.path());
        let lower = vec![lower, self.skeleton()?];
        Ok(RootFs::Overlay(match within {
            // overlayfs refuses such a loop.
            true => Overlay { lower, upper: None, work: None, volatile: true },
            false => changes(lower, sandbox, mode)?,
        }))
    }
}

impl Store {
    /// The directory that is seen as `/` is the upper one.
    fn give_to_root(&self, overlay: &Overlay) -> sys::Result<()> {
        match (&overlay.upper, self.map.inside_root()) {
            (None, _) | (_, (0, 0)) => Ok(()),
            (Some(upper), (uid, gid)) => fchown(open_directory(upper)?, uid, gid),
        }
    }
}

/// An overlay whose changes go to the sandbox's directory.
fn changes(lower: Vec<PathBuf>, sandbox: &SandboxDir, mode: u32) -> Result<Overlay, Error> {
    let (upper, work) = sandbox.changes(mode)?;
    Ok(Overlay { lower, upper: Some(upper), work: Some(work), volatile: sandbox.is_volatile })
}

/// Whether `inner` is in `outer`, links resolved.
pub(super) fn contains(outer: &Path, inner: &Path) -> bool {
    inner.starts_with(outer) || inner.canonicalize().is_ok_and(|inner| inner.starts_with(outer))
}

/// The layers as overlayfs wants them: topmost first, none twice.
///
/// Of a layer that an image has several times, the topmost hides whatever the
/// others could show: all have the same names, and the same whiteouts.
pub(super) fn stack(diff_ids: &[DiffId]) -> Vec<&DiffId> {
    let mut seen = BTreeSet::new();
    diff_ids.iter().rev().filter(|diff_id| seen.insert(*diff_id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::testing::{TempDir, diff_id, store};

    #[test]
    fn the_topmost_of_equal_layers_counts() {
        let (a, b, c) = (diff_id(b"a"), diff_id(b"b"), diff_id(b"c"));
        let layers = [a.clone(), b.clone(), a.clone(), c.clone(), c.clone()];
        assert_eq!(stack(&layers), [&c, &a, &b]);
        assert!(stack(&[]).is_empty());
    }

    #[test]
    fn a_directory_that_holds_the_store_is_changed_in_memory() {
        let temp = TempDir::new();
        let store = store(&temp);
        let sandbox = store.create_sandbox("one", None).unwrap();
        let RootFs::Overlay(around) = store.directory_root(temp.path(), &sandbox).unwrap() else {
            panic!("not an overlay");
        };
        assert_eq!((around.upper, around.work), (None, None));

        let beside = TempDir::new();
        let RootFs::Overlay(beside) = store.directory_root(beside.path(), &sandbox).unwrap() else {
            panic!("not an overlay");
        };
        assert_eq!(beside.upper, Some(sandbox.path().join("upper")));
        assert_eq!(beside.work, Some(sandbox.path().join("work")));
    }

    #[test]
    fn a_file_is_no_root() {
        let temp = TempDir::new();
        let store = store(&temp);
        let sandbox = store.create_sandbox("one", None).unwrap();
        let file = temp.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(store.directory_root(&file, &sandbox).is_err());
        assert!(store.directory_root(Path::new("/nonexistent"), &sandbox).is_err());
    }
}
