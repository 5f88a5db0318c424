//! `sandbox system reset`: remove the store.

use crate::{
    commands::{Context, csi, prune},
    error::Error,
    storage::Store,
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

/// Has CSI drivers delete what is theirs: with our records nobody would know of it.
fn give_back(store: &Store, context: &Context) -> Result<(), Error> {
    let mut volumes = store.volumes()?;
    volumes.retain(|volume| volume.record.is_a_drivers());
    volumes.iter().try_for_each(|volume| csi::remove(&volume.record.name, store, context))
}

pub(super) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let root = &context.config.root;
    let warning = format!("this removes all images, sandboxes and volumes in {}", root.display());
    if !prune::confirmed(args.force, &warning)? {
        return Ok(());
    }
    let store = context.store_unswept()?;
    give_back(&store, context)?;
    let reset = store.reset()?;
    if reset.left > 0 {
        let left = ui::bytes(reset.left);
        context.ui.note(&format!("{left} are left in {}: not ours to remove", root.display()));
    }
    ui::print(&format!("freed: {} ({} bytes)\n", ui::bytes(reset.bytes), reset.bytes))
}
