//! `sandbox volume prune`: removes what no sandbox names.

use super::ls::VolumeFilter;
use crate::{
    commands::{Context, csi, prune::confirmed},
    error::Error,
    storage::{self, Store},
    ui,
};

/// Remove the volumes that no sandbox names and that nobody gave a name
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Those that have a name, too
    #[arg(short, long)]
    all: bool,

    /// Do not ask
    #[arg(short, long)]
    force: bool,

    /// Only those that fit: name=PART, label=KEY[=VALUE], driver=NAME
    #[arg(long = "filter", value_name = "KEY=VALUE")]
    filters: Vec<VolumeFilter>,
}

pub(super) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let which = if args.all { "" } else { " and have no name of their own" };
    let warning = format!("this removes all volumes that no sandbox uses{which}");
    if !confirmed(args.force, &warning)? {
        return Ok(());
    }
    let store = context.store_alone()?;
    let text = remove_unused(&store, args.all, &args.filters, false, context)?;
    ui::print(&text)
}

/// Removes those that have no name, for `system prune`; what that is, is told people.
pub(in crate::commands) fn prune(
    store: &Store,
    dry_run: bool,
    context: &Context,
) -> Result<(), Error> {
    let text = remove_unused(store, false, &[], dry_run, context)?;
    text.lines().for_each(|line| context.ui.note(line));
    Ok(())
}

/// Removes the volumes that no sandbox names, those with a name only if `all`, or only
/// looks; what there is to tell.
fn remove_unused(
    store: &Store,
    all: bool,
    filters: &[VolumeFilter],
    dry_run: bool,
    context: &Context,
) -> Result<String, Error> {
    let users = store.users_of_volumes()?;
    let (mut text, mut freed) = (String::new(), 0);
    for volume in store.volumes()? {
        let name = &volume.record.name;
        let fits = || filters.iter().all(|filter| filter.fits(&volume, false));
        if users.contains_key(name) || !(all || volume.record.anonymous) || !fits() {
            continue;
        }
        let bytes = volume.size();
        if !dry_run {
            match csi::remove(name, store, context) {
                Err(Error::Storage(
                    storage::Error::VolumeInUse { .. } | storage::Error::NoSuchVolume(_),
                )) => continue,
                Err(Error::Storage(storage::Error::Csi(error))) => {
                    context.ui.note(&format!("the volume `{name}` stays: {error}"));
                    continue;
                }
                removed => removed?,
            }
        }
        let verb = if dry_run { "would remove" } else { "removed" };
        text.push_str(&format!("{verb}: volume {name} ({})\n", ui::bytes(bytes)));
        freed += bytes;
    }
    let total = if dry_run { "would free" } else { "freed" };
    Ok(format!("{text}{total}: {}\n", ui::bytes(freed)))
}
