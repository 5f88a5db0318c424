//! `sandbox wait`: until sandboxes have ended.

use super::{Context, find::Found};
use crate::{error::Error, ui};

/// Wait until sandboxes have ended, and print their exit codes
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Sandboxes to wait for, by name or id
    #[arg(required = true, value_name = "SANDBOX")]
    sandboxes: Vec<String>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let found: Vec<Found> =
        args.sandboxes.iter().map(|name| Found::look(name, context)).collect::<Result<_, _>>()?;
    for found in found {
        found.wait(None)?;
        // One that is not kept takes its exit code with it.
        let exit = found.state().ok().and_then(|state| state.0.exit);
        ui::print(&format!("{}\n", exit.map_or(0, |exit| exit.code())))?;
    }
    Ok(())
}
