//! The addresses of a sandbox, its gateway and the host, as seen from inside.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Lengths of the networks' prefixes.
pub(super) const PREFIX4: u8 = 24;
pub(super) const PREFIX6: u8 = 64;

/// IPv4 networks to choose from: such as others seldom choose.
const NETWORKS4: [[u8; 3]; 6] =
    [[10, 209, 0], [10, 219, 47], [172, 29, 209], [192, 168, 209], [10, 93, 209], [172, 23, 47]];
/// The IPv6 network, a unique local one (RFC 4193); random digits need no second
/// choice.
const NETWORK6: [u16; 4] = [0xfd3e, 0x9c5a, 0x51b7, 0x00d1];

/// Last parts of addresses.
const GATEWAY: u8 = 1;
const FIRST_MEMBER: u8 = 2;
const HOST: u8 = 254;

/// Who has which address on the network of a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The way out, and the resolver.
    pub gateway4: Ipv4Addr,
    pub gateway6: Ipv6Addr,
    /// What stands for the host: `host.sandbox.internal`.
    pub host4: Ipv4Addr,
    pub host6: Ipv6Addr,
    /// The sandbox's own.
    pub member4: Ipv4Addr,
    pub member6: Ipv6Addr,
}

impl Addresses {
    /// Addresses that the host has no route to already, so that nothing which it
    /// can reach is hidden from the sandbox.
    pub fn choose() -> Self {
        let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
        Self::beside(&routes)
    }

    /// The first network that no route in the text of `/proc/net/route` is for.
    fn beside(routes: &str) -> Self {
        let taken: Vec<(u32, u32)> = routes.lines().filter_map(destination).collect();
        let is_free = |network: &&[u8; 3]| {
            let (ours, mask) = (u32::from(address4(**network, 0)), u32::MAX << (32 - PREFIX4));
            taken.iter().all(|(other, other_mask)| (ours ^ other) & mask & other_mask != 0)
        };
        Self::of(*NETWORKS4.iter().find(is_free).unwrap_or(&NETWORKS4[0]))
    }

    fn of(network: [u8; 3]) -> Self {
        Self {
            gateway4: address4(network, GATEWAY),
            gateway6: address6(GATEWAY),
            host4: address4(network, HOST),
            host6: address6(HOST),
            member4: address4(network, FIRST_MEMBER),
            member6: address6(FIRST_MEMBER),
        }
    }

    /// Whether it is the gateway's or stands for the host.
    pub(super) fn is_ours(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => v4 == self.gateway4 || v4 == self.host4,
            IpAddr::V6(v6) => v6 == self.gateway6 || v6 == self.host6,
        }
    }

    /// Whether it is of the sandbox's network.
    pub(super) fn contain(&self, address: IpAddr) -> bool {
        self.subnets().into_iter().any(|(network, prefix)| match (network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (u32::from(network) ^ u32::from(address)) >> (32 - prefix) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (u128::from(network) ^ u128::from(address)) >> (128 - prefix) == 0
            }
            _ => false,
        })
    }

    /// The networks, by any address of theirs, and the lengths of their prefixes.
    pub(super) fn subnets(&self) -> [(IpAddr, u8); 2] {
        [(self.gateway4.into(), PREFIX4), (self.gateway6.into(), PREFIX6)]
    }

    /// The host's, for both families.
    pub fn host(&self) -> [IpAddr; 2] {
        [self.host4.into(), self.host6.into()]
    }

    /// The sandbox's, for both families.
    pub fn member(&self) -> [IpAddr; 2] {
        [self.member4.into(), self.member6.into()]
    }
}

fn address4([a, b, c]: [u8; 3], last: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, last)
}

fn address6(last: u8) -> Ipv6Addr {
    let [a, b, c, d] = NETWORK6;
    Ipv6Addr::new(a, b, c, d, 0, 0, 0, last.into())
}

/// Network and mask of a line: interface, destination, gateway, flags, …, mask,
/// with addresses as hexadecimal numbers in the machine's byte order. Not of a
/// default route, which is for everything.
fn destination(line: &str) -> Option<(u32, u32)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |at: usize| u32::from_str_radix(words.get(at)?, 16).ok().map(u32::to_be);
    let (network, mask) = (number(1)?, number(7)?);
    (mask != 0).then_some((network, mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT";

    #[test]
    fn a_network_that_the_host_reaches_is_left_alone() {
        let first = |routes: &str| Addresses::beside(&format!("{HEADING}\n{routes}")).gateway4;
        assert_eq!(first(""), Ipv4Addr::new(10, 209, 0, 1));
        let default = "eth0 00000000 010011AC 0003 0 0 0 00000000 0 0 0\n";
        assert_eq!(first(default), Ipv4Addr::new(10, 209, 0, 1));
        // 10.209.0.0/16, as a little-endian machine prints it.
        let wider = "tun0 0000D10A 00000000 0001 0 0 0 0000FFFF 0 0 0\n";
        assert_eq!(first(wider), Ipv4Addr::new(10, 219, 47, 1));
        // 10.0.0.0/8 leaves what is not below 10.
        let vpn = "tun0 0000000A 00000000 0001 0 0 0 000000FF 0 0 0\n";
        assert_eq!(first(vpn), Ipv4Addr::new(172, 29, 209, 1));
        // A single address in it: 10.209.0.77/32.
        let single = "eth0 4D00D10A 00000000 0001 0 0 0 FFFFFFFF 0 0 0\n";
        assert_eq!(first(single), Ipv4Addr::new(10, 219, 47, 1));
    }

    #[test]
    fn the_subnet_knows_its_own() {
        let addresses = Addresses::of([10, 209, 0]);
        for inside in ["10.209.0.77", "fd3e:9c5a:51b7:d1::77"] {
            assert!(addresses.contain(inside.parse().unwrap()), "{inside}");
            assert!(!addresses.is_ours(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["10.209.1.1", "fd3e:9c5a:51b7:d2::1", "::ffff:10.209.0.1"] {
            assert!(!addresses.contain(outside.parse().unwrap()), "{outside}");
        }
        assert!(addresses.is_ours("10.209.0.254".parse().unwrap()));
    }
}
