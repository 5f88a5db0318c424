//! Who may be reached from inside, judged where the host's side is dialled.
//!
//! # Theory of operation
//!
//! Each connection, each flow of UDP and each ping passes [`Policy::dial`], each
//! question for a name [`Policy::resolve`]. There is no other way out, so nothing
//! that runs inside can go around them. In this order, and the first *no* counts:
//!
//! 1. the host itself, by the address of `host.sandbox.internal`: the ports of
//!    `--host-loopback`, unless a `--deny` is about them;
//! 2. the rest of the sandbox's own network: never;
//! 3. addresses that are no hosts of the outside ([`super::special`]): never, but
//!    for those of clouds' metadata, which a rule about just them opens;
//! 4. `--deny`;
//! 5. `--allow`: if there is one, nothing else passes.
//!
//! An IPv6 address in which a gateway on the way would find one of IPv4 (NAT64,
//! 6to4, Teredo) must pass 2 to 4 as both.
//!
//! # Names
//!
//! A rule about a name means the addresses that our name server gave for it
//! ([`Names`]). The outside decides what those are, so such a rule never opens a
//! private address ("rebinding"): that takes a rule about the address. Without
//! any `--allow`, `--deny NAME` keeps out programs that ask our name server, and
//! not one that knows the address by heart: to be sure, allow instead.
//!
//! # Host loopback and `--allow`
//!
//! `--host-loopback` is a list of its own: `--allow` neither extends nor shuts it.

mod hostname;
pub(super) mod names;
pub(super) mod port_range;
pub(super) mod prefix;
pub(super) mod rule;
mod special;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    time::Instant,
};

use serde::Serialize;

use self::{
    hostname::{HostName, normal},
    names::Names,
    port_range::PortRange,
    rule::Rule,
    special::{Class, Special},
};
use super::addresses::{Addresses, HOST_NAME};

/// What is carried between inside and outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Tcp,
    Udp,
    /// Echo requests and their replies, of IPv6 too.
    Icmp,
}

/// What the user said about the outside.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// If there is one, nothing else may be reached.
    pub allow: Vec<Rule>,
    /// Comes before `allow`.
    pub deny: Vec<Rule>,
    /// Nothing of the outside may be reached, nor asked for.
    pub closed: bool,
    /// Ports of the host's 127.0.0.1 and ::1, for TCP and UDP.
    pub host_loopback: Vec<PortRange>,
}

/// [`Rules`], for one sandbox.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    rules: Rules,
    addresses: Addresses,
}

/// What may not be, and why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{subject}: {reason}")]
pub(super) struct Denial {
    pub subject: Subject,
    pub reason: Reason,
}

/// What was wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// To reach a destination; `name` is what the program most likely asked for.
    Flow { protocol: Protocol, destination: SocketAddr, name: Option<String> },
    /// To know the addresses of a name.
    Name(String),
}

/// Why something may not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Reason {
    #[error("not in --host-loopback")]
    HostLoopback,
    #[error("nobody is there in the sandbox's own network")]
    OwnNetwork,
    #[error("{class}")]
    Special { class: Class, opens: bool },
    #[error("`--deny {0}` forbids it")]
    Denied(Rule),
    #[error("its networks are internal")]
    Internal,
    #[error("not in --allow")]
    NotAllowed,
    /// A rule about a name fits, and the address is a private one.
    #[error("a private address, which a name alone does not allow")]
    Private,
    /// A rule about a name fits, which was asked for too long ago.
    #[error("the answer of the name server has expired")]
    Stale,
}

impl Policy {
    /// The policy of the sandbox which has these addresses.
    pub(super) fn new(rules: Rules, addresses: Addresses) -> Self {
        Self { rules, addresses }
    }

    /// Where the host's side is to be dialled for a destination as the packet had
    /// it; the port does not matter for ping.
    ///
    /// # Errors
    /// Why it must not be dialled.
    pub(super) fn dial(
        &self,
        protocol: Protocol,
        destination: SocketAddr,
        names: &Names,
        now: Instant,
    ) -> Result<SocketAddr, Denial> {
        let address = destination.ip();
        let port = (protocol != Protocol::Icmp).then_some(destination.port());
        let loopback = self.addresses.loopback(address);
        let judged = match loopback {
            _ if self.rules.closed => Err(Reason::Internal),
            Some(_) => self.judge_host(address, port),
            None => self.judge(address, port, names, now),
        };
        match judged {
            Ok(()) => Ok(SocketAddr::new(loopback.unwrap_or(address), destination.port())),
            Err(reason) => {
                let name = loopback.map(|_| HOST_NAME).or_else(|| names.name(address, now));
                let name = name.map(Into::into);
                let subject = Subject::Flow { protocol, destination, name };
                Err(Denial { subject, reason })
            }
        }
    }

    /// Whether our name server may tell that `name` has `address`: not if nobody but
    /// a stranger says so of an address that is private.
    pub(super) fn may_show(&self, name: &str, address: IpAddr) -> bool {
        let named = self.rules.allow.iter().any(|rule| rule.has_name(&normal(name)));
        let by_address = self.rules.allow.iter().any(|rule| rule.has_address(address));
        !(named && is_private(address) && !by_address)
    }

    /// Whether our name server may tell the addresses of `name`, or ask others.
    ///
    /// With `--allow`, a question is a way out like any other, so names pass that
    /// a rule is about, with whatever port; or all, if a rule is about all
    /// addresses, such as `0.0.0.0/0:443`.
    ///
    /// # Errors
    /// Why it must not.
    pub(super) fn resolve(&self, name: &str) -> Result<(), Denial> {
        let name = normal(name);
        let denied = |reason| Denial { subject: Subject::Name(name.clone().into_owned()), reason };
        if name == HOST_NAME {
            return Ok(());
        }
        if self.rules.closed {
            return Err(denied(Reason::Internal));
        }
        let forbids = |rule: &&Rule| rule.ports.is_none() && rule.has_name(&name);
        if let Some(rule) = self.rules.deny.iter().find(forbids) {
            return Err(denied(Reason::Denied(rule.clone())));
        }
        let allows = |rule: &Rule| rule.is_everywhere() || rule.has_name(&name);
        match self.rules.allow.is_empty() || self.rules.allow.iter().any(allows) {
            true => Ok(()),
            false => Err(denied(Reason::NotAllowed)),
        }
    }

    fn judge_host(&self, address: IpAddr, port: Option<u16>) -> Result<(), Reason> {
        let is_host = |rule: &Rule| rule.has_address(address) || rule.has_name(HOST_NAME);
        let forbids = |rule: &&Rule| rule.has_port(port) && is_host(rule);
        if let Some(rule) = self.rules.deny.iter().find(forbids) {
            return Err(Reason::Denied(rule.clone()));
        }
        let opened = |port| self.rules.host_loopback.iter().any(|ports| ports.contains(port));
        if port.is_none_or(opened) { Ok(()) } else { Err(Reason::HostLoopback) }
    }

    fn judge(
        &self,
        address: IpAddr,
        port: Option<u16>,
        names: &Names,
        now: Instant,
    ) -> Result<(), Reason> {
        let embedded = special::embedded(address).map(IpAddr::V4);
        for address in [Some(address), embedded].into_iter().flatten() {
            self.judge_special(address, port)?;
            self.judge_denied(address, port, names)?;
        }
        let private = is_private(address);
        self.judge_allowed(address, port, private, names, now)
    }

    /// What no ordinary rule can open.
    fn judge_special(&self, address: IpAddr, port: Option<u16>) -> Result<(), Reason> {
        if self.addresses.contains(address) {
            return Err(Reason::OwnNetwork);
        }
        match special::special(address) {
            Some(special) if !self.opens(special, address, port) => {
                Err(Reason::Special { class: special.class, opens: special.opens })
            }
            _ => Ok(()),
        }
    }

    /// Whether a rule is about addresses of just this range: `0.0.0.0/0` is not.
    fn opens(&self, special: &Special, address: IpAddr, port: Option<u16>) -> bool {
        let within = |rule: &Rule| rule.is_within(&special.range);
        let opens = |rule: &Rule| rule.has_address(address) && rule.has_port(port) && within(rule);
        special.opens && self.rules.allow.iter().any(opens)
    }

    fn judge_denied(
        &self,
        address: IpAddr,
        port: Option<u16>,
        names: &Names,
    ) -> Result<(), Reason> {
        let about = |rule: &Rule| {
            rule.has_address(address) || names.all(address).any(|name| rule.has_name(name))
        };
        match self.rules.deny.iter().find(|rule| rule.has_port(port) && about(rule)) {
            Some(rule) => Err(Reason::Denied(rule.clone())),
            None => Ok(()),
        }
    }

    fn judge_allowed(
        &self,
        address: IpAddr,
        port: Option<u16>,
        private: bool,
        names: &Names,
        now: Instant,
    ) -> Result<(), Reason> {
        let mut rules = self.rules.allow.iter().filter(|rule| rule.has_port(port));
        if self.rules.allow.is_empty() || rules.clone().any(|rule| rule.has_address(address)) {
            return Ok(());
        }
        let named = |name| rules.clone().any(|rule| rule.has_name(name));
        match names.fresh(address, now).any(named) {
            true if private => Err(Reason::Private),
            true => Ok(()),
            false if rules.any(|rule| names.all(address).any(|name| rule.has_name(name))) => {
                Err(Reason::Stale)
            }
            false => Err(Reason::NotAllowed),
        }
    }
}

impl Denial {
    /// The option that would let it pass, if one would.
    pub(super) fn hint(&self) -> Option<String> {
        let (protocol, destination, name) = match &self.subject {
            Subject::Name(name) => {
                let can_be_allowed = self.reason == Reason::NotAllowed && is_host_name(name);
                return can_be_allowed.then(|| format!("--allow {name}"));
            }
            Subject::Flow { protocol, destination, name } => (protocol, destination, name),
        };
        let name = name.as_deref().filter(|name| is_host_name(name));
        let port = (*protocol != Protocol::Icmp).then_some(destination.port());
        let allow = |host: &str| match port {
            Some(port) if host.contains(':') => format!("--allow [{host}]:{port}"),
            Some(port) => format!("--allow {host}:{port}"),
            None => format!("--allow {host}"),
        };
        let address = || allow(&destination.ip().to_string());
        match self.reason {
            Reason::HostLoopback => Some(format!("--host-loopback {}", destination.port())),
            Reason::NotAllowed if is_private(destination.ip()) => Some(address()),
            Reason::NotAllowed => Some(name.map_or_else(address, allow)),
            Reason::Private | Reason::Special { opens: true, .. } => Some(address()),
            _ => None,
        }
    }
}

/// Whether an address, or the one that hides in it, belongs to somebody's own network.
fn is_private(address: IpAddr) -> bool {
    let embedded = special::embedded(address).map(IpAddr::V4);
    special::is_private(address) || embedded.is_some_and(special::is_private)
}

/// Whether a rule could be about a name that a program asked for.
fn is_host_name(name: &str) -> bool {
    name.parse::<HostName>().is_ok()
}

impl Protocol {
    /// `tcp`, `udp` or `icmp`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (protocol, destination, name) = match self {
            // The name is the program's: it must not command the terminal.
            Self::Name(name) => return write!(f, "the name {}", name.escape_debug()),
            Self::Flow { protocol, destination, name } => (protocol, destination, name),
        };
        match protocol {
            Protocol::Icmp => write!(f, "ping to ")?,
            protocol => write!(f, "{protocol} to ")?,
        }
        match name {
            Some(name) => write!(f, "{} ({})", name.escape_debug(), destination.ip())?,
            None => write!(f, "{}", destination.ip())?,
        }
        match protocol {
            Protocol::Icmp => Ok(()),
            _ => write!(f, " port {}", destination.port()),
        }
    }
}
