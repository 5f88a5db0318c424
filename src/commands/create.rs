//! `sandbox create`: a sandbox that waits to be started (CRI `CreateContainer`).

use super::{
    Context,
    credentials::ask_helpers,
    launch::{self, base::Base, config, ids, volumes},
    options::SandboxArgs,
};
use crate::{error::Error, ui};

/// Make a sandbox, and print its id
///
/// It runs when it is started, as often as it is.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct Args {
    #[command(flatten)]
    sandbox: SandboxArgs,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let wanted = &args.sandbox;
    let context = &wanted.quieter(context);
    wanted.network.check().map_err(Error::usage)?;
    launch::devices::find(&wanted.devices(), context)?; // Only to say so if they are not there.
    ask_helpers(&wanted.image, wanted.pull, &wanted.registry, context);
    let mut domain = context.enter_domain()?;
    let store = context.open_store(&domain)?;
    let base = Base::find(wanted, &store, &mut domain, context)?;
    let mut config = config::build(wanted, &base, true, context)?;
    config.auto_remove = wanted.rm;
    let store = ids::choose(&mut config, wanted, &base, store, &mut domain, context)?;
    let held = volumes::make(wanted, &mut config, &store, &mut domain, context)?;
    domain.settle()?;
    let made = wanted.write_id(&config.id).and_then(|()| launch::create(&config, true, &store));
    if let Err(error) = made {
        return Err(volumes::forget_after(error, held, &config, &store, context));
    }
    ui::print(&format!("{}\n", config.id))
}
