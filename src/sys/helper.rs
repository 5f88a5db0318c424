//! Processes that share our memory until they have done one small thing.
//!
//! `fork(2)` copies the page tables, and then both sides pay again for each page
//! that they touch. A process made with `CLONE_VM` costs neither, and a thread,
//! which is as cheap, cannot be outside of a user namespace that we enter, nor
//! be there while we fork.
//!
//! Such a process uses our thread's local variables as if they were its own:
//! `errno`, and the allocator's caches. So what it may do is little
//! (`start`, Safety), and everything is prepared for it.

use std::{
    ffi::{CStr, CString},
    mem::MaybeUninit,
    os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd},
    ptr,
};

use nix::{
    errno::Errno,
    sched::CloneFlags,
    sys::{
        signal::{Signal, kill},
        wait::{WaitStatus, waitpid},
    },
    unistd::Pid,
};
use rustix::fs::{Mode, OFlags};

use super::{Named, Result};

/// A process which does something to a `J` that is ours again when it has ended.
#[derive(Debug)]
pub(super) struct Helper<J> {
    pid: Pid,
    task: *mut Task<J>,
}

#[derive(Debug)]
struct Task<J> {
    job: J,
    perform: fn(&mut J) -> u8,
    stack: [MaybeUninit<u8>; STACK],
}

/// In bytes; a job calls few functions, and none that recurses.
const STACK: usize = 32 << 10;

/// Starts a process that shares our memory, and what `sharing` says besides,
/// and performs a job; what that returns is its exit status.
///
/// # Errors
/// What `clone(2)` says.
///
/// # Safety
/// `perform` must neither allocate nor panic, and must use nothing that belongs
/// to a thread: so it makes its system calls without libc, as rustix does, at
/// least those that may fail.
pub(super) unsafe fn start<J>(
    sharing: CloneFlags,
    job: J,
    perform: fn(&mut J) -> u8,
) -> Result<Helper<J>> {
    // A stack on the heap, and none of it touched before the helper does.
    let mut task = Box::<Task<J>>::new_uninit();
    let fields = task.as_mut_ptr();
    // SAFETY: `fields` points to memory for a task; its stack may stay as it is.
    let task = unsafe {
        ptr::addr_of_mut!((*fields).job).write(job);
        ptr::addr_of_mut!((*fields).perform).write(perform);
        Box::into_raw(task.assume_init())
    };
    let flags = (sharing | CloneFlags::CLONE_VM).bits() | libc::SIGCHLD;
    // SAFETY: the stack grows down from its end, and lives until the helper has
    // ended (`Drop`), as does the task; until then nobody else uses either.
    let pid = unsafe {
        let top = ptr::addr_of_mut!((*task).stack).cast::<u8>().add(STACK);
        libc::clone(enter::<J>, top.cast(), flags, task.cast())
    };
    match Errno::result(pid).named(|| "clone(CLONE_VM)".into()) {
        Ok(pid) => Ok(Helper { pid: Pid::from_raw(pid), task }),
        Err(error) => {
            // SAFETY: there is no helper, so the task is still ours alone.
            drop(unsafe { Box::from_raw(task) });
            Err(error)
        }
    }
}

extern "C" fn enter<J>(task: *mut libc::c_void) -> libc::c_int {
    let task = task.cast::<Task<J>>();
    // SAFETY: `start` gave us the task, and leaves it alone while we live. The
    // stack, on which we are, is not part of what is borrowed.
    unsafe { ((*task).perform)(&mut *ptr::addr_of_mut!((*task).job)).into() }
}

impl<J> Helper<J> {
    /// Waits until it has ended; true if its exit status is 0.
    ///
    /// # Errors
    /// What `waitpid(2)` says.
    fn wait(&self) -> Result<bool> {
        loop {
            match waitpid(self.pid, None) {
                Err(Errno::EINTR) => {}
                Ok(WaitStatus::Exited(_, code)) => return Ok(code == 0),
                Ok(_) => return Ok(false),
                Err(errno) => return Err(errno).named(|| format!("waitpid({})", self.pid)),
            }
        }
    }

    /// Waits until it has ended; whether it succeeded, and what it did.
    ///
    /// # Errors
    /// What `waitpid(2)` says.
    pub(super) fn finish(self) -> Result<(bool, J)> {
        let succeeded = self.wait();
        let task = self.task;
        std::mem::forget(self);
        // SAFETY: the helper has ended, or never was a child of ours.
        let task = unsafe { Box::from_raw(task) };
        Ok((succeeded?, task.job))
    }
}

/// Nobody wants it any more.
impl<J> Drop for Helper<J> {
    fn drop(&mut self) {
        // EPERM: it runs a set-user-id program by now, which will end by itself.
        let _ = kill(self.pid, Signal::SIGKILL);
        let _ = self.wait();
        // SAFETY: as in `finish`.
        drop(unsafe { Box::from_raw(self.task) });
    }
}

/// What is to be done in the namespaces that we are about to leave.
#[derive(Debug)]
pub enum Errand {
    /// Write these texts into these files.
    Write(Vec<(CString, String)>),
    /// Run a program, by its path, with these arguments and no environment.
    Exec(Vec<CString>),
}

/// A process that stays in our present namespaces, and waits for a byte in a
/// pipe before it goes on its [`Errand`]. It dies with us, or with this value.
#[derive(Debug)]
pub struct Messenger(Helper<Waiting>);

#[derive(Debug)]
struct Waiting {
    /// Whoever started it.
    sender: rustix::process::Pid,
    gate: RawFd,
    errand: Errand,
    /// Of the arguments, with a null pointer at the end.
    argv: Vec<*const libc::c_char>,
}

impl Messenger {
    /// Starts one that waits for `gate`.
    ///
    /// # Errors
    /// What `clone(2)` says.
    pub fn start(errand: Errand, gate: &OwnedFd) -> Result<Self> {
        let argv = match &errand {
            Errand::Write(_) => Vec::new(),
            Errand::Exec(args) => {
                args.iter().map(|arg| arg.as_ptr()).chain([ptr::null()]).collect()
            }
        };
        let sender = rustix::process::getpid();
        let waiting = Waiting { sender, gate: gate.as_raw_fd(), errand, argv };
        // SAFETY: `go` only makes system calls by way of rustix, with what is
        // in `waiting`; the one of libc comes last, and its failure would have
        // to meet a failure of ours.
        unsafe { start(CloneFlags::empty(), waiting, go) }.map(Self)
    }

    /// Waits until it has done its errand; false if that failed.
    ///
    /// # Errors
    /// What `waitpid(2)` says.
    pub fn finish(self) -> Result<bool> {
        self.0.finish().map(|(succeeded, _)| succeeded)
    }
}

fn go(waiting: &mut Waiting) -> u8 {
    let signal = Some(rustix::process::Signal::KILL);
    let _ = rustix::process::set_parent_process_death_signal(signal);
    // Whoever was killed before sends no signal, nor a byte; and as we have a copy of the
    // other end of the pipe, too, that would never end.
    if rustix::process::getppid() != Some(waiting.sender) {
        return 1;
    }
    // SAFETY: we have a copy of every descriptor that was open when we began.
    let gate = unsafe { BorrowedFd::borrow_raw(waiting.gate) };
    if rustix::io::read(gate, &mut [0u8]) != Ok(1) {
        return 1;
    }
    match &waiting.errand {
        Errand::Write(files) => {
            let written = files.iter().all(|(path, text)| write(path, text.as_bytes()).is_ok());
            u8::from(!written)
        }
        Errand::Exec(_) => {
            let no_environment = [ptr::null()];
            // SAFETY: both arrays end with a null pointer and point to strings,
            // all of which live as long as the messenger.
            unsafe {
                libc::execve(waiting.argv[0], waiting.argv.as_ptr(), no_environment.as_ptr())
            };
            1
        }
    }
}

fn write(path: &CStr, text: &[u8]) -> rustix::io::Result<()> {
    let file = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(file, text).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_helper_does_to_its_job_is_seen() {
        let add = |sum: &mut u32| {
            *sum += 1;
            7
        };
        // SAFETY: an addition is no system call, and uses nothing of a thread.
        let helper = unsafe { start(CloneFlags::empty(), 41, add) }.unwrap();
        assert_eq!(helper.finish().unwrap(), (false, 42));
    }

    #[test]
    fn a_messenger_waits_for_its_byte_and_says_whether_it_succeeded() {
        for (program, expected) in [("/bin/true", true), ("/bin/false", false), ("/none", false)] {
            let (gate, opener) = crate::sys::process::pipe().unwrap();
            let args = vec![CString::new(program).unwrap()];
            let messenger = Messenger::start(Errand::Exec(args), &gate).unwrap();
            rustix::io::write(&opener, &[0]).unwrap();
            assert_eq!(messenger.finish().unwrap(), expected, "{program}");
        }
    }

    #[test]
    fn a_messenger_whose_sender_was_killed_ends() {
        let (gate, _opener) = crate::sys::process::pipe().unwrap();
        let sender = rustix::process::Pid::INIT;
        let errand = Errand::Write(Vec::new());
        let waiting = Waiting { sender, gate: gate.as_raw_fd(), errand, argv: Vec::new() };
        // SAFETY: as in `Messenger::start`.
        let messenger = unsafe { start(CloneFlags::empty(), waiting, go) }.unwrap();
        assert!(!messenger.finish().unwrap().0); // Returns, although nothing was written.
    }

    #[test]
    fn a_messenger_that_is_not_needed_ends() {
        let (gate, _opener) = crate::sys::process::pipe().unwrap();
        let messenger = Messenger::start(Errand::Write(Vec::new()), &gate).unwrap();
        drop(messenger); // Returns, although nothing was written.
    }
}
