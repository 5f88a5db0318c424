//! `--network user`: the kernel's own TCP on both sides, and no packet of ours.
//!
//! # Theory of operation
//!
//! ```text
//! sandbox's namespace       gateway's namespace              host's namespace
//!  program ─ eth0 ══ gw0 ─┬─ SYN ─▶ queue ─── verdict ────── policy ─▶ dial
//!                         ├─ TPROXY ─▶ listener ─ accept ─── splice ═ socket
//!                         ├─ TPROXY ─▶ UDP socket a flow ─── UDP socket a flow
//!                         ├─ ICMP ─▶ raw socket ──────────── ping socket
//!                         └─ port 53 ─▶ resolver ─────────── host's resolver
//! ```
//!
//! The *gateway* (`gateway`, `links`, `ruleset`) is a network namespace of
//! the domain's that takes every packet of the sandbox for its own, whatever its
//! destination, and has no way out. What it receives, sockets of ours receive. For each connection
//! and flow, the supervisor opens a socket in the host's namespace and joins the
//! two (`tcp`, `udp`, `ping`); `policy` is asked there, at the only way
//! out. The sandbox's kernel speaks TCP with the gateway's, the host's with the
//! world, and the bytes between go by `splice(2)` (`relay`).
//!
//! One thread carries everything (`engine`); another keeps the gateway's
//! namespace at hand. Both end with the supervisor, and with them the namespace
//! and all that is in it: nothing is to be cleaned up.
//!
//! Needed are user namespaces, veth and nf_tables with TPROXY, and nothing else: no
//! `/dev/net/tun`, no set-user-id program, no other program at all. A kernel
//! without queues accepts connections first and resets those that fail; one
//! without IPv6 carries IPv4.

mod acceptor;
mod addresses;
mod dns;
mod engine;
mod flowlog;
mod gateway;
mod packet;
mod ping;
mod policy;
mod ports;
mod publish;
mod questions;
mod reactor;
mod relay;
mod tcp;
mod udp;

use std::{
    fmt,
    fs::File,
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
    path::Path,
    thread::JoinHandle,
};

use rustix::event::EventfdFlags;

pub(super) use self::gateway::{links, nft};
pub use self::{
    addresses::{Addresses, Routes},
    flowlog::Tell,
    gateway::links::SANDBOX_DEVICE,
    gateway::ruleset::Hold,
    policy::{Protocol, Rules, port_range::PortRange, prefix::Prefix, rule::Rule},
    publish::{Error as PublishError, Publish, Published},
};
use self::{
    dns::{HOST_FILE, HostConf, Resolver, Table},
    engine::{Engine, Plan},
    flowlog::FlowLog,
    gateway::Opening,
    policy::Policy,
};
use super::{Attachment, Error, Network, named::Neighbours};
use crate::sys::{self, Named};

/// What a sandbox's own network is to be like.
pub struct Settings {
    pub addresses: Addresses,
    pub rules: Rules,
    /// Ports of the host that are ours already.
    pub published: Vec<Published>,
    /// Resolvers to ask instead of the host's.
    pub dns: Vec<IpAddr>,
    /// Where to look for short names instead of the host's domains.
    pub dns_search: Vec<String>,
    /// Names and addresses that hold inside.
    pub hosts: Vec<(String, IpAddr)>,
    /// Where to write about each flow.
    pub log: Option<File>,
    pub tell: Tell,
    /// Name of the interface inside.
    pub device: &'static str,
    /// The other members of its networks.
    pub neighbours: Option<Neighbours>,
    /// Further subnets whose addresses nobody outside is asked about.
    pub subnets: Vec<Prefix>,
    /// Whether a connection waits until the host side has answered.
    pub hold: bool,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Settings {
    /// `/etc/resolv.conf` for the inside.
    pub fn resolv_conf(&self) -> String {
        let host = HostConf::read(Path::new(HOST_FILE));
        dns::sandbox_resolv_conf(&[self.addresses.gateway4().into()], self.search(), &host)
    }

    fn search(&self) -> Option<&[String]> {
        Some(&self.dns_search[..]).filter(|search| !search.is_empty())
    }

    fn resolver(&self) -> Resolver {
        let host = HostConf::read(Path::new(HOST_FILE));
        let servers = self.dns.iter().map(|&server| SocketAddr::new(server, dns::PORT));
        let servers: Vec<SocketAddr> = servers.collect();
        Resolver::new(dns::Settings {
            servers: Some(servers).filter(|servers| !servers.is_empty()),
            resolv_conf: HOST_FILE.into(),
            table: Table {
                hosts: self.hosts.clone(),
                host: self.addresses.host().into(),
                subnets: [self.addresses.subnet4(), self.addresses.subnet6()]
                    .iter()
                    .chain(&self.subnets)
                    .map(|subnet| (subnet.address(), subnet.length()))
                    .collect(),
                search: dns::search_list(self.search(), &host),
            },
        })
    }

    fn plan(self) -> Plan {
        let resolver = self.resolver();
        Plan {
            addresses: self.addresses,
            neighbours: self.neighbours,
            resolver,
            policy: Policy::new(self.rules, self.addresses),
            ports: self.published,
            log: FlowLog::new(self.log, self.tell),
        }
    }
}

/// What of it this machine can do.
#[derive(Debug, Clone, Copy)]
pub struct DataPath {
    pub hold: Hold,
    pub ipv6: bool,
    /// Whether the host lets us ping.
    pub ping: bool,
}

/// Tries it, in the domain.
///
/// # Errors
/// What is missing without which there is no such network.
pub fn probe() -> sys::Result<DataPath> {
    let (hold, ipv6) = gateway::probe()?;
    let localhost = IpAddr::from(std::net::Ipv4Addr::LOCALHOST);
    let ping = sys::socket::open(sys::socket::Kind::Ping, localhost).is_ok();
    Ok(DataPath { hold, ipv6, ping })
}

/// A way to the outside for one sandbox.
#[derive(Debug)]
pub struct UserNetwork {
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Planned(Box<Settings>),
    Opening(Box<Settings>, sys::Result<Opening>),
    Running(Running),
    Ended,
}

/// The thread that carries.
#[derive(Debug)]
struct Running {
    stop: OwnedFd,
    thread: JoinHandle<()>,
}

impl UserNetwork {
    /// Nothing is done yet.
    pub fn new(settings: Settings) -> Self {
        Self { stage: Stage::Planned(Box::new(settings)) }
    }

    fn take_stage(&mut self) -> Stage {
        std::mem::replace(&mut self.stage, Stage::Ended)
    }
}

impl Network for UserNetwork {
    fn prepare(&mut self) {
        self.stage = match self.take_stage() {
            Stage::Planned(settings) => {
                let opening = Opening::begin(settings.addresses, settings.hold, settings.device);
                Stage::Opening(settings, opening)
            }
            other => other,
        };
    }

    fn begin(&mut self, attachment: &Attachment<'_>) -> Result<(), Error> {
        self.prepare();
        match &mut self.stage {
            Stage::Opening(_, Ok(opening)) => {
                opening.connect(attachment.netns).map_err(Error::User)
            }
            _ => Ok(()),
        }
    }

    fn add(&mut self, attachment: &Attachment<'_>) -> Result<(), Error> {
        self.begin(attachment)?;
        let Stage::Opening(settings, opening) = self.take_stage() else {
            return Err(Error::NotAttached);
        };
        let running = opening.and_then(|opening| start(*settings, opening));
        self.stage = Stage::Running(running.map_err(Error::User)?);
        Ok(())
    }

    fn check(&self, _: &Attachment<'_>) -> Result<(), Error> {
        match &self.stage {
            Stage::Running(running) if !running.thread.is_finished() => Ok(()),
            _ => Err(Error::NotAttached),
        }
    }

    fn del(&mut self, _: &Attachment<'_>) -> Result<(), Error> {
        if let Stage::Running(running) = self.take_stage() {
            let _ = rustix::io::write(&running.stop, &1u64.to_ne_bytes());
            let _ = running.thread.join();
        }
        Ok(())
    }
}

fn start(settings: Settings, opening: Opening) -> sys::Result<Running> {
    sys::process::raise_descriptor_limit(); // A connection takes two.
    let plan = settings.plan(); // While the gateway is still being made.
    let gateway = opening.finish()?;
    let stop = rustix::event::eventfd(0, EventfdFlags::CLOEXEC).named(|| "eventfd()".into())?;
    let told = stop.try_clone().named(|| "dup()".into())?;
    let engine = Engine::new(gateway, plan, told)?;
    let thread = sys::process::spawn("network", move || engine.run())?;
    Ok(Running { stop, thread })
}
