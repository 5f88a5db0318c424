//! Puts what a tar holds into a tree that is there already.
//!
//! Unlike a layer's directory, that tree is somebody's: a host's directory, or the
//! root of a sandbox whose workload may change it at the same time. So nothing
//! beneath the directory that was asked for is reached through a link. Each
//! directory is opened in the one above by a single name, and what is made is made
//! by one. Directories that are there stay as they are.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::fd::{AsFd, OwnedFd},
    path::{Component, Path, PathBuf},
    rc::Rc,
};

use nix::errno::Errno;

use super::{
    Error, LayerError, Map,
    entry::{Attributes, Change, Kind, quote},
    meter::{Meter, Metered},
    sparse::Sparse,
    tree_tar::copy_error,
};
use crate::sys::{
    self, Named,
    fs::{
        Timestamps, chmod_at, chown_at, create_file_at, fchmod, fchown, fstat, is_directory,
        is_file, is_symlink, link_at, mkdir_at, mkfifo_at, open_directory_at, open_path_at,
        open_to_write_at, set_times, set_times_at, set_xattr, stat_at, symlink_at, unlink_at,
    },
};

/// Whom the files will belong to.
#[derive(Debug, Clone, Copy)]
pub enum Ownership<'a> {
    /// To us, who make them.
    Ours,
    /// To this user and group.
    Of(u32, u32),
    /// To whom the tar says, if the map has room for them.
    Kept(&'a Map),
}

/// Puts everything that `tar` holds into a directory.
///
/// Permissions and times are those of the tar. What may be run as another user
/// may not be once it has another owner, so the bits that say so are kept only
/// together with owners, as extended attributes are. Devices are left out.
///
/// # Errors
/// If something cannot be made, or would have to be made in place of a
/// directory; if a name leads out. What was made stays.
pub fn place(tar: impl Read, into: OwnedFd, ownership: Ownership<'_>) -> Result<(), Error> {
    let meter = Rc::new(Meter::default());
    let mut archive = tar::Archive::new(Metered { plain: tar, meter: Rc::clone(&meter) });
    let unreadable = |error| Error::Archive(LayerError::Read(error));
    let mut entries = archive.entries().map_err(unreadable)?;
    let mut placer = Placer { into: Rc::new(into), ownership, last: None, made: BTreeMap::new() };
    loop {
        meter.expect_headers();
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(unreadable)?;
        let headers = meter.expect_content(u64::MAX, entry.raw_header_position());
        let change = Change::of_any_tar(&entry, &headers).map_err(Error::Archive)?;
        placer.apply(change, &mut entry)?;
        io::copy(&mut entry, &mut io::sink()).map_err(unreadable)?;
    }
    // Whoever writes it is to come to the end.
    meter.expect_content(u64::MAX, 0);
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(unreadable)?;
    placer.finish()
}

#[derive(Debug)]
struct Placer<'a> {
    into: Rc<OwnedFd>,
    ownership: Ownership<'a>,
    /// The directory of the last entry.
    last: Option<(PathBuf, Rc<OwnedFd>)>,
    /// Directories that were made: they get their attributes last of all.
    made: BTreeMap<PathBuf, (u64, Attributes)>,
}

/// What is in the way of a file.
enum Room {
    Free,
    /// Something that can only be written to: a device, a fifo, a mount point.
    Occupied,
}

impl Placer<'_> {
    fn apply(&mut self, change: Change, content: &mut impl Read) -> Result<(), Error> {
        let Change { path, kind, attributes } = change;
        if path.as_os_str().is_empty() {
            return Ok(()); // The directory itself, which is there.
        }
        let placed = match kind {
            Kind::Directory => self.directory(&path, attributes),
            Kind::File => self.file(&path, &attributes, None, content),
            Kind::Sparse(sparse) => self.file(&path, &attributes, Some(&sparse), content),
            Kind::Symlink(target) => self
                .other(&path, &attributes, false, |parent, name| symlink_at(&target, parent, name)),
            Kind::Fifo => {
                self.other(&path, &attributes, true, |parent, name| mkfifo_at(parent, name))
            }
            Kind::Hardlink(target) => self.hardlink(&path, &target),
            Kind::Whiteout | Kind::Opaque | Kind::Nothing => Ok(()),
        };
        placed.map_err(|source| match source.errno {
            Errno::EISDIR => Error::InTheWay { path: quote(path.as_os_str()), what: "a directory" },
            Errno::ENOTDIR => {
                Error::InTheWay { path: quote(path.as_os_str()), what: "no directory" }
            }
            _ => copy_error(&path, source),
        })
    }

    fn directory(&mut self, path: &Path, attributes: Attributes) -> sys::Result<()> {
        let (parent, name) = self.parent(path)?;
        match mkdir_at(&parent, name, 0o700) {
            Err(error) if error.errno == Errno::EEXIST => {
                return match is_directory(&stat_at(&parent, name)?) {
                    true => Ok(()),
                    false => Err(sys::Error { errno: Errno::ENOTDIR, ..error }),
                };
            }
            made => made?,
        }
        let inode = stat_at(&parent, name)?.st_ino;
        self.made.insert(path.into(), (inode, attributes));
        Ok(())
    }

    fn file(
        &mut self,
        path: &Path,
        attributes: &Attributes,
        sparse: Option<&Sparse>,
        content: &mut impl Read,
    ) -> sys::Result<()> {
        let (parent, name) = self.parent(path)?;
        match make_room(&parent, name)? {
            Room::Free => {
                let file = create_file_at(&parent, name, 0o600)?;
                write(&file, sparse, content)?;
                self.set_attributes(&file, attributes)
            }
            Room::Occupied => {
                let is_file = is_file(&stat_at(&parent, name)?);
                write(&open_to_write_at(&parent, name, is_file)?, sparse, content)
            }
        }
    }

    fn hardlink(&mut self, path: &Path, target: &Path) -> sys::Result<()> {
        let (from, old) = self.parent(target)?;
        let (parent, name) = self.parent(path)?;
        make_room(&parent, name)?;
        link_at(&*from, old, &*parent, name)
    }

    /// What has no content; its owner and time are set by name.
    fn other(
        &mut self,
        path: &Path,
        attributes: &Attributes,
        has_mode: bool,
        make: impl FnOnce(&OwnedFd, &Path) -> sys::Result<()>,
    ) -> sys::Result<()> {
        let (parent, name) = self.parent(path)?;
        make_room(&parent, name)?;
        make(&parent, name)?;
        if let Some((uid, gid)) = self.owner(attributes) {
            chown_at(&*parent, name, uid, gid)?;
        }
        if has_mode {
            chmod_at(&*parent, name, self.mode(attributes))?;
        }
        set_times_at(&*parent, name, &times(attributes))
    }

    fn finish(mut self) -> Result<(), Error> {
        for (path, (inode, attributes)) in std::mem::take(&mut self.made).into_iter().rev() {
            let finish = || {
                let (parent, name) = self.parent(&path)?;
                let directory = open_directory_at(&*parent, name)?;
                match fstat(&directory)?.st_ino == inode {
                    true => self.set_attributes(&directory, &attributes),
                    false => Ok(()), // Somebody has put another one there.
                }
            };
            match { finish }() {
                Err(error) if matches!(error.errno, Errno::ENOENT | Errno::ENOTDIR) => {}
                finished => finished.map_err(|source| copy_error(&path, source))?,
            }
        }
        Ok(())
    }

    /// In this order: a new owner clears the set-id bits (`chown(2)`).
    fn set_attributes(&self, fd: &impl AsFd, attributes: &Attributes) -> sys::Result<()> {
        if let Some((uid, gid)) = self.owner(attributes) {
            fchown(fd, uid, gid)?;
        }
        fchmod(fd, self.mode(attributes))?;
        if matches!(self.ownership, Ownership::Kept(_)) {
            for (name, value) in &attributes.xattrs {
                // Not every file system has them, and not every one is ours to set.
                let _ = set_xattr(fd, name, value);
            }
        }
        set_times(fd, &times(attributes))
    }

    fn owner(&self, attributes: &Attributes) -> Option<(u32, u32)> {
        match self.ownership {
            Ownership::Ours => None,
            Ownership::Of(uid, gid) => Some((uid, gid)),
            Ownership::Kept(map) => {
                let owner = map.owner(attributes.uid, attributes.gid);
                Some((owner.uid, owner.gid))
            }
        }
    }

    fn mode(&self, attributes: &Attributes) -> u32 {
        match self.ownership {
            Ownership::Kept(_) => attributes.mode,
            _ => attributes.mode & 0o1777,
        }
    }

    /// The directory that holds `path`, made if it is missing, and its name there.
    fn parent<'p>(&mut self, path: &'p Path) -> sys::Result<(Rc<OwnedFd>, &'p Path)> {
        let above = path.parent().unwrap_or(Path::new(""));
        let name = path.file_name().map_or(Path::new("."), Path::new);
        if let Some((_, directory)) = self.last.as_ref().filter(|(last, _)| last == above) {
            return Ok((Rc::clone(directory), name));
        }
        let mut directory = Rc::clone(&self.into);
        for component in above.components() {
            let Component::Normal(step) = component else { continue };
            directory = Rc::new(self.step(&directory, Path::new(step))?);
        }
        self.last = Some((above.into(), Rc::clone(&directory)));
        Ok((directory, name))
    }

    fn step(&self, directory: &OwnedFd, name: &Path) -> sys::Result<OwnedFd> {
        match open_path_at(directory, name) {
            Err(error) if error.errno == Errno::ENOENT => {
                mkdir_at(directory, name, 0o755)?;
                if let Ownership::Of(uid, gid) = self.ownership {
                    chown_at(directory, name, uid, gid)?;
                }
                open_path_at(directory, name)
            }
            // A link, which `O_NOFOLLOW` together with `O_DIRECTORY` calls so, too.
            Err(error) if error.errno == Errno::ELOOP => {
                Err(sys::Error { errno: Errno::ENOTDIR, ..error })
            }
            opened => opened,
        }
    }
}

/// Removes a file or link that is in the way; a directory stays (EISDIR).
fn make_room(parent: &OwnedFd, name: &Path) -> sys::Result<Room> {
    let there = match stat_at(parent, name) {
        Err(error) if error.errno == Errno::ENOENT => return Ok(Room::Free),
        there => there?,
    };
    if is_directory(&there) {
        return Err(sys::Error { call: format!("unlinkat({name:?})"), errno: Errno::EISDIR });
    }
    if !is_file(&there) && !is_symlink(&there) {
        return Ok(Room::Occupied);
    }
    match unlink_at(parent, name) {
        Err(error) if error.errno == Errno::EBUSY => Ok(Room::Occupied),
        Err(error) if error.errno != Errno::ENOENT => Err(error),
        _ => Ok(Room::Free),
    }
}

fn write(mut file: &File, sparse: Option<&Sparse>, content: &mut impl Read) -> sys::Result<()> {
    let mut write = || -> io::Result<()> {
        let Some(sparse) = sparse else {
            return io::copy(content, &mut file).map(drop);
        };
        for region in sparse.regions(&mut *content)? {
            file.seek(SeekFrom::Start(region.offset))?;
            io::copy(&mut content.take(region.length), &mut file)?;
        }
        file.set_len(sparse.size)
    };
    write().named(|| "write()".into())
}

fn times(attributes: &Attributes) -> Timestamps {
    Timestamps { last_access: attributes.modified, last_modification: attributes.modified }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    };

    use tar::EntryType;

    use super::*;
    use crate::{
        oci::IdMap,
        storage::testing::{Member, TempDir, tar_of},
        sys::fs::open_directory,
    };

    fn put(members: &[Member], into: &Path, ownership: Ownership<'_>) -> Result<(), String> {
        place(tar_of(members).as_slice(), open_directory(into).unwrap(), ownership)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn files_are_put_in_with_modes_times_and_links() {
        let temp = TempDir::new();
        let members = [
            Member::directory("d", 0o1750),
            Member::file("d/a", "one").mode(0o4751),
            Member::hardlink("d/b", "d/a"),
            Member::symlink("d/l", "/etc/passwd"),
            Member::new(EntryType::Fifo, b"d/f").mode(0o640),
            Member::new(EntryType::Char, b"d/device"),
            Member::file("d/.wh.x", "a name like any other"),
            Member::file("new/deep/file", "x").pax("mtime", b"1.5"),
        ];
        put(&members, temp.path(), Ownership::Ours).unwrap();
        let stat = |name: &str| fs::symlink_metadata(temp.path().join(name)).unwrap();
        assert_eq!(stat("d").permissions().mode() & 0o7777, 0o1750);
        assert_eq!(stat("d/a").permissions().mode() & 0o7777, 0o751);
        assert_eq!(stat("d/a").ino(), stat("d/b").ino());
        assert_eq!(stat("d").mtime(), 1_000_000_000);
        assert_eq!(stat("d/f").permissions().mode() & 0o7777, 0o640);
        assert_eq!(
            (stat("new/deep/file").mtime(), stat("new/deep/file").mtime_nsec()),
            (1, 500_000_000)
        );
        assert_eq!(fs::read_link(temp.path().join("d/l")).unwrap(), Path::new("/etc/passwd"));
        assert!(temp.path().join("d/.wh.x").exists() && !temp.path().join("d/device").exists());
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let only = |id| vec![IdMap { inside: id, outside: id, count: 1 }];
        let map = Map { key: "us".into(), uids: only(uid), gids: only(gid), keep: None };
        let member = Member::file("s", "").owner(uid.into(), gid.into()).mode(0o4755);
        put(&[member], temp.path(), Ownership::Kept(&map)).unwrap();
        assert_eq!(stat("s").permissions().mode() & 0o7777, 0o4755);
    }

    #[test]
    fn nothing_is_reached_through_a_link() {
        let temp = TempDir::new();
        let (inside, outside) = (temp.path().join("in"), temp.path().join("out"));
        fs::create_dir_all(&inside).unwrap();
        fs::create_dir_all(outside.join("d")).unwrap();
        fs::write(outside.join("file"), "canary").unwrap();
        symlink(&outside, inside.join("link")).unwrap();
        symlink(outside.join("file"), inside.join("file")).unwrap();
        let in_the_way =
            |path: &str, what: &str| Err(format!("cannot put `{path}` where {what} is"));
        let bad = |members: &[Member]| put(members, &inside, Ownership::Ours);
        assert_eq!(bad(&[Member::file("link/x", "")]), in_the_way("link/x", "no directory"));
        assert_eq!(bad(&[Member::directory("link", 0o700)]), in_the_way("link", "no directory"));
        assert_eq!(bad(&[Member::hardlink("x", "link/file")]), in_the_way("x", "no directory"));
        assert_eq!(bad(&[Member::file("../x", "")]), Err("cannot read the archive".into()));
        // A link is replaced, not followed.
        bad(&[Member::file("file", "mine")]).unwrap();
        assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), "canary");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 2);
    }

    #[test]
    fn a_directory_is_neither_replaced_nor_changed() {
        let temp = TempDir::new();
        fs::create_dir(temp.path().join("d")).unwrap();
        fs::set_permissions(temp.path().join("d"), fs::Permissions::from_mode(0o711)).unwrap();
        put(
            &[Member::directory("d", 0o700), Member::file("d/x", "")],
            temp.path(),
            Ownership::Ours,
        )
        .unwrap();
        let mode = fs::metadata(temp.path().join("d")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o711);
        let error = put(&[Member::file("d", "")], temp.path(), Ownership::Ours).unwrap_err();
        assert_eq!(error, "cannot put `d` where a directory is");
    }
}
