//! Writes files as a tar, as they are on disk.
//!
//! The format is POSIX's (`pax(1)`): extension headers say what the old ones
//! have no room for, which is long names, fractions of seconds and extended
//! attributes. The same files give the same bytes.
//!
//! A tree may be changed while it is read, by somebody who wants us to read
//! something else: files are opened by a single name in a directory that is open,
//! and looked at again once they are.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use nix::errno::Errno;
use tar::{EntryType, Header};

use super::{
    Error,
    entry::quote,
    merged::{NOTES, there},
};
use crate::{
    oci::{ImageLimits, KeepId},
    sys::{
        self, Named,
        fs::{
            FileType, Stat, entries, fstat, is_directory, is_file, is_of_the_kernel,
            open_directory_at, open_file_at, read_link_at, stat_at, xattr, xattr_names,
        },
    },
};

/// The longest name that an old header has room for.
const OLD_NAME: usize = 100;

/// Whom a file belongs to, if not to whom the disk says.
pub(super) type Owner = Option<(u64, u64)>;

/// A tar that is being written.
pub(super) struct TreeTar<W: Write> {
    tar: tar::Builder<W>,
    keep: Option<KeepId>,
    /// Where files that have several names are in the tar, by device and inode.
    linked: HashMap<(u64, u64), PathBuf>,
}

impl<W: Write> std::fmt::Debug for TreeTar<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TreeTar").field("linked", &self.linked).finish_non_exhaustive()
    }
}

impl<W: Write> TreeTar<W> {
    /// For files of sandboxes in which the ids of `keep` are the caller's.
    pub(super) fn new(output: W, keep: Option<KeepId>) -> Self {
        Self { tar: tar::Builder::new(output), keep, linked: HashMap::new() }
    }

    /// Adds what is called `name` in `directory`, as `path`, but not what is in it.
    ///
    /// Nothing is added for what has gone meanwhile, nor for sockets and devices:
    /// nobody could make them again.
    pub(super) fn add(
        &mut self,
        path: &Path,
        directory: &OwnedFd,
        name: &Path,
        owner: Owner,
    ) -> Result<(), Error> {
        let mut add = || {
            let Some(stat) = there(stat_at(directory, name))? else { return Ok(()) };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => self.directory(path, directory, name, owner),
                FileType::RegularFile => self.file(path, directory, name, owner),
                FileType::Symlink => self.symlink(path, directory, name, (&stat, owner)),
                FileType::Fifo => self.write(path, EntryType::Fifo, (&stat, owner), &[]),
                _ => Ok(()),
            }
        };
        add().map_err(|source| copy_error(path, source))
    }

    /// Adds the same, and all that is in it.
    pub(super) fn add_all(
        &mut self,
        path: &Path,
        directory: &OwnedFd,
        name: &Path,
    ) -> Result<(), Error> {
        self.add(path, directory, name, None)?;
        let open = there(stat_at(directory, name)).and_then(|stat| {
            let is_directory = stat.as_ref().is_some_and(is_directory);
            if !is_directory { Ok(None) } else { there(open_directory_at(directory, name)) }
        });
        match open.map_err(|source| copy_error(path, source))? {
            Some(inner) => self.add_content(path, &inner),
            None => Ok(()),
        }
    }

    /// Adds all that is in a directory, but not the directory; names are in order.
    pub(super) fn add_content(&mut self, path: &Path, directory: &OwnedFd) -> Result<(), Error> {
        check_depth(path)?;
        let failed = |source| copy_error(path, source);
        if is_of_the_kernel(directory).map_err(failed)? {
            return Ok(()); // What is in there are no files.
        }
        let mut names: Vec<_> = entries(directory).map_err(failed)?;
        names.sort_by(|a, b| a.name.cmp(&b.name));
        for entry in names {
            self.add_all(&path.join(&entry.name), directory, Path::new(&entry.name))?;
        }
        Ok(())
    }

    /// Adds an empty file of nobody's and of no time: a mark.
    pub(super) fn add_mark(&mut self, path: &Path) -> Result<(), Error> {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o600);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(0);
        let name = path.as_os_str().as_bytes();
        let written = self.append(header, name, b"", Vec::new(), &mut io::empty());
        written.map_err(|source| copy_error(path, source))
    }

    /// Writes the end of the tar.
    pub(super) fn finish(self) -> Result<W, Error> {
        let finish = self.tar.into_inner().and_then(|mut output| output.flush().map(|()| output));
        finish.named(|| "write()".into()).map_err(|source| copy_error(Path::new(""), source))
    }

    fn directory(
        &mut self,
        path: &Path,
        directory: &OwnedFd,
        name: &Path,
        owner: Owner,
    ) -> sys::Result<()> {
        let Some(inner) = there(open_directory_at(directory, name))? else { return Ok(()) };
        let header = self.header(EntryType::Directory, &fstat(&inner)?, owner);
        let records = attributes(&inner)?;
        let mut name = path.as_os_str().as_bytes().to_vec();
        name.push(b'/');
        let time = time_record(&fstat(&inner)?);
        self.append(header, &name, b"", [time, records].concat(), &mut io::empty())
    }

    fn file(
        &mut self,
        path: &Path,
        directory: &OwnedFd,
        name: &Path,
        owner: Owner,
    ) -> sys::Result<()> {
        let Some(file) = there(open_file_at(directory, name))? else { return Ok(()) };
        let stat = fstat(&file)?;
        if !is_file(&stat) {
            return Ok(()); // It has become something else meanwhile.
        }
        if stat.st_nlink > 1 {
            let inode = (stat.st_dev, stat.st_ino);
            if let Some(first) = self.linked.get(&inode).cloned() {
                let target = first.as_os_str().as_bytes();
                return self.write(path, EntryType::Link, (&stat, owner), target);
            }
            self.linked.insert(inode, path.into());
        }
        let mut header = self.header(EntryType::Regular, &stat, owner);
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        header.set_size(size);
        let records = [time_record(&stat), attributes(&file)?].concat();
        self.append(header, path.as_os_str().as_bytes(), b"", records, &mut exactly(&file, size))
    }

    fn symlink(
        &mut self,
        path: &Path,
        directory: &OwnedFd,
        name: &Path,
        (stat, owner): (&Stat, Owner),
    ) -> sys::Result<()> {
        match there(read_link_at(directory, name)) {
            Err(error) if error.errno == Errno::EINVAL => Ok(()), // It is none any more.
            Ok(None) => Ok(()),
            target => {
                let target = target?.unwrap_or_default();
                self.write(path, EntryType::Symlink, (stat, owner), target.as_bytes())
            }
        }
    }

    fn write(
        &mut self,
        path: &Path,
        kind: EntryType,
        (stat, owner): (&Stat, Owner),
        target: &[u8],
    ) -> sys::Result<()> {
        let header = self.header(kind, stat, owner);
        let name = path.as_os_str().as_bytes();
        self.append(header, name, target, time_record(stat), &mut io::empty())
    }

    fn header(&self, kind: EntryType, stat: &Stat, owner: Owner) -> Header {
        let (uid, gid) = owner.unwrap_or_else(|| inside(stat, self.keep));
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(stat.st_mode & 0o7777);
        header.set_uid(uid);
        header.set_gid(gid);
        header.set_mtime(u64::try_from(stat.st_mtime).unwrap_or(0));
        header.set_size(0);
        header
    }

    /// Writes one entry, after a header for what does not fit in its own.
    fn append(
        &mut self,
        mut header: Header,
        name: &[u8],
        target: &[u8],
        mut records: Vec<Record>,
        content: &mut dyn Read,
    ) -> sys::Result<()> {
        for (key, value) in [("path", name), ("linkpath", target)] {
            if value.len() > OLD_NAME {
                records.push((key.into(), value.into()));
            }
        }
        let mut write = || {
            if !records.is_empty() {
                let records = records.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
                self.tar.append_pax_extensions(records)?;
            }
            let old = header.as_old_mut();
            put(&mut old.name, name);
            put(&mut old.linkname, target);
            header.set_cksum();
            self.tar.append(&header, &mut *content)
        };
        write().named(|| "write()".into())
    }
}

/// Whom a file belongs to in a sandbox in which the ids of `keep` are the caller's.
pub(super) fn inside(stat: &Stat, keep: Option<KeepId>) -> (u64, u64) {
    let (uid, gid) = (stat.st_uid.into(), stat.st_gid.into());
    keep.map_or((uid, gid), |keep| (keep.user(uid), keep.group(gid)))
}

/// A record of an extension header.
type Record = (String, Vec<u8>);

/// As much of a name as fits: the rest is in a record.
fn put(field: &mut [u8], name: &[u8]) {
    let length = name.len().min(field.len());
    if let (Some(field), Some(name)) = (field.get_mut(..length), name.get(..length)) {
        field.copy_from_slice(name);
    }
}

/// Seconds that are no whole number, or before 1970.
fn time_record(stat: &Stat) -> Vec<Record> {
    let (seconds, nanoseconds) = (stat.st_mtime, stat.st_mtime_nsec);
    if nanoseconds == 0 && seconds >= 0 {
        return Vec::new();
    }
    let text = match (seconds, nanoseconds) {
        // The fraction counts towards the past, `st_mtime_nsec` never does.
        (..0, 1..) => format!("-{}.{:09}", -(seconds + 1), 1_000_000_000 - nanoseconds),
        _ => format!("{seconds}.{nanoseconds:09}"),
    };
    vec![("mtime".into(), text.into_bytes())]
}

fn attributes(file: impl AsFd) -> sys::Result<Vec<Record>> {
    let all = own_xattrs(file)?.into_iter();
    let record = |(name, value): (OsString, _)| (format!("SCHILY.xattr.{}", name.display()), value);
    Ok(all.map(record).collect())
}

/// The extended attributes that are the file's own, and not overlayfs's, nor of a
/// security module which labels files by itself.
pub(super) fn own_xattrs(file: impl AsFd) -> sys::Result<Vec<(OsString, Vec<u8>)>> {
    let mut own = Vec::new();
    for name in xattr_names(&file)? {
        if !name.to_str().is_some_and(belongs_to_the_file) {
            continue;
        }
        if let Some(value) = xattr(&file, &name)? {
            own.push((name, value));
        }
    }
    Ok(own)
}

fn belongs_to_the_file(xattr: &str) -> bool {
    !xattr.starts_with(NOTES) && (xattr.starts_with("user.") || xattr == "security.capability")
}

/// A file as long as it was when it was looked at: cut off, or filled up.
fn exactly(file: &File, size: u64) -> impl Read {
    file.take(size).chain(io::repeat(0)).take(size)
}

pub(super) fn check_depth(path: &Path) -> Result<(), Error> {
    match path.components().count() > ImageLimits::DEPTH {
        true => Err(copy_error(path, too_deep())),
        false => Ok(()),
    }
}

fn too_deep() -> sys::Error {
    sys::Error { call: "openat()".into(), errno: Errno::ENAMETOOLONG }
}

pub(super) fn copy_error(path: &Path, source: sys::Error) -> Error {
    let path = if path.as_os_str().is_empty() { OsStr::new("/") } else { path.as_os_str() };
    Error::Copy { path: quote(path), source }
}
