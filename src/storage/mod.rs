//! What is on disk: images, their unpacked layers, and what sandboxes write.
//!
//! # Theory of operation
//!
//! ```text
//! ROOT/blobs/sha256/HEX       manifests and configs
//! ROOT/refs/NAME              which manifest a name stands for
//! ROOT/layers/MAP/HEX/fs      an unpacked layer, by diff id, in overlayfs's format
//! ROOT/layers/MAP/HEX/owners  owners that could not be stored (`owners.rs`)
//! ROOT/skeleton/              mount points, below all layers (`skeleton.rs`)
//! ROOT/sandboxes/ID/          upper, work: what one sandbox changes
//! ROOT/spare-MAP/             the same, empty, for the next one (`sandbox_dir.rs`)
//! ROOT/tmp/                   whatever is half-made
//! ```
//!
//! There is no index: the directories are the truth. Nothing is edited in
//! place: everything is made in `tmp` (`temporary.rs`), synced and renamed, so
//! whatever interrupts us leaves garbage there and nothing else. Locks are on
//! single objects (`lock.rs`): an image that was handed out, and a layer that
//! was found, cannot be removed as long as the [`Store`] lives.
//!
//! Owners on disk depend on the ids that we are root of, so layers are kept for
//! each [`Map`] apart.

mod collect;
mod compression;
mod entry;
mod error;
mod extract;
mod host;
#[cfg(test)]
mod hostile;
mod images;
mod layer;
mod layers;
mod lock;
mod map;
mod meter;
mod names;
mod owners;
mod pax;
mod remove;
mod resolve;
mod rootfs;
mod sandbox_dir;
mod skeleton;
mod temporary;
#[cfg(test)]
mod testing;

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use nix::errno::Errno;

pub use error::{Error, LayerError};
pub use host::host_root;
pub use images::StoredImage;
pub use map::Map;
pub use sandbox_dir::SandboxDir;

use self::{layer::Budget, lock::Held};
use crate::{
    oci::{DiffId, Digest, ImageLimits},
    sys::{self, Named},
};

/// An open store. Keep it as long as a sandbox runs: its locks protect the
/// layers that the sandbox uses.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    map: Map,
    held: Held,
    budget: Budget,
}

impl Store {
    /// Opens the store in `root`, makes what is missing of it, and removes what
    /// dead processes left.
    ///
    /// # Errors
    /// If the store can be neither read nor made.
    pub fn open(root: &Path, map: Map) -> Result<Self, Error> {
        let (held, budget) = (Held::default(), Budget::default());
        let store = Self { root: root.into(), map, held, budget };
        store.sweep_or_create().map_err(|source| store.failed(source))?;
        Ok(store)
    }

    /// The same store, with other limits for what is unpacked.
    #[must_use]
    pub fn with_limits(self, limits: ImageLimits) -> Self {
        Self { budget: Budget::new(limits), ..self }
    }

    /// A directory on the store's file system for files without a name.
    pub fn scratch(&self) -> PathBuf {
        self.tmp()
    }

    fn sweep_or_create(&self) -> sys::Result<()> {
        match temporary::sweep(&self.tmp()) {
            Err(error) if error.errno == Errno::ENOENT => self.create(),
            result => result.and_then(|()| temporary::sweep(&self.sandboxes())),
        }
    }

    /// `tmp` comes last: where it is, there is the rest.
    fn create(&self) -> sys::Result<()> {
        let dirs = [self.blobs(), self.refs(), self.all_layers(), self.sandboxes(), self.tmp()];
        let mut private = DirBuilder::new();
        private.recursive(true).mode(0o700);
        dirs.iter().try_for_each(|dir| private.create(dir).named(|| format!("mkdir({dir:?})")))
    }

    /// The layer below all others, made when it is first wanted.
    fn skeleton(&self) -> Result<PathBuf, Error> {
        let path = self.root.join("skeleton");
        skeleton::ensure(&path).map_err(|source| self.failed(source))?;
        Ok(path)
    }

    fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    fn refs(&self) -> PathBuf {
        self.root.join("refs")
    }

    fn blobs(&self) -> PathBuf {
        self.root.join("blobs/sha256")
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }

    fn all_layers(&self) -> PathBuf {
        self.root.join("layers")
    }

    /// The layers that were unpacked with our map.
    fn layers(&self) -> PathBuf {
        self.all_layers().join(&self.map.key)
    }

    fn layer(&self, diff_id: &DiffId) -> PathBuf {
        self.layers().join(diff_id.0.hex())
    }

    fn sandboxes(&self) -> PathBuf {
        self.root.join("sandboxes")
    }

    fn spare(&self) -> PathBuf {
        self.root.join(format!("spare-{}", self.map.key))
    }

    fn failed(&self, source: sys::Error) -> Error {
        Error::Store { root: self.root.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::storage::testing::{TempDir, one_id, store};

    #[test]
    fn a_store_is_made_where_there_is_none() {
        let temp = TempDir::new();
        let root = temp.path().join("a/b");
        Store::open(&root, one_id()).unwrap();
        assert_eq!(fs::metadata(&root).unwrap().permissions().mode() & 0o777, 0o700);
        Store::open(&root, one_id()).unwrap();
    }

    #[test]
    fn opening_sweeps_what_the_dead_left() {
        let temp = TempDir::new();
        let living = store(&temp);
        let sandbox = living.create_sandbox("living").unwrap();
        let root = temp.path().join("store");
        fs::create_dir_all(root.join("tmp/layer-one-0a/fs/etc")).unwrap();
        fs::create_dir_all(root.join("sandboxes/dead/upper")).unwrap();
        store(&temp);
        assert_eq!(fs::read_dir(root.join("tmp")).unwrap().count(), 0);
        assert!(!root.join("sandboxes/dead").exists());
        assert!(root.join("sandboxes/living").exists());
        sandbox.remove().unwrap();
    }
}
