//! `sandbox volume rm` (CSI `DeleteVolume`).

use super::expect_unused;
use crate::{
    commands::{Context, each},
    error::Error,
    storage,
};

/// Remove volumes, with all that is in them
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Do not mind if there are none
    #[arg(short, long)]
    force: bool,

    /// Volumes, by name
    #[arg(required = true, value_name = "VOLUME")]
    volumes: Vec<String>,
}

pub(super) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let store = context.store_alone()?;
    each(&args.volumes, context, |name| {
        let volume = match store.volume(name) {
            Err(storage::Error::NoSuchVolume(_)) if args.force => return Ok(()),
            found => found?,
        };
        expect_unused(name, &store)?;
        Ok(volume.remove()?)
    })
}
