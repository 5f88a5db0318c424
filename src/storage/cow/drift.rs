//! Whether the host has changed something since a sandbox saw it.
//!
//! overlayfs notes nothing of what its lower directory was like, and nothing is walked
//! at the start. But the kernel stamps each inode whenever its content, its permissions
//! or its name change, and nobody can set that stamp back (`inode(7)`, ctime). So
//! what has one that is later than the start is not what the sandbox may have read.
//!
//! Which start: the last one before the sandbox changed the path, which is when the
//! upper file was made (`statx(2)`, btime); without that, the first. It cannot be the
//! moment of the change itself: a program that reads, thinks and then writes a whole
//! file must not undo what was written to the host's meanwhile.
//!
//! The stamp of a directory changes with every name in it, which is no matter here: each
//! of those is looked at by itself. If it is later than the last such change, the
//! directory has got another name or other permissions.

use std::{fs, os::fd::OwnedFd, path::Path};

use super::compare::sorted;
use crate::sys::{
    self, Named,
    fs::{Stat, birth_at, is_directory, open_directory_at, stat_at},
};

/// A time by the clock of the file systems: seconds since 1970, and nanoseconds.
type Time = (i64, i64);

/// The starts of a sandbox, first to last.
#[derive(Debug)]
pub(super) struct Starts(Vec<(Time, u64)>);

impl Starts {
    /// Reads what [`super::note_start`] has written.
    pub(super) fn read(path: &Path) -> sys::Result<Self> {
        let text = fs::read_to_string(path).named(|| format!("read({path:?})"))?;
        let line = |line: &str| {
            let mut words = line.split(' ').map(str::parse::<i64>);
            let mut next = || words.next()?.ok();
            Some(((next()?, next()?), next()? as u64))
        };
        Ok(Self(text.lines().filter_map(line).collect()))
    }

    /// Whether it was this directory that the sandbox saw when it was last started.
    pub(super) fn showed(&self, inode: u64) -> bool {
        self.0.last().is_some_and(|(_, shown)| *shown == inode)
    }

    /// When it was first started.
    pub(super) fn first(&self) -> Time {
        self.0.iter().map(|(time, _)| *time).min().unwrap_or((i64::MIN, 0))
    }

    /// When the sandbox saw what it then changed by this name in its upper directory.
    pub(super) fn before(&self, upper: &OwnedFd, name: &Path) -> Time {
        let birth = birth_at(upper, name).unwrap_or((i64::MIN, 0));
        let all = self.0.iter().map(|(time, _)| *time);
        all.filter(|time| *time <= birth).max().unwrap_or_else(|| self.first())
    }
}

/// Whether what is there has changed since.
pub(super) fn has_changed(stat: &Stat, since: Time) -> bool {
    let changed = (stat.st_ctime, stat.st_ctime_nsec as i64);
    let written = (stat.st_mtime, stat.st_mtime_nsec as i64);
    changed > since && !(is_directory(stat) && changed == written)
}

/// The same of all that is in a directory of the host; what has changed, relative to
/// `directory`, or what is of another file system.
pub(super) fn first_change(
    directory: &OwnedFd,
    name: &Path,
    since: Time,
    device: u64,
) -> sys::Result<Option<std::path::PathBuf>> {
    let stat = stat_at(directory, name)?;
    if has_changed(&stat, since) || stat.st_dev != device {
        return Ok(Some(name.into()));
    }
    if is_directory(&stat) {
        let inner = open_directory_at(directory, name)?;
        for entry in sorted(&inner)? {
            if let Some(found) = first_change(&inner, Path::new(&entry), since, device)? {
                return Ok(Some(name.join(found)));
            }
        }
    }
    Ok(None)
}
