//! Removes what nothing needs any more.
//!
//! A name needs its manifest, and so does a sandbox that is kept; a manifest needs
//! its config, a config its layers. What somebody holds a lock on is needed too: a running sandbox its manifest, and
//! whoever pulls an image the layers and blobs that no manifest lists yet.
//!
//! So garbage is locked first, and then looked at again: an image that came
//! between the first look and the locks may need it after all.

use std::{
    collections::HashSet,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use super::{Error, Store, images::parse, lock, temporary::remove};
use crate::{
    oci::{Digest, ImageConfig, Manifest},
    sys::{
        self, Named,
        fs::{entries, open_directory},
    },
};

/// The hexadecimal names of blobs and layers that must stay.
#[derive(Debug, Default)]
struct Needed {
    blobs: HashSet<String>,
    layers: HashSet<String>,
}

/// Blobs or layers that we alone may touch.
#[derive(Debug, Default)]
struct Seized(Vec<(PathBuf, OwnedFd)>);

impl Store {
    /// Removes manifests, configs and layers (of all maps) that nothing needs.
    pub(super) fn collect(&self) -> Result<(), Error> {
        let collect = || {
            let needed = self.needed(&Seized::default())?;
            let blobs = Seized::all_in(&self.blobs(), &needed.blobs)?;
            let mut layers = Seized::default();
            for map in names(&self.all_layers())? {
                layers.0.extend(Seized::all_in(&self.all_layers().join(map), &needed.layers)?.0);
            }
            let needed = self.needed(&blobs)?;
            blobs.remove(&needed.blobs, &self.tmp())?;
            layers.remove(&needed.layers, &self.tmp())
        };
        collect().map_err(|source| self.failed(source))
    }

    /// What names need, and what others use.
    fn needed(&self, ours: &Seized) -> sys::Result<Needed> {
        let mut needed = Needed::default();
        for stored in self.read_refs()? {
            self.need(&stored.digest, &mut needed);
        }
        for digest in self.manifests_of_sandboxes()? {
            self.need(&digest, &mut needed);
        }
        for hex in names(&self.blobs())? {
            let path = self.blobs().join(&hex);
            let is_used = !ours.has(&path) && lock::exclusive(&path)?.is_none();
            let digest = format!("sha256:{hex}").parse();
            digest.iter().filter(|_| is_used).for_each(|digest| self.need(digest, &mut needed));
        }
        Ok(needed)
    }

    /// A manifest stays, with all that it lists; of what is damaged or is no
    /// manifest only itself.
    fn need(&self, digest: &Digest, needed: &mut Needed) {
        if !needed.blobs.insert(digest.hex().into()) {
            return;
        }
        let Some(manifest) = self.read_json::<Manifest>(digest) else { return };
        needed.blobs.insert(manifest.config.digest.hex().into());
        let config = self.read_json::<ImageConfig>(&manifest.config.digest);
        let layers = config.into_iter().flat_map(|config| config.rootfs.diff_ids);
        needed.layers.extend(layers.map(|diff_id| diff_id.0.hex().to_owned()));
    }

    /// Without a lock, for we may hold one that excludes ourselves.
    fn read_json<T: serde::de::DeserializeOwned>(&self, digest: &Digest) -> Option<T> {
        parse(&std::fs::read(self.blob(digest)).ok()?)
    }
}

impl Seized {
    /// Whatever in `dir` is not needed and used by nobody.
    fn all_in(dir: &Path, needed: &HashSet<String>) -> sys::Result<Self> {
        let mut seized = Self::default();
        for hex in names(dir)?.into_iter().filter(|hex| !needed.contains(hex)) {
            let path = dir.join(hex);
            let lock = lock::exclusive(&path)?;
            seized.0.extend(lock.map(|lock| (path, lock)));
        }
        Ok(seized)
    }

    fn has(&self, path: &Path) -> bool {
        self.0.iter().any(|(ours, _)| ours == path)
    }

    /// Moves all that is not needed to `tmp` first, so that nobody finds the
    /// half of it; what has owners that we are not root of stays there for
    /// those who are.
    fn remove(&self, needed: &HashSet<String>, tmp: &Path) -> sys::Result<()> {
        for (path, _lock) in &self.0 {
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_some_and(|name| needed.contains(name)) {
                continue;
            }
            discard(path, tmp)?;
        }
        Ok(())
    }
}

/// Removes what we alone may touch, by way of `tmp`, so that nobody finds the
/// half of it. What has owners that we are not root of stays there, under the
/// name that is returned, for those who are.
pub(super) fn discard(path: &Path, tmp: &Path) -> sys::Result<PathBuf> {
    let garbage = tmp.join(format!("garbage-{:016x}", sys::fs::random()?));
    std::fs::rename(path, &garbage).named(|| format!("rename({path:?}, {garbage:?})"))?;
    let _ = remove(&garbage);
    Ok(garbage)
}

/// What a directory of the store lists.
pub(super) fn names(dir: &Path) -> sys::Result<Vec<String>> {
    let entries = open_directory(dir).and_then(entries)?;
    Ok(entries.into_iter().filter_map(|entry| entry.name.into_string().ok()).collect())
}
