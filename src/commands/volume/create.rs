//! `sandbox volume create` (CSI `CreateVolume`).

use super::describe::{describe, pair};
use crate::{
    commands::{Context, csi},
    error::Error,
    oci::VolumeRecord,
    storage::{self, Store},
    ui,
};

/// Make a volume, and print its name
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// local, a directory of the store; tmpfs, in memory; image, the files of an image;
    /// csi:NAME or csi:unix:///PATH, what a CSI driver makes
    #[arg(short, long, value_name = "DRIVER", default_value = "local")]
    driver: String,

    /// Option of the driver, such as size=64m or image=NAME
    #[arg(short, long = "opt", value_name = "KEY=VALUE")]
    options: Vec<String>,

    /// Note something down with it
    #[arg(long = "label", value_name = "KEY[=VALUE]")]
    labels: Vec<String>,

    /// Do not mind if it is there
    #[arg(long)]
    ignore: bool,

    /// Name; without one it is chosen
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

pub(super) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => storage::new_volume_name()?,
    };
    let pairs = |texts: &[String]| texts.iter().map(|text| pair(text)).collect();
    let mut record = describe(
        &name,
        &args.driver,
        pairs(&args.options),
        pairs(&args.labels),
        &context.config.csi,
    )?;
    record.anonymous = args.name.is_none();
    let store = context.store_alone()?;
    match store.create_volume(&record) {
        Err(storage::Error::VolumeExists(_)) if goes_on(&record, &store) => {
            csi::provision(&store.volume(&name)?, context)?;
        }
        Err(storage::Error::VolumeExists(_)) if args.ignore => {}
        made => csi::provision_new(&made?, &store, context)?,
    }
    ui::print(&format!("{name}\n"))
}

/// Whether the same was asked for before, and the driver has not made it yet.
fn goes_on(record: &VolumeRecord, store: &Store) -> bool {
    let Ok(found) = store.volume(&record.name) else { return false };
    let is_same = found.record.driver == record.driver && found.record.options == record.options;
    is_same && found.record.is_a_drivers() && found.csi_state().is_ok_and(|it| it.volume.is_none())
}
