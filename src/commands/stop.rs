//! `sandbox stop`: asks sandboxes to end (CRI `StopContainer`).

use std::time::Duration;

use super::{Context, each, find::Found, options::parse_signal};
use crate::error::Error;

use nix::sys::signal::Signal;

/// Ask sandboxes to end, and insist after a while
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Seconds until it is killed; -1 for never
    #[arg(
        short,
        long,
        visible_alias = "timeout",
        value_name = "SECONDS",
        default_value_t = 10,
        allow_negative_numbers = true
    )]
    time: i64,

    /// Signal that asks, instead of the sandbox's own
    #[arg(short, long, value_parser = parse_signal)]
    signal: Option<Signal>,

    /// Sandboxes to stop, by name or id
    #[arg(required = true, value_name = "SANDBOX")]
    sandboxes: Vec<String>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    each(&args.sandboxes, context, |name| {
        let found = Found::look(name, context)?;
        found.stop(args.signal.unwrap_or(found.stop_signal()), grace(args.time))
    })
}

/// Seconds as they are typed; negative for as long as it takes.
pub(super) fn grace(seconds: i64) -> Duration {
    u64::try_from(seconds).map_or(Duration::MAX, Duration::from_secs)
}
