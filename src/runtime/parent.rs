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
    join,
    keeper::Keeper,
    limits,
    supervise::{self, Chore, Streams, Supervision},
    terminal::{self, Relay},
};
use crate::{
    oci::{Confinement, ExitStatus, Namespace, Process, Spec},
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
    stdin: bool,
    stdio: Stdio,
    pipes: Option<Pipes>,
    confinement: Confinement,
}

/// Where the standard streams of a workload are to lead.
#[derive(Debug)]
pub enum Stdio {
    /// To where ours do; through a terminal of its own, if it has one.
    Ours,
    /// To a log, and to whoever attaches.
    Kept(Box<Keeper>),
}

/// A sandbox whose workload runs.
#[derive(Debug)]
pub struct Running {
    child: Child,
    netns: OwnedFd,
    signals: SignalFd,
    streams: Streams,
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
    stdio: Stdio,
    meanwhile: impl FnOnce(),
) -> Result<Created, Error> {
    let pipes = match stdio {
        Stdio::Kept(_) if !spec.process.terminal => Some(Pipes::new().map_err(Error::Supervise)?),
        _ => None,
    };
    let (parent_end, child_end) = handshake::pair().map_err(Error::Supervise)?;
    if spec.pid_namespace == Namespace::Host {
        sys::process::adopt_orphans().map_err(Error::Supervise)?;
    }
    let netns = begin_network_namespace(spec)?;
    match clone(spec)? {
        ForkResult::Child => {
            drop(parent_end);
            child::main(spec, domain.plan(), pipes.map(Pipes::inside), &child_end)
        }
        ForkResult::Parent { child } => {
            drop(child_end);
            let child = Child::new(Some(child));
            if let Some(cgroup) = &spec.confinement.cgroup {
                let pid = child.pid().as_raw();
                limits::cgroup::enter(cgroup, pid).map_err(Error::Confine)?;
            }
            meanwhile();
            domain.settle()?;
            // A child that has failed already will say so at `start`.
            let _ = parent_end.mapped();
            let netns = netns.finish()?;
            let is_ours = spec.network_namespace == Namespace::Host;
            let _ = parent_end.network(Some(netns.as_fd()).filter(|_| !is_ours));
            let Process { terminal: with_terminal, stdin, .. } = spec.process;
            let (handshake, confinement) = (parent_end, spec.confinement.clone());
            Ok(Created { child, netns, handshake, with_terminal, stdin, stdio, pipes, confinement })
        }
    }
}

fn namespaces(spec: &Spec) -> CloneFlags {
    let mut flags = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC;
    // A cgroup of its own is to be the root of what it sees: it enters that first.
    flags.set(CloneFlags::CLONE_NEWCGROUP, spec.confinement.cgroup.is_none());
    flags.set(CloneFlags::CLONE_NEWPID, spec.pid_namespace == Namespace::Own);
    flags
}

fn clone(spec: &Spec) -> Result<ForkResult, Error> {
    let Namespace::Of(process) = spec.pid_namespace else {
        return sys::process::clone(namespaces(spec)).map_err(Error::Namespaces);
    };
    let process = join::open(process)?;
    let join = || sys::process::join(&process, CloneFlags::CLONE_NEWPID);
    sys::process::clone_through(namespaces(spec), join).map_err(Error::Namespaces)
}

/// A network namespace on its way.
#[derive(Debug)]
enum NetworkNamespace {
    New(sys::net::NewNamespace),
    There(OwnedFd),
}

/// Making one takes as long as all other namespaces together, so it is made while
/// they are, and while the child mounts.
fn begin_network_namespace(spec: &Spec) -> Result<NetworkNamespace, Error> {
    let namespace = match spec.network_namespace {
        Namespace::Own => sys::net::new_namespace().map(NetworkNamespace::New),
        Namespace::Host => sys::net::own_namespace().map(NetworkNamespace::There),
        Namespace::Of(process) => {
            // Open as long as we look it up, so that it is the one that is meant.
            let _same = join::open(process)?;
            sys::net::namespace_of(process.pid).map(NetworkNamespace::There)
        }
    };
    namespace.map_err(Error::Namespaces)
}

impl NetworkNamespace {
    fn finish(self) -> Result<OwnedFd, Error> {
        match self {
            Self::New(namespace) => namespace.finish().map_err(Error::Namespaces),
            Self::There(namespace) => Ok(namespace),
        }
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
        let streams = self.streams()?;
        let signals = supervise::take_signals().map_err(Error::Supervise)?;
        limits::confine(&self.confinement, self.child.pid(), "self").map_err(Error::Confine)?;
        match self.handshake.start().map_err(Error::from)? {
            Some(failure) => Err(failure.into()),
            None => Ok(Running { child: self.child.take(), netns: self.netns, signals, streams }),
        }
    }

    fn streams(&mut self) -> Result<Streams, Error> {
        let terminal = match self.with_terminal {
            true => Some(self.handshake.terminal().map_err(Error::from)??),
            false => None,
        };
        Ok(match (std::mem::replace(&mut self.stdio, Stdio::Ours), terminal) {
            (Stdio::Ours, None) => Streams::Shared,
            (Stdio::Ours, Some(terminal)) => {
                terminal::copy_size(terminal.as_fd());
                Streams::Terminal(Relay::new(terminal, self.stdin))
            }
            (Stdio::Kept(mut keeper), Some(terminal)) => {
                keeper.take_terminal(terminal, self.stdin).map_err(Error::Supervise)?;
                Streams::Kept(keeper)
            }
            (Stdio::Kept(mut keeper), None) => {
                if let Some(pipes) = self.pipes.take() {
                    let [input, stdout, stderr] = pipes.outside();
                    keeper.take_pipes(Some(input).filter(|_| self.stdin), stdout, stderr);
                }
                Streams::Kept(keeper)
            }
        })
    }
}

/// The ends of three pipes.
#[derive(Debug)]
struct Pipes([(OwnedFd, OwnedFd); 3]);

impl Pipes {
    fn new() -> sys::Result<Self> {
        Ok(Self([sys::process::pipe()?, sys::process::pipe()?, sys::process::pipe()?]))
    }

    /// The workload's ends, by their numbers.
    fn inside(self) -> [OwnedFd; 3] {
        let [(stdin, _), (_, stdout), (_, stderr)] = self.0;
        [stdin, stdout, stderr]
    }

    /// Ours.
    fn outside(self) -> [OwnedFd; 3] {
        let [(_, stdin), (stdout, _), (stderr, _)] = self.0;
        [stdin, stdout, stderr]
    }
}

impl Running {
    /// Watches over the workload until it has ended, and says how.
    ///
    /// # Errors
    /// [`Error::Supervise`] if the kernel does not let us; the workload is
    /// killed then.
    pub fn wait<'a>(
        &'a mut self,
        supervision: &'a Supervision,
        chore: Option<&'a mut (dyn Chore + 'a)>,
    ) -> Result<ExitStatus, Error> {
        let pid = self.child.pid();
        let status = supervise::wait(pid, &self.signals, &mut self.streams, supervision, chore)?;
        self.child.has_ended();
        Ok(status)
    }

    /// The first process inside.
    pub fn pid(&self) -> i32 {
        self.child.pid().as_raw()
    }

    /// Bytes that its log could not take; none without a log.
    pub fn lost_output(&self) -> u64 {
        match &self.streams {
            Streams::Kept(keeper) => keeper.lost(),
            Streams::Shared | Streams::Terminal(_) => 0,
        }
    }

    /// Tells whoever is attached how it ended.
    pub fn say_goodbye(&mut self, status: ExitStatus) {
        if let Streams::Kept(keeper) = &mut self.streams {
            keeper.say_goodbye(status);
        }
    }

    /// The sandbox's network namespace, for whoever deletes a network from it.
    pub fn network_namespace(&self) -> BorrowedFd<'_> {
        self.netns.as_fd()
    }
}

/// The first process inside; killed and reaped with this value.
#[derive(Debug)]
pub(super) struct Child(Option<Pid>);

impl Child {
    pub(super) fn new(pid: Option<Pid>) -> Self {
        Self(pid)
    }

    pub(super) fn pid(&self) -> Pid {
        self.0.unwrap_or(Pid::from_raw(0))
    }

    /// It has been waited for.
    pub(super) fn has_ended(&mut self) {
        self.0 = None;
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
            Failure::NoPart { part, destination } => Self::NoPart { part, destination },
        }
    }
}
