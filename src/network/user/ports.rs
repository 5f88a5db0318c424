//! Published ports: clients of the host's side, on their way in.
//!
//! A service inside sees the client's own address. A client on the host's
//! loopback comes from the sandbox's loopback, since from anywhere else such an
//! address is not believed.

use std::{net::SocketAddr, os::fd::AsFd};

use super::{
    engine::Shared,
    policy::Protocol,
    publish::Published,
    reactor::{Reactor, Source, When},
    tcp::{self, Connections},
    udp::{self, Datagrams},
};
use crate::sys::socket;

/// Clients that are let in before others get their turn.
const TURNS: usize = 64;

#[derive(Debug)]
pub(super) struct Ports(Vec<Published>);

impl Ports {
    pub(super) fn new(published: Vec<Published>) -> Self {
        Self(published)
    }

    pub(super) fn listen(&self, reactor: &Reactor) -> rustix::io::Result<()> {
        let mut ports = self.0.iter().enumerate();
        ports.try_for_each(|(place, port)| {
            reactor.add(port.socket.as_fd(), Source::Port(place), When::Readable)
        })
    }

    /// Clients have come.
    pub(super) fn on_ready(
        &self,
        place: usize,
        tcp: &mut Connections,
        udp: &mut Datagrams,
        buffer: &mut [u8],
        shared: &mut Shared,
    ) {
        let Some(port) = self.0.get(place) else { return };
        for _ in 0..TURNS {
            let let_in = match port.protocol {
                Protocol::Udp => port.receive(udp, buffer, shared),
                _ => port.accept(tcp, shared),
            };
            if let_in.is_none() {
                return;
            }
        }
    }
}

impl Published {
    /// None if there is nobody.
    fn accept(&self, tcp: &mut Connections, shared: &mut Shared) -> Option<()> {
        let accepted = shared.acceptor.accept(&self.socket)?;
        if !accepted.turned_away {
            let client = tcp::plain(accepted.client)?;
            tcp.enter(accepted.socket, client, self.inside(shared), shared);
        }
        Some(())
    }

    fn receive(&self, udp: &mut Datagrams, buffer: &mut [u8], shared: &mut Shared) -> Option<()> {
        let received = socket::receive(&self.socket, buffer).ok()?;
        let client = udp::plain(received.source?);
        let local = SocketAddr::new(received.destination?.ip(), self.local.port());
        udp.enter(local, client, self.inside(shared), &buffer[..received.length], shared);
        Some(())
    }

    /// The service in the sandbox.
    fn inside(&self, shared: &Shared) -> SocketAddr {
        let [v4, v6] = shared.addresses.member();
        SocketAddr::new(if self.local.is_ipv4() { v4 } else { v6 }, self.port)
    }
}
