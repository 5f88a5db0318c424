//! Puts an image of the store into a registry.
//!
//! A compressed layer is not kept, so the blobs that an image came with are
//! sent by nobody again; but where the registry has one of them already, in
//! this repository or in one to mount it from, it is used. If it has all, the
//! manifest goes byte for byte as it came. Else layers are compressed anew,
//! always to the same bytes, and the manifest lists those.

use std::{
    fs::File,
    io::{self, Read, Write},
};

use flate2::{Compression as Level, write::GzEncoder};
use oci_client::manifest as media_type;

use super::{
    Error, Options,
    docker::ZSTD_LAYER,
    outgoing::{OpenTar, Outgoing, PlainLayer, media_type_of},
    upload::{Content, Repository},
    verify::{Hashing, digest},
};
use crate::oci::{Descriptor, Digest, Manifest, Name};

/// The usual ones: a layer is compressed once and fetched many times.
const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 3;
/// How much is compressed and written at a time: always the same.
const PIECE: usize = 64 << 10;

/// How layers are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerCompression {
    Gzip,
    Zstd,
    None,
}

/// What a push needs beside the image and the name.
#[expect(missing_debug_implementations, reason = "it is made of functions")]
pub struct Delivery<'a> {
    /// How all layers are to be compressed; none for the blobs that they came
    /// as where the registry has them, and gzip for the others.
    pub compression: Option<LayerCompression>,
    /// Repositories of the same registry that may have blobs of the image.
    pub siblings: &'a [Name],
    pub options: &'a Options,
    /// Opens the tar of a layer.
    pub open: OpenTar<'a>,
    /// Makes a file without a name, for one compressed layer at a time.
    pub scratch: &'a dyn Fn() -> io::Result<File>,
}

/// Puts the image into the repository, lets the tag of `name` (or `latest`)
/// stand for it, and returns the digest of its manifest there.
///
/// # Errors
/// If the registry does not take it, or a layer cannot be read.
pub fn push(image: &Outgoing, name: &Name, delivery: &Delivery<'_>) -> Result<Digest, Error> {
    let original = image.parse()?;
    let config = digest(&image.config);
    let repository = Repository::open(name, delivery.options, &config)?;
    let push = Push { repository, delivery };
    let mut layers = Vec::new();
    for (at, layer) in image.layers.iter().enumerate() {
        layers.push(push.layer(layer, original.layers.get(at))?);
    }
    if !push.repository.has(&config)? {
        let content = Content::Document(&image.config);
        push.repository.upload(&config, image.config.len() as u64, &content)?;
    }
    let manifest = manifest(image, original, layers)?;
    let tag = name.tag.as_deref().unwrap_or("latest");
    push.repository.tag(tag, &media_type_of(&manifest), &manifest)?;
    Ok(digest(&manifest))
}

/// The image's own if the layers are those that it came with.
fn manifest(
    image: &Outgoing,
    original: Manifest,
    layers: Vec<Descriptor>,
) -> Result<Vec<u8>, Error> {
    let digests =
        |layers: &[Descriptor]| layers.iter().map(|layer| layer.digest.clone()).collect::<Vec<_>>();
    if digests(&layers) == digests(&original.layers) {
        return Ok(image.manifest.clone());
    }
    let layers = layers.into_iter().map(with_oci_type).collect();
    image.manifest_of(original, layers)
}

/// A manifest of one specification lists layers of the same.
pub(super) fn with_oci_type(layer: Descriptor) -> Descriptor {
    let media_type = match layer.media_type.as_str() {
        media_type::IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE => media_type::IMAGE_LAYER_GZIP_MEDIA_TYPE,
        media_type::IMAGE_DOCKER_LAYER_TAR_MEDIA_TYPE => media_type::IMAGE_LAYER_MEDIA_TYPE,
        other => other,
    };
    Descriptor { media_type: media_type.into(), ..layer }
}

struct Push<'a> {
    repository: Repository,
    delivery: &'a Delivery<'a>,
}

impl Push<'_> {
    /// Sees to it that the repository has a layer, and describes its blob.
    fn layer(
        &self,
        layer: &PlainLayer,
        original: Option<&Descriptor>,
    ) -> Result<Descriptor, Error> {
        let original = original.filter(|_| self.delivery.compression.is_none());
        if let Some(original) = original
            && self.takes_over(&original.digest)?
        {
            return Ok(original.clone());
        }
        let compression = self.delivery.compression.unwrap_or(LayerCompression::Gzip);
        if compression == LayerCompression::None && self.takes_over(&layer.diff_id.0)? {
            return Ok(layer.descriptor());
        }
        let (blob, file) = self.pack(layer, compression).map_err(|source| {
            Error::from_read(source, || format!("compress the layer {}", layer.diff_id))
        })?;
        if !self.takes_over(&blob.digest)? {
            self.repository.upload(&blob.digest, blob.size, &Content::File(&file))?;
        }
        Ok(blob)
    }

    /// Whether the repository has a blob, perhaps by now.
    fn takes_over(&self, digest: &Digest) -> Result<bool, Error> {
        if self.repository.has(digest)? {
            return Ok(true);
        }
        for sibling in self.delivery.siblings {
            if self.repository.mount(digest, sibling)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Compresses a layer into a file, which costs disk and not memory.
    fn pack(
        &self,
        layer: &PlainLayer,
        compression: LayerCompression,
    ) -> io::Result<(Descriptor, File)> {
        let mut tar = (self.delivery.open)(&layer.diff_id)?;
        let mut file = (self.delivery.scratch)()?;
        let (digest, size) = pack(&mut tar, &mut file, compression)?;
        let media_type = match compression {
            LayerCompression::Gzip => media_type::IMAGE_LAYER_GZIP_MEDIA_TYPE,
            LayerCompression::Zstd => ZSTD_LAYER,
            LayerCompression::None => media_type::IMAGE_LAYER_MEDIA_TYPE,
        };
        let media_type = media_type.into();
        Ok((Descriptor { media_type, digest, size, platform: None, annotations: None }, file))
    }
}

/// Compresses, and tells what comes out; the same input always gives the same.
fn pack(
    tar: &mut dyn Read,
    output: &mut dyn Write,
    compression: LayerCompression,
) -> io::Result<(Digest, u64)> {
    let mut blob = Hashing::new(io::BufWriter::new(output));
    match compression {
        LayerCompression::None => copy(tar, &mut blob)?,
        LayerCompression::Gzip => {
            let mut encoder = GzEncoder::new(&mut blob, Level::new(GZIP_LEVEL));
            copy(tar, &mut encoder)?;
            encoder.finish()?;
        }
        LayerCompression::Zstd => {
            let mut encoder = zstd::Encoder::new(&mut blob, ZSTD_LEVEL)?;
            copy(tar, &mut encoder)?;
            encoder.finish()?;
        }
    }
    blob.flush()?;
    let size = blob.size;
    Ok((blob.digest(), size))
}

/// Copies in whole pieces, however the input comes: what a compressor makes of
/// it may depend on that.
fn copy(input: &mut dyn Read, output: &mut dyn Write) -> io::Result<()> {
    let mut piece = Vec::with_capacity(PIECE);
    loop {
        piece.clear();
        (&mut *input).take(PIECE as u64).read_to_end(&mut piece)?;
        if piece.is_empty() {
            return Ok(());
        }
        output.write_all(&piece)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(1);
            self.0.read(&mut buffer[..length])
        }
    }

    #[test]
    fn a_layer_is_compressed_to_the_same_bytes_each_time() {
        let text: Vec<u8> =
            (0..200_000_u32).flat_map(|n| (n % 251 * n % 7919).to_le_bytes()).collect();
        for compression in [LayerCompression::Gzip, LayerCompression::Zstd, LayerCompression::None]
        {
            let (mut first, mut second) = (Vec::new(), Vec::new());
            let packed = pack(&mut text.as_slice(), &mut first, compression).unwrap();
            pack(&mut Drops(&text), &mut second, compression).unwrap();
            assert!(first == second, "{compression:?}");
            assert_eq!(packed, (digest(&first), first.len() as u64));
        }
    }

    #[test]
    fn a_gzip_file_names_no_time_and_no_machine() {
        let mut gzip = Vec::new();
        pack(&mut io::empty(), &mut gzip, LayerCompression::Gzip).unwrap();
        // RFC 1952, section 2.3: no flags, no time, unknown operating system.
        assert_eq!(gzip[..4], [0x1f, 0x8b, 8, 0]);
        assert_eq!((&gzip[4..8], gzip[9]), (&[0; 4][..], 255));
    }
}
