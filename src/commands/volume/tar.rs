//! `sandbox volume export` and `sandbox volume import`.

use std::{
    fs::File,
    io::{Read, Write},
    path::PathBuf,
};

use super::{expect_unused, with_files};
use crate::{
    commands::{
        Context, map,
        save::{no_terminal, write_file},
    },
    error::Error,
    storage::{Ownership, Tree, place},
    sys::fs::open_directory,
    ui,
};

/// Write what is in a volume to a tar
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// File to write (standard output if there is none)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Volume, by name
    #[arg(value_name = "VOLUME")]
    volume: String,
}

/// Put what a tar holds into a volume that no sandbox uses
///
/// Owners, permissions and times are those of the tar. No link leads out of the
/// volume, and what is there of another kind is in the way.
#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    /// Volume, by name
    #[arg(value_name = "VOLUME")]
    volume: String,

    /// File to read, or `-` for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
}

pub(super) fn export(args: &ExportArgs, context: &Context) -> Result<(), Error> {
    let store = context.store_alone()?;
    let volume = with_files(&args.volume, &store)?;
    let _held = volume.hold()?;
    let root = open_directory(&volume.data()).map_err(failed)?;
    let content = Tree::within(root).keeping(volume.kept()).find(".".as_ref(), false)?;
    let write = |output: &mut dyn Write| content.write(None, output).map(drop).map_err(Error::from);
    match &args.output {
        Some(path) => write_file(path, write),
        None => ui::write_data(write).ok_or_else(no_terminal)?,
    }
}

pub(super) fn import(args: &ImportArgs, context: &Context) -> Result<(), Error> {
    let mut domain = context.enter_domain()?;
    domain.settle()?;
    let store = context.open_store(&domain)?;
    let volume = with_files(&args.volume, &store)?;
    if volume.record.readonly {
        return Err(Error::usage_with_hint(
            format!("`{}` is a snapshot, and stays as it is", args.volume),
            "`sandbox volume clone` makes a volume of it that can be changed",
        ));
    }
    expect_unused(&args.volume, &store)?;
    let _held = volume.hold()?;
    volume.fill(|_, _| Ok::<_, Error>(false))?; // It is used by now, whatever comes.
    let into = open_directory(&volume.data()).map_err(failed)?;
    let map = map(&domain).keeping(volume.kept());
    Ok(place(open(&args.file)?, into, Ownership::Kept(&map))?)
}

fn open(path: &PathBuf) -> Result<Box<dyn Read>, Error> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let file = File::open(path);
    let file =
        file.map_err(|error| Error::usage(format!("cannot read {}: {error}", path.display())));
    Ok(Box::new(file?))
}

fn failed(source: crate::sys::Error) -> Error {
    Error::System { step: "open the volume", source }
}
