//! Applies the changes of a layer to an empty directory.
//!
//! Nothing here trusts a name: the parent of every entry is opened by
//! [`Resolver`], and the entry itself is made in it by a single component, which
//! no call follows if it is a link. Owners and permissions of directories come
//! last of all, deepest first: a directory that its owner may not write must
//! still be filled.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    ffi::OsStr,
    fs::File,
    io::{ErrorKind, Read, Seek, SeekFrom, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::FileExt},
    },
    path::{Path, PathBuf},
    rc::Rc,
};

use nix::errno::Errno;

use super::{
    LayerError, Map,
    entry::{Attributes, Change, Kind, malformed_map, quote},
    owners::Owners,
    record::Recorder,
    resolve::{Missing, Resolver, make_opaque, replace_whiteout},
    sparse::{Region, Sparse},
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
    recorder: Rc<RefCell<Recorder>>,
    layer: PathBuf,
    /// Where goes what is replaced, made when it is first needed.
    kept: PathBuf,
    /// The last parent of a file, and where it really is.
    place: Option<(Rc<OwnedFd>, PathBuf)>,
    directories: BTreeMap<PathBuf, Finish>,
    /// The permissions that a new file has if it is made with all of them: what
    /// the umask, or an access list of the directory's, leaves.
    granted: u32,
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
    /// Fills `root`, which has just been made with all permissions in `layer`, and
    /// puts beside it what cannot be stored there.
    pub(super) fn new(
        root: OwnedFd,
        map: &'a Map,
        layer: &Path,
        recorder: Rc<RefCell<Recorder>>,
    ) -> sys::Result<Self> {
        let granted = fs::fstat(&root)?.st_mode & 0o777;
        fs::fchmod(&root, 0o755)?;
        Ok(Self {
            resolver: Resolver::new(root),
            map,
            owners: Owners::new(layer.join("owners")),
            recorder,
            layer: layer.into(),
            kept: layer.join("kept"),
            place: None,
            directories: BTreeMap::new(),
            granted,
            buffer: vec![0; BUFFER],
        })
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
            Kind::File => return self.file(&path, &attributes, None, content),
            Kind::Sparse(sparse) => return self.file(&path, &attributes, Some(&sparse), content),
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
        let implied = self.implied();
        super::implied::record(&self.layer, &implied).map_err(LayerError::Store)?;
        self.owners.close().map_err(LayerError::Store)
    }

    /// What the archive did not list, and is still there.
    fn implied(&mut self) -> Vec<PathBuf> {
        let made = std::mem::take(&mut self.resolver.made);
        let mut is_there = |(inode, path): &(u64, PathBuf)| {
            let there = self.parent_of(path, Missing::Fail);
            there
                .and_then(|(parent, name)| fs::stat_at(&parent, name))
                .is_ok_and(|there| there.st_ino == *inode && fs::is_directory(&there))
        };
        made.into_iter().filter(&mut is_there).map(|(_, path)| path).collect()
    }

    fn directory(&mut self, path: &Path, attributes: Attributes) -> sys::Result<()> {
        let (parent, name) = self.parent(path)?;
        match fs::mkdir_at(&parent, name, 0o700) {
            Err(error) if error.errno == Errno::EEXIST => {
                self.keep_or_replace(&parent, name, path)?
            }
            result => result?,
        }
        let inode = fs::stat_at(&parent, name)?.st_ino;
        self.resolver.made.remove(&inode);
        self.directories.insert(path.into(), Finish { inode, attributes });
        Ok(())
    }

    /// A directory stays, with what is in it; anything else makes room for one.
    fn keep_or_replace(&mut self, parent: &OwnedFd, name: &Path, path: &Path) -> sys::Result<()> {
        let there = fs::stat_at(parent, name)?;
        if fs::is_directory(&there) {
            return Ok(());
        }
        self.resolver.forget();
        if fs::is_whiteout(&there) {
            return replace_whiteout(parent, name, 0o700);
        }
        self.put_aside(parent, name, path)?;
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
        self.set_attributes(&dir, path, &finish.attributes, None)
    }

    fn file(
        &mut self,
        path: &Path,
        attributes: &Attributes,
        sparse: Option<&Sparse>,
        content: &mut tar::Entry<'_, impl Read>,
    ) -> Result<(), LayerError> {
        let failed = |error| entry_error(path, error);
        let mode = attributes.mode & self.granted;
        let mut file = self
            .place(path, |parent, name| fs::create_file_at(parent, name, mode))
            .map_err(failed)?;
        match sparse {
            None if content.header().entry_type().is_gnu_sparse() => {
                self.copy_with_holes(path, content, &mut file)?;
            }
            None => {
                // What has no holes is, byte for byte, what the tar says.
                let place = self.real_path(path).map_err(failed)?;
                self.recorder.borrow_mut().content(&place, content.size());
                self.copy(path, content.size(), content, &mut file)?;
            }
            Some(sparse) => self.copy_parts(path, sparse, content, &mut file)?,
        }
        self.set_attributes(&file, path, attributes, Some(mode)).map_err(failed)
    }

    /// Copies `left` bytes.
    fn copy(
        &mut self,
        path: &Path,
        mut left: u64,
        content: &mut impl Read,
        file: &mut File,
    ) -> Result<(), LayerError> {
        while left > 0 {
            let bytes = read_some(&mut self.buffer, left, content)?;
            let written = file.write_all(bytes).named(|| format!("write({})", bytes.len()));
            written.map_err(|error| entry_error(path, error))?;
            left = left.saturating_sub(bytes.len() as u64);
        }
        Ok(())
    }

    /// Copies what the tar crate fills up with zeros (GNU's own sparse entries).
    fn copy_with_holes(
        &mut self,
        path: &Path,
        content: &mut tar::Entry<'_, impl Read>,
        file: &mut File,
    ) -> Result<(), LayerError> {
        let failed = |error| entry_error(path, error);
        let size = content.size();
        let mut offset = 0;
        while offset < size {
            let bytes = read_some(&mut self.buffer, size - offset, content)?;
            if bytes.iter().any(|byte| *byte != 0) {
                let written = file.write_all_at(bytes, offset);
                written.named(|| format!("pwrite({})", bytes.len())).map_err(failed)?;
            }
            offset = offset.saturating_add(bytes.len() as u64);
        }
        file.set_len(size).named(|| format!("ftruncate({size})")).map_err(failed)
    }

    /// Copies the parts of a sparse file to where they belong.
    fn copy_parts(
        &mut self,
        path: &Path,
        sparse: &Sparse,
        content: &mut impl Read,
        file: &mut File,
    ) -> Result<(), LayerError> {
        let failed = |error| entry_error(path, error);
        let regions = sparse.regions(&mut *content).map_err(|error| match error.kind() {
            ErrorKind::InvalidData => malformed_map(path.as_os_str().as_bytes()),
            _ => LayerError::Read(error),
        })?;
        for Region { offset, length } in regions {
            let moved = file.seek(SeekFrom::Start(offset));
            moved.named(|| format!("lseek({offset})")).map_err(failed)?;
            self.copy(path, length, content, file)?;
        }
        let size = sparse.size;
        file.set_len(size).named(|| format!("ftruncate({size})")).map_err(failed)
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
            Ok(there) if fs::is_directory(&there) => {
                self.resolver.made.remove(&there.st_ino); // It is a new one.
                make_opaque(parent, name)
            }
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
                self.put_aside(&parent, name, path)?;
                make(&parent, name)
            }
            result => result,
        }
    }

    /// Takes away what is there, and keeps it if it is or holds a file, whose
    /// content is needed when the tar is written again.
    fn put_aside(&mut self, parent: &OwnedFd, name: &Path, path: &Path) -> sys::Result<()> {
        let there = fs::stat_at(parent, name)?;
        if !fs::is_directory(&there) && !fs::is_file(&there) {
            return fs::unlink_at(parent, name);
        }
        if fs::rmdir_at(parent, name).is_ok() {
            return Ok(()); // An empty directory.
        }
        let place = self.real_path(path)?;
        let number = self.recorder.borrow_mut().keep(&place);
        if number == 0 {
            fs::mkdir(&self.kept, 0o700)?;
        }
        let kept = fs::open_directory(&self.kept)?;
        fs::rename_at(parent, name, kept, Path::new(&number.to_string()))
    }

    /// Where `path` leads now: what it goes through may be a link, and become
    /// another one later.
    fn real_path(&mut self, path: &Path) -> sys::Result<PathBuf> {
        let (parent, name) = self.parent(path)?;
        if let Some((_, place)) = self.place.as_ref().filter(|(dir, _)| Rc::ptr_eq(dir, &parent)) {
            return Ok(place.join(name));
        }
        let root = self.resolver.directory(Path::new(""), Missing::Fail)?;
        // Without `/proc` the name must do; without links it is the same.
        let place = fs::path_beneath(&parent, root).ok().flatten();
        let place = place.or_else(|| path.parent().map(Path::to_path_buf)).unwrap_or_default();
        let real = place.join(name);
        self.place = Some((parent, place));
        Ok(real)
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
    /// capabilities (`chown(2)`, `capabilities(7)`). `mode` is what it has, if that
    /// is known.
    fn set_attributes(
        &mut self,
        fd: &impl AsFd,
        path: &Path,
        attributes: &Attributes,
        mode: Option<u32>,
    ) -> sys::Result<()> {
        self.set_owner(path, attributes, |uid, gid| fs::fchown(fd, uid, gid))?;
        if mode != Some(attributes.mode) {
            fs::fchmod(fd, attributes.mode)?;
        }
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

/// Reads at least one and at most `limit` bytes.
fn read_some<'b>(
    buffer: &'b mut [u8],
    limit: u64,
    content: &mut impl Read,
) -> Result<&'b [u8], LayerError> {
    let length = usize::try_from(limit).map_or(buffer.len(), |limit| limit.min(buffer.len()));
    let buffer = buffer.get_mut(..length).unwrap_or_default();
    match content.read(buffer).map_err(LayerError::Read)? {
        0 => Err(LayerError::Read(ErrorKind::UnexpectedEof.into())),
        read => Ok(buffer.get(..read).unwrap_or_default()),
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
