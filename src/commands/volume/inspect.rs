//! `sandbox volume inspect` (CSI `ValidateVolumeCapabilities`, `NodeGetVolumeStats`).

use serde_json::{Value, json};

use crate::{
    commands::{Context, csi, options::TemplateFormat},
    error::Error,
    storage::{self, Store, StoredVolume},
    ui,
};

/// Show everything about volumes, as JSON
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How to print it: `json`, or a template such as `{{.Mountpoint}}`
    #[arg(short, long, value_name = "FORMAT", default_value = "json")]
    format: TemplateFormat,

    /// Measure what they take of the disk, too; a CSI driver says it while they are used
    #[arg(short, long)]
    size: bool,

    /// Volumes, by name
    #[arg(required = true, value_name = "VOLUME")]
    volumes: Vec<String>,
}

pub(super) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let store = context.store_alone()?;
    let values = args.volumes.iter().map(|name| describe(name, &store, args.size, context));
    let values = values.collect::<Result<Vec<_>, Error>>()?;
    match args.format.template() {
        None => ui::print_json(&values),
        template => values.iter().try_for_each(|value| ui::print_line(value, template)),
    }
}

fn describe(name: &str, store: &Store, size: bool, context: &Context) -> Result<Value, Error> {
    let volume = &store.volume(name)?;
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
    let Some(fields) = value.as_object_mut() else { return Ok(value) };
    if record.is_a_drivers() {
        fields.insert("Status".into(), status(volume)?);
    }
    if size {
        let mut usage = match record.is_a_drivers() {
            true => stats(volume, context)?,
            false => json!({ "Size": volume.size() }),
        };
        usage["RefCount"] = used_by.len().into();
        fields.insert("UsageData".into(), usage);
    }
    Ok(value)
}

/// How far a CSI driver is with it.
fn status(volume: &StoredVolume) -> Result<Value, Error> {
    let state = volume.csi_state()?;
    let there = state.volume.unwrap_or_default();
    Ok(json!({
        "State": if there.id.is_empty() { "creating" } else { "ready" },
        "Plugin": state.plugin,
        "VolumeId": there.id,
        "VolumeContext": there.context,
        "CapacityBytes": there.capacity,
        "NodeId": state.controller.map(|controller| controller.node),
        "Staged": state.staged,
        "Published": state.published,
    }))
}

/// What a CSI driver says of how full it is; docker's -1 if it does not.
fn stats(volume: &StoredVolume, context: &Context) -> Result<Value, Error> {
    let custody = csi::take(volume, context)?;
    let stats = custody.map(|custody| custody.stats()).transpose().map_err(storage::Error::Csi)?;
    Ok(match stats.flatten() {
        Some(it) => json!({ "Size": it.used, "Total": it.total, "Available": it.available }),
        None => json!({ "Size": -1 }),
    })
}
