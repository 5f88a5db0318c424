//! `sandbox load`: images from files.

use std::{
    fs::File,
    io::{self, IsTerminal},
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use super::{
    Context,
    fetch::{add_layers, keep_within_budget},
};
use crate::{
    error::Error,
    image::{self, Saved},
    oci::Platform,
    storage::Store,
    ui::{self, Progress, Ui},
};

/// Read images from an archive
///
/// Takes what `docker save` and `podman save` write, and OCI image layouts, as
/// a tar (plain, gzip or zstd) or as a directory. Prints the name of each image;
/// one without a name is found by its id.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// File or directory to read (standard input if there is none)
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,

    /// Platform to take of images for several, such as linux/arm64
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    platform: Option<Platform>,

    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let store = context.store_alone()?;
    let progress = Progress::new(Ui { quiet: context.ui.quiet || args.quiet, ..context.ui });
    for image in open(args, &store)? {
        add_layers(&image.source, &store, &progress)?;
        for line in add(&image, &store)? {
            ui::print(&line)?;
        }
    }
    keep_within_budget(&store, context)
}

fn open(args: &Args, store: &Store) -> Result<Vec<Saved>, Error> {
    let platform = args.platform.as_ref();
    let Some(path) = &args.input else {
        let path = Path::new("/dev/stdin");
        if io::stdin().is_terminal() {
            return Err(Error::usage_with_hint(
                "an archive is nothing that one types",
                "name a file with `-i`, or redirect the input",
            ));
        }
        let stdin = io::stdin().as_fd().try_clone_to_owned().map_err(|e| unreadable(path, e))?;
        let file = store.spool(stdin.into())?;
        return Ok(image::load_archive(file, path, platform)?);
    };
    if path.is_dir() {
        return Ok(image::load_directory(path, platform)?);
    }
    let file = store.spool(File::open(path).map_err(|e| unreadable(path, e))?)?;
    Ok(image::load_archive(file, path, platform)?)
}

/// Gives the image its names, or its id for one, and says so as docker does.
fn add(image: &Saved, store: &Store) -> Result<Vec<String>, Error> {
    let (manifest, config) = (image.source.manifest(), image.source.config());
    let mut lines = Vec::new();
    for name in &image.names {
        store.put_image(&name.to_string(), manifest, config)?;
        lines.push(format!("Loaded image: {}\n", name.familiar()));
    }
    if lines.is_empty() {
        let id = image.source.id();
        store.put_image(&id.to_string(), manifest, config)?;
        lines.push(format!("Loaded image ID: {id}\n"));
    }
    Ok(lines)
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    image::Error::Io { what: format!("read `{}`", path.display()), source }.into()
}
