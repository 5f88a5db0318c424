//! Echo requests.
//!
//! The gateway's raw socket sees each request; a *ping socket* of the host
//! (`icmp(7)`) repeats it, since ordinary users may have one where
//! `net.ipv4.ping_group_range` says so. The reply goes back with the identifier
//! that the sandbox had chosen.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use nix::errno::Errno;
use slab::Slab;

use super::{
    engine::Shared,
    flowlog::Flow,
    packet::{self, Unreachable},
    policy::Protocol,
    reactor::{Source, When},
};
use crate::sys::socket::{self, Kind};

/// Series of pings at the same time.
const SERIES: usize = 256;
/// How long one may be idle.
const IDLE: Duration = Duration::from_secs(30);
/// Requests that are carried before others get their turn.
const TURNS: usize = 64;
/// Type, code, checksum, identifier, sequence number.
const HEADER: usize = 8;
const REQUEST: u8 = 8;
const REQUEST_V6: u8 = 128;

/// Client, destination, identifier.
type Key = (IpAddr, IpAddr, u16);

#[derive(Debug, Default)]
pub(super) struct Pings {
    list: Slab<Series>,
    known: HashMap<Key, usize>,
    /// Whether it was said that the host does not let us.
    told: bool,
}

#[derive(Debug)]
struct Series {
    key: Key,
    host: OwnedFd,
    last: Instant,
    flow: Flow,
}

impl Pings {
    /// Requests of the sandbox.
    pub(super) fn admit(&mut self, door: usize, buffer: &mut [u8], shared: &mut Shared) {
        for _ in 0..TURNS {
            let Ok(received) = socket::receive(&shared.gateway.doors[door].ping, buffer) else {
                return;
            };
            let (Some(client), Some(destination)) = (received.source, received.destination) else {
                continue;
            };
            if let Some(message) = request(&buffer[..received.length], client.is_ipv6()) {
                self.ask(client.ip(), destination.ip(), message, shared);
            }
        }
    }

    fn ask(&mut self, client: IpAddr, destination: IpAddr, message: &[u8], shared: &mut Shared) {
        let identifier = u16::from_be_bytes([message[4], message[5]]);
        if shared.addresses.is_gateway(destination)
            || shared.addresses.loopback(destination).is_some()
        {
            // Gateway and host are there, and nobody else is reached.
            let reply = packet::echo_reply(destination, client, identifier, message.to_vec());
            return shared.send_raw(client, &reply);
        }
        let key = (client, destination, identifier);
        let index = self.known.get(&key).copied().or_else(|| self.open(key, message, shared));
        if let Some(series) = index.and_then(|index| self.list.get_mut(index)) {
            series.last = shared.now;
            series.flow.sent += message.len() as u64;
            let _ = socket::send(&series.host, message, None);
        }
    }

    /// None if it may not be, or cannot be; the sandbox is told so.
    fn open(&mut self, key: Key, message: &[u8], shared: &mut Shared) -> Option<usize> {
        let (client, destination, _) = key;
        let ends = [client, destination].map(|address| SocketAddr::new(address, 0));
        let tell = |why: Unreachable, shared: &Shared| {
            let packet = packet::echo_unreachable(why, client, destination, message);
            shared.send_raw(client, &packet);
        };
        let Ok(mut flow) = shared.admit(Protocol::Icmp, ends[0], ends[1]) else {
            tell(Unreachable::Prohibited, shared);
            return None;
        };
        let host = socket::open(Kind::Ping, destination).and_then(|socket| {
            rustix::net::connect(&socket, &flow.dialled)?;
            Ok(socket)
        });
        match host {
            Ok(host) => Some(self.insert(key, host, flow, shared)),
            Err(error) => {
                self.explain(error, shared);
                tell(Unreachable::of(error), shared);
                flow.failed(Errno::from_raw(error.raw_os_error()));
                shared.record(&flow);
                None
            }
        }
    }

    fn insert(&mut self, key: Key, host: OwnedFd, flow: Flow, shared: &mut Shared) -> usize {
        if self.list.len() >= SERIES {
            let oldest = self.list.iter().min_by_key(|(_, series)| series.last);
            if let Some((index, _)) = oldest {
                self.close(index, shared);
            }
        }
        let index = self.list.vacant_key();
        let _ = shared.reactor.add(&host, Source::Echo(index), When::Readable);
        self.list.insert(Series { key, host, last: shared.now, flow });
        self.known.insert(key, index);
        index
    }

    /// Says once that it is the host which forbids it.
    fn explain(&mut self, error: rustix::io::Errno, shared: &Shared) {
        let is_forbidden = matches!(error, rustix::io::Errno::ACCESS | rustix::io::Errno::PERM);
        if is_forbidden && !std::mem::replace(&mut self.told, true) {
            shared.tell(
                "ping is not carried: the host's setting net.ipv4.ping_group_range \
                 leaves out your group",
            );
        }
    }

    /// Replies for the sandbox.
    pub(super) fn carry(&mut self, index: usize, buffer: &mut [u8], shared: &mut Shared) {
        for _ in 0..TURNS {
            let Some(series) = self.list.get_mut(index) else { return };
            let Ok(received) = socket::receive(&series.host, buffer) else { return };
            let message = &buffer[..received.length];
            if message.len() >= HEADER {
                let (client, destination, identifier) = series.key;
                series.flow.received += message.len() as u64;
                let reply = packet::echo_reply(destination, client, identifier, message.to_vec());
                shared.send_raw(client, &reply);
            }
        }
    }

    fn close(&mut self, index: usize, shared: &mut Shared) {
        let series = self.list.remove(index);
        self.known.remove(&series.key);
        shared.record(&series.flow);
    }

    /// Closes what has been idle for too long. Says whether there is reason to
    /// come again.
    pub(super) fn tick(&mut self, now: Instant, shared: &mut Shared) -> bool {
        let idle = self.list.iter().filter(|(_, series)| now.duration_since(series.last) > IDLE);
        let idle: Vec<usize> = idle.map(|(index, _)| index).collect();
        idle.into_iter().for_each(|index| self.close(index, shared));
        !self.list.is_empty()
    }

    /// At the end of the sandbox.
    pub(super) fn stop(&mut self, shared: &mut Shared) {
        for series in self.list.drain() {
            shared.record(&series.flow);
        }
    }
}

/// The ICMP message of an echo request: a raw socket of IPv4 gets the IP header
/// as well (`raw(7)`).
fn request(packet: &[u8], v6: bool) -> Option<&[u8]> {
    let header = if v6 { 0 } else { usize::from(packet.first()? & 0xf) * 4 };
    let message = packet.get(header..)?;
    let is_request = message.first() == Some(if v6 { &REQUEST_V6 } else { &REQUEST });
    (is_request && message.len() >= HEADER).then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_requests_are_taken() {
        let message = [REQUEST, 0, 0, 0, 1, 2, 0, 1];
        let mut packet = vec![0x45; 20];
        packet.extend(message);
        assert_eq!(request(&packet, false), Some(&message[..]));
        assert_eq!(request(&packet[..27], false), None);
        assert_eq!(request(&[0x4f], false), None);
        assert_eq!(request(&[], false), None);
        assert_eq!(request(&message, true), None);
        assert_eq!(request(&[REQUEST_V6, 0, 0, 0, 1, 2, 0, 1], true).map(<[u8]>::len), Some(8));
    }
}
