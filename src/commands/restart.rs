//! `sandbox restart`: ends sandboxes, and starts them again.

use super::{
    Context,
    find::Found,
    start::{self, Ending},
    stop::grace,
};
use crate::{error::Error, oci::ExitStatus, ui};

/// Stop sandboxes that run, and start them
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Seconds until one that does not end is killed; -1 for never
    #[arg(
        short,
        long,
        visible_alias = "timeout",
        value_name = "SECONDS",
        default_value_t = 10,
        allow_negative_numbers = true
    )]
    time: i64,

    /// Sandboxes to restart, by name or id
    #[arg(required = true, value_name = "SANDBOX")]
    sandboxes: Vec<String>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<ExitStatus, Error> {
    for name in &args.sandboxes {
        let found = Found::look(name, context)?;
        found.ask_to_end(found.stop_signal())?;
        found.end_after(grace(args.time))?;
        match start::start(found, None, context)? {
            Ending::Supervisor(status) => return Ok(status),
            Ending::Caller(ExitStatus::Exited(0)) => ui::print(&format!("{name}\n"))?,
            Ending::Caller(status) => return Ok(status),
        }
    }
    Ok(ExitStatus::Exited(0))
}
