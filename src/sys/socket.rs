//! Sockets: what `rustix` does not have of `ip(7)`, `udp(7)` and `cmsg(3)`.

use std::{
    io::{IoSlice, IoSliceMut},
    net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    ptr,
};

use nix::{
    cmsg_space,
    errno::Errno,
    sys::socket::{
        ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg,
        setsockopt, sockopt,
    },
};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, ipproto};

/// What is sent over a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Tcp,
    Udp,
    /// `icmp(7)` as ordinary users may have it: echo requests and their replies.
    Ping,
    /// `raw(7)` for what arrives as ICMP.
    RawIcmp,
    /// `raw(7)` for sending packets with headers of our own.
    RawPacket,
}

/// A socket that never blocks, of the address family of `like`, in the network
/// namespace of the calling thread.
///
/// # Errors
/// What `socket(2)` says: EMFILE if there are no more descriptors, EACCES or
/// EPERM where `like` takes a privilege.
pub fn open(kind: Kind, like: IpAddr) -> rustix::io::Result<OwnedFd> {
    let v6 = like.is_ipv6();
    let family = if v6 { AddressFamily::INET6 } else { AddressFamily::INET };
    let icmp: Protocol = if v6 { ipproto::ICMPV6 } else { ipproto::ICMP };
    let (socket_type, protocol) = match kind {
        Kind::Tcp => (SocketType::STREAM, ipproto::TCP),
        Kind::Udp => (SocketType::DGRAM, ipproto::UDP),
        Kind::Ping => (SocketType::DGRAM, icmp),
        Kind::RawIcmp => (SocketType::RAW, icmp),
        Kind::RawPacket => (SocketType::RAW, ipproto::RAW),
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::socket_with(family, socket_type, flags, Some(protocol))
}

/// `IP_TRANSPARENT`: lets a socket have addresses that are not ours.
///
/// # Errors
/// EPERM without CAP_NET_ADMIN over the socket's network namespace.
pub fn set_transparent(socket: impl AsFd, like: IpAddr) -> nix::Result<()> {
    match like {
        IpAddr::V4(_) => setsockopt(&socket, sockopt::IpTransparent, &true),
        IpAddr::V6(_) => set(&socket, libc::IPPROTO_IPV6, libc::IPV6_TRANSPARENT, 1),
    }
}

/// Makes [`receive`] tell where datagrams were really going.
///
/// # Errors
/// What `setsockopt(2)` says.
pub fn receive_original_destination(socket: impl AsFd, like: IpAddr) -> nix::Result<()> {
    match like {
        IpAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4OrigDstAddr, &true),
        IpAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6OrigDstAddr, &true),
    }
}

/// Makes [`receive`] tell at which of our addresses datagrams arrived.
///
/// # Errors
/// What `setsockopt(2)` says.
pub fn receive_local_address(socket: impl AsFd, like: IpAddr) -> nix::Result<()> {
    match like {
        IpAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4PacketInfo, &true),
        IpAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true),
    }
}

/// `UDP_GRO`: lets the kernel hand over several datagrams of one size as one.
///
/// # Errors
/// ENOPROTOOPT before Linux 5.0.
pub fn receive_in_segments(socket: impl AsFd) -> nix::Result<()> {
    setsockopt(&socket, sockopt::UdpGroSegment, &true)
}

/// `ICMP6_FILTER`: lets only echo requests through to a raw socket.
///
/// # Errors
/// What `setsockopt(2)` says.
pub fn receive_only_echo_requests_v6(socket: impl AsFd) -> nix::Result<()> {
    const ICMPV6_FILTER: libc::c_int = 1;
    const ECHO_REQUEST: usize = 128;
    let mut blocked = [u32::MAX; 8];
    blocked[ECHO_REQUEST / 32] &= !(1 << (ECHO_REQUEST % 32));
    set(&socket, libc::IPPROTO_ICMPV6, ICMPV6_FILTER, blocked)
}

/// Bytes of a TCP connection that the peer has not acknowledged (`SIOCOUTQ` of
/// `tcp(7)`); none if the connection is gone.
pub fn unacknowledged(socket: impl AsFd) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: the call writes one integer, which outlives it.
    let result = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
    if result == 0 { usize::try_from(count).unwrap_or(0) } else { 0 }
}

/// Sets an option which is nothing but plain numbers.
fn set<T: Copy>(
    socket: &impl AsFd,
    level: libc::c_int,
    name: libc::c_int,
    value: T,
) -> nix::Result<()> {
    // SAFETY: `value` outlives the call, which only reads it, and is of the size
    // that we state.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            ptr::from_ref(&value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    Errno::result(result).map(drop)
}

/// Datagrams that arrived together.
#[derive(Debug, Clone, Copy)]
pub struct Received {
    /// How many bytes.
    pub length: usize,
    /// Who sent them; none on a connected socket.
    pub source: Option<SocketAddr>,
    /// Where they were going, as far as was asked for: the port is 0 after
    /// [`receive_local_address`].
    pub destination: Option<SocketAddr>,
    /// The size of each, but for the last, if they are several.
    pub segment: Option<u16>,
}

/// `recvmsg(2)` with what control messages tell.
///
/// # Errors
/// EAGAIN if there is nothing; on a connected socket the error that an ICMP
/// message brought.
pub fn receive(socket: impl AsFd, buffer: &mut [u8]) -> nix::Result<Received> {
    let mut control = cmsg_space!([u8; 128]);
    let mut slices = [IoSliceMut::new(buffer)];
    let fd = socket.as_fd().as_raw_fd();
    let message =
        recvmsg::<SockaddrStorage>(fd, &mut slices, Some(&mut control), MsgFlags::empty())?;
    let mut received = Received {
        length: message.bytes,
        source: message.address.as_ref().and_then(address),
        destination: None,
        segment: None,
    };
    for control in message.cmsgs()? {
        match control {
            ControlMessageOwned::Ipv4OrigDstAddr(to) => {
                let ip = u32::from_be(to.sin_addr.s_addr).into();
                received.destination =
                    Some(SocketAddrV4::new(ip, u16::from_be(to.sin_port)).into());
            }
            ControlMessageOwned::Ipv6OrigDstAddr(to) => {
                let (ip, port) = (to.sin6_addr.s6_addr.into(), u16::from_be(to.sin6_port));
                received.destination = Some(SocketAddrV6::new(ip, port, 0, 0).into());
            }
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                let ip = IpAddr::from(u32::from_be(info.ipi_addr.s_addr).to_be_bytes());
                received.destination = Some((ip, 0).into());
            }
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                received.destination = Some((IpAddr::from(info.ipi6_addr.s6_addr), 0).into());
            }
            ControlMessageOwned::UdpGroSegments(size) => {
                received.segment = u16::try_from(size).ok().filter(|&size| size > 0);
            }
            _ => {}
        }
    }
    Ok(received)
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|v4| SocketAddrV4::from(*v4).into());
    v4.or_else(|| storage.as_sockaddr_in6().map(|v6| SocketAddrV6::from(*v6).into()))
}

/// `sendmsg(2)` on a connected socket, as datagrams of `segment` bytes each.
///
/// # Errors
/// EAGAIN if there is no room; the error that an ICMP message brought.
pub fn send(socket: impl AsFd, bytes: &[u8], segment: Option<u16>) -> nix::Result<usize> {
    let segment = segment.filter(|&size| usize::from(size) < bytes.len());
    let control = segment.as_ref().map(ControlMessage::UdpGsoSegments);
    let fd = socket.as_fd().as_raw_fd();
    sendmsg::<()>(fd, &[IoSlice::new(bytes)], control.as_slice(), MsgFlags::empty(), None)
}
