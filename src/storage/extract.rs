//! Applies the changes of a layer to an empty directory.
//!
//! Nothing here trusts a name: the parent of every entry is opened by
//! [`Resolver`], and the entry itself is made in it by a single component, which
//! no call follows if it is a link. Owners and permissions of directories come
//! last of all, deepest first: a directory that its owner may not write must
//! still be filled.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    rc::Rc,
};

use nix::errno::Errno;

use super::{
    LayerError, Map,
    entry::{Attributes, Change, Kind, quote},
    owners::Owners,
    remove::remove_tree,
    resolve::{Missing, Resolver, make_opaque, replace_whiteout},
};
use crate::sys::{
    self, Named,
    fs::{self, Timespec, Timestamps},
};

/// How much of a file is read at a time.
const BUFFER: usize = 128 << 10;

/// A layer's directory that is being filled.
#[derive(Debug)]
pub(super) struct Extractor<'a> {
    resolver: Resolver,
    map: &'a Map,
    owners: Owners,
    directories: BTreeMap<PathBuf, Finish>,
    buffer: Vec<u8>,
}

/// What a directory gets when everything is in it.
#[derive(Debug)]
struct Finish {
    /// The directory that is meant: another one may have taken its name.
    inode: u64,
    attributes: Attributes,
}

impl<'a> Extractor<'a> {
    /// Fills `root`, and records owners that cannot be stored in `owners`.
    pub(super) fn new(root: OwnedFd, map: &'a Map, owners: PathBuf) -> Self {
        Self {
            resolver: Resolver::new(root),
            map,
            owners: Owners::new(owners),
            directories: BTreeMap::new(),
            buffer: vec![0; BUFFER],
        }
    }

    /// Makes one change; `content` is what a file reads as.
    pub(super) fn apply(
        &mut self,
        change: Change,
        content: &mut tar::Entry<'_, impl Read>,
    ) -> Result<(), LayerError> {
        let Change { path, kind, attributes } = change;
        let is_root = path.as_os_str().is_empty();
        if is_root && !matches!(kind, Kind::Directory | Kind::Opaque | Kind::Nothing) {
            let (path, why) = (quote(OsStr::new("/")), "is not a directory");
            return Err(LayerError::Refused { path, why });
        }
        let stored = match kind {
            Kind::Directory => self.directory(&path, attributes),
            Kind::File => return self.file(&path, &attributes, content),
            Kind::Symlink(target) => self.symlink(&path, &attributes, &target),
            Kind::Hardlink(target) => return self.hardlink(&path, &target),
            Kind::Fifo => self.fifo(&path, &attributes),
            Kind::Whiteout => {
                return self.whiteout(&path).map_err(|source| whiteout_error(&path, source));
            }
            Kind::Opaque => self.opaque(&path),
            Kind::Nothing => Ok(()),
        };
        stored.map_err(|error| entry_error(&path, error))
    }

    /// Gives the directories their attributes.
    pub(super) fn finish(mut self) -> Result<(), LayerError> {
        for (path, finish) in std::mem::take(&mut self.directories).into_iter().rev() {
            self.finish_directory(&path, &finish).map_err(|error| entry_error(&path, error))?;
        }
        self.owners.close().map_err(LayerError::Store)
    }

    fn directory(&mut self, path: &Path, attributes: Attributes) -> sys::Result<()> {
        let (parent, name) = self.parent(path)?;
        match fs::mkdir_at(&parent, name, 0o700) {
            Err(error) if error.errno == Errno::EEXIST => self.keep_or_replace(&parent, name)?,
            result => result?,
        }
        let inode = fs::stat_at(&parent, name)?.st_ino;
        self.directories.insert(path.into(), Finish { inode, attributes });
        Ok(())
    }

    /// A directory stays, with what is in it; anything else makes room for one.
    fn keep_or_replace(&mut self, parent: &OwnedFd, name: &Path) -> sys::Result<()> {
        let there = fs::stat_at(parent, name)?;
        if fs::is_directory(&there) {
            return Ok(());
        }
        self.resolver.forget();
        if fs::is_whiteout(&there) {
            return replace_whiteout(parent, name, 0o700);
        }
        fs::unlink_at(parent, name)?;
        fs::mkdir_at(parent, name, 0o700)
    }

    fn finish_directory(&mut self, path: &Path, finish: &Finish) -> sys::Result<()> {
        let (parent, name) = self.parent_of(path, Missing::Fail)?;
        let dir = match fs::open_directory_at(parent, name) {
            Err(error) if is_gone(&error) => return Ok(()),
            result => result?,
        };
        if fs::fstat(&dir)?.st_ino != finish.inode {
            return Ok(());
        }
        self.set_attributes(&dir, path, &finish.attributes)
    }

    fn file(
        &mut self,
        path: &Path,
        attributes: &Attributes,
        content: &mut tar::Entry<'_, impl Read>,
    ) -> Result<(), LayerError> {
        let failed = |error| entry_error(path, error);
        let mut file =
            self.place(path, |parent, name| fs::create_file_at(parent, name)).map_err(failed)?;
        self.copy(path, content, &mut file)?;
        self.set_attributes(&file, path, attributes).map_err(failed)
    }

    /// Copies a file's content, as a file with holes if the archive has holes.
    fn copy(
        &mut self,
        path: &Path,
        content: &mut tar::Entry<'_, impl Read>,
        file: &mut File,
    ) -> Result<(), LayerError> {
        let failed = |error| entry_error(path, error);
        let is_sparse = content.header().entry_type().is_gnu_sparse();
        let mut left = content.size();
        while left > 0 {
            let read = content.read(&mut self.buffer).map_err(LayerError::Read)?;
            let Some(bytes) = self.buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
                return Err(LayerError::Read(std::io::ErrorKind::UnexpectedEof.into()));
            };
            if is_sparse && bytes.iter().all(|byte| *byte == 0) {
                let length = i64::try_from(read).unwrap_or(0);
                let moved = file.seek(SeekFrom::Current(length)).named(|| "lseek()".into());
                moved.map_err(failed)?;
            } else {
                file.write_all(bytes).named(|| format!("write({read})")).map_err(failed)?;
            }
            left = left.saturating_sub(read as u64);
        }
        if is_sparse {
            file.set_len(content.size()).named(|| "ftruncate()".into()).map_err(failed)?;
        }
        Ok(())
    }

    fn symlink(&mut self, path: &Path, attributes: &Attributes, to: &OsStr) -> sys::Result<()> {
        self.place(path, |parent, name| fs::symlink_at(to, parent, name))?;
        let (parent, name) = self.parent(path)?;
        self.set_owner(path, attributes, |uid, gid| fs::chown_at(&parent, name, uid, gid))?;
        fs::set_times_at(&parent, name, &times(attributes.modified))
    }

    fn fifo(&mut self, path: &Path, attributes: &Attributes) -> sys::Result<()> {
        self.place(path, |parent, name| fs::mkfifo_at(parent, name))?;
        let (parent, name) = self.parent(path)?;
        self.set_owner(path, attributes, |uid, gid| fs::chown_at(&parent, name, uid, gid))?;
        fs::chmod_at(&parent, name, attributes.mode)?;
        fs::set_times_at(&parent, name, &times(attributes.modified))
    }

    fn hardlink(&mut self, path: &Path, target: &Path) -> Result<(), LayerError> {
        let missing = || LayerError::Refused {
            path: quote(path.as_os_str()),
            why: "is a hard link to a file that is not in this layer",
        };
        let (from, old) = match self.parent_of(target, Missing::Fail) {
            Err(error) if is_gone(&error) => return Err(missing()),
            result => result.map_err(|error| entry_error(path, error))?,
        };
        match self.link(&from, old, path) {
            Err(error) if error.errno == Errno::ENOENT => Err(missing()),
            result => result.map_err(|error| entry_error(path, error)),
        }
    }

    fn link(&mut self, from: &OwnedFd, old: &Path, path: &Path) -> sys::Result<()> {
        let (to, new) = self.parent(path)?;
        let target = fs::stat_at(from, old)?;
        if fs::stat_at(&to, new).is_ok_and(|there| there.st_ino == target.st_ino) {
            return Ok(()); // It is that file already, and must not be removed.
        }
        self.place(path, |to, new| fs::link_at(from, old, to, new))
    }

    /// A whiteout speaks of the layers below only: what this layer has by that
    /// name stays, and hides them.
    fn whiteout(&mut self, path: &Path) -> sys::Result<()> {
        let (parent, name) = self.parent(path)?;
        match fs::stat_at(&parent, name) {
            Ok(there) if fs::is_directory(&there) => make_opaque(parent, name),
            Ok(_) => Ok(()),
            Err(error) if error.errno == Errno::ENOENT => fs::whiteout_at(parent, name),
            Err(error) => Err(error),
        }
    }

    fn opaque(&mut self, path: &Path) -> sys::Result<()> {
        let dir = self.resolver.directory(path, Missing::Create)?;
        make_opaque(dir, Path::new("."))
    }

    /// Makes something at `path`, in place of what is there.
    fn place<T>(
        &mut self,
        path: &Path,
        make: impl Fn(&OwnedFd, &Path) -> sys::Result<T>,
    ) -> sys::Result<T> {
        let (parent, name) = self.parent(path)?;
        match make(&parent, name) {
            Err(error) if error.errno == Errno::EEXIST => {
                self.resolver.forget();
                remove_tree(&parent, name)?;
                make(&parent, name)
            }
            result => result,
        }
    }

    fn parent<'p>(&mut self, path: &'p Path) -> sys::Result<(Rc<OwnedFd>, &'p Path)> {
        self.parent_of(path, Missing::Create)
    }

    /// The directory that holds `path`, and its name there; the root is `.` in
    /// itself.
    fn parent_of<'p>(
        &mut self,
        path: &'p Path,
        missing: Missing,
    ) -> sys::Result<(Rc<OwnedFd>, &'p Path)> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            let root = self.resolver.directory(Path::new(""), missing)?;
            return Ok((root, Path::new(".")));
        };
        Ok((self.resolver.directory(parent, missing)?, Path::new(name)))
    }

    /// In this order: changing the owner clears the set-id bits and the file
    /// capabilities (`chown(2)`, `capabilities(7)`).
    fn set_attributes(
        &mut self,
        fd: &impl AsFd,
        path: &Path,
        attributes: &Attributes,
    ) -> sys::Result<()> {
        self.set_owner(path, attributes, |uid, gid| fs::fchown(fd, uid, gid))?;
        fs::fchmod(fd, attributes.mode)?;
        for (name, value) in &attributes.xattrs {
            match fs::set_xattr(fd, name, value) {
                Err(error) if is_not_for_us(&error) => {}
                result => result?,
            }
        }
        fs::set_times(fd, &times(attributes.modified))
    }

    /// What we make is root's already.
    fn set_owner(
        &mut self,
        path: &Path,
        attributes: &Attributes,
        chown: impl FnOnce(u32, u32) -> sys::Result<()>,
    ) -> sys::Result<()> {
        let owner = self.map.owner(attributes.uid, attributes.gid);
        if owner.squashed {
            self.owners.record(path, attributes.uid, attributes.gid)?;
        }
        if (owner.uid, owner.gid) == (0, 0) { Ok(()) } else { chown(owner.uid, owner.gid) }
    }
}

fn times(modified: Timespec) -> Timestamps {
    Timestamps { last_access: modified, last_modification: modified }
}

fn is_gone(error: &sys::Error) -> bool {
    matches!(error.errno, Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP)
}

/// Attributes of security modules and access lists of ids that we do not have.
fn is_not_for_us(error: &sys::Error) -> bool {
    matches!(error.errno, Errno::EPERM | Errno::EOPNOTSUPP | Errno::EINVAL | Errno::EACCES)
}

fn entry_error(path: &Path, source: sys::Error) -> LayerError {
    LayerError::Entry { path: quote(path.as_os_str()), source }
}

fn whiteout_error(path: &Path, source: sys::Error) -> LayerError {
    LayerError::Whiteout { path: quote(path.as_os_str()), source }
}
