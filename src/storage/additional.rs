//! Stores that others look after: images are found there if our own lacks them.
//!
//! Nothing is written there and no lock is taken, so such a store may be on a
//! read-only file system or belong to somebody else. Whoever changes it while it
//! is used does so at the peril of its users.
//!
//! A layer there is used in place if it was unpacked by the same user with the same
//! map, for then all its owners are right. Else its files belong to ids that we
//! are not root of: a sandbox could neither change them nor read all of them. So
//! it is read as the tar that it was, and unpacked into our own store; that takes
//! room, but no registry.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    thread,
};

use super::{
    Error, LayerTar, Store,
    collect::names,
    images::{digest_of, parse},
    names::{Ref, file_name},
};
use crate::{
    oci::{DiffId, Digest, Image, ImageConfig, Manifest},
    sys::{
        self,
        fs::{Access, access},
    },
};

/// A store that is only read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Additional {
    pub root: PathBuf,
    /// Whether it belongs to the user who runs this.
    pub is_ours: bool,
}

impl Store {
    /// Lets images be found in these stores, too; the first comes first.
    #[must_use]
    pub fn with_additional(self, additional: Vec<Additional>) -> Self {
        Self { additional, ..self }
    }

    /// Whether images may come from other stores.
    pub fn has_additional(&self) -> bool {
        !self.additional.is_empty()
    }

    /// Where a layer for our map is; where it belongs if it is nowhere.
    pub(super) fn layer_at(&self, diff_id: &DiffId) -> PathBuf {
        let ours = self.layer(diff_id);
        if self.additional.is_empty() || access(&ours, Access::EXISTS).is_ok() {
            return ours;
        }
        self.borrowed_layer(diff_id).unwrap_or(ours)
    }

    /// A layer that can be used in place.
    pub(super) fn borrowed_layer(&self, diff_id: &DiffId) -> Option<PathBuf> {
        let usable = self.additional.iter().filter(|additional| additional.is_ours);
        let place = |additional: &Additional| {
            additional.root.join("layers").join(&self.map.key).join(diff_id.0.hex())
        };
        usable.map(place).find(|path| access(path, Access::EXISTS).is_ok())
    }

    /// What a name stands for in the first of the other stores that knows it.
    pub(super) fn borrowed_ref(&self, name: &str) -> Option<Ref> {
        self.additional.iter().find_map(|additional| additional.read_ref(name))
    }

    /// The names in the other stores.
    pub(super) fn borrowed_refs(&self) -> Vec<Ref> {
        let all = |additional: &Additional| {
            let files = names(&additional.root.join("refs")).unwrap_or_default();
            let read = |file: String| read_ref(&additional.root.join("refs").join(file));
            files.into_iter().filter_map(read).collect::<Vec<_>>()
        };
        self.additional.iter().flat_map(all).collect()
    }

    /// A blob of the other stores, which may be none of this name.
    pub(super) fn borrowed_blob(&self, digest: &Digest) -> Option<(Vec<u8>, fs::File)> {
        self.additional.iter().find_map(|additional| additional.blob(digest))
    }

    /// Unpacks the image of this name from another store that has it, if its config
    /// is such; none if there is no such image.
    ///
    /// # Errors
    /// If it cannot be read there, or not be stored here.
    pub fn adopt(
        &self,
        name: &str,
        serves: impl Fn(&ImageConfig) -> bool,
    ) -> Result<Option<Image>, Error> {
        for additional in &self.additional {
            let Some((manifest, config)) = additional.documents(name) else { continue };
            let Some(parsed) = parse::<ImageConfig>(&config).filter(&serves) else { continue };
            for diff_id in &parsed.rootfs.diff_ids {
                if !self.has_layer(diff_id) {
                    let layer = additional.any_layer(diff_id)?;
                    let failed = |source| Error::Additional { path: layer.clone(), source };
                    self.copy_layer(diff_id, &layer, failed)?;
                }
            }
            return self.put_image(name, &manifest, &config).map(Some);
        }
        Ok(None)
    }

    /// Unpacks a layer again that was unpacked with another map; `failed` says what
    /// it means that it cannot be read. The tar is read by a thread of its own, which
    /// it cannot leave.
    pub(super) fn copy_layer(
        &self,
        diff_id: &DiffId,
        layer: &Path,
        failed: impl Fn(io::Error) -> Error,
    ) -> Result<(), Error> {
        let (mut pipe, mut tar) = io::pipe().map_err(&failed)?;
        thread::scope(|scope| {
            let reading = scope.spawn(move || -> io::Result<u64> {
                io::copy(&mut LayerTar::open(layer, diff_id)?, &mut tar)
            });
            let added = self.add_layer(diff_id, &mut pipe);
            drop(pipe); // Whoever writes there must not wait for a reader.
            match (reading.join(), added) {
                // Who was not listened to has no news.
                (Ok(Err(error)), Err(_)) if error.kind() != io::ErrorKind::BrokenPipe => {
                    Err(failed(error))
                }
                (_, added) => added,
            }
        })
    }
}

impl Additional {
    fn read_ref(&self, name: &str) -> Option<Ref> {
        read_ref(&self.root.join("refs").join(file_name(name)))
    }

    fn blob(&self, digest: &Digest) -> Option<(Vec<u8>, fs::File)> {
        let mut file = fs::File::open(self.root.join("blobs/sha256").join(digest.hex())).ok()?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).ok()?;
        Some((content, file))
    }

    /// The manifest and the config of an image.
    fn documents(&self, name: &str) -> Option<(Vec<u8>, Vec<u8>)> {
        let whole = |digest: &Digest| {
            let (content, _) = self.blob(digest)?;
            (digest_of(&content) == *digest).then_some(content)
        };
        let manifest = whole(&self.read_ref(name)?.digest)?;
        let config = whole(&parse::<Manifest>(&manifest)?.config.digest)?;
        Some((manifest, config))
    }

    /// A layer of whatever map.
    fn any_layer(&self, diff_id: &DiffId) -> Result<PathBuf, Error> {
        let layers = self.root.join("layers");
        let failed = |source: sys::Error| Error::Store { root: self.root.clone(), source };
        let maps = names(&layers).map_err(failed)?.into_iter();
        let mut paths = maps.map(|map| layers.join(map).join(diff_id.0.hex()));
        let found = paths.find(|path| access(path, Access::EXISTS).is_ok());
        found.ok_or(Error::LayersMissing)
    }
}

fn read_ref(path: &Path) -> Option<Ref> {
    fs::read_to_string(path).ok().as_deref().and_then(Ref::parse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::testing::{TempDir, put, store};

    fn with(temp: &TempDir, other: &Store, is_ours: bool) -> Store {
        store(temp).with_additional(vec![Additional { root: other.root.clone(), is_ours }])
    }

    #[test]
    fn what_we_unpacked_ourselves_is_used_in_place() {
        let (there, here) = (TempDir::new(), TempDir::new());
        let other = store(&there);
        let image = put(&other, "a", "one");
        let store = with(&here, &other, true);
        assert_eq!(store.image("a").unwrap().unwrap().digest, image.digest);
        assert_eq!(store.images().unwrap()[0].name, "a");
        let layer = &image.config.rootfs.diff_ids[0];
        assert!(store.has_layer(layer));
        assert_eq!(store.layer_at(layer), other.layer(layer));
        io::copy(&mut store.layer_tar(layer).unwrap(), &mut io::sink()).unwrap();
        assert_eq!(names(&store.blobs()).unwrap(), [""; 0]);
        assert!(!store.layers().exists());
        // What is ours does not count on what others may take away.
        store.tag_image("a", "b").unwrap().unwrap();
        assert_eq!(names(&store.blobs()).unwrap().len(), 2);
        assert_eq!(store.check().unwrap().faults, []);
        assert_eq!(store.images().unwrap().len(), 2);
    }

    #[test]
    fn nobody_waits_for_a_lock_there() {
        let (there, here) = (TempDir::new(), TempDir::new());
        let other = store(&there);
        let image = put(&other, "a", "one");
        let layer = other.layer(&image.config.rootfs.diff_ids[0]);
        drop(other);
        let other = store(&there);
        let paths = [other.blob(&image.digest), other.blob(&image.id), layer];
        let locks = paths.map(|path| super::super::lock::exclusive(&path).unwrap().unwrap());
        for is_ours in [true, false] {
            let store = with(&here, &other, is_ours);
            assert_eq!(store.image("a").unwrap().is_some(), is_ours);
            assert!(store.adopt("a", |_| true).unwrap().is_some());
        }
        drop(locks);
    }

    #[test]
    fn what_others_unpacked_is_unpacked_again() {
        let (there, here) = (TempDir::new(), TempDir::new());
        let other = store(&there);
        let image = put(&other, "a", "one");
        let store = with(&here, &other, false);
        assert!(store.image("a").unwrap().is_none());
        assert!(store.adopt("b", |_| true).unwrap().is_none());
        assert!(store.adopt("a", |_| false).unwrap().is_none());
        assert_eq!(store.adopt("a", |_| true).unwrap().unwrap().digest, image.digest);
        drop(there);
        assert!(store.image("a").unwrap().is_some());
        assert_eq!(store.check().unwrap().faults, []);
    }

    #[test]
    fn what_is_damaged_there_is_not_taken() {
        let (there, here) = (TempDir::new(), TempDir::new());
        let other = store(&there);
        let image = put(&other, "a", "one");
        let layer = other.layer(&image.config.rootfs.diff_ids[0]);
        fs::write(layer.join("fs/one"), "CONTENT").unwrap();
        let store = with(&here, &other, false);
        let error = store.adopt("a", |_| true).unwrap_err();
        assert!(matches!(error, Error::Additional { .. }), "{error:?}");
        assert!(store.images().unwrap().is_empty());
        assert_eq!(names(&store.tmp()).unwrap(), [""; 0]);
        fs::remove_dir_all(layer).unwrap();
        assert!(store.adopt("a", |_| true).is_err());
    }
}
