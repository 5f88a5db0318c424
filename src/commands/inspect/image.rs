//! Everything about an image, by docker's names.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::to_value;
use crate::{
    commands::{Context, fetch::resolve},
    error::Error,
    oci::{ContainerConfig, DiffId, History, Image, Reference},
    storage::Store,
};

/// Docker's names, where it has them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Inspection {
    /// Digest of the config, as docker has it.
    id: String,
    /// Digest of the manifest.
    digest: String,
    repo_tags: Vec<String>,
    repo_digests: Vec<String>,
    created: Option<String>,
    author: String,
    os: String,
    architecture: String,
    variant: String,
    /// Bytes on disk of the layers, which other images may share.
    size: u64,
    config: Value,
    #[serde(rename = "RootFS")]
    root_fs: Layers,
    history: Vec<History>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Layers {
    r#type: &'static str,
    layers: Vec<DiffId>,
}

/// Everything about the image that `name` stands for; none if there is none.
pub(super) fn inspect(
    name: &str,
    store: &Store,
    context: &Context,
) -> Result<Option<Value>, Error> {
    let reference: Reference = name.parse()?;
    let image = store.image(&resolve(&reference, store, context)?)?;
    let inspection = image.map(|image| Inspection::new(image, store)).transpose()?;
    inspection.as_ref().map(to_value).transpose()
}

impl Inspection {
    fn new(image: Image, store: &Store) -> Result<Self, Error> {
        let repo_tags = store.names_of(&image)?;
        let size = image.config.rootfs.diff_ids.iter().map(|id| store.layer_usage(id)).sum();
        let config = image.config;
        Ok(Self {
            id: image.id.to_string(),
            repo_digests: repo_digests(&repo_tags, &image.digest.to_string()),
            digest: image.digest.to_string(),
            repo_tags,
            created: config.created,
            author: config.author.unwrap_or_default(),
            os: config.os,
            architecture: config.architecture,
            variant: config.variant.unwrap_or_default(),
            size,
            config: complete(&config.config.unwrap_or_default()),
            root_fs: Layers { r#type: "layers", layers: config.rootfs.diff_ids },
            history: config.history.unwrap_or_default(),
        })
    }
}

/// `REPOSITORY@DIGEST` for each repository of these names.
fn repo_digests(names: &[String], digest: &str) -> Vec<String> {
    let repository = |name: &String| match name.parse() {
        Ok(Reference::Registry(name)) => Some(format!("{}/{}", name.registry, name.repository)),
        _ => None,
    };
    let mut digests: Vec<String> =
        names.iter().filter_map(repository).map(|name| format!("{name}@{digest}")).collect();
    digests.dedup();
    digests
}

/// With the fields that an image may leave out: templates ask for them.
fn complete(config: &ContainerConfig) -> Value {
    let empty = json!({
        "User": "", "ExposedPorts": {}, "Env": [], "Entrypoint": null, "Cmd": null, "Volumes": {},
        "WorkingDir": "", "Labels": {}, "StopSignal": "",
    });
    let mut fields: Map<String, Value> = serde_json::from_value(empty).unwrap_or_default();
    if let Ok(Value::Object(given)) = serde_json::to_value(config) {
        fields.extend(given);
    }
    fields.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_image_leaves_out_can_be_asked_for() {
        let config = ContainerConfig { user: Some("ann".into()), ..ContainerConfig::default() };
        let config = complete(&config);
        assert_eq!(config["User"], "ann");
        assert_eq!((&config["Env"], &config["Cmd"]), (&json!([]), &Value::Null));
    }

    #[test]
    fn a_repository_has_one_digest() {
        let names = ["docker.io/library/a:1", "docker.io/library/a:2", "oci:/lay"];
        let digests = repo_digests(&names.map(String::from), "sha256:0a");
        assert_eq!(digests, ["docker.io/library/a@sha256:0a"]);
    }
}
