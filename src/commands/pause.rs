//! `sandbox pause`: holds sandboxes still.

use super::{Context, each, find::Found};
use crate::error::Error;

/// Hold all processes of sandboxes still
///
/// By the freezer of the sandbox's cgroup, if it has one because it has limits;
/// else each process is stopped by a signal.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Sandboxes to hold, by name or id
    #[arg(required = true, value_name = "SANDBOX")]
    sandboxes: Vec<String>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    each(&args.sandboxes, context, |name| Found::look(name, context)?.pause(context))
}
