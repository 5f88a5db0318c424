//! `sandbox version`.

use serde::Serialize;

use super::{Context, options::Format};
use crate::{error::Error, oci::Platform, ui};

/// Show the version of this program
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Serialize)]
struct Version {
    version: &'static str,
    platform: String,
}

pub(crate) fn execute(args: &Args, _: &Context) -> Result<(), Error> {
    let version =
        Version { version: env!("CARGO_PKG_VERSION"), platform: Platform::host().to_string() };
    match args.format {
        Format::Text => ui::print(&format!("sandbox {} {}\n", version.version, version.platform)),
        Format::Json => ui::print_json(&version),
    }
}
