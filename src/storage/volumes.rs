//! Volumes: directories with a life of their own.
//!
//! ```text
//! volumes/NAME/volume.json    what it is: written once, before it is seen
//! volumes/NAME/data           what is in it
//! volumes/NAME/fresh          there until somebody has used it
//! volumes/NAME/filling        what an image has for it, half-copied
//! volumes/NAME/kept           who was the caller to the first who used it, if not root
//! volumes/NAME/csi.json       how far a CSI driver is with it (`csi`); `csi.lock` beside it
//! ```
//!
//! Who uses a volume holds a shared lock on its directory, who removes it an exclusive
//! one. The first to use it fills it, under a lock on `fresh`: what the image has is
//! copied to `filling`, which takes the place of `data` only if that is empty. So a
//! volume is never filled half, nor twice, nor over what somebody has put there. A copy
//! of another volume is seen when it is whole.
//!
//! A stopped sandbox holds no lock, but is written down with the names of its volumes.
//! Whoever makes one holds them until that is so, and whoever removes a volume looks
//! for such names under the lock.

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
    csi, lock,
    measure::Measure,
    temporary::{Draft, remove},
};
use crate::{
    oci::{KeepId, MountSource, VolumeKind, VolumeRecord},
    sys::{
        self, Named,
        fs::{Lock, entries, flock, lstat, mkdir, open_directory, sync_file_system},
    },
};

pub(super) const VOLUMES: &str = "volumes";
const RECORD: &str = "volume.json";
const DATA: &str = "data";
const FRESH: &str = "fresh";
const FILLING: &str = "filling";
const KEPT: &str = "kept";
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

/// The record of the volume of this name in the store at `root`; none if it cannot be read. For
/// those who have no domain yet, and so no store.
pub fn volume_record(root: &Path, name: &str) -> Option<VolumeRecord> {
    let path = root.join(VOLUMES).join(name);
    read_record(&path).ok().filter(|record| record.name == name)
}

impl Store {
    /// Makes a volume.
    ///
    /// # Errors
    /// [`Error::VolumeExists`] if there is one of this name.
    pub fn create_volume(&self, record: &VolumeRecord) -> Result<StoredVolume, Error> {
        self.publish_volume(record, |draft| {
            let directory = draft.path();
            if record.kind == VolumeKind::Directory {
                mkdir(&directory.join(DATA), 0o755)?;
                fs::write(directory.join(FRESH), "").named(|| format!("write({FRESH:?})"))?;
            }
            if record.is_a_drivers() {
                // What a driver makes stays where it is, whatever becomes of us.
                open_directory(directory).and_then(sync_file_system)?;
            }
            Ok::<_, sys::Error>(())
        })
        .map_err(|error| match error {
            Publishing::Making(source) => self.failed(source),
            Publishing::Rest(error) => error,
        })
    }

    /// Makes a volume with something in it, which nobody sees before it is whole; an
    /// image has no say in it. `copy` makes a directory of this name in this one.
    ///
    /// # Errors
    /// Those of `copy`, and of [`Store::create_volume`].
    pub fn create_volume_with<E: From<Error>>(
        &self,
        record: &VolumeRecord,
        copy: impl FnOnce(OwnedFd, &Path) -> Result<(), E>,
    ) -> Result<StoredVolume, E> {
        self.publish_volume(record, |draft| {
            let failed = |source| E::from(self.failed(source));
            let directory = open_directory(draft.path()).map_err(failed)?;
            copy(directory, Path::new(DATA))?;
            draft.sync().map_err(failed)
        })
        .map_err(|error| match error {
            Publishing::Making(error) => error,
            Publishing::Rest(error) => error.into(),
        })
    }

    fn publish_volume<E>(
        &self,
        record: &VolumeRecord,
        make: impl FnOnce(&Draft) -> Result<(), E>,
    ) -> Result<StoredVolume, Publishing<E>> {
        let failed = |source| Publishing::Rest(self.failed(source));
        let exists = || Publishing::Rest(Error::VolumeExists(record.name.clone()));
        let path = self.volumes_dir().join(&record.name);
        if path.exists() {
            return Err(exists()); // Before anything is copied.
        }
        let json = serde_json::to_vec(record).map_err(Error::Record).map_err(Publishing::Rest)?;
        match mkdir(&self.volumes_dir(), 0o700) {
            Err(error) if error.errno != Errno::EEXIST => return Err(failed(error)),
            _ => {}
        }
        let mut draft = Draft::new_directory(&self.tmp()).map_err(failed)?;
        let file = draft.path().join(RECORD);
        fs::write(file, &json).named(|| format!("write({RECORD:?})")).map_err(failed)?;
        make(&draft).map_err(Publishing::Making)?;
        match draft.leave(&path) {
            Err(error) if error.errno == Errno::EEXIST => return Err(exists()),
            left => left.map_err(failed)?,
        }
        Ok(StoredVolume { root: self.root.clone(), path, record: record.clone() })
    }

    /// The volume of this name, made if there is none: nobody removes it as long as the
    /// second part lives.
    ///
    /// # Errors
    /// If it cannot be made, or its record is damaged.
    pub fn use_volume(&self, record: &VolumeRecord) -> Result<(StoredVolume, HeldVolume), Error> {
        loop {
            let volume = match self.create_volume(record) {
                Err(Error::VolumeExists(name)) => self.volume(&name),
                made => made,
            };
            match volume.and_then(|volume| volume.hold().map(|held| (volume, held))) {
                Err(Error::NoSuchVolume(_)) => {} // Somebody was quicker to remove it.
                used => return used,
            }
        }
    }

    /// Removes a volume with all that is in it; its record may be damaged.
    ///
    /// # Errors
    /// [`Error::VolumeInUse`] if somebody uses it, or a sandbox names it.
    pub fn remove_volume(&self, name: &str) -> Result<(), Error> {
        self.remove_volume_after(name, || Ok(()))
    }

    /// The same, once `undo` has succeeded: nobody can use it by then.
    ///
    /// # Errors
    /// Those of `undo`, too.
    pub fn remove_volume_after<E: From<Error>>(
        &self,
        name: &str,
        undo: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let path = self.path_of_volume(name)?;
        let lock = lock::exclusive(&path).map_err(|source| self.failed(source))?;
        let in_use = |users| Err(Error::VolumeInUse { name: name.into(), users }.into());
        let users = self.users_of_volumes()?.remove(name);
        match (lock, users) {
            (None, _) if !path.exists() => Err(Error::NoSuchVolume(name.into()).into()),
            (_, Some(users)) => in_use(users),
            (None, None) => in_use(Vec::new()),
            (Some(_lock), None) => {
                undo()?;
                let discarded = discard(&path, &self.tmp()).map(drop);
                discarded.map_err(|source| self.failed(source).into())
            }
        }
    }

    fn path_of_volume(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.volumes_dir().join(name);
        let is_one_component = Path::new(name).components().count() == 1 && !name.starts_with('.');
        match is_one_component && path.exists() {
            true => Ok(path),
            false => Err(Error::NoSuchVolume(name.into())),
        }
    }

    /// The volume of this name.
    ///
    /// # Errors
    /// [`Error::NoSuchVolume`] if there is none.
    pub fn volume(&self, name: &str) -> Result<StoredVolume, Error> {
        loop {
            let path = self.path_of_volume(name)?;
            let which = || lstat(&path).map(|there| (there.st_ino, there.st_ctime_nsec)).ok();
            let before = which();
            match read_record(&path) {
                Ok(record) => return Ok(StoredVolume { root: self.root.clone(), path, record }),
                // It was removed while we looked; there may be another one.
                Err(_) if before.is_none() || which() != before => {}
                Err(source) => return Err(Error::VolumeDamaged { name: name.into(), source }),
            }
        }
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

/// Why a volume was not made.
enum Publishing<E> {
    /// What makes its content has failed.
    Making(E),
    Rest(Error),
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

    /// Where what is in it is on the host; none if it is nowhere to be seen there.
    pub fn mountpoint(&self) -> Option<PathBuf> {
        match &self.record.kind {
            VolumeKind::Directory => Some(self.data()),
            VolumeKind::Bind { source, .. } => Some(source.clone()),
            VolumeKind::Tmpfs { .. }
            | VolumeKind::Image { .. }
            | VolumeKind::Csi(_)
            | VolumeKind::CsiSnapshot(_) => None,
        }
    }

    /// How far a CSI driver is with it.
    ///
    /// # Errors
    /// If that is damaged.
    pub fn csi_state(&self) -> Result<csi::State, Error> {
        Ok(csi::State::read(&self.path)?)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
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

    /// Who is the caller in the sandboxes that it belongs to; none where root is. Owners
    /// on disk are to be read so.
    pub fn kept(&self) -> Option<KeepId> {
        let file = File::open(self.path.join(KEPT)).ok()?;
        serde_json::from_reader(io::Read::take(file, MAX_RECORD)).ok()
    }

    /// Notes down who that is, before it is used.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep(&self, keep: KeepId) -> Result<(), Error> {
        let json = serde_json::to_vec(&keep).map_err(Error::Record)?;
        let written = fs::write(self.path.join(KEPT), json).named(|| format!("write({KEPT:?})"));
        written.map_err(|source| self.failed(source))
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
            if !self.record.anonymous {
                // Else a power cut might leave files without content, never to be filled.
                open_directory(&filling).and_then(sync_file_system).map_err(failed)?;
            }
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
        assert!(matches!(store.remove_volume("data"), Err(Error::VolumeInUse { .. })));
        drop(held);
        store.remove_volume("data").unwrap();
        assert!(matches!(store.remove_volume("data"), Err(Error::NoSuchVolume(_))));
        assert!(matches!(made.hold(), Err(Error::NoSuchVolume(_))));
        assert_eq!(fs::read_dir(store.tmp()).unwrap().count(), 0);
    }

    #[test]
    fn a_volume_remembers_who_was_the_caller() {
        let temp = TempDir::new();
        let volume = store(&temp).create_volume(&record("data")).unwrap();
        assert_eq!(volume.kept(), None);
        let keep = KeepId { uid: 1000, gid: 7 };
        volume.keep(keep).unwrap();
        assert_eq!(volume.kept(), Some(keep));
        fs::write(volume.path.join(KEPT), "{").unwrap();
        assert_eq!(volume.kept(), None);
    }

    #[test]
    fn a_damaged_volume_can_be_removed() {
        let temp = TempDir::new();
        let store = store(&temp);
        let made = store.create_volume(&record("data")).unwrap();
        fs::write(made.path.join(RECORD), "{").unwrap();
        assert!(matches!(store.volume("data"), Err(Error::VolumeDamaged { .. })));
        store.remove_volume("data").unwrap();
        assert!(!made.path.exists());
    }

    #[test]
    fn a_copy_is_seen_when_it_is_whole_and_filled_by_nobody_else() {
        let temp = TempDir::new();
        let store = store(&temp);
        let looks = |directory: OwnedFd, name: &Path| {
            copy("whole")(directory, name)?;
            assert!(matches!(store.volume("one"), Err(Error::NoSuchVolume(_))));
            Ok::<_, Error>(())
        };
        let made = store.create_volume_with(&record("one"), looks).unwrap();
        made.fill(copy("image's")).unwrap();
        assert_eq!(fs::read_to_string(made.data().join("file")).unwrap(), "whole");

        let fails = |directory: OwnedFd, name: &Path| {
            copy("half")(directory, name)?;
            Err(Error::NoSuchVolume("killed".into()))
        };
        assert!(store.create_volume_with(&record("two"), fails).is_err());
        assert!(matches!(store.volume("two"), Err(Error::NoSuchVolume(_))));
        let again = store.create_volume_with(&record("one"), |_, _| unreachable!("it is there"));
        assert!(matches!(again.map_err(|error: Error| error), Err(Error::VolumeExists(_))));
        assert_eq!(fs::read_dir(store.tmp()).unwrap().count(), 0);
    }

    #[test]
    fn who_is_about_to_use_a_volume_never_loses_it() {
        let temp = TempDir::new();
        let store = store(&temp);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let (volume, _held) = store.use_volume(&record("one")).unwrap();
                        fs::write(volume.data().join("mine"), "").unwrap();
                    }
                });
            }
            scope.spawn(|| {
                for _ in 0..400 {
                    match store.remove_volume("one") {
                        Err(Error::VolumeInUse { .. } | Error::NoSuchVolume(_)) => {}
                        removed => removed.unwrap(),
                    }
                }
            });
        });
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
