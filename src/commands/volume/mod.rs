//! `sandbox volume …`: directories that outlive sandboxes (CSI's verbs).

mod clone;
mod create;
mod csi;
mod describe;
mod inspect;
mod ls;
mod prune;
mod rm;
mod tar;

pub(super) use self::{describe::describe, prune::prune};
use super::Context;
use crate::{
    error::Error,
    oci::VolumeKind,
    storage::{self, Store, StoredVolume},
};

/// Make, list, copy and remove volumes
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Create(create::Args),
    #[command(alias = "list")]
    Ls(ls::Args),
    Inspect(inspect::Args),
    #[command(alias = "remove")]
    Rm(rm::Args),
    Prune(prune::Args),
    Export(tar::ExportArgs),
    Import(tar::ImportArgs),
    Clone(clone::Args),
    Snapshot(clone::SnapshotArgs),
    Driver(csi::DriverArgs),
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    match &args.command {
        Command::Create(args) => create::execute(args, context),
        Command::Ls(args) => ls::execute(args, context),
        Command::Inspect(args) => inspect::execute(args, context),
        Command::Rm(args) => rm::execute(args, context),
        Command::Prune(args) => prune::execute(args, context),
        Command::Export(args) => tar::export(args, context),
        Command::Import(args) => tar::import(args, context),
        Command::Clone(args) => clone::execute(args, context),
        Command::Snapshot(args) => clone::snapshot(args, context),
        Command::Driver(args) => csi::driver(args, context),
    }
}

/// A volume of which the store has the files.
fn with_files(name: &str, store: &Store) -> Result<StoredVolume, Error> {
    let volume = store.volume(name)?;
    match volume.record.kind {
        VolumeKind::Directory => Ok(volume),
        VolumeKind::Csi(_) => Err(Error::usage_with_hint(
            format!("the files of `{name}` are a CSI driver's"),
            format!("`sandbox run -v {name}:/v IMAGE tar -c -C /v .` writes them to a tar"),
        )),
        _ => Err(Error::usage(format!("the files of `{name}` are not the store's"))),
    }
}

/// Refuses what a sandbox names, whether it runs or not.
fn expect_unused(name: &str, store: &Store) -> Result<(), Error> {
    match store.users_of_volumes()?.remove(name) {
        Some(users) => Err(storage::Error::VolumeInUse { name: name.into(), users }.into()),
        None => Ok(()),
    }
}
