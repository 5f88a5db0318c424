//! `sandbox run`: the whole program as a table of contents.

use super::{
    Context,
    background::{self, Attached, Caller, Side},
    credentials::ask_helpers,
    launch::{self, base::Base, config, connection, ids, sharing::Sharing, volumes},
    options::{DetachKeys, SandboxArgs},
    status::Phase,
};
use crate::{error::Error, oci::ExitStatus, ui};

/// Run a command in a new sandbox
///
/// The image is fetched if it is not in the store. The sandbox leaves nothing
/// behind: what the command writes outside of volumes vanishes with it. One that
/// has a name, or runs in the background, stays until `sandbox rm`.
///
/// The exit code is that of the command; 125 if the sandbox itself failed, 126
/// if the command cannot be executed, 127 if it is not there, 124 if its time
/// was up, and 128 + N if signal N ended it.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct Args {
    /// Run in the background, and print the id
    #[arg(short, long)]
    detach: bool,

    /// Keys that leave a sandbox which has a name running, and return
    #[arg(long, value_name = "KEYS", default_value = "ctrl-p,ctrl-q")]
    detach_keys: DetachKeys,

    #[command(flatten)]
    sandbox: SandboxArgs,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<ExitStatus, Error> {
    let wanted = &args.sandbox;
    let context = &wanted.quieter(context);
    let is_kept = wanted.is_kept(args.detach);
    let supervisor = match args.detach || is_kept {
        false => None,
        true => match background::split(!args.detach)? {
            Side::Supervisor(supervisor) => Some(supervisor),
            Side::Caller(caller) => return args.follow(caller),
        },
    };
    let network = &wanted.network;
    let ports = connection::publish(network, context)?;
    let drivers = volumes::wanted_drivers(wanted, context)?;
    let mut sharing = Sharing::find(network, &config::pids(wanted), &drivers, context)?;
    let devices = launch::devices::find(&wanted.devices(), context)?;
    ask_helpers(&wanted.image, wanted.pull, &wanted.registry, context);
    let mut domain = sharing.enter_domain(context)?;
    let store = context.open_store(&domain)?;
    let base = Base::find(wanted, &store, &mut domain, context)?;
    let mut config = config::build(wanted, &base, is_kept, context)?;
    let store = ids::choose(&mut config, wanted, &base, store, &mut domain, context)?;
    context.status.tell(&Phase::Pulled { image: &config.image });
    let held = volumes::make(wanted, &mut config, &store, &mut domain, context)?;
    let made = wanted.write_id(&config.id).and_then(|()| launch::create(&config, false, &store));
    let directory = match made {
        Ok(directory) => directory,
        Err(error) => return Err(volumes::forget_after(error, held, &config, &store, context)),
    };
    context.status.tell(&Phase::Created { id: &config.id });
    let is_new = true;
    let parts =
        launch::Parts { config, base, network, ports, sharing, devices, held, is_new, supervisor };
    launch::launch(parts, directory, &store, &mut domain, context)
}

impl Args {
    /// The part of the command that was typed, while a supervisor does the rest.
    fn follow(&self, caller: Caller) -> Result<ExitStatus, Error> {
        let attached = (!self.detach).then(|| Attached {
            stdin: self.sandbox.interactive,
            terminal: self.sandbox.tty,
            signals: true,
            detach_keys: self.detach_keys.clone(),
        });
        let (id, status) = caller.follow(attached)?;
        if let Some(id) = id.filter(|_| self.detach) {
            ui::print(&format!("{id}\n"))?;
        }
        Ok(status)
    }
}
