//! Volumes: directories with a life of their own.
//!
//! ```text
//! volumes/NAME/volume.json    what it is: written once, before it is seen
//! volumes/NAME/data           what is in it
//! volumes/NAME/fresh          there until somebody has used it
//! volumes/NAME/filling        what an image has for it, half-copied
//! ```
//!
//! Who uses a volume holds a shared lock on its directory, who removes it an exclusive
//! one. The first to use it fills it, under a lock on `fresh`: what the image has is
//! copied to `filling`, which takes the place of `data` only if that is empty. So a
//! volume is never filled half, nor twice, nor over what somebody has put there.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::SystemTime,
};

use nix::errno::Errno;

use super::{
    Error, Store,
    collect::{discard, names},
    lock,
    measure::Measure,
    temporary::{Draft, remove},
};
use crate::{
    oci::{MountSource, VolumeKind, VolumeRecord},
    sys::{
        self, Named,
        fs::{Lock, entries, flock, mkdir, open_directory},
    },
};

pub(super) const VOLUMES: &str = "volumes";
const RECORD: &str = "volume.json";
const DATA: &str = "data";
const FRESH: &str = "fresh";
const FILLING: &str = "filling";
/// Records that we wrote are smaller, in bytes.
const MAX_RECORD: u64 = 1 << 20;

/// A name for a volume that nobody gives one: 64 hexadecimal digits, as docker's.
///
/// # Errors
/// If there is no randomness (`getrandom(2)`).
pub fn new_volume_name() -> Result<String, Error> {
    let mut name = String::new();
    for _ in 0..4 {
        let random = sys::fs::random();
        let random = random.map_err(|source| Error::Store { root: PathBuf::new(), source })?;
        name.push_str(&format!("{random:016x}"));
    }
    Ok(name)
}

/// A volume as it was found; it may have gone since.
#[derive(Debug, Clone)]
pub struct StoredVolume {
    root: PathBuf,
    path: PathBuf,
    pub record: VolumeRecord,
}

/// A volume that is used: nobody removes it as long as this lives.
#[derive(Debug)]
pub struct HeldVolume {
    _lock: Option<OwnedFd>,
}

impl Store {
    /// Makes a volume.
    ///
    /// # Errors
    /// [`Error::VolumeExists`] if there is one of this name.
    pub fn create_volume(&self, record: &VolumeRecord) -> Result<StoredVolume, Error> {
        let path = self.volumes_dir().join(&record.name);
        let json = serde_json::to_vec(record).map_err(Error::Record)?;
        let make = || -> sys::Result<()> {
            match mkdir(&self.volumes_dir(), 0o700) {
                Err(error) if error.errno != Errno::EEXIST => return Err(error),
                _ => {}
            }
            let mut draft = Draft::new_directory(&self.tmp())?;
            let file = |name: &str| draft.path().join(name);
            if record.kind == VolumeKind::Directory {
                mkdir(&file(DATA), 0o755)?;
                fs::write(file(FRESH), "").named(|| format!("write({FRESH:?})"))?;
            }
            fs::write(file(RECORD), &json).named(|| format!("write({RECORD:?})"))?;
            draft.leave(&path)
        };
        match make() {
            Err(error) if error.errno == Errno::EEXIST => {
                Err(Error::VolumeExists(record.name.clone()))
            }
            made => made.map_err(|source| self.failed(source)),
        }?;
        Ok(StoredVolume { root: self.root.clone(), path, record: record.clone() })
    }

    /// The volume of this name.
    ///
    /// # Errors
    /// [`Error::NoSuchVolume`] if there is none.
    pub fn volume(&self, name: &str) -> Result<StoredVolume, Error> {
        let path = self.volumes_dir().join(name);
        let is_one_component = Path::new(name).components().count() == 1 && !name.starts_with('.');
        if !is_one_component || !path.exists() {
            return Err(Error::NoSuchVolume(name.into()));
        }
        let record = read_record(&path)
            .map_err(|source| Error::VolumeDamaged { name: name.into(), source })?;
        Ok(StoredVolume { root: self.root.clone(), path, record })
    }

    /// All volumes, by name; those that are damaged are left out.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn volumes(&self) -> Result<Vec<StoredVolume>, Error> {
        let mut found = names(&self.volumes_dir()).map_err(|source| self.failed(source))?;
        found.sort();
        Ok(found.into_iter().filter_map(|name| self.volume(&name).ok()).collect())
    }

    /// The ids of the sandboxes that name a volume, by its name.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn users_of_volumes(&self) -> Result<BTreeMap<String, Vec<String>>, Error> {
        let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for sandbox in self.sandboxes()? {
            let Ok(config) = sandbox.config() else { continue };
            for mount in &config.mounts {
                if let MountSource::Volume(volume) = &mount.kind
                    && let Some(name) = &volume.name
                {
                    users.entry(name.clone()).or_default().push(config.id.clone());
                }
            }
        }
        Ok(users)
    }

    pub(super) fn volumes_dir(&self) -> PathBuf {
        self.root.join(VOLUMES)
    }
}

fn read_record(path: &Path) -> io::Result<VolumeRecord> {
    let file = File::open(path.join(RECORD))?;
    let record: VolumeRecord = serde_json::from_reader(io::Read::take(file, MAX_RECORD))?;
    match record.version == VolumeRecord::VERSION {
        true => Ok(record),
        false => Err(io::Error::other(format!("its format is {}", record.version))),
    }
}

impl StoredVolume {
    /// The directory that holds what is in it.
    pub fn data(&self) -> PathBuf {
        self.path.join(DATA)
    }

    /// Keeps others from removing it.
    ///
    /// # Errors
    /// [`Error::NoSuchVolume`] if it has gone.
    pub fn hold(&self) -> Result<HeldVolume, Error> {
        match lock::shared(&self.path).map_err(|source| self.failed(source))? {
            None => Err(Error::NoSuchVolume(self.record.name.clone())),
            lock => Ok(HeldVolume { _lock: lock }),
        }
    }

    /// Fills it if nobody has used it yet. `copy` makes a directory of this name in
    /// this one, of what belongs into the volume, unless that is nothing: then it
    /// returns false. While one does so, others wait.
    ///
    /// # Errors
    /// Those of `copy`; if the volume cannot be written.
    pub fn fill<E: From<Error>>(
        &self,
        copy: impl FnOnce(OwnedFd, &Path) -> Result<bool, E>,
    ) -> Result<(), E> {
        let failed = |source| E::from(self.failed(source));
        let fresh = self.path.join(FRESH);
        let Ok(lock) = File::open(&fresh) else { return Ok(()) };
        flock(&lock, Lock::Exclusive).map_err(failed)?;
        if !fresh.exists() || !self.is_empty().map_err(failed)? {
            return self.is_used().map_err(failed);
        }
        let filling = self.path.join(FILLING);
        remove(&filling).map_err(failed)?;
        if copy(open_directory(&self.path).map_err(failed)?, Path::new(FILLING))? {
            // Fails with ENOTEMPTY rather than to take anything away.
            let data = self.data();
            fs::rename(&filling, &data)
                .named(|| format!("rename({filling:?}, {data:?})"))
                .map_err(failed)?;
        }
        self.is_used().map_err(failed)
    }

    fn is_empty(&self) -> sys::Result<bool> {
        Ok(entries(open_directory(&self.data())?)?.is_empty())
    }

    fn is_used(&self) -> sys::Result<()> {
        let fresh = self.path.join(FRESH);
        match fs::remove_file(&fresh).named(|| format!("unlink({fresh:?})")) {
            Err(error) if error.errno != Errno::ENOENT => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes it with all that is in it.
    ///
    /// # Errors
    /// [`Error::VolumeInUse`] if somebody uses it.
    pub fn remove(&self) -> Result<(), Error> {
        let lock = lock::exclusive(&self.path).map_err(|source| self.failed(source))?;
        let Some(_lock) = lock else {
            let gone = !self.path.exists();
            let name = self.record.name.clone();
            return Err(match gone {
                true => Error::NoSuchVolume(name),
                false => Error::VolumeInUse { name, users: Vec::new() },
            });
        };
        let discarded = discard(&self.path, &self.root.join("tmp"));
        discarded.map(drop).map_err(|source| self.failed(source))
    }

    /// Bytes on disk.
    pub fn size(&self) -> u64 {
        Measure::default().tree(&self.path)
    }

    /// When it was made or something was put directly into it.
    pub fn changed(&self) -> SystemTime {
        let modified = |path| fs::metadata(path).and_then(|found| found.modified());
        modified(self.data()).or_else(|_| modified(self.path.clone())).unwrap_or(SystemTime::now())
    }

    fn failed(&self, source: sys::Error) -> Error {
        Error::Store { root: self.root.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::storage::testing::{TempDir, store};

    fn record(name: &str) -> VolumeRecord {
        VolumeRecord {
            version: VolumeRecord::VERSION,
            name: name.into(),
            driver: "local".into(),
            created: "2026-11-23T12:00:00Z".into(),
            labels: BTreeMap::new(),
            options: BTreeMap::new(),
            kind: VolumeKind::Directory,
            anonymous: false,
            readonly: false,
        }
    }

    /// Copies one file, as if the image had it.
    fn copy(content: &str) -> impl FnOnce(OwnedFd, &Path) -> Result<bool, Error> {
        move |directory, name| {
            sys::fs::mkdir_at(&directory, name, 0o750).unwrap();
            let inner = sys::fs::open_directory_at(&directory, name).unwrap();
            let mut file = sys::fs::create_file_at(inner, Path::new("file"), 0o644).unwrap();
            io::Write::write_all(&mut file, content.as_bytes()).unwrap();
            Ok(true)
        }
    }

    #[test]
    fn a_volume_is_made_found_and_removed() {
        let temp = TempDir::new();
        let store = store(&temp);
        let made = store.create_volume(&record("data")).unwrap();
        assert!(matches!(store.create_volume(&record("data")), Err(Error::VolumeExists(_))));
        assert_eq!(store.volume("data").unwrap().record, record("data"));
        assert_eq!(store.volumes().unwrap().len(), 1);
        for none in ["other", "", ".", "..", "data/data", "../volumes/data"] {
            assert!(matches!(store.volume(none), Err(Error::NoSuchVolume(_))), "{none}");
        }
        let held = made.hold().unwrap();
        assert!(matches!(made.remove(), Err(Error::VolumeInUse { .. })));
        drop(held);
        made.remove().unwrap();
        assert!(matches!(made.remove(), Err(Error::NoSuchVolume(_))));
        assert!(matches!(made.hold(), Err(Error::NoSuchVolume(_))));
        assert_eq!(fs::read_dir(store.tmp()).unwrap().count(), 0);
    }

    #[test]
    fn a_volume_is_filled_once_and_never_over_what_is_there() {
        let temp = TempDir::new();
        let store = store(&temp);
        let volume = store.create_volume(&record("one")).unwrap();
        thread::scope(|scope| {
            for number in 0..4 {
                let volume = &volume;
                scope.spawn(move || volume.fill(copy(&number.to_string())).unwrap());
            }
        });
        let content = fs::read_to_string(volume.data().join("file")).unwrap();
        fs::remove_file(volume.data().join("file")).unwrap();
        volume.fill(copy("again")).unwrap();
        assert_eq!((content.len(), fs::read_dir(volume.data()).unwrap().count()), (1, 0));

        let volume = store.create_volume(&record("two")).unwrap();
        fs::write(volume.data().join("own"), "").unwrap();
        volume.fill(copy("image's")).unwrap();
        assert!(!volume.data().join("file").exists() && !volume.path.join(FRESH).exists());
    }

    #[test]
    fn what_was_interrupted_is_begun_again() {
        let temp = TempDir::new();
        let volume = store(&temp).create_volume(&record("one")).unwrap();
        let half = |directory: OwnedFd, name: &Path| {
            sys::fs::mkdir_at(&directory, name, 0o700).unwrap();
            Err(Error::NoSuchVolume("killed".into()))
        };
        assert!(volume.fill(half).is_err());
        assert_eq!(fs::read_dir(volume.data()).unwrap().count(), 0);
        volume.fill(copy("whole")).unwrap();
        assert_eq!(fs::read_to_string(volume.data().join("file")).unwrap(), "whole");
    }
}
