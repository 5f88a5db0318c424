//! `sandbox domain …`: the user namespace in which this program is root.

mod exec;

use super::Context;
use crate::error::Error;

/// Run programs where sandboxes are made
///
/// A domain is a user namespace in which you are root, with the ids that your sandboxes
/// have.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Exec(exec::Args),
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    match &args.command {
        Command::Exec(args) => exec::execute(args, context),
    }
}
