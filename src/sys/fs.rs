//! Files and directories by descriptor: the `*at` calls, locks, attributes.
//!
//! A name that is given together with a directory is a single component unless
//! the function says otherwise, and no function here follows a symbolic link in
//! that last component.

use std::{
    ffi::OsStr,
    ffi::OsString,
    fs::File,
    mem::MaybeUninit,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use rustix::{
    fs::{
        self, AtFlags, FlockOperation, Mode, OFlags, RenameFlags, ResolveFlags, SeekFrom,
        XattrFlags,
    },
    io::Errno,
};

pub use rustix::fs::{Access, FileType, Stat, Timespec, Timestamps};

use super::{Named, Result};

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    pub name: OsString,
    pub is_directory: bool,
}

/// Opens a directory to list it, to lock it or to resolve names in it.
pub fn open_directory(path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    fs::open(path, flags, Mode::empty()).named(|| format!("open({path:?}, O_DIRECTORY)"))
}

/// Opens a directory, following links, to resolve names in it: `O_PATH`.
pub fn open_path(path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    fs::open(path, flags, Mode::empty()).named(|| format!("open({path:?}, O_PATH | O_DIRECTORY)"))
}

/// Opens a file or a directory for reading.
pub fn open_to_read(path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::open(path, flags, Mode::empty()).named(|| format!("open({path:?}, O_RDONLY)"))
}

/// Opens a directory in `dir` to list it or to change its attributes.
pub fn open_directory_at(dir: impl AsFd, name: &Path) -> Result<OwnedFd> {
    openat(dir, name, OFlags::RDONLY | OFlags::DIRECTORY)
}

/// Opens a file in `dir` for reading; one that is a FIFO or a device does not
/// keep the caller waiting.
pub fn open_file_at(dir: impl AsFd, name: &Path) -> Result<File> {
    openat(dir, name, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY).map(File::from)
}

/// Makes a file without a name on the file system of `dir`, to write and to read.
///
/// `open(2)`, O_TMPFILE; where the file system has no such files (NFS, overlayfs
/// before Linux 6.3), one whose name is removed at once.
pub fn unnamed_file(dir: &Path) -> Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o600);
    if let Ok(file) = fs::open(dir, flags, mode) {
        return Ok(file.into());
    }
    let path = dir.join(format!("unnamed-{:016x}", random()?));
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
    let file =
        fs::open(&path, flags, mode).named(|| format!("open({path:?}, O_CREAT | O_EXCL)"))?;
    fs::unlink(&path).named(|| format!("unlink({path:?})"))?;
    Ok(file.into())
}

/// Opens a directory in `dir` to resolve names in it: `O_PATH`.
pub fn open_path_at(dir: impl AsFd, name: &Path) -> Result<OwnedFd> {
    openat(dir, name, OFlags::PATH | OFlags::DIRECTORY)
}

/// The same for whatever is there; a symbolic link for itself.
pub fn open_any_at(dir: impl AsFd, name: &Path) -> Result<OwnedFd> {
    openat(dir, name, OFlags::PATH)
}

fn openat(dir: impl AsFd, name: &Path, flags: OFlags) -> Result<OwnedFd> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::openat(dir.as_fd(), name, flags, Mode::empty())
        .named(|| format!("openat({}, {name:?}, {flags:?})", number(dir)))
}

/// Opens a directory by a path of many components which is resolved as if
/// `root` were `/`: neither `..` nor a symbolic link leads out of it.
///
/// `openat2(2)`, Linux 5.6; container engines' seccomp filters often deny it.
pub fn open_in_root(root: impl AsFd, path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    fs::openat2(root.as_fd(), path, flags, Mode::empty(), resolve)
        .named(|| format!("openat2({}, {path:?}, {resolve:?})", number(root)))
}

/// The same for whatever is there.
///
/// # Errors
/// What `openat2(2)` says.
pub fn open_any_in_root(root: impl AsFd, path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    fs::openat2(root.as_fd(), path, flags, Mode::empty(), resolve)
        .named(|| format!("openat2({}, {path:?}, {resolve:?})", number(root)))
}

/// The path from one open directory to another that is beneath it; none if it
/// is not (`proc_pid_fd(5)`).
pub fn path_beneath(dir: impl AsFd, root: impl AsFd) -> Result<Option<PathBuf>> {
    let place = |fd: i32| {
        let path = format!("/proc/self/fd/{fd}");
        std::fs::read_link(&path).named(|| format!("readlink({path:?})"))
    };
    let (dir, root) = (place(number(dir))?, place(number(root))?);
    Ok(dir.strip_prefix(root).ok().map(Path::to_path_buf))
}

/// Creates a file for writing, whatever `mode` says; fails if the name is taken.
/// The mode is subject to the umask.
pub fn create_file_at(dir: impl AsFd, name: &Path, mode: u32) -> Result<File> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    fs::openat(dir.as_fd(), name, flags, Mode::from_raw_mode(mode))
        .map(File::from)
        .named(|| format!("openat({}, {name:?}, O_CREAT | O_EXCL, {mode:#o})", number(dir)))
}

/// Opens what is there for writing, if it is no link; a fifo keeps nobody waiting.
pub fn open_to_write_at(dir: impl AsFd, name: &Path, truncate: bool) -> Result<File> {
    let mut flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    flags.set(OFlags::TRUNC, truncate);
    openat(dir, name, flags).map(File::from)
}

/// Creates a directory; `mode` is subject to the umask.
pub fn mkdir_at(dir: impl AsFd, name: &Path, mode: u32) -> Result<()> {
    fs::mkdirat(dir.as_fd(), name, Mode::from_raw_mode(mode))
        .named(|| format!("mkdirat({}, {name:?}, {mode:#o})", number(dir)))
}

/// Creates a directory; `mode` is subject to the umask.
pub fn mkdir(path: &Path, mode: u32) -> Result<()> {
    fs::mkdir(path, Mode::from_raw_mode(mode)).named(|| format!("mkdir({path:?}, {mode:#o})"))
}

/// Creates a symbolic link to `target`, which is not looked at.
pub fn symlink_at(target: &OsStr, dir: impl AsFd, name: &Path) -> Result<()> {
    fs::symlinkat(target.as_bytes(), dir.as_fd(), name)
        .named(|| format!("symlinkat({target:?}, {}, {name:?})", number(dir)))
}

/// Gives a file, or a symbolic link itself, a second name.
pub fn link_at(from: impl AsFd, old: &Path, to: impl AsFd, new: &Path) -> Result<()> {
    fs::linkat(from.as_fd(), old, to.as_fd(), new, AtFlags::empty())
        .named(|| format!("linkat({}, {old:?}, {}, {new:?})", number(from), number(to)))
}

/// Creates a named pipe.
pub fn mkfifo_at(dir: impl AsFd, name: &Path) -> Result<()> {
    fs::mknodat(dir.as_fd(), name, FileType::Fifo, Mode::from_raw_mode(0o600), 0)
        .named(|| format!("mknodat({}, {name:?}, S_IFIFO)", number(dir)))
}

/// Creates what overlayfs takes for a deleted file: a character device 0:0.
///
/// The one device that needs no privilege, since Linux 5.8 (`a3c751a50fe6`).
pub fn whiteout_at(dir: impl AsFd, name: &Path) -> Result<()> {
    fs::mknodat(dir.as_fd(), name, FileType::CharacterDevice, Mode::empty(), 0)
        .named(|| format!("mknodat({}, {name:?}, S_IFCHR, makedev(0, 0))", number(dir)))
}

/// Whether it is a regular file.
pub fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode).is_file()
}

/// Whether this is a character device 0:0.
pub fn is_whiteout(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
}

/// Whether this is a symbolic link.
pub fn is_symlink(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode).is_symlink()
}

/// Whether this is a directory.
pub fn is_directory(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// Whether an open file is of `proc(5)` or `sysfs(5)`.
pub fn is_of_the_kernel(fd: impl AsFd) -> Result<bool> {
    /// `linux/magic.h`.
    const SYSFS_MAGIC: i64 = 0x6265_6572;
    let there = fs::fstatfs(fd.as_fd()).named(|| format!("fstatfs({})", number(fd)))?;
    Ok([libc::PROC_SUPER_MAGIC, SYSFS_MAGIC].contains(&there.f_type))
}

/// Removes a name that is not a directory's.
pub fn unlink_at(dir: impl AsFd, name: &Path) -> Result<()> {
    fs::unlinkat(dir.as_fd(), name, AtFlags::empty())
        .named(|| format!("unlinkat({}, {name:?})", number(dir)))
}

/// Removes an empty directory.
pub fn rmdir_at(dir: impl AsFd, name: &Path) -> Result<()> {
    fs::unlinkat(dir.as_fd(), name, AtFlags::REMOVEDIR)
        .named(|| format!("unlinkat({}, {name:?}, AT_REMOVEDIR)", number(dir)))
}

/// Moves a name, in place of whatever has the new one.
pub fn rename_at(from: impl AsFd, old: &Path, to: impl AsFd, new: &Path) -> Result<()> {
    fs::renameat(from.as_fd(), old, to.as_fd(), new)
        .named(|| format!("renameat({}, {old:?}, {}, {new:?})", number(from), number(to)))
}

/// Moves a file or directory; fails with `EEXIST` if the new name is taken.
pub fn rename_to_free(old: &Path, new: &Path) -> Result<()> {
    fs::renameat_with(fs::CWD, old, fs::CWD, new, RenameFlags::NOREPLACE)
        .named(|| format!("renameat2({old:?}, {new:?}, RENAME_NOREPLACE)"))
}

/// Lets reads and writes fail with EAGAIN instead of waiting, for all who share
/// the open file (`fcntl(2)`, F_SETFL).
pub fn set_nonblocking(fd: impl AsFd) -> Result<()> {
    let flags = fs::fcntl_getfl(fd.as_fd()).named(|| "fcntl(F_GETFL)".into())?;
    fs::fcntl_setfl(fd, flags | OFlags::NONBLOCK).named(|| "fcntl(F_SETFL)".into())
}

/// Lets two names of files trade what they stand for, at once (`renameat2(2)`).
pub fn exchange(one: &Path, other: &Path) -> Result<()> {
    fs::renameat_with(fs::CWD, one, fs::CWD, other, RenameFlags::EXCHANGE)
        .named(|| format!("renameat2({one:?}, {other:?}, RENAME_EXCHANGE)"))
}

/// Lets two names, each in its directory, trade what they stand for, at once
/// (`renameat2(2)`).
pub fn exchange_at(from: impl AsFd, one: &Path, to: impl AsFd, other: &Path) -> Result<()> {
    fs::renameat_with(from.as_fd(), one, to.as_fd(), other, RenameFlags::EXCHANGE)
        .named(|| format!("renameat2({one:?}, {other:?}, RENAME_EXCHANGE)"))
}

/// Moves a name to another directory; fails with `EEXIST` if the new name is taken.
pub fn rename_to_free_at(from: impl AsFd, old: &Path, to: impl AsFd, new: &Path) -> Result<()> {
    fs::renameat_with(from.as_fd(), old, to.as_fd(), new, RenameFlags::NOREPLACE)
        .named(|| format!("renameat2({old:?}, {new:?}, RENAME_NOREPLACE)"))
}

/// When the inode of a name was made, in seconds since 1970 and nanoseconds; none if
/// its file system does not say (`statx(2)`, STATX_BTIME).
pub fn birth_at(dir: impl AsFd, name: &Path) -> Option<(i64, i64)> {
    let wanted = fs::StatxFlags::BTIME;
    let there = fs::statx(dir.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW, wanted).ok()?;
    let is_known = there.stx_mask & wanted.bits() != 0;
    is_known.then_some((there.stx_btime.tv_sec, there.stx_btime.tv_nsec.into()))
}

/// Where a symbolic link points; one that is open itself, if its name is empty.
pub fn read_link_at(dir: impl AsFd, name: &Path) -> Result<OsString> {
    fs::readlinkat(dir.as_fd(), name, Vec::new())
        .map(|target| OsStr::from_bytes(target.as_bytes()).to_owned())
        .named(|| format!("readlinkat({}, {name:?})", number(dir)))
}

/// What a name stands for; a symbolic link for itself.
pub fn stat_at(dir: impl AsFd, name: &Path) -> Result<Stat> {
    fs::statat(dir.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)
        .named(|| format!("newfstatat({}, {name:?})", number(dir)))
}

/// What a path stands for; a symbolic link for itself.
pub fn lstat(path: &Path) -> Result<Stat> {
    fs::lstat(path).named(|| format!("lstat({path:?})"))
}

/// What an open file is.
pub fn fstat(fd: impl AsFd) -> Result<Stat> {
    fs::fstat(fd.as_fd()).named(|| format!("fstat({})", number(fd)))
}

/// Whether the caller may do this with the file.
pub fn access(path: &Path, access: Access) -> Result<()> {
    fs::access(path, access).named(|| format!("access({path:?}, {access:?})"))
}

/// Sets the permissions of an open file.
pub fn fchmod(fd: impl AsFd, mode: u32) -> Result<()> {
    fs::fchmod(fd.as_fd(), Mode::from_raw_mode(mode))
        .named(|| format!("fchmod({}, {mode:#o})", number(fd)))
}

/// Sets permissions by path.
pub fn chmod(path: &Path, mode: u32) -> Result<()> {
    fs::chmod(path, Mode::from_raw_mode(mode)).named(|| format!("chmod({path:?}, {mode:#o})"))
}

/// Sets the permissions of anything but a symbolic link, and follows none even if
/// the name becomes one meanwhile.
///
/// `fchmodat(2)` follows links, and a descriptor that `fchmod(2)` takes needs
/// permissions that are perhaps only to be given; so the name is opened by
/// `O_PATH`, which `chmod(2)` takes by way of `/proc` (`open(2)`, O_PATH).
pub fn chmod_at(dir: impl AsFd, name: &Path, mode: u32) -> Result<()> {
    let file = openat(&dir, name, OFlags::PATH)?;
    fs::chmod(format!("/proc/self/fd/{}", file.as_raw_fd()), Mode::from_raw_mode(mode))
        .named(|| format!("fchmodat({}, {name:?}, {mode:#o})", number(dir)))
}

/// Sets the owner of an open file.
pub fn fchown(fd: impl AsFd, uid: u32, gid: u32) -> Result<()> {
    let (user, group) = (fs::Uid::from_raw(uid), fs::Gid::from_raw(gid));
    fs::fchown(fd.as_fd(), Some(user), Some(group))
        .named(|| format!("fchown({}, {uid}, {gid})", number(fd)))
}

/// Sets the owner of a name; of a symbolic link itself.
pub fn chown_at(dir: impl AsFd, name: &Path, uid: u32, gid: u32) -> Result<()> {
    let (user, group) = (fs::Uid::from_raw(uid), fs::Gid::from_raw(gid));
    fs::chownat(dir.as_fd(), name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)
        .named(|| format!("fchownat({}, {name:?}, {uid}, {gid})", number(dir)))
}

/// Sets the times of an open file.
pub fn set_times(fd: impl AsFd, times: &Timestamps) -> Result<()> {
    fs::futimens(fd.as_fd(), times).named(|| format!("futimens({})", number(fd)))
}

/// Sets the times of a name; of a symbolic link itself.
pub fn set_times_at(dir: impl AsFd, name: &Path, times: &Timestamps) -> Result<()> {
    fs::utimensat(dir.as_fd(), name, times, AtFlags::SYMLINK_NOFOLLOW)
        .named(|| format!("utimensat({}, {name:?})", number(dir)))
}

/// Sets the times of a name to now; of a symbolic link itself.
///
/// Not by `UTIME_NOW`, which is the time of the last tick: the same for whatever
/// happens within some milliseconds.
pub fn touch(path: &Path) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(now.as_secs()).unwrap_or_default();
    let now = Timespec { tv_sec: seconds, tv_nsec: now.subsec_nanos().into() };
    let times = Timestamps { last_access: now, last_modification: now };
    fs::utimensat(fs::CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)
        .named(|| format!("utimensat({path:?})"))
}

/// Sets an extended attribute of an open file.
pub fn set_xattr(fd: impl AsFd, name: &OsStr, value: &[u8]) -> Result<()> {
    fs::fsetxattr(fd.as_fd(), name.as_bytes(), value, XattrFlags::empty())
        .named(|| format!("fsetxattr({}, {name:?}, {} bytes)", number(fd), value.len()))
}

/// Removes an extended attribute of an open file.
pub fn remove_xattr(fd: impl AsFd, name: &OsStr) -> Result<()> {
    fs::fremovexattr(fd.as_fd(), name.as_bytes())
        .named(|| format!("fremovexattr({}, {name:?})", number(fd)))
}

/// An extended attribute of an open file; none if it has not got it, or if there
/// are none in its file system.
pub fn xattr(fd: impl AsFd, name: &OsStr) -> Result<Option<Vec<u8>>> {
    let mut value = vec![0; MAX_XATTR];
    match fs::fgetxattr(fd.as_fd(), name.as_bytes(), &mut value[..]) {
        Ok(length) => {
            value.truncate(length);
            Ok(Some(value))
        }
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
        Err(error) => Err(error).named(|| format!("fgetxattr({}, {name:?})", number(fd))),
    }
}

/// The names of an open file's extended attributes, in order.
pub fn xattr_names(fd: impl AsFd) -> Result<Vec<OsString>> {
    let mut names = vec![0; MAX_XATTR];
    let length = match fs::flistxattr(fd.as_fd(), &mut names[..]) {
        Err(Errno::OPNOTSUPP) => 0,
        listed => listed.named(|| format!("flistxattr({})", number(fd)))?,
    };
    let names = names.get(..length).unwrap_or_default().split(|byte| *byte == 0);
    let mut names: Vec<OsString> = names
        .filter(|name| !name.is_empty())
        .map(|name| OsStr::from_bytes(name).to_owned())
        .collect();
    names.sort();
    Ok(names)
}

/// The longest value, and the longest list of names (`xattr(7)`), in bytes.
const MAX_XATTR: usize = 64 << 10;

/// How to take an advisory lock (`flock(2)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Waits until nobody holds it exclusively.
    Shared,
    /// Waits until nobody holds it.
    Exclusive,
    /// Fails with `EWOULDBLOCK` if anybody holds it.
    ExclusiveNow,
}

/// Locks an open file or directory; a lock that is already held is changed.
pub fn flock(fd: impl AsFd, lock: Lock) -> Result<()> {
    let operation = match lock {
        Lock::Shared => FlockOperation::LockShared,
        Lock::Exclusive => FlockOperation::LockExclusive,
        Lock::ExclusiveNow => FlockOperation::NonBlockingLockExclusive,
    };
    loop {
        match fs::flock(fd.as_fd(), operation) {
            Err(Errno::INTR) => {}
            result => return result.named(|| format!("flock({}, {lock:?})", number(fd))),
        }
    }
}

/// Whether somebody else holds an exclusive lock on it; nobody is kept from anything
/// by the question, but from an exclusive lock for a moment.
pub fn is_locked(file: impl AsFd) -> bool {
    let now = fs::flock(file.as_fd(), FlockOperation::NonBlockingLockShared);
    matches!(now, Err(Errno::WOULDBLOCK))
}

/// Writes everything of the file system that holds `fd` to its disk.
pub fn sync_file_system(fd: impl AsFd) -> Result<()> {
    fs::syncfs(fd.as_fd()).named(|| format!("syncfs({})", number(fd)))
}

/// Makes `copy` share all blocks of `file` until one of them is written to
/// (`ioctl_ficlone(2)`); false where that cannot be.
///
/// # Errors
/// What else the kernel says, such as ENOSPC.
pub fn share(file: &File, copy: &File) -> Result<bool> {
    match fs::ioctl_ficlone(copy, file) {
        Ok(()) => Ok(true),
        Err(Errno::NOTSUP | Errno::XDEV | Errno::INVAL | Errno::NOTTY | Errno::NOSYS) => Ok(false),
        // A seccomp filter, or a file system between.
        Err(Errno::PERM | Errno::ACCESS) => Ok(false),
        Err(errno) => Err(errno).named(|| "ioctl(FICLONE)".into()),
    }
}

/// Where the next data of a file begins and ends, from `offset` on; none if there is but
/// a hole. All is data where the file system knows no holes.
///
/// # Errors
/// What `lseek(2)` says.
pub fn next_data(file: &File, offset: u64) -> std::io::Result<Option<(u64, u64)>> {
    let start = match fs::seek(file, SeekFrom::Data(offset)) {
        Err(Errno::NXIO) => return Ok(None),
        start => start?,
    };
    Ok(Some((start, fs::seek(file, SeekFrom::Hole(start))?)))
}

/// Bytes that an ordinary user may still write to the file system of `path`, if
/// no quota is in the way.
pub fn free_space(path: &Path) -> Result<u64> {
    let stat = fs::statvfs(path).named(|| format!("statvfs({path:?})"))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// The entries of a directory, without `.` and `..`, from its beginning.
pub fn entries(dir: impl AsFd) -> Result<Vec<DirEntry>> {
    let call = || format!("getdents64({})", number(&dir));
    fs::seek(&dir, fs::SeekFrom::Start(0)).named(call)?;
    let mut buffer = [MaybeUninit::uninit(); 8192];
    let mut raw = fs::RawDir::new(dir.as_fd(), &mut buffer);
    let mut entries = Vec::new();
    while let Some(entry) = raw.next() {
        let entry = entry.named(call)?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." {
            let is_directory = match entry.file_type() {
                FileType::Unknown => is_directory(&stat_at(&dir, Path::new(name))?),
                kind => kind == FileType::Directory,
            };
            entries.push(DirEntry { name: name.to_owned(), is_directory });
        }
    }
    Ok(entries)
}

/// A number that nobody else has, for names of temporary files.
pub fn random() -> Result<u64> {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .named(|| "getrandom(8)".into())?;
    Ok(u64::from_ne_bytes(bytes))
}

fn number(fd: impl AsFd) -> i32 {
    fd.as_fd().as_raw_fd()
}
