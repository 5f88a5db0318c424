//! `sandbox stats`: what sandboxes use (CRI `ContainerStats`).

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{
    Context,
    find::{Condition, Found},
    options::{NetworkArgs, NetworkMode, TemplateFormat},
};
use crate::{
    error::Error,
    runtime::usage::{self, Usage},
    ui,
};

/// Show what sandboxes use, each second anew
///
/// Of the sandbox's cgroup, if it has one because it has limits; else what its
/// processes use now, with those that have ended and were waited for.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Those that do not run, too
    #[arg(short, long)]
    all: bool,

    /// Once, and no more
    #[arg(long)]
    no_stream: bool,

    /// Do not shorten anything
    #[arg(long)]
    no_trunc: bool,

    /// table, json, or a template such as `{{.Name}} {{.CPUPerc}}`
    #[arg(long, default_value = "table")]
    format: TemplateFormat,

    /// Sandboxes to show, by name or id; those that run if there are none
    #[arg(value_name = "SANDBOX")]
    sandboxes: Vec<String>,
}

/// Docker's names.
#[derive(Debug, Default, Serialize)]
struct Row {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Container")]
    container: String,
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "CPUPerc")]
    cpu: String,
    #[serde(rename = "MemUsage")]
    memory: String,
    #[serde(rename = "MemPerc")]
    memory_share: String,
    #[serde(rename = "NetIO")]
    network: String,
    #[serde(rename = "BlockIO")]
    block: String,
    #[serde(rename = "PIDs")]
    pids: String,
}

const TITLES: [&str; 8] =
    ["CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS"];
/// Titles that are not the names of the fields.
const FIELD_TITLES: [(&str, &str); 7] = [
    ("ID", "CONTAINER ID"),
    ("CPUPerc", "CPU %"),
    ("MemUsage", "MEM USAGE / LIMIT"),
    ("MemPerc", "MEM %"),
    ("NetIO", "NET I/O"),
    ("BlockIO", "BLOCK I/O"),
    ("PIDs", "PIDS"),
];
/// How long is looked, for the share of the CPUs.
const FIRST: Duration = Duration::from_millis(500);
const INTERVAL: Duration = Duration::from_secs(1);

/// What a sandbox had used at some time; none if it does not run.
struct Sample {
    at: Instant,
    usage: Option<Usage>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let mut before = args.samples(context)?;
    let mut interval = FIRST;
    loop {
        sleep(interval);
        interval = INTERVAL;
        let now = args.samples(context)?;
        let earlier = |found: &Found| {
            let same = before.iter().find(|(other, _)| other.config.id == found.config.id);
            same.map(|(_, sample)| sample)
        };
        let rows: Vec<Row> =
            now.iter().map(|(found, sample)| Row::new(found, earlier(found), sample)).collect();
        before = now;
        let text = args.text(&rows)?;
        if args.no_stream {
            return ui::print(&text);
        }
        if !ui::print_over(&text)? {
            return Ok(());
        }
    }
}

impl Args {
    fn samples(&self, context: &Context) -> Result<Vec<(Found, Sample)>, Error> {
        let chosen = self.chosen(context)?;
        Ok(chosen.into_iter().map(Sample::with).collect())
    }

    fn chosen(&self, context: &Context) -> Result<Vec<Found>, Error> {
        if !self.sandboxes.is_empty() {
            return self.sandboxes.iter().map(|name| Found::look(name, context)).collect();
        }
        let mut all = Found::all(context)?;
        all.retain(|(_, state)| self.all || state.is_alive());
        Ok(all.into_iter().map(|(found, _)| found).collect())
    }

    fn text(&self, rows: &[Row]) -> Result<String, Error> {
        let usual = || ui::table(&TITLES, rows.iter().map(Row::cells).collect());
        self.format.rows(rows, &FIELD_TITLES, usual)
    }
}

impl Sample {
    fn with(found: Found) -> (Found, Self) {
        let sample = Self::take(&found);
        (found, sample)
    }

    fn take(found: &Found) -> Self {
        let usage = || {
            let Condition(state) = found.state().ok().filter(Condition::is_alive)?;
            let network = NetworkArgs::from_words(&found.config.network).ok();
            let own = network.is_some_and(|network| *network.mode() != NetworkMode::Host);
            usage::measure(state.process?, state.confinement.cgroup.as_deref(), own)
        };
        Self { usage: usage(), at: Instant::now() }
    }

    /// Hundredths of the time of one CPU, since `earlier`.
    fn cpu_share(&self, earlier: &Self) -> f64 {
        let cpu = |sample: &Self| sample.usage.map_or(Duration::ZERO, |usage| usage.cpu);
        let elapsed = self.at.duration_since(earlier.at).as_secs_f64();
        let used = cpu(self).saturating_sub(cpu(earlier)).as_secs_f64();
        if elapsed > 0.0 { 100.0 * used / elapsed } else { 0.0 }
    }
}

impl Row {
    fn new(found: &Found, earlier: Option<&Sample>, sample: &Sample) -> Self {
        let config = &found.config;
        let usage = sample.usage.unwrap_or_default();
        let machine = usage::memory_of_the_machine();
        let limit = config.resources.memory.unwrap_or(machine).min(machine);
        let limit = if sample.usage.is_some() { limit } else { 0 };
        let share = if limit > 0 { 100.0 * usage.memory as f64 / limit as f64 } else { 0.0 };
        let cpu = earlier.map_or(0.0, |earlier| sample.cpu_share(earlier));
        let pair = |(a, b): (u64, u64)| format!("{} / {}", ui::bytes(a), ui::bytes(b));
        Self {
            id: config.id.clone(),
            container: config.id.clone(),
            name: config.display_name().into(),
            cpu: format!("{cpu:.2}%"),
            memory: pair((usage.memory, limit)),
            memory_share: format!("{share:.2}%"),
            network: pair(usage.network),
            block: pair(usage.block),
            pids: usage.pids.to_string(),
        }
    }

    fn cells(&self) -> Vec<String> {
        let Self { id, name, cpu, memory, memory_share, network, block, pids, .. } = self;
        [id, name, cpu, memory, memory_share, network, block, pids].map(String::clone).into()
    }
}
