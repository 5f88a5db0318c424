//! `sandbox volume inspect` (CSI `ValidateVolumeCapabilities`, `NodeGetVolumeStats`).

use serde_json::{Value, json};

use crate::{
    commands::{Context, options::TemplateFormat},
    error::Error,
    storage::{Store, StoredVolume},
    ui,
};

/// Show everything about volumes, as JSON
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How to print it: `json`, or a template such as `{{.Mountpoint}}`
    #[arg(short, long, value_name = "FORMAT", default_value = "json")]
    format: TemplateFormat,

    /// Measure what they take of the disk, too
    #[arg(short, long)]
    size: bool,

    /// Volumes, by name
    #[arg(required = true, value_name = "VOLUME")]
    volumes: Vec<String>,
}

pub(super) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let store = context.store_alone()?;
    let values = args.volumes.iter().map(|name| describe(&store.volume(name)?, &store, args.size));
    let values = values.collect::<Result<Vec<_>, Error>>()?;
    match args.format.template() {
        None => ui::print_json(&values),
        template => values.iter().try_for_each(|value| ui::print_line(value, template)),
    }
}

fn describe(volume: &StoredVolume, store: &Store, size: bool) -> Result<Value, Error> {
    let record = &volume.record;
    let used_by = store.users_of_volumes()?.remove(&record.name).unwrap_or_default();
    let mut value = json!({
        "CreatedAt": record.created,
        "Driver": record.driver,
        "Labels": record.labels,
        "Mountpoint": volume.mountpoint().unwrap_or_default(),
        "Name": record.name,
        "Options": record.options,
        "Scope": "local",
        "Anonymous": record.anonymous,
        "ReadOnly": record.is_readonly(),
        "UsedBy": used_by,
    });
    if size && let Some(fields) = value.as_object_mut() {
        let count = used_by.len();
        fields.insert("UsageData".into(), json!({ "Size": volume.size(), "RefCount": count }));
    }
    Ok(value)
}
