//! The root directory of a sandbox, for those outside who want its files.
//!
//! Nobody goes inside: the directory is opened, and names are looked up from it.
//! So the host's tree stays at hand, and nothing of the sandbox's is executed.

use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use nix::sched::CloneFlags;

use super::{Error, join, rootfs};
use crate::{
    oci::{Overlay, ProcessId},
    sys::{self, fs::open_path},
};

/// The root of a sandbox that runs, with all that is mounted there; `workload` is
/// its first process. Only in its domain (`domain::enter_that_of`).
///
/// # Errors
/// [`Error::Gone`] if it has ended.
pub fn root_of(workload: ProcessId) -> Result<OwnedFd, Error> {
    let process = join::open(workload)?;
    let root = open_path(&PathBuf::from(format!("/proc/{}/root", workload.pid)));
    // As long as there is the process, its number is nobody else's.
    join::open(workload)?;
    drop(process);
    root.map_err(Error::Join)
}

/// Mounts the root file system of a sandbox that does not run, over `scratch`.
///
/// It is mounted for us alone, and goes with us.
///
/// # Errors
/// [`Error::Setup`] if it cannot be mounted, also where changes would be kept in
/// memory.
pub fn mount(root: &Overlay, scratch: &Path) -> Result<OwnedFd, Error> {
    let mount = || {
        sys::process::unshare(CloneFlags::CLONE_NEWNS)?;
        sys::mount::make_private(Path::new("/"))?;
        rootfs::mount_layers(root, scratch)?;
        open_path(scratch)
    };
    let failed =
        |source| Error::Setup { step: "cannot put the root file system together".into(), source };
    mount().map_err(failed)
}
