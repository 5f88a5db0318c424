//! One more process in a sandbox that runs: `exec`.
//!
//! # Theory of operation
//!
//! ```text
//! parent                          between (for a moment)      child
//! add     clone_through ────────▶ joins the namespaces
//!                                 clone ────────────────────▶ sets itself up
//!         learns its pid ◀─────── exits
//! start   ───────────────────────────────Start──────────────▶ give up privileges, execve
//! wait    supervise
//! ```
//!
//! The process between is there because the namespace of process ids is that of
//! children only; and the parent stays outside, where `/proc` shows the child by
//! the number that the parent knows.
//!
//! The sandbox's tree is joined before anything of it is looked at, and nothing
//! of ours is executed: there is no moment when a program of the image runs
//! outside, or one of the host's inside.

use std::{
    convert::Infallible,
    fs::File,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use nix::{
    sched::CloneFlags,
    sys::signalfd::SignalFd,
    unistd::{ForkResult, Pid},
};

use super::{
    Error, child, command,
    handshake::{self, ChildEnd, Failure, ParentEnd},
    ids::Ids,
    inside, limits,
    parent::Child,
    privileges::Limits,
    supervise::{self, Streams, Supervision},
    terminal::{self, Relay},
    user,
};
use crate::{
    oci::{Confinement, ExitStatus, KeepId, Process, ProcessId, Seccomp},
    sys::{self, Named},
};

/// What is to run beside a workload, and where.
#[derive(Debug)]
pub struct Addition<'a> {
    /// Who watches over the sandbox: it is in the domain.
    pub supervisor: ProcessId,
    /// The first process inside.
    pub workload: ProcessId,
    pub process: &'a Process,
    /// See [`crate::oci::Spec::seccomp`].
    pub seccomp: Option<&'a Seccomp>,
    /// See [`crate::oci::Spec::keep_id`].
    pub keep_id: Option<KeepId>,
    /// What the sandbox is confined by.
    pub confinement: &'a Confinement,
    /// Whether it is not to run outside of the sandbox's cgroup.
    pub strict: bool,
}

/// A process that was added, and runs.
#[derive(Debug)]
pub struct Added {
    child: Child,
    signals: SignalFd,
    streams: Streams,
    is_outside: bool,
}

/// Starts one more process in a sandbox.
///
/// # Errors
/// [`Error::Gone`] if the sandbox has ended; why the process does not run, as if
/// we had made its calls.
pub fn add(addition: &Addition<'_>) -> Result<Added, Error> {
    let domain = open(addition.supervisor)?;
    let sandbox = open(addition.workload)?;
    let has_one_id = has_one_id(addition.supervisor.pid);
    let limits = Limits {
        process: addition.process,
        seccomp: addition.seccomp,
        fake_root: has_one_id,
        ids: match addition.keep_id {
            _ if has_one_id => Ids::One,
            Some(_) => Ids::Of(&sandbox),
            None => Ids::Domain,
        },
    };
    let null = File::open("/dev/null").named(|| "open(\"/dev/null\")".into());
    let null = null.map_err(Error::Supervise)?.into();
    let (parent_end, child_end) = handshake::pair().map_err(Error::Supervise)?;
    let ours = command::Identity::of_this_program();
    // A supervisor's own child is there already.
    let domain =
        Some(domain).filter(|_| !sys::process::shares_user_namespace(addition.supervisor.pid));
    let join = || join(domain.as_ref(), &sandbox);
    let cloned = sys::process::clone_through(CloneFlags::empty(), join);
    match cloned.map_err(Error::Join)? {
        ForkResult::Child => {
            drop(parent_end);
            let Err(failure) = become_process(&limits, addition.keep_id, &ours, &null, &child_end);
            child_end.fail(&failure);
            sys::process::exit(1)
        }
        ForkResult::Parent { child } => {
            drop(child_end);
            let is_outside = confine(addition, child)?;
            let added = start(child, &parent_end, addition.process)?;
            Ok(Added { is_outside, ..added })
        }
    }
}

/// The domain first: to be root there is what allows the rest.
fn join(domain: Option<&OwnedFd>, sandbox: &OwnedFd) -> sys::Result<()> {
    let rest = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP;
    if let Some(domain) = domain {
        sys::process::join(domain, CloneFlags::CLONE_NEWUSER)?;
    }
    sys::process::join(sandbox, rest)
}

/// The process by its number, if it is still the same.
pub(super) fn open(process: ProcessId) -> Result<OwnedFd, Error> {
    let fd = sys::process::open_process(process.pid).map_err(|_| Error::Gone)?;
    let is_same = sys::process::is_alive(process.pid, process.start_time);
    if is_same { Ok(fd) } else { Err(Error::Gone) }
}

fn has_one_id(domain: i32) -> bool {
    let map = std::fs::read_to_string(format!("/proc/{domain}/uid_map")).unwrap_or_default();
    let counts = map.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok());
    counts.sum::<u64>() == 1
}

/// As the workload does it (`child.rs`), in what is there already.
fn become_process(
    limits: &Limits<'_>,
    keep: Option<KeepId>,
    ours: &command::Identity,
    null: &OwnedFd,
    parent: &ChildEnd,
) -> Result<Infallible, Failure> {
    let process = limits.process;
    sys::process::die_with_parent().map_err(Failure::setup("cannot tie the process to us"))?;
    let namespaces = match limits.ids {
        Ids::Of(process) => Some(process.as_fd()),
        _ => None,
    };
    child::let_go_of_the_host([null.as_fd()].into_iter().chain(namespaces).collect(), parent)?;
    let filter = limits.filter()?;
    let credentials = user::resolve(&process.user)?;
    let session = match process.terminal {
        true => Some(child::open_terminal(credentials.owner(keep), false, parent)?),
        false => None,
    };
    if !process.stdin && session.is_none() {
        sys::process::replace_stdio(null, 0).map_err(Failure::setup("cannot set stdin"))?;
    }
    enter(&process.cwd)?;
    child::set_limits(process)?;
    parent.wait_for_start().map_err(child::gone)?;
    session.iter().try_for_each(terminal::take_over)?;
    limits.give_up(&credentials, filter)?;
    child::execute(process, &credentials, ours, parent)
}

fn enter(directory: &Path) -> Result<(), Failure> {
    inside::find(directory)
        .and_then(|found| rustix::process::fchdir(found).named(|| format!("chdir({directory:?})")))
        .map_err(Failure::setup("cannot enter the working directory"))
}

/// As the workload; true if the cgroup cannot be joined, for from another cgroup of
/// the user's there may be no way into it.
fn confine(addition: &Addition<'_>, pid: Pid) -> Result<bool, Error> {
    let enter = |cgroup: &PathBuf| limits::enter(cgroup, pid);
    let entered = addition.confinement.cgroup.as_ref().map_or(Ok(()), enter);
    if addition.strict {
        entered.clone().map_err(Error::JoinCgroup)?;
    }
    let supervisor = addition.supervisor.pid.to_string();
    limits::confine(addition.confinement, pid, &supervisor).map_err(Error::Confine)?;
    Ok(entered.is_err())
}

fn start(pid: Pid, handshake: &ParentEnd, process: &Process) -> Result<Added, Error> {
    let child = Child::new(Some(pid));
    let streams = match process.terminal {
        false => Streams::Shared,
        true => {
            let terminal = handshake.terminal().map_err(Error::from)??;
            terminal::copy_size(terminal.as_fd());
            Streams::Terminal(Relay::new(terminal, process.stdin))
        }
    };
    let signals = supervise::take_signals().map_err(Error::Supervise)?;
    match handshake.start().map_err(Error::from)? {
        Some(failure) => Err(failure.into()),
        None => Ok(Added { child, signals, streams, is_outside: false }),
    }
}

impl Added {
    /// Whether the limits that the sandbox's cgroup holds do not hold for it.
    pub fn is_outside(&self) -> bool {
        self.is_outside
    }

    /// Watches over it until it has ended, and says how.
    ///
    /// # Errors
    /// [`Error::Supervise`] if the kernel does not let us; it is killed then.
    pub fn wait(&mut self, supervision: &Supervision) -> Result<ExitStatus, Error> {
        let pid = self.child.pid();
        let status = supervise::wait(pid, &self.signals, &mut self.streams, supervision, None)?;
        self.child.has_ended();
        Ok(status)
    }
}
