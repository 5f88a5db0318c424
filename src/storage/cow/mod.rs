//! Directories of the host that a sandbox sees copy-on-write.
//!
//! ```text
//! sandboxes/ID/cow/N/upper    what the sandbox has changed, as overlayfs keeps it
//! sandboxes/ID/cow/N/work     overlayfs's own
//! sandboxes/ID/cow/N/starts   when the sandbox was started, and on which directory
//! ```
//!
//! `N` is the place of the mount among those of the sandbox. Nothing is walked or
//! copied when it starts: the host's directory is the lower one of an overlay.
//!
//! What has changed is found by `compare.rs`; whether the host has changed since, by
//! `drift.rs`; `carry.rs` takes changes over to the host, and `fold.rs` gives up what is
//! alike on both sides. `flagged.rs` knows what is not taken over unless it is named.

mod carry;
mod choose;
mod compare;
mod drift;
mod flagged;
mod fold;
mod sides;

use std::{
    fs,
    io::Write,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use nix::errno::Errno;

pub use self::sides::{FileChange, Side};
use self::{
    carry::{Carrier, STAGING},
    compare::{Change, Walk},
    drift::Starts,
};
use super::{
    Difference, Error, SandboxDir, StoredSandbox,
    merged::{hides, is_opaque, there},
    remove::{remove_content, remove_tree},
    rootfs::contains,
    tree_tar::copy_error,
};
use crate::{
    oci::Overlay,
    sys::{
        self, Named,
        fs::{
            chmod, entries, fchmod, fstat, mkdir, open_directory, open_directory_at, stat_at,
            sync_file_system,
        },
    },
};

/// Where it is in the directory of a sandbox.
pub(super) const COW: &str = "cow";
const UPPER: &str = "upper";
const WORK: &str = "work";
const STARTS: &str = "starts";

impl SandboxDir {
    /// The overlay that shows `source`, of the host, and takes what the sandbox changes;
    /// it is the mount of this number.
    ///
    /// The overlay is `volatile`: else each file that is changed would be synced when it
    /// is copied (`filesystems/overlayfs.rst`, "Volatile mount"). What stays is synced
    /// once, when the sandbox has ended ([`SandboxDir::settle_changes`]).
    ///
    /// To be called once the ids are mapped: what overlayfs has made is nobody's before.
    ///
    /// # Errors
    /// [`Error::HoldsStore`] if the store is in that directory, which overlayfs refuses;
    /// or if the directories cannot be made.
    pub fn copy_on_write(&self, number: usize, source: &Path) -> Result<Overlay, Error> {
        let failed = |error| Error::Directory { path: source.into(), source: error };
        let lower = source.canonicalize().named(|| format!("realpath({source:?})"));
        let lower = lower.map_err(failed)?;
        if contains(&lower, self.path()) {
            return Err(Error::HoldsStore { path: source.into(), root: self.root.clone() });
        }
        let there = open_directory(&lower).and_then(fstat).map_err(failed)?;
        let place = self.path().join(COW).join(number.to_string());
        let (upper, work) = (place.join(UPPER), place.join(WORK));
        let make = || {
            make_directory(&self.path().join(COW))?;
            make_directory(&place)?;
            if make_directory(&upper)? {
                chmod(&upper, there.st_mode & 0o7777)?; // It is the directory that is seen.
            }
            make_directory(&work)?;
            forget_volatile(&work)?; // Left by one that was killed, as is its own.
            forget_volatile(&self.path().join(WORK))?;
            note_start(&place.join(STARTS), there.st_ino)
        };
        make().map_err(|source| Error::Store { root: self.root.clone(), source })?;
        Ok(Overlay { lower: vec![lower], upper: Some(upper), work: Some(work), volatile: true })
    }
}

impl SandboxDir {
    /// To be called once it has ended: whether it has changed anything that it saw
    /// copy-on-write. That is on disk then, and can be mounted again.
    ///
    /// # Errors
    /// If the directories cannot be read, or not be synced.
    pub fn settle_changes(&self) -> Result<bool, Error> {
        let settle = || {
            let changed = changed_places(self.path())?;
            let Some(first) = changed.first() else { return Ok(false) };
            sync_file_system(open_directory(first)?)?;
            changed.iter().try_for_each(|place| forget_volatile(&place.join(WORK)))?;
            if self.is_volatile {
                forget_volatile(&self.path().join(WORK))?;
            }
            Ok(true)
        };
        settle().map_err(|source| Error::Store { root: self.root.clone(), source })
    }

    /// Whether it has changed anything that it saw copy-on-write, which was neither
    /// applied nor discarded. What cannot be read counts as changed.
    pub fn holds_changes(&self) -> bool {
        changed_places(self.path()).map_or(true, |changed| !changed.is_empty())
    }
}

/// One such directory, and what the sandbox has changed of it.
#[derive(Debug)]
pub struct Cow {
    id: String,
    /// The host's directory.
    host: OwnedFd,
    /// The file system that it is on.
    device: u64,
    upper: OwnedFd,
    starts: Starts,
    /// Whether nobody has synced it since the sandbox last ran.
    is_volatile: bool,
    /// Where something else is mounted, relative.
    mount_points: Vec<PathBuf>,
}

/// Why a change is not carried to the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// This path, relative, has changed on the host since the sandbox was started.
    Drifted(PathBuf),
    /// Something else is mounted there on the host.
    Mounted,
    Device,
    Socket,
    /// It would run as its owner or group, whoever runs it.
    SetId,
}

/// Why a change is left out unless it is named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// The host runs what is at this path, relative, by itself.
    Runs(PathBuf),
    /// It is a link that leads out of the directory.
    LeadsOut(PathBuf),
}

/// What is to be carried.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Relative; all, if there is none.
    pub paths: &'a [PathBuf],
    /// Whether it is only to be told.
    pub dry_run: bool,
    /// Whether what has changed on the host is overwritten.
    pub force: bool,
}

/// What became of it; paths are relative.
#[derive(Debug, Default)]
pub struct Applied {
    pub carried: Vec<(Difference, PathBuf)>,
    pub refused: Vec<(PathBuf, Refusal)>,
    pub left_out: Vec<Flag>,
    /// Those of the paths that were named where nothing has changed.
    pub unchanged: Vec<PathBuf>,
}

impl StoredSandbox {
    /// What it has changed of `source`, its mount of this number; `mount_points`, relative,
    /// are none of that. None if it was never started.
    ///
    /// # Errors
    /// [`Error::OtherDirectory`] if another directory is there by now.
    pub fn copied_on_write(
        &self,
        number: usize,
        source: &Path,
        mount_points: Vec<PathBuf>,
    ) -> Result<Option<Cow>, Error> {
        let place = self.path().join(COW).join(number.to_string());
        if !place.join(STARTS).exists() {
            return Ok(None);
        }
        let failed = |error| Error::Directory { path: source.into(), source: error };
        let host = open_directory(source).map_err(failed)?;
        let there = fstat(&host).map_err(failed)?;
        let open = || Ok((open_directory(&place.join(UPPER))?, Starts::read(&place.join(STARTS))?));
        let (upper, starts) = open().map_err(|error| copy_error(&place, error))?;
        if !starts.showed(there.st_ino) {
            return Err(Error::OtherDirectory(source.into()));
        }
        let (id, device) = (self.id().into(), there.st_dev);
        let is_volatile = place.join(WORK).join(WORK).join("incompat/volatile").exists();
        Ok(Some(Cow { id, host, device, upper, starts, is_volatile, mount_points }))
    }
}

impl Cow {
    /// The paths that differ, relative, directories before what is in them. A directory
    /// in which something differs is among them.
    ///
    /// # Errors
    /// If something cannot be read.
    pub fn list(&self) -> Result<Vec<(Difference, PathBuf)>, Error> {
        let changes = self.walk()?.changes.into_iter();
        Ok(changes.map(|change| (change.difference, change.path)).collect())
    }

    fn walk(&self) -> Result<Walk<'_>, Error> {
        let mut walk = Walk::new(&self.mount_points);
        walk.directory(Path::new(""), &self.upper, Some(&self.host))?;
        Ok(walk)
    }

    /// Carries changes to the host, and gives up in the sandbox what is alike on both
    /// sides then. The sandbox is held, so that it does not run.
    ///
    /// # Errors
    /// If something cannot be read, or not be made on the host; what was carried before
    /// stays, and the next call goes on there.
    pub fn apply(&self, _held: &SandboxDir, wanted: Wanted<'_>) -> Result<Applied, Error> {
        self.clean()?;
        let walk = self.walk()?;
        let chosen = choose::choose(walk.changes, wanted.paths, self)?;
        let mut applied = Applied {
            left_out: chosen.left_out,
            unchanged: chosen.unchanged,
            ..Applied::default()
        };
        if !applied.unchanged.is_empty() {
            return Ok(applied);
        }
        let mut carrier = Carrier::new(self, wanted.force, &walk.same);
        let result = applied.carry(&chosen.changes, &mut carrier, wanted.dry_run);
        if !wanted.dry_run {
            self.clean()?;
            result?;
            let settle = || {
                sync_file_system(&self.host)?;
                fold::fold(&self.upper, &self.host)
            };
            return settle().map(|()| applied).map_err(|source| copy_error(Path::new(""), source));
        }
        result.map(|()| applied)
    }

    /// Gives up what the sandbox has changed at these paths, relative, or everywhere.
    ///
    /// # Errors
    /// [`Error::Unchanged`] if nothing has changed at a path, or only together with a
    /// directory above; or if something cannot be removed.
    pub fn discard(&self, _held: &SandboxDir, paths: &[PathBuf]) -> Result<(), Error> {
        self.clean()?;
        if paths.is_empty() {
            let all = self.upper.try_clone().named(|| "dup()".into());
            let removed = all.and_then(remove_content);
            return removed.map_err(|source| copy_error(Path::new(""), source));
        }
        let found = paths.iter().map(|path| self.own(path)).collect::<Result<Vec<_>, _>>()?;
        for ((directory, name), path) in found.into_iter().zip(paths) {
            remove_tree(directory, &name).map_err(|source| copy_error(path, source))?;
        }
        let folded = fold::fold(&self.upper, &self.host);
        folded.map_err(|source| copy_error(Path::new(""), source))
    }

    /// Whether what has changed is on disk, or was when the sandbox ended.
    pub fn is_synced(&self) -> bool {
        !self.is_volatile
    }

    /// Whether nothing is left of what the sandbox has changed.
    ///
    /// # Errors
    /// If that cannot be read.
    pub fn is_unchanged(&self) -> Result<bool, Error> {
        Ok(self.walk()?.changes.is_empty())
    }

    /// Where the upper directory has a path, if what the host has there would be seen
    /// again without.
    fn own(&self, path: &Path) -> Result<(OwnedFd, PathBuf), Error> {
        let failed = |source| copy_error(path, source);
        let unchanged = |above: Option<&Path>| Error::Unchanged {
            path: path.into(),
            above: above.map(Path::to_path_buf),
        };
        let ancestors: Vec<&Path> = path.ancestors().skip(1).collect();
        for above in ancestors.into_iter().rev().filter(|it| !it.as_os_str().is_empty()) {
            let (directory, name) = self.in_upper(above).map_err(failed)?;
            let Some(stat) = there(stat_at(&directory, &name)).map_err(failed)? else {
                return Err(unchanged(None));
            };
            if hides(&directory, &name, &stat).map_err(failed)? {
                return Err(unchanged(Some(above)));
            }
            let inner = there(open_directory_at(&directory, &name)).map_err(failed)?;
            let Some(inner) = inner else { return Err(unchanged(None)) };
            if is_opaque(&inner).map_err(failed)? && self.is_on_host(above) {
                return Err(unchanged(Some(above)));
            }
        }
        let (directory, name) = self.in_upper(path).map_err(failed)?;
        match there(stat_at(&directory, &name)).map_err(failed)? {
            Some(_) => Ok((directory, name)),
            None => Err(unchanged(None)),
        }
    }

    fn is_on_host(&self, path: &Path) -> bool {
        self.on_host(path).is_ok_and(|(directory, name)| stat_at(directory, &name).is_ok())
    }

    /// Removes what somebody who was killed has left half made.
    fn clean(&self) -> Result<(), Error> {
        let name = self.staging_name();
        remove_tree(&self.host, &name).map_err(|source| copy_error(&name, source))
    }

    fn staging_name(&self) -> PathBuf {
        format!("{STAGING}{}", self.id).into()
    }

    /// The host's directory in which a path is, and its name there.
    fn on_host(&self, path: &Path) -> sys::Result<(OwnedFd, PathBuf)> {
        beneath(&self.host, path)
    }

    fn in_upper(&self, path: &Path) -> sys::Result<(OwnedFd, PathBuf)> {
        beneath(&self.upper, path)
    }

    /// When the sandbox saw what it then changed at this path.
    fn before(&self, path: &Path) -> (i64, i64) {
        let is_there = |path: &&Path| {
            let found = self.in_upper(path);
            found.is_ok_and(|(directory, name)| stat_at(directory, &name).is_ok())
        };
        // What was deleted with its directory has no name of its own.
        let found = path.ancestors().find(is_there).and_then(|path| self.in_upper(path).ok());
        match found {
            Some((directory, name)) => self.starts.before(&directory, &name),
            None => self.starts.first(),
        }
    }
}

impl Applied {
    fn carry(
        &mut self,
        changes: &[Change],
        carrier: &mut Carrier<'_>,
        dry_run: bool,
    ) -> Result<(), Error> {
        let mut missing: Vec<&Path> = Vec::new();
        for change in changes {
            if missing.iter().any(|directory| change.path.starts_with(directory)) {
                continue;
            }
            let mut refusal = carrier.refusal(change)?;
            if refusal.is_none() && !dry_run {
                refusal = carrier.carry(change)?;
            }
            match refusal {
                None => self.carried.push((change.difference, change.path.clone())),
                Some(refusal) => {
                    missing.extend(change.makes_directory().then_some(change.path.as_path()));
                    self.refused.push((change.path.clone(), refusal));
                }
            }
        }
        Ok(())
    }
}

/// The directory in which a path is, reached from `root` without any link, and the name.
fn beneath(root: &OwnedFd, path: &Path) -> sys::Result<(OwnedFd, PathBuf)> {
    let mut directory = root.try_clone().named(|| "dup()".into())?;
    for step in path.parent().unwrap_or(Path::new("")) {
        directory = open_directory_at(&directory, Path::new(step))?;
    }
    Ok((directory, path.file_name().unwrap_or_default().into()))
}

/// The directories of all such mounts of a sandbox.
fn places(sandbox: &Path) -> sys::Result<Vec<PathBuf>> {
    let all = sandbox.join(COW);
    match open_directory(&all) {
        Err(error) if error.errno == Errno::ENOENT => Ok(Vec::new()),
        opened => Ok(entries(opened?)?.into_iter().map(|entry| all.join(entry.name)).collect()),
    }
}

/// Those of them in which something is kept.
fn changed_places(sandbox: &Path) -> sys::Result<Vec<PathBuf>> {
    let mut changed = places(sandbox)?;
    let mut failure = Ok(());
    changed.retain(|place| {
        let kept = open_directory(&place.join(UPPER)).and_then(entries);
        kept.map(|kept| !kept.is_empty()).unwrap_or_else(|error| {
            failure = Err(error);
            true
        })
    });
    failure.map(|()| changed)
}

/// Whether it was made only now.
fn make_directory(path: &Path) -> sys::Result<bool> {
    match mkdir(path, 0o700) {
        Err(error) if error.errno == Errno::EEXIST => Ok(false),
        made => made.map(|()| true),
    }
}

/// Lets a `volatile` overlay be mounted again: the machine has not stopped since, or
/// whoever starts the sandbox takes what is left.
fn forget_volatile(work: &Path) -> sys::Result<()> {
    match open_directory(&work.join(WORK)) {
        Err(error) if error.errno == Errno::ENOENT => Ok(()),
        opened => remove_tree(opened?, Path::new("incompat")),
    }
}

/// One line a start: seconds, nanoseconds, inode of the directory that is shown.
///
/// The time is the stamp of the file itself, which is changed for it: no file was given a
/// later one before. The kernel's clocks do not promise that: since Linux 6.13 a file
/// that somebody looks at between two changes has a finer stamp, ahead of the coarse clock.
fn note_start(path: &Path, inode: u64) -> sys::Result<()> {
    let file = fs::OpenOptions::new().append(true).create(true).open(path);
    let mut file = file.named(|| format!("open({path:?})"))?;
    fchmod(&file, 0o600)?;
    let now = fstat(&file)?;
    let line = format!("{} {} {inode}\n", now.st_ctime, now.st_ctime_nsec);
    file.write_all(line.as_bytes()).named(|| format!("write({path:?})"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::{
        storage::testing::{TempDir, store},
        sys::fs::{set_xattr, whiteout_at, xattr},
    };

    /// A directory of the host with `old` in it, and one for what a sandbox changes.
    struct Case {
        temp: TempDir,
        held: SandboxDir,
        cow: Cow,
    }

    impl Case {
        fn new() -> Self {
            let temp = TempDir::new();
            let held = store(&temp).create_sandbox("0a", None).unwrap();
            let [host, upper] = ["host", "up"].map(|name| temp.path().join(name));
            [&host, &upper].iter().for_each(|path| fs::create_dir(path).unwrap());
            fs::write(host.join("old"), "old").unwrap();
            let starts = temp.path().join("starts");
            let host = open_directory(&host).unwrap();
            let there = fstat(&host).unwrap();
            // The clock stands still for some milliseconds.
            std::thread::sleep(std::time::Duration::from_millis(30));
            note_start(&starts, there.st_ino).unwrap();
            let cow = Cow {
                id: "0a".into(),
                device: there.st_dev,
                host,
                upper: open_directory(&upper).unwrap(),
                starts: Starts::read(&starts).unwrap(),
                is_volatile: false,
                mount_points: Vec::new(),
            };
            Self { temp, held, cow }
        }

        fn host(&self, name: &str) -> PathBuf {
            self.temp.path().join("host").join(name)
        }

        fn upper(&self, name: &str) -> PathBuf {
            self.temp.path().join("up").join(name)
        }

        fn apply(&self) -> Applied {
            let wanted = Wanted { paths: &[], dry_run: false, force: false };
            self.cow.apply(&self.held, wanted).unwrap()
        }
    }

    #[test]
    fn attributes_are_carried_but_not_the_notes_of_overlayfs() {
        let case = Case::new();
        fs::write(case.upper("old"), "new").unwrap();
        let file = fs::File::open(case.upper("old")).unwrap();
        set_xattr(&file, "user.mine".as_ref(), b"1").unwrap();
        set_xattr(&file, "user.overlay.origin".as_ref(), b"2").unwrap();
        assert_eq!(case.apply().carried, [(Difference::Changed, "old".into())]);
        assert_eq!(fs::read_to_string(case.host("old")).unwrap(), "new");
        let file = fs::File::open(case.host("old")).unwrap();
        assert_eq!(xattr(&file, "user.mine".as_ref()).unwrap(), Some(b"1".to_vec()));
        assert_eq!(xattr(&file, "user.overlay.origin".as_ref()).unwrap(), None);
        assert!(!case.upper("old").exists());
    }

    #[test]
    fn what_is_no_file_is_refused_and_what_was_written_as_it_was_is_no_change() {
        let case = Case::new();
        let _socket = UnixListener::bind(case.upper("socket")).unwrap();
        fs::write(case.upper("old"), "old").unwrap();
        let applied = case.apply();
        assert_eq!(applied.refused, [("socket".into(), Refusal::Socket)]);
        assert_eq!(applied.carried, []);
        assert!(!case.upper("old").exists());
    }

    #[test]
    fn a_file_that_the_host_has_written_since_is_not_deleted() {
        let case = Case::new();
        whiteout_at(&case.cow.upper, Path::new("old")).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(30));
        fs::write(case.host("old"), "newer").unwrap();
        assert_eq!(case.apply().refused, [("old".into(), Refusal::Drifted("old".into()))]);
        let wanted = Wanted { paths: &["old".into()], dry_run: false, force: true };
        let applied = case.cow.apply(&case.held, wanted).unwrap();
        assert_eq!(applied.carried, [(Difference::Deleted, "old".into())]);
        assert!(!case.host("old").exists() && case.cow.is_unchanged().unwrap());
    }

    #[test]
    fn what_the_dead_left_half_made_is_removed() {
        let case = Case::new();
        let staging = case.host(&format!("{STAGING}0a"));
        fs::create_dir(&staging).unwrap();
        fs::write(staging.join("draft"), "half").unwrap();
        fs::write(case.upper("new"), "").unwrap();
        case.cow.discard(&case.held, &[]).unwrap();
        assert!(!staging.exists() && case.cow.is_unchanged().unwrap());
    }

    #[test]
    fn what_was_written_and_looked_at_just_before_a_start_has_not_changed_since() {
        let temp = TempDir::new();
        let (path, starts) = (temp.path().join("file"), temp.path().join("starts"));
        for round in 0..200 {
            fs::write(&path, "one").unwrap();
            let _ = sys::fs::lstat(&path).unwrap();
            fs::write(&path, "another").unwrap();
            note_start(&starts, round).unwrap();
            let since = Starts::read(&starts).unwrap().first();
            fs::remove_file(&starts).unwrap();
            assert!(!drift::has_changed(&sys::fs::lstat(&path).unwrap(), since), "{round}");
        }
    }

    #[test]
    fn a_directory_that_hides_what_was_there_replaces_it_as_a_whole() {
        let case = Case::new();
        fs::create_dir(case.host("d")).unwrap();
        fs::write(case.host("d/hidden"), "").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(30));
        let starts = case.temp.path().join("starts");
        note_start(&starts, fstat(&case.cow.host).unwrap().st_ino).unwrap();
        let cow = Cow { starts: Starts::read(&starts).unwrap(), ..case.cow };
        let case = Case { cow, ..case };
        std::thread::sleep(std::time::Duration::from_millis(30));
        fs::create_dir(case.upper("d")).unwrap();
        let directory = open_directory(&case.upper("d")).unwrap();
        set_xattr(&directory, "user.overlay.opaque".as_ref(), b"y").unwrap();
        fs::write(case.upper("d/new"), "").unwrap();
        let alone = case.cow.discard(&case.held, &["d/hidden".into()]).unwrap_err();
        let text = "nothing has changed at d/hidden alone, but together with d";
        assert_eq!(alone.to_string(), text);
        let applied = case.apply();
        assert_eq!(applied.refused, []);
        assert!(case.host("d/new").exists() && !case.host("d/hidden").exists());
        assert!(!case.upper("d").exists());
    }
}
