//! Both sides of the files that differ, for those who want to see how.

use std::{
    fs::File,
    io::Read,
    os::{fd::OwnedFd, unix::ffi::OsStringExt},
    path::{Path, PathBuf},
};

use super::{Cow, compare::sorted};
use crate::{
    storage::{Difference, Error, tree_tar::copy_error},
    sys::{
        self, Named,
        fs::{
            Stat, is_directory, is_file, is_symlink, open_directory_at, open_file_at, read_link_at,
            stat_at,
        },
    },
};

/// A file that is longer is not read, in bytes.
const LONGEST: u64 = 16 << 20;

/// One side of a file.
#[derive(Debug)]
pub struct Side {
    /// `st_mode` of `stat(2)`.
    pub mode: u32,
    /// What is in it, or where a link leads; none of what is too long, or no file.
    pub content: Option<Vec<u8>>,
}

/// A file, or link, that differs.
#[derive(Debug)]
pub struct FileChange {
    /// Relative.
    pub path: PathBuf,
    /// None if the host has none.
    pub old: Option<Side>,
    /// None if the sandbox has none.
    pub new: Option<Side>,
}

type Visit<'v, E> = &'v mut dyn FnMut(FileChange) -> Result<(), E>;

impl Cow {
    /// Visits each file that differs, and what is in directories that are gone.
    ///
    /// # Errors
    /// If something cannot be read, or what the visitor says.
    pub fn files<E: From<Error>>(&self, visit: Visit<'_, E>) -> Result<(), E> {
        for change in self.walk()?.changes {
            let failed = |source| E::from(copy_error(&change.path, source));
            let is_there = change.difference != Difference::Deleted;
            let new = change.new.as_ref().filter(|new| is_there && !is_directory(new));
            let upper = || self.in_upper(&change.path).and_then(|(at, name)| side(&at, &name));
            let new = new.map(|_| upper()).transpose().map_err(failed)?;
            let was_directory = change.old.as_ref().is_some_and(is_directory);
            if was_directory && (new.is_some() || !is_there) {
                let (at, name) = self.on_host(&change.path).map_err(failed)?;
                let inner = open_directory_at(&at, &name).map_err(failed)?;
                gone(&change.path, &inner, visit)?;
            }
            let old = change.old.as_ref().filter(|old| !is_directory(old));
            let host = || self.on_host(&change.path).and_then(|(at, name)| side(&at, &name));
            let old = old.map(|_| host()).transpose().map_err(failed)?;
            if old.is_some() || new.is_some() {
                visit(FileChange { path: change.path, old, new })?;
            }
        }
        Ok(())
    }
}

fn gone<E: From<Error>>(path: &Path, directory: &OwnedFd, visit: Visit<'_, E>) -> Result<(), E> {
    let failed = |source| E::from(copy_error(path, source));
    for name in sorted(directory).map_err(failed)? {
        let (path, name) = (path.join(&name), Path::new(&name));
        let stat = stat_at(directory, name).map_err(failed)?;
        if is_directory(&stat) {
            gone(&path, &open_directory_at(directory, name).map_err(failed)?, visit)?;
        } else {
            let old = Some(side(directory, name).map_err(failed)?);
            visit(FileChange { path, old, new: None })?;
        }
    }
    Ok(())
}

fn side(directory: &OwnedFd, name: &Path) -> sys::Result<Side> {
    let stat = stat_at(directory, name)?;
    let content = if is_symlink(&stat) {
        Some(read_link_at(directory, name)?.into_vec())
    } else if is_file(&stat) && is_short(&stat) {
        Some(read(open_file_at(directory, name)?, name)?)
    } else {
        None
    };
    Ok(Side { mode: stat.st_mode, content })
}

fn is_short(stat: &Stat) -> bool {
    u64::try_from(stat.st_size).is_ok_and(|size| size <= LONGEST)
}

fn read(file: File, name: &Path) -> sys::Result<Vec<u8>> {
    let mut content = Vec::new();
    let read = file.take(LONGEST).read_to_end(&mut content);
    read.named(|| format!("read({name:?})")).map(|_| content)
}
