//! Subnets and addresses that nobody has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Definition, Error, definition::Subnet};
use crate::network::user::Prefix;

/// Where networks' subnets come from, each a /24: private ranges (RFC 1918) in
/// which few people build networks, by their first two bytes.
const RANGES_V4: [[u8; 2]; 4] = [[10, 210], [10, 211], [172, 28], [192, 168]];
/// `fd` and "san": the prefix of ours (RFC 4193), which need not be random: these
/// networks are never joined with others.
const RANGE_V6: [u16; 3] = [0xfd73, 0x616e, 0x6e65];

/// A free /24 of IPv4.
pub(super) fn free_v4(taken: &[Prefix]) -> Result<Prefix, Error> {
    let thirds = |[a, b]: [u8; 2]| (0..=255).map(move |c| Ipv4Addr::new(a, b, c, 0));
    let candidates = RANGES_V4.into_iter().flat_map(thirds);
    first_free(candidates.map(IpAddr::from), 24, taken)
}

/// A free /64 of IPv6.
pub(super) fn free_v6(taken: &[Prefix]) -> Result<Prefix, Error> {
    let [a, b, c] = RANGE_V6;
    let candidates = (0..=u16::MAX).map(|d| Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0));
    first_free(candidates.map(IpAddr::from), 64, taken)
}

fn first_free(
    mut candidates: impl Iterator<Item = IpAddr>,
    length: u8,
    taken: &[Prefix],
) -> Result<Prefix, Error> {
    let free = candidates.find_map(|address| {
        let prefix = Prefix::around(address, length)?;
        (!taken.iter().any(|other| other.overlaps(&prefix))).then_some(prefix)
    });
    free.ok_or(Error::NoSubnet)
}

/// The address that was wished for, or the first that is free.
pub(super) fn address(
    wish: Option<IpAddr>,
    subnet: &Subnet,
    network: &Definition,
    taken: &[IpAddr],
) -> Result<IpAddr, Error> {
    let name = || network.name.clone();
    match wish {
        None => subnet
            .candidates()
            .find(|address| !taken.contains(address))
            .ok_or_else(|| Error::PoolUsedUp(name())),
        Some(wish) if !subnet.allows(wish) => {
            Err(Error::NotInNetwork { address: wish.to_string(), network: name() })
        }
        Some(wish) if taken.contains(&wish) => {
            Err(Error::Taken { address: wish.to_string(), network: name() })
        }
        Some(wish) => Ok(wish),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes(texts: &[&str]) -> Vec<Prefix> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn what_others_have_is_passed_over() {
        let first = |taken: &[&str]| free_v4(&prefixes(taken)).map(|free| free.to_string());
        assert_eq!(first(&[]).unwrap(), "10.210.0.0/24");
        assert_eq!(first(&["10.210.0.0/24", "10.210.1.128/25"]).unwrap(), "10.210.2.0/24");
        assert_eq!(first(&["10.0.0.0/8"]).unwrap(), "172.28.0.0/24");
        assert!(matches!(first(&["0.0.0.0/0"]), Err(Error::NoSubnet)));
        let taken = prefixes(&["fd73:616e:6e65::/64"]);
        assert_eq!(free_v6(&taken).unwrap().to_string(), "fd73:616e:6e65:1::/64");
    }
}
