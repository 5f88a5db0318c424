//! What `--allow` and `--deny` take.

use std::{fmt, net::IpAddr, str::FromStr};

use super::{hostname::HostName, port_range::PortRange, prefix::Prefix, special};

/// Some destinations: `example.com:443`, `*.example.com`, `10.0.0.0/8`,
/// `[2001:db8::1]:8000-8010`.
///
/// It prints as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    pub target: Target,
    /// Every port, and ping, if there is none.
    pub ports: Option<PortRange>,
}

/// The hosts that a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// `example.com`, and nothing below it.
    Name(HostName),
    /// `*.example.com`: all that is below it, at any depth, but not itself.
    Subdomains(HostName),
    /// `192.0.2.1`, `10.0.0.0/8`.
    Addresses(Prefix),
}

impl Rule {
    /// Whether it is about an address.
    pub fn has_address(&self, address: IpAddr) -> bool {
        matches!(&self.target, Target::Addresses(prefix) if prefix.contains(address))
    }

    /// Whether it is about a name, in small letters and without a final dot.
    pub fn has_name(&self, name: &str) -> bool {
        match &self.target {
            Target::Name(host) => host.as_str() == name,
            Target::Subdomains(domain) => domain.is_above(name),
            Target::Addresses(_) => false,
        }
    }

    /// Whether it is about a port; ping has none.
    pub fn has_port(&self, port: Option<u16>) -> bool {
        self.ports.is_none_or(|ports| port.is_some_and(|port| ports.contains(port)))
    }

    /// Whether it is about addresses of `range` and no others.
    pub fn is_within(&self, range: &Prefix) -> bool {
        matches!(&self.target, Target::Addresses(prefix) if range.covers(prefix))
    }

    /// Whether it is about every address there is, as `0.0.0.0/0`.
    pub fn is_everywhere(&self) -> bool {
        matches!(&self.target, Target::Addresses(prefix) if prefix.length() == 0)
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            return Err("a URL; write its host and port, such as example.com:443".into());
        }
        let (host, ports) = split(text)?;
        let ports = ports.map(str::parse).transpose()?;
        let target = match text.starts_with('[') {
            true => ipv6(host)?,
            false => host.parse()?,
        };
        Ok(Self { target, ports })
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains(['/', ':']) || text.parse::<IpAddr>().is_ok() {
            return addresses(text);
        }
        match text.strip_prefix("*.") {
            Some(domain) => domain.parse().map(Self::Subdomains),
            None if text == "*" => Err("`*` alone: 0.0.0.0/0 is all of IPv4, ::/0 of IPv6".into()),
            None => text.parse().map(Self::Name),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Subdomains(domain) => write!(f, "*.{domain}"),
            Self::Addresses(prefix) => prefix.fmt(f),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(ports) = self.ports else { return self.target.fmt(f) };
        let target = self.target.to_string();
        match target.contains(':') {
            true => write!(f, "[{target}]:{ports}"),
            false => write!(f, "{target}:{ports}"),
        }
    }
}

/// Host and ports; an IPv6 address needs brackets to have ports.
fn split(text: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("the bracket is not closed")?;
        return match rest.strip_prefix(':') {
            None if rest.is_empty() => Ok((host, None)),
            None => Err(format!("`{rest}` after the bracket is not `:PORT`")),
            ports => Ok((host, ports)),
        };
    }
    match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => Ok((text, None)),
        Some((host, ports)) => Ok((host, Some(ports))),
        None => Ok((text, None)),
    }
}

fn ipv6(text: &str) -> Result<Target, String> {
    match text.contains(':') {
        true => addresses(text),
        false => Err(format!("`{text}` in brackets is not an IPv6 address")),
    }
}

fn addresses(text: &str) -> Result<Target, String> {
    let prefix: Prefix = text.parse()?;
    // It would look like a rule for IPv4 and be none.
    match special::IPV4_MAPPED.covers(&prefix) {
        true => Err(format!("`{text}` is an address of IPv4: write it as such")),
        false => Ok(Target::Addresses(prefix)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(text: &str) -> Rule {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_rule_prints_as_it_is_written() {
        let texts = [
            "example.com",
            "example.com:443",
            "example.com:8000-8010",
            "*.example.com",
            "*.example.com:443",
            "db:5432",
            "192.0.2.1",
            "192.0.2.1:80",
            "10.0.0.0/8",
            "10.0.0.0/8:443",
            "0.0.0.0/0",
            "::/0",
            "2001:db8::/32",
            "[2001:db8::/32]:443",
            "2001:db8::1",
            "[2001:db8::1]:443-444",
        ];
        for text in texts {
            assert_eq!(rule(text).to_string(), text);
        }
        assert_eq!(rule("[2001:DB8::1]").to_string(), "2001:db8::1");
        assert_eq!(rule("Example.COM.:80").to_string(), "example.com:80");
        assert_eq!(rule("192.0.2.1/32").to_string(), "192.0.2.1");
    }

    #[test]
    fn what_is_not_a_rule_is_refused_with_a_reason() {
        let cases = [
            ("", "empty part"),
            (":443", "empty part"),
            ("example.com:", "not a port"),
            ("example.com:https", "not a port"),
            ("example.com:0", "no port 0"),
            ("example.com:90-80", "backwards"),
            ("https://example.com", "a URL"),
            ("example.com/path", "not an address"),
            ("example.com:80:tcp", "not an address"),
            ("*", "0.0.0.0/0"),
            ("*:443", "0.0.0.0/0"),
            ("*example.com", "letters"),
            ("a.*.example.com", "letters"),
            ("*.*.example.com", "letters"),
            ("*.", "empty part"),
            ("*.192.0.2.1", "a number"),
            ("1.2", "a number"),
            ("0x7f.1:80", "a number"),
            ("2130706433", "a number"),
            ("010.0.0.1", "a number"),
            ("256.0.0.1", "a number"),
            ("10.0.0.1/8", "10.0.0.0/8"),
            ("[2001:db8::1", "bracket"),
            ("[2001:db8::1]443", "`443` after"),
            ("[2001:db8::1]:", "not a port"),
            ("[192.0.2.1]:80", "not an IPv6"),
            ("[example.com]:80", "not an IPv6"),
            ("[]:80", "not an IPv6"),
            ("::ffff:10.0.0.1", "an address of IPv4"),
            ("[::ffff:0:0/96]:80", "an address of IPv4"),
            ("fe80::1%eth0", "not an address"),
            ("localhost:80", "--host-loopback"),
        ];
        for (text, why) in cases {
            let error = text.parse::<Rule>().unwrap_err();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_rule_with_ports_is_not_about_ping() {
        let cases = [
            ("192.0.2.1", None, true),
            ("192.0.2.1", Some(80), true),
            ("192.0.2.1:80", None, false),
            ("192.0.2.1:80", Some(80), true),
            ("192.0.2.1:80", Some(81), false),
            ("192.0.2.1:80-90", Some(90), true),
            ("192.0.2.1:1-65535", None, false),
        ];
        for (text, port, expected) in cases {
            assert_eq!(rule(text).has_port(port), expected, "{text} {port:?}");
        }
    }

    #[test]
    fn a_wildcard_is_about_subdomains_alone() {
        assert!(rule("*.example.com").has_name("a.b.example.com"));
        assert!(!rule("*.example.com").has_name("example.com"));
        assert!(rule("example.com").has_name("example.com"));
        assert!(!rule("example.com").has_name("a.example.com"));
        assert!(!rule("0.0.0.0/0").has_name("example.com"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_rule_or_an_error(text in any_text()) {
            if let Ok(rule) = text.parse::<Rule>() {
                prop_assert_eq!(rule.to_string().parse(), Ok(rule));
            }
        }
    }

    /// Texts that come close to rules.
    fn any_text() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            "[a-z0-9.*:/\\[\\]x-]{0,12}",
            "[0-9]{1,3}(\\.[0-9]{1,3}){3}",
            "([0-9a-f]{0,4}:){1,7}[0-9a-f]{0,4}",
            "(\\*\\.)?[a-z]{1,5}\\.test",
            any::<String>(),
        ];
        let end = prop_oneof!["", ":[0-9]{1,5}", ":[0-9]{1,4}-[0-9]{1,5}", "/[0-9]{1,3}(:80)?"];
        (part, end, any::<bool>()).prop_map(|(part, end, brackets)| match brackets {
            true => format!("[{part}]{end}"),
            false => part + &end,
        })
    }
}
