//! Namespaces that a sandbox has in common with others: `--network container:`
//! and `--pid container:`.
//!
//! Only who is root where a namespace was made may join it, so sandboxes that
//! share one are in one domain: that of the one which was there first.

use std::io::Read;

use crate::{
    commands::{Context, find::Found, options::NetworkMode},
    error::Error,
    oci::{Namespace, PidChoice, ProcessId},
    runtime::domain::Domain,
    sys,
};

/// The sandboxes with which one shares.
#[derive(Debug, Default)]
pub(in crate::commands) struct Sharing {
    network: Option<Member>,
    pids: Option<Member>,
}

/// One of them.
#[derive(Debug)]
pub(in crate::commands) struct Member {
    supervisor: ProcessId,
    workload: ProcessId,
}

/// A file of another sandbox is read no further, in bytes.
const LONGEST: u64 = 1 << 20;

impl Sharing {
    /// Finds them; they must run.
    pub(in crate::commands) fn find(
        network: &NetworkMode,
        pids: &PidChoice,
        context: &Context,
    ) -> Result<Self, Error> {
        let member = |name: Option<&str>| name.map(|name| Member::find(name, context)).transpose();
        let network = match network {
            NetworkMode::Sandbox(name) => Some(name.as_str()),
            _ => None,
        };
        let pids = match pids {
            PidChoice::Sandbox(name) => Some(name.as_str()),
            _ => None,
        };
        Ok(Self { network: member(network)?, pids: member(pids)? })
    }

    /// The domain of the others, or one of our own.
    pub(in crate::commands) fn enter_domain(&self, context: &Context) -> Result<Domain, Error> {
        match (&self.network, &self.pids) {
            (None, None) => context.enter_domain(),
            (Some(one), Some(other)) if one.domain() != other.domain() => {
                Err(Error::usage_with_hint(
                    "the network and the processes are those of sandboxes that have nothing in common",
                    "let one of the two share something with the other, too",
                ))
            }
            (Some(member), _) | (None, Some(member)) => context.enter_domain_of(member.supervisor),
        }
    }

    pub(super) fn pid_namespace(&self, choice: &PidChoice) -> Namespace {
        match (choice, &self.pids) {
            (PidChoice::Host, _) => Namespace::Host,
            (_, Some(member)) => Namespace::Of(member.workload),
            (_, None) => Namespace::Own,
        }
    }

    pub(super) fn network_namespace(&self, mode: &NetworkMode) -> Namespace {
        match (mode, &self.network) {
            (NetworkMode::Host, _) => Namespace::Host,
            (_, Some(member)) => Namespace::Of(member.workload),
            (_, None) => Namespace::Own,
        }
    }

    /// Who has the network.
    pub(super) fn network(&self) -> Option<&Member> {
        self.network.as_ref()
    }
}

impl Member {
    fn find(name: &str, context: &Context) -> Result<Self, Error> {
        let found = Found::look(name, context)?;
        let state = found.state()?.0;
        match state.supervisor.zip(state.process) {
            Some((supervisor, workload)) => Ok(Self { supervisor, workload }),
            None => Err(Error::usage(format!("{} does not run", found.config.display_name()))),
        }
    }

    fn domain(&self) -> Option<std::path::PathBuf> {
        std::fs::read_link(format!("/proc/{}/ns/user", self.supervisor.pid)).ok()
    }

    /// A small file of its `/etc`; nothing if it cannot be had. To be called in
    /// the domain.
    pub(super) fn read_etc(&self, name: &str) -> String {
        let root = format!("/proc/{}/root", self.workload.pid);
        let etc = sys::fs::open_directory(root.as_ref())
            .and_then(|root| sys::fs::open_in_root(root, "etc".as_ref()));
        let mut text = String::new();
        if let Ok(file) = etc.and_then(|etc| sys::fs::open_file_at(etc, name.as_ref()))
            && file.metadata().is_ok_and(|metadata| metadata.is_file())
        {
            let _ = file.take(LONGEST).read_to_string(&mut text);
        }
        text
    }
}
