//! The names which the sandbox knows without asking anybody: its own, the
//! host's, those of `--add-host`, and the members of its network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::{
    op::ResponseCode,
    rr::{DNSClass, RecordType},
};

use super::{
    Answer, Learnt, Names, Transport,
    message::{Query, Question},
    response::{self, Data, Reason},
};

/// The names of the host, seen from inside: ours, and those which the images
/// of Docker and Podman are used to.
pub(crate) const HOST_NAMES: [&str; 3] =
    ["host.sandbox.internal", "host.docker.internal", "host.containers.internal"];

/// Below this there is nothing that the host's resolver could know.
const DOMAIN: &str = "sandbox.internal";

/// The names that hold for a whole run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    /// Of `--add-host`, and the sandbox's own; any case, with or without a dot at
    /// the end; a name may be there several times.
    pub(crate) hosts: Vec<(String, IpAddr)>,
    /// The addresses by which the sandbox reaches the host.
    pub(crate) host: Vec<IpAddr>,
    /// The sandbox's subnets, whose addresses are nobody's business outside.
    pub(crate) subnets: Vec<(IpAddr, u8)>,
    /// The search list inside: a bare name of ours is found below these as well.
    pub(crate) search: Vec<String>,
}

/// What is known about a question.
#[derive(Debug, PartialEq, Eq)]
enum Known {
    /// The name under which they are known, and they.
    Addresses(String, Vec<IpAddr>),
    Name(String),
    /// There is no such name, and nobody else is to be asked.
    Nothing,
}

impl Table {
    /// With all names as [`super::message::text`] writes them.
    pub(super) fn normal(mut self) -> Self {
        let normal = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
        self.hosts.iter_mut().for_each(|(name, _)| *name = normal(name));
        self.search = self.search.iter().map(|domain| normal(domain)).collect();
        self.search.retain(|domain| !domain.is_empty());
        self
    }

    /// None if others must be asked.
    pub(super) fn answer(
        &self,
        query: &Query,
        transport: Transport,
        names: &dyn Names,
    ) -> Option<Answer> {
        let records = |data: &[Data]| response::records(query, transport, data);
        let kind = query.question.kind;
        Some(match self.find(&query.question, names)? {
            Known::Nothing => {
                Answer::from(response::empty(query, ResponseCode::NXDomain, Reason::None))
            }
            Known::Addresses(name, mut found) => {
                found.retain(|address| is_wanted(kind, *address));
                let data: Vec<Data> = found.iter().copied().map(Data::Address).collect();
                let learn = |address| Learnt { name: name.clone(), address, ttl: response::TTL };
                Answer { message: records(&data), learnt: found.into_iter().map(learn).collect() }
            }
            Known::Name(name) if matches!(kind, RecordType::PTR | RecordType::ANY) => {
                Answer::from(records(&[Data::Name(name)]))
            }
            Known::Name(_) => Answer::from(records(&[])),
        })
    }

    fn find(&self, question: &Question, names: &dyn Names) -> Option<Known> {
        if !matches!(question.class, DNSClass::IN | DNSClass::ANY) {
            return None;
        }
        let name = question.text.as_str();
        let bare = self.search.iter().find_map(|domain| {
            // `db.corp.example` of a client that tries its search list first.
            let bare = name.strip_suffix(domain.as_str())?.strip_suffix('.')?;
            (!bare.contains('.')).then_some(bare)
        });
        let known = |name: &str| Some(Known::Addresses(name.into(), self.addresses(name, names)?));
        known(name)
            .or_else(|| known(bare?))
            .or_else(|| self.reverse(question, names))
            .or_else(|| is_at_or_below(name, DOMAIN).then_some(Known::Nothing))
    }

    fn addresses(&self, name: &str, names: &dyn Names) -> Option<Vec<IpAddr>> {
        let found = |(_, address): &(String, IpAddr)| *address;
        let hosts: Vec<_> = self.hosts.iter().filter(|(known, _)| known == name).collect();
        if !hosts.is_empty() {
            return Some(hosts.into_iter().map(found).collect());
        }
        if HOST_NAMES.contains(&name) && !self.host.is_empty() {
            return Some(self.host.clone());
        }
        // RFC 6761, 6.3: that name and all below it, and never from a server.
        if is_at_or_below(name, "localhost") {
            return Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        names.addresses(name)
    }

    /// The name of an address of ours, if that is what is asked for.
    fn reverse(&self, question: &Question, names: &dyn Names) -> Option<Known> {
        let net = question.name.parse_arpa_name().ok()?;
        if net.prefix_len() != net.max_prefix_len() {
            return None;
        }
        let address = net.addr();
        let of_hosts = self.hosts.iter().find(|(_, known)| *known == address);
        let name = of_hosts
            .map(|(name, _)| name.clone())
            .or_else(|| self.host.contains(&address).then(|| HOST_NAMES[0].into()))
            .or_else(|| address.is_loopback().then(|| "localhost".into()))
            .or_else(|| names.name(address));
        let ours = || self.subnets.iter().any(|subnet| is_in(address, *subnet));
        name.map(Known::Name).or_else(|| ours().then_some(Known::Nothing))
    }
}

/// Whether a question of this type asks for such an address.
fn is_wanted(kind: RecordType, address: IpAddr) -> bool {
    match kind {
        RecordType::A => address.is_ipv4(),
        RecordType::AAAA => address.is_ipv6(),
        kind => kind == RecordType::ANY,
    }
}

fn is_at_or_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}

/// Whether an address is in a subnet, given as any address of it and the length
/// of its prefix in bits.
fn is_in(address: IpAddr, (subnet, prefix): (IpAddr, u8)) -> bool {
    let (differ, bits) = match (address, subnet) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits() ^ b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits(), 128),
        _ => return false,
    };
    let host = bits - u32::from(prefix).min(bits);
    differ.checked_shr(host).unwrap_or(0) == 0
}
