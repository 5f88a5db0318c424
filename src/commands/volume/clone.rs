//! `sandbox volume clone` and `sandbox volume snapshot` (CSI `CreateVolume` from a
//! source, `CreateSnapshot`).

use std::time::SystemTime;

use super::with_files;
use crate::{
    commands::{Context, options::is_volume_name},
    error::Error,
    oci::VolumeRecord,
    storage::copy_tree,
    sys::{fs::open_directory, time::rfc3339},
    ui,
};

/// Make a volume with what is in another one
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Volume to copy, by name
    #[arg(value_name = "VOLUME")]
    source: String,

    /// Name of the copy
    #[arg(value_name = "NAME")]
    name: String,
}

/// Make a copy of a volume that can only be read
///
/// What somebody writes meanwhile may be in it or not.
#[derive(Debug, clap::Args)]
pub(super) struct SnapshotArgs {
    /// Volume to copy, by name
    #[arg(value_name = "VOLUME")]
    source: String,

    /// Name of the copy; without one, the volume's with the time
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

pub(super) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    copy(&args.source, &args.name, false, context)
}

pub(super) fn snapshot(args: &SnapshotArgs, context: &Context) -> Result<(), Error> {
    let time = rfc3339(SystemTime::now());
    let time: String = time.chars().filter(char::is_ascii_alphanumeric).take(15).collect();
    let chosen = || format!("{}-{time}", args.source);
    copy(&args.source, &args.name.clone().unwrap_or_else(chosen), true, context)
}

fn copy(source: &str, name: &str, readonly: bool, context: &Context) -> Result<(), Error> {
    let mut domain = context.enter_domain()?;
    domain.settle()?;
    let store = context.open_store(&domain)?;
    let source = with_files(source, &store)?;
    let _held = source.hold()?;
    if !is_volume_name(name) {
        return Err(Error::usage(format!("`{name}` cannot name a volume")));
    }
    let record = VolumeRecord {
        name: name.into(),
        created: rfc3339(SystemTime::now()),
        anonymous: false,
        readonly,
        ..source.record.clone()
    };
    let content = open_directory(&source.data());
    let content = content.map_err(|source| Error::System { step: "open the volume", source })?;
    let copy = store.create_volume_with(&record, |into, name| copy_tree(&content, &into, name))?;
    source.kept().map(|keep| copy.keep(keep)).transpose()?;
    ui::print(&format!("{name}\n"))
}
