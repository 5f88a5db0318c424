//! What a network is, as it is written down.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use serde::{Deserialize, Serialize};

use crate::network::user::Prefix;

/// Addresses of one family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    pub subnet: Prefix,
    /// Nobody's: it is kept free, as elsewhere a router has it.
    pub gateway: IpAddr,
    /// Where members' addresses come from, unless they choose.
    pub range: Option<Prefix>,
}

/// A network that was made by `sandbox network create`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    pub name: String,
    /// 64 hexadecimal digits.
    pub id: String,
    /// RFC 3339.
    pub created: String,
    pub v4: Subnet,
    pub v6: Option<Subnet>,
    /// Without a way to the outside.
    pub internal: bool,
    /// Members reach the outside, and not each other.
    pub isolated: bool,
    pub labels: BTreeMap<String, String>,
    /// Those of `--opt`, as they were given.
    pub options: BTreeMap<String, String>,
    /// Longest packet in bytes; none for the kernel's default.
    pub mtu: Option<u32>,
}

impl Definition {
    /// Both families, if there are both.
    pub fn subnets(&self) -> impl Iterator<Item = &Subnet> {
        std::iter::once(&self.v4).chain(&self.v6)
    }

    /// Its bridge: fifteen bytes, as many as the name of an interface can have.
    pub(super) fn bridge(&self) -> String {
        format!("br-{}", &self.id[..12.min(self.id.len())])
    }
}

impl Subnet {
    /// Whether a member may have the address: not the first, not the gateway's, and of
    /// IPv4 not the last.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        let is_last = address.is_ipv4() && Some(address) == self.at(self.size() - 1);
        let taken = [self.subnet.address(), self.gateway];
        self.subnet.contains(address) && !taken.contains(&address) && !is_last
    }

    /// Addresses for members that have no wish, in order.
    pub(super) fn candidates(&self) -> impl Iterator<Item = IpAddr> {
        let range = self.range.unwrap_or(self.subnet);
        let range = Self { subnet: range, gateway: self.gateway, range: None };
        let count = range.size();
        let addresses = (0..count).map_while(move |index| range.at(index));
        addresses.filter(|address| self.allows(*address))
    }

    /// How many addresses there are; for large ones of IPv6, some of them.
    fn size(&self) -> u128 {
        let width = if self.subnet.address().is_ipv4() { 32 } else { 128 };
        1 << u32::from(width - self.subnet.length()).min(64)
    }

    fn at(&self, index: u128) -> Option<IpAddr> {
        match self.subnet.address() {
            IpAddr::V4(first) => {
                let bits = first.to_bits().checked_add(u32::try_from(index).ok()?)?;
                Some(Ipv4Addr::from_bits(bits).into())
            }
            IpAddr::V6(first) => {
                Some(Ipv6Addr::from_bits(first.to_bits().checked_add(index)?).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(subnet: &str, gateway: &str, range: Option<&str>) -> Subnet {
        let range = range.map(|range| range.parse().unwrap());
        Subnet { subnet: subnet.parse().unwrap(), gateway: gateway.parse().unwrap(), range }
    }

    fn all(subnet: &Subnet) -> Vec<String> {
        subnet.candidates().take(5).map(|address| address.to_string()).collect()
    }

    #[test]
    fn network_broadcast_and_gateway_are_no_members() {
        let small = subnet("10.1.0.0/29", "10.1.0.1", None);
        assert_eq!(all(&small), ["10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6"]);
        assert!(!small.allows("10.1.0.7".parse().unwrap()));
        assert!(!small.allows("10.1.0.8".parse().unwrap()));
        let odd = subnet("10.1.0.0/30", "10.1.0.2", None);
        assert_eq!(all(&odd), ["10.1.0.1"]);
    }

    #[test]
    fn a_range_holds_what_is_given_out() {
        let ranged = subnet("10.1.0.0/24", "10.1.0.1", Some("10.1.0.252/30"));
        assert_eq!(all(&ranged), ["10.1.0.252", "10.1.0.253", "10.1.0.254"]);
        assert!(ranged.allows("10.1.0.9".parse().unwrap()), "a wish may be outside of it");
        assert_eq!(all(&subnet("fd00::/64", "fd00::1", None))[0], "fd00::2");
    }
}
