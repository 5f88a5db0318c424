//! Writes images to archives and directories.
//!
//! All formats are one OCI image layout (image-spec, `image-layout.md`) with
//! plain layers; a docker archive has `manifest.json` besides, which points
//! into it, as docker has written it since version 25. So whoever reads one
//! format of the two finds it, and a layer is named by its diff id. Nothing in
//! it depends on the time or the machine: the same images give the same bytes.

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use oci_client::manifest as media_type;
use serde::Serialize;
use serde_json::json;

use super::{
    Error,
    layout::{NAME, TAG},
    outgoing::{OpenTar, Outgoing, descriptor, media_type_of},
    verify::digest,
};
use crate::oci::{Descriptor, Digest, Index};

/// What an archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// An OCI image layout, and what docker's own readers go by.
    Docker,
    /// An OCI image layout.
    Oci,
}

/// Writes images as one tar.
///
/// # Errors
/// If `output` cannot be written, or a layer cannot be read.
pub fn save_archive(
    images: &[Outgoing],
    format: ArchiveFormat,
    open: OpenTar<'_>,
    output: impl Write,
) -> Result<(), Error> {
    let mut tar = tar::Builder::new(output);
    for directory in ["blobs/", BLOBS] {
        let mut header = header(tar::EntryType::Directory, 0o755, 0);
        tar.append_data(&mut header, directory, io::empty()).map_err(failed)?;
    }
    let add = |path: &str, size: u64, content: &mut dyn Read| {
        tar.append_data(&mut header(tar::EntryType::Regular, 0o644, size), path, content)
    };
    write(images, format, open, add)?;
    tar.into_inner().and_then(|mut output| output.flush()).map_err(failed)
}

/// Writes images as a directory, which is to be empty.
///
/// # Errors
/// As for [`save_archive`].
pub fn save_directory(images: &[Outgoing], open: OpenTar<'_>, into: &Path) -> Result<(), Error> {
    fs::create_dir_all(into.join(BLOBS)).map_err(failed)?;
    let add = |path: &str, _size: u64, content: &mut dyn Read| {
        io::copy(content, &mut File::create_new(into.join(path))?).map(drop)
    };
    write(images, ArchiveFormat::Oci, open, add)
}

const BLOBS: &str = "blobs/sha256/";

fn failed(source: io::Error) -> Error {
    Error::from_read(source, || "write the images".into())
}

/// Of nobody and of no time.
fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

/// One image of `manifest.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// Adds all files: blobs first, since what lists them must not lie.
fn write(
    images: &[Outgoing],
    format: ArchiveFormat,
    open: OpenTar<'_>,
    mut add: impl FnMut(&str, u64, &mut dyn Read) -> io::Result<()>,
) -> Result<(), Error> {
    let mut there = HashSet::new();
    let (mut manifests, mut entries) = (Vec::new(), Vec::new());
    for image in images {
        let manifest = image.plain_manifest()?;
        for layer in &image.layers {
            if there.insert(layer.diff_id.0.clone()) {
                let mut tar = open(&layer.diff_id).map_err(failed)?;
                add(&blob(&layer.diff_id.0), layer.size, &mut tar).map_err(failed)?;
            }
        }
        for document in [&image.config, manifest.as_ref()] {
            let digest = digest(document);
            if there.insert(digest.clone()) {
                let mut content = document;
                add(&blob(&digest), document.len() as u64, &mut content).map_err(failed)?;
            }
        }
        manifests.extend(descriptors(image, &manifest));
        entries.push(entry(image));
    }
    let index = Index {
        schema_version: 2,
        media_type: Some(media_type::OCI_IMAGE_INDEX_MEDIA_TYPE.into()),
        manifests,
        annotations: None,
    };
    let mut documents = vec![("index.json", serde_json::to_vec(&index))];
    if format == ArchiveFormat::Docker {
        documents.push(("manifest.json", serde_json::to_vec(&entries)));
    }
    documents.push(("oci-layout", serde_json::to_vec(&json!({"imageLayoutVersion": "1.0.0"}))));
    for (name, document) in documents {
        let document = document.map_err(|e| failed(e.into()))?;
        add(name, document.len() as u64, &mut document.as_slice()).map_err(failed)?;
    }
    Ok(())
}

fn blob(digest: &Digest) -> String {
    format!("{BLOBS}{}", digest.hex())
}

/// One for each name, or one without.
fn descriptors(image: &Outgoing, manifest: &[u8]) -> Vec<Descriptor> {
    let plain =
        Descriptor { platform: image.platform(), ..descriptor(&media_type_of(manifest), manifest) };
    let named = image.names.iter().map(|name| {
        let tag = name.tag.iter().map(|tag| (TAG.to_owned(), tag.clone()));
        let annotations: BTreeMap<String, String> =
            tag.chain([(NAME.to_owned(), name.to_string())]).collect();
        Descriptor { annotations: Some(annotations), ..plain.clone() }
    });
    let named: Vec<Descriptor> = named.collect();
    if named.is_empty() { vec![plain] } else { named }
}

fn entry(image: &Outgoing) -> Entry {
    let tags: Vec<String> = image.names.iter().map(|name| name.familiar()).collect();
    Entry {
        config: blob(&digest(&image.config)),
        repo_tags: Some(tags).filter(|tags| !tags.is_empty()),
        layers: image.layers.iter().map(|layer| blob(&layer.diff_id.0)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{
        image::{
            outgoing::PlainLayer,
            sample::{self, Directory, LAYER},
        },
        oci::DiffId,
    };

    /// As pulled from a registry, with a layer that was compressed there.
    fn image(names: &[&str]) -> Outgoing {
        let config = sample::config("linux/amd64").to_string().into_bytes();
        let gzip = Descriptor {
            media_type: media_type::IMAGE_LAYER_GZIP_MEDIA_TYPE.into(),
            ..descriptor("", b"compressed")
        };
        let manifest = json!({
            "schemaVersion": 2, "config": descriptor("config", &config), "layers": [gzip],
            "annotations": {"kept": "yes"},
        });
        Outgoing {
            names: names.iter().map(|name| name.parse().unwrap()).collect(),
            manifest: manifest.to_string().into_bytes(),
            config,
            layers: vec![PlainLayer { diff_id: DiffId(digest(LAYER)), size: LAYER.len() as u64 }],
        }
    }

    fn open(_: &DiffId) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(LAYER))
    }

    fn archive(images: &[Outgoing], format: ArchiveFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        save_archive(images, format, &open, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_saved_can_be_opened_by_either_transport() {
        let directory = Directory::new("save");
        let image = image(&["x:1", "ghcr.io/a/x:2"]);
        let path = directory.0.join("x.tar");
        fs::write(&path, archive(std::slice::from_ref(&image), ArchiveFormat::Docker)).unwrap();
        for (transport, tag) in [("docker-archive", "x:1"), ("oci-archive", "2")] {
            let source = sample::open(&format!("{transport}:{}:{tag}", path.display())).unwrap();
            assert_eq!(source.config(), image.config);
            assert_eq!(sample::read(&source, 0).unwrap(), LAYER);
        }
        let layout = directory.0.join("new");
        save_directory(std::slice::from_ref(&image), &open, &layout).unwrap();
        let source = sample::open(&format!("oci:{}:1", layout.display())).unwrap();
        assert!(str::from_utf8(source.manifest()).unwrap().contains("kept"));
    }

    #[test]
    fn the_manifest_of_plain_layers_stays_as_it_is() {
        let first = image(&["x:1"]);
        let manifest = first.plain_manifest().unwrap().into_owned();
        assert_ne!(manifest, first.manifest);
        let again = Outgoing { manifest: [&manifest[..], b"\n"].concat(), ..first };
        assert_eq!(again.plain_manifest().unwrap(), again.manifest.as_slice());
    }

    #[test]
    fn images_share_layers_and_archives_are_the_same_each_time() {
        let images = [image(&["x:1"]), image(&[])];
        let bytes = archive(&images, ArchiveFormat::Docker);
        assert_eq!(bytes, archive(&images, ArchiveFormat::Docker));
        let mut tar = tar::Archive::new(bytes.as_slice());
        let mut names = Vec::new();
        let mut list = Value::Null;
        for entry in tar.entries().unwrap() {
            let entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            assert_eq!(entry.header().mtime().unwrap(), 0);
            if name == "manifest.json" {
                list = serde_json::from_reader(entry).unwrap();
            }
            names.push(name);
        }
        assert_eq!(names.len(), 2 + 3 + 3, "{names:?}");
        assert_eq!((&list[0]["RepoTags"], &list[1]["RepoTags"]), (&json!(["x:1"]), &Value::Null));
    }
}
