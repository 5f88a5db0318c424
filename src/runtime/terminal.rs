//! The workload's terminal, and ours while we relay for it.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::PathBuf,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use rustix::{
    pty::OpenptFlags,
    stdio,
    termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize},
};

use super::{attach::END_OF_TRANSMISSION, handshake::Failure};
use crate::sys::{self, Named};

/// A new pseudo-terminal of the sandbox's own `/dev/pts`.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) master: OwnedFd,
    pub(super) slave: OwnedFd,
    /// Path of the slave, such as `/dev/pts/0`.
    pub(super) path: PathBuf,
}

/// Makes a pseudo-terminal that belongs to `uid`; runs inside.
pub(super) fn open(uid: u32) -> sys::Result<Pair> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let master = rustix::fs::open("/dev/pts/ptmx", flags, Mode::empty())
        .named(|| "open(\"/dev/pts/ptmx\")".into())?;
    rustix::pty::unlockpt(&master).named(|| "unlockpt()".into())?;
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let slave =
        rustix::pty::ioctl_tiocgptpeer(&master, flags).named(|| "ioctl(TIOCGPTPEER)".into())?;
    let name = rustix::pty::ptsname(&master, Vec::new()).named(|| "ptsname()".into())?;
    // With a single id there is nobody else to give it to.
    let owner = rustix::fs::Uid::from_raw(uid);
    let _ = rustix::fs::fchown(&slave, Some(owner), None);
    Ok(Pair { master, slave, path: PathBuf::from(name.to_string_lossy().into_owned()) })
}

/// Makes `terminal` the controlling terminal and standard streams of the
/// workload; runs inside.
pub(super) fn take_over(terminal: &OwnedFd) -> Result<(), Failure> {
    sys::process::lead_session(terminal)
        .and_then(|()| (0..3).try_for_each(|fd| sys::process::replace_stdio(terminal, fd)))
        .map_err(Failure::setup("cannot take the terminal over"))
}

/// Gives `terminal` the size of the terminal that we have, if we have one.
pub(super) fn copy_size(terminal: BorrowedFd<'_>) {
    let ours = tcgetwinsize(stdio::stdout()).or_else(|_| tcgetwinsize(stdio::stdin()));
    if let Ok(size) = ours {
        let _ = tcsetwinsize(terminal, size);
    }
}

/// Passes on what is typed at our terminal, and what the workload writes to its
/// own.
#[derive(Debug)]
pub(super) struct Relay {
    /// None when its last user has gone.
    terminal: Option<OwnedFd>,
    reading_stdin: bool,
    _raw: Option<Raw>,
}

impl Relay {
    pub(super) fn new(terminal: OwnedFd, stdin: bool) -> Self {
        Self { terminal: Some(terminal), reading_stdin: stdin, _raw: stdin.then(Raw::enter) }
    }

    /// What to wait for: the workload's output, then our input.
    pub(super) fn interests(&self) -> Vec<PollFd<'_>> {
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let never = |fd| PollFd::new(fd, PollFlags::empty());
        let output = self.terminal.as_ref().map(|terminal| readable(terminal.as_fd()));
        let input = if self.reading_stdin { readable } else { never };
        vec![output.unwrap_or_else(|| never(stdio::stdin())), input(stdio::stdin())]
    }

    /// Deals with an answer for each of [`Relay::interests`].
    pub(super) fn serve(&mut self, ready: &[bool]) {
        if ready.first() == Some(&true) {
            self.relay_output();
        }
        if ready.get(1) == Some(&true) && self.reading_stdin {
            self.relay_input();
        }
    }

    /// The size of our terminal has changed.
    pub(super) fn resize(&self) {
        self.terminal.iter().for_each(|terminal| copy_size(terminal.as_fd()));
    }

    /// A terminal whose last user has gone reads as an error, EIO.
    fn relay_output(&mut self) {
        let Some(terminal) = &self.terminal else { return };
        let mut bytes = [0; 16 << 10];
        match rustix::io::read(terminal, &mut bytes) {
            Ok(length @ 1..) => write_all(stdio::stdout(), &bytes[..length]),
            Err(rustix::io::Errno::INTR) => {}
            Ok(0) | Err(_) => self.terminal = None,
        }
    }

    fn relay_input(&mut self) {
        let Some(terminal) = &self.terminal else { return };
        let mut bytes = [0; 4 << 10];
        match rustix::io::read(stdio::stdin(), &mut bytes) {
            Ok(length @ 1..) => write_all(terminal.as_fd(), &bytes[..length]),
            _ => {
                self.reading_stdin = false;
                write_all(terminal.as_fd(), &[END_OF_TRANSMISSION]);
            }
        }
    }

    /// What the workload wrote before it ended.
    pub(super) fn drain(&mut self) {
        while let Some(terminal) = &self.terminal {
            let mut fds = [PollFd::new(terminal.as_fd(), PollFlags::POLLIN)];
            if !matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1..)) {
                return;
            }
            self.relay_output();
        }
    }
}

/// Writes everything, or as much as anybody reads.
pub(super) fn write_all(to: BorrowedFd<'_>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(length) => bytes = &bytes[length..],
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return, // Whoever read it has gone.
        }
    }
}

/// Our own terminal in raw mode; as it was before, once this value is dropped.
#[derive(Debug)]
pub(super) struct Raw(Option<Termios>);

impl Raw {
    /// Nothing happens if standard input is no terminal.
    pub(super) fn enter() -> Self {
        let Ok(before) = tcgetattr(stdio::stdin()) else { return Self(None) };
        let mut raw = before.clone();
        raw.make_raw();
        let _ = tcsetattr(stdio::stdin(), OptionalActions::Drain, &raw);
        Self(Some(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(stdio::stdin(), OptionalActions::Drain, before);
        }
    }
}
