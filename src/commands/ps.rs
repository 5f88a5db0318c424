//! `sandbox ps`: the sandboxes there are (CRI `ListContainers`).

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::{
    Context,
    find::Found,
    images::familiar,
    options::{Filter, TemplateFormat},
};
use crate::{
    error::Error,
    oci::{HealthStatus, PortBinding, SandboxState, Status},
    sys::time::parse_rfc3339,
    ui,
};

/// List sandboxes that run
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Those that do not run, too
    #[arg(short, long)]
    all: bool,

    /// Only ids
    #[arg(short, long)]
    quiet: bool,

    /// Only those that fit: id=, name=, label=KEY[=VALUE], status=, exited=CODE,
    /// health=, ancestor=IMAGE
    #[arg(short, long, value_name = "KEY=VALUE")]
    filter: Vec<Filter>,

    /// Only the newest COUNT, whether they run or not
    #[arg(short = 'n', long, value_name = "COUNT")]
    last: Option<usize>,

    /// Only the newest
    #[arg(short, long)]
    latest: bool,

    /// Do not shorten anything
    #[arg(long)]
    no_trunc: bool,

    /// table, json, or a template such as `{{.Names}} {{.Status}}`
    #[arg(long, default_value = "table")]
    format: TemplateFormat,
}

/// Docker's names.
#[derive(Debug, Default, Serialize)]
struct Row {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Image")]
    image: String,
    #[serde(rename = "Command")]
    command: String,
    #[serde(rename = "CreatedAt")]
    created_at: String,
    #[serde(rename = "RunningFor")]
    running_for: String,
    #[serde(rename = "State")]
    state: &'static str,
    #[serde(rename = "Status")]
    status: String,
    #[serde(rename = "Ports")]
    ports: String,
    #[serde(rename = "Names")]
    names: String,
    #[serde(rename = "Labels")]
    labels: String,
}

const TITLES: [&str; 7] =
    ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"];
/// Characters of a command that a table has room for, as in docker.
const COMMAND: usize = 20;

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let limit = args.last.or(args.latest.then_some(1));
    let any_state = args.all || limit.is_some() || args.filter.iter().any(Filter::is_about_state);
    let mut rows = Vec::new();
    for (found, condition) in Found::all(context)? {
        let fits = Filter::all_fit(&args.filter, &found.config, &condition.0);
        if fits && (any_state || condition.is_alive()) {
            rows.push(Row::new(&found, &condition.0, args.no_trunc));
        }
    }
    rows.truncate(limit.unwrap_or(usize::MAX));
    if args.quiet {
        return rows.iter().try_for_each(|row| ui::print(&format!("{}\n", row.id)));
    }
    let titles = [("ID", "CONTAINER ID"), ("RunningFor", "CREATED")];
    let usual = || ui::table(&TITLES, rows.iter().map(Row::cells).collect());
    ui::print(&args.format.rows(&rows, &titles, usual)?)
}

impl Row {
    fn new(found: &Found, state: &SandboxState, whole: bool) -> Self {
        let config = &found.config;
        let words: Vec<_> = config.process.args.iter().map(|word| word.to_string_lossy()).collect();
        let command = words.join(" ");
        let command = match command.char_indices().nth(COMMAND - 1).filter(|_| !whole) {
            Some((end, _)) if command.chars().count() > COMMAND => format!("{}…", &command[..end]),
            _ => command,
        };
        let labels = config.labels.iter().map(|(key, value)| format!("{key}={value}"));
        Self {
            id: config.id.clone(),
            image: familiar(&config.image),
            command: format!("\"{command}\""),
            created_at: config.created.clone(),
            running_for: ago(&config.created),
            state: state.status.as_str(),
            status: status(state),
            ports: ports(&state.ports),
            names: config.display_name().into(),
            labels: labels.collect::<Vec<_>>().join(","),
        }
    }

    fn cells(&self) -> Vec<String> {
        let Self { id, image, command, running_for, status, ports, names, .. } = self;
        [id, image, command, running_for, status, ports, names].map(String::clone).into()
    }
}

/// How it goes, in docker's words.
fn status(state: &SandboxState) -> String {
    let since = |time: &Option<String>| time.as_deref().map(elapsed).unwrap_or_default();
    let code = state.exit.map_or(0, |exit| exit.code());
    match state.status {
        Status::Created => "Created".into(),
        Status::Running => format!("Up {}{}", since(&state.started), health(state)),
        Status::Paused => format!("Up {} (Paused)", since(&state.started)),
        Status::Exited if state.finished.is_none() => format!("Exited ({code})"),
        Status::Exited => format!("Exited ({code}) {} ago", since(&state.finished)),
    }
}

fn health(state: &SandboxState) -> &'static str {
    match state.health.as_ref().map(|health| health.status) {
        None => "",
        Some(HealthStatus::Starting) => " (health: starting)",
        Some(HealthStatus::Healthy) => " (healthy)",
        Some(HealthStatus::Unhealthy) => " (unhealthy)",
    }
}

/// How long ago a moment was (RFC 3339), as docker says it.
pub(super) fn ago(time: &str) -> String {
    format!("{} ago", elapsed(time))
}

fn elapsed(time: &str) -> String {
    let then = parse_rfc3339(time).unwrap_or_default();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    human(Duration::from_secs(now.as_secs().saturating_sub(then)))
}

/// A duration as people say it: docker's words.
fn human(duration: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = duration.as_secs();
    let count = |unit: u64, name: &str| format!("{} {name}", seconds / unit);
    match seconds {
        0 => "Less than a second".into(),
        1 => "1 second".into(),
        2..MINUTE => count(1, "seconds"),
        MINUTE..120 => "About a minute".into(),
        120..HOUR => count(MINUTE, "minutes"),
        HOUR..7200 => "About an hour".into(),
        7200..172_800 => count(HOUR, "hours"),
        172_800..1_209_600 => count(DAY, "days"),
        1_209_600..5_184_000 => count(7 * DAY, "weeks"),
        5_184_000..63_072_000 => count(30 * DAY, "months"),
        _ => count(365 * DAY, "years"),
    }
}

/// As docker writes them.
fn ports(ports: &[PortBinding]) -> String {
    let port = |port: &PortBinding| {
        let host = std::net::SocketAddr::new(port.host_ip, port.host_port);
        format!("{host}->{}/{}", port.port, port.protocol)
    };
    ports.iter().map(port).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_in_docker() {
        let cases = [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (150, "2 minutes"),
            (3600, "About an hour"),
            (7200, "2 hours"),
            (172_800, "2 days"),
            (1_209_600, "2 weeks"),
            (5_184_000, "2 months"),
            (63_072_000, "2 years"),
        ];
        for (seconds, text) in cases {
            assert_eq!(human(Duration::from_secs(seconds)), text);
        }
    }
}
