//! `sandbox rename`.

use super::{Context, find::Found};
use crate::{error::Error, storage::Store};

/// Call a sandbox by another name
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Sandbox, by name or id
    #[arg(value_name = "SANDBOX")]
    sandbox: String,

    /// Its new name
    #[arg(value_name = "NAME")]
    name: String,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let found = Found::look(&args.sandbox, context)?;
    Ok(Store::unswept(&context.config.root).rename_sandbox(&found.stored, &args.name)?)
}
