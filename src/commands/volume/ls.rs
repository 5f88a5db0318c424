//! `sandbox volume ls` (CSI `ListVolumes`).

use std::{collections::BTreeMap, str::FromStr};

use serde::Serialize;

use crate::{
    commands::{Context, csi, options::TemplateFormat},
    error::Error,
    oci::{CsiDriver, VolumeKind},
    storage::{self, Store, StoredVolume},
    ui,
};

/// List volumes
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print names only
    #[arg(short, long)]
    quiet: bool,

    /// Only those that fit: name=PART, label=KEY[=VALUE], driver=NAME, dangling=BOOL
    #[arg(short, long = "filter", value_name = "KEY=VALUE")]
    filters: Vec<VolumeFilter>,

    /// Ask a CSI driver for all that it has, whoever made it: NAME, or unix:///PATH
    #[arg(short, long, value_name = "DRIVER", conflicts_with = "filters")]
    driver: Option<String>,

    /// How to print them: `text`, `json`, or a template such as `{{.Name}}`
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: TemplateFormat,
}

/// What a volume must be like to be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) enum VolumeFilter {
    /// Its name holds this.
    Name(String),
    Label {
        key: String,
        value: Option<String>,
    },
    Driver(String),
    /// Whether no sandbox names it.
    Dangling(bool),
}

impl FromStr for VolumeFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let label = |text: &str| match text.split_once('=') {
            Some((key, value)) => Self::Label { key: key.into(), value: Some(value.into()) },
            None => Self::Label { key: text.into(), value: None },
        };
        match text.split_once('=') {
            Some(("name", value)) => Ok(Self::Name(value.into())),
            Some(("label", value)) => Ok(label(value)),
            Some(("driver", value)) => Ok(Self::Driver(value.into())),
            Some(("dangling", "true" | "1")) => Ok(Self::Dangling(true)),
            Some(("dangling", "false" | "0")) => Ok(Self::Dangling(false)),
            _ => Err("there are name=, label=, driver= and dangling=true|false".into()),
        }
    }
}

impl VolumeFilter {
    pub(super) fn fits(&self, volume: &StoredVolume, is_used: bool) -> bool {
        let record = &volume.record;
        match self {
            Self::Name(part) => record.name.contains(part.as_str()),
            Self::Label { key, value } => record
                .labels
                .get(key)
                .is_some_and(|actual| value.as_ref().is_none_or(|value| value == actual)),
            Self::Driver(driver) => record.driver == *driver,
            Self::Dangling(wanted) => *wanted != is_used,
        }
    }
}

/// One volume, by docker's names.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    driver: String,
    name: String,
    labels: String,
    mountpoint: String,
    scope: &'static str,
}

pub(super) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let store = context.store_alone()?;
    if let Some(driver) = &args.driver {
        return list_of_driver(driver, args, &store, context);
    }
    let users = store.users_of_volumes()?;
    let mut volumes = store.volumes()?;
    volumes.retain(|volume| {
        let is_used = users.contains_key(&volume.record.name);
        args.filters.iter().all(|filter| filter.fits(volume, is_used))
    });
    let rows: Vec<Row> = volumes.iter().map(Row::from).collect();
    if args.quiet {
        return rows.iter().try_for_each(|row| ui::print(&format!("{}\n", row.name)));
    }
    let cells = |row: &Row| vec![row.driver.clone(), row.name.clone()];
    let usual = || ui::table(&["DRIVER", "VOLUME NAME"], rows.iter().map(cells).collect());
    ui::print(&args.format.rows(&rows, &[("Name", "VOLUME NAME")], usual)?)
}

/// A volume that a CSI driver has.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DriverRow {
    volume_id: String,
    capacity_bytes: u64,
    /// What it is called here; empty if it is not ours.
    name: String,
}

fn list_of_driver(
    driver: &str,
    args: &Args,
    store: &Store,
    context: &Context,
) -> Result<(), Error> {
    let settings = csi::find(driver, &context.config.csi)?;
    let listed = storage::csi::Driver::connect(&settings).and_then(|driver| driver.list());
    let names = names_by_id(&settings, store, context)?;
    let rows = listed.map_err(storage::Error::Csi)?.into_iter().map(|volume| DriverRow {
        name: names.get(&volume.id).cloned().unwrap_or_default(),
        volume_id: volume.id,
        capacity_bytes: volume.capacity,
    });
    let rows: Vec<DriverRow> = rows.collect();
    if args.quiet {
        return rows.iter().try_for_each(|row| ui::print(&format!("{}\n", row.volume_id)));
    }
    let cells = |row: &DriverRow| {
        vec![row.volume_id.clone(), ui::bytes(row.capacity_bytes), row.name.clone()]
    };
    let heads = ["VOLUME ID", "CAPACITY", "VOLUME NAME"];
    let usual = || ui::table(&heads, rows.iter().map(cells).collect());
    ui::print(&args.format.rows(&rows, &[("Name", "VOLUME NAME")], usual)?)
}

/// What those volumes of the driver are called that are ours.
fn names_by_id(
    driver: &CsiDriver,
    store: &Store,
    context: &Context,
) -> Result<BTreeMap<String, String>, Error> {
    let mut volumes = store.volumes()?;
    volumes.retain(|volume| matches!(volume.record.kind, VolumeKind::Csi(_)));
    let is_its = |volume: &StoredVolume| {
        let found = csi::find(&volume.record.driver, &context.config.csi);
        found.is_ok_and(|found| found.socket == driver.socket)
    };
    let named = |volume: StoredVolume| {
        let id = volume.csi_state().ok()?.volume?.id;
        Some((id, volume.record.name))
    };
    Ok(volumes.into_iter().filter(is_its).filter_map(named).collect())
}

impl From<&StoredVolume> for Row {
    fn from(volume: &StoredVolume) -> Self {
        let labels = volume.record.labels.iter().map(|(key, value)| format!("{key}={value}"));
        Self {
            driver: volume.record.driver.clone(),
            name: volume.record.name.clone(),
            labels: labels.collect::<Vec<_>>().join(","),
            mountpoint: volume.mountpoint().unwrap_or_default().display().to_string(),
            scope: "local",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_docker_s() {
        let label = |value: Option<&str>| VolumeFilter::Label {
            key: "a".into(),
            value: value.map(Into::into),
        };
        assert_eq!("label=a".parse(), Ok(label(None)));
        assert_eq!("label=a=b=c".parse(), Ok(label(Some("b=c"))));
        assert_eq!("dangling=1".parse(), Ok(VolumeFilter::Dangling(true)));
        for bad in ["", "name", "x=y", "dangling=maybe"] {
            assert!(bad.parse::<VolumeFilter>().is_err(), "{bad}");
        }
    }
}
