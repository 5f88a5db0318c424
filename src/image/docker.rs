//! What `docker save` writes: a tar with `manifest.json`, configs and layers.
//!
//! It has no manifest in our sense, so one is made of it.

use std::{
    collections::HashMap,
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use oci_client::manifest as media_type;
use serde::Deserialize;

use super::{
    Error, Opened,
    archive::Archive,
    load::Named,
    resolve::Store,
    verify::{self, Hashing},
};
use crate::oci::{Descriptor, Digest, ImageConfig, ImageLimits, Manifest, Name};

pub(super) const ZSTD_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

/// One image of `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// Opens `docker-archive:FILE[:TAG]`.
pub(super) fn open(path: &Path, tag: Option<&str>, limits: &ImageLimits) -> Result<Opened, Error> {
    let archive = Arc::new(Archive::open(path, limits)?);
    open_entry(&archive, select(&entries(&archive)?, tag)?)
}

/// Opens all images of an archive.
pub(super) fn open_all(archive: &Arc<Archive>) -> Result<Vec<Named>, Error> {
    let open = |entry: &Entry| {
        let tags = entry.repo_tags.iter().flatten();
        let names = tags.filter_map(|tag| tag.parse().ok()).collect();
        Ok((names, open_entry(archive, entry)?))
    };
    entries(archive)?.iter().map(open).collect()
}

fn entries(archive: &Archive) -> Result<Vec<Entry>, Error> {
    let list = verify::document(archive.member("manifest.json")?)?;
    serde_json::from_slice(&list).map_err(|e| Error::bad_manifest(format!("manifest.json: {e}")))
}

fn open_entry(archive: &Arc<Archive>, entry: &Entry) -> Result<Opened, Error> {
    let (manifest, members) = describe(archive, entry)?;
    let root = serde_json::to_vec(&manifest).map_err(|e| Error::bad_manifest(e.to_string()))?;
    Ok((Box::new(Saved { archive: Arc::clone(archive), members }), root))
}

fn select<'a>(entries: &'a [Entry], tag: Option<&str>) -> Result<&'a Entry, Error> {
    let tags = |entry: &'a Entry| entry.repo_tags.iter().flatten();
    let found = match tag {
        Some(wanted) => entries.iter().find(|entry| tags(entry).any(|tag| is_called(tag, wanted))),
        None => entries.first().filter(|_| entries.len() == 1),
    };
    let available = || entries.iter().flat_map(tags).cloned().collect();
    found.ok_or_else(|| match tag {
        Some(tag) => Error::NoSuchTag { tag: tag.into(), available: available() },
        None if entries.is_empty() => Error::bad_manifest("manifest.json lists nothing"),
        None => Error::TagNeeded { available: available() },
    })
}

/// Whether `alpine:3.20` is what somebody means by that, or by `3.20`.
fn is_called(repo_tag: &str, wanted: &str) -> bool {
    let Ok(name) = repo_tag.parse::<Name>() else { return repo_tag == wanted };
    name.tag.as_deref() == Some(wanted) || wanted.parse().is_ok_and(|wanted: Name| wanted == name)
}

/// The manifest of an image, and which member is which blob.
fn describe(
    archive: &Archive,
    entry: &Entry,
) -> Result<(Manifest, HashMap<Digest, String>), Error> {
    let bytes = verify::document(archive.member(&entry.config)?)?;
    let parsed: ImageConfig = serde_json::from_slice(&bytes)
        .map_err(|e| Error::bad_manifest(format!("{}: {e}", entry.config)))?;
    let media_type = media_type::IMAGE_CONFIG_MEDIA_TYPE;
    let config = descriptor(media_type, verify::digest(&bytes), bytes.len() as u64);
    let mut members = HashMap::from([(config.digest.clone(), entry.config.clone())]);
    let mut layers = Vec::new();
    for (at, member) in entry.layers.iter().enumerate() {
        let diff_id = parsed.rootfs.diff_ids.get(at).map(|diff_id| &diff_id.0);
        let layer = describe_layer(archive, member, diff_id)?;
        members.insert(layer.digest.clone(), member.clone());
        layers.push(layer);
    }
    let media_type = Some(media_type::OCI_IMAGE_MEDIA_TYPE.into());
    Ok((Manifest { schema_version: 2, media_type, config, layers, annotations: None }, members))
}

/// A plain layer hashes to its diff id, which is verified when it is read;
/// only a compressed one has to be hashed first.
fn describe_layer(
    archive: &Archive,
    member: &str,
    diff_id: Option<&Digest>,
) -> Result<Descriptor, Error> {
    let mut magic = Vec::new();
    let failed = |e| Error::from_read(e, || format!("read `{member}`"));
    let content = archive.member(member)?;
    let size = content.len();
    content.take(4).read_to_end(&mut magic).map_err(failed)?;
    let media_type = match magic.as_slice() {
        [0x1f, 0x8b, ..] => media_type::IMAGE_LAYER_GZIP_MEDIA_TYPE,
        [0x28, 0xb5, 0x2f, 0xfd] => ZSTD_LAYER,
        _ => media_type::IMAGE_LAYER_MEDIA_TYPE,
    };
    let plain = media_type == media_type::IMAGE_LAYER_MEDIA_TYPE;
    if let Some(diff_id) = diff_id.filter(|_| plain) {
        return Ok(descriptor(media_type, diff_id.clone(), size));
    }
    let mut hashing = Hashing::new(io::sink());
    io::copy(&mut archive.member(member)?, &mut hashing).map_err(failed)?;
    Ok(descriptor(media_type, hashing.digest(), size))
}

fn descriptor(media_type: &str, digest: Digest, size: u64) -> Descriptor {
    Descriptor { media_type: media_type.into(), digest, size, platform: None, annotations: None }
}

/// An archive as a store.
#[derive(Debug)]
struct Saved {
    archive: Arc<Archive>,
    members: HashMap<Digest, String>,
}

impl Store for Saved {
    fn blob(&self, wanted: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error> {
        let digest = &wanted.digest;
        let missing = || Error::BlobMissing { place: "the archive".into(), digest: digest.clone() };
        Ok(Box::new(self.archive.member(self.members.get(digest).ok_or_else(missing)?)?))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::image::sample::{self, Directory, LAYER};

    #[test]
    fn a_saved_image_is_found_by_tag_and_through_links() {
        let directory = Directory::new("docker");
        let path = directory.0.join("saved.tar");
        let list = json!([
            {"Config": "c.json", "RepoTags": ["x:1"], "Layers": ["l/layer.tar"]},
            {"Config": "c.json", "RepoTags": ["y:2"], "Layers": ["m/layer.tar"]},
            {"Config": "c.json", "RepoTags": null, "Layers": ["out/layer.tar"]},
        ]);
        let (list, config) = (list.to_string(), sample::config("linux/amd64").to_string());
        let members: [(&str, &[u8]); 3] = [
            ("manifest.json", list.as_bytes()),
            ("c.json", config.as_bytes()),
            ("l/layer.tar", LAYER),
        ];
        let links = [("m/layer.tar", "../l/layer.tar"), ("out/layer.tar", "../../etc/passwd")];
        sample::tar(&path, &members, &links);
        for tag in ["x:1", "1", "docker.io/library/x:1", "y:2"] {
            let source = sample::open(&format!("docker-archive:{}:{tag}", path.display())).unwrap();
            assert_eq!(sample::read(&source, 0).unwrap(), LAYER, "{tag}");
            assert_eq!(source.config(), config.as_bytes());
        }
        let open =
            |suffix: &str| sample::open(&format!("docker-archive:{}{suffix}", path.display()));
        assert!(matches!(open(""), Err(Error::TagNeeded { .. })));
        assert!(matches!(open(":z"), Err(Error::NoSuchTag { .. })));
    }

    #[test]
    fn links_stay_in_the_archive() {
        let directory = Directory::new("links");
        let path = directory.0.join("x.tar");
        let links = [("a", "b"), ("b", "a"), ("out", "../etc/passwd"), ("abs", "/etc/passwd")];
        sample::tar(&path, &[("f", b"x")], &links);
        let archive = Archive::open(&path, &ImageLimits::default()).unwrap();
        assert!(archive.member("./f").is_ok());
        for name in ["a", "out", "abs", "../f", "/f", "g"] {
            assert!(matches!(archive.member(name), Err(Error::ArchiveMissing { .. })), "{name}");
        }
    }
}
