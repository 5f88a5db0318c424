//! `sandbox wait`: until sandboxes have ended.

use super::{Context, find::Found};
use crate::{error::Error, oci::ExitStatus, runtime::attach::Watcher, ui};

/// Wait until sandboxes have ended, and print their exit codes
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Sandboxes to wait for, by name or id
    #[arg(required = true, value_name = "SANDBOX")]
    sandboxes: Vec<String>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    // All from now on: one that is not kept takes its exit code with it.
    let watched: Vec<(Found, Option<Watcher>)> =
        args.sandboxes.iter().map(|name| watch(name, context)).collect::<Result<_, _>>()?;
    watched.into_iter().try_for_each(|(found, watcher)| {
        let code = exit_code(&found, watcher)?;
        ui::print(&format!("{code}\n"))
    })
}

/// One in the foreground has no socket, and nobody to hear.
fn watch(name: &str, context: &Context) -> Result<(Found, Option<Watcher>), Error> {
    let found = Found::look(name, context)?;
    let watcher = Watcher::new(found.stored.path()).ok();
    Ok((found, watcher))
}

fn exit_code(found: &Found, watcher: Option<Watcher>) -> Result<u8, Error> {
    let heard = watcher.and_then(Watcher::exit_code);
    found.wait(None)?;
    match (heard, found.state()) {
        (Some(code), _) => Ok(code),
        (None, Ok(state)) => Ok(state.0.exit.map_or(0, ExitStatus::code)),
        (None, Err(_)) => {
            let name = found.config.display_name();
            Err(Error::usage(format!("{name} has ended, and nothing is left that tells how")))
        }
    }
}
