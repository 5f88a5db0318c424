//! `sandbox network connect` and `disconnect`.

use std::net::IpAddr;

use super::{Context, catalog};
use crate::{
    commands::{
        find::Found,
        options::{NetworkArgs, NetworkChoice},
    },
    error::Error,
    network::{self, named::Catalog},
    oci::ProcessId,
    sys,
};

/// Put a sandbox on a network
///
/// One that runs must have been started with a named network. It stays on the
/// network when it is started again.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its address there
    #[arg(long, value_name = "IPV4")]
    ip: Option<std::net::Ipv4Addr>,

    /// Its IPv6 address there
    #[arg(long, value_name = "IPV6")]
    ip6: Option<std::net::Ipv6Addr>,

    /// Another name for it there
    #[arg(long, value_name = "NAME")]
    alias: Vec<String>,

    /// Network, by name or id
    #[arg(value_name = "NETWORK")]
    network: String,

    /// Sandbox, by name or id
    #[arg(value_name = "SANDBOX")]
    sandbox: String,
}

/// Take a sandbox off a network
#[derive(Debug, clap::Args)]
pub(super) struct DisconnectArgs {
    /// Accepted, as nothing more can be forced
    #[arg(short, long, hide = true)]
    force: bool,

    /// Network, by name or id
    #[arg(value_name = "NETWORK")]
    network: String,

    /// Sandbox, by name or id
    #[arg(value_name = "SANDBOX")]
    sandbox: String,
}

pub(super) fn connect(args: &Args, context: &Context) -> Result<(), Error> {
    let catalog = catalog(context);
    let network = catalog.find(&args.network).map_err(network::Error::Named)?;
    let found = Found::look(&args.sandbox, context)?;
    let choice = NetworkChoice {
        name: network.name,
        v4: args.ip.map(IpAddr::from),
        v6: args.ip6.map(IpAddr::from),
        aliases: args.alias.clone(),
        mac: None,
    };
    let mut options = options(&found)?;
    options.connect(&choice).map_err(Error::usage)?;
    if found.state()?.is_alive() {
        plug(&found, &choice, &catalog, context)?;
    }
    rewrite(&found, &options)
}

fn plug(
    found: &Found,
    choice: &NetworkChoice,
    catalog: &Catalog,
    context: &Context,
) -> Result<(), Error> {
    let (supervisor, workload) = processes(found)?;
    if !catalog.has_entered(supervisor) {
        return Err(Error::usage_with_hint(
            format!("{} has no named network so far", found.config.display_name()),
            "stop it, connect it, and start it again",
        ));
    }
    let _ = context.enter_domain_of(supervisor)?;
    let config = &found.config;
    let request = choice.request(&config.id, config.display_name(), &config.hostname);
    let entry = format!("{}-{}", supervisor.pid, supervisor.start_time);
    let join = || {
        let mut membership = catalog.reserve(&choice.name, &request, &entry)?;
        let switch = catalog.switch_of(supervisor)?;
        let sandbox = sys::net::namespace_of(workload.pid);
        let sandbox = sandbox.map_err(network::named::Error::Switch)?;
        membership.join(switch, sandbox)?;
        membership.keep();
        Ok(())
    };
    Ok(join().map_err(network::Error::Named)?)
}

pub(super) fn disconnect(args: &DisconnectArgs, context: &Context) -> Result<(), Error> {
    let catalog = catalog(context);
    let network = catalog.find(&args.network).map_err(network::Error::Named)?;
    let found = Found::look(&args.sandbox, context)?;
    let mut options = options(&found)?;
    if !options.disconnect(&network.name) {
        let sandbox = found.config.display_name().into();
        let error = network::named::Error::NotConnected { sandbox, network: network.name };
        return Err(network::Error::Named(error).into());
    }
    if found.state()?.is_alive() {
        let (supervisor, _) = processes(&found)?;
        let _ = context.enter_domain_of(supervisor)?;
        let unplug = || {
            let switch = catalog.switch_of(supervisor)?;
            catalog.disconnect(&network.name, &found.config.id, switch)
        };
        unplug().map_err(network::Error::Named)?;
    }
    rewrite(&found, &options)
}

fn processes(found: &Found) -> Result<(ProcessId, ProcessId), Error> {
    let state = found.state()?.0;
    let ended = || Error::usage(format!("{} does not run", found.config.display_name()));
    state.supervisor.zip(state.process).ok_or_else(ended)
}

fn options(found: &Found) -> Result<NetworkArgs, Error> {
    NetworkArgs::from_words(&found.config.network).map_err(Error::usage)
}

/// For its next start.
fn rewrite(found: &Found, options: &NetworkArgs) -> Result<(), Error> {
    if !found.stored.is_kept() {
        return Ok(());
    }
    let config = crate::oci::SandboxConfig { network: options.words(), ..found.config.clone() };
    Ok(found.stored.rewrite_config(&config)?)
}
