//! The rules of a gateway's namespace.
//!
//! As `nft(8)` would print them, for a member with 10.209.0.2 and fd5b::2:
//!
//! ```text
//! table inet gateway {
//!     chain guard { type filter hook prerouting priority -300; policy drop;
//!         ip  saddr 10.209.0.2 meta mark set 1 accept
//!         ip6 saddr fd5b::2    meta mark set 1 accept
//!         ip6 saddr { fe80::/16, :: } ip6 nexthdr icmpv6 accept
//!     }
//!     chain hold { type filter hook prerouting priority -150;
//!         ip daddr 10.209.0.1 tcp dport 53 accept    (and for IPv6)
//!         meta mark 1 tcp flags & (fin|syn|rst|ack) == syn queue num 1
//!     }
//!     chain steer { type filter hook prerouting priority -140;
//!         meta mark REFUSAL reject with …            (each of them)
//!         ip daddr 10.209.0.1 th dport 53 accept     (UDP, TCP; and for IPv6)
//!         meta mark 1 tcp flags & (fin|syn|rst|ack) == syn tproxy to :15001 accept
//!         meta mark 1 meta l4proto udp tproxy to :15002 accept
//!     }
//! }
//! ```
//!
//! A packet that comes back from the queue goes on with the next *chain*: that
//! is why there are two. Nothing here is a boundary: what is not steered to us
//! reaches nothing, since the gateway's namespace has no other way out.

use std::net::Ipv6Addr;

use super::{
    super::addresses::Addresses,
    hold::Refusal,
    nft::{Chain, Expression, Ip, Transaction, Verdict},
};
use crate::sys::{self, netlink::Socket};

/// Listener to which connections of the sandbox are steered.
pub(super) const TCP_PORT: u16 = 15_001;
/// Socket to which its datagrams are steered.
pub(super) const UDP_PORT: u16 = 15_002;
/// Its mark, and the number of its queue.
pub(super) const MEMBER: u16 = 1;
/// Where the gateway answers questions about names.
pub(super) const DNS_PORT: u16 = 53;

const TCP: u8 = libc::IPPROTO_TCP as u8;
const UDP: u8 = libc::IPPROTO_UDP as u8;
const ICMPV6: u8 = libc::IPPROTO_ICMPV6 as u8;
const ACCEPT: Expression<'static> = Expression::Verdict(Verdict::Accept);
const OF_MEMBER: Expression<'static> = Expression::Mark(MEMBER as u32);
const MARK_MEMBER: Expression<'static> = Expression::SetMark(MEMBER as u32);

const GUARD: Chain<'static> = Chain { table: "gateway", name: "guard" };
const HOLD: Chain<'static> = Chain { name: "hold", ..GUARD };
const STEER: Chain<'static> = Chain { name: "steer", ..GUARD };

/// How a SYN is held until the host side has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// By the `queue` expression of nf_tables (`CONFIG_NFT_QUEUE`).
    Native,
    /// By the `NFQUEUE` target of xtables (`CONFIG_NFT_COMPAT`).
    Compat,
    /// Not at all: connections are accepted first, and reset if dialling fails.
    No,
}

/// Puts the rules in place.
///
/// # Errors
/// What the kernel says if it lacks nf_tables or TPROXY.
pub(super) fn install(socket: &Socket, addresses: &Addresses) -> sys::Result<()> {
    let mut rules = Transaction::new();
    rules.table(GUARD.table);
    guard(&mut rules, addresses);
    rules.chain(&HOLD, -150, Verdict::Accept);
    accept_dns(&mut rules, &HOLD, TCP, addresses);
    rules.chain(&STEER, -140, Verdict::Accept);
    for refusal in Refusal::ALL {
        rules.rule(&STEER, &[Expression::Mark(refusal.mark()), Expression::Reject(refusal)]);
    }
    accept_dns(&mut rules, &STEER, TCP, addresses);
    accept_dns(&mut rules, &STEER, UDP, addresses);
    steer(&mut rules);
    rules.commit(socket)
}

/// Lets SYNs be held, in the first way that the kernel has.
///
/// They are equally good, but to be refused costs 5 ms (the kernel looks for a
/// module, and waits for all CPUs): so the one comes first that more kernels have.
pub(super) fn hold(socket: &Socket) -> Hold {
    let ways = [
        (Hold::Compat, Expression::QueueTarget(MEMBER)),
        (Hold::Native, Expression::Queue(MEMBER)),
    ];
    let works = |queue: Expression<'_>| {
        let mut rules = Transaction::new();
        rules.rule(&HOLD, &[OF_MEMBER, Expression::Protocol(TCP), Expression::Syn, queue]);
        rules.commit(socket).is_ok()
    };
    let way = ways.into_iter().find(|&(_, queue)| works(queue));
    way.map_or(Hold::No, |(way, _)| way)
}

/// Only what has the member's own addresses comes in, and it is marked.
///
/// Neighbours are also found from link-local and unspecified addresses; without
/// a mark such a packet gets no further than the link.
fn guard(rules: &mut Transaction, addresses: &Addresses) {
    rules.chain(&GUARD, -300, Verdict::Drop);
    let (v4, v6) = (addresses.member4().octets(), addresses.member6().octets());
    let v4 = Expression::Network { offset: 12, is: &v4 };
    let v6 = Expression::Network { offset: 8, is: &v6 };
    rules.rule(&GUARD, &[Expression::Ip(Ip::V4), v4, MARK_MEMBER, ACCEPT]);
    rules.rule(&GUARD, &[Expression::Ip(Ip::V6), v6, MARK_MEMBER, ACCEPT]);
    let link_local: &[u8] = &[0xfe, 0x80];
    for source in [link_local, &Ipv6Addr::UNSPECIFIED.octets()] {
        let from = Expression::Network { offset: 8, is: source };
        let icmp = Expression::Network { offset: 6, is: &[ICMPV6] };
        rules.rule(&GUARD, &[Expression::Ip(Ip::V6), from, icmp, ACCEPT]);
    }
}

/// Questions to the gateway go to the sockets that are bound there.
fn accept_dns(rules: &mut Transaction, chain: &Chain<'_>, protocol: u8, addresses: &Addresses) {
    let mut to = |ip, offset, octets: &[u8]| {
        let is_gateway = Expression::Network { offset, is: octets };
        let is_dns = [Expression::Protocol(protocol), Expression::DestinationPort(DNS_PORT)];
        rules.rule(chain, &[Expression::Ip(ip), is_gateway, is_dns[0], is_dns[1], ACCEPT]);
    };
    to(Ip::V4, 16, &addresses.gateway4().octets());
    to(Ip::V6, 24, &addresses.gateway6().octets());
}

fn steer(rules: &mut Transaction) {
    for ip in [Ip::V4, Ip::V6] {
        let (is_ip, tcp) = (Expression::Ip(ip), Expression::Protocol(TCP));
        let to_listener = Expression::Tproxy(ip, TCP_PORT);
        rules.rule(&STEER, &[OF_MEMBER, is_ip, tcp, Expression::Syn, to_listener, ACCEPT]);
        let udp = Expression::Protocol(UDP);
        rules.rule(&STEER, &[OF_MEMBER, is_ip, udp, Expression::Tproxy(ip, UDP_PORT), ACCEPT]);
    }
}
