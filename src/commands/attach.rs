//! `sandbox attach`: joins the streams of a sandbox that runs (CRI `Attach`).

use super::{Context, background::Attached, find::Found, options::DetachKeys};
use crate::{
    error::Error,
    oci::ExitStatus,
    runtime::{self, Outcome},
};

/// See what a sandbox writes from now on, and type to it
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only see
    #[arg(long)]
    no_stdin: bool,

    /// Keys that leave it running, and return
    #[arg(long, value_name = "KEYS", default_value = "ctrl-p,ctrl-q")]
    detach_keys: DetachKeys,

    /// Whether it gets the signals that this command gets
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    sig_proxy: bool,

    /// Sandbox to attach to, by name or id
    #[arg(value_name = "SANDBOX")]
    sandbox: String,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<ExitStatus, Error> {
    let found = Found::look(&args.sandbox, context)?;
    if !found.state()?.is_alive() {
        return Err(Error::usage_with_hint(
            format!("{} does not run", args.sandbox),
            "`sandbox start --attach` starts it",
        ));
    }
    let socket = runtime::attach::connect(found.stored.path()).map_err(Error::Attach)?;
    let attached = Attached {
        stdin: !args.no_stdin && found.config.process.stdin,
        terminal: found.config.process.terminal,
        signals: args.sig_proxy,
        detach_keys: args.detach_keys.clone(),
    };
    Ok(match attached.relay(socket)? {
        Outcome::Exited(code) => ExitStatus::Exited(code),
        Outcome::Detached | Outcome::Lost => ExitStatus::Exited(0),
    })
}
