//! `sandbox volume rm` (CSI `DeleteVolume`).

use crate::{
    commands::{Context, csi, each},
    error::Error,
    storage,
};

/// Remove volumes, with all that is in them
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Do not mind if there are none, or if they are damaged
    #[arg(short, long)]
    force: bool,

    /// Ask no CSI driver: what it has of them stays there, and is ours no more
    #[arg(long)]
    forget: bool,

    /// Volumes, by name
    #[arg(required = true, value_name = "VOLUME")]
    volumes: Vec<String>,
}

pub(super) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let store = context.store_alone()?;
    each(&args.volumes, context, |name| {
        if !args.force {
            store.volume(name)?; // What is damaged may be worth a look.
        }
        let removed = match args.forget {
            true => store.remove_volume(name).map_err(Error::from),
            false => csi::remove(name, &store, context),
        };
        match removed {
            Err(Error::Storage(storage::Error::NoSuchVolume(_))) if args.force => Ok(()),
            removed => removed,
        }
    })
}
