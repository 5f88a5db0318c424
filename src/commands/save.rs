//! `sandbox save`: images as files.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use super::{
    Context,
    outgoing::{open_tar, outgoing, stored},
};
use crate::{
    error::Error,
    image::{self, ArchiveFormat, Outgoing},
    oci::{DiffId, Image, Name, Reference},
    storage::Store,
    ui,
};

/// How much is written at a time.
const BUFFER: usize = 1 << 20;

/// Write images to an archive
///
/// Layers are written uncompressed, byte for byte as they were, so that the
/// config and the layers keep their digests. The same images give the same
/// archive, whenever and wherever it is written.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Images to write, all into one archive
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<Reference>,

    /// File to write (standard output if there is none); a directory for `oci-dir`
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// What to write
    #[arg(long, value_name = "FORMAT", default_value = "docker-archive")]
    format: Format,
}

/// What images are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// What `docker load` and `podman load` read
    DockerArchive,
    /// An OCI image layout in a tar
    OciArchive,
    /// An OCI image layout in a directory
    OciDir,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let store = context.store_alone()?;
    let images = images(&args.images, &store, context)?;
    let open = |diff_id: &DiffId| open_tar(diff_id, &store).map(|(tar, _)| tar);
    let format = match args.format {
        Format::DockerArchive => ArchiveFormat::Docker,
        Format::OciArchive => ArchiveFormat::Oci,
        Format::OciDir => {
            let directory = args.output.as_deref().ok_or_else(|| {
                Error::usage_with_hint("`oci-dir` is no stream", "name a directory with `-o`")
            })?;
            check_empty(directory)?;
            return Ok(image::save_directory(&images, &open, directory)?);
        }
    };
    let write = |output: &mut dyn Write| Ok(image::save_archive(&images, format, &open, output)?);
    match &args.output {
        Some(path) => write_file(path, write),
        None => ui::write_data(write).ok_or_else(no_terminal)?,
    }
}

/// The images that were asked for, each once, with the names that were used.
fn images(
    references: &[Reference],
    store: &Store,
    context: &Context,
) -> Result<Vec<Outgoing>, Error> {
    let mut found: Vec<(Image, Vec<Name>)> = Vec::new();
    for reference in references {
        let image = stored(reference, store, context)?;
        let name = saved_name(&context.config.registries.complete(reference));
        match found.iter_mut().find(|(other, _)| other.digest == image.digest) {
            Some((_, names)) => names.extend(name),
            None => found.push((image, name.into_iter().collect())),
        }
    }
    found.into_iter().map(|(image, names)| outgoing(&image, names, store)).collect()
}

/// The name by which an image is found in the archive: digests follow from the
/// image, and transports mean nothing elsewhere.
fn saved_name(reference: &Reference) -> Option<Name> {
    match reference {
        Reference::Registry(name) if reference.id().is_none() && name.digest.is_none() => {
            Some(name.clone())
        }
        _ => None,
    }
}

fn check_empty(directory: &Path) -> Result<(), Error> {
    match fs::read_dir(directory).map(|mut entries| entries.next().is_none()) {
        Ok(false) => Err(Error::usage(format!("`{}` is not empty", directory.display()))),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(directory, error)),
        _ => Ok(()),
    }
}

/// Why nothing is written to standard output.
pub(super) fn no_terminal() -> Error {
    Error::usage_with_hint(
        "an archive is nothing for a terminal",
        "name a file with `-o`, or redirect the output",
    )
}

/// Writes a file that appears when it is whole; what is no regular file, such
/// as a pipe, is written as it goes.
pub(super) fn write_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Error>,
) -> Result<(), Error> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        let file = File::options().write(true).open(path).map_err(|e| failed(path, e))?;
        return write(&mut BufWriter::with_capacity(BUFFER, file));
    }
    let part = part(path);
    let file = File::create_new(&part).map_err(|e| failed(&part, e))?;
    let written = write(&mut BufWriter::with_capacity(BUFFER, file))
        .and_then(|()| fs::rename(&part, path).map_err(|e| failed(path, e)));
    if written.is_err() {
        let _ = fs::remove_file(&part); // The error that counts is another one.
    }
    written
}

/// Where a file is written before it has its name: beside it.
fn part(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.part", std::process::id()))
}

fn failed(path: &Path, source: io::Error) -> Error {
    image::Error::Io { what: format!("write `{}`", path.display()), source }.into()
}
