//! The sandboxes of the store: their names, and what is written down about them.
//!
//! ```text
//! sandboxes/ID/config.json    what it is: written once, before it is seen
//! sandboxes/ID/state.json     how it goes: replaced at each change
//! sandboxes/ID/paused         the workload that is held, if it is
//! sandboxes/ID/image          the manifest that it needs
//! names/NAME                  a link to ID
//! ```
//!
//! A sandbox that vanishes with its command has the same files in
//! `tmp/sandbox-ID`, but for `image`: its supervisor's lock keeps that.
//!
//! Nobody takes a lock to look. Who starts or removes a sandbox that is kept
//! holds the exclusive lock on its directory; a supervisor holds it as long as it
//! lives.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::FileExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use nix::errno::Errno;
use serde::{Serialize, de::DeserializeOwned};

use super::{Error, SandboxDir, Store, collect, lock, sandbox_dir::Place};
use crate::{
    oci::{Digest, ProcessId, SandboxConfig, SandboxState, Status},
    sys::{
        self, Named,
        fs::{Lock, exchange, flock, open_directory, rename_to_free},
    },
};

pub(super) const CONFIG: &str = "config.json";
pub(super) const STATE: &str = "state.json";
pub(super) const PAUSED: &str = "paused";
const IMAGE: &str = "image";
/// Bytes of a name, which is that of a link.
pub(super) const MAX_NAME: usize = 200;
/// Where links from names to ids are.
pub(super) const NAMES: &str = "names";
/// How directories in `tmp` that are sandboxes begin.
pub(super) const PASSING: &str = "sandbox-";
/// Configs that we wrote are smaller: the longest part is a seccomp profile.
const MAX_RECORD: u64 = 8 << 20;

/// A name that stands for a sandbox as long as this lives, unless it is kept.
#[derive(Debug)]
pub(super) struct Claim {
    path: PathBuf,
    kept: bool,
}

/// A sandbox as it was found; it may have changed or gone since.
#[derive(Debug, Clone)]
pub struct StoredSandbox {
    root: PathBuf,
    spare: PathBuf,
    path: PathBuf,
    id: String,
    is_kept: bool,
}

impl Store {
    /// All sandboxes, in no order.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn sandboxes(&self) -> Result<Vec<StoredSandbox>, Error> {
        let kept = self.listed(&self.sandboxes_dir(), "")?;
        let passing = self.listed(&self.tmp(), PASSING)?;
        let kept = kept.into_iter().map(|id| self.stored(id, true));
        let passing = passing.into_iter().map(|id| self.stored(id, false));
        // What has no config yet is not there yet.
        Ok(kept.chain(passing).filter(|found| found.path.join(CONFIG).exists()).collect())
    }

    /// The sandbox that `name` stands for: a name, an id, or as much of an id as
    /// no other begins with.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn sandbox(&self, name: &str) -> Result<StoredSandbox, Error> {
        let by_name = self.id_of(name).map(|id| self.place_of(&id));
        if let Some(found) = by_name.filter(|found| found.path.exists()) {
            return Ok(found);
        }
        let all = self.sandboxes()?;
        if let Some(exact) = all.iter().find(|sandbox| sandbox.id == name) {
            return Ok(exact.clone());
        }
        let mut found = all.into_iter().filter(|sandbox| sandbox.id.starts_with(name));
        match (found.next().filter(|_| !name.is_empty()), found.next()) {
            (Some(one), None) => Ok(one),
            (Some(_), Some(_)) => Err(Error::SandboxAmbiguous(name.into())),
            (None, _) => Err(Error::NoSuchSandbox(name.into())),
        }
    }

    /// Lets `name` stand for `id`, until the claim is dropped.
    pub(super) fn claim(&self, name: &str, id: &str) -> Result<Claim, Error> {
        if !is_safe(name) {
            return Err(Error::SandboxName(name.into()));
        }
        let names = self.sandbox_names();
        let path = names.join(name);
        let claim = || {
            // One at a time: a link that leads nowhere is replaced.
            let lock = match open_directory(&names) {
                // An older store knew no names.
                Err(error) if error.errno == Errno::ENOENT => {
                    self.create()?;
                    open_directory(&names)?
                }
                opened => opened?,
            };
            let _ = flock(&lock, Lock::Exclusive);
            if self.id_of(name).is_some_and(|id| self.place_of(&id).path.exists()) {
                return Ok(None);
            }
            let _ = fs::remove_file(&path);
            std::os::unix::fs::symlink(id, &path).named(|| format!("symlink({path:?})"))?;
            Ok(Some(Claim { path: path.clone(), kept: false }))
        };
        let claimed = claim().map_err(|source| self.failed(source))?;
        claimed.ok_or_else(|| Error::SandboxExists(name.into()))
    }

    /// Lets `name` stand for a sandbox, and no longer what it was called before.
    ///
    /// # Errors
    /// If `name` is not safe, or if another sandbox has it.
    pub fn rename_sandbox(&self, sandbox: &StoredSandbox, name: &str) -> Result<(), Error> {
        let mut config = sandbox.config()?;
        let mut new = self.claim(name, &sandbox.id)?;
        let old = config.name.replace(name.into());
        let json = serde_json::to_vec(&config).map_err(Error::Record)?;
        write(&sandbox.path, CONFIG, &json).map_err(|source| self.failed(source))?;
        new.kept = true;
        drop(old.map(|old| Claim { path: self.sandbox_names().join(old), kept: false }));
        Ok(())
    }

    fn id_of(&self, name: &str) -> Option<String> {
        let link = is_safe(name).then(|| self.sandbox_names().join(name))?;
        fs::read_link(link).ok()?.into_os_string().into_string().ok()
    }

    fn place_of(&self, id: &str) -> StoredSandbox {
        self.stored(id.into(), self.sandboxes_dir().join(id).exists())
    }

    fn stored(&self, id: String, is_kept: bool) -> StoredSandbox {
        let path = if is_kept { self.sandboxes_dir().join(&id) } else { self.passing(&id) };
        let (root, spare) = (self.root.clone(), self.spare());
        StoredSandbox { root, spare, path, id, is_kept }
    }

    /// What is listed in `dir` after this prefix.
    fn listed(&self, dir: &Path, prefix: &str) -> Result<Vec<String>, Error> {
        let names = collect::names(dir).map_err(|source| self.failed(source))?;
        Ok(names.iter().filter_map(|name| name.strip_prefix(prefix).map(str::to_owned)).collect())
    }

    /// The manifests that sandboxes which are kept need, but for those that are
    /// `gone`.
    pub(super) fn manifests_of_sandboxes(&self, gone: &[SandboxDir]) -> sys::Result<Vec<Digest>> {
        let stays = |id: &String| gone.iter().all(|sandbox| sandbox.id != *id);
        let all = self.images_of_sandboxes()?.into_iter();
        Ok(all.filter(|(id, _)| stays(id)).map(|(_, manifest)| manifest).collect())
    }

    /// The ids of the sandboxes that are kept, and the manifests that they need.
    pub(super) fn images_of_sandboxes(&self) -> sys::Result<Vec<(String, Digest)>> {
        let ids = collect::names(&self.sandboxes_dir())?;
        let image = |id: String| {
            let text = fs::read_to_string(self.sandboxes_dir().join(&id).join(IMAGE)).ok()?;
            Some((id, text.parse().ok()?))
        };
        Ok(ids.into_iter().filter_map(image).collect())
    }

    /// Takes hold of the sandboxes that are kept, do not run, and last did or
    /// were changed before this time; those that hold changes of the host's files
    /// are the second.
    pub(super) fn idle_sandboxes(
        &self,
        before: Option<SystemTime>,
    ) -> sys::Result<(Vec<SandboxDir>, Vec<SandboxDir>)> {
        let mut idle = Vec::new();
        for id in collect::names(&self.sandboxes_dir())? {
            let sandbox = self.stored(id, true);
            if before.is_none_or(|before| sandbox.changed().is_some_and(|time| time < before)) {
                idle.extend(sandbox.seize()?);
            }
        }
        Ok(idle.into_iter().partition(|sandbox| !sandbox.holds_changes()))
    }
}

impl SandboxDir {
    /// Lets the sandbox stay until it is removed, and keep the image whose
    /// manifest this is. What it writes will be on disk when it has ended, unless
    /// `is_volatile`; then [`SandboxDir::settle_changes`] sees to that.
    ///
    /// # Errors
    /// If the directory cannot be written.
    pub fn keep(&mut self, image: Option<&Digest>, is_volatile: bool) -> Result<(), Error> {
        let Place::Passing(draft) = &mut self.place else { return Ok(()) };
        let path = self.root.join("sandboxes").join(&self.id);
        let mut keep = || {
            if let Some(image) = image {
                write(draft.path(), IMAGE, image.to_string().as_bytes())?;
            }
            draft.rename(&path)
        };
        keep().map_err(|source| Error::Store { root: self.root.clone(), source })?;
        let Some(lock) = draft.stay() else { return Ok(()) };
        self.place = Place::Kept { path, _lock: lock };
        self.is_volatile = is_volatile;
        if let Some(name) = &mut self.name {
            name.kept = true;
        }
        Ok(())
    }

    /// Writes `config.json`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_config(&self, config: &SandboxConfig) -> Result<(), Error> {
        self.write(CONFIG, config)
    }

    /// Replaces `state.json`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_state(&self, state: &SandboxState) -> Result<(), Error> {
        self.write(STATE, state)
    }

    fn write(&self, file: &str, value: &impl Serialize) -> Result<(), Error> {
        let json = serde_json::to_vec(value).map_err(Error::Record)?;
        write(self.path(), file, &json)
            .map_err(|source| Error::Store { root: self.root.clone(), source })
    }
}

impl StoredSandbox {
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it stays when it has ended.
    pub fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// What it is.
    ///
    /// # Errors
    /// If it has gone, is damaged, or was written by another version.
    pub fn config(&self) -> Result<SandboxConfig, Error> {
        let config: SandboxConfig = self.read(CONFIG)?;
        match config.version {
            SandboxConfig::VERSION => Ok(config),
            version => Err(Error::SandboxVersion { id: self.id.clone(), version }),
        }
    }

    /// How it went when somebody last wrote it down.
    ///
    /// # Errors
    /// If it has gone or is damaged.
    pub fn state(&self) -> Result<SandboxState, Error> {
        let mut state: SandboxState =
            self.read(STATE).or_else(|error| self.after_a_power_cut(error))?;
        if state.status == Status::Running && state.process.is_some() {
            // What is written of another workload is about an earlier run.
            let held: Option<ProcessId> = self.read(PAUSED).ok();
            state.status = if held == state.process { Status::Paused } else { Status::Running };
        }
        Ok(state)
    }

    /// Replaces what it is to be like when it is started again.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn rewrite_config(&self, config: &SandboxConfig) -> Result<(), Error> {
        let json = serde_json::to_vec(config).map_err(Error::Record)?;
        write(&self.path, CONFIG, &json)
            .map_err(|source| Error::Store { root: self.root.clone(), source })
    }

    /// Writes down that this workload is held; it need not be taken back when it
    /// has ended.
    ///
    /// # Errors
    /// If the directory has gone, or cannot be written.
    pub fn mark_paused(&self, workload: ProcessId) -> Result<(), Error> {
        let json = serde_json::to_vec(&workload).map_err(Error::Record)?;
        write(&self.path, PAUSED, &json).map_err(|source| self.failed(source))
    }

    /// Takes [`StoredSandbox::mark_paused`] back.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn unmark_paused(&self) -> Result<(), Error> {
        let path = self.path.join(PAUSED);
        match fs::remove_file(&path).named(|| format!("unlink({path:?})")) {
            Err(error) if error.errno != Errno::ENOENT => Err(self.failed(error)),
            _ => Ok(()),
        }
    }

    /// Takes hold of a sandbox that is kept; none if somebody starts, runs or
    /// removes it.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn take(&self) -> Result<Option<SandboxDir>, Error> {
        self.seize().map_err(|source| self.failed(source))
    }

    fn seize(&self) -> sys::Result<Option<SandboxDir>> {
        let lock = lock::exclusive(&self.path)?.filter(|_| self.is_kept);
        Ok(lock.map(|lock| SandboxDir {
            id: self.id.clone(),
            root: self.root.clone(),
            spare: self.spare.clone(),
            place: Place::Kept { path: self.path.clone(), _lock: lock },
            name: self.claimed_name(),
            is_volatile: false,
        }))
    }

    /// When its state last changed; without one, when its directory did.
    fn changed(&self) -> Option<SystemTime> {
        let state = fs::metadata(self.path.join(STATE)).or_else(|_| fs::metadata(&self.path));
        state.and_then(|metadata| metadata.modified()).ok()
    }

    /// Waits until nobody runs it; at once if it has gone.
    ///
    /// # Errors
    /// If that cannot be told.
    pub fn wait(&self) -> Result<(), Error> {
        lock::wait(&self.path).map_err(|source| self.failed(source))
    }

    /// Looked up, for its config may be damaged.
    fn claimed_name(&self) -> Option<Claim> {
        let names = fs::read_dir(self.root.join(NAMES)).ok()?;
        let mut paths = names.flatten().map(|name| name.path());
        let path = paths.find(|path| fs::read_link(path).is_ok_and(|id| id == Path::new(&self.id)));
        path.map(|path| Claim { path, kept: true })
    }

    fn read<T: DeserializeOwned>(&self, file: &str) -> Result<T, Error> {
        let path = self.path.join(file);
        let read = || -> std::io::Result<Vec<u8>> {
            let file = fs::File::open(&path)?;
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut std::io::Read::take(file, MAX_RECORD), &mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().named(|| format!("read({path:?})")).map_err(|source| {
            match (source.errno, self.path.exists()) {
                (Errno::ENOENT, false) => Error::NoSuchSandbox(self.id.clone()),
                _ => self.failed(source),
            }
        })?;
        serde_json::from_slice(&bytes)
            .map_err(|source| Error::SandboxDamaged { id: self.id.clone(), source })
    }

    /// What ran then has ended.
    fn after_a_power_cut(&self, error: Error) -> Result<SandboxState, Error> {
        match fs::metadata(self.path.join(STATE)) {
            Ok(metadata) if metadata.len() == 0 => Ok(SandboxState {
                status: Status::Exited,
                error: Some("how it ended was not written down before the machine stopped".into()),
                ..SandboxState::created()
            }),
            _ => Err(error),
        }
    }

    fn failed(&self, source: sys::Error) -> Error {
        Error::Store { root: self.root.clone(), source }
    }
}

impl Claim {
    /// The name, and its link, go with the sandbox.
    pub(super) fn release(&mut self) {
        self.kept = false;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Replaces a file at once: whoever reads it finds the old one or the new one.
///
/// Not by rename(2): ext4 starts to write the content to the disk when a name is
/// taken over, and whoever removes the file soon after waits for that, 3 ms where
/// it is mounted with `discard`. After a power cut the file may be empty.
fn write(dir: &Path, file: &str, content: &[u8]) -> sys::Result<()> {
    let (path, new) = (dir.join(file), dir.join(format!(".{file}")));
    match fs::write(&new, content).named(|| format!("write({new:?})")) {
        Err(error) if matches!(error.errno, Errno::ENOSPC | Errno::EDQUOT) && path.exists() => {
            let _ = fs::remove_file(&new);
            return write_in_place(&path, content).named(|| format!("write({path:?})"));
        }
        written => written?,
    }
    match rename_to_free(&new, &path) {
        Err(error) if error.errno == Errno::EEXIST => {
            exchange(&new, &path)?;
            fs::remove_file(&new).named(|| format!("unlink({new:?})"))
        }
        renamed => renamed,
    }
}

/// Where there is no room for a second file. The end is filled with spaces, which
/// JSON allows, so that no reader finds a part of the old content.
fn write_in_place(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let file = fs::OpenOptions::new().write(true).open(path)?;
    let old = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    let mut content = content.to_vec();
    content.resize(content.len().max(old), b' ');
    file.write_all_at(&content, 0)
}

fn is_safe(name: &str) -> bool {
    let name = OsStr::new(name).as_bytes();
    let safe = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    name.iter().all(safe)
        && name.len() <= MAX_NAME
        && name.first().is_some_and(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::testing::{TempDir, digest, store};

    #[test]
    fn a_name_is_one_safe_component() {
        for good in ["a", "0", "web-1", "a.b_c"] {
            assert!(is_safe(good), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "-x", "a b", "a\0", "ä", &"a".repeat(201)] {
            assert!(!is_safe(bad), "{bad}");
        }
    }

    #[test]
    fn a_living_sandbox_keeps_its_name() {
        let temp = TempDir::new();
        let store = store(&temp);
        let first = store.create_sandbox("0a", Some("web")).unwrap();
        let error = store.create_sandbox("0b", Some("web")).unwrap_err();
        assert_eq!(error.to_string(), "a sandbox named `web` exists already");
        drop(first);
        store.create_sandbox("0c", Some("web")).unwrap().remove().unwrap();
        assert_eq!(collect::names(&store.tmp()).unwrap(), [""; 0]);
        assert_eq!(collect::names(&store.sandbox_names()).unwrap(), [""; 0]);
    }

    #[test]
    fn a_name_that_a_dead_process_left_is_free() {
        let temp = TempDir::new();
        let store = store(&temp);
        std::os::unix::fs::symlink("dead", store.sandbox_names().join("web")).unwrap();
        let sandbox = store.create_sandbox("0a", Some("web")).unwrap();
        assert_eq!(store.id_of("web"), Some("0a".into()));
        drop(sandbox);
    }

    #[test]
    fn what_is_kept_stays_until_it_is_removed() {
        let temp = TempDir::new();
        let store = store(&temp);
        let mut sandbox = store.create_sandbox("0a1b", Some("web")).unwrap();
        sandbox.write_state(&SandboxState::created()).unwrap();
        fs::write(sandbox.path().join(CONFIG), "{}").unwrap();
        sandbox.keep(Some(&digest(b"manifest")), false).unwrap();
        let found = store.sandbox("0a").unwrap();
        assert!(found.take().unwrap().is_none());
        drop(sandbox);
        assert_eq!(store.manifests_of_sandboxes(&[]).unwrap(), [digest(b"manifest")]);
        assert_eq!(found.state().unwrap(), SandboxState::created());
        let error = found.config().unwrap_err().to_string();
        assert_eq!(error, "the record of the sandbox 0a1b is damaged");
        assert!(store.create_sandbox("0c", Some("web")).is_err());
        found.take().unwrap().unwrap().remove().unwrap();
        let error = store.sandbox("web").unwrap_err().to_string();
        assert_eq!(error, "there is no sandbox `web`");
    }

    #[test]
    fn as_much_of_an_id_as_tells_it_apart_is_enough() {
        let temp = TempDir::new();
        let store = store(&temp);
        let all = ["0a1", "0a2", "0a"].map(|id| store.create_sandbox(id, None).unwrap());
        all.iter().for_each(|it| fs::write(it.path().join(CONFIG), "{}").unwrap());
        assert_eq!(store.sandbox("0a1").unwrap().id(), "0a1");
        let error = store.sandbox("0").unwrap_err().to_string();
        assert_eq!(error, "several sandboxes have an id that begins with `0`");
        assert!(store.sandbox("").is_err() && store.sandbox("../x").is_err());
    }
}
