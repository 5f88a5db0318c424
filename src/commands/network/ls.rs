//! `sandbox network ls`.

use std::{collections::BTreeMap, str::FromStr};

use serde::Serialize;

use super::{Context, catalog, cni};
use crate::{
    commands::options::TemplateFormat,
    error::Error,
    network::{cni::Configuration, named::Definition},
    ui,
};

/// List networks
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only ids
    #[arg(short, long)]
    quiet: bool,

    /// Only those that fit: name=, id=, label=KEY[=VALUE], driver=bridge|cni
    #[arg(short, long, value_name = "KEY=VALUE")]
    filter: Vec<Filter>,

    /// Do not shorten ids
    #[arg(long)]
    no_trunc: bool,

    /// table, json, or a template such as `{{.Name}}`
    #[arg(long, default_value = "table")]
    format: TemplateFormat,
}

/// What a network must be like to be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Filter {
    Name(String),
    Id(String),
    Label(String, Option<String>),
    Driver(String),
}

/// Docker's names.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    #[serde(rename = "ID")]
    id: String,
    name: String,
    driver: &'static str,
    scope: &'static str,
    #[serde(rename = "IPv6")]
    ipv6: String,
    internal: String,
    labels: String,
    created_at: String,
    #[serde(skip)]
    all_labels: BTreeMap<String, String>,
}

const TITLES: [&str; 4] = ["NETWORK ID", "NAME", "DRIVER", "SCOPE"];

pub(super) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let catalog = catalog(context);
    catalog.tidy();
    let named = catalog.all().into_iter().map(Row::new);
    let cni = Configuration::all(&context.config.cni.config_dirs);
    let rows = named.chain(cni.iter().map(Row::of_cni));
    let mut rows: Vec<Row> =
        rows.filter(|row| args.filter.iter().all(|filter| filter.fits(row))).collect();
    if !args.no_trunc {
        rows.iter_mut().for_each(|row| row.id.truncate(12));
    }
    if args.quiet {
        return rows.iter().try_for_each(|row| ui::print(&format!("{}\n", row.id)));
    }
    let usual = || ui::table(&TITLES, rows.iter().map(Row::cells).collect());
    ui::print(&args.format.rows(&rows, &[("ID", "NETWORK ID"), ("IPv6", "IPV6")], usual)?)
}

impl Row {
    fn new(network: Definition) -> Self {
        let labels = network.labels.iter().map(|(key, value)| format!("{key}={value}"));
        Self {
            id: network.id,
            labels: labels.collect::<Vec<_>>().join(","),
            name: network.name,
            driver: "bridge",
            scope: "local",
            ipv6: network.v6.is_some().to_string(),
            internal: network.internal.to_string(),
            created_at: network.created,
            all_labels: network.labels,
        }
    }

    fn of_cni(network: &Configuration) -> Self {
        Self {
            id: cni::id(network),
            name: format!("{}{}", cni::PREFIX, network.name),
            driver: "cni",
            scope: "local",
            ipv6: String::new(),
            internal: String::new(),
            labels: String::new(),
            created_at: String::new(),
            all_labels: BTreeMap::new(),
        }
    }

    fn cells(&self) -> Vec<String> {
        [&self.id, &self.name, self.driver, self.scope].map(String::from).into()
    }
}

impl Filter {
    fn fits(&self, row: &Row) -> bool {
        match self {
            Self::Name(name) => row.name.contains(name.trim_matches(['^', '$'])),
            Self::Id(id) => row.id.starts_with(id.as_str()),
            Self::Driver(driver) => driver == row.driver,
            Self::Label(key, value) => row
                .all_labels
                .get(key)
                .is_some_and(|actual| value.as_ref().is_none_or(|value| value == actual)),
        }
    }
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("not KEY=VALUE")?;
        Ok(match key {
            "name" => Self::Name(value.into()),
            "id" => Self::Id(value.into()),
            "driver" => Self::Driver(value.into()),
            "label" => match value.split_once('=') {
                Some((key, value)) => Self::Label(key.into(), Some(value.into())),
                None => Self::Label(value.into(), None),
            },
            _ => return Err(format!("`{key}` is not one of name, id, label, driver")),
        })
    }
}
