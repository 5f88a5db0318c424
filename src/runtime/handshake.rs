//! What parent and child say to each other while a sandbox is being made.
//!
//! ```text
//! parent ──▶ child   Mapped     ids are mapped
//! parent ──▶ child   Network    the network namespace to join, as a descriptor
//! parent ◀── child   Terminal   only with a terminal: its master side, as a descriptor
//! parent ──▶ child   Start      become the workload
//! parent ◀── child   Failed     why not; or end of file: it runs
//! ```
//!
//! The child's end closes on exec, so end of file *is* the message "it runs".
//! Either side learns by end of file, too, that the other is gone.

use std::{
    io::{IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::PathBuf,
};

use nix::errno::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recv, recvmsg, send, sendmsg,
};
use serde::{Deserialize, Serialize};

use crate::sys;

/// Why the workload does not run; the child fails, the parent has the terminal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Failure {
    /// A step of setting up.
    Setup { step: String, call: String, errno: i32 },
    /// The workload's executable: why it cannot be executed.
    Exec { command: String, call: String, errno: i32 },
    /// The user or group to run as is not known inside, or not mapped.
    User { why: String },
    /// What is to be mounted, or where, is not there.
    Mount { what: String, call: String, errno: i32 },
    /// A part of a volume that it has not.
    NoPart { part: PathBuf, destination: PathBuf },
}

impl Failure {
    /// For `map_err`: what was being done when `error` happened.
    pub(super) fn setup(step: &str) -> impl FnOnce(sys::Error) -> Self {
        move |error| Self::Setup { step: step.into(), call: error.call, errno: error.errno as i32 }
    }

    /// For `map_err`: what was to be mounted when `error` happened.
    pub(super) fn mount(what: impl ToString) -> impl FnOnce(sys::Error) -> Self {
        move |error| Self::Mount {
            what: what.to_string(),
            call: error.call,
            errno: error.errno as i32,
        }
    }
}

/// The parent's side.
#[derive(Debug)]
pub(super) struct ParentEnd(OwnedFd);

/// The child's side.
#[derive(Debug)]
pub(super) struct ChildEnd(OwnedFd);

const MAPPED: &[u8] = b"M";
const NETWORK: &[u8] = b"N";
const START: &[u8] = b"S";
const TERMINAL: &[u8] = b"T";
/// Longest message in bytes: a failure that quotes two paths.
const LONGEST: usize = 16 << 10;

/// The two ends of a new conversation.
pub(super) fn pair() -> sys::Result<(ParentEnd, ChildEnd)> {
    sys::process::socket_pair().map(|(parent, child)| (ParentEnd(parent), ChildEnd(child)))
}

impl ParentEnd {
    /// Tells the child that its ids are mapped.
    pub(super) fn mapped(&self) -> Result<(), Errno> {
        say(&self.0, MAPPED)
    }

    /// Gives the child the network namespace to join; none if it keeps ours.
    pub(super) fn network(&self, netns: Option<BorrowedFd<'_>>) -> Result<(), Errno> {
        say_with(&self.0, NETWORK, netns)
    }

    /// Takes the master side of the terminal that the child has made, or its
    /// failure.
    pub(super) fn terminal(&self) -> Result<Result<OwnedFd, Failure>, Errno> {
        let mut bytes = vec![0; LONGEST];
        match hear_with(&self.0, &mut bytes)? {
            (_, Some(terminal)) => Ok(Ok(terminal)),
            (length, None) => Ok(Err(failure(&bytes[..length])?)),
        }
    }

    /// Lets the child go; returns its failure, or none once the workload runs.
    pub(super) fn start(&self) -> Result<Option<Failure>, Errno> {
        // A child that has failed already is gone; its reason waits for us.
        let _ = say(&self.0, START);
        let mut bytes = vec![0; LONGEST];
        match hear(&self.0, &mut bytes)? {
            0 => Ok(None),
            length => failure(&bytes[..length]).map(Some),
        }
    }
}

impl ChildEnd {
    /// Waits for [`ParentEnd::mapped`]; an error if the parent is gone.
    pub(super) fn wait_for_ids(&self) -> Result<(), Errno> {
        self.wait_for(MAPPED).map(drop)
    }

    /// Waits for [`ParentEnd::network`]; an error if the parent is gone.
    pub(super) fn wait_for_network(&self) -> Result<Option<OwnedFd>, Errno> {
        self.wait_for(NETWORK)
    }

    /// Waits for [`ParentEnd::start`]; an error if the parent is gone.
    pub(super) fn wait_for_start(&self) -> Result<(), Errno> {
        self.wait_for(START).map(drop)
    }

    fn wait_for(&self, word: &[u8]) -> Result<Option<OwnedFd>, Errno> {
        let mut bytes = [0; 1];
        let (length, fd) = hear_with(&self.0, &mut bytes)?;
        if &bytes[..length] == word { Ok(fd) } else { Err(Errno::EPIPE) }
    }

    /// Hands the master side of the terminal over.
    pub(super) fn give_terminal(&self, terminal: &OwnedFd) -> Result<(), Errno> {
        say_with(&self.0, TERMINAL, Some(terminal.as_fd()))
    }

    /// Says why there will be no workload.
    pub(super) fn fail(&self, failure: &Failure) {
        let mut bytes = serde_json::to_vec(failure).unwrap_or_default();
        bytes.truncate(LONGEST);
        let _ = say(&self.0, &bytes); // If the parent is gone, nobody asks.
    }

    /// The socket.
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Whether the parent is gone.
    pub(super) fn is_alone(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut fds = [PollFd::new(&self.0, PollFlags::empty())];
        let _ = poll(&mut fds, Some(&Timespec::default()));
        fds[0].revents().contains(PollFlags::HUP)
    }
}

fn say(socket: &OwnedFd, word: &[u8]) -> Result<(), Errno> {
    send(socket, word, SendFlags::NOSIGNAL).map_err(errno).map(drop)
}

/// A word, and perhaps a descriptor.
fn say_with(socket: &OwnedFd, word: &[u8], fd: Option<BorrowedFd<'_>>) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if let Some(fd) = &fd {
        ancillary.push(SendAncillaryMessage::ScmRights(std::slice::from_ref(fd)));
    }
    let bytes = &[IoSlice::new(word)];
    sendmsg(socket, bytes, &mut ancillary, SendFlags::NOSIGNAL).map_err(errno).map(drop)
}

/// The length of a word, and the descriptor that came with it.
fn hear_with(socket: &OwnedFd, bytes: &mut [u8]) -> Result<(usize, Option<OwnedFd>), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let buffers = &mut [IoSliceMut::new(bytes)];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let length = loop {
        match recvmsg(socket, buffers, &mut ancillary, flags) {
            Err(rustix::io::Errno::INTR | rustix::io::Errno::CONNRESET) => {}
            other => break other.map_err(errno)?.bytes,
        }
    };
    let descriptor = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    Ok((length, descriptor))
}

fn hear(socket: &OwnedFd, bytes: &mut [u8]) -> Result<usize, Errno> {
    loop {
        match recv(socket, &mut *bytes, RecvFlags::empty()) {
            Err(rustix::io::Errno::INTR) => {}
            // The other end was closed with something unread in it: said once,
            // before what it had to say itself.
            Err(rustix::io::Errno::CONNRESET) => {}
            other => return other.map(|(length, _)| length).map_err(errno),
        }
    }
}

fn failure(bytes: &[u8]) -> Result<Failure, Errno> {
    // Nothing at all: the child was killed before it could say a word.
    serde_json::from_slice(bytes).map_err(|_| Errno::ESRCH)
}

fn errno(error: rustix::io::Errno) -> Errno {
    Errno::from_raw(error.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_child_learns_that_its_parent_is_gone() {
        let (parent, child) = pair().unwrap();
        drop(parent);
        assert!(child.is_alone());
        assert!(child.wait_for_start().is_err());
    }

    #[test]
    fn end_of_file_means_it_runs() {
        let (parent, child) = pair().unwrap();
        drop(child);
        assert!(parent.start().unwrap().is_none());
    }

    #[test]
    fn a_failure_arrives_although_the_child_has_not_listened() {
        let (parent, child) = pair().unwrap();
        parent.mapped().unwrap();
        child.fail(&Failure::User { why: "unknown".into() });
        drop(child);
        assert!(parent.start().unwrap().is_some());
    }

    #[test]
    fn a_failure_arrives_with_its_errno() {
        let (parent, child) = pair().unwrap();
        child.fail(&Failure::User { why: "unknown".into() });
        drop(child);
        assert!(matches!(parent.start(), Ok(Some(Failure::User { why })) if why == "unknown"));
    }
}
