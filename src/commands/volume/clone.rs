//! `sandbox volume clone` and `sandbox volume snapshot` (CSI `CreateVolume` from a
//! source, `CreateSnapshot`).

use std::time::SystemTime;

use super::{csi::new_key, with_files};
use crate::{
    commands::{Context, csi, options::is_volume_name},
    error::Error,
    oci::{CsiOrigin, CsiSnapshot, CsiVolume, VolumeKind, VolumeRecord},
    storage::{self, Store, StoredVolume, copy_tree},
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
/// What somebody writes meanwhile may be in it or not. That of a CSI driver cannot be
/// mounted, but cloned.
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
    if !is_volume_name(name) {
        return Err(Error::usage(format!("`{name}` cannot name a volume")));
    }
    let source = store.volume(source)?;
    let _held = source.hold()?;
    let record = VolumeRecord {
        name: name.into(),
        created: rfc3339(SystemTime::now()),
        anonymous: false,
        readonly,
        ..source.record.clone()
    };
    match source.record.is_a_drivers() {
        true => copy_by_driver(&source, record, &store, context)?,
        false => copy_files(&source.record.name, &record, &store)?,
    }
    ui::print(&format!("{name}\n"))
}

fn copy_files(source: &str, record: &VolumeRecord, store: &Store) -> Result<(), Error> {
    let source = with_files(source, store)?;
    let content = open_directory(&source.data());
    let content = content.map_err(|source| Error::System { step: "open the volume", source })?;
    let copy = store.create_volume_with(record, |into, name| copy_tree(&content, &into, name))?;
    Ok(source.kept().map(|keep| copy.keep(keep)).transpose().map(drop)?)
}

/// The driver copies; nobody here sees the files.
fn copy_by_driver(
    source: &StoredVolume,
    record: VolumeRecord,
    store: &Store,
    context: &Context,
) -> Result<(), Error> {
    let Some(mut custody) = csi::take(source, context)? else { return Ok(()) };
    let id = custody.id().map_err(storage::Error::Csi)?;
    drop(custody);
    let key = new_key(&record.name)?;
    let kind = match (&source.record.kind, record.readonly) {
        (VolumeKind::Csi(volume), true) => {
            VolumeKind::CsiSnapshot(CsiSnapshot { key, source: id, volume: volume.clone().into() })
        }
        (VolumeKind::Csi(volume), false) => {
            let origin = CsiOrigin::Volume { id };
            VolumeKind::Csi(CsiVolume { key, origin, ..volume.clone() })
        }
        (VolumeKind::CsiSnapshot(snapshot), false) => {
            let origin = CsiOrigin::Snapshot { id };
            VolumeKind::Csi(CsiVolume { key, origin, ..(*snapshot.volume).clone() })
        }
        _ => return Err(Error::usage(format!("`{}` is a snapshot already", source.record.name))),
    };
    let copy = store.create_volume(&VolumeRecord { kind, ..record })?;
    csi::provision_new(&copy, store, context)
}
