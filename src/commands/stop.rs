//! `sandbox stop`: asks sandboxes to end (CRI `StopContainer`).

use std::time::{Duration, Instant};

use super::{Context, each, find::Found, options::parse_signal};
use crate::error::Error;

use nix::sys::signal::Signal;

/// Ask sandboxes to end, and insist after a while
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Seconds until it is killed, -1 for never; 10 if `--stop-timeout` has not said
    /// otherwise
    #[arg(
        short,
        long,
        visible_alias = "timeout",
        value_name = "SECONDS",
        allow_negative_numbers = true
    )]
    time: Option<i64>,

    /// Signal that asks, instead of the sandbox's own
    #[arg(short, long, value_parser = parse_signal)]
    signal: Option<Signal>,

    /// Sandboxes to stop, by name or id
    #[arg(required = true, value_name = "SANDBOX")]
    sandboxes: Vec<String>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    // All are asked first, so that they end side by side.
    let asked: Vec<_> = args.sandboxes.iter().map(|name| ask(name, args, context)).collect();
    let (mut asked, since) = (asked.into_iter(), Instant::now());
    each(&args.sandboxes, context, |_| {
        let found = asked.next().transpose()?;
        found.map_or(Ok(()), |found| {
            found.end_after(grace(args.time, &found).saturating_sub(since.elapsed()))
        })
    })
}

fn ask(name: &str, args: &Args, context: &Context) -> Result<Found, Error> {
    let found = Found::look(name, context)?;
    found.ask_to_end(args.signal.unwrap_or(found.stop_signal()))?;
    Ok(found)
}

/// Seconds as they were typed, else its own; negative for as long as it takes.
pub(super) fn grace(typed: Option<i64>, found: &Found) -> Duration {
    let seconds = typed.or(found.config.stop_timeout).unwrap_or(10);
    u64::try_from(seconds).map_or(Duration::MAX, Duration::from_secs)
}
