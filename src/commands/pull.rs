//! `sandbox pull`: fetch an image without running it.

use super::{
    Context,
    credentials::ask_helpers,
    fetch::{self, PullPolicy, Request},
    lock,
    options::{LockedArgs, RegistryArgs},
};
use crate::{
    error::Error,
    oci::{Platform, Reference},
    ui::{self, Ui},
};

/// Fetch an image and unpack it
///
/// Prints the digest of its manifest. What is in the store already is not
/// fetched again.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Image to fetch, such as `alpine`, `ghcr.io/x/y:1.2` or `oci:DIR`
    #[arg(value_name = "IMAGE")]
    image: Reference,

    #[command(flatten)]
    locked: LockedArgs,

    /// Platform to fetch it for, such as linux/arm64
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    platform: Option<Platform>,

    #[command(flatten)]
    registry: RegistryArgs,

    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    if matches!(args.image, Reference::Host | Reference::RootFs(_)) {
        return Err(Error::usage(format!(
            "`{}` is here already: there is nothing to pull",
            args.image
        )));
    }
    let pin = lock::pin(&args.locked, &args.image, args.platform.as_ref(), context)?;
    ask_helpers(&args.image, PullPolicy::Always, &args.registry, context);
    let mut domain = context.enter_domain()?;
    let store = context.open_store(&domain)?;
    let request = Request {
        pin: pin.as_ref(),
        reference: &args.image,
        policy: PullPolicy::Always,
        platform: args.platform.as_ref(),
        registry: &args.registry,
    };
    let quiet = context.ui.quiet || args.quiet;
    let context = context.with(Ui { quiet, ..context.ui });
    let image = fetch::image(&request, &store, &mut domain, &context)?;
    ui::print(&format!("{}\n", image.digest))
}
