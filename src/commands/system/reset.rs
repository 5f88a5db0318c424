//! `sandbox system reset`: remove the store.

use crate::{
    commands::{Context, prune},
    error::Error,
    ui,
};

/// Remove the whole store: images, layers, sandboxes, volumes
///
/// Where ids are mapped, files in the store belong to other ids than yours, so
/// that `rm` cannot remove them; this can. It does nothing as long as a command
/// or sandbox uses the store.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Do not ask
    #[arg(short, long)]
    force: bool,
}

pub(super) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let root = &context.config.root;
    let warning = format!("this removes all images, sandboxes and volumes in {}", root.display());
    if !prune::confirmed(args.force, &warning)? {
        return Ok(());
    }
    let reset = context.store_unswept()?.reset()?;
    if reset.left > 0 {
        let left = ui::bytes(reset.left);
        context.ui.note(&format!("{left} are left in {}: not ours to remove", root.display()));
    }
    ui::print(&format!("freed: {} ({} bytes)\n", ui::bytes(reset.bytes), reset.bytes))
}
