//! From the description of a root file system to `/`.
//!
//! Runs in the new mount namespace, before anything of the image can matter:
//! only directories of the store are named here, each by a descriptor, so that
//! no path can hold a character that overlayfs takes for a separator.

use std::{
    fmt::Write,
    fs::{self, DirBuilder},
    os::{
        fd::{AsRawFd, IntoRawFd, OwnedFd},
        unix::fs::{DirBuilderExt, MetadataExt, symlink},
    },
    path::{Path, PathBuf},
};

use nix::errno::Errno;
use rustix::fs::{CWD, Mode, OFlags};

use super::handshake::Failure;
use crate::{
    oci::{Overlay, Part, RootFs},
    sys::{
        self, Named,
        mount::{self as mounts, Attributes},
    },
};

/// Mounts `root` over `scratch`, a directory of the sandbox's own: it has to be
/// mounted somewhere.
pub(super) fn mount(root: &RootFs, scratch: &Path) -> Result<(), Failure> {
    let mounted = match root {
        RootFs::Overlay(overlay) => mount_overlay(overlay, scratch),
        RootFs::Composed(parts) => compose(parts, scratch),
    };
    mounted.map_err(Failure::setup("cannot put the root file system together"))
}

/// Makes what [`mount`] has mounted the root directory; the host's tree is out
/// of reach afterwards.
pub(super) fn enter(scratch: &Path) -> Result<(), Failure> {
    rustix::process::chdir(scratch)
        .named(|| format!("chdir({scratch:?})"))
        .and_then(|()| mounts::pivot_root_here())
        .map_err(Failure::setup("cannot change the root directory"))
}

/// Makes the root file system read-only, but not what was mounted on it since.
pub(super) fn protect(root: &RootFs) -> sys::Result<()> {
    if let RootFs::Composed(parts) = root {
        for part in parts {
            if let Part::CopyOnWrite { name, .. } = part {
                mounts::set_readonly(&Path::new("/").join(name))?;
            }
        }
    }
    mounts::set_readonly(Path::new("/"))
}

/// A file system in memory, with the parts on it.
fn compose(parts: &[Part], scratch: &Path) -> sys::Result<()> {
    let changes = memory(scratch)?;
    let base = mounts::make("tmpfs", &[("mode", "0755")], Attributes::empty())?;
    base.attach(scratch)?;
    for part in parts {
        match part {
            Part::Directory { name, mode } => make_directory(&scratch.join(name), *mode)?,
            Part::Symlink { name, target } => {
                symlink(target, scratch.join(name)).named(|| format!("symlink({name:?})"))?;
            }
            Part::CopyOnWrite { name, lower } => {
                make_directory(&scratch.join(name), 0o755)?;
                copy_on_write(lower, &scratch.join(name), &changes.join(name))?;
            }
        }
    }
    Ok(())
}

/// One directory of the host, changeable if overlayfs takes it, else as it is.
///
/// It refuses a directory with mounts below that this namespace may not take
/// apart (EINVAL): their parent would show what they hide.
fn copy_on_write(lower: &Path, target: &Path, changes: &Path) -> sys::Result<()> {
    make_directory(changes, 0o755)?;
    let overlay = Overlay { lower: vec![lower.into()], upper: None, work: None, volatile: true };
    let mounted = with_changes_in(&overlay, changes).and_then(|it| mount_layers(&it, target));
    let Err(refused) = mounted else { return Ok(()) };
    let host = mounts::copy(lower, true).map_err(|_| refused)?;
    host.set_readonly()?;
    host.attach(target)
}

/// An overlay whose changes go where it says; or to memory, if it does not say,
/// or if the file system there cannot bear them (NFS, another overlay).
fn mount_overlay(overlay: &Overlay, target: &Path) -> sys::Result<()> {
    if overlay.upper.is_some() {
        match mount_layers(overlay, target) {
            Err(error) if cannot_bear_changes(error.errno) => {}
            mounted => return mounted,
        }
    }
    mount_layers(&with_changes_in(overlay, &memory(target)?)?, target)
}

fn cannot_bear_changes(errno: Errno) -> bool {
    matches!(errno, Errno::EINVAL | Errno::EOPNOTSUPP | Errno::ELOOP | Errno::EROFS)
}

/// A file system in memory at `scratch`, as a path that names it even after
/// something else has been mounted there.
fn memory(scratch: &Path) -> sys::Result<PathBuf> {
    mounts::make("tmpfs", &[("mode", "0755")], Attributes::empty())?.attach(scratch)?;
    keep_open(scratch)
}

/// A path to `directory` that lasts until exec.
fn keep_open(directory: &Path) -> sys::Result<PathBuf> {
    Ok(by_descriptor(open(directory)?.into_raw_fd()))
}

fn with_changes_in(overlay: &Overlay, changes: &Path) -> sys::Result<Overlay> {
    let (upper, work) = (changes.join("upper"), changes.join("work"));
    // The directory that is seen is the upper one.
    let mode = fs::metadata(&overlay.lower[0]).map_or(0o755, |lower| lower.mode() & 0o7777);
    make_directory(&upper, mode)?;
    make_directory(&work, 0o700)?;
    Ok(Overlay {
        lower: overlay.lower.clone(),
        upper: Some(upper),
        work: Some(work),
        volatile: true,
    })
}

/// `volatile`: nothing in the upper directory must survive a crash, so nothing is
/// synced (Linux 5.10).
pub(super) fn mount_layers(overlay: &Overlay, target: &Path) -> sys::Result<()> {
    let lower = overlay.lower.iter().map(|path| open(path)).collect::<sys::Result<Vec<_>>>()?;
    let upper = overlay.upper.as_deref().map(open).transpose()?;
    let work = overlay.work.as_deref().map(open).transpose()?;
    let mut options = options(&lower, upper.as_ref().zip(work.as_ref()));
    options.push_str(if upper.is_some() && overlay.volatile { ",volatile" } else { "" });
    mounts::overlay(target, &options)
}

/// `userxattr`: overlayfs keeps its notes where an ordinary user may write them
/// (Linux 5.11).
fn options(lower: &[OwnedFd], changes: Option<(&OwnedFd, &OwnedFd)>) -> String {
    let mut text = String::from("userxattr,lowerdir=");
    for (number, directory) in lower.iter().enumerate() {
        let separator = if number == 0 { "" } else { ":" };
        let _ = write!(text, "{separator}{}", by_descriptor(directory.as_raw_fd()).display());
    }
    if let Some((upper, work)) = changes {
        let (upper, work) = (by_descriptor(upper.as_raw_fd()), by_descriptor(work.as_raw_fd()));
        let _ = write!(text, ",upperdir={},workdir={}", upper.display(), work.display());
    }
    text
}

fn open(directory: &Path) -> sys::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, directory, flags, Mode::empty())
        .named(|| format!("open({directory:?}, O_PATH|O_DIRECTORY)"))
}

fn by_descriptor(fd: i32) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{fd}"))
}

/// With exactly this mode, whatever the umask.
fn make_directory(path: &Path, mode: u32) -> sys::Result<()> {
    DirBuilder::new().mode(mode).create(path).named(|| format!("mkdir({path:?})"))?;
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
    fs::set_permissions(path, permissions).named(|| format!("chmod({path:?})"))
}
