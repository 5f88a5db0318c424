//! Datagrams.
//!
//! The first from a client to a destination comes through the gateway's door,
//! which tells where it was going. A *flow* is made for it: a socket in the
//! gateway that has the destination's address and is connected to the client,
//! and one on the host that is connected to the destination. The kernel then
//! hands further datagrams to these two, and what a stranger sends to neither.
//!
//! A published port is the mirror image: the host's socket is connected to the
//! client, and the gateway's has the client's address.
//!
//! Several datagrams of one size travel as one where the kernel can (`UDP_GRO`,
//! `UDP_SEGMENT`), which keeps QUIC cheap.

use std::{
    collections::HashMap,
    net::SocketAddr,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use nix::errno::Errno;
use rustix::net::{SendFlags, sockopt};
use slab::Slab;

use super::{
    engine::Shared,
    flowlog::{Direction, Flow},
    gateway::Place,
    packet::{self, Unreachable},
    policy::Protocol,
    reactor::{Source, When},
    relay::End,
};
use crate::sys::socket::{self, Kind, Received};

/// Flows at the same time; the one that was idle for longest makes room.
const FLOWS: usize = 4096;
/// How long a flow may be idle: after a question and an answer, and otherwise.
const SHORT: Duration = Duration::from_secs(30);
const LONG: Duration = Duration::from_mins(3);
/// Datagrams that are carried before others get their turn.
const TURNS: usize = 64;
/// The longest datagram, and the longest run of them that the kernel joins.
pub(super) const LONGEST: usize = 64 << 10;

/// Client and destination.
type Pair = (SocketAddr, SocketAddr);

#[derive(Debug, Default)]
pub(super) struct Datagrams {
    list: Slab<Exchange>,
    known: HashMap<Pair, usize>,
}

/// One flow.
#[derive(Debug)]
struct Exchange {
    pair: Pair,
    /// Indexed by [`End`]: what speaks to the sandbox, and to the outside.
    ends: [OwnedFd; 2],
    /// Where the sandbox's end sends to, if it is not connected.
    service: Option<SocketAddr>,
    /// Datagrams that came from each end.
    count: [u32; 2],
    last: Instant,
    flow: Flow,
}

impl Datagrams {
    /// The first datagrams of flows.
    pub(super) fn admit(&mut self, door: usize, buffer: &mut [u8], shared: &mut Shared) {
        for _ in 0..TURNS {
            let Ok(received) = socket::receive(&shared.gateway.doors[door].udp, buffer) else {
                return;
            };
            let Received { source: Some(client), destination: Some(to), .. } = received else {
                continue;
            };
            let pair = (plain(client), plain(to));
            // More of them may have come before the flow's own socket was there.
            let index = self.known.get(&pair).copied();
            if let Some(index) = index.or_else(|| self.open(pair, shared)) {
                self.forward(index, End::Sandbox, &buffer[..received.length], None, shared);
            }
        }
    }

    /// None if it may not be, or cannot be.
    fn open(&mut self, pair: Pair, shared: &mut Shared) -> Option<usize> {
        let (client, destination) = pair;
        let Ok(mut flow) = shared.admit(Protocol::Udp, client, destination) else {
            tell_unreachable(Unreachable::Prohibited, pair, shared);
            return None;
        };
        let opened = connected_host_socket(flow.dialled).and_then(|host| {
            let place = Place::Gateway;
            let sandbox = shared.gateway.sockets.open(place, Kind::Udp, client.ip())?;
            rustix::net::bind(&sandbox, &destination)?;
            rustix::net::connect(&sandbox, &client)?;
            Ok([sandbox, host])
        });
        match opened {
            Ok(ends) => Some(self.insert(pair, ends, None, flow, shared)),
            Err(error) => {
                tell_unreachable(Unreachable::of(error), pair, shared);
                flow.failed(Errno::from_raw(error.raw_os_error()));
                shared.record(&flow);
                None
            }
        }
    }

    fn insert(
        &mut self,
        pair: Pair,
        ends: [OwnedFd; 2],
        service: Option<SocketAddr>,
        flow: Flow,
        shared: &mut Shared,
    ) -> usize {
        if self.list.len() >= FLOWS {
            self.close_oldest(shared);
        }
        let index = self.list.vacant_key();
        for (socket, end) in ends.iter().zip([End::Sandbox, End::Host]) {
            let _ = socket::receive_in_segments(socket); // Before Linux 5.0: one by one.
            let _ = shared.reactor.add(socket, Source::Datagrams(index, end), When::Readable);
        }
        let last = Instant::now();
        self.list.insert(Exchange { pair, ends, service, count: [0; 2], last, flow });
        self.known.insert(pair, index);
        index
    }

    /// The first datagram of a client of a published port, which arrived at
    /// `local` on the host.
    pub(super) fn enter(
        &mut self,
        local: SocketAddr,
        client: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
        shared: &mut Shared,
    ) {
        let pair = (client, to);
        let index = self.known.get(&pair).copied();
        let index = index.or_else(|| {
            // Whoever answers a loopback address does so from one, so the socket
            // must hear anybody.
            let is_local = client.ip().is_loopback();
            let place = if is_local { Place::Sandbox } else { Place::Gateway };
            let sandbox = shared.gateway.sockets.open(place, Kind::Udp, to.ip()).ok()?;
            rustix::net::bind(&sandbox, &client).ok()?;
            let service = is_local.then_some(to);
            if service.is_none() {
                rustix::net::connect(&sandbox, &to).ok()?;
            }
            let host = socket::open(Kind::Udp, local.ip()).ok()?;
            sockopt::set_socket_reuseport(&host, true).ok()?;
            rustix::net::bind(&host, &local).ok()?;
            rustix::net::connect(&host, &client).ok()?;
            let flow = Flow::new(Protocol::Udp, Direction::In, client, to);
            Some(self.insert(pair, [sandbox, host], service, flow, shared))
        });
        if let Some(index) = index {
            self.forward(index, End::Host, bytes, None, shared);
        }
    }

    /// Datagrams have come from one end of a flow.
    pub(super) fn carry(
        &mut self,
        index: usize,
        from: End,
        buffer: &mut [u8],
        shared: &mut Shared,
    ) {
        for _ in 0..TURNS {
            let Some(exchange) = self.list.get(index) else { return };
            match socket::receive(&exchange.ends[from as usize], buffer) {
                Ok(received) => {
                    let bytes = &buffer[..received.length];
                    self.forward(index, from, bytes, received.segment, shared);
                }
                Err(Errno::ECONNREFUSED) => self.refused(index, from, shared),
                Err(_) => return,
            }
        }
    }

    fn forward(
        &mut self,
        index: usize,
        from: End,
        bytes: &[u8],
        segment: Option<u16>,
        shared: &mut Shared,
    ) {
        let exchange = &mut self.list[index];
        exchange.last = shared.now;
        exchange.count[from as usize] = exchange.count[from as usize].saturating_add(1);
        match from {
            End::Sandbox => exchange.flow.sent += bytes.len() as u64,
            End::Host => exchange.flow.received += bytes.len() as u64,
        }
        if let (End::Host, Some(service)) = (from, exchange.service) {
            let sandbox = &exchange.ends[End::Sandbox as usize];
            let _ = rustix::net::sendto(sandbox, bytes, SendFlags::empty(), &service);
            return;
        }
        // What does not fit is lost, as datagrams may be; an error that an
        // earlier one met is reported in place of this one.
        match socket::send(&exchange.ends[from.other() as usize], bytes, segment) {
            Err(Errno::ECONNREFUSED) => {
                let _ = socket::send(&exchange.ends[from.other() as usize], bytes, segment);
                self.refused(index, from.other(), shared);
            }
            Err(Errno::EIO) => self.one_by_one(index, from.other(), bytes, segment),
            _ => {}
        }
    }

    /// Where the device cannot divide a run of datagrams (`udp(7)`, `UDP_SEGMENT`).
    fn one_by_one(&self, index: usize, to: End, bytes: &[u8], segment: Option<u16>) {
        let size = segment.map_or(bytes.len(), usize::from).max(1);
        for datagram in bytes.chunks(size) {
            let _ = socket::send(&self.list[index].ends[to as usize], datagram, None);
        }
    }

    /// Nobody listens at the other side of `end`.
    fn refused(&self, index: usize, end: End, shared: &Shared) {
        if end == End::Host {
            tell_unreachable(Unreachable::Port, self.list[index].pair, shared);
        }
    }

    fn close_oldest(&mut self, shared: &mut Shared) {
        let oldest = self.list.iter().min_by_key(|(_, exchange)| exchange.last);
        if let Some((index, _)) = oldest {
            self.close(index, shared);
        }
    }

    fn close(&mut self, index: usize, shared: &mut Shared) {
        let exchange = self.list.remove(index);
        self.known.remove(&exchange.pair);
        shared.record(&exchange.flow);
    }

    /// Closes what has been idle for too long. Says whether there is reason to
    /// come again.
    pub(super) fn tick(&mut self, now: Instant, shared: &mut Shared) -> bool {
        let idle = |exchange: &Exchange| {
            let patience = if exchange.count.iter().max() > Some(&1) { LONG } else { SHORT };
            now.duration_since(exchange.last) > patience
        };
        let idle = self.list.iter().filter(|(_, exchange)| idle(exchange));
        let idle: Vec<usize> = idle.map(|(index, _)| index).collect();
        idle.into_iter().for_each(|index| self.close(index, shared));
        !self.list.is_empty()
    }

    /// At the end of the sandbox.
    pub(super) fn stop(&mut self, shared: &mut Shared) {
        for exchange in self.list.drain() {
            shared.record(&exchange.flow);
        }
    }
}

/// Tells the client that its datagram has not arrived.
fn tell_unreachable(why: Unreachable, (client, destination): Pair, shared: &Shared) {
    let packet = packet::datagram_unreachable(why, client, destination);
    shared.send_raw(client.ip(), &packet);
}

fn connected_host_socket(destination: SocketAddr) -> rustix::io::Result<OwnedFd> {
    let socket = socket::open(Kind::Udp, destination.ip())?;
    rustix::net::connect(&socket, &destination)?;
    Ok(socket)
}

/// Without what IPv6 adds to an address for one machine only.
pub(super) fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port())
}
