//! Addresses that are no ordinary hosts, and those that are others in disguise.
//!
//! The ranges are those of IANA's registries of special-purpose addresses
//! (RFC 6890), as far as it matters who is reached.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

use super::prefix::Prefix;

/// Why an address is not one of the outside world's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) enum Class {
    Loopback,
    Unspecified,
    Multicast,
    Broadcast,
    Reserved,
    LinkLocal,
    Metadata,
    /// An IPv4 address written as one of IPv6: the host would dial IPv4.
    Disguised,
}

/// A special range.
#[derive(Debug)]
pub(super) struct Special {
    pub(super) range: Prefix,
    pub(super) class: Class,
    /// Whether a rule about addresses of just this range opens it.
    pub(super) opens: bool,
}

/// `::ffff:0:0/96`, which sockets turn into IPv4 (RFC 4291, section 2.5.5.2).
pub(super) const IPV4_MAPPED: Prefix = Prefix::v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96);

/// The first that fits counts.
///
/// All of 169.254/16 is closed and not one address of it: clouds have more than
/// one service there (containers of AWS get their keys at 169.254.170.2), and a
/// program behind a router could not reach it anyway (RFC 3927, section 2.7).
/// The single addresses are where AWS, Google, Alibaba, Oracle and Azure put such
/// services outside of it.
const SPECIAL: &[Special] = &[
    never(Prefix::v4([0, 0, 0, 0], 8), Class::Unspecified),
    never(Prefix::v4([127, 0, 0, 0], 8), Class::Loopback),
    never(Prefix::v4([224, 0, 0, 0], 4), Class::Multicast),
    never(Prefix::v4([255, 255, 255, 255], 32), Class::Broadcast),
    never(Prefix::v4([240, 0, 0, 0], 4), Class::Reserved),
    by_rule(Prefix::v4([169, 254, 0, 0], 16), Class::LinkLocal),
    by_rule(Prefix::v4([100, 100, 100, 200], 32), Class::Metadata),
    by_rule(Prefix::v4([168, 63, 129, 16], 32), Class::Metadata),
    by_rule(Prefix::v4([192, 0, 0, 192], 32), Class::Metadata),
    never(Prefix::v6([0; 8], 128), Class::Unspecified),
    never(Prefix::v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Class::Loopback),
    // IPv4-compatible, and the translated ones of RFC 2765: both out of use.
    never(Prefix::v6([0; 8], 96), Class::Disguised),
    never(IPV4_MAPPED, Class::Disguised),
    never(Prefix::v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), Class::Disguised),
    // It cannot be dialled without the number of an interface.
    never(Prefix::v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), Class::LinkLocal),
    never(Prefix::v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), Class::Multicast),
    by_rule(Prefix::v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32), Class::Metadata),
    by_rule(Prefix::v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128), Class::Metadata),
];

/// What belongs to somebody's own network, and is no answer to a public name.
const PRIVATE: &[Prefix] = &[
    Prefix::v4([0, 0, 0, 0], 8),
    Prefix::v4([10, 0, 0, 0], 8),
    Prefix::v4([100, 64, 0, 0], 10),
    Prefix::v4([127, 0, 0, 0], 8),
    Prefix::v4([169, 254, 0, 0], 16),
    Prefix::v4([172, 16, 0, 0], 12),
    Prefix::v4([192, 0, 0, 0], 24),
    Prefix::v4([192, 168, 0, 0], 16),
    Prefix::v6([0; 8], 96),
    IPV4_MAPPED,
    Prefix::v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
    Prefix::v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    Prefix::v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10),
];

const fn never(range: Prefix, class: Class) -> Special {
    Special { range, class, opens: false }
}

const fn by_rule(range: Prefix, class: Class) -> Special {
    Special { range, class, opens: true }
}

/// What is special about an address, if anything.
pub(super) fn special(address: IpAddr) -> Option<&'static Special> {
    SPECIAL.iter().find(|special| special.range.contains(address))
}

/// Whether an address belongs to somebody's own network.
pub(super) fn is_private(address: IpAddr) -> bool {
    PRIVATE.iter().any(|range| range.contains(address))
}

/// The IPv4 host that a gateway on the way would make of an IPv6 address.
///
/// NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056) and Teredo (RFC 4380). A NAT64
/// with a prefix of its own cannot be told from ordinary IPv6.
pub(super) fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let last = address.to_bits() as u32;
    let bits = match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] | [0x64, 0xff9b, 1, ..] => last,
        [0x2002, high, low, ..] => u32::from(high) << 16 | u32::from(low),
        [0x2001, 0, ..] => !last,
        _ => return None,
    };
    Some(Ipv4Addr::from_bits(bits))
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "a loopback address",
            Self::Unspecified => "an address of no host",
            Self::Multicast => "a multicast address, which is not carried",
            Self::Broadcast => "a broadcast address, which is not carried",
            Self::Reserved => "a reserved address",
            Self::LinkLocal => "a link-local address, where clouds keep credentials",
            Self::Metadata => "an address where a cloud keeps credentials",
            Self::Disguised => "an address of IPv4 in the form of IPv6",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_hold_no_stray_bits() {
        let ranges = SPECIAL.iter().map(|special| &special.range).chain(PRIVATE);
        for range in ranges {
            assert_eq!(range.to_string().parse(), Ok(*range));
        }
    }

    #[test]
    fn the_ends_of_the_special_ranges_are_known() {
        let cases = [
            ("0.0.0.0", Some(Class::Unspecified)),
            ("0.255.255.255", Some(Class::Unspecified)),
            ("1.0.0.0", None),
            ("127.0.0.1", Some(Class::Loopback)),
            ("127.255.255.254", Some(Class::Loopback)),
            ("128.0.0.1", None),
            ("169.254.169.254", Some(Class::LinkLocal)),
            ("169.253.255.255", None),
            ("224.0.0.251", Some(Class::Multicast)),
            ("223.255.255.255", None),
            ("240.0.0.1", Some(Class::Reserved)),
            ("255.255.255.255", Some(Class::Broadcast)),
            ("192.168.1.1", None),
            ("::", Some(Class::Unspecified)),
            ("::1", Some(Class::Loopback)),
            ("::127.0.0.1", Some(Class::Disguised)),
            ("::ffff:93.184.216.34", Some(Class::Disguised)),
            ("::ffff:0:127.0.0.1", Some(Class::Disguised)),
            ("fe80::1", Some(Class::LinkLocal)),
            ("febf::1", Some(Class::LinkLocal)),
            ("ff02::1", Some(Class::Multicast)),
            ("fd00:ec2::254", Some(Class::Metadata)),
            ("fd00::2", None),
            ("2606:2800:220:1::1", None),
        ];
        for (text, class) in cases {
            let found = special(text.parse().unwrap()).map(|special| special.class);
            assert_eq!(found, class, "{text}");
        }
    }

    #[test]
    fn a_gateway_would_see_through_the_disguise() {
        let cases = [
            ("64:ff9b::7f00:1", Some([127, 0, 0, 1])),
            ("64:ff9b:1::a9fe:a9fe", Some([169, 254, 169, 254])),
            ("2002:7f00:1::1", Some([127, 0, 0, 1])),
            ("2001:0:4136:e378:8000:63bf:80ff:fffe", Some([127, 0, 0, 1])),
            ("2001:db8::7f00:1", None),
            ("64:ff9b:2::7f00:1", None),
        ];
        for (text, expected) in cases {
            assert_eq!(embedded(text.parse().unwrap()), expected.map(Ipv4Addr::from), "{text}");
        }
        assert_eq!(embedded(Ipv4Addr::LOCALHOST.into()), None);
    }

    #[test]
    fn private_networks_are_told_from_public_ones() {
        let private = ["10.0.0.1", "172.31.0.1", "192.168.0.1", "100.127.0.1", "127.0.0.1"];
        for text in private.into_iter().chain(["fd12::1", "fc00::1", "fe80::1", "fec0::1", "::1"]) {
            assert!(is_private(text.parse().unwrap()), "{text}");
        }
        for text in ["93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:2800::1", "fe00::1"] {
            assert!(!is_private(text.parse().unwrap()), "{text}");
        }
    }
}
