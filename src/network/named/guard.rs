//! What a member may send: nothing in the name of another.
//!
//! As `nft(8)` would print it, for a member with 10.210.0.2 and fd73::2:
//!
//! ```text
//! table netdev PORT {
//!     chain guard { type filter hook ingress device PORT priority 0; policy drop;
//!         ether saddr MAC arp saddr ether MAC arp saddr ip 10.210.0.2 accept
//!         ether saddr MAC ip saddr 10.210.0.2 accept
//!         ether saddr MAC ip6 saddr fd73::2 icmpv6 type nd-neighbor-advert
//!             icmpv6 taddr fd73::2 accept
//!         icmpv6 type { nd-router-solicit, …-advert, nd-neighbor-advert, nd-redirect } drop
//!         ether saddr MAC ip6 saddr fd73::2 accept
//!     }
//! }
//! ```
//!
//! The header that says what kind of ICMPv6 it is may stand behind others: nf_tables
//! looks for it as the receiver's kernel does, and a fragment of neighbour discovery
//! is believed by nobody (RFC 6980).

use std::{collections::HashSet, fs, net::IpAddr};

use super::catalog::Mac;
use crate::{
    network::user::nft::{self, Chain, Expression, Family, Transaction, Verdict},
    sys::{
        self, Named,
        netlink::{Protocol, Socket},
    },
};

const ARP: u16 = libc::ETH_P_ARP as u16;
const IPV4: u16 = libc::ETH_P_IP as u16;
const IPV6: u16 = libc::ETH_P_IPV6 as u16;
const ICMPV6: u8 = libc::IPPROTO_ICMPV6 as u8;
const ADVERTISEMENT: u8 = 136;
/// Router solicitation and advertisement, neighbour advertisement, redirect (RFC 4861).
const DISCOVERY: [u8; 4] = [133, 134, ADVERTISEMENT, 137];
/// So many guards may be left by members that are gone.
const MANY: usize = 16;
const ACCEPT: Expression<'static> = Expression::Verdict(Verdict::Accept);
const DROP: Expression<'static> = Expression::Verdict(Verdict::Drop);

/// Sets the guard at a port, in one transaction.
///
/// # Errors
/// What the kernel says if it has no nf_tables for devices.
pub(super) fn set(port: &str, mac: Mac, v4: IpAddr, v6: Option<IpAddr>) -> sys::Result<()> {
    let mut rules = Transaction::of(Family::Device);
    let chain = Chain { table: port, name: "guard" };
    rules.table(port);
    rules.ingress(&chain, port);
    let is_own = Expression::Link { offset: 6, is: &mac.0 };
    if let IpAddr::V4(own) = v4 {
        let own = own.octets();
        let [arp_mac, arp_ip, source] = [(8, &mac.0[..]), (14, &own[..]), (12, &own[..])]
            .map(|(offset, is)| Expression::Network { offset, is });
        rules.rule(&chain, &[is_own, Expression::Ethernet(ARP), arp_mac, arp_ip, ACCEPT]);
        rules.rule(&chain, &[is_own, Expression::Ethernet(IPV4), source, ACCEPT]);
    }
    if let Some(IpAddr::V6(own)) = v6 {
        guard_v6(&mut rules, &chain, is_own, &own.octets());
    }
    rules.commit(&Socket::open(Protocol::Netfilter)?)
}

fn guard_v6(rules: &mut Transaction, chain: &Chain<'_>, is_own: Expression<'_>, own: &[u8; 16]) {
    let ethernet = Expression::Ethernet(IPV6);
    let source = Expression::Network { offset: 8, is: own };
    let icmp = Expression::Protocol(ICMPV6);
    let advertisement = Expression::Transport { offset: 0, is: &[ADVERTISEMENT] };
    let target = Expression::Transport { offset: 8, is: own };
    rules.rule(chain, &[is_own, ethernet, source, icmp, advertisement, target, ACCEPT]);
    for kind in DISCOVERY {
        rules
            .rule(chain, &[ethernet, icmp, Expression::Transport { offset: 0, is: &[kind] }, DROP]);
    }
    rules.rule(chain, &[is_own, ethernet, source, ACCEPT]);
}

/// Takes the guards away whose ports are gone, once there are many. A port is there
/// before its guard, so this meets none that is being set.
///
/// Whoever does this waits for every processor, with a lock that all need who join
/// meanwhile (`nft_rcv_nl_event()`).
pub(super) fn sweep() -> sys::Result<()> {
    let socket = Socket::open(Protocol::Netfilter)?;
    let mut stale = nft::tables(Family::Device, &socket)?;
    // All at once: to ask for 50 ports one by one takes 150 system calls.
    let path = "/proc/thread-self/net/dev";
    let ports = fs::read_to_string(path).named(|| format!("read({path:?})"))?;
    let ports: HashSet<&str> =
        ports.lines().filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
    stale.retain(|port| !ports.contains(port.as_str()));
    if stale.len() < MANY {
        return Ok(());
    }
    let mut rules = Transaction::of(Family::Device);
    stale.iter().for_each(|port| rules.delete_table(port));
    rules.commit(&socket)
}

/// Takes the guard of a port away, which must be shut or gone.
pub(super) fn remove(port: &str) -> sys::Result<()> {
    let mut rules = Transaction::of(Family::Device);
    rules.delete_table(port);
    rules.commit(&Socket::open(Protocol::Netfilter)?)
}
