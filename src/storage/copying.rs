//! Copies a tree beside itself.
//!
//! Where the file system can, a file and its copy share their blocks until one of them
//! is written to (`ioctl_ficlone(2)`: btrfs, XFS): that takes neither time nor room.
//! Else the kernel copies what is in the file, and its holes stay holes.
//!
//! The tree may be changed meanwhile, by somebody who wants us to read something else:
//! what is in it is opened by a single name in a directory that is open, and looked at
//! again once it is. The copy is nobody else's until it is whole.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use super::{
    Error,
    merged::there,
    tree_tar::{check_depth, copy_error, own_xattrs},
};
use crate::sys::{
    self, Named,
    fs::{
        self, FileType, Stat, Timespec, Timestamps, chmod_at, chown_at, create_file_at, entries,
        fchmod, fchown, fstat, is_file, link_at, mkdir_at, mkfifo_at, open_directory_at,
        open_file_at, read_link_at, set_times, set_times_at, set_xattr, stat_at, symlink_at,
    },
};

/// Makes a directory `name` in `into`, with all that is in the directory `from` but
/// sockets and devices.
///
/// # Errors
/// If something cannot be read, or not be made. What was made stays.
pub fn copy_tree(from: &OwnedFd, into: &OwnedFd, name: &Path) -> Result<(), Error> {
    Copier { top: into, linked: HashMap::new() }.directory(name, from, into, name)
}

#[derive(Debug)]
struct Copier<'a> {
    top: &'a OwnedFd,
    /// Where the first name of files that have several is, by device and inode.
    linked: HashMap<(u64, u64), PathBuf>,
}

impl Copier<'_> {
    /// `path` leads to the copy from the top.
    fn directory(
        &mut self,
        path: &Path,
        from: &OwnedFd,
        into: &OwnedFd,
        name: &Path,
    ) -> Result<(), Error> {
        check_depth(path)?;
        let failed = |source| copy_error(path, source);
        let make = || mkdir_at(into, name, 0o700).and_then(|()| open_directory_at(into, name));
        let copy = make().map_err(failed)?;
        for entry in entries(from).map_err(failed)? {
            self.any(&path.join(&entry.name), from, &copy, Path::new(&entry.name))?;
        }
        // What was made in it has changed its time.
        fstat(from).and_then(|stat| set_attributes(from, &copy, &stat)).map_err(failed)
    }

    /// Nothing is made of what has gone meanwhile.
    fn any(
        &mut self,
        path: &Path,
        from: &OwnedFd,
        into: &OwnedFd,
        name: &Path,
    ) -> Result<(), Error> {
        let failed = |source| copy_error(path, source);
        let Some(stat) = there(stat_at(from, name)).map_err(failed)? else { return Ok(()) };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => match there(open_directory_at(from, name)).map_err(failed)? {
                Some(inner) => self.directory(path, &inner, into, name),
                None => Ok(()),
            },
            FileType::RegularFile => self.file(path, from, into, name).map_err(failed),
            FileType::Symlink => symlink(from, into, name, &stat).map_err(failed),
            FileType::Fifo => mkfifo_at(into, name)
                .and_then(|()| chmod_at(into, name, stat.st_mode & 0o7777))
                .and_then(|()| set_owner_and_time(into, name, &stat))
                .map_err(failed),
            _ => Ok(()),
        }
    }

    fn file(
        &mut self,
        path: &Path,
        from: &OwnedFd,
        into: &OwnedFd,
        name: &Path,
    ) -> sys::Result<()> {
        let Some(file) = there(open_file_at(from, name))? else { return Ok(()) };
        let stat = fstat(&file)?;
        if !is_file(&stat) {
            return Ok(()); // It has become something else meanwhile.
        }
        if stat.st_nlink > 1 {
            let inode = (stat.st_dev, stat.st_ino);
            if let Some(first) = self.linked.get(&inode) {
                return link_at(self.top, first, into, name);
            }
            self.linked.insert(inode, path.into());
        }
        let copy = create_file_at(into, name, 0o600)?;
        if !fs::share(&file, &copy)? {
            copy_content(&file, &copy, stat.st_size).named(|| "copy_file_range()".into())?;
        }
        set_attributes(&file, &copy, &stat)
    }
}

/// Region by region: what lies between is never written (`lseek(2)`, SEEK_DATA).
fn copy_content(mut from: &File, mut to: &File, size: i64) -> io::Result<()> {
    let size = u64::try_from(size).unwrap_or(0);
    let mut end = 0;
    while let Some((start, next)) = fs::next_data(from, end)?.filter(|(start, _)| *start < size) {
        from.seek(SeekFrom::Start(start))?;
        to.seek(SeekFrom::Start(start))?;
        end = next.min(size);
        io::copy(&mut from.take(end - start), &mut to)?;
    }
    to.set_len(size)
}

fn symlink(from: &OwnedFd, into: &OwnedFd, name: &Path, stat: &Stat) -> sys::Result<()> {
    match there(read_link_at(from, name)) {
        Err(error) if error.errno == Errno::EINVAL => Ok(()), // It is none any more.
        Ok(None) => Ok(()),
        target => {
            symlink_at(&target?.unwrap_or_default(), into, name)?;
            set_owner_and_time(into, name, stat)
        }
    }
}

fn set_owner_and_time(into: &OwnedFd, name: &Path, stat: &Stat) -> sys::Result<()> {
    as_far_as_mapped(chown_at(into, name, stat.st_uid, stat.st_gid))?;
    set_times_at(into, name, &times(stat))
}

/// In this order: a new owner clears the set-id bits (`chown(2)`).
fn set_attributes(from: &impl AsFd, to: &impl AsFd, stat: &Stat) -> sys::Result<()> {
    as_far_as_mapped(fchown(to, stat.st_uid, stat.st_gid))?;
    fchmod(to, stat.st_mode & 0o7777)?;
    for (name, value) in own_xattrs(from)? {
        // Not every one is ours to set.
        let _ = set_xattr(to, &name, &value);
    }
    set_times(to, &times(stat))
}

/// An owner whom nobody here is looks like somebody whom nobody can be (EINVAL).
fn as_far_as_mapped(owned: sys::Result<()>) -> sys::Result<()> {
    match owned {
        Err(error) if matches!(error.errno, Errno::EINVAL | Errno::EPERM) => Ok(()),
        owned => owned,
    }
}

fn times(stat: &Stat) -> Timestamps {
    let modified = Timespec { tv_sec: stat.st_mtime, tv_nsec: stat.st_mtime_nsec as _ };
    Timestamps { last_access: modified, last_modification: modified }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        ffi::OsStr,
        os::unix::fs::{FileExt, MetadataExt, PermissionsExt},
    };

    use super::*;
    use crate::{storage::testing::TempDir, sys::fs::open_directory};

    fn copy(from: &Path, into: &Path) {
        copy_tree(&open_directory(from).unwrap(), &open_directory(into).unwrap(), "copy".as_ref())
            .unwrap();
    }

    /// What can be seen of all that is below, by its path.
    fn seen(dir: &Path) -> BTreeMap<PathBuf, String> {
        let mut all = BTreeMap::new();
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let stat = path.symlink_metadata().unwrap();
            if stat.is_dir() {
                let below = seen(&path);
                all.extend(
                    below
                        .into_iter()
                        .map(|(name, it)| (Path::new(path.file_name().unwrap()).join(name), it)),
                );
            }
            let content = stat.is_file().then(|| std::fs::read(&path).unwrap());
            let target = std::fs::read_link(&path).ok();
            let (mode, links, time) =
                (stat.mode(), stat.nlink(), (stat.mtime(), stat.mtime_nsec()));
            all.insert(
                path.file_name().unwrap().into(),
                format!("{mode:o} {links} {time:?} {content:?} {target:?}"),
            );
        }
        all
    }

    #[test]
    fn a_copy_looks_as_what_it_was_made_of() {
        let temp = TempDir::new();
        let from = temp.path().join("from");
        std::fs::create_dir_all(from.join("d/inner")).unwrap();
        std::fs::write(from.join("d/a"), "one").unwrap();
        std::fs::hard_link(from.join("d/a"), from.join("d/inner/same")).unwrap();
        std::fs::hard_link(from.join("d/a"), from.join("z")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", from.join("d/link")).unwrap();
        mkfifo_at(open_directory(&from).unwrap(), Path::new("fifo")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(from.join("socket")).unwrap();
        let file = std::fs::File::create(from.join("d/inner/mode")).unwrap();
        let _ = set_xattr(&file, OsStr::new("user.mine"), b"value");
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::new(7, 8)).unwrap();
        std::fs::set_permissions(from.join("d/inner/mode"), PermissionsExt::from_mode(0o4751))
            .unwrap();
        std::fs::set_permissions(from.join("d"), PermissionsExt::from_mode(0o1750)).unwrap();
        copy(&from, temp.path());
        let copy = temp.path().join("copy");
        std::fs::remove_file(from.join("socket")).unwrap();
        assert_eq!(seen(&copy), seen(&from));
        let (a, same) = (copy.join("d/a").metadata().unwrap(), copy.join("z").metadata().unwrap());
        assert_eq!((a.ino(), a.nlink()), (same.ino(), 3));
        let file = File::open(copy.join("d/inner/mode")).unwrap();
        let original = File::open(from.join("d/inner/mode")).unwrap();
        assert_eq!(own_xattrs(&file).unwrap(), own_xattrs(&original).unwrap());
        std::fs::write(copy.join("d/a"), "another").unwrap();
        assert_eq!(std::fs::read_to_string(from.join("d/a")).unwrap(), "one");
    }

    #[test]
    fn holes_stay_holes() {
        let temp = TempDir::new();
        std::fs::create_dir(temp.path().join("from")).unwrap();
        let file = File::create_new(temp.path().join("from/file")).unwrap();
        file.set_len(64 << 20).unwrap();
        file.write_all_at(b"begin", 0).unwrap();
        file.write_all_at(b"middle", 32 << 20).unwrap();
        drop(file);
        std::fs::write(temp.path().join("from/empty"), "").unwrap();
        copy(&temp.path().join("from"), temp.path());
        let copied = temp.path().join("copy/file");
        let original = std::fs::read(temp.path().join("from/file")).unwrap();
        assert!(std::fs::read(&copied).unwrap() == original);
        let there = copied.metadata().unwrap();
        assert_eq!(there.len(), 64 << 20);
        assert!(there.blocks() * 512 < 16 << 20, "{} blocks", there.blocks());
        assert_eq!(temp.path().join("copy/empty").metadata().unwrap().len(), 0);
    }

    #[test]
    fn content_is_copied_where_nothing_can_be_shared() {
        let temp = TempDir::new();
        let path = temp.path().join("file");
        std::fs::write(&path, "begin").unwrap();
        let (from, to) = (File::open(&path), File::create_new(temp.path().join("copy")));
        copy_content(&from.unwrap(), &to.unwrap(), 5).unwrap();
        assert_eq!(std::fs::read_to_string(temp.path().join("copy")).unwrap(), "begin");
    }
}
