//! The store for sandboxes in which somebody else than root is the caller.
//!
//! A file belongs to one number on disk, and root's files are the caller's there. If
//! the user 1000 of a sandbox is to be the caller, what an image says is root's must
//! be somebody else's on disk, so such sandboxes have layers of their own: with a
//! [`Map`](super::Map) of their own, made of those that there are, once.

use std::path::{Path, PathBuf};

use super::{Error, Store, layer_tar::unreadable, rootfs::stack};
use crate::oci::{DiffId, Image, KeepId};

impl Store {
    /// The same store for sandboxes in which these ids are the caller's. What it
    /// lacks of the image's layers for them is made; `making` is called if it lacks
    /// any.
    ///
    /// # Errors
    /// If a layer is damaged, or cannot be stored.
    pub fn keeping(
        self,
        keep: Option<KeepId>,
        image: Option<&Image>,
        making: impl FnOnce(),
    ) -> Result<Self, Error> {
        let diff_ids = image.map(|image| stack(&image.config.rootfs.diff_ids)).unwrap_or_default();
        let layers: Vec<_> = diff_ids.into_iter().map(|id| (id, self.layer_at(id))).collect();
        let map = self.map.clone().keeping(keep);
        let kept = Self { map, ..self };
        let is_missing = |(diff_id, _): &(&DiffId, _)| !kept.has_layer(diff_id);
        let missing: Vec<_> = layers.into_iter().filter(is_missing).collect();
        if !missing.is_empty() {
            making();
        }
        for (diff_id, layer) in missing {
            kept.copy_layer(diff_id, &layer, |error| unreadable(diff_id, &error))?;
        }
        Ok(kept)
    }

    /// The same store, for whoever only looks.
    pub(super) fn seen_by(&self, keep: Option<KeepId>) -> Self {
        let map = self.map.clone().keeping(keep);
        Self::unswept_with_map(&self.root, map).with_additional(self.additional.clone())
    }

    /// The same above a directory of mount points, as an overlay wants them.
    ///
    /// # Errors
    /// If that directory cannot be made.
    pub fn lower_directories(&self, image: &Image) -> Result<Vec<PathBuf>, Error> {
        Ok(self.directories(image).into_iter().chain([self.skeleton()?]).collect())
    }

    /// The same for a directory of the host.
    ///
    /// # Errors
    /// If the directory of mount points cannot be made.
    pub fn lower_directory(&self, directory: &Path) -> Result<Vec<PathBuf>, Error> {
        Ok(vec![directory.into(), self.skeleton()?])
    }

    /// The unpacked layers of an image, topmost first.
    pub fn directories(&self, image: &Image) -> Vec<PathBuf> {
        let layers = stack(&image.config.rootfs.diff_ids).into_iter();
        layers.map(|diff_id| self.layer_at(diff_id).join("fs")).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::storage::testing::{TempDir, put, store};

    #[test]
    fn layers_of_another_owner_are_made_once() {
        let temp = TempDir::new();
        let store = store(&temp);
        let image = put(&store, "image", "file");
        // Who has no rights can only give files to whom they belong.
        let keep = Some(KeepId { uid: 0, gid: 0 });
        let mut made = 0;
        let kept = store.keeping(keep, Some(&image), || made += 1).unwrap();
        let kept = kept.keeping(None, Some(&image), || made += 1).unwrap();
        assert_eq!(made, 1);
        let [directory] = kept.directories(&image).try_into().unwrap();
        assert!(directory.to_str().unwrap().contains("/one@0.0/"));
        assert!(fs::metadata(directory.join("file")).unwrap().is_file());
    }
}
