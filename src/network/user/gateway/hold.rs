//! The queue of held SYNs: what a sandbox asks for waits here until we know.
//!
//! Messages are those of `linux/netfilter/nfnetlink_queue.h`. A packet is known
//! by its number until a verdict on it: it goes on, unchanged or with the mark
//! of a [`Refusal`], which a rule turns into the error that the host side got,
//! or it is dropped.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsFd, BorrowedFd},
};

use nix::errno::Errno;

use crate::sys::{
    self,
    netlink::{self, Batch, Socket},
};

const SUBSYSTEM: u16 = libc::NFNL_SUBSYS_QUEUE as u16;
const PACKET: u16 = SUBSYSTEM << 8 | libc::NFQNL_MSG_PACKET as u16;
const VERDICT: u16 = SUBSYSTEM << 8 | libc::NFQNL_MSG_VERDICT as u16;
const CONFIGURE: u16 = SUBSYSTEM << 8 | libc::NFQNL_MSG_CONFIG as u16;
/// Enough of a packet for its IP header with options and its ports.
const COPIED: u32 = 128;
/// Packets that may wait, here and in the kernel; what comes on top is dropped,
/// and asked for again by the sandbox's kernel.
const LENGTH: u32 = 4096;

/// How the sandbox is told that the host side could not connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::network) enum Refusal {
    Reset,
    NoRoute,
    HostUnreachable,
    Prohibited,
}

impl Refusal {
    pub(in super::super) const ALL: [Self; 4] =
        [Self::Reset, Self::NoRoute, Self::HostUnreachable, Self::Prohibited];

    /// Of the error of `connect(2)`; none if the sandbox is to wait in vain as
    /// well.
    pub(in super::super) fn of(errno: Errno) -> Option<Self> {
        match errno {
            Errno::ECONNREFUSED | Errno::ECONNRESET => Some(Self::Reset),
            Errno::ENETUNREACH | Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL => Some(Self::NoRoute),
            Errno::EACCES | Errno::EPERM => Some(Self::Prohibited),
            Errno::ETIMEDOUT => None,
            _ => Some(Self::HostUnreachable),
        }
    }

    /// The mark by which the rules know it: above those of members.
    pub(in super::super) fn mark(self) -> u32 {
        0x0001_0000 + self as u32
    }

    /// `NFTA_REJECT_TYPE` and `NFTA_REJECT_ICMP_CODE`.
    pub(in super::super) fn reject(self) -> (u32, u8) {
        const UNREACHABLE: u32 = libc::NFT_REJECT_ICMPX_UNREACH as u32;
        match self {
            Self::Reset => (libc::NFT_REJECT_TCP_RST as u32, 0),
            Self::NoRoute => (UNREACHABLE, libc::NFT_REJECT_ICMPX_NO_ROUTE as u8),
            Self::HostUnreachable => (UNREACHABLE, libc::NFT_REJECT_ICMPX_HOST_UNREACH as u8),
            Self::Prohibited => (UNREACHABLE, libc::NFT_REJECT_ICMPX_ADMIN_PROHIBITED as u8),
        }
    }
}

/// A SYN that waits for a verdict.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Held {
    pub(in super::super) packet: u32,
    pub(in super::super) client: SocketAddr,
    pub(in super::super) destination: SocketAddr,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Verdict {
    Pass,
    Refuse(Refusal),
    Drop,
}

/// The queue with one number, in the namespace where it was opened.
#[derive(Debug)]
pub(in super::super) struct Queue {
    socket: Socket,
    number: u16,
}

impl Queue {
    /// # Errors
    /// EPERM if another process has the queue; what the kernel says if it
    /// knows no queues.
    pub(in super::super) fn open(number: u16) -> sys::Result<Self> {
        let socket = Socket::open(netlink::Protocol::Netfilter)?;
        let mut batch = Batch::new();
        let bind = [libc::NFQNL_CFG_CMD_BIND as u8, 0, 0, 0];
        batch.message("bind to a queue of packets", CONFIGURE, 0, &header(number));
        batch.attribute(libc::NFQA_CFG_CMD as u16, &bind);
        let copy = [&COPIED.to_be_bytes()[..], &[libc::NFQNL_COPY_PACKET as u8]].concat();
        batch.message("configure a queue of packets", CONFIGURE, 0, &header(number));
        batch.attribute(libc::NFQA_CFG_PARAMS as u16, &copy);
        batch.network_number(libc::NFQA_CFG_QUEUE_MAXLEN as u16, LENGTH);
        socket.request(batch)?;
        Ok(Self { socket, number })
    }

    /// SYNs that have come; none if there are no more for now.
    pub(in super::super) fn receive(
        &self,
        buffer: &mut [u8],
    ) -> Option<impl Iterator<Item = Held>> {
        loop {
            match self.socket.receive(buffer) {
                Ok(length) => return Some(held(&buffer[..length])),
                // Some were lost; the sandbox's kernel asks again.
                Err(error) if error == rustix::io::Errno::NOBUFS => {}
                Err(_) => return None,
            }
        }
    }

    /// Decides on a packet.
    pub(in super::super) fn decide(&self, packet: u32, verdict: Verdict) {
        let (code, mark) = match verdict {
            Verdict::Pass => (libc::NF_ACCEPT, None),
            Verdict::Refuse(refusal) => (libc::NF_ACCEPT, Some(refusal.mark())),
            Verdict::Drop => (libc::NF_DROP, None),
        };
        let mut batch = Batch::new();
        batch.silent_message("give a verdict", VERDICT, 0, &header(self.number));
        let verdict = [(code as u32).to_be_bytes(), packet.to_be_bytes()].concat();
        batch.attribute(libc::NFQA_VERDICT_HDR as u16, &verdict);
        if let Some(mark) = mark {
            batch.network_number(libc::NFQA_MARK as u16, mark);
        }
        // A packet that is gone needs none.
        let _ = self.socket.send(&batch.finish());
    }
}

impl AsFd for Queue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// `struct nfgenmsg`.
fn header(number: u16) -> [u8; 4] {
    let [high, low] = number.to_be_bytes();
    [0, 0, high, low]
}

fn held(bytes: &[u8]) -> impl Iterator<Item = Held> {
    netlink::messages(bytes).filter(|message| message.kind == PACKET).filter_map(|message| {
        let attributes = message.payload.get(4..)?;
        let find = |kind: libc::c_int| {
            netlink::attributes(attributes).find(|(found, _)| *found == kind as u16)
        };
        let (_, number) = find(libc::NFQA_PACKET_HDR)?;
        let (_, packet) = find(libc::NFQA_PAYLOAD)?;
        let (client, destination) = ends(packet)?;
        Some(Held { packet: u32::from_be_bytes(*number.first_chunk()?), client, destination })
    })
}

/// Both ends of a TCP packet.
///
/// IPv6 extension headers end the search: a SYN behind one is not ours to carry.
fn ends(packet: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let (source, destination, ports): (IpAddr, IpAddr, &[u8]) = match packet.first()? >> 4 {
        4 => {
            let address = |at: usize| {
                let octets: [u8; 4] = *packet.get(at..)?.first_chunk()?;
                Some(Ipv4Addr::from(octets).into())
            };
            let header = usize::from(packet[0] & 0xf) * 4;
            (address(12)?, address(16)?, packet.get(header..)?)
        }
        6 if *packet.get(6)? == libc::IPPROTO_TCP as u8 => {
            let address = |at: usize| {
                let octets: [u8; 16] = *packet.get(at..)?.first_chunk()?;
                Some(Ipv6Addr::from(octets).into())
            };
            (address(8)?, address(24)?, packet.get(40..)?)
        }
        _ => return None,
    };
    let port = |at: usize| Some(u16::from_be_bytes(*ports.get(at..)?.first_chunk()?));
    Some((SocketAddr::new(source, port(0)?), SocketAddr::new(destination, port(2)?)))
}
