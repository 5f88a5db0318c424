//! What CNI adds to `sandbox network`: `check`, `gc`, and lines of `ls` and `inspect`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Context;
use crate::{
    commands::{find::Found, launch::sharing::enter_common_domain},
    error::Error,
    network::{
        self,
        cni::{self, Attached, Configuration},
        named::Registration,
    },
    oci::ProcessId,
    sys, ui,
};

/// What makes a name one of CNI's.
pub(super) const PREFIX: &str = "cni:";

/// Ask CNI plugins whether what they made is still there
///
/// Of a network without sandboxes, whether one could be added to it.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// CNI networks (cni:NAME) and sandboxes; all sandboxes with CNI networks if there
    /// is none
    #[arg(value_name = "cni:NAME|SANDBOX")]
    targets: Vec<String>,
}

/// Undo what killed sandboxes have left on CNI networks
#[derive(Debug, clap::Args)]
pub(super) struct GcArgs {}

/// What is to be checked.
enum Target {
    Sandbox(Attached),
    Network(Configuration),
}

pub(super) fn check(args: &CheckArgs, context: &Context) -> Result<(), Error> {
    let living = context.cni().living();
    let mut targets = Vec::new();
    for target in &args.targets {
        targets.extend(find(target, &living, context)?);
    }
    if args.targets.is_empty() {
        targets.extend(living.into_iter().map(Target::Sandbox));
    }
    if targets.is_empty() {
        return Ok(());
    }
    let registration = enter(context)?;
    let mut failure = None;
    for target in &targets {
        match (target.check(&registration, context), &failure) {
            (Ok(()), _) => ui::print(&format!("{}: ok\n", target.name()))?,
            (Err(error), None) => failure = Some(error),
            (Err(error), Some(_)) => context.ui.report(&error),
        }
    }
    failure.map_or(Ok(()), Err)
}

fn find(target: &str, living: &[Attached], context: &Context) -> Result<Vec<Target>, Error> {
    let those = |fits: &dyn Fn(&Attached) -> bool| {
        let those = living.iter().filter(|one| fits(one)).cloned();
        those.map(Target::Sandbox).collect::<Vec<_>>()
    };
    if let Some(name) = target.strip_prefix(PREFIX) {
        let network = Configuration::find(name, &context.config.cni.config_dirs);
        let network = network.map_err(network::Error::Cni)?;
        let mut found = those(&|one| one.network.name == name);
        found.insert(0, Target::Network(network));
        return Ok(found);
    }
    let sandbox = Found::look(target, context)?.config;
    let found = those(&|one| one.sandbox == sandbox.id);
    if found.is_empty() {
        let name = sandbox.display_name();
        return Err(Error::usage(format!("{name} does not run on a CNI network")));
    }
    Ok(found)
}

impl Target {
    fn name(&self) -> String {
        match self {
            Self::Network(network) => format!("{PREFIX}{}", network.name),
            Self::Sandbox(one) => {
                let short = one.sandbox.get(..12).unwrap_or(&one.sandbox);
                format!("{PREFIX}{} {short} {}", one.network.name, one.interface)
            }
        }
    }

    fn check(&self, own: &Registration, context: &Context) -> Result<(), Error> {
        let checked = match self {
            Self::Network(network) => context.cni().status(network, own),
            Self::Sandbox(one) => {
                let process = Found::look(&one.sandbox, context)?.state()?.0.process;
                let ProcessId { pid, .. } =
                    process.ok_or_else(|| Error::usage(format!("{} does not run", one.sandbox)))?;
                let netns = sys::net::namespace_of(pid).map_err(network::Error::Check)?;
                context.cni().check(one, netns)
            }
        };
        Ok(checked.map_err(network::Error::Cni)?)
    }
}

pub(super) fn gc(_: &GcArgs, context: &Context) -> Result<(), Error> {
    let (freed, errors) = collect(context)?;
    ui::print(&format!("{freed}\n"))?;
    let mut errors = errors.into_iter().map(|error| Error::from(network::Error::Cni(error)));
    let first = errors.next();
    errors.for_each(|error| context.ui.report(&error));
    first.map_or(Ok(()), Err)
}

/// Frees what nobody has; how many sandboxes were undone, and what went wrong.
pub(super) fn collect(context: &Context) -> Result<(usize, Vec<cni::Error>), Error> {
    let networks = Configuration::all(&context.config.cni.config_dirs);
    if !context.cni().is_used() {
        return Ok((0, Vec::new()));
    }
    let registration = enter(context)?;
    let collected = context.cni().collect_all(&networks, &registration);
    Ok(collected.map_err(network::Error::Cni)?)
}

fn enter(context: &Context) -> Result<Registration, Error> {
    let runtime = context.cni();
    let make = || {
        runtime.begin();
        context.enter_own_domain()
    };
    let entered = enter_common_domain(&runtime.catalog(), make, context);
    entered.map(|(_, registration)| registration)
}

/// An id, because everything here has one: always the same for a name.
pub(super) fn id(network: &Configuration) -> String {
    let hash = Sha256::digest(format!("{PREFIX}{}", network.name));
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// For `inspect`, by docker's names as far as they fit.
pub(super) fn describe(network: &Configuration, context: &Context) -> Value {
    let members = context.cni().living().into_iter();
    let members = members.filter(|one| one.network.name == network.name);
    let members: BTreeMap<_, _> =
        members.map(|one| (one.sandbox.clone(), of_member(&one, context))).collect();
    json!({
        "Name": format!("{PREFIX}{}", network.name),
        "Id": id(network),
        "Scope": "local",
        "Driver": "cni",
        "File": network.file,
        "CniVersion": network.version,
        "Plugins": network.plugins.iter().map(|plugin| &plugin.kind).collect::<Vec<_>>(),
        "Containers": members,
        "Options": {},
        "Labels": {},
    })
}

fn of_member(one: &Attached, context: &Context) -> Value {
    let name = Found::look(&one.sandbox, context);
    let name = name.map(|found| found.config.display_name().to_owned());
    let success = one.success();
    let inside = success.interfaces.iter().find(|interface| !interface.sandbox.is_empty());
    let address = |v6: bool| {
        let addresses = success.ips.iter().map(|ip| ip.address.clone());
        addresses.into_iter().find(|address| address.contains(':') == v6).unwrap_or_default()
    };
    json!({
        "Name": name.unwrap_or_default(),
        "EndpointID": "",
        "Interface": one.interface,
        "MacAddress": inside.map(|interface| interface.mac.clone()).unwrap_or_default(),
        "IPv4Address": address(false),
        "IPv6Address": address(true),
        "Result": success,
    })
}

/// The CNI network of this name, if it is one of CNI's.
pub(super) fn named(name: &str, context: &Context) -> Option<Result<Configuration, Error>> {
    let name = name.strip_prefix(PREFIX)?;
    let found = Configuration::find(name, &context.config.cni.config_dirs);
    Some(found.map_err(|error| network::Error::Cni(error).into()))
}
