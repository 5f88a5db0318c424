//! `sandbox push`: an image from the store to a registry.

use std::{
    fs,
    io::{self, Read},
    path::PathBuf,
};

use super::{
    Context,
    credentials::ask_helpers,
    fetch::{PullPolicy, options},
    options::RegistryArgs,
    outgoing::{open_tar, outgoing, stored},
    tag::new_name,
};
use crate::{
    error::Error,
    image::{self, Delivery, LayerCompression},
    oci::{DiffId, Image, Name, Reference},
    storage::Store,
    ui::{self, LayerProgress, Progress, Ui},
};

/// Put an image into a registry
///
/// Prints the digest of its manifest there. Blobs that the registry has are not
/// sent again; if it has all that the image came with, the manifest stays what it
/// was, byte for byte. Else layers are compressed, always to the same bytes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Image in the store
    #[arg(value_name = "IMAGE")]
    image: Reference,

    /// Name to push it as, if that is another one, such as `example.com/team/app:1.2`
    #[arg(value_name = "NAME")]
    name: Option<Name>,

    /// Compress all layers like this, whatever the registry has
    #[arg(long, value_name = "HOW")]
    compression: Option<Compression>,

    /// File to write the digest to
    #[arg(long, value_name = "FILE")]
    digestfile: Option<PathBuf>,

    #[command(flatten)]
    registry: RegistryArgs,

    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
}

/// How layers are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Compression {
    Gzip,
    Zstd,
    None,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let name = &context.config.registries.complete_name(destination(args, context)?);
    context.online(&format!("push `{name}`"))?;
    let destination = Reference::Registry(name.clone());
    ask_helpers(&destination, PullPolicy::Always, &args.registry, context);
    let store = context.store_alone()?;
    let image = stored(&args.image, &store, context)?;
    let progress = Progress::new(Ui { quiet: context.ui.quiet || args.quiet, ..context.ui });
    let delivery = Delivery {
        compression: args.compression.map(Into::into),
        siblings: &siblings(&image, name, &store)?,
        options: &options(&args.registry, &name.registry, context, &Progress::new(context.ui))?,
        open: &|diff_id| watched(diff_id, &store, &progress),
        scratch: &|| store.scratch().map_err(io::Error::other),
    };
    let digest = image::push(&outgoing(&image, Vec::new(), &store)?, name, &delivery)?;
    if let Some(path) = &args.digestfile {
        let what = format!("write `{}`", path.display());
        fs::write(path, digest.to_string()).map_err(|source| image::Error::Io { what, source })?;
    }
    ui::print(&format!("digest: {digest}\n"))
}

fn destination<'a>(args: &'a Args, context: &Context) -> Result<&'a Name, Error> {
    let name = match (&args.name, &args.image) {
        (Some(name), _) => name,
        (None, Reference::Registry(name)) if args.image.id().is_none() => name,
        (None, reference) => {
            return Err(Error::usage_with_hint(
                format!("`{reference}` names no registry"),
                "add the name to push it as",
            ));
        }
    };
    new_name(name, context).map(|_| name)
}

/// Repositories of the same registry that the image is known by.
fn siblings(image: &Image, name: &Name, store: &Store) -> Result<Vec<Name>, Error> {
    let names = store.names_of(image)?.into_iter().filter_map(|name| name.parse::<Name>().ok());
    let mut siblings: Vec<Name> = names
        .filter(|other| other.registry == name.registry && other.repository != name.repository)
        .collect();
    siblings.dedup_by(|a, b| a.repository == b.repository);
    Ok(siblings)
}

impl From<Compression> for LayerCompression {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::Gzip => Self::Gzip,
            Compression::Zstd => Self::Zstd,
            Compression::None => Self::None,
        }
    }
}

fn watched(diff_id: &DiffId, store: &Store, progress: &Progress) -> io::Result<Box<dyn Read>> {
    let (tar, size) = open_tar(diff_id, store)?;
    let shown = progress.layer(diff_id.0.short(), size);
    Ok(Box::new(Watched { tar: Box::new(shown.watch(tar)), shown: Some(shown) }))
}

/// A layer that is done when it has been read.
struct Watched {
    tar: Box<dyn Read>,
    shown: Option<LayerProgress>,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.tar.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            self.shown.take().into_iter().for_each(LayerProgress::done);
        }
        Ok(read)
    }
}
