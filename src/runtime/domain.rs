//! The user namespace in which this program is root.
//!
//! # Theory of operation
//!
//! The first thing that a command does which touches containers is [`enter`]:
//! single-threaded, before anything else. From then on everything is written
//! like an ordinary root program: unpacking may `chown`, directories of other
//! ids can be removed, sandboxes are made without another user namespace.
//!
//! Ids must be mapped from *outside* if more than our own is wanted, and
//! whoever is in the new namespace is not outside. So helper processes are
//! started first; each waits on a pipe until [`enter`] has made the namespace,
//! and then writes one map. They work while we do: [`Domain::settle`] waits for
//! them, and is called as late as possible.
//!
//! Which ids there are is the first that holds of
//!
//! 1. run by root, of the machine or of a user namespace (a CI job in a
//!    container): every id that we have, mapped onto itself;
//! 2. `newuidmap(1)` and `newgidmap(1)` with the ranges of `subuid(5)`:
//!    0 → the caller, 1… → the ranges;
//! 3. one id: 0 → the caller. Needs no helper and no configuration.
//!
//! The second is shared by all who need it at a time ([`enter_common`]).

mod common;

use std::{
    ffi::CString,
    fs,
    os::{
        fd::OwnedFd,
        unix::fs::{MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    sched::CloneFlags,
    unistd::{getegid, geteuid},
};

pub use self::common::enter_common;
use super::{Error, join};
use crate::{
    oci::{IdMap, ProcessId},
    sys::{
        self, accounts,
        helper::{Errand, Messenger},
    },
};

/// Who calls us, and which ids that makes available: nothing is done yet.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Which of the three ways it is.
    pub kind: Kind,
    /// User ids inside and out.
    pub uids: Vec<IdMap>,
    /// Group ids inside and out.
    pub gids: Vec<IdMap>,
    /// Why it is not [`Kind::Ranges`], where that could be changed.
    pub missing: Option<String>,
}

/// Where the ids of a domain come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// We are root: all ids that root has, mapped onto themselves.
    Root,
    /// Ranges of `subuid(5)`, mapped by these two programs.
    Ranges { newuidmap: PathBuf, newgidmap: PathBuf },
    /// Only the caller's id, as root.
    OneId,
}

/// The user namespace that this process has entered.
#[derive(Debug)]
pub struct Domain {
    plan: Plan,
    helpers: Vec<(String, Messenger)>,
}

impl Plan {
    /// Looks at who we are and what the machine offers.
    ///
    /// # Errors
    /// Only if `/proc` cannot be read.
    pub fn new(search_path: &str) -> Result<Self, Error> {
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        if uid == 0 {
            return Self::for_root();
        }
        let one = Self::for_one_id(uid, gid);
        Ok(match ranges(uid, search_path) {
            Ok((kind, uids, gids)) => {
                Self { kind, uids: with_caller(uid, &uids), gids: with_caller(gid, &gids), ..one }
            }
            Err(missing) => Self { missing: Some(missing), ..one },
        })
    }

    fn for_one_id(uid: u32, gid: u32) -> Self {
        let (uids, gids) = (with_caller(uid, &[]), with_caller(gid, &[]));
        Self { kind: Kind::OneId, uids, gids, missing: None }
    }

    fn for_root() -> Result<Self, Error> {
        let uids = own_map(Path::new("/proc/self/uid_map"))?;
        let gids = own_map(Path::new("/proc/self/gid_map"))?;
        let alone =
            |map: &[IdMap]| map.iter().map(|extent| u64::from(extent.count)).sum::<u64>() < 2;
        if alone(&uids) || alone(&gids) {
            return Ok(Self::for_one_id(0, 0));
        }
        Ok(Self { kind: Kind::Root, uids, gids, missing: None })
    }

    /// Whether a second id is to be had at all.
    pub fn has_one_id(&self) -> bool {
        self.kind == Kind::OneId
    }

    /// The caller's number outside of the domain; none for root of a user namespace,
    /// who is somebody else to the machine.
    pub fn caller(&self) -> Option<u32> {
        let IdMap { outside, count, .. } = *self.uids.first()?;
        (outside > 0 || count == u32::MAX).then_some(outside)
    }

    /// A name for this map that is safe as a file name: layers unpacked under
    /// one map have the wrong owners under another.
    pub fn key(&self) -> String {
        match self.kind {
            Kind::OneId => "one".into(),
            Kind::Root => "root".into(),
            Kind::Ranges { .. } => {
                let starts = self.uids.iter().chain(&self.gids).filter(|extent| extent.inside > 0);
                let extents = starts.map(|extent| format!("{}+{}", extent.outside, extent.count));
                extents.collect::<Vec<_>>().join(",")
            }
        }
    }
}

/// 0 → the caller, then the ranges one after the other.
fn with_caller(caller: u32, ranges: &[(u32, u32)]) -> Vec<IdMap> {
    let mut map = vec![IdMap { inside: 0, outside: caller, count: 1 }];
    let mut inside = 1;
    for &(start, count) in ranges {
        map.push(IdMap { inside, outside: start, count });
        inside += count;
    }
    map
}

type Ranges = Vec<(u32, u32)>;

/// The ranges of user and group ids that the caller may map, or what is missing.
fn ranges(uid: u32, search_path: &str) -> Result<(Kind, Ranges, Ranges), String> {
    if sys::process::no_new_privileges() {
        return Err("no_new_privs is set, so newuidmap cannot work".into());
    }
    let users = accounts::users(Path::new("/etc/passwd")).unwrap_or_default();
    let name = users.into_iter().find(|user| user.uid == uid).map(|user| user.name);
    let uids = ranges_in("/etc/subuid", uid, name.as_deref())?;
    let gids = ranges_in("/etc/subgid", uid, name.as_deref())?;
    let newuidmap = helper("newuidmap", search_path)?;
    let newgidmap = helper("newgidmap", search_path)?;
    Ok((Kind::Ranges { newuidmap, newgidmap }, uids, gids))
}

/// Ranges of the user `uid`, who may also be listed by `name`.
fn ranges_in(file: &str, uid: u32, name: Option<&str>) -> Result<Ranges, String> {
    let lines = accounts::subordinate_ids(Path::new(file)).unwrap_or_default();
    let number = uid.to_string();
    let ours = |owner: &str| owner == number || Some(owner) == name;
    let ranges: Ranges = lines
        .into_iter()
        .filter(|line| ours(&line.owner) && line.count > 0)
        .map(|line| (line.start, line.count))
        .collect();
    let total: u64 = ranges.iter().map(|&(_, count)| u64::from(count)).sum();
    match total {
        0 => Err(format!("{file} has no range for {}", name.unwrap_or(&number))),
        total if total >= u64::from(u32::MAX) => Err(format!("the ranges of {file} are too large")),
        _ => Ok(ranges),
    }
}

/// A program that may do what we may not: set-user-id, or with capabilities.
fn helper(name: &str, search_path: &str) -> Result<PathBuf, String> {
    let directories = ["/usr/bin"].into_iter().chain(search_path.split(':'));
    let candidates = directories.filter(|dir| !dir.is_empty()).map(|dir| Path::new(dir).join(name));
    candidates
        .into_iter()
        .find(|path| fs::metadata(path).is_ok_and(|file| is_privileged(path, &file)))
        .ok_or_else(|| format!("{name} is not installed (Debian: apt install uidmap)"))
}

fn is_privileged(path: &Path, file: &fs::Metadata) -> bool {
    let set_user_id = file.uid() == 0 && file.permissions().mode() & 0o4000 != 0;
    set_user_id || rustix::fs::getxattr(path, "security.capability", &mut [0u8; 64][..]).is_ok()
}

/// The extents of our own namespace, each mapped onto itself.
fn own_map(file: &Path) -> Result<Vec<IdMap>, Error> {
    let text = fs::read_to_string(file).map_err(Error::IdMap)?;
    let extents = text.lines().filter_map(|line| {
        let numbers: Vec<u32> = line.split_whitespace().flat_map(str::parse).collect();
        let [inside, _, count] = numbers[..] else { return None };
        Some(IdMap { inside, outside: inside, count })
    });
    Ok(extents.collect())
}

/// Makes the user namespace and enters it.
///
/// # Errors
/// [`Error::Domain`] if the kernel refuses a user namespace.
pub fn enter(plan: Plan) -> Result<Domain, Error> {
    let (gate, opener) = sys::process::pipe().map_err(Error::Domain)?;
    let helpers = plan.start_helpers(&gate)?;
    let domain = Domain { plan, helpers };
    sys::process::unshare(CloneFlags::CLONE_NEWUSER).map_err(Error::Domain)?;
    if domain.helpers.is_empty() {
        domain.map_own_id()?;
    }
    let a_byte_each = &[0; 2][..domain.helpers.len()];
    rustix::io::write(&opener, a_byte_each).map_err(|errno| Error::IdMap(errno.into()))?;
    Ok(domain)
}

/// Enters the namespace in which `member` is, instead of making one: sandboxes that
/// share something are in one domain.
///
/// # Errors
/// [`Error::Gone`] if it has ended, [`Error::OtherIds`] if it was made with other
/// ids, such as ranges that were given away since.
pub fn enter_that_of(plan: Plan, member: ProcessId) -> Result<Domain, Error> {
    let process = join::open(member)?;
    for (file, ours) in [("uid_map", &plan.uids), ("gid_map", &plan.gids)] {
        // What cannot be read by now was one's that has just ended.
        let map = fs::read_to_string(format!("/proc/{}/{file}", member.pid));
        if extents(&map.map_err(|_| Error::Gone)?) != extents(&Plan::lines(ours)) {
            return Err(Error::OtherIds);
        }
    }
    sys::process::join(&process, CloneFlags::CLONE_NEWUSER).map_err(Error::Join)?;
    Ok(Domain { plan, helpers: Vec::new() })
}

/// The numbers of a map, however it is written.
fn extents(map: &str) -> Vec<&str> {
    map.split_whitespace().collect()
}

impl Plan {
    /// A map as the kernel wants it (`user_namespaces(7)`).
    pub(super) fn lines(map: &[IdMap]) -> String {
        let line =
            |extent: &IdMap| format!("{} {} {}\n", extent.inside, extent.outside, extent.count);
        map.iter().map(line).collect()
    }

    /// None if we can write the maps ourselves.
    fn start_helpers(&self, gate: &OwnedFd) -> Result<Vec<(String, Messenger)>, Error> {
        let errands = match &self.kind {
            Kind::OneId => Vec::new(),
            Kind::Root => vec![("a helper".into(), self.write()?)],
            Kind::Ranges { newuidmap, newgidmap } => vec![
                ("newuidmap".into(), exec(newuidmap, &self.uids)?),
                ("newgidmap".into(), exec(newgidmap, &self.gids)?),
            ],
        };
        let start = |errand| Messenger::start(errand, gate).map_err(Error::Domain);
        errands.into_iter().map(|(name, errand)| Ok((name, start(errand)?))).collect()
    }

    /// Into our `/proc` directory, once the namespace exists.
    fn write(&self) -> Result<Errand, Error> {
        let ours = |file| c_string(format!("/proc/{}/{file}", std::process::id()));
        Ok(Errand::Write(vec![
            (ours("uid_map")?, Plan::lines(&self.uids)),
            (ours("gid_map")?, Plan::lines(&self.gids)),
        ]))
    }
}

fn exec(program: &Path, map: &[IdMap]) -> Result<Errand, Error> {
    let numbers = map.iter().flat_map(|extent| [extent.inside, extent.outside, extent.count]);
    let numbers = [std::process::id()].into_iter().chain(numbers).map(|n| n.to_string());
    let words = [program.to_string_lossy().into_owned()].into_iter().chain(numbers);
    words.map(c_string).collect::<Result<_, _>>().map(Errand::Exec)
}

fn c_string(text: String) -> Result<CString, Error> {
    CString::new(text).map_err(|error| Error::IdMap(error.into()))
}

impl Domain {
    /// The ids there are.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Waits until the ids are mapped.
    ///
    /// # Errors
    /// [`Error::IdMapHelper`] if a helper failed; it has said why on standard
    /// error.
    pub fn settle(&mut self) -> Result<(), Error> {
        for (name, helper) in self.helpers.drain(..) {
            if !helper.finish().map_err(|error| Error::IdMap(error.errno.into()))? {
                return Err(Error::IdMapHelper { name });
            }
        }
        Ok(())
    }

    /// The map that anybody may write: root inside is the caller outside.
    ///
    /// Without privileges, groups must be given up first, lest one that denies
    /// something be dropped (`user_namespaces(7)`, "Gid mapping and setgroups").
    fn map_own_id(&self) -> Result<(), Error> {
        match fs::write("/proc/self/setgroups", "deny") {
            Err(error) if error.raw_os_error() != Some(Errno::ENOENT as i32) => {
                return Err(Error::IdMap(error));
            }
            _ => {}
        }
        fs::write("/proc/self/uid_map", Plan::lines(&self.plan.uids)).map_err(Error::IdMap)?;
        fs::write("/proc/self/gid_map", Plan::lines(&self.plan.gids)).map_err(Error::IdMap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_is_root_and_the_ranges_follow_without_a_gap() {
        let extent = |inside, outside, count| IdMap { inside, outside, count };
        assert_eq!(with_caller(1000, &[]), [extent(0, 1000, 1)]);
        assert_eq!(
            with_caller(1000, &[(100_000, 65_536), (300_000, 10)]),
            [extent(0, 1000, 1), extent(1, 100_000, 65_536), extent(65_537, 300_000, 10)]
        );
    }

    #[test]
    fn root_of_a_user_namespace_is_nobody_to_the_machine() {
        let plan = |uids| Plan { uids, ..Plan::for_one_id(0, 0) };
        assert_eq!(plan(with_caller(1000, &[(5, 6)])).caller(), Some(1000));
        assert_eq!(plan(with_caller(0, &[])).caller(), None);
        let all = IdMap { inside: 0, outside: 0, count: u32::MAX };
        assert_eq!(plan(vec![all]).caller(), Some(0));
        assert_eq!(plan(vec![IdMap { count: 65_536, ..all }]).caller(), None);
    }

    #[test]
    fn a_map_is_written_a_line_an_extent() {
        assert_eq!(Plan::lines(&with_caller(1000, &[(5, 6)])), "0 1000 1\n1 5 6\n");
    }
}
