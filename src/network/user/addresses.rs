//! The addresses of a sandbox's network, kept out of the way of the host's.
//!
//! A network is a /24 of IPv4 and a /64 of IPv6. The gateway has the first
//! address, the host the last, and the members those from 2 on:
//!
//! | who | IPv4 | IPv6 |
//! |---|---|---|
//! | gateway, which is the name server | `.1` | `::1` |
//! | a member | `.2` to `.253` | `::2` to `::fd` |
//! | the host, `host.sandbox.internal` | `.254` | `::fe` |

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::policy::prefix::Prefix;

/// What programs inside call the host.
pub(super) const HOST_NAME: &str = "host.sandbox.internal";

const GATEWAY: u8 = 1;
const FIRST_MEMBER: u8 = 2;
const LAST_MEMBER: u8 = 253;
const HOST: u8 = 254;

/// Places in the private ranges of RFC 1918 where few people build networks. The
/// last is of RFC 2544, for hosts whose routes take all of RFC 1918.
const NETWORKS_V4: [[u8; 3]; 5] =
    [[10, 209, 0], [172, 29, 209], [192, 168, 209], [10, 83, 209], [198, 18, 209]];

/// `fd` and "sandbox" in ASCII. It need not be random (RFC 4193, section 3.2):
/// these networks are never joined.
const NETWORKS_V6: [[u16; 4]; 3] = [
    [0xfd73, 0x616e, 0x6462, 0x6f78],
    [0xfd73, 0x616e, 0x6462, 0x6f79],
    [0xfdb2, 0x09d1, 0x6e78, 0x0000],
];

/// Routes of fewer bits are somebody's way to say "everything": a VPN's
/// 0.0.0.0/1 and 128.0.0.0/1, or all the world but the VPN's server. For IPv6 a
/// part of `2000::/3` is that, and all of `fc00::/7` is not.
const EVERYTHING_V4: u8 = 8;
const EVERYTHING_V6: u8 = 7;

/// The addresses of one sandbox on one network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    network4: [u8; 3],
    network6: [u16; 4],
    member: u8,
}

/// The routes of a host, as the kernel prints them.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// `/proc/net/route`
    pub v4: String,
    /// `/proc/net/ipv6_route`
    pub v6: String,
}

impl Routes {
    /// The routes of the network namespace we are in; none of a family that the
    /// kernel does not have.
    pub fn read() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Self { v4: read("/proc/self/net/route"), v6: read("/proc/self/net/ipv6_route") }
    }

    /// Where they lead, but for those that lead everywhere.
    pub fn prefixes(&self) -> Vec<Prefix> {
        let v6 = self.v6.lines().filter_map(route_v6);
        self.v4.lines().filter_map(route_v4).chain(v6).collect()
    }
}

impl Addresses {
    /// Those of a network's first member, where no route of the host leads.
    ///
    /// The first candidate is taken if all of them collide: what lies behind
    /// that route cannot be reached then, and everything else can.
    pub fn choose(routes: &Routes) -> Self {
        let taken = routes.prefixes();
        let network4 = free(&NETWORKS_V4, &taken, subnet4);
        let network6 = free(&NETWORKS_V6, &taken, subnet6);
        Self { network4, network6, member: FIRST_MEMBER }
    }

    /// All subnets that may be chosen.
    pub fn subnets_of_all() -> Vec<Prefix> {
        let v4 = NETWORKS_V4.into_iter().map(subnet4);
        v4.chain(NETWORKS_V6.into_iter().map(subnet6)).collect()
    }

    /// The same network, seen by its `member`, which is 2 to 253; none for others.
    pub fn for_member(self, member: u8) -> Option<Self> {
        (FIRST_MEMBER..=LAST_MEMBER).contains(&member).then_some(Self { member, ..self })
    }

    /// The network's /24.
    pub fn subnet4(&self) -> Prefix {
        subnet4(self.network4)
    }

    /// The network's /64.
    pub fn subnet6(&self) -> Prefix {
        subnet6(self.network6)
    }

    /// The router, which is the name server too.
    pub fn gateway4(&self) -> Ipv4Addr {
        self.address4(GATEWAY)
    }

    /// The router, which is the name server too.
    pub fn gateway6(&self) -> Ipv6Addr {
        self.address6(GATEWAY)
    }

    /// What `host.sandbox.internal` means.
    pub fn host4(&self) -> Ipv4Addr {
        self.address4(HOST)
    }

    /// What `host.sandbox.internal` means.
    pub fn host6(&self) -> Ipv6Addr {
        self.address6(HOST)
    }

    /// The sandbox itself.
    pub fn member4(&self) -> Ipv4Addr {
        self.address4(self.member)
    }

    /// The sandbox itself.
    pub fn member6(&self) -> Ipv6Addr {
        self.address6(self.member)
    }

    /// The host's, for both families.
    pub fn host(&self) -> [IpAddr; 2] {
        [self.host4().into(), self.host6().into()]
    }

    /// The sandbox's, for both families.
    pub fn member(&self) -> [IpAddr; 2] {
        [self.member4().into(), self.member6().into()]
    }

    /// Whether an address is of this network.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.subnet4().contains(address) || self.subnet6().contains(address)
    }

    /// Whether an address is the gateway's, which answers for itself.
    pub fn is_gateway(&self, address: IpAddr) -> bool {
        address == self.gateway4() || address == self.gateway6()
    }

    /// The loopback address of the host for which an address stands, if it is
    /// the host's.
    pub fn loopback(&self, address: IpAddr) -> Option<IpAddr> {
        match address {
            IpAddr::V4(address) => (address == self.host4()).then_some(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(address) => (address == self.host6()).then_some(Ipv6Addr::LOCALHOST.into()),
        }
    }

    fn address4(&self, last: u8) -> Ipv4Addr {
        let [a, b, c] = self.network4;
        Ipv4Addr::new(a, b, c, last)
    }

    fn address6(&self, last: u8) -> Ipv6Addr {
        let [a, b, c, d] = self.network6;
        Ipv6Addr::new(a, b, c, d, 0, 0, 0, last.into())
    }
}

fn subnet4([a, b, c]: [u8; 3]) -> Prefix {
    Prefix::v4([a, b, c, 0], 24)
}

fn subnet6([a, b, c, d]: [u16; 4]) -> Prefix {
    Prefix::v6([a, b, c, d, 0, 0, 0, 0], 64)
}

fn free<N: Copy>(candidates: &[N], taken: &[Prefix], subnet: impl Fn(N) -> Prefix) -> N {
    let is_free = |network: &&N| !taken.iter().any(|route| route.overlaps(&subnet(**network)));
    *candidates.iter().find(is_free).unwrap_or(&candidates[0])
}

/// A line of `/proc/net/route`: interface, destination, gateway, flags, three
/// counters, mask. Addresses are the bytes as they lie in memory, read as one
/// number; the heading is none and so drops out.
fn route_v4(line: &str) -> Option<Prefix> {
    let mut fields = line.split_whitespace();
    let hexadecimal = |field| u32::from_str_radix(field, 16).ok();
    let destination = hexadecimal(fields.nth(1)?)?.to_ne_bytes();
    let mask = u32::from_be_bytes(hexadecimal(fields.nth(5)?)?.to_ne_bytes());
    let length = mask.leading_ones() as u8;
    Prefix::around(Ipv4Addr::from(destination).into(), length)
        .filter(|route| route.length() >= EVERYTHING_V4)
}

/// A line of `/proc/net/ipv6_route`: destination, its length, and more; all in
/// hexadecimal digits.
fn route_v6(line: &str) -> Option<Prefix> {
    let mut fields = line.split_whitespace();
    let destination = u128::from_str_radix(fields.next()?, 16).ok()?;
    let length = u8::from_str_radix(fields.next()?, 16).ok()?;
    Prefix::around(Ipv6Addr::from_bits(destination).into(), length)
        .filter(|route| route.length() >= EVERYTHING_V6)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU";
    const DEFAULT_V4: &str = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0   ";
    const DEFAULT_V6: &str = "00000000000000000000000000000000 00 \
        00000000000000000000000000000000 00 fd000000000000000000000000000001 \
        00000400 00000002 00000000 00000003     eth0";

    /// What the kernel prints for routes of IPv4.
    fn routes(prefixes: &[(&str, u8)]) -> Routes {
        let mut v4 = format!("{HEADING}\n{DEFAULT_V4}\n");
        let mut v6 = format!("{DEFAULT_V6}\n");
        for (address, length) in prefixes {
            match address.parse().unwrap() {
                IpAddr::V4(address) => {
                    let mask = u32::MAX.checked_shl(32 - u32::from(*length)).unwrap_or(0);
                    let [address, mask] = [address.to_bits(), mask]
                        .map(|bits| u32::from_ne_bytes(bits.to_be_bytes()));
                    v4 += &format!("eth0\t{address:08X}\t0\t1\t0\t0\t0\t{mask:08X}\t0\t0\t0\n");
                }
                IpAddr::V6(address) => {
                    v6 += &format!("{:032x} {length:02x} 0 00 0 0 0 0 0 eth0\n", address.to_bits());
                }
            }
        }
        Routes { v4, v6 }
    }

    fn subnets(prefixes: &[(&str, u8)]) -> (String, String) {
        let addresses = Addresses::choose(&routes(prefixes));
        (addresses.subnet4().to_string(), addresses.subnet6().to_string())
    }

    #[test]
    fn everybody_has_an_address_in_the_subnet() {
        let addresses = Addresses::choose(&Routes::default());
        let v4 = [addresses.gateway4(), addresses.member4(), addresses.host4()];
        assert_eq!(v4.map(|a| a.to_string()), ["10.209.0.1", "10.209.0.2", "10.209.0.254"]);
        let v6 = [addresses.gateway6(), addresses.member6(), addresses.host6()];
        let prefix = "fd73:616e:6462:6f78::";
        assert_eq!(
            v6.map(|a| a.to_string()),
            ["1", "2", "fe"].map(|last| prefix.to_owned() + last)
        );
        for address in v4.map(IpAddr::from).into_iter().chain(v6.map(IpAddr::from)) {
            assert!(addresses.contains(address), "{address}");
        }
        assert_eq!(addresses.loopback(v4[2].into()), Some(Ipv4Addr::LOCALHOST.into()));
        assert_eq!(addresses.loopback(v6[2].into()), Some(Ipv6Addr::LOCALHOST.into()));
        assert_eq!(addresses.loopback(v4[0].into()), None);
    }

    #[test]
    fn members_are_numbered_between_gateway_and_host() {
        let addresses = Addresses::choose(&Routes::default());
        assert_eq!(addresses.for_member(253).unwrap().member4().octets()[3], 253);
        for taken in [0, 1, 254, 255] {
            assert_eq!(addresses.for_member(taken), None);
        }
    }

    #[test]
    fn a_route_of_the_host_moves_the_network() {
        let (v4, v6) = ("10.209.0.0/24", "fd73:616e:6462:6f78::/64");
        type Case<'a> = (&'a [(&'a str, u8)], &'a str, &'a str);
        let cases: [Case; 10] = [
            (&[], v4, v6),
            (&[("192.0.2.0", 24), ("172.17.0.0", 16), ("fd00::", 64)], v4, v6),
            (&[("10.0.0.0", 8)], "172.29.209.0/24", v6),
            (&[("10.209.0.7", 32)], "172.29.209.0/24", v6),
            (&[("10.0.0.0", 8), ("172.16.0.0", 12)], "192.168.209.0/24", v6),
            (&[("10.209.0.0", 16)], "172.29.209.0/24", v6),
            (&[("0.0.0.0", 1)], v4, v6),
            (&[("8.0.0.0", 5), ("2000::", 3), ("8000::", 1)], v4, v6),
            (&[("8000::", 1), ("fd73:616e:6462:6f78::", 64)], v4, "fd73:616e:6462:6f79::/64"),
            (&[("fd73:616e::", 32)], v4, "fdb2:9d1:6e78::/64"),
        ];
        for (prefixes, v4, v6) in cases {
            assert_eq!(subnets(prefixes), (v4.into(), v6.into()), "{prefixes:?}");
        }
    }

    #[test]
    fn a_network_is_found_even_if_every_place_is_taken() {
        let all_private = [("10.0.0.0", 8), ("172.16.0.0", 12), ("192.168.0.0", 16)];
        assert_eq!(subnets(&all_private).0, "198.18.209.0/24");
        let everything = [&all_private[..], &[("198.18.0.0", 15), ("fc00::", 7)]].concat();
        assert_eq!(subnets(&everything), subnets(&[]));
    }

    #[test]
    fn a_real_table_is_read() {
        let line = "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0";
        if cfg!(target_endian = "little") {
            assert_eq!(route_v4(line).unwrap().to_string(), "192.0.2.0/24");
        }
        let line = "fd000000000000000000000000000000 40 00000000000000000000000000000000 00 \
                    00000000000000000000000000000000 00000100 00000001 00000000 00000001 eth0";
        assert_eq!(route_v6(line).unwrap().to_string(), "fd00::/64");
        for line in [HEADING, DEFAULT_V4, "", "eth0", "eth0 x y", "eth0 \u{e4} 1 2 3 4 5 6"] {
            assert_eq!(route_v4(line), None, "{line}");
        }
        for line in [DEFAULT_V6, "", "fd00", "fd00 ff", "fd00 100"] {
            assert_eq!(route_v6(line), None, "{line}");
        }
    }
}
