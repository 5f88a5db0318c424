//! `sandbox container …`: docker's other names for the commands about sandboxes.

use std::time::SystemTime;

use super::{
    Context, attach, cow, create, exec,
    find::{self, Found},
    inspect, kill, logs,
    options::{Filter, parse_moment},
    port, prune, ps, rename, restart, rm, run, start, stop, top, wait,
};
use crate::{
    error::Error,
    oci::{ExitStatus, SandboxState},
    sys::time::{parse_rfc3339, rfc3339},
    ui,
};

/// Work with sandboxes, by docker's grouped names
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Attach(attach::Args),
    Create(Box<create::Args>),
    Exec(exec::Args),
    Inspect(inspect::Args),
    Kill(kill::Args),
    Logs(logs::Args),
    #[command(aliases = ["list", "ps"])]
    Ls(ps::Args),
    Port(port::Args),
    Prune(PruneArgs),
    Rename(rename::Args),
    Restart(restart::Args),
    #[command(alias = "remove")]
    Rm(rm::Args),
    Run(Box<run::Args>),
    Start(start::Args),
    Stop(stop::Args),
    Top(top::Args),
    Wait(wait::Args),
}

/// Remove the sandboxes that do not run
#[derive(Debug, clap::Args)]
pub struct PruneArgs {
    /// Do not ask
    #[arg(short, long)]
    force: bool,

    /// Only those that fit: label=KEY[=VALUE], until=TIME, and what `ps` knows
    #[arg(long, value_name = "KEY=VALUE")]
    filter: Vec<PruneFilter>,
}

/// Which sandboxes are removed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PruneFilter {
    /// Those that were made before.
    Until(SystemTime),
    Other(Filter),
}

impl std::str::FromStr for PruneFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("until=") {
            Some(time) => parse_moment(time).map(Self::Until),
            None => text.parse().map(Self::Other),
        }
    }
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<ExitStatus, Error> {
    let done = |()| ExitStatus::Exited(0);
    match &args.command {
        Command::Attach(args) => attach::execute(args, context),
        Command::Create(args) => create::execute(args, context).map(done),
        Command::Exec(args) => exec::execute(args, context),
        Command::Inspect(args) => inspect::execute_sandboxes(args, context).map(done),
        Command::Kill(args) => kill::execute(args, context).map(done),
        Command::Logs(args) => logs::execute(args, context).map(done),
        Command::Ls(args) => ps::execute(args, context).map(done),
        Command::Port(args) => port::execute(args, context).map(done),
        Command::Prune(args) => prune_sandboxes(args, context).map(done),
        Command::Rename(args) => rename::execute(args, context).map(done),
        Command::Restart(args) => restart::execute(args, context),
        Command::Rm(args) => rm::execute(args, context).map(done),
        Command::Run(args) => run::execute(args, context),
        Command::Start(args) => start::execute(args, context),
        Command::Stop(args) => stop::execute(args, context).map(done),
        Command::Top(args) => top::execute(args, context).map(done),
        Command::Wait(args) => wait::execute(args, context).map(done),
    }
}

impl PruneArgs {
    fn fits(&self, found: &Found, state: &SandboxState) -> bool {
        let created = parse_rfc3339(&found.config.created);
        let mut others = Vec::new();
        let is_old = self.filter.iter().all(|filter| match filter {
            PruneFilter::Until(time) => created < parse_rfc3339(&rfc3339(*time)),
            PruneFilter::Other(filter) => {
                others.push(filter.clone());
                true
            }
        });
        is_old && Filter::all_fit(&others, &found.config, state)
    }
}

fn prune_sandboxes(args: &PruneArgs, context: &Context) -> Result<(), Error> {
    let warning = "this removes all sandboxes that do not run";
    if !prune::confirmed(args.force, warning)? {
        return Ok(());
    }
    let store = context.store_alone()?;
    let mut removed = String::new();
    for (found, state) in Found::all(context)? {
        let is_wanted = args.fits(&found, &state.0);
        if found.stored.is_kept() && !state.is_alive() && is_wanted {
            let held = find::take(&store.sandbox(found.stored.id())?)?;
            if held.holds_changes() {
                context.ui.note(&cow::spared(found.config.display_name()));
                continue;
            }
            held.remove()?;
            removed.push_str(&format!("{}\n", found.stored.id()));
        }
    }
    ui::print(&removed)
}
