//! Mounting: the file-descriptor calls of Linux 5.2 and later.
//!
//! A mount is first *made*, detached, and named by a descriptor; then it is
//! *attached* to a path. The two steps may happen in different root
//! directories, which is what the runtime's safety rests on.

use std::{
    ffi::CString,
    fs::File,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use nix::sched::CloneFlags;
use rustix::{
    fs::{AtFlags, CWD, StatxFlags},
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags,
        MoveMountFlags, OpenTreeFlags, UnmountFlags,
    },
};

use super::{Named, Result};

/// What may not be done below a mount (`mount_setattr(2)`).
pub type Attributes = MountAttrFlags;

/// A mount which is attached nowhere yet; it vanishes with this value.
#[derive(Debug)]
pub struct Detached(OwnedFd);

/// Makes a new file system of type `kind`, with `options` as in `mount(8)`.
///
/// The kernel refuses `proc` and `sysfs` in a user namespace unless the caller
/// already sees one of them in full (`user_namespaces(7)`): with EPERM.
///
/// # Errors
/// What `fsopen(2)`, `fsconfig(2)` or `fsmount(2)` say.
pub fn make(kind: &str, options: &[(&str, &str)], attributes: Attributes) -> Result<Detached> {
    let context = rustix::mount::fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)
        .named(|| format!("fsopen({kind:?})"))?;
    // The name of its device, as mount(8) and df(1) show it.
    for (key, value) in [("source", kind)].iter().chain(options) {
        rustix::mount::fsconfig_set_string(context.as_fd(), *key, *value)
            .named(|| format!("fsconfig({kind:?}, {key:?}, {value:?})"))?;
    }
    rustix::mount::fsconfig_create(context.as_fd())
        .named(|| format!("fsconfig({kind:?}, FSCONFIG_CMD_CREATE)"))?;
    rustix::mount::fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
        .named(|| format!("fsmount({kind:?})"))
        .map(Detached)
}

/// Copies the mount at `path`: what `mount --bind` does, without a target yet.
///
/// # Errors
/// What `open_tree(2)` says; ENOENT if there is nothing at `path`.
pub fn copy(path: &Path, recursive: bool) -> Result<Detached> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    flags.set(OpenTreeFlags::AT_RECURSIVE, recursive);
    rustix::mount::open_tree(CWD, path, flags)
        .named(|| format!("open_tree({path:?}, OPEN_TREE_CLONE)"))
        .map(Detached)
}

/// Copies the mount that `root` is on, beginning with what is there.
///
/// # Errors
/// What `open_tree(2)` says.
pub fn copy_of(root: impl AsFd) -> Result<Detached> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_RECURSIVE;
    rustix::mount::open_tree(root, "", flags)
        .named(|| "open_tree(\"\", OPEN_TREE_CLONE)".into())
        .map(Detached)
}

/// Takes away what was last mounted at `path`; who has it open keeps it.
///
/// # Errors
/// What `umount2(2)` says.
pub fn unmount(path: &Path) -> Result<()> {
    rustix::mount::unmount(path, UnmountFlags::DETACH)
        .named(|| format!("umount2({path:?}, MNT_DETACH)"))
}

impl Detached {
    /// Attaches the mount at `target`, following symbolic links.
    ///
    /// # Errors
    /// What `move_mount(2)` says.
    pub fn attach(&self, target: &Path) -> Result<()> {
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_SYMLINKS;
        rustix::mount::move_mount(self.0.as_fd(), "", CWD, target, flags)
            .named(|| format!("move_mount({target:?})"))
    }

    /// Attaches the mount at what is open.
    ///
    /// # Errors
    /// What `move_mount(2)` says.
    pub fn attach_to(&self, target: impl AsFd) -> Result<()> {
        let flags =
            MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        rustix::mount::move_mount(self.0.as_fd(), "", target.as_fd(), "", flags)
            .named(|| "move_mount()".into())
    }

    /// Attaches the mount at `name`, a single component, in `directory`.
    ///
    /// # Errors
    /// What `move_mount(2)` says.
    pub fn attach_at(&self, directory: impl AsFd, name: &str) -> Result<()> {
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        rustix::mount::move_mount(self.0.as_fd(), "", directory.as_fd(), name, flags)
            .named(|| format!("move_mount({name:?})"))
    }

    /// Makes the mount and all below it read-only.
    ///
    /// # Errors
    /// What `mount_setattr(2)` says.
    pub fn set_readonly(&self) -> Result<()> {
        self.restrict(Attributes::MOUNT_ATTR_RDONLY)
    }

    /// Forbids something on the mount and all below it.
    ///
    /// # Errors
    /// What `mount_setattr(2)` says.
    pub fn restrict(&self, attributes: Attributes) -> Result<()> {
        let flags = libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
        set_attributes(self.0.as_fd(), c"", flags as u32, attributes)
            .named(|| format!("mount_setattr({attributes:?})"))
    }

    /// The root of the mount, as a descriptor.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Makes the mount at `path`, but none below it, read-only.
///
/// # Errors
/// What `mount_setattr(2)` says.
pub fn set_readonly(path: &Path) -> Result<()> {
    let text = CString::new(path.as_os_str().as_bytes()).map_err(|_| nix::errno::Errno::EINVAL);
    text.and_then(|text| set_attributes(CWD, &text, 0, Attributes::MOUNT_ATTR_RDONLY))
        .named(|| format!("mount_setattr({path:?}, MOUNT_ATTR_RDONLY)"))
}

fn set_attributes(
    directory: BorrowedFd<'_>,
    path: &std::ffi::CStr,
    flags: u32,
    attributes: Attributes,
) -> nix::Result<()> {
    let attr = libc::mount_attr {
        attr_set: attributes.bits().into(),
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: `path` ends with NUL, `attr` outlives the call and is of the size
    // we state.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            directory.as_raw_fd(),
            path.as_ptr(),
            flags,
            &attr,
            size_of_val(&attr),
        )
    };
    nix::errno::Errno::result(result).map(drop)
}

/// Mounts `source` at `target`, read-only: one of our own paths inside.
///
/// # Errors
/// What `mount(2)` or `mount_setattr(2)` say.
pub fn bind_readonly(source: &Path, target: &Path) -> Result<()> {
    bind(source, target)?;
    set_readonly(target)
}

/// Mounts `source` at `target` as well.
///
/// # Errors
/// What `mount(2)` says.
pub fn bind(source: &Path, target: &Path) -> Result<()> {
    rustix::mount::mount_bind(source, target)
        .named(|| format!("mount({source:?}, {target:?}, MS_BIND)"))
}

/// Mounts an overlay at `target`; `options` as in the kernel's
/// `filesystems/overlayfs.rst`.
///
/// By `mount(2)`, because the strings of `fsconfig(2)` end after 255 bytes.
///
/// # Errors
/// What `mount(2)` says.
pub fn overlay(target: &Path, options: &str) -> Result<()> {
    let data = CString::new(options).map_err(|_| rustix::io::Errno::INVAL);
    data.and_then(|data| {
        rustix::mount::mount("overlay", target, "overlay", MountFlags::empty(), data.as_c_str())
    })
    .named(|| format!("mount(\"overlay\", {target:?}, {options:?})"))
}

/// Keeps what is mounted or unmounted from here on between this mount
/// namespace and itself.
///
/// # Errors
/// What `mount(2)` says.
pub fn make_private(path: &Path) -> Result<()> {
    let flags = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change(path, flags).named(|| format!("mount({path:?}, MS_REC|MS_PRIVATE)"))
}

/// Makes the current directory the new `/` and lets go of the old one.
///
/// The old root is stacked on the new one and then detached, which spares us a
/// directory to put it in: the `pivot_root(".", ".")` of `pivot_root(2)`, NOTES.
///
/// # Errors
/// What `pivot_root(2)` or `umount2(2)` say.
pub fn pivot_root_here() -> Result<()> {
    rustix::process::pivot_root(".", ".").named(|| r#"pivot_root(".", ".")"#.into())?;
    rustix::mount::unmount(".", UnmountFlags::DETACH)
        .named(|| r#"umount2(".", MNT_DETACH)"#.into())?;
    rustix::process::chdir("/").named(|| r#"chdir("/")"#.into())
}

/// The mount namespace of a process, by its number in `/proc`.
///
/// # Errors
/// EACCES without power over the process, ENOENT if it has gone.
pub fn namespace_of(pid: i32) -> Result<OwnedFd> {
    open_namespace(&format!("/proc/{pid}/ns/mnt"))
}

fn open_namespace(path: &str) -> Result<OwnedFd> {
    File::open(path).named(|| format!("open({path:?})")).map(Into::into)
}

/// Does something in another mount namespace, and returns to ours.
///
/// The root and the current directory become those of the other namespace
/// (`setns(2)`), so both are found again by descriptors.
///
/// # Errors
/// What `setns(2)` says, and `action`; the first comes first.
pub fn within<T>(namespace: &OwnedFd, action: impl FnOnce() -> Result<T>) -> Result<T> {
    let ours = open_namespace("/proc/self/ns/mnt")?;
    let (root, here) = (super::fs::open_path("/".as_ref())?, super::fs::open_path(".".as_ref())?);
    super::process::join(namespace, CloneFlags::CLONE_NEWNS)?;
    let done = action();
    super::process::join(&ours, CloneFlags::CLONE_NEWNS)?;
    rustix::process::fchdir(&root).named(|| "fchdir(\"/\")".into())?;
    rustix::process::chroot(".").named(|| "chroot(\".\")".into())?;
    rustix::process::fchdir(&here).named(|| "fchdir(\".\")".into())?;
    done
}

/// Which mount `file` lies on; the number is unique while the mount exists.
///
/// # Errors
/// What `statx(2)` says.
pub fn id_of(file: impl AsFd) -> Result<u64> {
    rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)
        .named(|| "statx(STATX_MNT_ID)".into())
        .map(|status| status.stx_mnt_id)
}
