//! Where what a driver mounts can be seen.
//!
//! A mount is in the mount namespace of whoever made it. That of a driver may be ours:
//! then it is simply there. It may belong to a user namespace of ours, in which
//! `sandbox domain exec` has started the driver: then whoever is root there can take it
//! over from the driver's. All else is out of reach, and is told.

use std::{
    fs, io,
    os::unix::{fs::MetadataExt, net::UnixStream},
    path::{Path, PathBuf},
};

use nix::sys::socket::{getsockopt, sockopt};

use super::Error;
use crate::{
    oci::{CsiDriver, ProcessId},
    sys::{self, fs::open_path, mount},
};

/// Whose mounts those of a driver are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Ours, as far as we can see.
    Ours,
    /// This process's, in whose user namespace we are.
    Of(ProcessId),
}

/// Who listens at the driver's socket.
///
/// # Errors
/// [`Error::Unreachable`] if nobody does.
pub fn listener(driver: &CsiDriver) -> Result<ProcessId, Error> {
    let unreachable = |source| Error::Unreachable { socket: driver.socket.clone(), source };
    let socket = UnixStream::connect(&driver.socket).map_err(unreachable)?;
    let peer = getsockopt(&socket, sockopt::PeerCredentials);
    let pid = peer.map_err(|errno| unreachable(errno.into()))?.pid();
    let start_time = sys::process::start_time(pid);
    let process = start_time.map(|start_time| ProcessId { pid, start_time });
    // It listens in another namespace of process ids, or has left the socket to a child.
    process.ok_or_else(|| unreachable(io::Error::other("nobody knows who listens there")))
}

impl Sight {
    /// Where to look for what a process mounts; to be asked in the domain.
    pub fn of(process: ProcessId) -> Self {
        let namespace = |who: String| {
            fs::metadata(format!("/proc/{who}/ns/mnt")).map(|it| (it.dev(), it.ino())).ok()
        };
        let theirs = namespace(process.pid.to_string());
        let is_other = theirs.is_some() && theirs != namespace("self".into());
        match is_other && sys::process::shares_user_namespace(process.pid) {
            true => Self::Of(process),
            false => Self::Ours,
        }
    }

    /// Whether something is mounted at `target`, as seen from there.
    pub fn shows(self, target: &Path) -> bool {
        let path = match self {
            Self::Ours => PathBuf::from(target),
            Self::Of(process) => {
                let root = PathBuf::from(format!("/proc/{}/root", process.pid));
                root.join(target.strip_prefix("/").unwrap_or(target))
            }
        };
        is_mounted(&path).unwrap_or(false)
    }
}

fn is_mounted(path: &Path) -> sys::Result<bool> {
    let above = path.parent().unwrap_or(path);
    Ok(mount::id_of(open_path(path)?)? != mount::id_of(open_path(above)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_told_from_a_directory() {
        assert!(Sight::Ours.shows(Path::new("/proc")));
        assert!(!Sight::Ours.shows(Path::new("/proc/self")));
        assert!(!Sight::Ours.shows(Path::new("/absent")));
    }
}
