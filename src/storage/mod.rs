//! What is on disk: images, their unpacked layers, and what sandboxes write.
//!
//! # Theory of operation
//!
//! ```text
//! ROOT/blobs/sha256/HEX       manifests and configs
//! ROOT/refs/NAME              which manifest a name stands for
//! ROOT/layers/MAP/HEX/fs      an unpacked layer, by diff id, in overlayfs's format
//! ROOT/layers/MAP/HEX/owners  owners that could not be stored (`owners.rs`)
//! ROOT/layers/MAP/HEX/record  the rest of the tar that it was (`record.rs`)
//! ROOT/layers/MAP/HEX/kept    what the layer itself replaced, for the same purpose
//! ROOT/skeleton/              mount points, below all layers (`skeleton.rs`)
//! ROOT/sandboxes/ID/          a sandbox that is kept (`sandboxes.rs`):
//!                             upper, work, config.json, state.json, log
//! ROOT/names/NAME             a link to the id of the sandbox that is called so
//! ROOT/volumes/NAME/          a volume (`volumes.rs`)
//! ROOT/csi/NAME/              where a CSI driver mounts it (`csi`)
//! ROOT/domain                 who made the user namespace that others may enter
//! ROOT/spare-MAP/             upper and work, empty, for the next one (`sandbox_dir.rs`)
//! ROOT/tmp/                   whatever is half-made
//! ROOT/tmp/sandbox-ID/        a sandbox that vanishes with its command
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

mod additional;
mod budget;
mod changes;
mod check;
mod collect;
mod compression;
mod copying;
mod cow;
pub mod csi;
mod entry;
mod error;
mod extract;
mod host;
#[cfg(test)]
mod hostile;
mod images;
mod implied;
mod kept;
mod layer;
mod layer_tar;
mod layers;
mod lock;
mod map;
mod measure;
mod merged;
mod meter;
mod names;
mod owners;
mod pax;
mod placing;
mod prune;
mod record;
mod remove;
mod reset;
mod resolve;
mod room;
mod rootfs;
mod sandbox_dir;
mod sandboxes;
mod skeleton;
mod sparse;
mod spool;
mod temporary;
#[cfg(test)]
mod testing;
mod tree;
mod tree_tar;
mod turn;
mod usage;
mod volumes;

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use nix::errno::Errno;

pub use additional::Additional;
pub use budget::Evicted;
pub use changes::{Changes, Difference, Lower};
pub use check::{Check, Fault, Removal, Unverified};
pub use copying::copy_tree;
pub use cow::{Applied, Cow, FileChange, Flag, Refusal, Side, Wanted};
pub use error::{Error, LayerError};
pub use host::host_root;
pub use images::StoredImage;
pub use layer_tar::LayerTar;
pub use map::Map;
pub use merged::text_in;
pub use placing::{Ownership, place};
pub use prune::{Kind, Prune, Pruned, Removed};
pub use reset::Reset;
pub use sandbox_dir::SandboxDir;
pub use sandboxes::StoredSandbox;
pub use tree::{Place, Tree, names_content, names_directory};
pub use turn::Turn;
pub use usage::{ImageUsage, Part, Usage};
pub use volumes::{HeldVolume, StoredVolume, new_volume_name, volume_record};

use self::{
    layer::Budget,
    lock::Held,
    sandbox_dir::SPARE,
    sandboxes::{NAMES, PASSING},
};
use crate::{
    oci::{DiffId, Digest, ImageLimits},
    sys::{self, Named},
};

/// Name of the file of the store that says who made the last domain: not the store's, which
/// depends on it.
pub const DOMAIN: &str = "domain";

/// An open store. Keep it as long as a sandbox runs: its locks protect the
/// layers that the sandbox uses.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    map: Map,
    held: Held,
    additional: Vec<Additional>,
    budget: Budget,
}

impl Store {
    /// Opens the store in `root`, makes what is missing of it, and removes what
    /// dead processes left.
    ///
    /// # Errors
    /// If the store can be neither read nor made.
    pub fn open(root: &Path, map: Map) -> Result<Self, Error> {
        let store = Self::unswept_with_map(root, map);
        store.sweep_or_create().map_err(|source| store.failed(source))?;
        Ok(store)
    }

    /// The store as it is, for those who only look: nothing is made and nothing
    /// removed, and there may be none.
    pub fn unswept(root: &Path) -> Self {
        let map = Map { key: String::new(), uids: Vec::new(), gids: Vec::new(), keep: None };
        Self::unswept_with_map(root, map)
    }

    /// The same for those who look after it, and may remove what they find.
    pub fn unswept_with_map(root: &Path, map: Map) -> Self {
        let (held, budget) = (Held::default(), Budget::default());
        Self { root: root.into(), map, held, additional: Vec::new(), budget }
    }

    /// The same store, with other limits for what is unpacked.
    #[must_use]
    pub fn with_limits(self, limits: ImageLimits) -> Self {
        Self { budget: Budget::new(limits), ..self }
    }

    fn sweep_or_create(&self) -> sys::Result<()> {
        match temporary::sweep(&self.tmp()) {
            Err(error) if error.errno == Errno::ENOENT => self.create(),
            result => result,
        }
    }

    /// `tmp` comes last: where it is, there is the rest.
    fn create(&self) -> sys::Result<()> {
        let (sandboxes, names) = (self.sandboxes_dir(), self.sandbox_names());
        let dirs = [self.blobs(), self.refs(), self.all_layers(), sandboxes, names, self.tmp()];
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

    /// Sandboxes that stay when they have ended.
    fn sandboxes_dir(&self) -> PathBuf {
        self.root.join("sandboxes")
    }

    /// A sandbox that does not.
    fn passing(&self, id: &str) -> PathBuf {
        self.tmp().join(format!("{PASSING}{id}"))
    }

    /// Links from names to ids.
    fn sandbox_names(&self) -> PathBuf {
        self.root.join(NAMES)
    }

    fn spare(&self) -> PathBuf {
        self.root.join(format!("{SPARE}{}", self.map.key))
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
        let sandbox = living.create_sandbox("living", None).unwrap();
        let root = temp.path().join("store");
        fs::create_dir_all(root.join("tmp/layer-one-0a/fs/etc")).unwrap();
        fs::create_dir_all(root.join("tmp/sandbox-dead/upper")).unwrap();
        store(&temp);
        assert_eq!(fs::read_dir(root.join("tmp")).unwrap().count(), 1);
        assert!(root.join("tmp/sandbox-living").exists());
        sandbox.remove().unwrap();
    }
}
