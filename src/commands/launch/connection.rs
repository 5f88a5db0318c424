//! How a sandbox is connected: from what was typed to a network, and to the
//! files that tell the sandbox about it.

use std::{
    fs::{self, File, OpenOptions},
    net::IpAddr,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::Parts;
use crate::{
    commands::{
        Context,
        options::{CniChoice, HostEntry, NetworkArgs, NetworkChoice, NetworkMode, Typed},
    },
    error::Error,
    network::{
        self, HostNetwork, Network, NoNetwork,
        cni::{self, CniNetwork, Configuration},
        named::{self, Catalog, Membership, NamedNetwork, Neighbours, Registration},
        user::{
            Addresses, Protocol, Publish, Published, Routes, Rules, SANDBOX_DEVICE, Settings, Tell,
            UserNetwork,
        },
    },
    oci::{PortBinding, SandboxConfig},
};

/// What a sandbox is connected to.
#[derive(Debug)]
pub(super) enum Connection {
    None,
    Host,
    User(Box<Settings>),
    /// Named networks, and a way outside.
    Named {
        outside: Box<Settings>,
        memberships: Vec<Membership>,
        registration: Registration,
    },
    /// Networks of CNI plugins, and a way outside.
    Cni {
        outside: Box<Settings>,
        plans: Vec<cni::Plan>,
        registration: Registration,
    },
    /// Another sandbox's, with its `/etc/hosts` and `/etc/resolv.conf`.
    Shared {
        hosts: String,
        resolv_conf: String,
    },
}

/// Takes the ports of the host that the user names: first of all, while we have
/// the privileges with which we were called.
pub(in crate::commands) fn publish(
    args: &NetworkArgs,
    context: &Context,
) -> Result<Vec<Published>, Error> {
    if let NetworkMode::User { .. } | NetworkMode::Named(_) | NetworkMode::Cni(_) = args.mode() {
        return bind(args.publish.iter().map(|publish| &**publish));
    }
    let is_asked = !args.publish.is_empty() || args.publish_all;
    if let (NetworkMode::Sandbox(name), true) = (args.mode(), is_asked) {
        return Err(Error::usage(format!("publish the ports with {name}: the network is its own")));
    }
    if is_asked {
        context.ui.note("ports are not published: the sandbox has no network of its own");
    }
    Ok(Vec::new())
}

fn bind<'a>(ports: impl Iterator<Item = &'a Publish>) -> Result<Vec<Published>, Error> {
    let bound = ports.map(Publish::bind).collect::<Result<Vec<_>, _>>();
    let bound = bound.map_err(network::Error::Publish)?;
    Ok(bound.into_iter().flatten().collect())
}

impl Connection {
    /// Decides, and takes the ports that the image exposes.
    pub(super) fn plan(parts: &mut Parts<'_>, context: &Context) -> Result<Self, Error> {
        let args = parts.network;
        let hold = match args.mode() {
            NetworkMode::User { hold } => *hold,
            NetworkMode::Named(_) | NetworkMode::Cni(_) => true,
            _ => return Self::without_rules(parts),
        };
        let published = std::mem::take(&mut parts.ports);
        let mut settings = settings(args, published, hold, context)?;
        if args.publish_all {
            settings.published.extend(bind(exposed(&parts.config.exposed_ports).iter())?);
        }
        for port in settings.published.iter().filter(|port| port.is_news()) {
            context.ui.note(&port.to_string());
        }
        if let Some((choices, registration)) = parts.sharing.take_networks() {
            let memberships = reserve(&choices, &registration, parts, context)?;
            return Ok(Self::named(settings, memberships, registration, &parts.config, context));
        }
        let own =
            settings.addresses.member().map(|address| (parts.config.hostname.clone(), address));
        settings.hosts.extend(own);
        if let Some((choices, registration)) = parts.sharing.take_cni() {
            let plans = plans(&choices, &settings, context)?;
            let settings = Settings { device: named::OUTSIDE_DEVICE, ..settings };
            return Ok(Self::Cni { outside: Box::new(settings), plans, registration });
        }
        Ok(Self::User(Box::new(settings)))
    }

    fn named(
        settings: Settings,
        memberships: Vec<Membership>,
        registration: Registration,
        config: &SandboxConfig,
        context: &Context,
    ) -> Self {
        let subnets = |membership: &Membership| {
            membership.network().subnets().map(|subnet| subnet.subnet).collect::<Vec<_>>()
        };
        let own = memberships.iter().flat_map(|membership| membership.member().addresses());
        let own = own.map(|address| (config.hostname.clone(), address));
        let catalog = Catalog::of(&context.config.root);
        let outside = Settings {
            hosts: settings.hosts.into_iter().chain(own).collect(),
            device: named::OUTSIDE_DEVICE,
            neighbours: Some(Neighbours::of(catalog, config.id.clone())),
            subnets: memberships.iter().flat_map(subnets).collect(),
            rules: Rules {
                closed: memberships.iter().all(|membership| membership.network().internal),
                ..settings.rules
            },
            ..settings
        };
        Self::Named { outside: Box::new(outside), memberships, registration }
    }

    /// How the sandbox reaches the outside, if it has a network of its own.
    fn outside(&self) -> Option<&Settings> {
        match self {
            Self::User(outside) | Self::Named { outside, .. } | Self::Cni { outside, .. } => {
                Some(outside)
            }
            Self::None | Self::Host | Self::Shared { .. } => None,
        }
    }

    /// A rule that cannot be kept is not ignored.
    fn without_rules(parts: &Parts<'_>) -> Result<Self, Error> {
        let args = parts.network;
        if let Some(option) = args.needs_own_network() {
            return Err(Error::usage_with_hint(
                format!("{option} needs a network of the sandbox's own"),
                "`--network user` is one, and the default",
            ));
        }
        Ok(match (parts.sharing.network(), args.mode()) {
            (Some(member), _) => Self::Shared {
                hosts: member.read_etc("hosts"),
                resolv_conf: member.read_etc("resolv.conf"),
            },
            (None, NetworkMode::Host) => Self::Host,
            (None, _) => Self::None,
        })
    }

    /// The host's ports that lead inside.
    pub(super) fn ports(&self) -> Vec<PortBinding> {
        let settings = self.outside().into_iter();
        settings.flat_map(|settings| &settings.published).map(Published::binding).collect()
    }

    /// The sandbox's own addresses.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        match self {
            Self::User(settings) => settings.addresses.member().into(),
            Self::Named { memberships, .. } => {
                memberships.iter().flat_map(|membership| membership.member().addresses()).collect()
            }
            // Of CNI's, they are known when they are there.
            Self::None | Self::Host | Self::Cni { .. } | Self::Shared { .. } => Vec::new(),
        }
    }

    /// The network itself.
    pub(super) fn network(self, context: &Context) -> Box<dyn Network> {
        match self {
            Self::None | Self::Shared { .. } => Box::new(NoNetwork),
            Self::Host => Box::new(HostNetwork),
            Self::User(settings) => Box::new(UserNetwork::new(*settings)),
            Self::Named { outside, memberships, registration } => {
                let outside = UserNetwork::new(*outside);
                Box::new(NamedNetwork::new(outside, memberships, registration))
            }
            Self::Cni { outside, plans, registration } => {
                let addresses = outside.addresses;
                let outside = (UserNetwork::new(*outside), addresses);
                let (runtime, tell) = (context.cni(), tell(context));
                Box::new(CniNetwork::new(runtime, outside, plans, registration, tell))
            }
        }
    }

    /// `/etc/hosts` for the inside, but for what the user adds.
    pub(super) fn hosts(&self, hostname: &str) -> String {
        const LOCALHOST: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
        match self {
            Self::None => format!("{LOCALHOST}127.0.1.1\t{hostname}\n"),
            Self::User(_) | Self::Named { .. } => {
                let own = self.addresses().into_iter().map(|own| format!("{own}\t{hostname}\n"));
                format!("{LOCALHOST}{}", own.collect::<String>())
            }
            Self::Cni { outside, .. } => {
                let own = outside.addresses.member();
                let own = own.map(|own| format!("{own}\t{hostname}\n"));
                format!("{LOCALHOST}{}", own.concat())
            }
            Self::Shared { hosts, .. } => hosts.clone(),
            Self::Host => {
                let text = fs::read_to_string("/etc/hosts").unwrap_or_default();
                let text = text.trim_end_matches('\n');
                if text.is_empty() { LOCALHOST.into() } else { format!("{text}\n") }
            }
        }
    }

    /// `/etc/resolv.conf` for the inside.
    pub(super) fn resolv_conf(&self, args: &NetworkArgs) -> String {
        match self {
            Self::User(settings)
            | Self::Named { outside: settings, .. }
            | Self::Cni { outside: settings, .. } => settings.resolv_conf(),
            Self::Host if args.dns.is_empty() && args.dns_search.is_empty() => {
                fs::read_to_string("/etc/resolv.conf").unwrap_or_default()
            }
            Self::Shared { resolv_conf, .. } => resolv_conf.clone(),
            _ if !args.dns.is_empty() => resolv_conf(&args.dns, &args.dns_search),
            _ => "# This sandbox has no network.\n".into(),
        }
    }

    /// A line of `/etc/hosts` for each name that the user adds.
    pub(super) fn added_hosts(&self, added: &[Typed<HostEntry>]) -> Result<String, Error> {
        let line = |(name, address): (String, IpAddr)| format!("{address}\t{name}\n");
        let host = self.outside().map(|settings| settings.addresses);
        Ok(addresses(added, host.as_ref())?.into_iter().map(line).collect())
    }
}

/// Takes addresses on each named network.
fn reserve(
    choices: &[NetworkChoice],
    registration: &Registration,
    parts: &Parts<'_>,
    context: &Context,
) -> Result<Vec<Membership>, Error> {
    let catalog = Catalog::of(&context.config.root);
    let config = &parts.config;
    let reserved = choices.iter().map(|choice| {
        let request = choice.request(&config.id, config.display_name(), &config.hostname);
        catalog.reserve(&choice.name, &request, registration.name())
    });
    Ok(reserved.collect::<Result<_, _>>().map_err(network::Error::Named)?)
}

/// What the plugins of each CNI network are to be asked for.
fn plans(
    choices: &[CniChoice],
    settings: &Settings,
    context: &Context,
) -> Result<Vec<cni::Plan>, Error> {
    let ports: Vec<PortBinding> = settings.published.iter().map(Published::binding).collect();
    let servers: Vec<String> = settings.dns.iter().map(IpAddr::to_string).collect();
    let plan = |(index, choice): (usize, &CniChoice)| {
        let plan = cni::Plan {
            network: Configuration::find(&choice.network.name, &context.config.cni.config_dirs)?,
            interface: format!("eth{index}"),
            wishes: choice.wishes(&ports, &servers, &settings.dns_search),
        };
        plan.check()?;
        Ok(plan)
    };
    let plans: Result<_, cni::Error> = choices.iter().enumerate().map(plan).collect();
    Ok(plans.map_err(network::Error::Cni)?)
}

/// How to say what goes on.
fn tell(context: &Context) -> Tell {
    let ui = context.ui;
    Box::new(move |text| ui.note(text))
}

fn settings(
    args: &NetworkArgs,
    published: Vec<Published>,
    hold: bool,
    context: &Context,
) -> Result<Settings, Error> {
    let host_addresses = Addresses::choose(&Routes::read());
    Ok(Settings {
        addresses: host_addresses,
        rules: Rules {
            closed: false,
            allow: plain(&args.allow),
            deny: plain(&args.deny),
            host_loopback: plain(&args.host_loopback),
        },
        published,
        device: SANDBOX_DEVICE,
        neighbours: None,
        subnets: Vec::new(),
        dns: args.dns.clone(),
        dns_search: args.dns_search.clone(),
        hosts: addresses(&args.add_host, Some(&host_addresses))?,
        log: args.network_log.as_deref().map(open_log).transpose()?,
        tell: tell(context),
        hold,
    })
}

fn plain<T: Clone>(typed: &[Typed<T>]) -> Vec<T> {
    typed.iter().map(|typed| T::clone(typed)).collect()
}

/// Ports that the image says it serves, each on a free port of the host.
fn exposed(ports: &[String]) -> Vec<Publish> {
    let port = |text: &String| {
        let (port, protocol) = match text.split_once('/') {
            None | Some((_, "tcp")) => (text.trim_end_matches("/tcp"), Protocol::Tcp),
            Some((port, "udp")) => (port, Protocol::Udp),
            Some(_) => return None, // Not carried.
        };
        Some(Publish::exposed(port.parse().ok()?, protocol))
    };
    ports.iter().filter_map(port).collect()
}

/// Names with addresses; `host-gateway` is what the host has inside.
fn addresses(
    added: &[Typed<HostEntry>],
    host: Option<&Addresses>,
) -> Result<Vec<(String, IpAddr)>, Error> {
    let mut all = Vec::new();
    for entry in added {
        match (entry.address, host) {
            (Some(address), _) => all.push((entry.name.clone(), address)),
            (None, Some(host)) => all.extend(host.host().map(|own| (entry.name.clone(), own))),
            (None, None) => {
                return Err(Error::usage("host-gateway needs a network of the sandbox's own"));
            }
        }
    }
    Ok(all)
}

fn resolv_conf(servers: &[IpAddr], search: &[String]) -> String {
    let servers = servers.iter().map(|server| format!("nameserver {server}\n"));
    let search = Some(format!("search {}\n", search.join(" "))).filter(|_| !search.is_empty());
    servers.chain(search).collect()
}

fn open_log(path: &Path) -> Result<File, Error> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    file.map_err(|error| Error::usage(format!("cannot write to {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_without_a_network_knows_itself() {
        let added = ["db:10.0.0.7".parse().unwrap()];
        let hosts = Connection::None.hosts("web");
        assert_eq!(
            hosts + &Connection::None.added_hosts(&added).unwrap(),
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\
             127.0.1.1\tweb\n10.0.0.7\tdb\n"
        );
    }

    #[test]
    fn only_a_network_of_its_own_has_a_gateway_to_the_host() {
        let added = ["host:host-gateway".parse().unwrap()];
        assert!(addresses(&added, None).is_err());
        let own = Addresses::choose(&Routes::read());
        let expected: Vec<(String, IpAddr)> = own.host().map(|a| ("host".into(), a)).into();
        assert_eq!(addresses(&added, Some(&own)).unwrap(), expected);
    }
}
