//! Watching over a running workload: signals, terminal, time.
//!
//! # Theory of operation
//!
//! One loop around `poll(2)` ([`wait`]). Signals arrive by `signalfd(2)` from the
//! moment when the workload may run ([`take_signals`]); before, they act on us as
//! usual, and the sandbox follows us (`PR_SET_PDEATHSIG`).
//!
//! The kernel shields pid 1 from signals that it does not handle
//! (`pid_namespaces(7)`), even from its parent's and the terminal's. So each
//! signal is either *passed on*, or, if `/proc/PID/status` says that nobody
//! handles it, its default action is *applied* by us: Ctrl-C always works.
//!
//! Without `-t` the workload shares our terminal and process group, so what the
//! terminal sends has reached it already and is not passed on a second time.

use std::{
    fs,
    os::fd::{AsFd, BorrowedFd},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, Signal, kill, raise},
        signalfd::{SfdFlags, SignalFd, siginfo},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use super::{
    Error,
    keeper::{Keeper, Wish},
    limits::memory::{self, Sampler},
    terminal::Relay,
};
use crate::{
    oci::ExitStatus,
    sys::{self, Named},
};

/// How a workload is to be watched over.
#[derive(Debug, Clone)]
pub struct Supervision {
    /// When its time is up.
    pub timeout: Option<Duration>,
    /// What it is sent then.
    pub stop_signal: Signal,
    /// Whether no namespace of process ids ends with it: what it leaves is ours.
    pub leaves_orphans: bool,
    /// Bytes of memory at which it is ended, and of memory and swap.
    pub memory: Option<(u64, Option<u64>)>,
}

/// Signals that are the workload's business rather than ours.
const PASSED_ON: [Signal; 9] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGTSTP,
    Signal::SIGCONT,
];

/// Signals whose default action leaves a process alive (`signal(7)`).
const ENDS_NOTHING: [Signal; 8] = [
    Signal::SIGCONT,
    Signal::SIGSTOP,
    Signal::SIGTSTP,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
    Signal::SIGCHLD,
    Signal::SIGURG,
    Signal::SIGWINCH,
];

/// How long a workload may take to obey its stop signal, as in docker.
const GRACE: Duration = Duration::from_secs(10);

/// Something else that whoever watches has to do, and never waits for.
pub trait Chore {
    /// When it is to be done at the latest; none for no such time.
    fn due(&self) -> Option<Instant>;
    /// Something to read from, which means that there is something to do.
    fn source(&self) -> Option<BorrowedFd<'_>>;
    /// Does what there is to do now, if anything: also called when there is none.
    fn work(&mut self);
}

/// One workload being watched.
struct Watch<'a> {
    pid: Pid,
    signals: &'a SignalFd,
    streams: &'a mut Streams,
    supervision: &'a Supervision,
    chore: Option<&'a mut (dyn Chore + 'a)>,
    /// When to act next, and whether we have acted before.
    deadline: Option<Instant>,
    timed_out: bool,
    /// The signal whose default action we have applied.
    killed_by: Option<Signal>,
    /// What keeps the limit of memory, and when it is to look next.
    sampler: Option<(Sampler, Instant)>,
    out_of_memory: bool,
}

/// Where the workload's standard streams lead.
#[derive(Debug)]
pub(super) enum Streams {
    /// To where ours do.
    Shared,
    /// To our terminal, from its own.
    Terminal(Relay),
    /// To a log, and to whoever is attached.
    Kept(Box<Keeper>),
}

/// Waits until the process `pid` has ended, and says how.
pub(super) fn wait<'a>(
    pid: Pid,
    signals: &'a SignalFd,
    streams: &'a mut Streams,
    supervision: &'a Supervision,
    chore: Option<&'a mut (dyn Chore + 'a)>,
) -> Result<ExitStatus, Error> {
    let mut watch = Watch {
        pid,
        signals,
        streams,
        supervision,
        chore,
        deadline: supervision.timeout.map(|timeout| Instant::now() + timeout),
        timed_out: false,
        killed_by: None,
        sampler: sampler(pid, supervision),
        out_of_memory: false,
    };
    let status = loop {
        if let Some(status) = watch.ended()? {
            break status;
        }
        watch.step()?;
    };
    watch.streams.drain();
    if supervision.leaves_orphans {
        end_orphans();
    }
    Ok(watch.verdict(status))
}

fn sampler(pid: Pid, supervision: &Supervision) -> Option<(Sampler, Instant)> {
    let (memory, both) = supervision.memory?;
    Some((Sampler::new(pid, memory, both), Instant::now()))
}

/// From here on, signals wait for [`wait`] instead of acting on us.
pub(super) fn take_signals() -> sys::Result<SignalFd> {
    let mut set = SigSet::empty();
    let wanted = PASSED_ON.into_iter().filter(|signal| !sys::process::is_ignored(*signal));
    wanted.chain([Signal::SIGCHLD, Signal::SIGWINCH]).for_each(|signal| set.add(signal));
    set.thread_block().named(|| "sigprocmask(SIG_BLOCK)".into())?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .named(|| "signalfd()".into())
}

impl Watch<'_> {
    fn ended(&self) -> Result<Option<WaitStatus>, Error> {
        let flags = WaitPidFlag::WNOHANG;
        let status = waitpid(self.pid, Some(flags)).named(|| format!("waitpid({})", self.pid));
        match status.map_err(Error::Supervise)? {
            WaitStatus::StillAlive => Ok(None),
            status => Ok(Some(status)),
        }
    }

    /// Sleeps until something happens, and deals with it.
    fn step(&mut self) -> Result<(), Error> {
        let ready = self.sleep()?;
        let (signal, streams) = ready.split_first().unwrap_or((&false, &[]));
        while let Some(info) = self.next_signal(*signal) {
            self.on_signal(&info);
        }
        for wish in self.streams.serve(streams) {
            match wish {
                Wish::Deliver(signal) => self.deliver(signal, false),
                Wish::End => self.end(Signal::SIGKILL),
            }
        }
        if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            self.on_deadline();
        }
        self.look_at_memory();
        if let Some(chore) = &mut self.chore {
            chore.work();
        }
        Ok(())
    }

    /// Whether signals, and which of the streams, have something for us.
    fn sleep(&self) -> Result<Vec<bool>, Error> {
        let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        fds.extend(self.streams.interests());
        // The last one: nobody asks whether it is ready.
        let source = self.chore.as_ref().and_then(|chore| chore.source());
        fds.extend(source.map(|source| PollFd::new(source, PollFlags::POLLIN)));
        match poll(&mut fds, self.time_left()) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).named(|| "poll()".into()).map_err(Error::Supervise),
        }
        Ok(fds.iter().map(|fd| fd.any().unwrap_or(false)).collect())
    }

    fn time_left(&self) -> PollTimeout {
        let look = self.sampler.as_ref().map(|(_, next)| *next);
        let chore = self.chore.as_ref().and_then(|chore| chore.due());
        let next = self.deadline.into_iter().chain(look).chain(chore).min();
        let Some(deadline) = next else { return PollTimeout::NONE };
        // Rounded up, so that we do not wake a moment too early and spin.
        let left = deadline.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
    }

    fn next_signal(&self, ready: bool) -> Option<siginfo> {
        if ready { self.signals.read_signal().ok().flatten() } else { None }
    }

    fn on_signal(&mut self, info: &siginfo) {
        match Signal::try_from(info.ssi_signo as i32) {
            Ok(Signal::SIGWINCH) => self.streams.resize(),
            Ok(Signal::SIGTSTP) => self.stop_with_us(),
            Ok(signal) if PASSED_ON.contains(&signal) => {
                let by_terminal = info.ssi_code == libc::SI_KERNEL;
                self.deliver(signal, by_terminal && matches!(self.streams, Streams::Shared));
            }
            _ => {}
        }
    }

    /// Passes `signal` on, or applies its default action.
    fn deliver(&mut self, signal: Signal, has_it_already: bool) {
        if ENDS_NOTHING.contains(&signal) {
            self.send(signal);
        } else if !responds_to(self.pid, signal) {
            self.end(signal);
        } else if !has_it_already {
            self.send(signal);
        }
    }

    /// What `signal` would do to a process that the kernel does not shield.
    fn end(&mut self, signal: Signal) {
        self.killed_by = Some(signal);
        self.send(Signal::SIGKILL);
    }

    fn send(&self, signal: Signal) {
        let _ = kill(self.pid, signal); // ESRCH: it has just ended.
    }

    /// Ctrl-Z: pid 1 would ignore it, and a shell expects us to stop.
    fn stop_with_us(&self) {
        self.send(Signal::SIGSTOP);
        let _ = raise(Signal::SIGSTOP);
        self.send(Signal::SIGCONT);
    }

    fn on_deadline(&mut self) {
        if self.timed_out {
            self.deadline = None;
            self.send(Signal::SIGKILL);
        } else {
            self.timed_out = true;
            self.deadline = Some(Instant::now() + GRACE);
            self.deliver(self.supervision.stop_signal, false);
        }
    }

    fn look_at_memory(&mut self) {
        let Some((sampler, next)) = &mut self.sampler else { return };
        if *next > Instant::now() {
            return;
        }
        let is_over = sampler.is_over();
        *next = Instant::now() + memory::INTERVAL;
        if is_over {
            self.out_of_memory = true;
            self.sampler = None;
            self.send(Signal::SIGKILL);
        }
    }

    fn verdict(&self, status: WaitStatus) -> ExitStatus {
        match (status, self.killed_by) {
            _ if self.timed_out => ExitStatus::TimedOut,
            (WaitStatus::Signaled(_, Signal::SIGKILL, _), _) if self.out_of_memory => {
                ExitStatus::OutOfMemory
            }
            (WaitStatus::Signaled(_, Signal::SIGKILL, _), Some(cause)) => {
                ExitStatus::Signaled(cause as i32)
            }
            (WaitStatus::Signaled(_, signal, _), _) => ExitStatus::Signaled(signal as i32),
            (WaitStatus::Exited(_, code), _) => ExitStatus::Exited(code as u8),
            _ => ExitStatus::Signaled(Signal::SIGKILL as i32),
        }
    }
}

impl Streams {
    fn interests(&self) -> Vec<PollFd<'_>> {
        match self {
            Self::Shared => Vec::new(),
            Self::Terminal(relay) => relay.interests(),
            Self::Kept(keeper) => keeper.interests(),
        }
    }

    fn serve(&mut self, ready: &[bool]) -> Vec<Wish> {
        match self {
            Self::Shared => Vec::new(),
            Self::Terminal(relay) => {
                relay.serve(ready);
                Vec::new()
            }
            Self::Kept(keeper) => keeper.serve(ready),
        }
    }

    fn resize(&self) {
        if let Self::Terminal(relay) = self {
            relay.resize();
        }
    }

    fn drain(&mut self) {
        match self {
            Self::Shared => {}
            Self::Terminal(relay) => relay.drain(),
            Self::Kept(keeper) => keeper.drain(),
        }
    }
}

/// Whether the process handles, ignores or waits for `signal`, by the masks of
/// `proc_pid_status(5)`.
///
/// Who waits for it blocks it all the time; a shell that starts a program blocks
/// everything for a moment, and what comes then would be lost.
fn responds_to(pid: Pid, signal: Signal) -> bool {
    const LOOKS: u32 = 20;
    for _ in 0..LOOKS {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        if is_in_mask(&status, &["SigCgt:", "SigIgn:"], signal) {
            return true;
        }
        if !is_in_mask(&status, &["SigBlk:"], signal) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

fn is_in_mask(status: &str, names: &[&str], signal: Signal) -> bool {
    let bit = 1u64 << (signal as u64 - 1);
    names.iter().any(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0) & bit != 0
    })
}

/// With `--pid host` there is no namespace that takes orphans with it: they
/// have become our children (`PR_SET_CHILD_SUBREAPER`).
fn end_orphans() {
    loop {
        let children = fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
        let children: Vec<i32> = children.split_whitespace().flat_map(str::parse).collect();
        if children.is_empty() {
            return;
        }
        for child in children {
            let _ = kill(Pid::from_raw(child), Signal::SIGKILL);
            let _ = waitpid(Pid::from_raw(child), None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_handled_if_it_is_caught_ignored_or_blocked() {
        let status =
            "SigBlk:\t0000000000000001\nSigIgn:\t0000000000000002\nSigCgt:\t0000000000004000\n";
        let responds =
            |status: &str, signal| is_in_mask(status, &["SigCgt:", "SigIgn:", "SigBlk:"], signal);
        for (signal, expected) in [
            (Signal::SIGHUP, true),
            (Signal::SIGINT, true),
            (Signal::SIGTERM, true),
            (Signal::SIGQUIT, false),
        ] {
            assert_eq!(responds(status, signal), expected, "{signal}");
        }
        assert!(!responds("", Signal::SIGTERM));
    }
}
