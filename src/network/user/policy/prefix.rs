//! A range of addresses in the notation of CIDR: `10.0.0.0/8`.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

/// All addresses that begin with the same bits (RFC 4632, section 3.1).
///
/// It prints as an address alone if it holds but one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prefix {
    /// Its first address.
    address: IpAddr,
    /// How many bits they share: 0 to 32, or to 128 for IPv6.
    length: u8,
}

impl Prefix {
    /// The prefix of `length` bits that holds `address`; none if there are not so many bits.
    pub fn around(address: IpAddr, length: u8) -> Option<Self> {
        let first = bits(address) & mask(length);
        let address = match address {
            IpAddr::V4(_) => Ipv4Addr::from_bits((first >> 96) as u32).into(),
            IpAddr::V6(_) => Ipv6Addr::from_bits(first).into(),
        };
        (length <= width(address)).then_some(Self { address, length })
    }

    /// An address alone.
    pub fn of(address: IpAddr) -> Self {
        Self { address, length: width(address) }
    }

    /// For tables: `first` must have no bits after `length`.
    pub(in super::super) const fn v4(first: [u8; 4], length: u8) -> Self {
        let [a, b, c, d] = first;
        Self { address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), length }
    }

    /// For tables: `first` must have no bits after `length`.
    pub(in super::super) const fn v6(first: [u16; 8], length: u8) -> Self {
        let [a, b, c, d, e, f, g, h] = first;
        Self { address: IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)), length }
    }

    /// The first of its addresses.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many bits its addresses share.
    pub fn length(&self) -> u8 {
        self.length
    }

    /// Whether the address is one of them; those of IPv4 and IPv6 never mix.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4()
            && (bits(self.address) ^ bits(address)) & mask(self.length) == 0
    }

    /// Whether each address of `other` is one of them.
    pub fn covers(&self, other: &Self) -> bool {
        self.length <= other.length && self.contains(other.address)
    }

    /// Whether they have an address in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not an address, nor a range such as 10.0.0.0/8");
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let Some(length) = length else { return Ok(Self::of(address)) };
        if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let length = length.parse().ok().and_then(|length| Self::around(address, length));
        let prefix = length.ok_or_else(|| {
            format!("`{text}`: the prefix is longer than {} bits", width(address))
        })?;
        // A mistake more often than not, and then a dangerous one.
        match prefix.address == address {
            true => Ok(prefix),
            false => Err(format!("`{text}` names one address of a range: `{prefix}` is the range")),
        }
    }
}

impl TryFrom<String> for Prefix {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> Self {
        prefix.to_string()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.length == width(self.address) {
            true => self.address.fmt(f),
            false => write!(f, "{}/{}", self.address, self.length),
        }
    }
}

/// The bits of an address, the first one highest.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn mask(length: u8) -> u128 {
    u128::MAX.checked_shl(128_u32.saturating_sub(length.into())).unwrap_or(0)
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_prefix_holds_its_addresses_from_the_first_to_the_last() {
        let cases = [
            ("10.0.0.0/8", "10.0.0.0", true),
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "9.255.255.255", false),
            ("172.16.0.0/12", "172.31.255.255", true),
            ("172.16.0.0/12", "172.32.0.0", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::", false),
            ("::/0", "0.0.0.0", false),
            ("::/0", "ffff::1", true),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.0", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::", false),
            ("::1", "::1", true),
            ("::1", "::", false),
        ];
        for (text, address, inside) in cases {
            assert_eq!(prefix(text).contains(address.parse().unwrap()), inside, "{text} {address}");
        }
    }

    #[test]
    fn prefixes_overlap_if_one_is_in_the_other() {
        let cases = [
            ("10.0.0.0/8", "10.209.0.0/24", true),
            ("10.209.0.0/24", "10.0.0.0/8", true),
            ("10.209.0.0/24", "10.209.1.0/24", false),
            ("0.0.0.0/0", "::/0", false),
            ("fd00::/8", "fd73::/64", true),
        ];
        for (one, other, expected) in cases {
            assert_eq!(prefix(one).overlaps(&prefix(other)), expected, "{one} {other}");
        }
    }

    #[test]
    fn what_is_not_a_prefix_is_refused_with_a_reason() {
        let cases = [
            ("10.0.0.0/33", "longer than 32"),
            ("10.0.0.0/999", "longer than 32"),
            ("::/129", "longer than 128"),
            ("10.0.0.1/8", "`10.0.0.0/8` is the range"),
            ("10.0.0.0/", "not an address"),
            ("10.0.0.0/+8", "not an address"),
            ("10.0.0.0/-1", "not an address"),
            ("10.0.0.0/255.0.0.0", "not an address"),
            ("10/8", "not an address"),
            ("010.0.0.0/8", "not an address"),
            ("fe80::1%eth0", "not an address"),
            ("", "not an address"),
        ];
        for (text, why) in cases {
            let error = text.parse::<Prefix>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
