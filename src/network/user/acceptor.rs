//! Accepts connections, and turns them away when descriptors are used up.
//!
//! A connection that cannot be accepted stays where it is: its client waits, and
//! we are woken for it again and again. So one descriptor is kept in reserve, and
//! given up for as long as it takes to reset such a connection.

use std::{cell::RefCell, os::fd::OwnedFd};

use rustix::{
    event::EventfdFlags,
    io::Errno,
    net::{SocketAddrAny, SocketFlags},
};

use super::relay::reset_on_close;

/// A connection that was accepted.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) socket: OwnedFd,
    pub(super) client: SocketAddrAny,
    /// It is in the place of the reserve, and will be reset: close it before the
    /// next is accepted.
    pub(super) turned_away: bool,
}

#[derive(Debug, Default)]
pub(super) struct Acceptor {
    reserve: RefCell<Option<OwnedFd>>,
}

impl Acceptor {
    pub(super) fn new() -> Self {
        let acceptor = Self::default();
        acceptor.keep_reserve();
        acceptor
    }

    /// None if there is nobody.
    pub(super) fn accept(&self, listener: &OwnedFd) -> Option<Accepted> {
        self.keep_reserve();
        let turned_away = |(socket, client)| {
            reset_on_close(&socket);
            Accepted { socket, client, turned_away: true }
        };
        match take(listener) {
            Ok((socket, client)) => Some(Accepted { socket, client, turned_away: false }),
            Err(Errno::MFILE | Errno::NFILE) => {
                *self.reserve.borrow_mut() = None;
                take(listener).ok().map(turned_away)
            }
            Err(_) => None,
        }
    }

    fn keep_reserve(&self) {
        let mut reserve = self.reserve.borrow_mut();
        if reserve.is_none() {
            *reserve = rustix::event::eventfd(0, EventfdFlags::CLOEXEC).ok();
        }
    }
}

fn take(listener: &OwnedFd) -> rustix::io::Result<(OwnedFd, SocketAddrAny)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (socket, client) = rustix::net::acceptfrom_with(listener, flags)?;
    Ok((socket, client.ok_or(Errno::NOTCONN)?))
}
