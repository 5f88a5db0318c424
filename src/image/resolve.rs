//! From what a reference points at to one image: index, manifest, config.

use std::io::Read;

use oci_client::manifest::{IMAGE_MANIFEST_LIST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE};
use serde::{Deserialize, de::IgnoredAny};

use super::{
    Error, LayerBlob,
    verify::{digest, verified_document},
};
use crate::oci::{
    Descriptor, Digest, Exceeded, ImageConfig, ImageLimits, Index, Manifest, Platform,
};

/// Where manifests and blobs are got, by digest and not yet verified.
pub(super) trait Store: std::fmt::Debug + Send + Sync {
    /// Begins to read a blob.
    fn blob(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error>;

    /// Begins to read a manifest, which registries keep apart.
    fn manifest(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error> {
        self.blob(descriptor)
    }
}

/// One image for one platform, with the documents as they were stored.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) digest: Digest,
    pub(super) manifest: Vec<u8>,
    pub(super) config: Vec<u8>,
    pub(super) layers: Vec<LayerBlob>,
}

/// Follows `document`, an index or a manifest, to the image for `wanted`.
pub(super) fn resolve(
    store: &dyn Store,
    mut document: Vec<u8>,
    wanted: &Platform,
) -> Result<Resolved, Error> {
    for _ in 0..=ImageLimits::INDEXES {
        match parse(&document)? {
            Document::Manifest(manifest) => return complete(store, document, &manifest, wanted),
            Document::Index(index) => {
                let descriptor = choose(&index.manifests, wanted)?;
                document = verified_document(store.manifest(descriptor)?, descriptor)?;
            }
        }
    }
    let why = format!("its indexes are nested more than {} deep", ImageLimits::INDEXES);
    Err(Error::bad_manifest(why))
}

/// What a manifest is for by its config; none of an index.
pub(super) fn platform_of(store: &dyn Store, document: &[u8]) -> Result<Option<Platform>, Error> {
    let Document::Manifest(manifest) = parse(document)? else { return Ok(None) };
    let config = verified_document(store.blob(&manifest.config)?, &manifest.config)?;
    Ok(parse_config(&config)?.platform().into())
}

fn parse_config(config: &[u8]) -> Result<ImageConfig, Error> {
    serde_json::from_slice(config)
        .map_err(|e| Error::bad_manifest(format!("its config is not one of an image: {e}")))
}

/// Chooses the entry of an index that serves `wanted` best.
///
/// One that names no platform is the last resort; its config will tell.
pub(super) fn choose<'a>(
    entries: impl IntoIterator<Item = &'a Descriptor> + Clone,
    wanted: &Platform,
) -> Result<&'a Descriptor, Error> {
    let rank = |descriptor: &Descriptor| match &descriptor.platform {
        Some(platform) => platform.rank(wanted),
        None => Some(u8::MAX),
    };
    let ranked = entries.clone().into_iter().filter_map(|entry| Some((rank(entry)?, entry)));
    if let Some((_, best)) = ranked.min_by_key(|(rank, _)| *rank) {
        return Ok(best);
    }
    let mut available: Vec<Platform> = Vec::new();
    for platform in entries.into_iter().filter_map(|entry| entry.platform.clone()) {
        // Attestations are listed as `unknown/unknown`.
        if platform.os != "unknown" && !available.contains(&platform) {
            available.push(platform);
        }
    }
    Err(Error::PlatformMissing { wanted: wanted.clone(), available })
}

pub(super) enum Document {
    Index(Index),
    Manifest(Manifest),
}

/// What tells the kinds of documents apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    schema_version: u32,
    manifests: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
    media_type: Option<String>,
}

/// What an index may call itself.
pub(super) const INDEX_TYPES: [&str; 2] =
    [OCI_IMAGE_INDEX_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE];

/// Reads an index or a manifest; what could be read as either is refused
/// (CVE-2021-41190).
pub(super) fn parse(bytes: &[u8]) -> Result<Document, Error> {
    let bad = |e: serde_json::Error| Error::bad_manifest(e.to_string());
    let shape: Shape = serde_json::from_slice(bytes).map_err(bad)?;
    let named = shape.media_type.as_deref().map(|named| INDEX_TYPES.contains(&named));
    match shape {
        Shape { schema_version: 1, .. } => Err(Error::bad_manifest(
            "it has the format of 2014 (schema 1), which nobody can verify",
        )),
        Shape { manifests: Some(_), layers: Some(_), .. } => {
            Err(Error::bad_manifest("it is both an index and a manifest"))
        }
        // Whoever goes by the type must not find something else.
        Shape { manifests, .. } if named.is_some_and(|index| index != manifests.is_some()) => {
            Err(Error::bad_manifest("it is not what its media type says"))
        }
        Shape { manifests: Some(_), .. } => {
            serde_json::from_slice(bytes).map(Document::Index).map_err(bad)
        }
        _ => serde_json::from_slice(bytes).map(Document::Manifest).map_err(bad),
    }
}

fn complete(
    store: &dyn Store,
    bytes: Vec<u8>,
    manifest: &Manifest,
    wanted: &Platform,
) -> Result<Resolved, Error> {
    if manifest.layers.len() > ImageLimits::LAYERS {
        let exceeded = Exceeded::count(ImageLimits::LAYERS as u64, "layers", None);
        return Err(Error::TooLarge { what: "the image", exceeded });
    }
    let config = verified_document(store.blob(&manifest.config)?, &manifest.config)?;
    let parsed = parse_config(&config)?;
    check_platform(parsed.platform(), wanted)?;
    let layers = pair(&manifest.layers, parsed)?;
    Ok(Resolved { digest: digest(&bytes), manifest: bytes, config, layers })
}

fn check_platform(actual: Platform, wanted: &Platform) -> Result<(), Error> {
    // Hand-made images may leave a field out: nothing to compare then.
    let known = Platform {
        os: if actual.os.is_empty() { wanted.os.clone() } else { actual.os.clone() },
        architecture: match actual.architecture.as_str() {
            "" => wanted.architecture.clone(),
            known => known.into(),
        },
        variant: actual.variant.clone(),
    };
    if known.serves(wanted) {
        return Ok(());
    }
    Err(Error::PlatformMismatch { wanted: wanted.clone().into(), actual: actual.into() })
}

fn pair(descriptors: &[Descriptor], config: ImageConfig) -> Result<Vec<LayerBlob>, Error> {
    let diff_ids = config.rootfs.diff_ids;
    let (blobs, ids) = (descriptors.len(), diff_ids.len());
    if blobs != ids {
        let why = format!("it has {blobs} layers, but its config names {ids}");
        return Err(Error::bad_manifest(why));
    }
    let pairs = descriptors.iter().cloned().zip(diff_ids);
    Ok(pairs.map(|(descriptor, diff_id)| LayerBlob { descriptor, diff_id }).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::image::sample::{self, Directory};

    fn entry(platform: Option<&str>) -> Descriptor {
        let platform = platform.map(|text| text.parse().unwrap());
        let digest = digest(format!("{platform:?}").as_bytes());
        Descriptor { media_type: String::new(), digest, size: 0, platform, annotations: None }
    }

    #[test]
    fn the_entry_that_fits_best_is_chosen() {
        type Case<'a> = (&'a str, &'a [Option<&'a str>], Option<usize>);
        let cases: [Case<'_>; 6] = [
            ("linux/amd64", &[Some("linux/amd64/v3"), Some("linux/amd64")], Some(1)),
            ("linux/amd64", &[None, Some("linux/amd64")], Some(1)),
            ("linux/arm64", &[Some("linux/amd64"), Some("linux/arm64/v8")], Some(1)),
            ("linux/arm/v6", &[Some("linux/arm/v7"), Some("linux/arm/v6")], Some(1)),
            ("linux/amd64", &[Some("unknown/unknown"), None], Some(1)),
            ("linux/s390x", &[Some("unknown/unknown"), Some("linux/amd64")], None),
        ];
        for (wanted, platforms, chosen) in cases {
            let entries: Vec<_> = platforms.iter().map(|platform| entry(*platform)).collect();
            let found = choose(&entries, &wanted.parse().unwrap());
            match chosen {
                Some(at) => assert_eq!(found.unwrap(), &entries[at], "{wanted}"),
                None => assert_eq!(
                    found.unwrap_err().to_string(),
                    "the image is not for linux/s390x; available: linux/amd64"
                ),
            }
        }
    }

    #[test]
    fn ambiguous_and_ancient_documents_are_refused() {
        let cases = [
            (r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#, "both"),
            (r#"{"schemaVersion":1,"fsLayers":[]}"#, "schema 1"),
            (r#"{"schemaVersion":2}"#, "missing field"),
            (r#"{"schemaVersion":2,"layers":[],"layers":[]}"#, "duplicate"),
            ("[]", "invalid"),
            ("", "EOF"),
        ];
        for (document, why) in cases {
            let error = parse(document.as_bytes()).err().unwrap().to_string();
            assert!(error.contains(why), "{document}: {error}");
        }
    }

    #[test]
    fn nested_indexes_have_an_end() {
        for (depth, good) in [(0, true), (2, true), (3, false)] {
            let layout = Directory::new(&format!("nested-{depth}"));
            let mut root = layout.image("linux/amd64");
            for _ in 0..=depth {
                let index = serde_json::json!({"schemaVersion": 2, "manifests": [root]});
                root = layout.blob("index", index.to_string().as_bytes());
            }
            layout.index(&[root]);
            let opened = sample::open(&format!("oci:{}", layout.0.display()));
            assert_eq!(opened.is_ok(), good, "{depth}: {opened:?}");
        }
    }

    /// Documents that come close to indexes and manifests.
    fn documents() -> impl Strategy<Value = String> {
        let key = "schemaVersion|manifests|layers|config|mediaType|digest|size|platform|x";
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<i64>().prop_map(|number| number.to_string()),
            "\"(sha256:[0-9a-f]{64}|[a-z./+]{0,12})\"",
        ];
        leaf.prop_recursive(4, 32, 6, move |inner| {
            let list = prop::collection::vec(inner.clone(), 0..4);
            let map = prop::collection::vec((key, inner), 0..7);
            prop_oneof![
                list.prop_map(|items| format!("[{}]", items.join(","))),
                map.prop_map(|fields| {
                    let fields = fields.iter().map(|(key, value)| format!("\"{key}\":{value}"));
                    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_document_is_an_index_or_a_manifest_or_refused(text in documents()) {
            if let Ok(Document::Index(index)) = parse(text.as_bytes()) {
                let _ = choose(&index.manifests, &"linux/amd64".parse().unwrap());
            }
            let _ = serde_json::from_str::<ImageConfig>(&text).map(|config| config.platform());
        }

        #[test]
        fn any_bytes_are_a_document_or_refused(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
