//! Processes: making, waiting for, signalling and becoming them.

use std::{
    ffi::{CStr, CString},
    mem,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
        unix::fs::MetadataExt,
    },
    ptr,
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sched::CloneFlags,
    sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction},
    unistd::{ForkResult, Pid},
};

use super::{Error, Named, Result};

/// Like `fork(2)`, but the child begins life in new `namespaces`.
///
/// # Errors
/// EBUSY unless the caller has a single thread: a child has only the thread
/// that made it, and a lock which another held stays shut forever (`fork(2)`,
/// NOTES). Otherwise what `clone3(2)` says.
pub fn clone(namespaces: CloneFlags) -> Result<ForkResult> {
    let call = || format!("clone3({})", names(namespaces));
    if !single_threaded() {
        return Err(Error { call: call(), errno: Errno::EBUSY });
    }
    // SAFETY: `clone_args` holds only integers, and zero is valid for each.
    let mut args: libc::clone_args = unsafe { mem::zeroed() };
    args.flags = namespaces.bits() as u64;
    // A sibling tells our parent what we would (`clone(2)`, CLONE_PARENT).
    if !namespaces.contains(CloneFlags::CLONE_PARENT) {
        args.exit_signal = libc::SIGCHLD as u64;
    }

    // SAFETY: `args` outlives the call and is of the size we state. Without
    // CLONE_VM the child has its own copy of memory, and no other thread
    // exists which could hold a lock across the copy.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &args, size_of_val(&args)) };
    Ok(match Errno::result(pid).named(call)? {
        0 => ForkResult::Child,
        pid => ForkResult::Parent { child: Pid::from_raw(pid as i32) },
    })
}

/// Plain `fork(2)`.
///
/// # Errors
/// As [`clone`].
pub fn fork() -> Result<ForkResult> {
    clone(CloneFlags::empty())
}

/// As [`clone`], from a process in between that has joined other namespaces: that
/// of process ids is one for children only, and joining one would forbid us
/// threads (`clone(2)`, EINVAL).
///
/// # Errors
/// What `join` and [`clone`] say.
pub fn clone_through(
    namespaces: CloneFlags,
    join: impl FnOnce() -> Result<()>,
) -> Result<ForkResult> {
    let (reader, writer) = pipe()?;
    match fork()? {
        ForkResult::Parent { child: between } => {
            drop(writer);
            let answer = read_answer(reader);
            while let Err(Errno::EINTR) = nix::sys::wait::waitpid(between, None).map(drop) {}
            answer
        }
        ForkResult::Child => {
            drop(reader);
            let cloned = join().and_then(|()| clone(namespaces | CloneFlags::CLONE_PARENT));
            let answer = match cloned {
                Ok(ForkResult::Child) => return Ok(ForkResult::Child),
                Ok(ForkResult::Parent { child }) => Ok(child.as_raw()),
                Err(error) => Err(error),
            };
            write_answer(&writer, &answer);
            exit(0)
        }
    }
}

/// A pid, or 0, an error number and the name of a call.
fn write_answer(writer: &OwnedFd, answer: &Result<i32>) {
    let mut bytes = Vec::new();
    match answer {
        Ok(pid) => bytes.extend(pid.to_ne_bytes()),
        Err(error) => {
            bytes.extend(0_i32.to_ne_bytes());
            bytes.extend((error.errno as i32).to_ne_bytes());
            bytes.extend(error.call.as_bytes());
        }
    }
    let _ = rustix::io::write(writer, &bytes); // Less than a pipe takes at once.
}

fn read_answer(reader: OwnedFd) -> Result<ForkResult> {
    let mut bytes = Vec::new();
    let _ = std::io::Read::read_to_end(&mut std::fs::File::from(reader), &mut bytes);
    let number = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(i32::from_ne_bytes);
    match (number(0), number(4)) {
        (Some(pid @ 1..), _) => Ok(ForkResult::Parent { child: Pid::from_raw(pid) }),
        (_, errno) => {
            let call = bytes.get(8..).map(|call| String::from_utf8_lossy(call).into_owned());
            let errno = errno.map_or(Errno::ECHILD, Errno::from_raw);
            Err(Error { call: call.unwrap_or_else(|| "waitpid()".into()), errno })
        }
    }
}

/// A descriptor of a process that cannot come to mean another (`pidfd_open(2)`).
///
/// # Errors
/// ESRCH if there is no such process.
pub fn open_process(pid: i32) -> Result<OwnedFd> {
    let pid = rustix::process::Pid::from_raw(pid).unwrap_or(rustix::process::Pid::INIT);
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())
        .named(|| format!("pidfd_open({pid:?})"))
}

/// Waits until the process has ended or gone, and no longer than `longest`.
pub fn wait_for_end(pid: i32, longest: Duration) {
    let Ok(process) = open_process(pid) else { return };
    let mut fds = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
    let _ = poll(&mut fds, PollTimeout::try_from(longest).unwrap_or(PollTimeout::MAX));
}

/// Whether a process is in our user namespace, which cannot be joined then.
pub fn shares_user_namespace(pid: i32) -> bool {
    let of = |who: &str| std::fs::metadata(format!("/proc/{who}/ns/user")).map(|it| it.ino()).ok();
    of("self").zip(of(&pid.to_string())).is_some_and(|(ours, theirs)| ours == theirs)
}

/// Whether a process is in a user namespace that we can look at, and that is not ours.
pub fn is_in_other_user_namespace(pid: i32) -> bool {
    std::fs::metadata(format!("/proc/{pid}/ns/user")).is_ok() && !shares_user_namespace(pid)
}

/// Joins namespaces of the process that `pidfd` stands for (`setns(2)`); that of
/// process ids only for children.
///
/// # Errors
/// EPERM if we have no power over them, ESRCH if the process has gone.
pub fn join(pidfd: &OwnedFd, namespaces: CloneFlags) -> Result<()> {
    nix::sched::setns(pidfd, namespaces).named(|| format!("setns({})", names(namespaces)))
}

/// `CLONE_NEWNS|CLONE_NEWPID`, as strace prints it.
fn names(flags: CloneFlags) -> String {
    flags.iter_names().map(|(name, _)| name).collect::<Vec<_>>().join("|")
}

/// `/proc/self/task` has a directory a thread; where there is no `/proc` to
/// ask, the caller's word is taken.
///
/// A thread that was joined has left our code, but the kernel may take a moment
/// to clear it away.
fn single_threaded() -> bool {
    let alone = || std::fs::metadata("/proc/self/task").map_or(true, |task| task.nlink() <= 3);
    let wait = || std::thread::sleep(Duration::from_millis(1));
    (0..500).any(|_| {
        alone() || {
            wait();
            false
        }
    })
}

/// Moves this process into new namespaces.
///
/// # Errors
/// What `unshare(2)` says; EINVAL for a user namespace with several threads.
pub fn unshare(namespaces: CloneFlags) -> Result<()> {
    nix::sched::unshare(namespaces).named(|| format!("unshare({})", names(namespaces)))
}

/// Asks for SIGKILL when the thread that made this process ends
/// (`PR_SET_PDEATHSIG(2const)`; a change of ids clears it).
///
/// # Errors
/// What `prctl(2)` says.
pub fn die_with_parent() -> Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).named(|| "prctl(PR_SET_PDEATHSIG)".into())
}

/// Has a program killed that is started from here, as soon as the thread ends that
/// starts it (`PR_SET_PDEATHSIG(2const)`).
pub fn dies_with_parent(command: &mut std::process::Command) {
    let die = || Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?);
    // SAFETY: a plain system call, which neither allocates nor takes locks.
    unsafe { std::os::unix::process::CommandExt::pre_exec(command, die) };
}

/// Makes this process the parent of descendants whose own parent has ended
/// (`PR_SET_CHILD_SUBREAPER(2const)`).
///
/// # Errors
/// What `prctl(2)` says.
pub fn adopt_orphans() -> Result<()> {
    nix::sys::prctl::set_child_subreaper(true).named(|| "prctl(PR_SET_CHILD_SUBREAPER)".into())
}

/// Lets programs that are executed from now on have a descriptor, too.
pub fn survive_exec(fd: impl AsFd) -> Result<()> {
    let flags = rustix::io::FdFlags::empty();
    rustix::io::fcntl_setfd(fd, flags).named(|| "fcntl(F_SETFD, 0)".into())
}

/// When a process began, in clock ticks since the boot (`proc_pid_stat(5)`, field
/// 22); none if there is no such process.
pub fn start_time(pid: i32) -> Option<u64> {
    status(pid).map(|(_, start_time)| start_time)
}

/// Our number, and when we began: what tells us from whoever has this number later.
pub fn identity() -> (i32, u64) {
    let pid = nix::unistd::getpid().as_raw();
    (pid, start_time(pid).unwrap_or_default())
}

/// Whether the process that began then is there, and has not ended: one that
/// nobody has waited for is still listed (`proc_pid_stat(5)`, field 3).
pub fn is_alive(pid: i32, start_time: u64) -> bool {
    status(pid).is_some_and(|(state, time)| time == start_time && !matches!(state, 'Z' | 'X'))
}

fn status(pid: i32) -> Option<(char, u64)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

/// Leaves the session and the process group of whoever started us.
///
/// # Errors
/// What `setsid(2)` says.
pub fn leave_session() -> Result<()> {
    nix::unistd::setsid().named(|| "setsid()".into()).map(drop)
}

/// Hides this process's memory, descriptors and executable from others.
///
/// # Errors
/// What `prctl(2)` says.
pub fn hide() -> Result<()> {
    nix::sys::prctl::set_dumpable(false).named(|| "prctl(PR_SET_DUMPABLE, 0)".into())
}

/// Whether this process and its children can never gain privileges.
pub fn no_new_privileges() -> bool {
    nix::sys::prctl::get_no_new_privs().unwrap_or(false)
}

/// Gives that possibility up.
///
/// # Errors
/// What `prctl(2)` says.
pub fn give_up_new_privileges() -> Result<()> {
    nix::sys::prctl::set_no_new_privs().named(|| "prctl(PR_SET_NO_NEW_PRIVS)".into())
}

/// Signal dispositions and mask as a program expects to find them.
///
/// Rust's runtime ignores SIGPIPE, and an ignored signal stays ignored across
/// `execve(2)`.
pub fn reset_signals() {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default disposition runs no code of ours.
    let _ = unsafe { sigaction(Signal::SIGPIPE, &default) };
    let _ = SigSet::empty().thread_set_mask();
}

/// Whether whoever started us wants `signal` to have no effect, as `nohup(1)`
/// and a shell's background jobs do.
pub fn is_ignored(signal: Signal) -> bool {
    // SAFETY: `sigaction` holds integers and a pointer that may be null.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: without a new action nothing changes; `action` outlives the call.
    let result = unsafe { libc::sigaction(signal as i32, ptr::null(), &mut action) };
    result == 0 && action.sa_sigaction == libc::SIG_IGN
}

/// Marks every descriptor but 0, 1 and 2 to be closed on exec.
///
/// # Errors
/// What `close_range(2)` says.
pub fn close_on_exec_above_2() -> Result<()> {
    // SAFETY: the call changes a flag of our descriptors; none is closed now.
    let result =
        unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    Errno::result(result).named(|| "close_range(3, ~0, CLOSE_RANGE_CLOEXEC)".into()).map(drop)
}

/// Closes every descriptor but 0, 1, 2 and `kept`, whoever believes to own it: for a
/// process that will never return to the code which opened them.
///
/// # Errors
/// What `close_range(2)` says.
pub fn close_all_but(kept: &[BorrowedFd<'_>]) -> Result<()> {
    let mut kept: Vec<u32> = kept.iter().map(|fd| fd.as_raw_fd() as u32).collect();
    kept.sort_unstable();
    let mut first = 3;
    for fd in kept.into_iter().filter(|fd| *fd > 2).chain([u32::MAX]) {
        if fd > first {
            // SAFETY: callers stay in this process's own code and use none of them.
            let result = unsafe { libc::syscall(libc::SYS_close_range, first, fd - 1, 0) };
            Errno::result(result).named(|| format!("close_range({first}, {})", fd - 1))?;
        }
        first = fd.saturating_add(1);
    }
    Ok(())
}

/// Becomes another program; returns only if that fails.
pub fn exec(path: &CStr, args: &[CString], env: &[CString]) -> Error {
    let pointers = |texts: &[CString]| -> Vec<*const libc::c_char> {
        texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
    };
    let (argv, envp) = (pointers(args), pointers(env));
    // SAFETY: both arrays end with NULL and point at strings that outlive the
    // call; on success this code is gone.
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    Error { call: format!("execve({path:?})"), errno: Errno::last() }
}

/// Ends this process at once, without running what a program does at its end.
pub fn exit(code: u8) -> ! {
    // SAFETY: always sound; no destructor is owed by a forked child.
    unsafe { libc::_exit(code.into()) }
}

/// A copy of a descriptor that our caller has opened for us; closed on exec.
///
/// # Errors
/// EBADF if there is none of this number.
pub fn inherited_descriptor(number: RawFd) -> Result<OwnedFd> {
    // SAFETY: the call copies a descriptor if there is one; the copy is ours alone.
    let copy = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) };
    let copy = Errno::result(copy).named(|| format!("fcntl({number}, F_DUPFD_CLOEXEC)"))?;
    // SAFETY: as above.
    Ok(unsafe { std::os::fd::FromRawFd::from_raw_fd(copy) })
}

/// A pipe, both ends closed on exec: what is written to the second can be read
/// from the first.
///
/// # Errors
/// What `pipe2(2)` says.
pub fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).named(|| "pipe2(O_CLOEXEC)".into())
}

/// A pair of connected sockets that keep messages apart, closed on exec.
///
/// # Errors
/// What `socketpair(2)` says.
pub fn socket_pair() -> Result<(OwnedFd, OwnedFd)> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
    let flags = SockFlag::SOCK_CLOEXEC;
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)
        .named(|| "socketpair(AF_UNIX, SOCK_SEQPACKET)".into())
}

/// Makes descriptor `to` (0, 1 or 2) a copy of `from`.
///
/// # Errors
/// What `dup2(2)` says.
pub fn replace_stdio(from: &OwnedFd, to: RawFd) -> Result<()> {
    // SAFETY: `from` is open; what `to` was is one of the three that nobody
    // owns as a value.
    let result = unsafe { libc::dup2(from.as_raw_fd(), to) };
    Errno::result(result).named(|| format!("dup2({}, {to})", from.as_raw_fd())).map(drop)
}

/// Starts a session and makes `terminal` its controlling terminal.
///
/// # Errors
/// What `setsid(2)` and `TIOCSCTTY` of `ioctl_tty(2)` say.
pub fn lead_session(terminal: &OwnedFd) -> Result<()> {
    nix::unistd::setsid().named(|| "setsid()".into())?;
    rustix::process::ioctl_tiocsctty(terminal).named(|| "ioctl(TIOCSCTTY)".into())
}

/// Sets a limit; `u64::MAX` is unlimited.
///
/// # Errors
/// What `setrlimit(2)` says; EPERM above the hard limit.
pub fn set_limit(resource: u32, soft: u64, hard: u64) -> Result<()> {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: `limit` outlives the call.
    let result = unsafe { libc::setrlimit(resource, &limit) };
    Errno::result(result).named(|| format!("setrlimit({resource}, {soft}, {hard})")).map(drop)
}

/// Sets groups and user for good: real, effective and saved; without `groups`,
/// the further groups stay.
///
/// # Errors
/// What `setgroups(2)`, `setresgid(2)`, `setresuid(2)` say; EINVAL for an id
/// that the user namespace does not map.
pub fn become_user(uid: u32, gid: u32, groups: Option<&[u32]>) -> Result<()> {
    use nix::unistd::{Gid, Uid};
    if let Some(groups) = groups {
        let list: Vec<Gid> = groups.iter().copied().map(Gid::from_raw).collect();
        nix::unistd::setgroups(&list).named(|| format!("setgroups({groups:?})"))?;
    }
    let (uid_, gid_) = (Uid::from_raw(uid), Gid::from_raw(gid));
    nix::unistd::setresgid(gid_, gid_, gid_).named(|| format!("setresgid({gid})"))?;
    nix::unistd::setresuid(uid_, uid_, uid_).named(|| format!("setresuid({uid})"))
}

/// Takes all but `keep` out of the bounding set: an `execve(2)` by root then
/// grants `keep`, and one by anybody else nothing (`capabilities(7)`,
/// "Transformation of capabilities during execve()").
///
/// # Errors
/// What `prctl(PR_CAPBSET_DROP)` says.
pub fn bound_capabilities(keep: &[caps::Capability]) -> Result<()> {
    let kept = keep.iter().fold(0, |mask, capability| mask | 1u64 << capability.index());
    for number in (0..64).filter(|number| kept & (1 << number) == 0) {
        // SAFETY: plain integers.
        let result = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0) };
        match Errno::result(result) {
            Err(Errno::EINVAL) => break, // The first number that this kernel does not know.
            other => other.named(|| format!("prctl(PR_CAPBSET_DROP, {number})"))?,
        };
    }
    Ok(())
}

/// A thread that no signal reaches: they are the main thread's business.
///
/// # Errors
/// What `clone(2)` says: EAGAIN at the limit of processes.
pub fn spawn<T: Send + 'static>(
    name: &str,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<std::thread::JoinHandle<T>> {
    // A thread inherits the mask; there is no moment at which it has another.
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK);
    let before = before.named(|| "sigprocmask(SIG_BLOCK)".into())?;
    let thread = std::thread::Builder::new().name(name.into()).stack_size(256 << 10).spawn(job);
    before.thread_set_mask().named(|| "sigprocmask(SIG_SETMASK)".into())?;
    thread.named(|| "clone(CLONE_THREAD)".into())
}

/// Lets this process have as many descriptors as it may.
///
/// What it has executed since is not concerned: limits are inherited by `fork(2)`.
pub fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
