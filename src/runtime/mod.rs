//! Turns a [`Spec`](crate::oci::Spec) into a process in its own namespaces.
//!
//! # Theory of operation
//!
//! Two processes and one socket (`handshake.rs`). The verbs are those of the OCI
//! life cycle, and the gap between `create` and `start` is where the caller
//! attaches the network, while the child mounts.
//!
//! ```text
//!          parent (in the domain, host's     child (new namespaces, pid 1)
//!          other namespaces)
//! enter    unshare the domain
//! create   begin a network namespace
//!          clone3 ──────────────────────────▶ take what is the host's
//!          ids are mapped  ─────Mapped──────▶ mount the root file system
//!          it is made  ─────────Network─────▶ change root, mount the rest
//!          ... the caller adds a network ...
//! start    ────────────────────Start────────▶ drop privileges, execve
//!          read until end of file ◀────────── Failed(why), or end of file
//! wait     supervise: signals, terminal       (the workload)
//! ```
//!
//! The workload is pid 1 itself; nothing of ours stays inside, unless `--init`
//! asks for it (`init.rs`). `parent.rs` runs on the host's side and `child.rs`
//! inside: the file tells which process you are reading.
//!
//! What the parent does while the workload runs is `supervise.rs`. A workload
//! whose streams are not ours has a log (`log.rs`) and a socket for clients
//! (`keeper.rs`; `client.rs` is the other end, `attach.rs` what they say). One
//! more process beside a workload, `exec`, is `join.rs`; `files.rs` is for those who
//! want its files.

pub mod attach;
mod child;
mod client;
mod command;
pub mod domain;
pub mod files;
mod handshake;
mod ids;
mod init;
mod inside;
mod join;
mod keeper;
pub mod limits;
pub mod log;
mod mounts;
mod parent;
pub mod pause;
mod privileges;
pub mod processes;
mod rootfs;
pub mod seccomp;
mod supervise;
mod terminal;
pub mod usage;
mod user;

use std::path::PathBuf;

use nix::errno::Errno;

pub use client::{Client, Outcome};
pub use join::{Added, Addition, add};
pub use keeper::Keeper;
pub use limits::Limits;
pub use parent::{Created, Running, Stdio, create};
pub use supervise::{Chore, Supervision};
pub use user::ids as user_ids;

use crate::{hint::Hint, sys};

/// What went wrong on the way from a spec to a running workload.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot create a user namespace")]
    Domain(#[source] sys::Error),
    #[error("cannot map user and group ids")]
    IdMap(#[source] std::io::Error),
    #[error("cannot map user and group ids: {name} failed")]
    IdMapHelper { name: String },
    #[error("cannot create the namespaces")]
    Namespaces(#[source] sys::Error),
    #[error("cannot talk to the sandbox")]
    Handshake(#[source] Errno),
    #[error("`{option}` cannot be held strictly: {why}")]
    Limits { option: &'static str, why: String },
    #[error("`{option}` cannot be held strictly: the controller `{controller}` is not handed down")]
    NoController { option: &'static str, controller: &'static str },
    #[error("this machine has no CPU {cpu} that may be used")]
    NoSuchCpu { cpu: u32 },
    #[error("cannot hold the sandbox, or let it go on")]
    Hold(#[source] sys::Error),
    #[error("cannot join the cgroup of the sandbox")]
    JoinCgroup(#[source] sys::Error),
    #[error("cannot limit the sandbox")]
    Confine(#[source] sys::Error),
    #[error("the sandbox ended before its command could run")]
    Vanished,
    #[error("the sandbox has ended")]
    Gone,
    #[error("cannot join the sandbox")]
    Join(#[source] sys::Error),
    #[error("the sandbox has other ids than we have now")]
    OtherIds,
    #[error("cannot watch over the sandbox")]
    Supervise(#[source] sys::Error),
    #[error("{step}")]
    Setup { step: String, source: sys::Error },
    #[error("cannot mount {what}")]
    Mount { what: String, source: sys::Error },
    #[error("there is no `{}` in what is to be mounted at {}", part.display(), destination.display())]
    NoPart { part: PathBuf, destination: PathBuf },
    #[error("cannot run as the user that was asked for: {why}")]
    User { why: String },
    #[error("cannot run the command `{command}`")]
    Exec { command: String, source: sys::Error },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Domain(error) => domain_hint(error.errno),
            Self::Namespaces(error) if error.errno == Errno::ENOSPC => {
                Some("a limit on namespaces was reached; see the files in /proc/sys/user".into())
            }
            Self::IdMapHelper { name } => Some(format!(
                "{name} has said why above; without a range in /etc/subuid and /etc/subgid \
                 one id is used instead"
            )),
            Self::Exec { source, .. } => exec_hint(source),
            Self::JoinCgroup(_) => Some(
                "a process can move only within what was delegated, or by systemd: call `sandbox \
                 exec` from the same scope as `sandbox run`"
                    .into(),
            ),
            Self::Limits { .. } => Some(
                "run it where `systemctl --user` works, or in a cgroup that was delegated; or \
                 leave `--limits=strict` out, and `sandbox run -v` says what holds"
                    .into(),
            ),
            Self::NoController { controller, .. } => Some(format!(
                "as root: `systemctl edit user@.service`, and there `[Service]` with \
                 `Delegate=cpu cpuset io memory pids` hands `{controller}` down to users"
            )),
            Self::Mount { source, .. } | Self::Setup { source, .. }
                if source.errno == Errno::ENOENT && source.call.starts_with("mkdir") => Some(
                "it would have to be made in a directory of yours; make it yourself, or choose \
                 another"
                    .into(),
            ),
            Self::Mount { source, .. }
                if matches!(source.errno, Errno::ENOTDIR | Errno::EISDIR) =>
            {
                Some("a directory is mounted on a directory, and a file on a file".into())
            }
            Self::NoPart { .. } => Some(
                "what `subpath` names must be there; a sandbox that mounts all of it can make it"
                    .into(),
            ),
            Self::Mount { source, .. } if source.errno == Errno::EACCES => Some(
                "the directory for the mount point is not yours to change; mount elsewhere, \
                 such as below /tmp"
                    .into(),
            ),
            _ => None,
        }
    }
}

fn domain_hint(errno: Errno) -> Option<String> {
    match errno {
        Errno::EPERM => Some(
            "this system keeps user namespaces from ordinary users; `sandbox info` shows which \
             switch to turn"
                .into(),
        ),
        Errno::ENOSPC => Some(
            "user namespaces are used up or switched off: see /proc/sys/user/max_user_namespaces"
                .into(),
        ),
        Errno::EUSERS => Some("user namespaces are nested too deeply".into()),
        _ => None,
    }
}

fn exec_hint(error: &sys::Error) -> Option<String> {
    match error.errno {
        Errno::ENOENT if error.call.starts_with("execve") => {
            Some("the command is there, but the interpreter or loader that it names is not".into())
        }
        Errno::ENOENT if error.call.starts_with("execvp") => None, // It is the host's.
        Errno::ENOENT => Some("the image has no such command".into()),
        Errno::ENOEXEC => {
            Some("it is neither a program for this machine nor a script that begins with #!".into())
        }
        Errno::EISDIR => Some("it is a directory".into()),
        Errno::EACCES => Some("it may not be executed: see its permissions".into()),
        _ => None,
    }
}
