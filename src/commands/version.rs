//! `sandbox version`.

use serde::Serialize;

use super::{Context, options::TemplateFormat};
use crate::{error::Error, oci::Platform, sys::kernel, ui};

/// Show the version of this program
#[derive(Debug, clap::Args)]
pub struct Args {
    /// text, json, or a template such as `{{.Client.Version}}`
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    format: TemplateFormat,
}

/// Docker's names. Whoever asks for the server's version wants to know what runs
/// sandboxes: we do.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Versions {
    client: Version,
    server: Version,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version: &'static str,
    os: String,
    arch: String,
    kernel_version: String,
}

pub(crate) fn execute(args: &Args, _: &Context) -> Result<(), Error> {
    let (version, platform) = (env!("CARGO_PKG_VERSION"), Platform::host());
    if args.format == TemplateFormat::Text {
        return ui::print(&format!("sandbox {version} {platform}\n"));
    }
    let (os, arch) = (platform.os, platform.architecture);
    let client = Version { version, os, arch, kernel_version: kernel::release() };
    let server = client.clone();
    ui::print_line(&Versions { client, server }, args.format.template())
}
