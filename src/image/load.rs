//! All images of an archive or a directory, each with its names.
//!
//! What has an `index.json` is an OCI image layout, whatever else is in it:
//! only there the manifests are kept. Else it is what `docker save` wrote
//! before version 25.

use std::{fs::File, path::Path, sync::Arc};

use super::{
    Error, Opened, Source,
    archive::Archive,
    docker,
    layout::{self, Layout},
    resolve::{platform_of, resolve},
};
use crate::oci::{Name, Platform};

/// An image that somebody has saved.
#[derive(Debug)]
pub struct Saved {
    /// What it was called there; may be empty.
    pub names: Vec<Name>,
    pub source: Source,
}

/// Names, and what they stand for.
pub(super) type Named = (Vec<Name>, Opened);

/// Opens the images of a plain tar, which `path` is for messages about.
///
/// Of an image for several platforms, the one for `wanted` or for this machine
/// is taken; an image for one platform is taken as it is, unless another is
/// `wanted`.
///
/// # Errors
/// If it is no archive of images, or what is in it does not verify.
pub fn load_archive(
    file: File,
    path: &Path,
    wanted: Option<&Platform>,
) -> Result<Vec<Saved>, Error> {
    let archive = Arc::new(Archive::of(file, path)?);
    let images = match archive.member("index.json") {
        Err(Error::ArchiveMissing { .. }) => docker::open_all(&archive)?,
        Err(error) => return Err(error),
        Ok(_) => layout::open_all(Layout::Archive(Arc::clone(&archive)), wanted)?,
    };
    images.into_iter().map(|image| complete(image, wanted)).collect()
}

/// Opens the images of an OCI image layout.
///
/// # Errors
/// As for [`load_archive`].
pub fn load_directory(path: &Path, wanted: Option<&Platform>) -> Result<Vec<Saved>, Error> {
    let images = layout::open_all(Layout::directory(path)?, wanted)?;
    images.into_iter().map(|image| complete(image, wanted)).collect()
}

fn complete((mut names, (store, root)): Named, wanted: Option<&Platform>) -> Result<Saved, Error> {
    // Anybody can write a digest into a name: it is nothing to go by.
    names.retain(|name| name.digest.is_none());
    let platform = match wanted {
        Some(wanted) => Some(wanted.clone()),
        None => platform_of(store.as_ref(), &root)?,
    };
    let image = resolve(store.as_ref(), root, &platform.unwrap_or_else(Platform::host))?;
    Ok(Saved { names, source: Source { image, store } })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Read};

    use serde_json::json;

    use super::*;
    use crate::{
        image::{
            layout::{NAME, TAG},
            sample::{self, Directory, LAYER},
        },
        oci::Descriptor,
    };

    fn named(descriptor: &Descriptor, annotation: &str, name: &str) -> Descriptor {
        let annotations = BTreeMap::from([(annotation.to_owned(), name.to_owned())]);
        Descriptor { annotations: Some(annotations), ..descriptor.clone() }
    }

    /// The names of the images, by platform.
    fn names(images: &[Saved]) -> Vec<(String, Vec<String>)> {
        let names = |image: &Saved| image.names.iter().map(ToString::to_string).collect();
        let platform = |image: &Saved| {
            let config: crate::oci::ImageConfig =
                serde_json::from_slice(image.source.config()).unwrap();
            config.architecture
        };
        images.iter().map(|image| (platform(image), names(image))).collect()
    }

    #[test]
    fn a_layout_is_loaded_by_its_names() {
        let layout = Directory::new("load");
        let host = Platform::host();
        let (ours, other) = (layout.image(&host.to_string()), layout.image("linux/s390x"));
        layout.index(&[
            named(&other, NAME, "docker.io/library/a:1"),
            named(&ours, NAME, "docker.io/library/a:1"),
            named(&other, TAG, "ghcr.io/b/c:2"),
            named(&other, TAG, "latest"),
            named(&ours, TAG, "d:1"),
        ]);
        let list = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let expected = [
            (host.architecture.clone(), list(&["docker.io/library/a:1", "docker.io/library/d:1"])),
            ("s390x".into(), list(&["ghcr.io/b/c:2"])),
        ];
        assert_eq!(names(&load_directory(&layout.0, None).unwrap()), expected);
        let wanted = load_directory(&layout.0, Some(&host));
        assert!(matches!(wanted, Err(Error::PlatformMissing { .. })));
    }

    #[test]
    fn all_images_of_a_docker_archive_are_loaded() {
        let directory = Directory::new("load-docker");
        let path = directory.0.join("saved.tar");
        let forged = format!("z@sha256:{}", "0a".repeat(32));
        let list = json!([
            {"Config": "c.json", "RepoTags": ["x:1", forged, "y"], "Layers": ["l.tar"]},
            {"Config": "d.json", "RepoTags": null, "Layers": ["l.tar"]},
        ]);
        let (list, config) = (list.to_string(), sample::config("linux/arm64").to_string());
        let other = sample::config("linux/s390x").to_string();
        let members: [(&str, &[u8]); 4] = [
            ("manifest.json", list.as_bytes()),
            ("c.json", config.as_bytes()),
            ("d.json", other.as_bytes()),
            ("l.tar", LAYER),
        ];
        sample::tar(&path, &members, &[]);
        let images = load_archive(File::open(&path).unwrap(), &path, None).unwrap();
        let both = ["docker.io/library/x:1", "docker.io/library/y:latest"];
        let expected = [
            ("arm64".to_owned(), both.map(String::from).to_vec()),
            ("s390x".to_owned(), Vec::new()),
        ];
        assert_eq!(names(&images), expected);
        let mut layer = Vec::new();
        images[1].source.layer(0).unwrap().read_to_end(&mut layer).unwrap();
        assert_eq!(layer, LAYER);
    }
}
