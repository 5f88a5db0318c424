//! Removes what nothing needs any more.
//!
//! A name needs its manifest, and so does a sandbox that is kept; a manifest needs
//! its config, a config its layers. What somebody holds a lock on is needed too:
//! a running sandbox its manifest, and whoever pulls an image the layers and
//! blobs that no manifest lists yet.
//!
//! So garbage is locked first, and then looked at again: an image that came
//! between the first look and the locks may need it after all.

use std::{
    collections::HashSet,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use super::{Error, SandboxDir, Store, images::parse, lock, names::Ref, temporary::remove};
use crate::{
    oci::{DiffId, Digest, ImageConfig, Manifest},
    sys::{
        self, Named,
        fs::{Access, access, entries, open_directory},
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
pub(super) struct Seized(Vec<(PathBuf, OwnedFd)>);

/// What is to need nothing any more, and is held so that nobody uses it now.
#[derive(Debug, Default)]
pub(super) struct Forgotten {
    pub(super) sandboxes: Vec<SandboxDir>,
    pub(super) names: HashSet<String>,
    /// What those names stand for.
    manifests: Seized,
}

impl Store {
    /// Removes manifests, configs and layers (of all maps) that nothing needs.
    pub(super) fn collect(&self) -> Result<(), Error> {
        let collect = || {
            let garbage = self.garbage(Forgotten::default())?;
            garbage.paths().try_for_each(|path| discard(path, &self.tmp()).map(drop))
        };
        collect().map_err(|source| self.failed(source))
    }

    /// What nothing needs, manifests and configs first.
    pub(super) fn garbage(&self, forgotten: Forgotten) -> sys::Result<Seized> {
        let mut forgotten = forgotten;
        let needed = self.needed(&forgotten)?;
        forgotten.manifests.seize(&self.blobs(), &needed.blobs)?;
        let mut layers = Seized::default();
        for map in names(&self.all_layers())? {
            layers.seize(&self.all_layers().join(map), &needed.layers)?;
        }
        let needed = self.needed(&forgotten)?;
        let mut garbage = forgotten.manifests;
        garbage.release(&needed.blobs);
        layers.release(&needed.layers);
        garbage.0.append(&mut layers.0);
        Ok(garbage)
    }

    /// Lets go of these sandboxes, and of the names of which `which` holds and
    /// whose images nobody uses and no other sandbox needs.
    pub(super) fn forget(
        &self,
        sandboxes: Vec<SandboxDir>,
        which: impl Fn(&str) -> bool,
    ) -> sys::Result<Forgotten> {
        let mut forgotten = Forgotten { sandboxes, ..Forgotten::default() };
        let mut found = Vec::new();
        for stored in self.read_refs()?.into_iter().filter(|stored| which(&stored.name)) {
            let path = self.blob(&stored.digest);
            let is_there = access(&path, Access::EXISTS).is_ok();
            if is_there && !forgotten.manifests.has(&path) {
                let Some(lock) = lock::exclusive(&path)? else { continue };
                forgotten.manifests.0.push((path, lock));
            }
            found.push(stored);
        }
        // Now that they are locked, no further sandbox comes to need one.
        let kept = self.manifests_of_sandboxes(&forgotten.sandboxes)?;
        let unneeded = found.into_iter().filter(|stored| !kept.contains(&stored.digest));
        forgotten.names = unneeded.map(|stored| stored.name).collect();
        Ok(forgotten)
    }

    /// What names and sandboxes need, but for those that are `gone`, and what
    /// others use.
    fn needed(&self, gone: &Forgotten) -> sys::Result<Needed> {
        let mut needed = Needed::default();
        let is_gone = |stored: &Ref| gone.names.contains(&stored.name);
        for stored in self.read_refs()?.into_iter().filter(|stored| !is_gone(stored)) {
            self.need(&stored.digest, &mut needed);
        }
        for digest in self.manifests_of_sandboxes(&gone.sandboxes)? {
            self.need(&digest, &mut needed);
        }
        for hex in names(&self.blobs())? {
            let path = self.blobs().join(&hex);
            let is_used = !gone.manifests.has(&path) && lock::exclusive(&path)?.is_none();
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
        let (config, layers) = self.parts(digest);
        needed.blobs.extend(config.map(|digest| digest.hex().to_owned()));
        needed.layers.extend(layers.into_iter().map(|diff_id| diff_id.0.hex().to_owned()));
    }

    /// The config and the layers that a manifest leads to, as far as it can be
    /// read.
    pub(super) fn parts(&self, manifest: &Digest) -> (Option<Digest>, Vec<DiffId>) {
        let Some(manifest) = self.read_json::<Manifest>(manifest) else {
            return (None, Vec::new());
        };
        let config = self.read_json::<ImageConfig>(&manifest.config.digest);
        let layers = config.map(|config| config.rootfs.diff_ids).unwrap_or_default();
        (Some(manifest.config.digest), layers)
    }

    /// Without a lock, for we may hold one that excludes ourselves.
    fn read_json<T: serde::de::DeserializeOwned>(&self, digest: &Digest) -> Option<T> {
        parse(&std::fs::read(self.blob(digest)).ok()?)
    }
}

impl Seized {
    /// Takes whatever in `dir` is not needed and used by nobody.
    fn seize(&mut self, dir: &Path, needed: &HashSet<String>) -> sys::Result<()> {
        for hex in names(dir)?.into_iter().filter(|hex| !needed.contains(hex)) {
            let path = dir.join(hex);
            if !self.has(&path) {
                let lock = lock::exclusive(&path)?;
                self.0.extend(lock.map(|lock| (path, lock)));
            }
        }
        Ok(())
    }

    /// Lets go of what is needed after all.
    fn release(&mut self, needed: &HashSet<String>) {
        let name = |path: &Path| path.file_name()?.to_str().map(str::to_owned);
        self.0.retain(|(path, _)| name(path).is_some_and(|name| !needed.contains(&name)));
    }

    fn has(&self, path: &Path) -> bool {
        self.0.iter().any(|(ours, _)| ours == path)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|(path, _)| path.as_path())
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

/// What a directory of the store lists; nothing if it is not there.
pub(super) fn names(dir: &Path) -> sys::Result<Vec<String>> {
    let entries = match open_directory(dir).and_then(entries) {
        Err(error) if error.errno == Errno::ENOENT => return Ok(Vec::new()),
        entries => entries?,
    };
    Ok(entries.into_iter().filter_map(|entry| entry.name.into_string().ok()).collect())
}
