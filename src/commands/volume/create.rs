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

    /// Do not mind if it is there, made with another driver or other options
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
        Err(storage::Error::VolumeExists(_)) => reuse(&record, args.ignore, &store, context)?,
        made => csi::provision_new(&made?, &store, context)?,
    }
    ui::print(&format!("{name}\n"))
}

/// Takes the volume that is there if the same was asked for, as docker does. A CSI driver goes
/// on with what it has not made yet.
fn reuse(
    record: &VolumeRecord,
    whatever_it_is: bool,
    store: &Store,
    context: &Context,
) -> Result<(), Error> {
    let found = store.volume(&record.name)?;
    let is_same = found.record.driver == record.driver && found.record.options == record.options;
    let is_unmade = || found.csi_state().is_ok_and(|state| state.volume.is_none());
    if is_same && found.record.is_a_drivers() && is_unmade() {
        return csi::provision(&found, context);
    }
    match is_same || whatever_it_is {
        true => Ok(()),
        false => Err(differs(&found.record)),
    }
}

fn differs(found: &VolumeRecord) -> Error {
    let options = found.options.iter().map(|(key, value)| format!(" --opt {key}={value}"));
    let made = format!("--driver {}{}", found.driver, options.collect::<String>());
    storage::Error::VolumeDiffers { name: found.name.clone(), made }.into()
}
