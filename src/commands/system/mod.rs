//! `sandbox system`: looking after the store.

mod check;
mod df;
mod prune;
mod reset;

use super::Context;
use crate::error::Error;

/// Look after the store: what it takes, what of it can go, whether it is whole
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(check::Args),
    Df(df::Args),
    Prune(prune::Args),
    Reset(reset::Args),
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    match &args.command {
        Command::Check(args) => check::execute(args, context),
        Command::Df(args) => df::execute(args, context),
        Command::Prune(args) => prune::execute(args, context),
        Command::Reset(args) => reset::execute(args, context),
    }
}
