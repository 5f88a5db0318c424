//! What a sandbox may reach.
//!
//! Enforced where the host side is dialled, which is the only way out: it holds
//! for every program inside, and nothing that root inside does to its own
//! interfaces or rules changes it.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Instant,
};

use serde::Serialize;

use super::{addresses::Addresses, names::Names, rule::Rule};

/// What is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Tcp,
    Udp,
    Icmp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        })
    }
}

/// What the user wants: `--allow`, `--deny`, `--host-loopback`.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// If there are any, nothing else may be reached.
    pub allow: Vec<Rule>,
    /// Come before those.
    pub deny: Vec<Rule>,
    /// Ports of the host's loopback.
    pub host_loopback: Vec<u16>,
}

/// The rules, and what holds without any.
#[derive(Debug)]
pub(super) struct Policy {
    rules: Rules,
    addresses: Addresses,
}

/// Why something may not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denial {
    /// Nobody is there: the sandbox's own network, or an address that is no
    /// destination.
    NoDestination,
    /// Cloud machines keep their credentials there.
    Metadata,
    /// A port of the host's loopback that was not opened.
    HostLoopback(u16),
    /// A rule of `--deny`.
    Denied,
    /// No rule of `--allow`.
    NotAllowed,
    /// The name is allowed, but its address is private, where names of strangers
    /// have no business.
    Rebinding,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoDestination => "there is nobody at such an address",
            Self::Metadata => "it serves the credentials of the machine",
            Self::HostLoopback(_) => "it is on the host's loopback",
            Self::Denied => "a rule of --deny",
            Self::NotAllowed => "not in --allow",
            Self::Rebinding => "the name is in --allow, but has a private address",
        })
    }
}

impl Denial {
    /// The option that would let `place` be reached.
    pub(super) fn remedy(self, place: &str) -> Option<String> {
        match self {
            Self::HostLoopback(port) => Some(format!("--host-loopback {port}")),
            Self::NotAllowed => Some(format!("--allow {place}")),
            _ => None,
        }
    }
}

/// Where clouds answer who asks from a machine of theirs.
const METADATA4: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
const METADATA6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

impl Policy {
    pub(super) fn new(rules: Rules, addresses: Addresses) -> Self {
        Self { rules, addresses }
    }

    /// Where the host side is to be dialled for `destination`.
    ///
    /// # Errors
    /// Why it is not to be dialled at all.
    pub(super) fn dial(
        &self,
        protocol: Protocol,
        destination: SocketAddr,
        names: &Names,
        now: Instant,
    ) -> Result<SocketAddr, Denial> {
        let (address, port) = (destination.ip(), destination.port());
        if self.addresses.host().contains(&address) {
            return self.dial_host(protocol, destination);
        }
        if self.addresses.contain(address) {
            return Err(Denial::NoDestination);
        }
        // Whoever translates it would reach the address in it.
        for address in [Some(address), embedded(address)].into_iter().flatten() {
            is_destination(address)?;
        }
        let port = (protocol != Protocol::Icmp).then_some(port);
        let known: Vec<&str> = names.of(address, now).collect();
        self.judge(address, port, &known).map(|()| destination)
    }

    fn dial_host(&self, protocol: Protocol, destination: SocketAddr) -> Result<SocketAddr, Denial> {
        let port = destination.port();
        if protocol == Protocol::Icmp || !self.rules.host_loopback.contains(&port) {
            return Err(Denial::HostLoopback(port));
        }
        let loopback = match destination {
            SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::LOCALHOST),
        };
        Ok(SocketAddr::new(loopback, port))
    }

    /// By the user's rules alone.
    fn judge(&self, address: IpAddr, port: Option<u16>, names: &[&str]) -> Result<(), Denial> {
        let Rules { allow, deny, .. } = &self.rules;
        let by_address = |rule: &&Rule| rule.has_address(address) && rule.has_port(port);
        let by_name =
            |rule: &&Rule| rule.has_port(port) && names.iter().any(|name| rule.has_name(name));
        // An address has many notations.
        let denied_within = |rule: &Rule| {
            rule.has_port(port) && embedded(address).is_some_and(|inner| rule.has_address(inner))
        };
        if deny.iter().any(|rule| by_address(&rule) || by_name(&rule) || denied_within(rule)) {
            return Err(Denial::Denied);
        }
        if allow.is_empty() || allow.iter().any(|rule| by_address(&rule)) {
            return Ok(());
        }
        match allow.iter().any(|rule| by_name(&rule)) {
            true if is_private(address) => Err(Denial::Rebinding),
            true => Ok(()),
            false => Err(Denial::NotAllowed),
        }
    }

    /// Whether the sandbox may learn the addresses of a name.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn resolve(&self, name: &str) -> Result<(), Denial> {
        let Rules { allow, deny, .. } = &self.rules;
        // A rule for one port leaves the others, and needs the address.
        if deny.iter().any(|rule| rule.has_name(name) && rule.has_port(None)) {
            return Err(Denial::Denied);
        }
        match allow.is_empty() || allow.iter().any(|rule| rule.has_name(name)) {
            true => Ok(()),
            false => Err(Denial::NotAllowed),
        }
    }

    /// Whether the sandbox may learn that a name has this address.
    pub(super) fn may_show(&self, name: &str, address: IpAddr) -> bool {
        let Rules { allow, .. } = &self.rules;
        let by_address = allow.iter().any(|rule| rule.has_address(address));
        let by_name = allow.iter().any(|rule| rule.has_name(name));
        allow.is_empty() || by_address || (by_name && !is_private(address))
    }
}

/// Whether it makes sense to dial an address at all.
fn is_destination(address: IpAddr) -> Result<(), Denial> {
    let (nowhere, metadata) = match address {
        IpAddr::V4(v4) => {
            (v4.octets()[0] == 0 || v4.is_loopback() || v4.octets()[0] >= 224, v4 == METADATA4)
        }
        IpAddr::V6(v6) => (
            v6.is_unspecified()
                || v6.is_loopback()
                || v6.is_multicast()
                || v6.is_unicast_link_local()
                || v6.to_ipv4_mapped().is_some(),
            v6 == METADATA6,
        ),
    };
    match (nowhere, metadata) {
        (true, _) => Err(Denial::NoDestination),
        (_, true) => Err(Denial::Metadata),
        _ => Ok(()),
    }
}

/// The IPv4 address in one of IPv6: mapped (RFC 4291), translated (RFC 6052),
/// 6to4 (RFC 3056), Teredo's client (RFC 4380).
fn embedded(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(v6) = address else { return None };
    let octets = v6.octets();
    let at = |at: usize| octets.get(at..)?.first_chunk::<4>().copied();
    let inner = match v6.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => at(12)?,
        [0x2002, ..] => at(2)?,
        [0x2001, 0, ..] => at(12)?.map(|byte| !byte),
        _ => return None,
    };
    Some(Ipv4Addr::from(inner).into())
}

/// Addresses that mean something else elsewhere.
fn is_private(address: IpAddr) -> bool {
    let shared = |v4: Ipv4Addr| v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
    match address {
        IpAddr::V4(v4) => {
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || shared(v4)
                || v4.octets()[0] == 0
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || embedded(address).is_some_and(is_private)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Case {
        policy: Policy,
        names: Names,
        now: Instant,
    }

    impl Case {
        fn new(allow: &[&str], deny: &[&str]) -> Self {
            let rules = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
            let rules = Rules { allow: rules(allow), deny: rules(deny), host_loopback: vec![5432] };
            let policy = Policy::new(rules, Addresses::choose());
            Self { policy, names: Names::default(), now: Instant::now() }
        }

        fn learn(mut self, name: &str, address: &str) -> Self {
            let ttl = Duration::from_secs(60);
            self.names.learn(name, address.parse().unwrap(), ttl, self.now);
            self
        }

        fn dial(&self, destination: &str) -> Result<SocketAddr, Denial> {
            let destination = destination.parse().unwrap();
            self.policy.dial(Protocol::Tcp, destination, &self.names, self.now)
        }

        fn passes(&self, destination: &str) -> bool {
            self.dial(destination) == Ok(destination.parse().unwrap())
        }
    }

    #[test]
    fn without_rules_the_outside_is_open_and_what_is_the_hosts_own_is_not() {
        let case = Case::new(&[], &[]);
        for open in ["192.0.2.1:80", "10.1.2.3:80", "[2001:db8::1]:443", "[fd00::1]:80"] {
            assert!(case.passes(open), "{open}");
        }
        for closed in [
            "127.0.0.1:80",
            "127.9.9.9:80",
            "0.0.0.0:80",
            "0.1.2.3:80",
            "224.0.0.1:80",
            "255.255.255.255:80",
            "240.0.0.1:80",
            "[::]:80",
            "[::1]:80",
            "[fe80::1]:80",
            "[ff02::1]:80",
            "[::ffff:127.0.0.1]:80",
            "[::ffff:192.0.2.1]:80",
            "[::127.0.0.1]:80",
            "[64:ff9b::7f00:1]:80",
            "[2002:7f00:1::]:80",
        ] {
            assert_eq!(case.dial(closed), Err(Denial::NoDestination), "{closed}");
        }
        for metadata in ["169.254.169.254:80", "[fd00:ec2::254]:80", "[64:ff9b::a9fe:a9fe]:80"] {
            assert_eq!(case.dial(metadata), Err(Denial::Metadata), "{metadata}");
        }
    }

    #[test]
    fn the_networks_own_addresses_are_nobody_but_the_host() {
        let case = Case::new(&[], &[]);
        let Addresses { gateway4, host4, host6, .. } = case.policy.addresses;
        for port in [53, 80, 15_001] {
            let denial = case.dial(&format!("{gateway4}:{port}"));
            assert_eq!(denial, Err(Denial::NoDestination));
        }
        assert_eq!(case.dial(&format!("{host4}:5432")), Ok("127.0.0.1:5432".parse().unwrap()));
        assert_eq!(case.dial(&format!("[{host6}]:5432")), Ok("[::1]:5432".parse().unwrap()));
        assert_eq!(case.dial(&format!("{host4}:22")), Err(Denial::HostLoopback(22)));
    }

    #[test]
    fn allowing_something_denies_the_rest() {
        let case = Case::new(&["example.test:443", "192.0.2.0/24:80"], &[])
            .learn("example.test", "198.51.100.7")
            .learn("other.test", "198.51.100.8");
        assert!(case.passes("198.51.100.7:443"));
        assert!(case.passes("192.0.2.9:80"));
        for other in ["198.51.100.7:80", "198.51.100.8:443", "8.8.8.8:53", "192.0.2.9:443"] {
            assert_eq!(case.dial(other), Err(Denial::NotAllowed), "{other}");
        }
        let ping = |address: &str| {
            let to = SocketAddr::new(address.parse().unwrap(), 0);
            case.policy.dial(Protocol::Icmp, to, &case.names, case.now)
        };
        assert_eq!(ping("198.51.100.7"), Err(Denial::NotAllowed));
        let late = case.now + Duration::from_secs(100);
        let to = "198.51.100.7:443".parse().unwrap();
        let denial = case.policy.dial(Protocol::Tcp, to, &case.names, late);
        assert_eq!(denial, Err(Denial::NotAllowed));
    }

    #[test]
    fn a_name_that_is_allowed_leads_to_no_private_address() {
        let case = Case::new(&["example.test"], &[])
            .learn("example.test", "10.0.0.1")
            .learn("example.test", "127.0.0.1")
            .learn("example.test", "64:ff9b::a00:1");
        assert_eq!(case.dial("10.0.0.1:80"), Err(Denial::Rebinding));
        assert_eq!(case.dial("[64:ff9b::a00:1]:80"), Err(Denial::Rebinding));
        assert_eq!(case.dial("127.0.0.1:80"), Err(Denial::NoDestination));
        let private: IpAddr = "10.0.0.1".parse().unwrap();
        assert!(!case.policy.may_show("example.test", private));
        let both =
            Case::new(&["example.test", "10.0.0.0/8"], &[]).learn("example.test", "10.0.0.1");
        assert!(both.passes("10.0.0.1:80"));
        assert!(both.policy.may_show("example.test", private));
    }

    #[test]
    fn denying_comes_before_allowing() {
        let case = Case::new(&["0.0.0.0/0"], &["192.0.2.0/24", "*.evil.test", "odd.test:25"])
            .learn("a.evil.test", "198.51.100.7");
        assert!(case.passes("198.51.100.8:80"));
        assert_eq!(case.dial("192.0.2.1:80"), Err(Denial::Denied));
        assert_eq!(case.dial("198.51.100.7:80"), Err(Denial::Denied));
        let case = Case::new(&[], &["192.0.2.0/24"]);
        assert_eq!(case.dial("[64:ff9b::c000:201]:80"), Err(Denial::Denied));
    }

    #[test]
    fn names_that_may_not_be_reached_are_not_resolved() {
        let case = Case::new(&["example.test:443", "192.0.2.0/24"], &[]);
        assert_eq!(case.policy.resolve("example.test"), Ok(()));
        assert_eq!(case.policy.resolve("other.test"), Err(Denial::NotAllowed));
        let case = Case::new(&[], &["evil.test", "odd.test:25"]);
        assert_eq!(case.policy.resolve("evil.test"), Err(Denial::Denied));
        assert_eq!(case.policy.resolve("odd.test"), Ok(()));
        assert_eq!(case.policy.resolve("example.test"), Ok(()));
    }
}
