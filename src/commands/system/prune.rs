//! `sandbox system prune`: remove what nobody needs.

use crate::{
    commands::{Context, prune},
    error::Error,
    storage::Prune,
};

/// Remove what nobody needs: sandboxes that do not run, layers without an
/// image, and what interrupted commands left
///
/// Nothing that a command or sandbox uses at this moment is touched. What is
/// told is measured: bytes on disk.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    options: prune::Options,

    /// Remove volumes that no sandbox uses and nobody gave a name, too
    #[arg(long)]
    volumes: bool,
}

pub(super) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let images = if args.options.all { ", all images that are not in use" } else { "" };
    let volumes = if args.volumes { ", volumes without a name" } else { "" };
    let warning = format!(
        "this removes all sandboxes that do not run{images}{volumes}, \
         layers that no image needs, and what was interrupted"
    );
    let images = args.options.all;
    let request = Prune { images, sandboxes: true, debris: true, ..Prune::default() };
    prune::execute(request, &warning, &args.options, args.volumes, context)
}
