//! The host's side of the runtime: OCI `create` and `start`.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::{
    errno::Errno,
    sched::CloneFlags,
    sys::{signal, signalfd::SignalFd, wait::waitpid},
    unistd::{ForkResult, Pid},
};

use super::{
    Error, child,
    domain::Domain,
    handshake::{self, Failure, ParentEnd},
    supervise::{self, Supervision},
    terminal,
};
use crate::{
    oci::{ExitStatus, Spec},
    sys,
};

/// A sandbox which exists and waits: namespaces, but no workload yet.
///
/// It ends with this value, unless it is started.
#[derive(Debug)]
pub struct Created {
    child: Child,
    netns: OwnedFd,
    handshake: ParentEnd,
    with_terminal: bool,
}

/// A sandbox whose workload runs.
#[derive(Debug)]
pub struct Running {
    child: Child,
    netns: OwnedFd,
    signals: SignalFd,
    terminal: Option<OwnedFd>,
}

/// OCI `create`: makes the namespaces and a process which sets itself up there;
/// `meanwhile` runs here.
///
/// # Errors
/// [`Error::Namespaces`] if the kernel refuses, and what
/// [`Domain::settle`] says.
pub fn create(
    spec: &Spec,
    domain: &mut Domain,
    meanwhile: impl FnOnce(),
) -> Result<Created, Error> {
    let (parent_end, child_end) = handshake::pair().map_err(Error::Supervise)?;
    if spec.host_pids {
        sys::process::adopt_orphans().map_err(Error::Supervise)?;
    }
    let netns = begin_network_namespace(spec)?;
    match sys::process::clone(namespaces(spec)).map_err(Error::Namespaces)? {
        ForkResult::Child => {
            drop(parent_end);
            child::main(spec, domain.plan(), &child_end)
        }
        ForkResult::Parent { child } => {
            drop(child_end);
            let child = Child(Some(child));
            meanwhile();
            domain.settle()?;
            // A child that has failed already will say so at `start`.
            let _ = parent_end.mapped();
            let netns = match netns {
                Some(netns) => netns.finish(),
                None => sys::net::own_namespace(),
            };
            let netns = netns.map_err(Error::Namespaces)?;
            let _ = parent_end.network(Some(netns.as_fd()).filter(|_| !spec.host_network));
            let with_terminal = spec.process.terminal;
            Ok(Created { child, netns, handshake: parent_end, with_terminal })
        }
    }
}

fn namespaces(spec: &Spec) -> CloneFlags {
    let mut flags = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWCGROUP;
    flags.set(CloneFlags::CLONE_NEWPID, !spec.host_pids);
    flags
}

/// The sandbox's own; none if it is to have the host's. Making one takes as long
/// as all other namespaces together, so it is made while they are, and while the
/// child mounts.
fn begin_network_namespace(spec: &Spec) -> Result<Option<sys::net::NewNamespace>, Error> {
    match spec.host_network {
        true => Ok(None),
        false => sys::net::new_namespace().map(Some).map_err(Error::Namespaces),
    }
}

impl Created {
    /// The sandbox's network namespace, for whoever adds a network to it.
    pub fn network_namespace(&self) -> BorrowedFd<'_> {
        self.netns.as_fd()
    }

    /// OCI `start`: lets the workload run.
    ///
    /// # Errors
    /// Why it does not: the child's failure, as if we had made its calls.
    pub fn start(mut self) -> Result<Running, Error> {
        let terminal = match self.with_terminal {
            true => Some(self.handshake.terminal().map_err(Error::from)??),
            false => None,
        };
        if let Some(terminal) = &terminal {
            terminal::copy_size(terminal.as_fd());
        }
        let signals = supervise::take_signals().map_err(Error::Supervise)?;
        match self.handshake.start().map_err(Error::from)? {
            Some(failure) => Err(failure.into()),
            None => Ok(Running { child: self.child.take(), netns: self.netns, signals, terminal }),
        }
    }
}

impl Running {
    /// Watches over the workload until it has ended, and says how.
    ///
    /// # Errors
    /// [`Error::Supervise`] if the kernel does not let us; the workload is
    /// killed then.
    pub fn wait(&mut self, supervision: &Supervision) -> Result<ExitStatus, Error> {
        let terminal = self.terminal.as_ref().map(AsFd::as_fd);
        let status = supervise::wait(self.child.pid(), &self.signals, terminal, supervision)?;
        self.child.0 = None; // It has been waited for.
        Ok(status)
    }

    /// The sandbox's network namespace, for whoever deletes a network from it.
    pub fn network_namespace(&self) -> BorrowedFd<'_> {
        self.netns.as_fd()
    }
}

/// The first process inside; killed and reaped with this value.
#[derive(Debug)]
struct Child(Option<Pid>);

impl Child {
    fn pid(&self) -> Pid {
        self.0.unwrap_or(Pid::from_raw(0))
    }

    fn take(&mut self) -> Self {
        Self(self.0.take())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            let _ = signal::kill(pid, signal::SIGKILL);
            let _ = waitpid(pid, None);
        }
    }
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        if errno == Errno::ESRCH { Self::Vanished } else { Self::Handshake(errno) }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let source = |call, errno| sys::Error { call, errno: Errno::from_raw(errno) };
        match failure {
            Failure::Setup { step, call, errno } => {
                Self::Setup { step, source: source(call, errno) }
            }
            Failure::Mount { what, call, errno } => {
                Self::Mount { what, source: source(call, errno) }
            }
            Failure::Exec { command, call, errno } => {
                Self::Exec { command, source: source(call, errno) }
            }
            Failure::User { why } => Self::User { why },
        }
    }
}
