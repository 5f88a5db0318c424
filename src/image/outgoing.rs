//! Images on their way out of the store, and the manifests that describe them.

use std::{
    borrow::Cow,
    io::{self, Read},
};

use oci_client::manifest as media_type;
use serde::Serialize;

use super::{Error, verify::digest};
use crate::oci::{Descriptor, DiffId, Digest, ImageConfig, Manifest, Name, Platform};

/// An image of the store, with what is to be known of it elsewhere.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// What it is called there; may be empty.
    pub names: Vec<Name>,
    /// The manifest, byte for byte as it came.
    pub manifest: Vec<u8>,
    /// The config, byte for byte as it came.
    pub config: Vec<u8>,
    /// Its layers, lowest first.
    pub layers: Vec<PlainLayer>,
}

/// A layer as the store has it: not compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainLayer {
    pub diff_id: DiffId,
    /// Length of the tar in bytes.
    pub size: u64,
}

/// Begins to read the tar of a layer, which ends only if it is the right one.
pub type OpenTar<'a> = &'a dyn Fn(&DiffId) -> io::Result<Box<dyn Read>>;

/// The documents of an image that was made here.
#[derive(Debug, Clone)]
pub struct Made {
    pub manifest: Vec<u8>,
    pub config: Vec<u8>,
    /// Digest of the config.
    pub id: Digest,
}

/// Describes an image of plain layers, lowest first.
///
/// # Errors
/// If the config cannot be written as JSON.
pub fn describe(config: &ImageConfig, layers: &[PlainLayer]) -> Result<Made, Error> {
    made(config, layers.iter().map(PlainLayer::descriptor).collect())
}

/// Writes the documents of an image.
pub(super) fn made(config: &impl Serialize, layers: Vec<Descriptor>) -> Result<Made, Error> {
    let bad = |e: serde_json::Error| Error::bad_manifest(e.to_string());
    let config = serde_json::to_vec(config).map_err(bad)?;
    let described = descriptor(media_type::IMAGE_CONFIG_MEDIA_TYPE, &config);
    let id = described.digest.clone();
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media_type::OCI_IMAGE_MEDIA_TYPE.into()),
        config: described,
        layers,
        annotations: None,
    };
    Ok(Made { manifest: serde_json::to_vec(&manifest).map_err(bad)?, config, id })
}

impl Outgoing {
    /// The manifest that fits the plain layers: the image's own if its layers
    /// were plain when it came, else one with the same config.
    ///
    /// It follows from the image alone, so that its digest is the same
    /// whenever and wherever it is made.
    pub(super) fn plain_manifest(&self) -> Result<Cow<'_, [u8]>, Error> {
        let original = self.parse()?;
        let layers = original.layers.iter().map(|layer| &layer.digest);
        if layers.eq(self.layers.iter().map(|layer| &layer.diff_id.0)) {
            return Ok(Cow::Borrowed(&self.manifest));
        }
        let layers = self.layers.iter().map(PlainLayer::descriptor).collect();
        self.manifest_of(original, layers).map(Cow::Owned)
    }

    /// A manifest with these layers, and all else as it was.
    pub(super) fn manifest_of(
        &self,
        original: Manifest,
        layers: Vec<Descriptor>,
    ) -> Result<Vec<u8>, Error> {
        let media_type = media_type::IMAGE_CONFIG_MEDIA_TYPE;
        let manifest = Manifest {
            media_type: Some(media_type::OCI_IMAGE_MEDIA_TYPE.into()),
            config: descriptor(media_type, &self.config),
            layers,
            ..original
        };
        serde_json::to_vec(&manifest).map_err(|e| Error::bad_manifest(e.to_string()))
    }

    pub(super) fn parse(&self) -> Result<Manifest, Error> {
        serde_json::from_slice(&self.manifest).map_err(|e| Error::bad_manifest(e.to_string()))
    }

    /// What the config says that it is for, if it says so.
    pub(super) fn platform(&self) -> Option<Platform> {
        let config: ImageConfig = serde_json::from_slice(&self.config).ok()?;
        Some(config.platform()).filter(|platform| !platform.os.is_empty())
    }
}

impl PlainLayer {
    pub(super) fn descriptor(&self) -> Descriptor {
        Descriptor {
            media_type: media_type::IMAGE_LAYER_MEDIA_TYPE.into(),
            digest: self.diff_id.0.clone(),
            size: self.size,
            platform: None,
            annotations: None,
        }
    }
}

/// Describes a document that is in memory.
pub(super) fn descriptor(media_type: &str, document: &[u8]) -> Descriptor {
    Descriptor {
        media_type: media_type.into(),
        digest: digest(document),
        size: document.len() as u64,
        platform: None,
        annotations: None,
    }
}

/// The media type that a manifest gives itself, which all but the oldest do.
pub(super) fn media_type_of(manifest: &[u8]) -> String {
    let manifest = serde_json::from_slice::<Manifest>(manifest).ok();
    let media_type = manifest.and_then(|manifest| manifest.media_type);
    media_type.unwrap_or_else(|| media_type::OCI_IMAGE_MEDIA_TYPE.into())
}
