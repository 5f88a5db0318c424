//! Paths inside, walked by descriptor once `/` is the sandbox's own.
//!
//! What an image names may be a link, and a link of `/proc` leads to what a descriptor
//! is open to, whatever its text says: to the host, if it is one of ours
//! (CVE-2024-21626). So no link is followed by the kernel here. It is read, and its
//! text leads on from the directory that it is in, or from `/`: there is no way out.

use std::{
    collections::{BTreeMap, VecDeque},
    ffi::{OsStr, OsString},
    fs,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Component, Path},
};

use nix::errno::Errno;

use crate::sys::{
    self, Named,
    fs::{
        create_file_at, fstat, is_directory, is_symlink, mkdir_at, open_any_at, open_path,
        open_path_at, read_link_at,
    },
    mount,
};

/// How many symbolic links a path may lead through (`path_resolution(7)`).
const MAX_LINKS: u32 = 40;

/// What is made where nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
}

/// The mounts that show what is the user's own: nothing is ever made there.
#[derive(Debug, Default)]
pub(super) struct Volumes {
    users: Vec<u64>,
    /// Those of our making that may lie in one.
    ours: Vec<u64>,
}

impl Volumes {
    /// What is mounted by this is the user's, with all below it.
    pub(super) fn add(&mut self, mount: &mount::Detached) {
        self.users.extend(mount::id_of(mount.as_fd()));
    }

    /// What is mounted by this vanishes with the sandbox.
    pub(super) fn add_own(&mut self, mount: &mount::Detached) {
        self.ours.extend(mount::id_of(mount.as_fd()));
    }

    fn contain(&self, directory: &OwnedFd) -> sys::Result<bool> {
        if self.users.is_empty() {
            return Ok(false);
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo");
        let parents = parents(&mounts.named(|| "open(\"/proc/self/mountinfo\")".into())?);
        Ok(self.are_above(mount::id_of(directory)?, &parents))
    }

    fn are_above(&self, mut mount: u64, parents: &BTreeMap<u64, u64>) -> bool {
        // Not the root's own parent, which is nowhere.
        while !self.ours.contains(&mount) {
            match parents.get(&mount) {
                _ if self.users.contains(&mount) => return true,
                Some(parent) if *parent != mount => mount = *parent,
                _ => return false,
            }
        }
        false
    }
}

/// The mount that each mount is on (`proc_pid_mountinfo(5)`, fields 1 and 2).
fn parents(mountinfo: &str) -> BTreeMap<u64, u64> {
    let numbers = |line: &str| {
        let mut fields = line.split(' ').map(str::parse);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    };
    mountinfo.lines().filter_map(numbers).collect()
}

/// Opens what is at `path`, an absolute one (`O_PATH`).
///
/// # Errors
/// What the kernel would say: ENOENT, ENOTDIR, ELOOP.
pub(super) fn find(path: &Path) -> sys::Result<OwnedFd> {
    let nothing = |_: &OwnedFd, name: &Path, _| {
        Err(sys::Error { call: format!("open({name:?})"), errno: Errno::ENOENT })
    };
    walk(path, nothing).map_err(|error| of(path, error))
}

/// Opens what is at `path` and makes it with its parents where they are missing, also
/// where links lead whose targets are missing, but never in a directory that a user has
/// mounted: that would leave something in their tree.
///
/// # Errors
/// As [`find`]; ENOENT if something would have to be made on one of the user's mounts,
/// ENOTDIR or EISDIR if something of another kind is there.
pub(super) fn make(path: &Path, kind: Kind, volumes: &Volumes) -> sys::Result<OwnedFd> {
    let make = |directory: &OwnedFd, name: &Path, is_last: bool| {
        if volumes.contain(directory)? {
            return Err(sys::Error { call: format!("mkdir({name:?})"), errno: Errno::ENOENT });
        }
        match kind {
            Kind::File if is_last => create_file_at(directory, name, 0o666).map(drop),
            _ => mkdir_at(directory, name, 0o777),
        }
    };
    let found = walk(path, make).map_err(|error| of(path, error))?;
    let errno = match (kind, is_directory(&fstat(&found)?)) {
        (Kind::Directory, false) => Errno::ENOTDIR,
        (Kind::File, true) => Errno::EISDIR,
        _ => return Ok(found),
    };
    Err(errno).named(|| format!("open({path:?})"))
}

/// The whole path says more than the component.
fn of(path: &Path, error: sys::Error) -> sys::Error {
    let call = error.call.split('(').next().unwrap_or_default();
    sys::Error { call: format!("{call}({path:?})"), errno: error.errno }
}

/// Goes along `path`; `missing` is told the directory, the name that is not there, and
/// whether it is the last, and may make it.
fn walk(
    path: &Path,
    mut missing: impl FnMut(&OwnedFd, &Path, bool) -> sys::Result<()>,
) -> sys::Result<OwnedFd> {
    let root = || open_path(Path::new("/"));
    let mut here = root()?;
    let mut rest: VecDeque<OsString> = names(path).collect();
    let mut links = MAX_LINKS;
    while let Some(name) = rest.pop_front() {
        let name = Path::new(&name);
        if name == Path::new("..") {
            here = open_path_at(&here, name)?;
            continue;
        }
        let there = match open_any_at(&here, name) {
            Err(error) if error.errno == Errno::ENOENT => {
                missing(&here, name, rest.is_empty())?;
                open_any_at(&here, name)?
            }
            there => there?,
        };
        if !is_symlink(&fstat(&there)?) {
            here = there;
            continue;
        }
        links = links.checked_sub(1).ok_or(Errno::ELOOP).named(|| "open()".into())?;
        let target = read_link_at(&there, Path::new(""))?;
        if target.as_bytes().starts_with(b"/") {
            here = root()?;
        }
        names(Path::new(&target)).rev().for_each(|name| rest.push_front(name));
    }
    Ok(here)
}

fn names(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsStr::new("..").to_owned()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn a_link_of_proc_leads_where_its_text_does() {
        let open = open_path(Path::new("/usr")).unwrap();
        let link = format!("/proc/self/fd/{}", open.as_raw_fd());
        let found = find(Path::new(&link)).unwrap();
        assert_eq!(fstat(found).unwrap().st_ino, fstat(&open).unwrap().st_ino);
        let (reader, _writer) = sys::process::pipe().unwrap();
        // `pipe:[1234]`, in /proc/PID/fd.
        let link = format!("/proc/self/fd/{}", reader.as_raw_fd());
        assert_eq!(find(Path::new(&link)).map_err(|error| error.errno).err(), Some(Errno::ENOENT));
    }

    #[test]
    fn what_is_missing_is_told_with_where_it_is() {
        let mut told = Vec::new();
        let walked = walk(Path::new("/usr/../none/of/it"), |_, name, is_last| {
            told.push((name.to_owned(), is_last));
            Err(Errno::EACCES).named(|| "mkdir()".into())
        });
        assert_eq!(walked.map_err(|error| error.errno).err(), Some(Errno::EACCES));
        assert_eq!(told, [("none".into(), false)]);
        let error = find(Path::new("/etc/passwd/x")).unwrap_err();
        assert_eq!(error.errno, Errno::ENOTDIR);
        assert!(error.call.ends_with("(\"/etc/passwd/x\")"), "{}", error.call);
    }

    #[test]
    fn what_lies_in_a_volume_is_the_user_s_unless_it_is_ours() {
        let mountinfo = "20 1 0:1 / / rw - overlay x rw\n21 20 0:2 / /v rw\n22 21 0:3 / /v/sub rw\n\
                         23 22 0:4 / /v/sub/tmp rw\n24 23 0:5 / /v/sub/tmp/w rw\n";
        let parents = parents(mountinfo);
        let volumes = Volumes { users: vec![21, 24], ours: vec![23] };
        let found = [20, 21, 22, 23, 24, 99].map(|mount| volumes.are_above(mount, &parents));
        assert_eq!(found, [false, true, true, false, true, false]);
    }
}
