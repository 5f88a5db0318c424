//! `sandbox kill`: sends a signal.

use nix::sys::signal::Signal;

use super::{Context, each, find::Found, options::parse_signal};
use crate::error::Error;

/// Send a signal to the command of sandboxes
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Signal to send, by name or number
    #[arg(short, long, default_value = "KILL", value_parser = parse_signal)]
    signal: Signal,

    /// Sandboxes whose command gets it, by name or id
    #[arg(required = true, value_name = "SANDBOX")]
    sandboxes: Vec<String>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    each(&args.sandboxes, context, |name| Found::look(name, context)?.signal(args.signal))
}
