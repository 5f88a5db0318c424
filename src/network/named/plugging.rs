//! A sandbox on its way to its networks.
//!
//! A thread goes to the switch before there is a sandbox ([`Plugging::begin`]) and
//! waits there for its namespace ([`Plugging::connect`]): so all of this goes on while
//! the gateway is made, and while the sandbox mounts.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
};

use nix::errno::Errno;

use super::{
    bridge::{self, Link},
    guard,
};
use crate::sys::{
    self, Named,
    netlink::{Protocol, Socket},
};

/// Links in the making.
#[derive(Debug)]
pub(super) struct Plugging {
    /// Whom to give the sandbox, until that is done.
    sandbox: Option<Sender<OwnedFd>>,
    made: Receiver<sys::Result<Arc<Socket>>>,
}

impl Plugging {
    /// Goes to the switch, and makes the bridges that are missing.
    ///
    /// # Errors
    /// What `clone(2)` says. What the kernel refuses later is reported by
    /// [`Self::next`].
    pub(super) fn begin(switch: OwnedFd, links: Vec<Link>) -> sys::Result<Self> {
        let (sandbox, sandboxes) = channel();
        let (report, made) = channel();
        let job = move || {
            if let Err(error) = plug(&switch, &links, &sandboxes, &report) {
                let _ = report.send(Err(error));
            }
            drop(report);
            // Nobody waits for this; whoever comes next tries again.
            sys::net::join(&switch).and_then(|()| guard::sweep())
        };
        sys::process::spawn("switch", job)?;
        Ok(Self { sandbox: Some(sandbox), made })
    }

    /// Begins to connect a sandbox, by its network namespace; a second call does nothing.
    ///
    /// # Errors
    /// What `dup(2)` says.
    pub(super) fn connect(&mut self, sandbox: BorrowedFd<'_>) -> sys::Result<()> {
        let Some(thread) = self.sandbox.take() else { return Ok(()) };
        // If the thread is gone, it has reported why.
        let _ = thread.send(sandbox.try_clone_to_owned().named(|| "dup()".into())?);
        Ok(())
    }

    /// Waits until the next of the links is there; by what is returned it can be shut.
    ///
    /// # Errors
    /// What the kernel refused.
    pub(super) fn next(&self) -> sys::Result<Arc<Socket>> {
        let gone = |_| sys::Error { call: "clone(CLONE_THREAD)".into(), errno: Errno::ECANCELED };
        self.made.recv().map_err(gone)?
    }
}

fn plug(
    switch: &OwnedFd,
    links: &[Link],
    sandboxes: &Receiver<OwnedFd>,
    report: &Sender<sys::Result<Arc<Socket>>>,
) -> sys::Result<()> {
    sys::net::join(switch)?;
    let socket = Arc::new(Socket::open(Protocol::Route)?);
    for link in links {
        let _ = bridge::bridge(&socket, &link.bridge); // Which is tried again.
    }
    let Ok(sandbox) = sandboxes.recv() else { return Ok(()) }; // Nobody wants it any more.
    for link in links {
        sys::net::join(switch)?;
        bridge::plug(&socket, link, sandbox.as_fd())?;
        let _ = report.send(Ok(socket.clone()));
    }
    Ok(())
}
