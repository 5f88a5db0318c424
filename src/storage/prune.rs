//! Makes room: removes what nobody needs, and tells exactly what that gave back.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use nix::errno::Errno;
use serde::Serialize;

use super::{
    Error, SandboxDir, Store,
    collect::{Forgotten, discard, names},
    lock,
    measure::Measure,
    names::file_name,
    sandbox_dir::SPARE,
    temporary::remove,
};
use crate::sys::{
    self, Named,
    fs::{Access, access},
};

/// What to remove besides blobs and layers that nothing needs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Prune {
    /// Images that nobody uses and no sandbox needs.
    pub images: bool,
    /// Sandboxes that do not run.
    pub sandboxes: bool,
    /// What interrupted commands left, and what is kept to be used again.
    pub debris: bool,
    /// Of images and sandboxes, only those that were not used since.
    pub before: Option<SystemTime>,
    /// Only tell.
    pub dry_run: bool,
}

/// What was removed, or would be.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Pruned {
    pub removed: Vec<Removed>,
    /// Bytes on disk of all that together.
    pub bytes: u64,
    /// Bytes of it that could not be removed, because of their owners.
    pub kept: u64,
    /// Sandboxes that stay for what they have changed of the host's files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub spared: Vec<String>,
}

/// One thing that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removed {
    pub kind: Kind,
    /// An image's name, a digest, or the name of a file in the store.
    pub name: String,
    /// Bytes on disk.
    pub bytes: u64,
}

/// What kind of thing it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A name; what only it needs is listed by itself.
    Image,
    /// A manifest or config.
    Blob,
    Layer,
    /// A sandbox that did not run, with what it wrote.
    Sandbox,
    /// Something half-made.
    Temporary,
    /// Empty directories for the next sandbox.
    Spare,
}

/// Removes and counts, or only counts.
#[derive(Debug)]
struct Pruning {
    dry_run: bool,
    tmp: PathBuf,
    measure: Measure,
    pruned: Pruned,
}

impl Store {
    /// Removes what nobody needs or uses.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub fn prune(&self, request: Prune) -> Result<Pruned, Error> {
        self.prune_now(request).map_err(|source| self.failed(source))
    }

    /// Debris comes first, for what cannot be removed becomes debris.
    fn prune_now(&self, request: Prune) -> sys::Result<Pruned> {
        let mut pruning = Pruning::new(self.tmp(), request.dry_run);
        if !request.dry_run && access(&self.root, Access::EXISTS).is_ok() {
            self.create()?; // What `rm` has left half-removed lacks a place for garbage.
        }
        if request.debris {
            pruning.debris(Kind::Temporary, &self.tmp(), "")?;
            pruning.debris(Kind::Spare, &self.root, SPARE)?;
        }
        let mut sandboxes = Vec::new();
        if request.sandboxes {
            let (idle, spared) = self.idle_sandboxes(request.before)?;
            pruning.pruned.spared = spared.iter().map(|sandbox| sandbox.id().into()).collect();
            sandboxes = idle;
        }
        let is_old = |name: &str| request.before.is_none_or(|time| self.last_used(name) < time);
        let forgotten = self.forget(sandboxes, |name| request.images && is_old(name))?;
        self.prune_forgotten(forgotten, &mut pruning)?;
        Ok(pruning.pruned)
    }

    /// Removes this, and what nothing needs without it.
    fn prune_forgotten(&self, forgotten: Forgotten, pruning: &mut Pruning) -> sys::Result<()> {
        let mut forgotten = forgotten;
        for sandbox in &mut forgotten.sandboxes {
            pruning.sandbox(sandbox)?;
        }
        let mut gone: Vec<&String> = forgotten.names.iter().collect();
        gone.sort();
        for name in gone {
            pruning.name(name, &self.refs().join(file_name(name)))?;
        }
        let garbage = self.garbage(forgotten)?;
        if pruning.dry_run {
            // To measure takes a while, and nobody need wait for it.
            let paths: Vec<PathBuf> = garbage.paths().map(Path::to_owned).collect();
            drop(garbage);
            return paths.iter().try_for_each(|path| pruning.garbage(path));
        }
        garbage.paths().try_for_each(|path| pruning.garbage(path))
    }

    /// Removes the names of which `which` holds and that nobody uses, with what
    /// only they need.
    pub(super) fn prune_names(&self, which: impl Fn(&str) -> bool) -> sys::Result<Pruned> {
        let mut pruning = Pruning::new(self.tmp(), false);
        self.prune_forgotten(self.forget(Vec::new(), which)?, &mut pruning)?;
        Ok(pruning.pruned)
    }
}

impl Pruning {
    fn new(tmp: PathBuf, dry_run: bool) -> Self {
        Self { dry_run, tmp, measure: Measure::default(), pruned: Pruned::default() }
    }

    /// What nobody holds in `dir` and whose name begins so.
    fn debris(&mut self, kind: Kind, dir: &Path, prefix: &str) -> sys::Result<()> {
        for name in names(dir)?.into_iter().filter(|name| name.starts_with(prefix)) {
            let path = dir.join(&name);
            let Ok(Some(_lock)) = lock::exclusive(&path) else { continue };
            let bytes = self.measure.tree(&path);
            if !self.dry_run {
                let _ = remove(&path); // What is left is found by measuring.
            }
            self.add(Removed { kind, name, bytes }, &path);
        }
        Ok(())
    }

    fn sandbox(&mut self, sandbox: &mut SandboxDir) -> sys::Result<()> {
        let bytes = self.measure.tree(sandbox.path());
        let removed = Removed { kind: Kind::Sandbox, name: sandbox.id().into(), bytes };
        let left = if self.dry_run { PathBuf::new() } else { sandbox.discard()? };
        self.add(removed, &left);
        Ok(())
    }

    fn name(&mut self, name: &str, path: &Path) -> sys::Result<()> {
        let bytes = self.measure.tree(path);
        if !self.dry_run {
            match fs::remove_file(path).named(|| format!("unlink({path:?})")) {
                Err(error) if error.errno == Errno::ENOENT => return Ok(()),
                removed => removed?,
            }
        }
        self.add(Removed { kind: Kind::Image, name: name.into(), bytes }, path);
        Ok(())
    }

    /// A blob, or a layer.
    fn garbage(&mut self, path: &Path) -> sys::Result<()> {
        let bytes = self.measure.tree(path);
        let is_blob = path.parent().is_some_and(|dir| dir.ends_with("blobs/sha256"));
        let kind = if is_blob { Kind::Blob } else { Kind::Layer };
        let hex = path.file_name().unwrap_or_default().to_string_lossy();
        let removed = Removed { kind, name: format!("sha256:{hex}"), bytes };
        let left = if self.dry_run { PathBuf::new() } else { discard(path, &self.tmp)? };
        self.add(removed, &left);
        Ok(())
    }

    /// `left` is where what could not be removed is.
    fn add(&mut self, mut removed: Removed, left: &Path) {
        if !self.dry_run {
            let kept = Measure::default().tree(left).min(removed.bytes);
            removed.bytes -= kept;
            self.pruned.kept += kept;
        }
        self.pruned.bytes += removed.bytes;
        self.pruned.removed.push(removed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        oci::Digest,
        storage::testing::{TempDir, put, store},
    };

    impl Store {
        fn image_count(&self) -> usize {
            fs::read_dir(self.refs()).unwrap().count()
        }
    }

    /// All files and directories below, with their times of change.
    fn snapshot(path: &Path) -> Vec<(PathBuf, i64)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            let stat = sys::fs::lstat(&path).unwrap();
            found.push((path.clone(), stat.st_ctime_nsec as i64));
            if path.is_dir() {
                found.extend(snapshot(&path));
            }
        }
        found.sort();
        found
    }

    fn size(store: &Store) -> u64 {
        Measure::default().tree(&store.root)
    }

    fn kinds(pruned: &Pruned) -> Vec<Kind> {
        pruned.removed.iter().map(|removed| removed.kind).collect()
    }

    const ALL: Prune =
        Prune { images: true, sandboxes: true, debris: true, before: None, dry_run: false };

    #[test]
    fn what_it_tells_is_what_it_frees() {
        let temp = TempDir::new();
        put(&store(&temp), "a", "one");
        put(&store(&temp), "b", "two");
        let store = store(&temp);
        fs::create_dir_all(store.tmp().join("layer-one-0a/fs/etc")).unwrap();
        fs::write(store.tmp().join("layer-one-0a/fs/file"), vec![1; 70_000]).unwrap();
        fs::create_dir_all(store.root.join("spare-other/upper")).unwrap();
        fs::create_dir_all(store.all_layers().join("other/0b/fs")).unwrap();
        kept(&store, "stopped", None);

        let before = snapshot(&store.root);
        let told = store.prune(Prune { dry_run: true, ..ALL }).unwrap();
        assert_eq!(snapshot(&store.root), before);

        let mut left = size(&store);
        let garbage = store.prune(Prune { debris: true, ..Prune::default() }).unwrap();
        assert_eq!(kinds(&garbage), [Kind::Temporary, Kind::Spare, Kind::Layer]);
        assert_eq!(size(&store), left - garbage.bytes);
        left -= garbage.bytes;
        let rest = store.prune(ALL).unwrap();
        assert_eq!(size(&store), left - rest.bytes);
        assert_eq!(told.bytes, garbage.bytes + rest.bytes);
        assert_eq!(told.removed.len(), garbage.removed.len() + rest.removed.len());
        assert!(store.images().unwrap().is_empty());
        assert!(store.sandboxes().unwrap().is_empty());
        assert_eq!((garbage.kept, rest.kept), (0, 0));
    }

    /// A sandbox that is kept and does not run, and needs this image.
    fn kept(store: &Store, id: &str, image: Option<&Digest>) {
        let mut sandbox = store.create_sandbox(id, Some(id)).unwrap();
        fs::write(sandbox.path().join("config.json"), "{}").unwrap();
        sandbox.keep(image, false).unwrap();
    }

    #[test]
    fn what_is_used_is_not_touched() {
        let temp = TempDir::new();
        put(&store(&temp), "used", "one");
        put(&store(&temp), "other", "two");
        let user = store(&temp);
        let image = user.image("used").unwrap().unwrap();
        assert!(user.has_layer(&image.config.rootfs.diff_ids[0]));
        let sandbox = user.create_sandbox("living", None).unwrap();
        let mut running = user.create_sandbox("running", None).unwrap();
        running.keep(None, false).unwrap();
        let store = Store::unswept_with_map(&user.root, user.map.clone());
        let pruned = store.prune(ALL).unwrap();
        assert_eq!(kinds(&pruned), [Kind::Image, Kind::Blob, Kind::Blob, Kind::Layer]);
        assert_eq!(pruned.removed[0].name, "other");
        assert!(store.image("used").unwrap().is_some());
        assert!(sandbox.path().exists());
        assert!(running.path().exists());
    }

    #[test]
    fn an_image_goes_with_the_last_sandbox_that_needs_it() {
        let temp = TempDir::new();
        let image = put(&store(&temp), "a", "one");
        let store = store(&temp);
        kept(&store, "stopped", Some(&image.digest));
        let images = Prune { sandboxes: false, ..ALL };
        assert_eq!(kinds(&store.prune(images).unwrap()), []);
        assert_eq!(store.image_count(), 1);

        let gone = [Kind::Sandbox, Kind::Image, Kind::Blob, Kind::Blob, Kind::Layer];
        assert_eq!(kinds(&store.prune(Prune { dry_run: true, ..ALL }).unwrap()), gone);
        assert_eq!(kinds(&store.prune(ALL).unwrap()), gone);
        assert!(store.sandbox("stopped").is_err());
        assert!(!store.root.join("names/stopped").is_symlink());
    }

    #[test]
    fn what_was_used_since_stays() {
        let temp = TempDir::new();
        put(&store(&temp), "old", "one");
        put(&store(&temp), "new", "two");
        let store = store(&temp);
        kept(&store, "old", None);
        kept(&store, "new", None);
        let long_ago = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1000);
        for old in [store.refs().join("old"), store.sandboxes_dir().join("old")] {
            fs::File::open(old).unwrap().set_modified(long_ago).unwrap();
        }
        let before = Some(SystemTime::now() - std::time::Duration::from_secs(3600));
        let pruned = store.prune(Prune { before, ..ALL }).unwrap();
        let names = pruned.removed.iter().map(|removed| removed.name.as_str());
        assert_eq!(names.take(2).collect::<Vec<_>>(), ["old", "old"]);
        assert_eq!(store.image_count(), 1);
        assert!(store.sandboxes_dir().join("new").exists());
    }

    #[test]
    fn a_store_that_is_not_there_has_nothing_to_remove() {
        let temp = TempDir::new();
        let root = temp.path().join("none");
        let store = Store::unswept_with_map(&root, crate::storage::testing::one_id());
        assert!(store.prune(ALL).unwrap().removed.is_empty());
        assert!(!store.root.exists());
    }
}
