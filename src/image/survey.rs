//! What a reference stands for, platform by platform: what a lock records.

use oci_client::manifest::{OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE};

use super::{
    Error, Options, registry,
    resolve::{Document, INDEX_TYPES, Store, choose, parse, platform_of},
    verify::{digest, verified_document},
};
use crate::oci::{Descriptor, ImageLimits, Index, Name, Platform};

/// More entries than any index has, attestations among them.
const MAX_ENTRIES: usize = 512;

/// A reference, looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// What the reference points at: an index or a manifest.
    pub root: Descriptor,
    /// The manifest for each platform, which is always named.
    pub manifests: Vec<Descriptor>,
}

/// Looks up what `name` stands for: for the platforms that are wanted, or if
/// none is, for all that linux runs on.
///
/// Only manifests are fetched, and a config where nothing else tells the
/// platform. Digests are those of the bytes as they came.
///
/// # Errors
/// If there is no such image, or none for one of the platforms.
pub fn survey(name: &Name, wanted: &[Platform], options: &Options) -> Result<Survey, Error> {
    let (store, root) = registry::open(name, options)?;
    survey_of(store.as_ref(), &root, wanted)
}

fn survey_of(store: &dyn Store, root: &[u8], wanted: &[Platform]) -> Result<Survey, Error> {
    let document = parse(root)?;
    let descriptor = describe(root, &document);
    let mut walk = Walk { store, entries: 0, found: Vec::new() };
    walk.document(&descriptor, root, document, 0)?;
    let found = walk.found;
    let manifests = match wanted {
        [] if found.is_empty() => return Err(Error::bad_manifest("it is for no linux platform")),
        [] => found,
        _ => some(&found, wanted)?,
    };
    Ok(Survey { root: descriptor, manifests })
}

fn describe(bytes: &[u8], document: &Document) -> Descriptor {
    let (named, usual) = match document {
        Document::Index(index) => (&index.media_type, OCI_IMAGE_INDEX_MEDIA_TYPE),
        Document::Manifest(manifest) => (&manifest.media_type, OCI_IMAGE_MEDIA_TYPE),
    };
    Descriptor {
        media_type: named.clone().unwrap_or_else(|| usual.into()),
        digest: digest(bytes),
        size: bytes.len() as u64,
        platform: None,
        annotations: None,
    }
}

/// What serves each of the platforms best, each once.
fn some(found: &[Descriptor], wanted: &[Platform]) -> Result<Vec<Descriptor>, Error> {
    let mut chosen: Vec<Descriptor> = Vec::new();
    for platform in wanted {
        let descriptor = choose(found, platform)?;
        if !chosen.contains(descriptor) {
            chosen.push(descriptor.clone());
        }
    }
    Ok(chosen)
}

/// The way through an index, and through those that it lists.
struct Walk<'a> {
    store: &'a dyn Store,
    entries: usize,
    found: Vec<Descriptor>,
}

impl Walk<'_> {
    fn document(
        &mut self,
        descriptor: &Descriptor,
        bytes: &[u8],
        document: Document,
        depth: usize,
    ) -> Result<(), Error> {
        match document {
            Document::Index(index) => self.index(&index, depth),
            Document::Manifest(_) => {
                let platform = match platform_of(self.store, bytes) {
                    // Something else than an image, which is for no platform.
                    Err(Error::BadManifest { .. }) if depth > 0 => None,
                    result => result?,
                };
                self.add(Descriptor { platform, ..descriptor.clone() });
                Ok(())
            }
        }
    }

    fn index(&mut self, index: &Index, depth: usize) -> Result<(), Error> {
        if depth >= ImageLimits::INDEXES {
            return Err(Error::bad_manifest("indexes are nested too deeply"));
        }
        for entry in &index.manifests {
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return Err(Error::bad_manifest(format!(
                    "it lists more than {MAX_ENTRIES} images"
                )));
            }
            let is_index = INDEX_TYPES.contains(&entry.media_type.as_str());
            if entry.platform.is_some() && !is_index {
                self.add(entry.clone());
                continue;
            }
            let bytes = verified_document(self.store.manifest(entry)?, entry)?;
            let document = parse(&bytes)?;
            self.document(entry, &bytes, document, depth + 1)?;
        }
        Ok(())
    }

    /// Takes note of a manifest, unless it is one that nobody could ask for, or
    /// comes after another for the same platform.
    fn add(&mut self, descriptor: Descriptor) {
        let Some(platform) = &descriptor.platform else { return };
        let can_be_asked_for = platform.to_string().parse().as_ref() == Ok(platform);
        let is_known = self.found.iter().any(|other| other.platform.as_ref() == Some(platform));
        if platform.os == "linux" && can_be_asked_for && !is_known {
            let annotations = None;
            self.found.push(Descriptor { annotations, ..descriptor });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::image::{layout, sample::Directory};

    const NESTED: &str = INDEX_TYPES[0];

    /// Surveys a document of a layout.
    fn survey(
        layout: &Directory,
        root: &Descriptor,
        wanted: &[&str],
    ) -> Result<Vec<String>, String> {
        layout.index(std::slice::from_ref(root));
        let (store, root) = layout::open_directory(&layout.0, None, &Platform::host()).unwrap();
        let wanted: Vec<Platform> = wanted.iter().map(|text| text.parse().unwrap()).collect();
        let survey = survey_of(store.as_ref(), &root, &wanted).map_err(|e| e.to_string())?;
        assert_eq!(survey.root.digest, digest(&root));
        Ok(survey.manifests.iter().map(|m| m.platform.as_ref().unwrap().to_string()).collect())
    }

    fn index(layout: &Directory, entries: &[Descriptor]) -> Descriptor {
        let index = json!({"schemaVersion": 2, "manifests": entries});
        layout.blob(NESTED, index.to_string().as_bytes())
    }

    fn for_platform(descriptor: &Descriptor, platform: Option<&str>) -> Descriptor {
        let platform = platform.map(|text| text.parse().unwrap());
        Descriptor { platform, ..descriptor.clone() }
    }

    #[test]
    fn every_linux_platform_of_an_index_is_found_once() {
        let layout = Directory::new("survey");
        let (amd, arm) = (layout.image("linux/amd64"), layout.image("linux/arm64"));
        let artifact = layout.blob("artifact", br#"{"schemaVersion":2,"layers":[],"config":
            {"mediaType":"","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}}"#);
        layout.blob("config", b"{}");
        let nested = index(&layout, &[arm, amd.clone()]);
        let root = index(
            &layout,
            &[
                for_platform(&amd, Some("unknown/unknown")),
                for_platform(&amd, Some("windows/amd64")),
                for_platform(&amd, None),
                artifact,
                nested,
                for_platform(&amd, Some("linux/arm/v7")),
            ],
        );
        let all = ["linux/amd64", "linux/arm64", "linux/arm/v7"].map(String::from);
        assert_eq!(survey(&layout, &root, &[]).unwrap(), all);
        let some = survey(&layout, &root, &["linux/arm", "linux/arm64", "linux/arm64/v8"]);
        assert_eq!(some.unwrap(), ["linux/arm/v7", "linux/arm64"]);
        let error = survey(&layout, &root, &["linux/s390x"]).unwrap_err();
        assert!(error.starts_with("the image is not for linux/s390x; available: linux/amd64"));
    }

    #[test]
    fn a_single_manifest_says_in_its_config_what_it_is_for() {
        let layout = Directory::new("survey-single");
        let image = layout.image("linux/arm64");
        assert_eq!(survey(&layout, &image, &[]).unwrap(), ["linux/arm64"]);
        assert!(survey(&layout, &image, &["linux/amd64"]).is_err());
        let windows = layout.image("windows/amd64");
        let error = survey(&layout, &windows, &[]).unwrap_err();
        assert_eq!(error, "bad manifest: it is for no linux platform");
    }

    #[test]
    fn an_index_has_bounds() {
        let layout = Directory::new("survey-bounds");
        let image = layout.image("linux/amd64");
        let full = index(&layout, &vec![image.clone(); MAX_ENTRIES]);
        assert!(survey(&layout, &full, &[]).is_ok());
        let more = index(&layout, &vec![image.clone(); MAX_ENTRIES + 1]);
        assert!(survey(&layout, &more, &[]).unwrap_err().contains("more than 512"));

        let mut deep = index(&layout, &[image]);
        for _ in 1..ImageLimits::INDEXES {
            deep = index(&layout, &[deep]);
        }
        assert!(survey(&layout, &deep, &[]).is_ok());
        let deeper = index(&layout, &[deep]);
        assert!(survey(&layout, &deeper, &[]).unwrap_err().contains("nested too deeply"));
    }
}
