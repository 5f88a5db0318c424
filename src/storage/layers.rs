//! The layers of the store: each is unpacked once, whoever asks for it first.

use std::{io::Read, path::PathBuf};

use nix::errno::Errno;

use super::{Error, LayerError, Store, layer::unpack, lock, temporary::Draft};
use crate::{
    oci::DiffId,
    sys::{self, fs::mkdir},
};

impl Store {
    /// Whether a layer is there; from then on it stays until the store is
    /// dropped.
    pub fn has_layer(&self, diff_id: &DiffId) -> bool {
        let layer = lock::shared(&self.layer(diff_id)).ok().flatten();
        let found = layer.is_some();
        layer.into_iter().for_each(|lock| self.held.keep(lock));
        found || self.borrowed_layer(diff_id).is_some()
    }

    /// Unpacks a layer, unless it is there already.
    ///
    /// If another process is about to unpack the same layer, waits for it and
    /// leaves `blob` unread; else `blob` is read to its end.
    ///
    /// # Errors
    /// If `blob` is not the layer named `diff_id`, breaks a rule of layers, or
    /// cannot be stored. Then nothing of it remains.
    pub fn add_layer(&self, diff_id: &DiffId, blob: &mut (dyn Read + Send)) -> Result<(), Error> {
        let path = self.layer_draft(diff_id);
        while !self.has_layer(diff_id) {
            match Draft::directory(&path).map_err(|source| self.failed(source))? {
                // Between the question and the draft it may have come.
                Some(_) if self.has_layer(diff_id) => {}
                Some(draft) => return self.fill(draft, diff_id, blob),
                None => lock::wait(&path).map_err(|source| self.failed(source))?,
            }
        }
        Ok(())
    }

    /// Unpacks a layer of which it is not known what it hashes to, and tells.
    ///
    /// # Errors
    /// As for [`Store::add_layer`].
    pub fn import_layer(&self, blob: &mut (dyn Read + Send)) -> Result<DiffId, Error> {
        let failed = |source| Error::Import { root: self.root.clone(), source };
        let draft = Draft::new_directory(&self.tmp()).map_err(|source| self.failed(source))?;
        let diff_id = unpack(blob, draft.path(), &self.map, &self.budget).map_err(failed)?;
        if self.has_layer(&diff_id) {
            return Ok(diff_id);
        }
        match self.publish_layer(draft, &diff_id) {
            // Somebody else was faster.
            Err(_) if self.has_layer(&diff_id) => Ok(diff_id),
            result => result.map(|()| diff_id).map_err(|e| failed(LayerError::Store(e))),
        }
    }

    fn fill(
        &self,
        draft: Draft,
        diff_id: &DiffId,
        blob: &mut (dyn Read + Send),
    ) -> Result<(), Error> {
        let failed =
            |source| Error::Layer { diff_id: diff_id.clone(), root: self.root.clone(), source };
        let actual = unpack(blob, draft.path(), &self.map, &self.budget).map_err(failed)?;
        if actual != *diff_id {
            return Err(failed(LayerError::Mismatch { actual }));
        }
        self.publish_layer(draft, diff_id).map_err(|error| failed(LayerError::Store(error)))
    }

    fn publish_layer(&self, draft: Draft, diff_id: &DiffId) -> sys::Result<()> {
        draft.sync()?;
        match mkdir(&self.layers(), 0o700) {
            Err(error) if error.errno != Errno::EEXIST => return Err(error),
            _ => {}
        }
        let lock = draft.publish(&self.layer(diff_id))?;
        lock.into_iter().for_each(|lock| self.held.keep(lock));
        Ok(())
    }

    pub(super) fn layer_draft(&self, diff_id: &DiffId) -> PathBuf {
        self.tmp().join(format!("layer-{}-{}", self.map.key, diff_id.0.hex()))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        sync::atomic::{AtomicU64, Ordering},
        thread,
    };

    use super::*;
    use crate::storage::testing::{Member, TempDir, diff_id, store, tar_of};

    /// A blob that counts how much of it was read.
    struct Counted<'a>(&'a [u8], &'a AtomicU64);

    impl Read for Counted<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            thread::sleep(std::time::Duration::from_millis(1));
            let length = buffer.len().min(1000);
            let read = self.0.read(&mut buffer[..length])?;
            self.1.fetch_add(read as u64, Ordering::Relaxed);
            Ok(read)
        }
    }

    #[test]
    fn several_who_want_a_layer_unpack_it_once() {
        let temp = TempDir::new();
        store(&temp);
        let tar = tar_of(&[Member::file("file", &"x".repeat(20_000))]);
        let (id, read) = (diff_id(&tar), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let store = store(&temp);
                    store.add_layer(&id, &mut Counted(&tar, &read)).unwrap();
                    assert!(store.has_layer(&id));
                });
            }
        });
        assert_eq!(read.load(Ordering::Relaxed), tar.len() as u64);
        assert_eq!(fs::read_dir(store(&temp).tmp()).unwrap().count(), 0);
    }

    #[test]
    fn a_layer_that_is_another_leaves_nothing() {
        let temp = TempDir::new();
        let store = store(&temp);
        let tar = tar_of(&[Member::file("file", "content")]);
        let wanted = diff_id(b"something else");
        let error = store.add_layer(&wanted, &mut tar.as_slice()).unwrap_err();
        let Error::Layer { source, .. } = error else { panic!("{error}") };
        let actual = diff_id(&tar);
        assert_eq!(source.to_string(), format!("the content of the layer hashes to {actual}"));
        assert!(!store.has_layer(&wanted));
        assert_eq!(fs::read_dir(store.tmp()).unwrap().count(), 0);
    }

    #[test]
    fn an_archive_becomes_the_layer_that_it_is() {
        let temp = TempDir::new();
        let store = store(&temp);
        let tar = tar_of(&[Member::file("file", "content")]);
        let blob = zstd::encode_all(tar.as_slice(), 1).unwrap();
        for _ in 0..2 {
            assert_eq!(store.import_layer(&mut blob.as_slice()).unwrap(), diff_id(&tar));
            assert_eq!(fs::read_dir(store.tmp()).unwrap().count(), 0);
        }
        assert!(store.layer(&diff_id(&tar)).join("fs/file").exists());
        assert!(store.import_layer(&mut &b"no tar at all".repeat(100)[..]).is_err());
        assert_eq!(fs::read_dir(store.tmp()).unwrap().count(), 0);
    }

    #[test]
    fn padding_after_the_archive_belongs_to_the_layer() {
        let temp = TempDir::new();
        let store = store(&temp);
        let mut tar = tar_of(&[Member::file("file", "content")]);
        tar.extend([0; 10_240]);
        let mut blob = zstd::encode_all(tar.as_slice(), 1).unwrap();
        blob.extend([0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 7]); // A skippable frame.
        let mut blob = blob.as_slice();
        store.add_layer(&diff_id(&tar), &mut blob).unwrap();
        assert!(blob.is_empty());
    }
}
