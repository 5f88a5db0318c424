//! `sandbox discard`: forgets what a sandbox has changed of the host's.

use std::path::PathBuf;

use super::{Context, cow, find::Found};
use crate::error::Error;

/// Drop what a sandbox has changed in directories mounted with `:cow`
///
/// It sees them again as the host has them.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Sandbox that has changed something, by name or id
    #[arg(value_name = "SANDBOX")]
    sandbox: String,

    /// Drop only this, and what is below: a path inside, or one in the directory
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let found = Found::look(&args.sandbox, context)?;
    let store = context.store_alone()?;
    let held = cow::hold(&found)?;
    let all = cow::some(&found)?;
    for (shown, paths) in cow::choose(&all, &args.paths)? {
        shown.cow.discard(&held, &paths)?;
    }
    cow::finish(&found, &all, held, &store, context)
}
