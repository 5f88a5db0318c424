//! The images of the store, by name.

use std::{collections::HashSet, fs, io::Read, os::fd::OwnedFd, path::Path, time::SystemTime};

use nix::errno::Errno;
use sha2::{Digest as _, Sha256};

use super::{
    Error, Store,
    collect::names,
    lock,
    measure::Measure,
    names::{Ref, file_name},
    temporary::Draft,
};
use crate::{
    oci::{DiffId, Digest, Image, ImageConfig, Manifest},
    sys::{
        self, Named,
        fs::{Access, access, open_directory, sync_file_system, touch},
    },
};

/// Manifests and configs that were stored by us are smaller.
const MAX_BLOB: u64 = 64 << 20;

/// An image of the store, as lists show it.
#[derive(Debug, Clone)]
pub struct StoredImage {
    /// The name that it was put there by.
    pub name: String,
    pub image: Image,
    /// Bytes on disk of its layers, which it may share with other images.
    pub size: u64,
}

impl Store {
    /// The image that `name` stands for; none if it is unknown, damaged, or
    /// lacks a layer for our map: then it is to be pulled again.
    ///
    /// It stays until the store is dropped, whoever removes it meanwhile.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn image(&self, name: &str) -> Result<Option<Image>, Error> {
        let read = || match self.read_ref(&file_name(name))?.or_else(|| self.borrowed_ref(name)) {
            Some(stored) => self.read_image(stored.digest),
            None => Ok(None),
        };
        let found = read().map_err(|source| self.failed(source))?;
        Ok(found.map(|(image, lock)| {
            self.held.keep(lock);
            self.mark_used(name);
            image
        }))
    }

    /// The image with this manifest, as [`Store::image`].
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn image_by_digest(&self, manifest: &Digest) -> Result<Option<Image>, Error> {
        let found = self.read_image(manifest.clone()).map_err(|source| self.failed(source))?;
        Ok(found.map(|(image, lock)| {
            self.held.keep(lock);
            image
        }))
    }

    /// Notes that an image is used, for whoever has to choose one to evict: the
    /// time of its name's file.
    fn mark_used(&self, name: &str) {
        // A store that cannot be written needs no note.
        let _ = touch(&self.refs().join(file_name(name)));
    }

    /// When a name was last used or set; 1970 if unknown.
    pub(super) fn last_used(&self, name: &str) -> SystemTime {
        let path = self.refs().join(file_name(name));
        let modified = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
        modified.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// Whether an image was put there by that name; it may be damaged.
    pub fn has_name(&self, name: &str) -> bool {
        self.refs().join(file_name(name)).exists()
    }

    /// All images that can be run with our map, by name.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn images(&self) -> Result<Vec<StoredImage>, Error> {
        let mut images = Vec::new();
        for stored in self.all_refs().map_err(|source| self.failed(source))? {
            let image = self.read_image(stored.digest).map_err(|source| self.failed(source))?;
            images.extend(image.map(|(image, _lock)| {
                let size = self.size(&image);
                StoredImage { name: stored.name, image, size }
            }));
        }
        images.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(images)
    }

    /// Puts an image there, whose layers are there; `name` stands for it from
    /// now on.
    ///
    /// # Errors
    /// If `manifest` or `config` is malformed, or cannot be stored.
    pub fn put_image(&self, name: &str, manifest: &[u8], config: &[u8]) -> Result<Image, Error> {
        let digest = digest_of(manifest);
        let parsed: Manifest = parse_new("manifest", &digest, manifest)?;
        let image_config: ImageConfig = parse_new("config", &parsed.config.digest, config)?;
        if !image_config.rootfs.diff_ids.iter().all(|id| self.has_layer(id)) {
            return Err(Error::LayersMissing);
        }
        let stored = Ref { digest: digest.clone(), name: name.into() };
        let file = self.refs().join(file_name(name));
        let publish = || {
            let replaced = self.read_ref(&file_name(name))?.filter(|old| *old != stored);
            self.publish_image(&[manifest, config], &stored, &file)?;
            Ok(replaced)
        };
        let replaced = publish().map_err(|source| self.failed(source))?;
        if replaced.is_some() {
            self.collect()?;
        }
        Ok(Image { digest, id: parsed.config.digest, config: image_config })
    }

    /// Lets `target` stand for the image that `source` stands for; none if that
    /// is unknown, as for [`Store::image`].
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub fn tag_image(&self, source: &str, target: &str) -> Result<Option<Image>, Error> {
        let Some(image) = self.image(source)? else { return Ok(None) };
        let (manifest, config) = self.documents(&image)?;
        self.put_image(target, &manifest, &config).map(Some)
    }

    /// The names that stand for an image, in order.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn names_of(&self, image: &Image) -> Result<Vec<String>, Error> {
        let refs = self.all_refs().map_err(|source| self.failed(source))?;
        let ours = refs.into_iter().filter(|stored| stored.digest == image.digest);
        let mut names: Vec<String> = ours.map(|stored| stored.name).collect();
        names.sort();
        Ok(names)
    }

    /// A name of an image with this id, or with a manifest of this digest: the
    /// id itself if that is one, else the first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn name_of(&self, id: &Digest) -> Result<Option<String>, Error> {
        let is_it = |stored: &Ref| match self.read_image(stored.digest.clone())? {
            Some((image, _lock)) => Ok(image.id == *id || image.digest == *id),
            None => Ok(false),
        };
        let find = || {
            let mut names = Vec::new();
            for stored in self.all_refs()? {
                names.extend(is_it(&stored)?.then_some(stored.name));
            }
            let id = id.to_string();
            Ok(names.into_iter().min_by_key(|name| (*name != id, name.clone())))
        };
        find().map_err(|source| self.failed(source))
    }

    /// The manifest and the config of an image, byte for byte.
    ///
    /// # Errors
    /// If they are no longer there.
    pub fn documents(&self, image: &Image) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let read = |digest: &Digest| match self.read_blob(digest) {
            Ok(Some((blob, _lock))) if digest_of(&blob) == *digest => Ok(blob),
            Ok(_) => Err(Error::Damaged { what: "blob", digest: digest.clone() }),
            Err(source) => Err(self.failed(source)),
        };
        Ok((read(&image.digest)?, read(&image.id)?))
    }

    /// Bytes on disk of a layer.
    pub fn layer_usage(&self, diff_id: &DiffId) -> u64 {
        Measure::default().tree(&self.layer_at(diff_id))
    }

    /// Lets `name` stand for no image, and removes what no other name needs;
    /// false if there was none. What anybody uses, this store included, stays
    /// until a later call.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub fn remove_image(&self, name: &str) -> Result<bool, Error> {
        let path = self.refs().join(file_name(name));
        match fs::remove_file(&path).named(|| format!("unlink({path:?})")) {
            Err(error) if error.errno == Errno::ENOENT => return Ok(false),
            result => result.map_err(|source| self.failed(source))?,
        }
        self.collect()?;
        Ok(true)
    }

    /// An image, and the lock that keeps it.
    fn read_image(&self, digest: Digest) -> sys::Result<Option<(Image, OwnedFd)>> {
        let Some((manifest, lock)) = self.read_blob(&digest)? else { return Ok(None) };
        let Some(manifest) = parse::<Manifest>(&manifest) else { return Ok(None) };
        let Some((config, _)) = self.read_blob(&manifest.config.digest)? else { return Ok(None) };
        let Some(config) = parse::<ImageConfig>(&config) else { return Ok(None) };
        let is_there = |id: &DiffId| access(&self.layer_at(id), Access::EXISTS).is_ok();
        if !config.rootfs.diff_ids.iter().all(is_there) {
            return Ok(None);
        }
        Ok(Some((Image { digest, id: manifest.config.digest, config }, lock)))
    }

    /// What the refs say here and in other stores; a name of ours comes first.
    fn all_refs(&self) -> sys::Result<Vec<Ref>> {
        let mut refs = self.read_refs()?;
        for stored in self.borrowed_refs() {
            if !refs.iter().any(|known| known.name == stored.name) {
                refs.push(stored);
            }
        }
        Ok(refs)
    }

    /// What the refs say, damaged ones apart.
    pub(super) fn read_refs(&self) -> sys::Result<Vec<Ref>> {
        let read = |name: String| self.read_ref(Path::new(&name)).transpose();
        names(&self.refs())?.into_iter().filter_map(read).collect()
    }

    pub(super) fn read_ref(&self, file: &Path) -> sys::Result<Option<Ref>> {
        let path = self.refs().join(file);
        match fs::read(&path).named(|| format!("read({path:?})")) {
            Ok(bytes) => Ok(str::from_utf8(&bytes).ok().and_then(Ref::parse)),
            Err(error) if error.errno == Errno::ENOENT => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A blob, and the lock that keeps it; without one, if it is another store's.
    fn read_blob(&self, digest: &Digest) -> sys::Result<Option<(Vec<u8>, OwnedFd)>> {
        let ours = self.read_own_blob(digest)?;
        Ok(ours
            .or_else(|| self.borrowed_blob(digest).map(|(content, file)| (content, file.into()))))
    }

    fn read_own_blob(&self, digest: &Digest) -> sys::Result<Option<(Vec<u8>, OwnedFd)>> {
        let path = self.blob(digest);
        let Some(lock) = lock::shared(&path)? else { return Ok(None) };
        let mut file = fs::File::from(lock);
        let mut content = Vec::with_capacity(8192);
        // Not `read_to_end` of the file itself, which asks for its size.
        let read = (&mut file).take(MAX_BLOB).read_to_end(&mut content);
        read.named(|| format!("read({path:?})"))?;
        Ok(Some((content, file.into())))
    }

    /// All is written before the one sync, and the name comes last.
    fn publish_image(&self, blobs: &[&[u8]], stored: &Ref, file: &Path) -> sys::Result<()> {
        let tmp = self.tmp();
        let mut drafts = Vec::new();
        for blob in blobs {
            let digest = digest_of(blob);
            match self.read_own_blob(&digest)? {
                Some((content, lock)) if content == *blob => self.held.keep(lock),
                _ => drafts.push((Draft::file(&tmp, blob)?, self.blob(&digest))),
            }
        }
        drafts.push((Draft::file(&tmp, stored.write().as_bytes())?, file.into()));
        sync_file_system(open_directory(&tmp)?)?;
        for (draft, path) in drafts {
            draft.publish(&path)?.into_iter().for_each(|lock| self.held.keep(lock));
        }
        Ok(())
    }

    fn size(&self, image: &Image) -> u64 {
        let layers: HashSet<&DiffId> = image.config.rootfs.diff_ids.iter().collect();
        let mut measure = Measure::default();
        layers.into_iter().map(|id| measure.tree(&self.layer_at(id))).sum()
    }
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(json: &[u8]) -> Option<T> {
    serde_json::from_slice(json).ok()
}

fn parse_new<T: serde::de::DeserializeOwned>(
    what: &'static str,
    digest: &Digest,
    json: &[u8],
) -> Result<T, Error> {
    let malformed = |source| Error::Malformed { what, digest: digest.clone(), source };
    serde_json::from_slice(json).map_err(malformed)
}

pub(super) fn digest_of(blob: &[u8]) -> Digest {
    Digest::from_sha256(&Sha256::digest(blob).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::testing::{TempDir, diff_id, digest, documents, put, store};

    fn count(dir: &Path) -> usize {
        fs::read_dir(dir).unwrap().count()
    }

    #[test]
    fn an_image_is_found_by_its_name() {
        let temp = TempDir::new();
        let put = put(&store(&temp), "docker.io/library/a:1", "file");
        let store = store(&temp);
        let found = store.image("docker.io/library/a:1").unwrap().unwrap();
        assert_eq!((&found.digest, &found.config.os), (&put.digest, &"linux".to_owned()));
        assert!(store.image("docker.io/library/a:2").unwrap().is_none());
        let images = store.images().unwrap();
        assert_eq!(images[0].name, "docker.io/library/a:1");
        assert!(images[0].size >= 4096, "{}", images[0].size);
    }

    #[test]
    fn an_image_without_its_layers_is_unknown() {
        let temp = TempDir::new();
        let store = store(&temp);
        let (manifest, config) = documents(&diff_id(b"never unpacked"));
        let error = store.put_image("a", &manifest, &config).unwrap_err();
        assert!(matches!(error, Error::LayersMissing));
        put(&store, "a", "file");
        fs::remove_dir_all(store.layers()).unwrap();
        assert!(store.image("a").unwrap().is_none());
    }

    #[test]
    fn a_removed_image_takes_with_it_what_only_it_needs() {
        let temp = TempDir::new();
        for (name, file) in [("a", "one"), ("b", "one"), ("c", "two")] {
            put(&store(&temp), name, file);
        }
        let left = |name: &str| {
            let store = store(&temp);
            assert!(store.remove_image(name).unwrap());
            assert!(!store.remove_image(name).unwrap());
            (count(&store.blobs()), count(&store.layers()), count(&store.tmp()))
        };
        assert_eq!(left("a"), (4, 2, 0));
        assert_eq!(left("c"), (2, 1, 0));
        assert_eq!(left("b"), (0, 0, 0));
    }

    #[test]
    fn an_image_in_use_stays_until_it_is_not() {
        let temp = TempDir::new();
        put(&store(&temp), "used", "one");
        put(&store(&temp), "other", "two");
        let user = store(&temp);
        let image = user.image("used").unwrap().unwrap();
        let remover = store(&temp);
        assert!(remover.remove_image("used").unwrap());
        assert!(user.layer(&image.config.rootfs.diff_ids[0]).join("fs/one").exists());
        drop(user);
        assert!(remover.remove_image("other").unwrap());
        assert_eq!((count(&remover.blobs()), count(&remover.layers())), (0, 0));
    }

    #[test]
    fn a_name_that_moves_on_leaves_nothing_behind() {
        let temp = TempDir::new();
        put(&store(&temp), "latest", "old");
        let store = store(&temp);
        put(&store, "latest", "new");
        assert_eq!((count(&store.blobs()), count(&store.layers())), (2, 1));
    }

    #[test]
    fn a_second_name_stands_for_the_same_image() {
        let temp = TempDir::new();
        let image = put(&store(&temp), "a", "file");
        let tagged = store(&temp).tag_image("a", "b").unwrap().unwrap();
        assert_eq!((&tagged.digest, &tagged.id), (&image.digest, &image.id));
        let store = store(&temp);
        assert_eq!(store.names_of(&image).unwrap(), ["a", "b"]);
        assert_eq!(store.name_of(&image.id).unwrap().as_deref(), Some("a"));
        assert_eq!(store.name_of(&digest(b"other")).unwrap(), None);
        assert!(store.tag_image("c", "d").unwrap().is_none());
        store.remove_image("a").unwrap();
        let left = store.image("b").unwrap().unwrap();
        let (manifest, config) = store.documents(&left).unwrap();
        assert_eq!((digest(&manifest), digest(&config)), (image.digest, image.id));
    }

    #[test]
    fn a_damaged_image_is_mended_by_the_next_pull() {
        let temp = TempDir::new();
        let store = store(&temp);
        let image = put(&store, "a", "file");
        fs::write(store.blob(&image.digest), "{").unwrap();
        assert!(store.image("a").unwrap().is_none());
        put(&store, "a", "file");
        assert!(store.image("a").unwrap().is_some());
    }

    #[test]
    fn what_is_no_manifest_is_not_stored() {
        let temp = TempDir::new();
        let store = store(&temp);
        let error = store.put_image("a", b"{", b"{}").unwrap_err();
        let expected = format!("the manifest {} cannot be read as one", digest(b"{"));
        assert_eq!(error.to_string(), expected);
        assert_eq!(count(&store.blobs()), 0);
    }
}
