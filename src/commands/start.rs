//! `sandbox start`: runs what was made before (CRI `StartContainer`).

use super::{
    Context,
    background::{self, Attached, Side},
    find::{self, Found},
    launch::{self, base::Base, connection, ids, sharing::Sharing},
    options::{DetachKeys, NetworkArgs},
};
use crate::{error::Error, oci::ExitStatus, storage::StoredSandbox, ui};

/// Start sandboxes that do not run
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show what it writes, pass signals on, and exit with its exit code
    #[arg(short, long)]
    attach: bool,

    /// Let it read standard input, too
    #[arg(short, long)]
    interactive: bool,

    /// Keys that leave it running, and return
    #[arg(long, value_name = "KEYS", default_value = "ctrl-p,ctrl-q")]
    detach_keys: DetachKeys,

    /// Sandboxes to start, by name or id
    #[arg(required = true, value_name = "SANDBOX")]
    sandboxes: Vec<String>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<ExitStatus, Error> {
    let attached = args.attach || args.interactive;
    if attached && args.sandboxes.len() > 1 {
        return Err(Error::usage("one sandbox can be attached to, not several"));
    }
    if !attached {
        return each(&args.sandboxes, context, |name| {
            start(Found::look(name, context)?, None, context)
        });
    }
    let found = Found::look(&args.sandboxes[0], context)?;
    let attached = Attached {
        stdin: args.interactive && found.config.process.stdin,
        terminal: found.config.process.terminal,
        signals: true,
        detach_keys: args.detach_keys.clone(),
    };
    match start(found, Some(attached), context)? {
        Ending::Supervisor(result) => result,
        Ending::Caller(status) => Ok(status),
    }
}

/// Which of two processes has come to its end.
pub(super) enum Ending {
    /// However it ended: what comes after it is the caller's to do.
    Supervisor(Result<ExitStatus, Error>),
    Caller(ExitStatus),
}

/// Starts each of several sandboxes, and prints those with which it worked; the
/// first failure is the command's, the others are told.
pub(super) fn each(
    names: &[String],
    context: &Context,
    mut start: impl FnMut(&str) -> Result<Ending, Error>,
) -> Result<ExitStatus, Error> {
    let mut failure = None;
    for name in names {
        let failed = match start(name) {
            Ok(Ending::Supervisor(result)) => return result,
            Ok(Ending::Caller(ExitStatus::Exited(0))) => {
                ui::print(&format!("{name}\n"))?;
                continue;
            }
            Ok(Ending::Caller(status)) => Ok(status), // Its supervisor has told why.
            Err(error) => Err(error),
        };
        match (failed, &failure) {
            (failed, None) => failure = Some(failed),
            (Err(error), Some(_)) => context.ui.report(&error),
            (Ok(_), Some(_)) => {}
        }
    }
    failure.unwrap_or(Ok(ExitStatus::Exited(0)))
}

/// Starts it; returns in both processes.
pub(super) fn start(
    found: Found,
    attached: Option<Attached>,
    context: &Context,
) -> Result<Ending, Error> {
    if found.state()?.is_alive() {
        return Ok(Ending::Caller(ExitStatus::Exited(0))); // As in docker.
    }
    match background::split(attached.is_some())? {
        Side::Caller(caller) => caller.follow(attached).map(|(_, status)| Ending::Caller(status)),
        Side::Supervisor(supervisor) => {
            Ok(Ending::Supervisor(supervise(&found.stored, supervisor, context)))
        }
    }
}

/// In the order of `run`, with what was written down instead of what is typed.
fn supervise(
    stored: &StoredSandbox,
    supervisor: background::Supervisor,
    context: &Context,
) -> Result<ExitStatus, Error> {
    let directory = find::take(stored)?;
    let config = stored.config()?;
    let network = &NetworkArgs::from_words(&config.network).map_err(Error::usage)?;
    let ports = connection::publish(network, context)?;
    let drivers = launch::volumes::drivers(&config.mounts, context)?;
    let mut sharing = Sharing::find(network, &config.pids, &drivers, context)?;
    let devices = launch::devices::find(&config.devices, context)?;
    let mut domain = sharing.enter_domain(context)?;
    let store = context.open_store(&domain)?;
    let base = Base::again(&config.base, &store)?;
    let store = ids::settle(&config, &base, store, &mut domain, context)?;
    let (supervisor, held, is_new) = (Some(supervisor), Vec::new(), false);
    let parts =
        launch::Parts { config, base, network, ports, sharing, devices, held, is_new, supervisor };
    launch::launch(parts, directory, &store, &mut domain, context)
}
