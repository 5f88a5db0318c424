//! `sandbox restart`: ends sandboxes, and starts them again.

use super::{Context, find::Found, start, stop::grace};
use crate::{error::Error, oci::ExitStatus};

/// Stop sandboxes that run, and start them
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Seconds until one that does not end is killed, -1 for never; 10 if
    /// `--stop-timeout` has not said otherwise
    #[arg(
        short,
        long,
        visible_alias = "timeout",
        value_name = "SECONDS",
        allow_negative_numbers = true
    )]
    time: Option<i64>,

    /// Sandboxes to restart, by name or id
    #[arg(required = true, value_name = "SANDBOX")]
    sandboxes: Vec<String>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<ExitStatus, Error> {
    start::each(&args.sandboxes, context, |name| {
        let found = Found::look(name, context)?;
        found.ask_to_end(found.stop_signal())?;
        found.end_after(grace(args.time, &found))?;
        start::start(found, None, context)
    })
}
