//! Two processes for a sandbox that others attach to: one that watches over it,
//! and the command that was typed.
//!
//! # Theory of operation
//!
//! ```text
//! caller (what was typed)            supervisor (a session of its own)
//! split   fork ────────────────────▶ pull, create, start: run.rs goes on here
//!         read the id ◀───────────── report: its streams are /dev/null now
//! follow  it goes on; or it relays what
//!         passes the socket ◀──────▶ wait
//! ```
//!
//! Until the sandbox runs, the supervisor has the caller's terminal: it shows
//! progress and says what went wrong, and its exit code becomes the caller's.

use std::{
    fs,
    io::{self, Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
};

use nix::{
    sys::wait::{WaitStatus, waitpid},
    unistd::{ForkResult, Pid},
};

use super::options::DetachKeys;
use crate::{
    error::Error,
    oci::ExitStatus,
    runtime::{Client, Outcome},
    sys,
};

/// Which of the two processes this is.
#[derive(Debug)]
pub(super) enum Side {
    Supervisor(Supervisor),
    Caller(Caller),
}

/// The process that watches over a sandbox.
#[derive(Debug)]
pub(super) struct Supervisor {
    ready: OwnedFd,
    client: Option<UnixStream>,
}

/// The process that was started by hand.
#[derive(Debug)]
pub(super) struct Caller {
    supervisor: Pid,
    ready: OwnedFd,
    socket: Option<UnixStream>,
}

/// Splits in two, before anything else; the caller is attached if it is to be.
pub(super) fn split(attached: bool) -> Result<Side, Error> {
    let failed = |source| Error::System { step: "start a supervisor", source };
    let (ready, is_ready) = sys::process::pipe().map_err(failed)?;
    let (socket, client) = match attached {
        true => UnixStream::pair().map(|(ours, theirs)| (Some(ours), Some(theirs))),
        false => Ok((None, None)),
    }
    .map_err(Error::Attach)?;
    match sys::process::fork().map_err(failed)? {
        ForkResult::Child => {
            sys::process::leave_session().map_err(failed)?;
            Ok(Side::Supervisor(Supervisor { ready: is_ready, client }))
        }
        ForkResult::Parent { child } => {
            Ok(Side::Caller(Caller { supervisor: child, ready, socket }))
        }
    }
}

impl Supervisor {
    /// The socket to whoever started it, if that is attached.
    pub(super) fn client(&self) -> io::Result<Option<UnixStream>> {
        self.client.as_ref().map(UnixStream::try_clone).transpose()
    }

    /// The sandbox runs: the caller may go on.
    pub(super) fn report(self, id: &str) -> Result<(), Error> {
        let failed = |source| Error::System { step: "leave the terminal", source };
        let null = fs::OpenOptions::new().read(true).write(true).open("/dev/null");
        let null = OwnedFd::from(null.map_err(Error::Attach)?);
        (0..3).try_for_each(|fd| sys::process::replace_stdio(&null, fd)).map_err(failed)?;
        let _ = fs::File::from(self.ready).write_all(id.as_bytes());
        Ok(())
    }
}

impl Caller {
    /// Waits until the sandbox runs, and stays attached to it if it is to be.
    ///
    /// The id comes first, if it ran at all.
    pub(super) fn follow(
        self,
        attached: Option<Attached>,
    ) -> Result<(Option<String>, ExitStatus), Error> {
        let Self { supervisor, ready, socket } = self;
        let mut id = String::new();
        let _ = fs::File::from(ready).read_to_string(&mut id);
        if id.is_empty() {
            return Ok((None, ending(supervisor)));
        }
        let Some((socket, attached)) = socket.zip(attached) else {
            return Ok((Some(id), ExitStatus::Exited(0)));
        };
        let status = match attached.relay(socket)? {
            Outcome::Exited(code) => ExitStatus::Exited(code),
            Outcome::Detached => ExitStatus::Exited(0),
            Outcome::Lost => ending(supervisor),
        };
        Ok((Some(id), status))
    }
}

/// How somebody is attached to a sandbox.
#[derive(Debug, Clone)]
pub(super) struct Attached {
    pub(super) stdin: bool,
    /// Whether the sandbox has a terminal.
    pub(super) terminal: bool,
    /// Whether it gets our signals.
    pub(super) signals: bool,
    pub(super) detach_keys: DetachKeys,
}

impl Attached {
    /// Relays until one side ends.
    pub(super) fn relay(&self, socket: UnixStream) -> Result<Outcome, Error> {
        let client = Client {
            stdin: self.stdin,
            terminal: self.terminal,
            signals: self.signals,
            detach_keys: self.detach_keys.0.clone(),
        };
        client.relay(socket).map_err(Error::Attach)
    }
}

/// How a supervisor ended that could not say so.
fn ending(supervisor: Pid) -> ExitStatus {
    match waitpid(supervisor, None) {
        Ok(WaitStatus::Exited(_, code)) => ExitStatus::Exited(code as u8),
        Ok(WaitStatus::Signaled(_, signal, _)) => ExitStatus::Signaled(signal as i32),
        _ => ExitStatus::Exited(125),
    }
}
