//! Whether the store is whole: everything is read again, and hashed.
//!
//! A blob is what it is called, or damaged. A layer is read as the tar that it
//! was (`layer_tar.rs`), which holds the contents of all its files. A name leads
//! to a manifest, that to a config, and that to layers: in any map, for what was
//! pulled with other ids is fetched again when it is wanted with these.
//!
//! To look takes shared locks, one for each thing and only while it is read. What
//! is bad is removed under an exclusive one: never while somebody uses it.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde::Serialize;

use super::{
    Error, Kind, LayerTar, Store,
    collect::{discard, names},
    images::digest_of,
    lock,
    names::{Ref, file_name},
};
use crate::{
    oci::{DiffId, Digest},
    sys::{
        self,
        fs::{Access, access},
    },
};

/// What was looked at, and what of it is bad.
#[derive(Debug, Clone, Default)]
pub struct Check {
    /// Names of images.
    pub images: u64,
    pub blobs: u64,
    /// Layers of all maps.
    pub layers: u64,
    pub faults: Vec<Fault>,
    /// Layers that are there, but of which nobody can tell whether they are whole.
    pub unverified: Vec<Unverified>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    pub kind: Kind,
    /// A name, a sandbox's id, or a digest.
    pub name: String,
    pub what: String,
    /// The names of the images that need it; of a sandbox, those of its image.
    pub needed_by: Vec<String>,
    /// What is to be removed; none if it is bad because it is not there.
    #[serde(skip)]
    path: Option<PathBuf>,
}

/// A layer that cannot be verified, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unverified {
    pub layer: String,
    pub why: &'static str,
}

/// What became of something that was bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    Removed,
    /// It was not there.
    Absent,
    /// Somebody uses it, and so it stays.
    InUse,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Whole,
    Bad(String),
    Unknown(&'static str),
}

impl Store {
    /// Reads everything again and compares it with what it is called.
    ///
    /// # Errors
    /// If the store cannot be read; none is an empty one.
    pub fn check(&self) -> Result<Check, Error> {
        self.check_all().map_err(|source| self.failed(source))
    }

    fn check_all(&self) -> sys::Result<Check> {
        let mut check = Check::default();
        self.check_blobs(&mut check)?;
        self.check_layers(&mut check)?;
        self.check_names(&mut check)?;
        self.check_sandboxes(&mut check)?;
        Ok(check)
    }

    /// Removes what is bad of a fault, unless somebody uses it.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn remove_fault(&self, fault: &Fault) -> Result<Removal, Error> {
        let Some(path) = &fault.path else { return Ok(Removal::Absent) };
        self.remove_bad(path).map_err(|source| self.failed(source))
    }

    fn remove_bad(&self, path: &Path) -> sys::Result<Removal> {
        if access(path, Access::EXISTS).is_err() {
            return Ok(Removal::Absent);
        }
        let hex = path.file_name().unwrap_or_default().to_string_lossy();
        let (Some(_manifests), Some(_lock)) = (self.seize_users(&hex)?, lock::exclusive(path)?)
        else {
            return Ok(Removal::InUse);
        };
        discard(path, &self.tmp()).map(|_| Removal::Removed)
    }

    /// Locks the manifests that need a blob or layer: a sandbox that runs holds no
    /// other lock than that on its manifest. None if there is such a one.
    fn seize_users(&self, hex: &str) -> sys::Result<Option<Vec<OwnedFd>>> {
        let mut locks = Vec::new();
        for manifest in names(&self.blobs())?.into_iter().filter(|manifest| manifest != hex) {
            let Ok(digest) = format!("sha256:{manifest}").parse() else { continue };
            if !self.needs(&digest, hex) && !self.is_damaged(&digest) {
                continue;
            }
            match lock::exclusive(&self.blob(&digest))? {
                Some(lock) => locks.push(lock),
                None => return Ok(None),
            }
        }
        Ok(Some(locks))
    }

    /// What such a manifest needs nobody can tell.
    fn is_damaged(&self, blob: &Digest) -> bool {
        fs::read(self.blob(blob)).is_ok_and(|content| digest_of(&content) != *blob)
    }

    /// Whether an image needs a blob or layer.
    fn needs(&self, manifest: &Digest, hex: &str) -> bool {
        let (config, layers) = self.parts(manifest);
        let parts = config.into_iter().chain(layers.into_iter().map(|layer| layer.0));
        parts.chain([manifest.clone()]).any(|part| part.hex() == hex)
    }

    /// Whether it is a layer of another map, which nobody here needs.
    pub fn is_of_others(&self, fault: &Fault) -> bool {
        let ours = |path: &PathBuf| path.starts_with(self.layers());
        fault.kind == Kind::Layer && !fault.path.as_ref().is_some_and(ours)
    }

    /// The digest of the manifest that a name stands for; none if it is unknown.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn manifest_of(&self, name: &str) -> Result<Option<Digest>, Error> {
        let stored = self.read_ref(&file_name(name)).map_err(|source| self.failed(source))?;
        Ok(stored.map(|stored| stored.digest))
    }

    fn check_blobs(&self, check: &mut Check) -> sys::Result<()> {
        let hexes = names(&self.blobs())?;
        check.blobs = hexes.len() as u64;
        for hex in hexes {
            let path = self.blobs().join(&hex);
            if let Some(what) = lock::shared(&path)?.and_then(|blob| blob_fault(blob.into(), &hex))
            {
                let needed_by = self.users_of(&hex)?;
                let name = format!("sha256:{hex}");
                check.faults.push(Fault {
                    kind: Kind::Blob,
                    name,
                    what,
                    needed_by,
                    path: Some(path),
                });
            }
        }
        Ok(())
    }

    /// Several at a time: it is the hashing that takes long.
    fn check_layers(&self, check: &mut Check) -> sys::Result<()> {
        let mut layers = Vec::new();
        for map in names(&self.all_layers())? {
            let dir = self.all_layers().join(map);
            layers.extend(names(&dir)?.into_iter().map(|hex| (dir.join(&hex), hex)));
        }
        check.layers = layers.len() as u64;
        for ((path, hex), verdict) in in_parallel(&layers, |(path, hex)| verify_layer(path, hex)) {
            let name = format!("sha256:{hex}");
            match verdict {
                Verdict::Whole => {}
                Verdict::Unknown(why) => check.unverified.push(Unverified { layer: name, why }),
                Verdict::Bad(what) => check.faults.push(Fault {
                    kind: Kind::Layer,
                    name,
                    what,
                    needed_by: self.users_of(hex)?,
                    path: Some(path.clone()),
                }),
            }
        }
        Ok(())
    }

    /// Whether each name leads to all that it needs.
    fn check_names(&self, check: &mut Check) -> sys::Result<()> {
        for file in names(&self.refs())? {
            check.images += 1;
            let path = self.refs().join(&file);
            let stored = self.read_ref(Path::new(&file))?;
            let is_its_own = |stored: &Ref| file_name(&stored.name) == Path::new(&file);
            let Some(stored) = stored.filter(is_its_own) else {
                check.faults.push(Fault {
                    kind: Kind::Image,
                    name: file,
                    what: "what it stands for cannot be read".into(),
                    needed_by: Vec::new(),
                    path: Some(path),
                });
                continue;
            };
            check.faults.extend(self.lacking(&stored.digest)?.map(|what| Fault {
                kind: Kind::Image,
                needed_by: vec![stored.name.clone()],
                name: stored.name,
                what,
                path: None,
            }));
        }
        Ok(())
    }

    /// Whether each sandbox that is kept has its image.
    fn check_sandboxes(&self, check: &mut Check) -> sys::Result<()> {
        for (id, digest) in self.images_of_sandboxes()? {
            let Some(what) = self.lacking(&digest)? else { continue };
            let needed_by = self.users_of(digest.hex())?;
            check.faults.push(Fault { kind: Kind::Sandbox, name: id, what, needed_by, path: None });
        }
        Ok(())
    }

    /// What is not there of an image. What is there, but damaged, is its own
    /// fault.
    fn lacking(&self, manifest: &Digest) -> sys::Result<Option<String>> {
        let is_there = |path: PathBuf| access(&path, Access::EXISTS).is_ok();
        if !is_there(self.blob(manifest)) {
            return Ok(Some(format!("its manifest {manifest} is not there")));
        }
        let (config, layers) = self.parts(manifest);
        if let Some(config) = config.filter(|config| !is_there(self.blob(config))) {
            return Ok(Some(format!("its config {config} is not there")));
        }
        let maps = names(&self.all_layers())?;
        let in_a_map = |layer: &DiffId| {
            is_there(self.layer_at(layer))
                || maps.iter().any(|map| is_there(self.all_layers().join(map).join(layer.0.hex())))
        };
        let missing = layers.into_iter().find(|layer| !in_a_map(layer));
        Ok(missing.map(|layer| format!("its layer {layer} is not there")))
    }

    /// The names that need a blob or layer.
    fn users_of(&self, hex: &str) -> sys::Result<Vec<String>> {
        let mut users = Vec::new();
        for stored in self.read_refs()? {
            if self.needs(&stored.digest, hex) {
                users.push(stored.name);
            }
        }
        users.sort();
        Ok(users)
    }
}

/// What is wrong with a blob; manifests and configs are small.
fn blob_fault(mut blob: File, hex: &str) -> Option<String> {
    let mut content = Vec::new();
    match blob.read_to_end(&mut content).map(|_| digest_of(&content)) {
        Err(error) => Some(format!("it cannot be read: {error}")),
        Ok(actual) => (actual.hex() != hex).then(|| format!("its content hashes to {actual}")),
    }
}

fn verify_layer(path: &Path, hex: &str) -> Verdict {
    let Ok(digest) = format!("sha256:{hex}").parse() else {
        return Verdict::Unknown("its name is no digest");
    };
    let _lock = match lock::shared(path) {
        Ok(Some(lock)) => lock,
        Ok(None) => return Verdict::Whole, // It is gone.
        Err(error) => return judge(&io::Error::from_raw_os_error(error.errno as i32)),
    };
    if fs::symlink_metadata(path.join("fs")).is_err() {
        return Verdict::Bad("its files are not there".into());
    }
    if fs::symlink_metadata(path.join("record")).is_err() {
        return Verdict::Unknown("it was unpacked by an earlier version, which kept no record");
    }
    let read = LayerTar::open(path, &DiffId(digest))
        .and_then(|mut tar| io::copy(&mut tar, &mut io::sink()));
    match read {
        Ok(_) => Verdict::Whole,
        Err(error) => judge(&error),
    }
}

/// Files of owners that are not ours may be unreadable, which is no damage.
fn judge(error: &io::Error) -> Verdict {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            Verdict::Unknown("it belongs to ids that are not ours now")
        }
        io::ErrorKind::NotFound => Verdict::Bad("a file of it is not there".into()),
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            Verdict::Bad("its content is not what it was".into())
        }
        _ => Verdict::Bad(format!("it cannot be read: {error}")),
    }
}

/// Does this with each of several things, as many at a time as there are
/// processors; the results are in the order of the things.
fn in_parallel<T: Sync, R: Send>(things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<(&T, R)> {
    let next = AtomicUsize::new(0);
    let take = || things.get(next.fetch_add(1, Ordering::Relaxed));
    let worker = || std::iter::from_fn(take).map(|thing| (thing, work(thing))).collect::<Vec<_>>();
    let workers = thread::available_parallelism().map_or(1, usize::from).min(things.len());
    thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(worker)).collect();
        let mut done = worker();
        done.extend(others.into_iter().flat_map(|other| other.join().unwrap_or_default()));
        done
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;
    use crate::storage::testing::{Member, TempDir, diff_id, documents, put, store, tar_of};

    fn faults(store: &Store) -> Vec<(Kind, String, String)> {
        let check = store.check().unwrap();
        assert_eq!(check.unverified, []);
        check.faults.into_iter().map(|fault| (fault.kind, fault.name, fault.what)).collect()
    }

    /// Puts an image with one layer of two files, and returns the layer's directory.
    fn image(store: &Store, name: &str) -> PathBuf {
        let tar = tar_of(&[Member::file("a", &format!("of {name}")), Member::file("b", "same")]);
        store.add_layer(&diff_id(&tar), &mut tar.as_slice()).unwrap();
        let (manifest, config) = documents(&diff_id(&tar));
        store.put_image(name, &manifest, &config).unwrap();
        store.layer(&diff_id(&tar))
    }

    fn flip(path: &Path) {
        let file = fs::File::options().read(true).write(true).open(path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, 0).unwrap();
        file.write_all_at(&[byte[0] ^ 1], 0).unwrap();
    }

    #[test]
    fn a_store_as_we_make_it_is_whole() {
        let temp = TempDir::new();
        let store = store(&temp);
        assert_eq!(faults(&store), []);
        for name in ["one", "two", "three"] {
            image(&store, name);
        }
        let check = store.check().unwrap();
        assert_eq!((check.images, check.blobs, check.layers), (3, 6, 3));
        assert_eq!((check.faults, check.unverified), (vec![], vec![]));
        let none = Store::unswept(&temp.path().join("none"));
        assert_eq!(none.check().unwrap().faults, []);
    }

    #[test]
    fn whatever_is_damaged_is_found_with_those_who_need_it() {
        let temp = TempDir::new();
        let [content, missing, files, record] = {
            let store = store(&temp);
            ["content", "missing", "files", "record"].map(|name| image(&store, name))
        };
        flip(&content.join("fs/b"));
        fs::remove_file(missing.join("fs/a")).unwrap();
        fs::remove_dir_all(files.join("fs")).unwrap();
        flip(&record.join("record"));
        let store = store(&temp);
        let mut found = store.check().unwrap().faults;
        found.sort_by(|a, b| a.needed_by.cmp(&b.needed_by));
        let needed: Vec<&str> = found.iter().map(|fault| fault.needed_by[0].as_str()).collect();
        assert_eq!(needed, ["content", "files", "missing", "record"]);
        assert!(found.iter().all(|fault| fault.kind == Kind::Layer));
        assert_eq!(found[0].what, "its content is not what it was");
        assert_eq!(found[1].what, "its files are not there");
        assert_eq!(found[2].what, "a file of it is not there");

        for fault in &found {
            assert_eq!(store.remove_fault(fault).unwrap(), Removal::Removed);
            assert_eq!(store.remove_fault(fault).unwrap(), Removal::Absent);
        }
        let left = faults(&store);
        assert_eq!(left.len(), 4);
        assert!(left.iter().all(|(kind, _, what)| *kind == Kind::Image && what.contains("layer")));
    }

    #[test]
    fn names_and_blobs_are_read_again_too() {
        let temp = TempDir::new();
        let ours = put(&store(&temp), "ours", "one");
        let lost = put(&store(&temp), "lost", "two");
        let store = store(&temp);
        flip(&store.blob(&ours.id));
        fs::remove_file(store.blob(&lost.digest)).unwrap();
        fs::write(store.refs().join("broken"), "sha256:").unwrap();
        let mut kept = store.create_sandbox("kept", None).unwrap();
        kept.keep(Some(&lost.digest), false).unwrap();
        drop(kept);
        let gone = format!("its manifest {} is not there", lost.digest);
        let mut found = faults(&store);
        let (_, blob, what) = found.remove(0);
        assert_eq!(blob, ours.id.to_string());
        assert!(what.starts_with("its content hashes to sha256:"), "{what}");
        found.sort_by(|a, b| a.1.cmp(&b.1));
        let unreadable = "what it stands for cannot be read".to_owned();
        let expected = [
            (Kind::Image, "broken".into(), unreadable),
            (Kind::Sandbox, "kept".into(), gone.clone()),
            (Kind::Image, "lost".into(), gone),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_used_is_not_removed() {
        let temp = TempDir::new();
        let layer = image(&store(&temp), "used");
        flip(&layer.join("fs/a"));
        let user = store(&temp);
        user.image("used").unwrap().unwrap(); // As a sandbox that runs.
        let store = store(&temp);
        let fault = store.check().unwrap().faults.remove(0);
        assert_eq!(store.remove_fault(&fault).unwrap(), Removal::InUse);
        assert!(layer.join("fs").exists());
        drop(user);
        assert_eq!(store.remove_fault(&fault).unwrap(), Removal::Removed);
    }

    #[test]
    fn a_layer_without_a_record_is_not_called_bad() {
        let temp = TempDir::new();
        let layer = image(&store(&temp), "old");
        fs::remove_file(layer.join("record")).unwrap();
        let check = store(&temp).check().unwrap();
        assert_eq!((check.faults.len(), check.unverified.len()), (0, 1));
    }
}
