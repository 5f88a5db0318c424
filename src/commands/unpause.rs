//! `sandbox unpause`: lets paused sandboxes go on.

use super::{Context, each, find::Found};
use crate::error::Error;

/// Let sandboxes go on that are paused
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Sandboxes that are to go on, by name or id
    #[arg(required = true, value_name = "SANDBOX")]
    sandboxes: Vec<String>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    each(&args.sandboxes, context, |name| Found::look(name, context)?.unpause())
}
