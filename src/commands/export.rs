//! `sandbox export`: the files of a sandbox as a tar.

use std::{io::Write, path::PathBuf};

use super::{
    Context, content,
    find::Found,
    save::{no_terminal, write_file},
};
use crate::{error::Error, ui};

/// Write all files of a sandbox to a tar
///
/// Owners are those that the sandbox sees. What is mounted is left out, volumes
/// included; `sandbox import` makes an image of the tar.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// File to write (standard output if there is none)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Sandbox whose files to write, by name or id
    #[arg(value_name = "SANDBOX")]
    sandbox: String,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let found = Found::look(&args.sandbox, context)?;
    let store = context.store_alone()?;
    let changes = content::changes(&found, &store)?;
    let write = |output: &mut dyn Write| changes.write_all(output).map(drop).map_err(Error::from);
    match &args.output {
        Some(path) => write_file(path, write),
        None => ui::write_data(write).ok_or_else(no_terminal)?,
    }
}
