//! Small images for the tests of this module.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{Error, Source, verify::digest};
use crate::oci::{Descriptor, ImageLimits, Platform};

/// What the only layer of a sample holds; nothing here unpacks it.
pub(super) const LAYER: &[u8] = b"a layer";

/// A directory which goes when the test ends.
pub(super) struct Directory(pub(super) PathBuf);

impl Directory {
    pub(super) fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("sandbox-image-{}-{name}", std::process::id()));
        fs::create_dir_all(path.join("blobs/sha256")).unwrap();
        Self(path)
    }

    /// Stores a blob of a layout.
    pub(super) fn blob(&self, media_type: &str, bytes: &[u8]) -> Descriptor {
        let (digest, size) = (digest(bytes), bytes.len() as u64);
        fs::write(self.blob_path(&digest), bytes).unwrap();
        Descriptor {
            media_type: media_type.into(),
            digest,
            size,
            platform: None,
            annotations: None,
        }
    }

    pub(super) fn blob_path(&self, digest: &crate::oci::Digest) -> PathBuf {
        self.0.join("blobs/sha256").join(digest.hex())
    }

    /// Stores an image of one layer, and returns its manifest's descriptor.
    pub(super) fn image(&self, platform: &str) -> Descriptor {
        let layer = self.blob("layer", LAYER);
        let config = self.blob("config", config(platform).to_string().as_bytes());
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": [layer]});
        let descriptor = self.blob("manifest", manifest.to_string().as_bytes());
        Descriptor { platform: Some(platform.parse().unwrap()), ..descriptor }
    }

    pub(super) fn index(&self, manifests: &[Descriptor]) {
        let index = json!({"schemaVersion": 2, "manifests": manifests});
        fs::write(self.0.join("index.json"), index.to_string()).unwrap();
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn config(platform: &str) -> Value {
    let platform: Platform = platform.parse().unwrap();
    json!({"os": platform.os, "architecture": platform.architecture,
           "rootfs": {"type": "layers", "diff_ids": [digest(LAYER)]}})
}

/// Opens a reference as `linux/amd64`.
pub(super) fn open(reference: &str) -> Result<Source, Error> {
    open_within(reference, ImageLimits::default())
}

pub(super) fn open_within(reference: &str, limits: ImageLimits) -> Result<Source, Error> {
    let options = super::Options {
        limits,
        offline: false,
        tls_verify: true,
        http_proxy: None,
        https_proxy: None,
        no_proxy: None,
        ssl_cert_file: None,
        ssl_cert_dir: None,
        keyring: super::Keyring::default(),
        cert_dir: None,
        cert_dirs: Vec::new(),
        registries: crate::oci::Registries::default(),
        silence: std::time::Duration::from_secs(5),
        listener: super::Listener::default(),
    };
    super::open(&reference.parse().unwrap(), &"linux/amd64".parse().unwrap(), &options)
}

/// Reads a layer to its verified end.
pub(super) fn read(source: &Source, layer: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = source.layer(layer)?.read_to_end(&mut bytes);
    read.map(|_| bytes).map_err(|e| Error::from_read(e, || "read".into()))
}

/// Writes a tar of files (name, content) and links (name, -> target).
pub(super) fn tar(path: &Path, members: &[(&str, &[u8])], links: &[(&str, &str)]) {
    let mut builder = tar::Builder::new(fs::File::create(path).unwrap());
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    for (name, target) in links {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, name, target).unwrap();
    }
    builder.finish().unwrap();
}
