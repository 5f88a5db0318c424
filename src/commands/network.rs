//! `sandbox network …`: networks that have names, in docker's words.

mod cni;
mod connect;
mod create;
mod inspect;
mod ls;

use super::{Context, each, prune::confirmed};
use crate::{
    error::Error,
    network::{
        self,
        named::{Catalog, Definition},
    },
    ui,
};

/// Networks on which sandboxes find each other by name
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(cni::CheckArgs),
    Connect(connect::Args),
    Create(create::Args),
    Disconnect(connect::DisconnectArgs),
    Gc(cni::GcArgs),
    Inspect(inspect::Args),
    #[command(alias = "list")]
    Ls(ls::Args),
    Prune(PruneArgs),
    #[command(alias = "remove")]
    Rm(RmArgs),
}

/// Remove networks that have no members
#[derive(Debug, clap::Args)]
pub(crate) struct RmArgs {
    /// Do not fail for one that is not there
    #[arg(short, long)]
    force: bool,

    /// Networks, by name or id
    #[arg(required = true, value_name = "NETWORK")]
    networks: Vec<String>,
}

/// Remove all networks that have no members
///
/// And undo what killed sandboxes have left on CNI networks, as `gc` does.
#[derive(Debug, clap::Args)]
pub(crate) struct PruneArgs {
    /// Do not ask
    #[arg(short, long)]
    force: bool,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    match &args.command {
        Command::Check(args) => cni::check(args, context),
        Command::Connect(args) => connect::connect(args, context),
        Command::Create(args) => create::execute(args, context),
        Command::Disconnect(args) => connect::disconnect(args, context),
        Command::Gc(args) => cni::gc(args, context),
        Command::Inspect(args) => inspect::execute(args, context),
        Command::Ls(args) => ls::execute(args, context),
        Command::Prune(args) => prune(args, context),
        Command::Rm(args) => remove(args, context),
    }
}

fn catalog(context: &Context) -> Catalog {
    Catalog::of(&context.config.root)
}

fn remove(args: &RmArgs, context: &Context) -> Result<(), Error> {
    let catalog = catalog(context);
    let mut gone = Vec::new();
    let removed = each(&args.networks, context, |name| match catalog.remove(name) {
        Err(network::named::Error::NoSuch(_)) if args.force => Ok(()),
        removed => {
            gone.push(removed.map_err(network::Error::Named)?);
            Ok(())
        }
    });
    remove_bridges(gone, &catalog, context);
    removed
}

fn prune(args: &PruneArgs, context: &Context) -> Result<(), Error> {
    let warning = "This will remove all networks that no running sandbox is on.";
    if !confirmed(args.force, warning)? {
        return Ok(());
    }
    let catalog = catalog(context);
    let unused = catalog.all().into_iter().filter_map(|network| catalog.remove(&network.name).ok());
    let unused: Vec<_> = unused.collect();
    if !unused.is_empty() {
        let names: String = unused.iter().map(|network| format!("{}\n", network.name)).collect();
        ui::print(&format!("Deleted Networks:\n{names}"))?;
    }
    // Another process can be in another domain: that of CNI networks is left to those
    // who have nothing to do in this one.
    match catalog.anybody().is_some() && !unused.is_empty() {
        true => remove_bridges(unused, &catalog, context),
        false => {
            let (_, errors) = cni::collect(context)?;
            errors.iter().for_each(|error| context.ui.note(&error.to_string()));
        }
    }
    Ok(())
}

/// As long as anybody has a network, bridges of others are there as well, unused.
fn remove_bridges(networks: Vec<Definition>, catalog: &Catalog, context: &Context) {
    let Some(supervisor) = catalog.anybody().filter(|_| !networks.is_empty()) else { return };
    if context.enter_domain_of(supervisor).is_err() {
        return; // It has just gone, and they with it.
    }
    for network in networks {
        if let Ok(switch) = catalog.switch_of(supervisor) {
            Catalog::remove_bridge(&network, switch);
        }
    }
}
