//! ICMP messages that we write ourselves, IP header and all.
//!
//! To the sandbox they come from whom it has spoken to, which is why the kernel
//! cannot be asked to send them. RFC 792, RFC 4443; checksums by RFC 1071.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::io::Errno;

const ICMP: u8 = libc::IPPROTO_ICMP as u8;
const ICMPV6: u8 = libc::IPPROTO_ICMPV6 as u8;
const UDP: u8 = libc::IPPROTO_UDP as u8;
const HOPS: u8 = 64;
const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;
const UDP_HEADER: usize = 8;

/// Why a packet did not reach its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreachable {
    /// Nobody listens at that port.
    Port,
    /// A policy forbids it.
    Prohibited,
    /// There is no route to it.
    Network,
    /// There is one, which ends before it.
    Host,
}

impl Unreachable {
    /// Of the error of the host's socket.
    pub(super) fn of(errno: Errno) -> Self {
        match errno {
            Errno::NETUNREACH | Errno::AFNOSUPPORT => Self::Network,
            Errno::ACCESS | Errno::PERM => Self::Prohibited,
            _ => Self::Host,
        }
    }

    /// Type and code.
    fn numbers(self, v6: bool) -> [u8; 2] {
        match (self, v6) {
            (Self::Network, false) => [3, 0],
            (Self::Host, false) => [3, 1],
            (Self::Port, false) => [3, 3],
            (Self::Prohibited, false) => [3, 13],
            (Self::Network, true) => [1, 0],
            (Self::Host, true) => [1, 3],
            (Self::Port, true) => [1, 4],
            (Self::Prohibited, true) => [1, 1],
        }
    }
}

/// What tells `client` that its datagram has not reached `destination`.
///
/// Quotes the headers of that datagram, by which the client's kernel finds the
/// socket.
pub(super) fn datagram_unreachable(
    why: Unreachable,
    client: SocketAddr,
    destination: SocketAddr,
) -> Vec<u8> {
    let mut udp = [0; UDP_HEADER];
    udp[..2].copy_from_slice(&client.port().to_be_bytes());
    udp[2..4].copy_from_slice(&destination.port().to_be_bytes());
    udp[4..6].copy_from_slice(&(UDP_HEADER as u16).to_be_bytes());
    let quoted = ip(client.ip(), destination.ip(), UDP, &udp);
    unreachable(why, client.ip(), destination.ip(), &quoted)
}

/// The same for an echo request, whose ICMP message is given.
pub(super) fn echo_unreachable(
    why: Unreachable,
    client: IpAddr,
    destination: IpAddr,
    request: &[u8],
) -> Vec<u8> {
    let request = &request[..request.len().min(64)];
    let protocol = if client.is_ipv6() { ICMPV6 } else { ICMP };
    let quoted = ip(client, destination, protocol, request);
    unreachable(why, client, destination, &quoted)
}

fn unreachable(why: Unreachable, client: IpAddr, from: IpAddr, quoted: &[u8]) -> Vec<u8> {
    let mut message = why.numbers(client.is_ipv6()).to_vec();
    message.extend([0; 6]); // Checksum, unused.
    message.extend(quoted);
    icmp(from, client, message)
}

/// An echo reply to `client`: `message` with the client's identifier.
pub(super) fn echo_reply(
    from: IpAddr,
    client: IpAddr,
    identifier: u16,
    mut message: Vec<u8>,
) -> Vec<u8> {
    message[0] = if client.is_ipv6() { 129 } else { 0 };
    message[4..6].copy_from_slice(&identifier.to_be_bytes());
    icmp(from, client, message)
}

/// A whole packet around an ICMP message, whose checksum is filled in.
fn icmp(source: IpAddr, destination: IpAddr, mut message: Vec<u8>) -> Vec<u8> {
    message[2..4].fill(0);
    let sum = match (source, destination) {
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            pseudo_header(source, destination, message.len(), ICMPV6)
        }
        _ => 0,
    };
    let checksum = checksum(sum, &message);
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    let protocol = if source.is_ipv6() { ICMPV6 } else { ICMP };
    ip(source, destination, protocol, &message)
}

fn ip(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            ipv4(source, destination, protocol, payload)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            ipv6(source, destination, protocol, payload)
        }
        _ => Vec::new(),
    }
}

fn ipv4(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = (IPV4_HEADER + payload.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0, 0, 0, HOPS, protocol, 0, 0]);
    packet.extend(source.octets());
    packet.extend(destination.octets());
    let checksum = checksum(0, &packet);
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet.extend(payload);
    packet
}

fn ipv6(source: Ipv6Addr, destination: Ipv6Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(IPV6_HEADER + payload.len());
    packet.extend([0x60, 0, 0, 0]);
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([protocol, HOPS]);
    packet.extend(source.octets());
    packet.extend(destination.octets());
    packet.extend(payload);
    packet
}

/// RFC 8200, section 8.1.
fn pseudo_header(source: Ipv6Addr, destination: Ipv6Addr, length: usize, protocol: u8) -> u32 {
    sum(&source.octets()) + sum(&destination.octets()) + length as u32 + u32::from(protocol)
}

fn checksum(start: u32, bytes: &[u8]) -> u16 {
    let mut sum = start + sum(bytes);
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

fn sum(bytes: &[u8]) -> u32 {
    let pairs = bytes.chunks(2);
    let words = pairs.map(|pair| u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
    words.map(u32::from).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sum over everything, its checksum included, is all ones.
    fn is_valid(start: u32, bytes: &[u8]) -> bool {
        checksum(start, bytes) == 0
    }

    #[test]
    fn checksums_hold() {
        let (client, server): (SocketAddr, SocketAddr) =
            ("10.0.0.2:4000".parse().unwrap(), "192.0.2.1:53".parse().unwrap());
        let packet = datagram_unreachable(Unreachable::Port, client, server);
        assert!(is_valid(0, &packet[..IPV4_HEADER]));
        assert!(is_valid(0, &packet[IPV4_HEADER..]));
        assert_eq!(packet[IPV4_HEADER..][..2], [3, 3]);

        let (client, server): (IpAddr, IpAddr) =
            ("fd00::2".parse().unwrap(), "2001:db8::1".parse().unwrap());
        let packet = echo_reply(server, client, 7, vec![128, 0, 0, 0, 0, 0, 0, 1, 9]);
        let (IpAddr::V6(from), IpAddr::V6(to)) = (server, client) else { unreachable!() };
        let start = pseudo_header(from, to, 9, ICMPV6);
        assert!(is_valid(start, &packet[IPV6_HEADER..]));
        assert_eq!(packet[IPV6_HEADER..][..8], [129, 0, packet[42], packet[43], 0, 7, 0, 1]);
    }

    #[test]
    fn the_quoted_datagram_has_both_ports() {
        let (client, server): (SocketAddr, SocketAddr) =
            ("[fd00::2]:4000".parse().unwrap(), "[2001:db8::1]:53".parse().unwrap());
        let packet = datagram_unreachable(Unreachable::Prohibited, client, server);
        let quoted = &packet[IPV6_HEADER + 8..];
        assert_eq!(quoted[8..24], [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(quoted[IPV6_HEADER..][..4], [0x0f, 0xa0, 0, 53]);
    }
}
