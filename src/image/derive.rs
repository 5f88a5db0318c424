//! An image that is made of another one: other settings, and perhaps a layer more.

use serde_json::{Map, Value};

use super::{
    Error,
    outgoing::{Made, Outgoing, PlainLayer, made},
    push::with_oci_type,
};
use crate::oci::{ContainerConfig, History};

/// What is new.
#[derive(Debug, Clone, Default)]
pub struct Derivation {
    /// Now (RFC 3339).
    pub created: String,
    /// Who made it; none for whoever made the other.
    pub author: Option<String>,
    /// How it is run: all that we know of, changed or not.
    pub container: ContainerConfig,
    /// The step that leads here.
    pub step: History,
    /// What comes on top; none if there is nothing.
    pub layer: Option<PlainLayer>,
}

/// Settings that tell how docker once made the image, and nothing of it.
const STALE: [&str; 4] = ["container", "container_config", "id", "parent"];

/// Describes the image that `base` becomes. Settings which we do not know are kept,
/// and so are the layers as registries have them.
///
/// # Errors
/// [`Error::BadManifest`] if the documents of `base` are not what they should be.
pub fn derive(base: &Outgoing, new: &Derivation) -> Result<Made, Error> {
    let original = base.parse()?;
    let mut layers: Vec<_> = match original.layers.len() == base.layers.len() {
        true => original.layers.into_iter().map(with_oci_type).collect(),
        false => base.layers.iter().map(PlainLayer::descriptor).collect(),
    };
    layers.extend(new.layer.as_ref().map(PlainLayer::descriptor));
    made(&config(base, new).map_err(|error| Error::bad_manifest(error.to_string()))?, layers)
}

fn config(base: &Outgoing, new: &Derivation) -> serde_json::Result<Map<String, Value>> {
    let mut config: Map<String, Value> = serde_json::from_slice(&base.config)?;
    STALE.iter().for_each(|key| drop(config.remove(*key)));
    config.insert("created".into(), new.created.clone().into());
    if let Some(author) = &new.author {
        config.insert("author".into(), author.clone().into());
    }
    let container = container(config.remove("config"), &new.container)?;
    config.insert("config".into(), container);
    let history = history(config.remove("history"), base.layers.len(), new)?;
    config.insert("history".into(), history);
    let layers = base.layers.iter().chain(&new.layer).map(|layer| &layer.diff_id);
    let rootfs = serde_json::json!({ "type": "layers", "diff_ids": layers.collect::<Vec<_>>() });
    config.insert("rootfs".into(), rootfs);
    Ok(config)
}

/// Replaces what we know of.
fn container(old: Option<Value>, new: &ContainerConfig) -> serde_json::Result<Value> {
    let mut all: Map<String, Value> = match old {
        Some(Value::Object(all)) => all,
        _ => Map::new(),
    };
    let known: ContainerConfig = serde_json::from_value(Value::Object(all.clone()))?;
    for key in object(&known)?.keys() {
        all.remove(key);
    }
    all.extend(object(new)?);
    Ok(Value::Object(all))
}

fn object(container: &ContainerConfig) -> serde_json::Result<Map<String, Value>> {
    serde_json::from_value(serde_json::to_value(container)?)
}

/// Each layer has a step, of which nothing is known if nobody has told.
fn history(old: Option<Value>, layers: usize, new: &Derivation) -> serde_json::Result<Value> {
    let mut steps = match old {
        Some(Value::Array(steps)) => steps,
        _ => Vec::new(),
    };
    let is_of_layer = |step: &&Value| step.get("empty_layer") != Some(&Value::Bool(true));
    let known = steps.iter().filter(is_of_layer).count();
    steps.extend((known..layers).map(|_| Value::Object(Map::new())));
    let step = History { empty_layer: new.layer.is_none(), ..new.step.clone() };
    let mut step = serde_json::to_value(step)?;
    if let (Value::Object(step), Some(author)) = (&mut step, &new.author) {
        step.insert("author".into(), author.clone().into());
    }
    steps.push(step);
    Ok(Value::Array(steps))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        image::verify::digest,
        oci::{DiffId, Manifest},
    };

    fn layer(name: &str) -> PlainLayer {
        PlainLayer { diff_id: DiffId(digest(name.as_bytes())), size: 7 }
    }

    fn base() -> Outgoing {
        let blob = json!({
            "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "digest": digest(b"compressed"),
            "size": 5,
        });
        let manifest = json!({
            "schemaVersion": 2,
            "config": { "mediaType": "x", "digest": digest(b"config"), "size": 1 },
            "layers": [blob],
        });
        let config = json!({
            "os": "linux",
            "os.features": ["x"],
            "container_config": {},
            "config": {
                "Cmd": ["old"],
                "Env": ["A=1"],
                "ArgsEscaped": true,
                "OnBuild": null,
            },
            "history": [{ "created_by": "first" }, { "created_by": "ENV", "empty_layer": true }],
            "rootfs": { "type": "layers", "diff_ids": [layer("one").diff_id] },
        });
        Outgoing {
            names: Vec::new(),
            manifest: manifest.to_string().into(),
            config: config.to_string().into(),
            layers: vec![layer("one")],
        }
    }

    fn derived(base: &Outgoing, new: &Derivation) -> (Manifest, Value) {
        let made = derive(base, new).unwrap();
        assert_eq!(made.id, digest(&made.config));
        let parse = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap();
        (serde_json::from_slice(&made.manifest).unwrap(), parse(&made.config))
    }

    #[test]
    fn what_is_not_changed_stays_as_it_was() {
        let container =
            ContainerConfig { env: Some(vec!["A=2".into()]), ..ContainerConfig::default() };
        let step = History { created_by: Some("sh".into()), ..History::default() };
        let layer = Some(layer("two"));
        let author = Some("ann".into());
        let new = Derivation { created: "now".into(), author, container, step, layer };
        let (manifest, config) = derived(&base(), &new);
        assert_eq!(
            config,
            json!({
                "os": "linux",
                "os.features": ["x"],
                "created": "now",
                "author": "ann",
                // No command: it was taken away.
                "config": {
                    "Env": ["A=2"],
                    "ArgsEscaped": true,
                    "OnBuild": null,
                },
                "history": [
                    { "created_by": "first" },
                    { "created_by": "ENV", "empty_layer": true },
                    { "created_by": "sh", "author": "ann" },
                ],
                "rootfs": {
                    "type": "layers",
                    "diff_ids": [self::layer("one").diff_id, self::layer("two").diff_id],
                },
            })
        );
        let layers: Vec<_> = manifest.layers.iter().map(|it| (&*it.media_type, it.size)).collect();
        assert_eq!(
            layers,
            [
                ("application/vnd.oci.image.layer.v1.tar+gzip", 5),
                ("application/vnd.oci.image.layer.v1.tar", 7)
            ]
        );
        assert_eq!(manifest.layers[0].digest, digest(b"compressed"));
    }

    #[test]
    fn without_a_layer_the_step_is_empty_and_untold_steps_are_counted() {
        let mut base = base();
        base.config = json!({ "os": "linux", "config": null }).to_string().into();
        let (manifest, config) = derived(&base, &Derivation::default());
        assert_eq!(config["history"], json!([{}, { "empty_layer": true }]));
        assert_eq!(config["config"], json!({}));
        assert_eq!(manifest.layers.len(), 1);
    }
}
