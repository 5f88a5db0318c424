//! `--network`, `--publish`, `--dns` and the rules for what may be reached.

use std::{net::IpAddr, path::PathBuf, str::FromStr};

use clap::Parser;

use super::{CniChoice, HostEntry, NetworkChoice, Typed};
use crate::network::{
    named::Mac,
    user::{PortRange, Publish, Rule},
};

/// Which network a sandbox is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkMode {
    /// A loopback interface only.
    None,
    /// The host's.
    Host,
    /// A private one with a way to the outside. Whether a connection waits until
    /// the host side has answered can be switched off, to see what happens on a
    /// kernel that cannot hold it.
    User { hold: bool },
    /// That of another sandbox, by its name or id.
    Sandbox(String),
    /// One that `sandbox network create` made.
    Named(NetworkChoice),
    /// One that CNI plugins make.
    Cni(CniChoice),
}

impl FromStr for NetworkMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, options) = text.split_once(':').unwrap_or((text, ""));
        match (name, options) {
            ("none", "") => Ok(Self::None),
            ("host", "") => Ok(Self::Host),
            ("user" | "private" | "slirp" | "slirp4netns" | "pasta", "") => {
                Ok(Self::User { hold: true })
            }
            ("container" | "sandbox", name) if !name.is_empty() => Ok(Self::Sandbox(name.into())),
            ("cni", choice) if !choice.is_empty() => choice.parse().map(Self::Cni),
            ("user", "hold=no") => Ok(Self::User { hold: false }),
            ("none" | "host" | "user" | "private" | "slirp" | "slirp4netns" | "pasta", options) => {
                Err(format!("`{name}` has no option `{options}`"))
            }
            ("" | "bridge" | "default" | "cni" | "container" | "sandbox", _) => Err(format!(
                "`{text}` is not here yet; there are user, none, host, container:SANDBOX, \
                 cni:NAME and the names of networks"
            )),
            _ => text.parse().map(Self::Named),
        }
    }
}

/// Options of everything that connects a sandbox.
#[derive(Debug, clap::Args)]
pub struct NetworkArgs {
    /// Network to connect to: user reaches the outside from an address of its
    /// own, none has only loopback, host is the host's, and container:SANDBOX that of
    /// another sandbox; NAME is one of `sandbox network create`, of which there may
    /// be several, with ip=, ip6=, mac= and alias= after a colon; cni:NAME is one that
    /// CNI plugins make
    #[arg(
        long = "network",
        visible_alias = "net",
        value_name = "user|none|host|container:SANDBOX|NAME|cni:NAME",
        default_value = "user"
    )]
    modes: Vec<Typed<NetworkMode>>,

    /// Address on the first named network
    #[arg(long, value_name = "IPV4")]
    ip: Option<std::net::Ipv4Addr>,

    /// IPv6 address on the first named network
    #[arg(long, value_name = "IPV6")]
    ip6: Option<std::net::Ipv6Addr>,

    /// Address of the interface on the first named network
    #[arg(long, value_name = "MAC")]
    mac_address: Option<Mac>,

    /// Another name on all named networks
    #[arg(long, visible_alias = "net-alias", value_name = "NAME")]
    network_alias: Vec<String>,

    /// Let the host's port reach one inside; without the host's, a free one is
    /// chosen and printed
    #[arg(short, long, value_name = "[IP:][HOST:]PORT[/udp]")]
    pub publish: Vec<Typed<Publish>>,

    /// Publish every port that the image exposes
    #[arg(short = 'P', long)]
    pub publish_all: bool,

    /// Resolver to ask instead of the host's
    #[arg(long, value_name = "IP")]
    pub dns: Vec<IpAddr>,

    /// Domain in which to look for short names, instead of the host's
    #[arg(long, value_name = "DOMAIN")]
    pub dns_search: Vec<String>,

    /// Give an address a name; host-gateway is the address of the host
    #[arg(long, value_name = "NAME:ADDRESS")]
    pub add_host: Vec<Typed<HostEntry>>,

    /// Let nothing but this be reached: a name, *.name, an address or a network
    #[arg(long, value_name = "HOST|CIDR[:PORT]")]
    pub allow: Vec<Typed<Rule>>,

    /// Do not let this be reached
    #[arg(long, value_name = "HOST|CIDR[:PORT]")]
    pub deny: Vec<Typed<Rule>>,

    /// Let a port of the host's loopback be reached, at host.sandbox.internal
    #[arg(long, value_name = "PORT[-PORT]")]
    pub host_loopback: Vec<Typed<PortRange>>,

    /// Write a line of JSON about each connection
    #[arg(long, value_name = "FILE")]
    pub network_log: Option<PathBuf>,
}

/// [`NetworkArgs`] alone.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Words {
    #[command(flatten)]
    args: NetworkArgs,
}

impl NetworkArgs {
    /// The options again, as they would be typed; a log's path is absolute.
    pub fn words(&self) -> Vec<String> {
        fn each<T>(option: &str, values: &[Typed<T>]) -> Vec<String> {
            values.iter().map(|value| format!("--{option}={}", value.text())).collect()
        }
        let log = self.network_log.as_deref().map(|path| {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
            format!("--network-log={}", path.display())
        });
        let all = self.publish_all.then(|| "--publish-all".into());
        let dns = self.dns.iter().map(|address| format!("--dns={address}"));
        let search = self.dns_search.iter().map(|domain| format!("--dns-search={domain}"));
        let modes = self.modes.iter().map(|mode| format!("--network={}", mode.text()));
        let ip = self.ip.map(|ip| format!("--ip={ip}"));
        let ip6 = self.ip6.map(|ip| format!("--ip6={ip}"));
        let mac = self.mac_address.map(|mac| format!("--mac-address={mac}"));
        let aliases = self.network_alias.iter().map(|alias| format!("--network-alias={alias}"));
        modes
            .chain(ip)
            .chain(ip6)
            .chain(mac)
            .chain(aliases)
            .chain(each("publish", &self.publish))
            .chain(all)
            .chain(dns)
            .chain(search)
            .chain(each("add-host", &self.add_host))
            .chain(each("allow", &self.allow))
            .chain(each("deny", &self.deny))
            .chain(each("host-loopback", &self.host_loopback))
            .chain(log)
            .collect()
    }

    /// What it is connected to; the first of several networks.
    pub fn mode(&self) -> &NetworkMode {
        const USER: NetworkMode = NetworkMode::User { hold: true };
        self.modes.first().map_or(&USER, |mode| mode)
    }

    /// The named networks, with what was wished for by options of their own.
    pub fn named(&self) -> Vec<NetworkChoice> {
        let named = self.modes.iter().filter_map(|mode| match &**mode {
            NetworkMode::Named(choice) => Some(choice.clone()),
            _ => None,
        });
        let mut named: Vec<NetworkChoice> = named.collect();
        self.add_wishes(named.iter_mut());
        named
    }

    /// The CNI networks, likewise.
    pub fn cni(&self) -> Vec<CniChoice> {
        let cni = self.modes.iter().filter_map(|mode| match &**mode {
            NetworkMode::Cni(choice) => Some(choice.clone()),
            _ => None,
        });
        let mut cni: Vec<CniChoice> = cni.collect();
        self.add_wishes(cni.iter_mut().map(|choice| &mut choice.network));
        cni
    }

    fn add_wishes<'a>(&self, choices: impl Iterator<Item = &'a mut NetworkChoice>) {
        for (index, choice) in choices.enumerate() {
            if index == 0 {
                choice.v4 = choice.v4.or(self.ip.map(IpAddr::from));
                choice.v6 = choice.v6.or(self.ip6.map(IpAddr::from));
                choice.mac = choice.mac.or(self.mac_address);
            }
            choice.aliases.extend(self.network_alias.iter().cloned());
        }
    }

    /// What cannot go together.
    ///
    /// # Errors
    /// In words for the user.
    pub fn check(&self) -> Result<(), String> {
        let cni = self.cni().into_iter().map(|choice| choice.network);
        let (cni, mut named): (Vec<_>, _) = (cni.collect(), self.named());
        if self.modes.len() > 1 && ![named.len(), cni.len()].contains(&self.modes.len()) {
            return Err("several networks can only be named ones, or only ones of CNI".into());
        }
        named.extend(cni);
        let is_twice = |(at, choice): (usize, &NetworkChoice)| {
            named[..at].iter().any(|other| other.name == choice.name)
        };
        if named.iter().enumerate().any(is_twice) {
            return Err("a network is named twice".into());
        }
        let wishes = self.ip.is_some() || self.ip6.is_some() || self.mac_address.is_some();
        if named.is_empty() && (wishes || !self.network_alias.is_empty()) {
            let options = "--ip, --ip6, --mac-address and --network-alias";
            return Err(format!("{options} need a network that has a name"));
        }
        Ok(())
    }

    /// One network more.
    ///
    /// # Errors
    /// If it is there already, or what there is allows no other.
    pub fn connect(&mut self, choice: &NetworkChoice) -> Result<(), String> {
        if matches!(self.mode(), NetworkMode::User { .. }) {
            self.modes.clear();
        }
        self.modes.push(choice.text().parse()?);
        self.check()
    }

    /// One network less; whether it was there.
    pub fn disconnect(&mut self, name: &str) -> bool {
        let before = self.modes.len();
        let is_it =
            |mode: &NetworkMode| matches!(mode, NetworkMode::Named(one) if one.name == name);
        self.modes.retain(|mode| !is_it(mode));
        let was_there = self.modes.len() < before;
        if self.modes.is_empty() {
            (self.ip, self.ip6, self.mac_address) = (None, None, None);
            self.network_alias.clear();
        }
        was_there
    }

    /// What [`NetworkArgs::words`] gave.
    ///
    /// # Errors
    /// What is wrong with them: they were written by another version.
    pub fn from_words(words: &[String]) -> Result<Self, String> {
        Words::try_parse_from(words).map(|words| words.args).map_err(|error| error.to_string())
    }

    /// The first option in use that makes no sense without a network of the
    /// sandbox's own, and must not be ignored.
    pub fn needs_own_network(&self) -> Option<&'static str> {
        let used = [
            ("--allow", !self.allow.is_empty()),
            ("--deny", !self.deny.is_empty()),
            ("--host-loopback", !self.host_loopback.is_empty()),
            ("--network-log", self.network_log.is_some()),
        ];
        used.into_iter().find(|(_, used)| *used).map(|(option, _)| option)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_back_as_they_were_typed() {
        let line = [
            "--network=cni:n:ip=10.0.0.9,bandwidth=10m",
            "--publish=127.0.0.1:8080:80",
            "--publish=53/udp",
            "--publish-all",
            "--dns=9.9.9.9",
            "--dns-search=a.test",
            "--add-host=db:10.0.0.7",
            "--allow=*.example.test:443",
            "--deny=10.0.0.0/8",
            "--host-loopback=5432",
            "--network-log=/tmp/log",
        ];
        let words: Vec<String> = line.into_iter().map(str::to_owned).collect();
        assert_eq!(NetworkArgs::from_words(&words).unwrap().words(), words);
        assert!(NetworkArgs::from_words(&["--gone=1".into()]).is_err());
    }

    #[test]
    fn the_names_of_peers_are_understood() {
        for name in ["user", "private", "slirp", "slirp4netns", "pasta"] {
            assert_eq!(name.parse(), Ok(NetworkMode::User { hold: true }), "{name}");
        }
        assert_eq!("user:hold=no".parse(), Ok(NetworkMode::User { hold: false }));
        assert!(matches!("cni:n:ip=10.0.0.9".parse(), Ok(NetworkMode::Cni(_))));
        for bad in ["", "cni", "cni:", "bridge", "none:x", "pasta:-T,auto", "user:"] {
            assert!(bad.parse::<NetworkMode>().is_err() || bad == "user:", "{bad}");
        }
    }
}
