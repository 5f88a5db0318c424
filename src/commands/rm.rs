//! `sandbox rm`: removes sandboxes (CRI `RemoveContainer`).

use nix::sys::signal::Signal;

use super::{
    Context, each,
    find::{self, Found},
    launch::volumes,
};
use crate::{
    error::Error,
    storage::{self, Store},
};

/// Remove sandboxes, with everything that they wrote outside of volumes
#[derive(Debug, clap::Args)]
pub struct Args {
    /// End those that run; do not mind if there are none
    #[arg(short, long)]
    force: bool,

    /// Remove volumes without a name, too
    #[arg(short, long)]
    volumes: bool,

    /// Sandboxes to remove, by name or id
    #[arg(required = true, value_name = "SANDBOX")]
    sandboxes: Vec<String>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let store = context.store_alone()?;
    if args.force {
        // They end side by side; whatever fails here is told below.
        for name in &args.sandboxes {
            let _ = Found::look(name, context).and_then(|found| found.ask_to_end(Signal::SIGKILL));
        }
    }
    let (missing, there): (Vec<_>, Vec<_>) =
        args.sandboxes.iter().cloned().partition(|name| args.force && is_missing(name, &store));
    for name in missing {
        context.ui.note(&storage::Error::NoSuchSandbox(name).to_string());
    }
    each(&there, context, |name| match remove(name, args, &store, context) {
        Err(Error::Storage(storage::Error::NoSuchSandbox(_))) if args.force => Ok(()),
        result => result,
    })
}

fn is_missing(name: &str, store: &Store) -> bool {
    matches!(store.sandbox(name), Err(storage::Error::NoSuchSandbox(_)))
}

/// One that is damaged can be removed, too.
fn remove(name: &str, args: &Args, store: &Store, context: &Context) -> Result<(), Error> {
    let found = Found::look(name, context);
    if let Ok(found) = &found {
        end(found, args.force)?;
    }
    let stored = store.sandbox(name)?;
    if !stored.is_kept() {
        return Ok(()); // It vanishes by itself.
    }
    find::take(&stored)?.remove()?;
    match found {
        Ok(found) if args.volumes => volumes::forget(&found.config, store, context),
        _ => Ok(()),
    }
}

fn end(found: &Found, force: bool) -> Result<(), Error> {
    match (found.state().is_ok_and(|state| state.is_alive()), force) {
        (false, _) => Ok(()),
        (true, true) => found.kill(),
        (true, false) => Err(Error::usage_with_hint(
            format!("{} runs", found.config.display_name()),
            "`sandbox stop` it first, or `sandbox rm --force`",
        )),
    }
}
