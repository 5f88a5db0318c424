//! Turns a [`Reference`] into verified blobs, wherever they are kept.
//!
//! # Theory of operation
//!
//! ```text
//! registry  ─┐ a root document        index ─▶ manifest ─▶ config
//! oci:      ─┼────────────────▶ resolve (by platform, by digest) ─▶ Source
//! archives  ─┘ and a Store                                           │ layer(n)
//!                                                                    ▼
//!                                                 Verifying: bytes, then end of file
//! ```
//!
//! Each place knows two things: what its root document is, and how to begin
//! reading a blob (`resolve::Store`). Everything that decides or verifies is
//! common to all of them. A layer's reader comes to its end only if size and
//! digest were right, so that end of file *is* the proof.

mod archive;
pub mod auth;
mod certificates;
mod derive;
mod docker;
mod error;
mod layout;
mod listener;
mod load;
mod outgoing;
mod proxy;
mod push;
mod registry;
mod resolve;
#[cfg(test)]
mod sample;
mod save;
mod survey;
mod transport;
mod upload;
mod verify;

use std::{io::Read, path::PathBuf, time::Duration};

use auth::Keyring;
pub use derive::{Derivation, derive};
pub use error::Error;
pub use listener::{Event, Listener};
pub use load::{Saved, load_archive, load_directory};
pub use outgoing::{Made, OpenTar, Outgoing, PlainLayer, describe};
pub use push::{Delivery, LayerCompression, push};
pub use registry::log_in;
use resolve::{Resolved, Store, resolve};
pub use save::{ArchiveFormat, save_archive, save_directory};
pub use survey::{Survey, survey};
use verify::Verifying;

use crate::oci::{Descriptor, DiffId, Digest, ImageLimits, Platform, Reference, Registries};

/// How registries are reached, and how much is taken from anywhere.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether none is to be reached at all.
    pub offline: bool,
    /// Whether certificates are verified, and plain http refused.
    pub tls_verify: bool,
    pub http_proxy: Option<String>,
    pub https_proxy: Option<String>,
    /// Hosts which are reached directly, separated by commas.
    pub no_proxy: Option<String>,
    /// Certificate authorities, instead of the system's.
    pub ssl_cert_file: Option<PathBuf>,
    pub ssl_cert_dir: Option<PathBuf>,
    /// What registries are shown.
    pub keyring: Keyring,
    /// How much an archive may ask for.
    pub limits: ImageLimits,
    /// Certificates for every registry that is asked (`certificates`).
    pub cert_dir: Option<PathBuf>,
    /// Directories with one below for each registry, the first one wins.
    pub cert_dirs: Vec<PathBuf>,
    /// Mirrors, and registries without security.
    pub registries: Registries,
    /// A connection that brings nothing for so long counts as broken.
    pub silence: Duration,
    /// Who is told what happens on the way.
    pub listener: Listener,
}

/// One layer: how it is stored, and what it unpacks from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerBlob {
    pub descriptor: Descriptor,
    pub diff_id: DiffId,
}

/// An image whose manifest and config are here, and whose layers can be had.
#[derive(Debug)]
pub struct Source {
    image: Resolved,
    store: Box<dyn Store>,
}

/// Finds the image for `platform`, and reads its manifest and config.
///
/// # Errors
/// If there is no such image, or what there is does not verify.
pub fn open(
    reference: &Reference,
    platform: &Platform,
    options: &Options,
) -> Result<Source, Error> {
    let (store, root) = match reference {
        Reference::Registry(name) => registry::open(name, options)?,
        Reference::OciDir { path, tag } => layout::open_directory(path, tag.as_deref(), platform)?,
        Reference::OciArchive { path, tag } => {
            layout::open_archive(path, tag.as_deref(), platform, &options.limits)?
        }
        Reference::DockerArchive { path, tag } => {
            docker::open(path, tag.as_deref(), &options.limits)?
        }
        Reference::RootFs(_) | Reference::Host => {
            return Err(Error::NotAnImage { reference: reference.to_string() });
        }
    };
    let image = resolve(store.as_ref(), root, platform)?;
    Ok(Source { image, store })
}

impl Source {
    /// What names this image in the store.
    pub fn manifest_digest(&self) -> &Digest {
        &self.image.digest
    }

    /// The manifest, byte for byte.
    pub fn manifest(&self) -> &[u8] {
        &self.image.manifest
    }

    /// The config, byte for byte.
    pub fn config(&self) -> &[u8] {
        &self.image.config
    }

    /// Digest of the config: docker's "image id".
    pub fn id(&self) -> Digest {
        verify::digest(&self.image.config)
    }

    /// The layers, lowest first.
    pub fn layers(&self) -> &[LayerBlob] {
        &self.image.layers
    }

    /// Begins to read a layer as it is stored.
    ///
    /// Its end of file means that size and digest were verified. A mismatch is
    /// an [`std::io::Error`] of kind `InvalidData` around an [`Error`].
    ///
    /// # Errors
    /// If the layer cannot be had, or there is none of this number.
    pub fn layer(&self, index: usize) -> Result<Box<dyn Read + Send + '_>, Error> {
        let layer = self.image.layers.get(index);
        let layer = layer.ok_or_else(|| Error::bad_manifest(format!("it has no layer {index}")))?;
        let blob = self.store.blob(&layer.descriptor)?;
        Ok(Box::new(Verifying::new(blob, &layer.descriptor)))
    }
}

/// A place for blobs, and the document where to begin.
type Opened = (Box<dyn Store>, Vec<u8>);
