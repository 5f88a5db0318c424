//! Namespaces that a sandbox has in common with others: `--network container:`,
//! `--pid container:`, and the mounts of a CSI driver.
//!
//! Only who is root where a namespace was made may join it, so sandboxes that
//! share one are in one domain: that of the one which was there first. A driver is in a
//! domain if `sandbox domain exec` has started it.

use std::{io::Read, path::PathBuf};

use crate::{
    commands::{
        Context,
        find::Found,
        options::{CniChoice, NetworkArgs, NetworkChoice, NetworkMode},
    },
    error::Error,
    network::{
        self,
        cni::Configuration,
        named::{Catalog, Registration, Switch},
    },
    oci::{CsiDriver, Namespace, PidChoice, ProcessId},
    runtime::{self, domain::Domain},
    storage::{self, csi},
    sys,
};

/// The sandboxes with which one shares.
#[derive(Debug, Default)]
pub(in crate::commands) struct Sharing {
    network: Option<Member>,
    pids: Option<Member>,
    /// Whether it sees the host's processes: among them may be those of other sandboxes.
    sees_all: bool,
    /// Named networks.
    networks: Vec<NetworkChoice>,
    /// Those of CNI, of which there are none beside named ones.
    cni: Vec<CniChoice>,
    /// CSI drivers that are in a domain.
    drivers: Vec<ProcessId>,
    /// Our place among those who have any.
    registration: Option<Registration>,
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
        network: &NetworkArgs,
        pids: &PidChoice,
        drivers: &[CsiDriver],
        context: &Context,
    ) -> Result<Self, Error> {
        let member = |name: Option<&str>| name.map(|name| Member::find(name, context)).transpose();
        network.check().map_err(Error::usage)?;
        let networks = network.named();
        for choice in &networks {
            let found = Catalog::of(&context.config.root).find(&choice.name);
            found.map_err(network::Error::Named)?;
        }
        let cni = network.cni();
        for choice in &cni {
            let found = Configuration::find(&choice.network.name, &context.config.cni.config_dirs);
            found.map_err(network::Error::Cni)?;
        }
        let network = match network.mode() {
            NetworkMode::Sandbox(name) => Some(name.as_str()),
            _ => None,
        };
        let sees_all = *pids == PidChoice::Host;
        let pids = match pids {
            PidChoice::Sandbox(name) => Some(name.as_str()),
            _ => None,
        };
        let (network, pids) = (member(network)?, member(pids)?);
        let drivers = in_domains(drivers)?;
        Ok(Self { network, pids, sees_all, networks, cni, drivers, registration: None })
    }

    /// The domain of the others, or one of our own.
    pub(in crate::commands) fn enter_domain(&mut self, context: &Context) -> Result<Domain, Error> {
        let domain = self.enter_wanted_domain(context)?;
        match self.drivers.iter().all(|driver| sys::process::shares_user_namespace(driver.pid)) {
            true => Ok(domain),
            false => Err(Error::usage_with_hint(
                "a CSI driver is in another domain than what the sandbox shares with others",
                "start the sandbox with the driver's volume first: those that share something with it \
                 join it where the driver is",
            )),
        }
    }

    fn enter_wanted_domain(&mut self, context: &Context) -> Result<Domain, Error> {
        if !self.networks.is_empty() {
            return self.enter_common_domain(Catalog::of(&context.config.root), || {}, context);
        }
        if !self.cni.is_empty() {
            let runtime = context.cni();
            return self.enter_common_domain(runtime.catalog(), || runtime.begin(), context);
        }
        match (&self.network, &self.pids) {
            // Who is root of a domain may do to the processes in it what it likes, once it
            // sees them.
            (None, None) if self.sees_all && self.drivers.is_empty() => context.enter_own_domain(),
            (None, None) if self.sees_all => Err(Error::usage_with_hint(
                "`--pid host` would show the CSI driver to a sandbox that is root over it",
                "leave one of the two out",
            )),
            (None, None) => match self.drivers.first() {
                Some(driver) => enter_domain_of_driver(*driver, context),
                None => context.enter_domain(),
            },
            (Some(one), Some(other)) if one.domain() != other.domain() => {
                Err(Error::usage_with_hint(
                    "the network and the processes are those of sandboxes that have nothing in common",
                    "let one of the two share something with the other, too",
                ))
            }
            (Some(member), _) | (None, Some(member)) => context.enter_domain_of(member.supervisor),
        }
    }

    /// The domain of all that have named networks, or of all that have CNI networks.
    fn enter_common_domain(
        &mut self,
        catalog: Catalog,
        begin: impl FnOnce(),
        context: &Context,
    ) -> Result<Domain, Error> {
        if let Some(member) = &self.pids
            && !catalog.has_entered(member.supervisor)
        {
            return Err(Error::usage_with_hint(
                "the processes are those of a sandbox without such a network",
                "let it be on one, too",
            ));
        }
        let driver = self.drivers.first().copied();
        let make = || {
            begin();
            match driver {
                Some(driver) => enter_domain_of_driver(driver, context),
                None => context.enter_own_domain(),
            }
        };
        let (domain, registration) = enter_common_domain(&catalog, make, context)?;
        self.registration = Some(registration);
        Ok(domain)
    }

    /// The named networks, and our place among those who have any.
    pub(super) fn take_networks(&mut self) -> Option<(Vec<NetworkChoice>, Registration)> {
        let registration = self.registration.take_if(|_| !self.networks.is_empty())?;
        Some((std::mem::take(&mut self.networks), registration))
    }

    /// The CNI networks, and our place among those who have any.
    pub(super) fn take_cni(&mut self) -> Option<(Vec<CniChoice>, Registration)> {
        let registration = self.registration.take_if(|_| !self.cni.is_empty())?;
        Some((std::mem::take(&mut self.cni), registration))
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

/// Those that are in a user namespace to which we have access: of all others we see what
/// everybody does.
fn in_domains(drivers: &[CsiDriver]) -> Result<Vec<ProcessId>, Error> {
    let listeners = drivers.iter().map(csi::listener).collect::<Result<Vec<_>, _>>();
    let listeners = listeners.map_err(storage::Error::Csi)?;
    let is_in_one = |driver: &ProcessId| sys::process::is_in_other_user_namespace(driver.pid);
    let drivers: Vec<_> = listeners.into_iter().filter(is_in_one).collect();
    match drivers.windows(2).all(|pair| domain_of(pair[0]) == domain_of(pair[1])) {
        true => Ok(drivers),
        false => Err(Error::usage_with_hint(
            "the CSI drivers of the volumes are in domains that have nothing in common",
            "start both by one `sandbox domain exec`",
        )),
    }
}

/// The user namespace in which a process is.
fn domain_of(process: ProcessId) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{}/ns/user", process.pid)).ok()
}

/// That of the driver: only there can its mounts be taken over.
fn enter_domain_of_driver(driver: ProcessId, context: &Context) -> Result<Domain, Error> {
    match context.enter_domain_of(driver) {
        Err(Error::Runtime(runtime::Error::OtherIds | runtime::Error::Join(_))) => {
            Err(Error::usage_with_hint(
                "the CSI driver is in a user namespace with other ids than sandboxes have",
                "`sandbox domain exec -- DRIVER …` runs it in one with the same",
            ))
        }
        entered => entered,
    }
}

/// Enters the domain that all have in common, of which `catalog` has the register: that
/// of anybody who lives, or a new one, which `make` makes and enters.
pub(in crate::commands) fn enter_common_domain(
    catalog: &Catalog,
    make: impl FnOnce() -> Result<Domain, Error>,
    context: &Context,
) -> Result<(Domain, Registration), Error> {
    let entrance = catalog.entrance().map_err(network::Error::Named)?;
    let mut entered = None;
    for supervisor in entrance.living() {
        match context.enter_domain_of(supervisor) {
            Ok(domain) => entered = Some(domain),
            Err(Error::Runtime(runtime::Error::Gone | runtime::Error::Join(_))) => continue,
            Err(error) => return Err(error),
        }
        break;
    }
    // Whoever let us in may be gone by now, and be the last: then there is no switch.
    let there = entered.is_some().then(|| entrance.switch()).flatten();
    let mut domain = entered.map_or_else(make, Ok)?;
    let switch = there.map_or_else(Switch::begin, |switch| Ok(Switch::There(switch)));
    let switch = switch.map_err(network::Error::Named)?;
    domain.settle()?; // The next may come in as soon as the entrance is free.
    let registration = entrance.register(switch).map_err(network::Error::Named)?;
    Ok((domain, registration))
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

    fn domain(&self) -> Option<PathBuf> {
        domain_of(self.supervisor)
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
