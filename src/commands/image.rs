//! `sandbox image …`: docker's other names for the commands about images.

use super::{Context, history, images, import, inspect, load, prune, pull, push, rmi, save, tag};
use crate::{error::Error, storage::Prune};

/// Work with images, by docker's grouped names
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    #[command(alias = "list")]
    Ls(images::Args),
    Pull(pull::Args),
    Push(push::Args),
    #[command(alias = "remove")]
    Rm(rmi::Args),
    Tag(tag::Args),
    Save(save::Args),
    Load(load::Args),
    Import(import::Args),
    History(history::Args),
    Inspect(inspect::Args),
    Prune(PruneArgs),
}

/// Remove layers that no image needs
///
/// Nothing that a command or sandbox uses at this moment is touched, nor what a
/// sandbox that is kept needs.
#[derive(Debug, clap::Args)]
struct PruneArgs {
    #[command(flatten)]
    options: prune::Options,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    match &args.command {
        Command::Ls(args) => images::execute(args, context),
        Command::Pull(args) => pull::execute(args, context),
        Command::Push(args) => push::execute(args, context),
        Command::Rm(args) => rmi::execute(args, context),
        Command::Tag(args) => tag::execute(args, context),
        Command::Save(args) => save::execute(args, context),
        Command::Load(args) => load::execute(args, context),
        Command::Import(args) => import::execute(args, context),
        Command::History(args) => history::execute(args, context),
        Command::Inspect(args) => inspect::execute_images(args, context),
        Command::Prune(args) => prune_images(args, context),
    }
}

fn prune_images(args: &PruneArgs, context: &Context) -> Result<(), Error> {
    let images = args.options.all;
    let warning = if images {
        "this removes all images that no sandbox uses"
    } else {
        "this removes layers that no image needs"
    };
    let request = Prune { images, ..Prune::default() };
    prune::execute(request, warning, &args.options, false, context)
}
