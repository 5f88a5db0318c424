//! Named networks: sandboxes that find each other, with no daemon and no leader.
//!
//! # Theory of operation
//!
//! ```text
//!  sandbox A                 the switch, a namespace of the domain's       sandbox B
//!  program ─┬─ eth0 ══ veth ══ guard ─ port ┐        ┌ port ─ guard ══ veth ══ eth0 ─ …
//!           │                               └ bridge ┘
//!           └─ out0 ══ A's own gateway ─── A's supervisor ─── the host
//! ```
//!
//! *The domain and the switch* (`register`). A link can be made only by who is root
//! at both of its ends, so all sandboxes with named networks are in one domain:
//! the first makes it, each other one enters that of a living one. With it goes
//! one network namespace, the *switch*, with a bridge for each network. Each
//! supervisor holds an open descriptor of it: the last to go frees it, with all
//! that is in it, and nothing and nobody else is needed to keep it.
//!
//! *Members* (`members`). A network's directory has a file for each member: who it
//! is, its names and addresses. The supervisor holds a lock on its entry in the
//! register; a lock that can be had means that it is dead, however it died, and
//! whoever comes next collects what it left. Nothing is written at a death, so
//! nothing can be forgotten; no lock outlives a boot.
//!
//! *Traffic* between members is the bridge's, the kernel's alone. Each port has a
//! `guard`: only frames with the member's own addresses pass, in the headers of
//! Ethernet, IP, ARP and neighbour discovery. To the outside each sandbox has
//! a gateway of its own ([`super::user`]), with its rules, its published ports and
//! its name server, carried by its own supervisor: what happens to one supervisor
//! happens to its own sandbox alone.
//!
//! *Names* (`neighbours`). The name server of each sandbox looks at the members'
//! files of its networks at each question: a name is there as soon as its sandbox,
//! and gone with it.
//!
//! `catalog` keeps what networks there are, `pool` finds free addresses, `bridge`
//! talks to the kernel, and `plugging` lets that go on while others work. One lock is
//! held while any of this is changed, never while anything is carried or asked.

mod bridge;
mod catalog;
mod definition;
mod guard;
mod members;
mod neighbours;
mod plugging;
mod pool;
mod register;

use self::plugging::Plugging;
pub use self::{
    catalog::{Catalog, Mac, Wanted},
    definition::{Definition, Subnet},
    members::{Member, Membership, Request},
    neighbours::Neighbours,
    register::{Entrance, Registration, Switch},
};
use super::{Attachment, Network, user::UserNetwork};
use crate::{hint::Hint, sys};

/// Name of the interface that leads outside, beside those of networks.
pub const OUTSIDE_DEVICE: &str = "out0";

/// What went wrong with a named network.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no network `{0}`")]
    NoSuch(String),
    #[error("there is a network `{0}` already")]
    Exists(String),
    #[error("`{0}` is no name for a network")]
    Name(String),
    #[error("several networks have ids that begin with `{0}`")]
    Ambiguous(String),
    #[error("{subnet} overlaps with {other}")]
    Overlap { subnet: String, other: String },
    #[error("no subnet is free for a network")]
    NoSubnet,
    #[error("{0}")]
    Wrong(String),
    #[error("no address is free in network `{0}`")]
    PoolUsedUp(String),
    #[error("{address} is taken in network `{network}`")]
    Taken { address: String, network: String },
    #[error("{address} is no address for a member of network `{network}`")]
    NotInNetwork { address: String, network: String },
    #[error("{sandbox} is on network `{network}` already")]
    AlreadyConnected { sandbox: String, network: String },
    #[error("{sandbox} is not on network `{network}`")]
    NotConnected { sandbox: String, network: String },
    #[error("network `{network}` is in use by {members}")]
    InUse { network: String, members: String },
    #[error("another process keeps the networks locked")]
    Locked,
    #[error("cannot read or write the networks in {0}")]
    Files(String, #[source] std::io::Error),
    #[error("cannot connect to network `{network}`")]
    Connect { network: String, source: sys::Error },
    #[error("cannot make the namespace of the networks")]
    Switch(#[source] sys::Error),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoSuch(name) if name.starts_with("cni:") => {
                "CNI networks are files of others, and a sandbox joins them as it starts".into()
            }
            Self::NoSuch(name) if !catalog::is_possible(name) => return None,
            Self::NoSuch(name) => format!("`sandbox network create {name}` makes it"),
            Self::Name(_) => {
                "letters, digits, `.`, `_` and `-`, the first a letter or digit; user, none, \
                 host and the like have a meaning already"
                    .into()
            }
            Self::Overlap { .. } | Self::NoSubnet => {
                "`--subnet` takes any private range that the host has no route to".into()
            }
            Self::PoolUsedUp(_) => "a network with a larger `--subnet` has more".into(),
            Self::InUse { .. } => "`sandbox network disconnect` or `rm` them first".into(),
            _ => return None,
        })
    }
}

/// The networks of one sandbox, and its way to the outside.
#[derive(Debug)]
pub struct NamedNetwork {
    outside: UserNetwork,
    memberships: Vec<Membership>,
    /// Links of the memberships, in their order.
    links: Option<sys::Result<Plugging>>,
    /// The switch, and our place among those who hold it.
    registration: Registration,
}

impl NamedNetwork {
    /// Nothing is done yet.
    pub fn new(
        outside: UserNetwork,
        memberships: Vec<Membership>,
        registration: Registration,
    ) -> Self {
        Self { outside, memberships, links: None, registration }
    }

    fn plug(&self) -> sys::Result<Plugging> {
        let links = self.memberships.iter().map(Membership::link).collect();
        Plugging::begin(self.registration.switch()?, links)
    }
}

impl Network for NamedNetwork {
    fn prepare(&mut self) {
        self.outside.prepare();
        if self.links.is_none() {
            self.links = Some(self.plug());
        }
    }

    fn begin(&mut self, attachment: &Attachment<'_>) -> Result<(), super::Error> {
        self.prepare();
        self.outside.begin(attachment)?;
        match &mut self.links {
            Some(Ok(links)) => Ok(links.connect(attachment.netns).map_err(Error::Switch)?),
            _ => Ok(()),
        }
    }

    fn add(&mut self, attachment: &Attachment<'_>) -> Result<(), super::Error> {
        self.begin(attachment)?;
        let links = self.links.take().ok_or(super::Error::NotAttached)?;
        let links = links.map_err(Error::Switch)?;
        self.outside.add(attachment)?;
        for membership in &mut self.memberships {
            membership.joined(links.next())?;
        }
        Ok(())
    }

    fn check(&self, attachment: &Attachment<'_>) -> Result<(), super::Error> {
        self.outside.check(attachment)
    }

    fn del(&mut self, attachment: &Attachment<'_>) -> Result<(), super::Error> {
        // First, so that nobody is given the address of one that is gone.
        for membership in self.memberships.drain(..) {
            membership.leave();
        }
        self.registration.forget();
        self.outside.del(attachment)
    }
}
