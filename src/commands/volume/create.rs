//! `sandbox volume create` (CSI `CreateVolume`).

use super::describe::{describe, pair};
use crate::{commands::Context, error::Error, storage, ui};

/// Make a volume, and print its name
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// local, a directory of the store; tmpfs, in memory; image, the files of an image
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
    let mut record = describe(&name, &args.driver, pairs(&args.options), pairs(&args.labels))?;
    record.anonymous = args.name.is_none();
    match context.store_alone()?.create_volume(&record) {
        Err(storage::Error::VolumeExists(_)) if args.ignore => {}
        made => drop(made?),
    }
    ui::print(&format!("{name}\n"))
}
