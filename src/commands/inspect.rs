//! `sandbox inspect`: everything about an image.

use serde::Serialize;

use super::{Context, fetch::stored_name};
use crate::{
    error::Error,
    oci::{DiffId, ImageConfig, Reference},
    ui,
};

/// Show what is known about images in the store, as JSON
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Images to show
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<Reference>,
}

/// Docker's names, where it has them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Inspection {
    /// Digest of the manifest.
    id: String,
    repo_tags: Vec<String>,
    created: Option<String>,
    os: String,
    architecture: String,
    variant: Option<String>,
    config: crate::oci::ContainerConfig,
    #[serde(rename = "RootFS")]
    root_fs: Layers,
    history: Vec<crate::oci::History>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Layers {
    r#type: &'static str,
    layers: Vec<DiffId>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let store = context.store_alone()?;
    let inspect = |reference: &Reference| {
        let name = stored_name(reference);
        let image = store.image(&name)?.ok_or_else(|| {
            Error::usage_with_hint(
                format!("`{name}` is not in the store"),
                format!("`sandbox pull {name}` fetches it"),
            )
        })?;
        Ok(Inspection::new(name, image.digest.to_string(), image.config))
    };
    let inspections: Vec<Inspection> =
        args.images.iter().map(inspect).collect::<Result<_, Error>>()?;
    ui::print_json(&inspections)
}

impl Inspection {
    fn new(name: String, id: String, config: ImageConfig) -> Self {
        Self {
            id,
            repo_tags: vec![name],
            created: config.created,
            os: config.os,
            architecture: config.architecture,
            variant: config.variant,
            config: config.config.unwrap_or_default(),
            root_fs: Layers { r#type: "layers", layers: config.rootfs.diff_ids },
            history: config.history.unwrap_or_default(),
        }
    }
}
