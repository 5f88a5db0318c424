//! The workload's terminal, and ours while we relay for it.

use std::{
    os::fd::{BorrowedFd, OwnedFd},
    path::PathBuf,
};

use rustix::{
    pty::OpenptFlags,
    stdio,
    termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize},
};

use super::handshake::Failure;
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
