//! `sandbox top`: the processes of a sandbox.

use super::{
    Context,
    find::{Condition, Found},
};
use crate::{error::Error, runtime::processes, ui};

/// Show the processes of a sandbox
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Sandbox, by name or id
    #[arg(value_name = "SANDBOX")]
    sandbox: String,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let Condition(state) = Found::look(&args.sandbox, context)?.state()?;
    let Some(workload) = state.process else {
        return Err(Error::usage(format!("{} does not run", args.sandbox)));
    };
    let rows = processes::of(workload).into_iter().map(|process| {
        vec![
            process.uid.to_string(),
            process.pid.to_string(),
            process.parent.to_string(),
            process.state.to_string(),
            ui::bytes(process.resident),
            process.command,
        ]
    });
    ui::print(&ui::table(&["UID", "PID", "PPID", "STATE", "RSS", "COMMAND"], rows.collect()))
}
