//! Rules for what may be reached: `--allow` and `--deny`.

use std::{fmt, net::IpAddr, ops::RangeInclusive, str::FromStr};

/// A destination, or many: `HOST`, `*.HOST`, an address or a CIDR, each perhaps
/// with `:PORT` or `:FIRST-LAST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    host: Host,
    /// None for all.
    ports: Option<RangeInclusive<u16>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    /// In small letters, without a dot at the end.
    Name(String),
    /// Everything below this name, but not the name.
    Below(String),
    /// Addresses that begin with so many bits of this one.
    Network(IpAddr, u8),
}

impl Rule {
    /// Whether it is about this name; names have small letters and no dot at the
    /// end.
    pub(super) fn has_name(&self, name: &str) -> bool {
        match &self.host {
            Host::Name(own) => own == name,
            Host::Below(own) => name.strip_suffix(own).is_some_and(|rest| rest.ends_with('.')),
            Host::Network(..) => false,
        }
    }

    /// Whether it is about this address, and not by a name.
    pub(super) fn has_address(&self, address: IpAddr) -> bool {
        let Host::Network(network, prefix) = self.host else { return false };
        match (network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let different = u32::from(network) ^ u32::from(address);
                different.checked_shr(32 - u32::from(prefix)).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let different = u128::from(network) ^ u128::from(address);
                different.checked_shr(128 - u32::from(prefix)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }

    /// Whether it is about this port; none for what has no ports.
    pub(super) fn has_port(&self, port: Option<u16>) -> bool {
        match (&self.ports, port) {
            (None, _) => true,
            (Some(ports), Some(port)) => ports.contains(&port),
            (Some(_), None) => false,
        }
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, ports) = split(text)?;
        Ok(Self { host: host.parse()?, ports: ports.map(parse_ports).transpose()? })
    }
}

/// Host and ports: an IPv6 address with ports needs brackets.
fn split(text: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or_else(|| format!("`{text}` lacks a `]`"))?;
        return match rest.strip_prefix(':') {
            Some(ports) => Ok((host, Some(ports))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(format!("`{rest}` after the address is not a port")),
        };
    }
    match text.split_once(':') {
        Some((host, ports)) if !ports.contains(':') => Ok((host, Some(ports))),
        _ => Ok((text, None)),
    }
}

fn parse_ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let port = |text: &str| match text.parse() {
        Ok(0) | Err(_) => Err(format!("`{text}` is not a port")),
        Ok(port) => Ok(port),
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = port(first)?..=port(last)?;
    if range.is_empty() { Err(format!("`{text}` ends before it begins")) } else { Ok(range) }
}

impl FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        match (address.parse::<IpAddr>(), prefix) {
            (Ok(address), prefix) => network(address, prefix),
            (Err(_), Some(_)) => Err(format!("`{address}` is not an IP address")),
            (Err(_), None) => match text.strip_prefix("*.") {
                Some(below) => name(below).map(Self::Below),
                None => name(text).map(Self::Name),
            },
        }
    }
}

fn network(address: IpAddr, prefix: Option<&str>) -> Result<Host, String> {
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix.map(str::parse) {
        None => longest,
        Some(Ok(prefix)) if prefix <= longest => prefix,
        Some(_) => return Err(format!("the prefix has 0 to {longest} bits")),
    };
    Ok(Host::Network(address, prefix))
}

/// A host name that cannot be taken for an address: some programs read `10.1`
/// and `0x7f.1` as addresses (`inet_aton(3)`).
fn name(text: &str) -> Result<String, String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let good = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len()) && label.bytes().all(allowed)
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_number = last.starts_with(|c: char| c.is_ascii_digit());
    match name.len() <= 253 && name.split('.').all(good) {
        true if is_number => Err(format!("`{text}` is neither an IP address nor a name")),
        true => Ok(name),
        false if !text.is_ascii() => Err(format!("write `{text}` in its xn-- form")),
        false => Err(format!("`{text}` is neither a host name nor an IP address")),
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match &self.host {
            Host::Name(name) => name.clone(),
            Host::Below(name) => format!("*.{name}"),
            Host::Network(address, prefix) => {
                let all = *prefix == if address.is_ipv4() { 32 } else { 128 };
                if all { address.to_string() } else { format!("{address}/{prefix}") }
            }
        };
        match &self.ports {
            None => f.write_str(&host),
            Some(ports) => {
                let host = if host.contains(':') { format!("[{host}]") } else { host };
                match ports.start() == ports.end() {
                    true => write!(f, "{host}:{}", ports.start()),
                    false => write!(f, "{host}:{}-{}", ports.start(), ports.end()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn what_is_written_is_what_is_meant() {
        for text in [
            "example.com",
            "example.com:443",
            "*.example.com:8000-8010",
            "192.0.2.1",
            "10.0.0.0/8:443",
            "2001:db8::/32",
            "[2001:db8::/32]:443",
            "[::1]:80",
        ] {
            assert_eq!(rule(text).to_string(), text);
        }
        assert_eq!(rule("EXAMPLE.com."), rule("example.com"));
        assert_eq!(rule("[2001:db8::1]"), rule("2001:db8::1"));
    }

    #[test]
    fn what_could_be_meant_otherwise_is_refused() {
        for text in [
            "",
            ":80",
            "a b",
            "1.2",
            "0x7f.1",
            "2130706433",
            "1.2.3.4.5",
            "a..b",
            "*",
            "*.",
            "a.*.b",
            "example.com:0",
            "example.com:",
            "example.com:99999",
            "example.com:9-8",
            "10.0.0.0/33",
            "::/129",
            "example.com/8",
            "[::1",
            "[::1]80",
            "bücher.example",
            "1.2.3.4/",
        ] {
            assert!(text.parse::<Rule>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_wildcard_is_for_what_is_below() {
        let wildcard = rule("*.example.com");
        assert!(wildcard.has_name("a.example.com"));
        assert!(wildcard.has_name("a.b.example.com"));
        for name in ["example.com", "badexample.com", "example.com.evil.test", "com"] {
            assert!(!wildcard.has_name(name), "{name}");
        }
    }

    #[test]
    fn a_network_has_its_addresses_and_no_others() {
        let has = |text: &str, address: &str| rule(text).has_address(address.parse().unwrap());
        assert!(has("10.0.0.0/8", "10.255.0.1"));
        assert!(!has("10.0.0.0/8", "11.0.0.1"));
        assert!(has("0.0.0.0/0", "192.0.2.1"));
        assert!(!has("0.0.0.0/0", "::1"));
        assert!(has("::/0", "2001:db8::1"));
        assert!(has("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(!has("192.0.2.1", "192.0.2.2"));
        assert!(!has("10.0.0.0/8", "::ffff:10.0.0.1"));
    }

    #[test]
    fn ports_are_only_for_what_has_them() {
        assert!(rule("a.test:80-90").has_port(Some(85)));
        assert!(!rule("a.test:80-90").has_port(Some(91)));
        assert!(!rule("a.test:80").has_port(None));
        assert!(rule("a.test").has_port(None));
    }
}
