//! `--network cni:NAME`: networks that other people's programs make.
//!
//! # Theory of operation
//!
//! The Container Network Interface, versions 0.3.0 to 1.1.0: a network is a list of
//! *plugins* (`conf`), programs which are called in turn (`plugin`, `chain`) with a
//! verb and a configuration, and answer in JSON (`result`). They mean to be root's, on
//! a host: both are made for them (`place`).
//!
//! ```text
//!  sandbox                    the switch, where plugins run
//!  program ─┬─ eth0 ══ veth ── cni0, nftables, whatever plugins make
//!           └─ out0 ══ the sandbox's own gateway ── its supervisor ── the host
//! ```
//!
//! The switch has no way to the host: plugins connect sandboxes with each other, and
//! the way outside, with its rules, published ports and name server, is that of
//! [`super::user`] here as well. So a default route of a plugin's is there, but ours
//! comes first.
//!
//! As with named networks, all that have a CNI network are in one domain, the first
//! makes it and the switch, and the last to go frees both. What plugins keep in files
//! is not freed by that: `cache` has what must be undone, `runtime` undoes it.

mod cache;
mod chain;
mod conf;
mod place;
mod plugin;
mod result;
mod runtime;

use std::{
    net::IpAddr,
    os::fd::{BorrowedFd, OwnedFd},
    path::PathBuf,
};

use serde_json::Value;

pub use self::{
    cache::Attached,
    chain::Wishes,
    conf::{Configuration, PluginConf, Version},
    plugin::Plugins,
    result::{Dns, Interface, Ip, Route, Success},
    runtime::Runtime,
};
use super::{
    Attachment, Network, named,
    named::Registration,
    user::{Addresses, Tell, UserNetwork, links},
};
use crate::{
    hint::Hint,
    oci::ProcessId,
    sys::{self, Named},
};

/// What went wrong with a CNI network.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no CNI network `{name}`")]
    NoSuch { name: String, places: Vec<String> },
    #[error("cannot read {}", .file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("cannot use {}: {what}", .file.display())]
    Wrong { file: PathBuf, what: String },
    #[error("there is no CNI plugin `{plugin}`")]
    NoPlugin { plugin: String, places: Vec<String> },
    #[error("the CNI plugin `{plugin}` failed at {verb}: {words} (code {code})")]
    Failed { plugin: String, verb: &'static str, code: u64, words: String },
    #[error("the CNI plugin `{plugin}`, called for {verb}, {what}")]
    Plugin { plugin: String, verb: &'static str, what: String },
    #[error("no plugin of the CNI network `{network}` takes {what}")]
    NotTaken { network: String, what: &'static str },
    #[error("cannot use {}", .path.display())]
    Files { path: PathBuf, source: std::io::Error },
    #[error("cannot make the namespaces for CNI plugins")]
    Place(#[source] sys::Error),
    #[error(transparent)]
    Register(#[from] named::Error),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoSuch { places, .. } => {
                format!("it was looked for in {}", places.join(", "))
            }
            Self::NoPlugin { places, .. } => format!(
                "it was looked for in {}; Debian has the usual ones in the package \
                 containernetworking-plugins, and CNI_PATH names further places",
                places.join(", ")
            ),
            Self::NotTaken { .. } => {
                "it would have to say so in `capabilities` of its configuration".into()
            }
            Self::Place(_) => {
                "plugins need /run and /var/lib, which are covered by directories of ours".into()
            }
            _ => return None,
        })
    }
}

/// What to call a network's entry in [`CniNetwork`]: which one, and how it is wished.
#[derive(Debug, Clone)]
pub struct Plan {
    pub network: Configuration,
    pub interface: String,
    pub wishes: Wishes,
}

impl Plan {
    /// Refuses what is wished for and would be ignored.
    ///
    /// # Errors
    /// [`Error::NotTaken`]
    pub fn check(&self) -> Result<(), Error> {
        let must = [
            ("ips", "an address"),
            ("mac", "the address of an interface"),
            ("aliases", "further names"),
            ("bandwidth", "a limit of bandwidth"),
        ];
        let ignored = |(wish, _): &&(&str, &str)| {
            self.wishes.contains_key(*wish) && !self.network.takes(wish)
        };
        match must.iter().find(ignored) {
            Some((_, what)) => Err(Error::NotTaken { network: self.network.name.clone(), what }),
            None => Ok(()),
        }
    }
}

/// The CNI networks of one sandbox, and its way to the outside.
pub struct CniNetwork {
    runtime: Runtime,
    outside: UserNetwork,
    addresses: Addresses,
    plans: Vec<Plan>,
    /// The switch, and our place among those who hold it.
    registration: Registration,
    tell: Tell,
    attached: Vec<Attached>,
    /// The sandbox, as long as there is something to undo.
    netns: Option<OwnedFd>,
}

impl std::fmt::Debug for CniNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CniNetwork").field("plans", &self.plans).finish_non_exhaustive()
    }
}

impl CniNetwork {
    /// Nothing is done yet; `addresses` are those of `outside`, and `tell` is told what
    /// goes wrong at the end.
    pub fn new(
        runtime: Runtime,
        (outside, addresses): (UserNetwork, Addresses),
        plans: Vec<Plan>,
        registration: Registration,
        tell: Tell,
    ) -> Self {
        let (attached, netns) = (Vec::new(), None);
        Self { runtime, outside, addresses, plans, registration, tell, attached, netns }
    }

    fn join(&mut self, id: &str, netns: BorrowedFd<'_>) -> Result<(), super::Error> {
        let clone = || netns.try_clone_to_owned().named(|| "dup()".into()).map_err(Error::Place);
        self.netns = Some(clone()?);
        for plan in std::mem::take(&mut self.plans) {
            let one = Attached {
                network: plan.network,
                sandbox: id.into(),
                interface: plan.interface,
                supervisor: ourselves(),
                wishes: plan.wishes,
                answer: Value::Null,
                is_stuck: false,
            };
            self.attached.push(self.runtime.add(one, clone()?, &self.registration)?);
        }
        let addresses = self.addresses;
        sys::net::in_namespace(netns, || links::prefer_gateway(&addresses))
            .map_err(super::Error::User)
    }

    /// The last one first.
    fn leave(&mut self) {
        let Some(netns) = self.netns.take() else { return };
        while let Some(one) = self.attached.pop() {
            let netns = netns.try_clone().named(|| "dup()".into()).map_err(Error::Place);
            let left = netns.and_then(|netns| self.runtime.del(one, netns, &self.registration));
            if let Err(error) = left {
                // It has ended all the same; `network gc` tries again.
                (self.tell)(&error.to_string());
            }
        }
    }
}

impl Network for CniNetwork {
    fn prepare(&mut self) {
        self.outside.prepare();
    }

    fn begin(&mut self, attachment: &Attachment<'_>) -> Result<(), super::Error> {
        self.outside.begin(attachment)
    }

    fn add(&mut self, attachment: &Attachment<'_>) -> Result<(), super::Error> {
        self.outside.add(attachment)?;
        let joined = self.join(attachment.id, attachment.netns);
        if joined.is_err() {
            self.leave();
        }
        joined
    }

    fn check(&self, attachment: &Attachment<'_>) -> Result<(), super::Error> {
        for one in &self.attached {
            let netns = attachment.netns.try_clone_to_owned().named(|| "dup()".into());
            self.runtime.check(one, netns.map_err(Error::Place)?)?;
        }
        self.outside.check(attachment)
    }

    fn del(&mut self, attachment: &Attachment<'_>) -> Result<(), super::Error> {
        self.leave();
        self.registration.forget();
        self.outside.del(attachment)
    }

    fn addresses(&self) -> Vec<IpAddr> {
        self.attached.iter().flat_map(|one| one.success().addresses().collect::<Vec<_>>()).collect()
    }
}

/// If the sandbox could not be started.
impl Drop for CniNetwork {
    fn drop(&mut self) {
        self.leave();
    }
}

fn ourselves() -> ProcessId {
    let (pid, start_time) = sys::process::identity();
    ProcessId { pid, start_time }
}
