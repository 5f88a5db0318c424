//! `sandbox events`: what happens to sandboxes.
//!
//! There is nobody who could tell: each supervisor replaces the state of its
//! sandbox, and that is what is watched. Two looks at all states are compared
//! (`changes`), so that nothing is missed between them but what came and went.

use std::{
    collections::BTreeMap,
    mem::discriminant,
    str::FromStr,
    time::{Duration, SystemTime},
};

use serde::Serialize;

use super::{
    Context,
    find::{Condition, Found},
    options::{TemplateFormat, parse_moment},
};
use crate::{
    error::Error,
    oci::{HealthStatus, SandboxConfig, SandboxState, Status},
    sys::{
        time::{parse_rfc3339, rfc3339},
        watch::Watcher,
    },
    ui,
};

/// Show what happens to sandboxes, until it is ended
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Begin with what happened since a time (RFC 3339, or how long ago, such as
    /// 5m), as far as it is known still
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    since: Option<SystemTime>,

    /// End at this time
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    until: Option<SystemTime>,

    /// Only what fits: event=, container=, label=KEY[=VALUE], type=container
    #[arg(short, long, value_name = "KEY=VALUE")]
    filter: Vec<EventFilter>,

    /// json, or a template such as `{{.Action}} {{.Actor.Attributes.name}}`
    #[arg(long, value_name = "FORMAT")]
    format: Option<TemplateFormat>,
}

/// Which events are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
enum EventFilter {
    Event(String),
    Sandbox(String),
    Label {
        key: String,
        value: Option<String>,
    },
    /// What it happens to; there are events of sandboxes only.
    Kind(String),
}

impl FromStr for EventFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("not KEY=VALUE")?;
        match key {
            "event" => Ok(Self::Event(value.into())),
            "container" | "sandbox" => Ok(Self::Sandbox(value.into())),
            "type" => Ok(Self::Kind(value.into())),
            "label" => {
                let (key, value) = match value.split_once('=') {
                    Some((key, value)) => (key, Some(value.to_owned())),
                    None => (value, None),
                };
                Ok(Self::Label { key: key.into(), value })
            }
            _ => Err(format!("`{key}` is not one of event, container, label, type")),
        }
    }
}

/// One event, by docker's names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Event {
    #[serde(rename = "Type")]
    kind: &'static str,
    #[serde(rename = "Action")]
    action: &'static str,
    #[serde(rename = "Actor")]
    actor: Actor,
    /// RFC 3339.
    #[serde(rename = "Time")]
    time: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
    /// The labels, and `image`, `name` and perhaps `exitCode`.
    #[serde(rename = "Attributes")]
    attributes: BTreeMap<String, String>,
}

type Snapshot = BTreeMap<String, (SandboxConfig, SandboxState)>;

/// How often is looked without being woken: a supervisor that was killed changes
/// nothing.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let failed = |source| Error::System { step: "watch the store", source };
    let watcher = Watcher::new().map_err(failed)?;
    let mut known = look(&watcher, context)?;
    if let Some(since) = args.since {
        // What there is has happened to what was not.
        let since = rfc3339(since);
        let mut past = changes(&Snapshot::new(), &known);
        past.retain(|event| parse_rfc3339(&event.time) >= parse_rfc3339(&since));
        past.sort_by(|a, b| a.time.cmp(&b.time));
        args.show(&past)?;
    }
    while let Some(left) = time_left(args.until) {
        watcher.wait(left.min(PATIENCE)).map_err(failed)?;
        let now = look(&watcher, context)?;
        if !args.show(&changes(&known, &now))? {
            return Ok(());
        }
        known = now;
    }
    Ok(())
}

/// None if it is over.
fn time_left(until: Option<SystemTime>) -> Option<Duration> {
    match until {
        None => Some(Duration::MAX),
        Some(until) => until.duration_since(SystemTime::now()).ok().filter(|left| !left.is_zero()),
    }
}

/// All sandboxes; from now on their changes wake us.
fn look(watcher: &Watcher, context: &Context) -> Result<Snapshot, Error> {
    let root = &context.config.root;
    for directory in ["sandboxes", "tmp"] {
        let _ = watcher.add(&root.join(directory)); // There may be no store yet.
    }
    let mut all = Snapshot::new();
    for (found, Condition(state)) in Found::all(context)? {
        let _ = watcher.add(found.stored.path());
        all.insert(found.config.id.clone(), (found.config, state));
    }
    Ok(all)
}

/// What has happened between two looks.
fn changes(before: &Snapshot, after: &Snapshot) -> Vec<Event> {
    let mut events = Vec::new();
    for (id, (config, state)) in after {
        let old = before.get(id);
        let mut tell = |action, time: Option<&String>| {
            events.push(Event::new(action, config, state, time));
        };
        if old.is_none() {
            tell("create", Some(&config.created));
        }
        if old.is_some_and(|(old, _)| old.name != config.name) {
            tell("rename", None);
        }
        let old = old.map(|(_, state)| state);
        if state.started.is_some() && old.is_none_or(|old| old.started != state.started) {
            tell("start", state.started.as_ref());
        }
        let was_paused = old.is_some_and(|old| old.status == Status::Paused);
        match (was_paused, state.status) {
            (false, Status::Paused) => tell("pause", None),
            (true, Status::Running) => tell("unpause", None),
            _ => {}
        }
        let health = |state: &SandboxState| Some(state.health.as_ref()?.status);
        let since = state.health.as_ref().and_then(|health| health.since.as_ref());
        match health(state) {
            Some(status) if old.is_none_or(|old| health(old) != Some(status)) => match status {
                HealthStatus::Starting => {}
                HealthStatus::Healthy => tell("health_status: healthy", since),
                HealthStatus::Unhealthy => tell("health_status: unhealthy", since),
            },
            _ => {}
        }
        let is_same_end =
            old.is_some_and(|old| old.status == state.status && old.finished == state.finished);
        if state.status == Status::Exited && !is_same_end {
            tell("die", state.finished.as_ref());
        }
    }
    for (id, (config, state)) in before {
        if !after.contains_key(id) {
            if matches!(state.status, Status::Running | Status::Paused) {
                events.push(Event::new("die", config, state, None));
            }
            events.push(Event::new("destroy", config, state, None));
        }
    }
    events
}

impl Event {
    fn new(
        action: &'static str,
        config: &SandboxConfig,
        state: &SandboxState,
        time: Option<&String>,
    ) -> Self {
        let mut attributes = config.labels.clone();
        attributes.insert("image".into(), config.image.clone());
        attributes.insert("name".into(), config.display_name().into());
        if let ("die", Some(exit)) = (action, state.exit) {
            attributes.insert("exitCode".into(), exit.code().to_string());
        }
        let actor = Actor { id: config.id.clone(), attributes };
        let time = time.cloned().unwrap_or_else(|| rfc3339(SystemTime::now()));
        Self { kind: "container", action, actor, time }
    }

    /// As with `ps`: of several filters with one key one is enough, but for labels.
    fn is_wanted(&self, filters: &[EventFilter]) -> bool {
        filters.iter().all(|filter| match filter {
            EventFilter::Label { .. } => self.fits(filter),
            _ => filters
                .iter()
                .filter(|other| discriminant(*other) == discriminant(filter))
                .any(|other| self.fits(other)),
        })
    }

    fn fits(&self, filter: &EventFilter) -> bool {
        let Actor { id, attributes } = &self.actor;
        match filter {
            // `health_status` stands for each of its values.
            EventFilter::Event(action) => {
                self.action == action || self.action.split(':').next() == Some(action)
            }
            EventFilter::Kind(kind) => self.kind == kind,
            EventFilter::Sandbox(name) => {
                id.starts_with(name.as_str()) || attributes.get("name") == Some(name)
            }
            EventFilter::Label { key, value } => attributes
                .get(key)
                .is_some_and(|actual| value.as_ref().is_none_or(|value| value == actual)),
        }
    }

    fn line(&self) -> String {
        let attributes = self.actor.attributes.iter().map(|(key, value)| format!("{key}={value}"));
        let attributes = attributes.collect::<Vec<_>>().join(", ");
        format!("{} container {} {} ({attributes})\n", self.time, self.action, self.actor.id)
    }
}

impl Args {
    /// False if nobody reads it any more.
    fn show(&self, events: &[Event]) -> Result<bool, Error> {
        for event in events.iter().filter(|event| event.is_wanted(&self.filter)) {
            match &self.format {
                None | Some(TemplateFormat::Text) => {
                    if !ui::pass_on(event.line().as_bytes(), false)? {
                        return Ok(false);
                    }
                }
                Some(format) => ui::print_line(event, format.template())?,
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::ExitStatus;

    fn sandbox(state: SandboxState) -> (SandboxConfig, SandboxState) {
        let config = serde_json::json!({
            "version": 1, "id": "0a", "name": "web", "created": "2026-11-22T08:00:00.000Z",
            "image": "alpine", "base": "host", "hostname": "web", "readonlyRoot": false,
            "process": {
                "terminal": false, "stdin": false, "init": false, "args": ["true"], "env": [],
                "user": {"user": "", "additionalGroups": []}, "cwd": "/", "capabilities": [],
                "rlimits": [], "noNewPrivileges": false,
            },
            "mounts": [], "privileged": false, "shmSize": 0, "pids": "own", "seccomp": "default",
            "network": [], "exposedPorts": [], "labels": {"a": "b"}, "stopSignal": 15,
            "timeout": null, "autoRemove": false, "log": {"maxSize": null, "maxFile": 1},
        });
        (serde_json::from_value(config).unwrap(), state)
    }

    fn running(started: &str) -> SandboxState {
        let started = Some(started.into());
        SandboxState { status: Status::Running, started, ..SandboxState::created() }
    }

    fn actions(before: Option<SandboxState>, after: Option<SandboxState>) -> Vec<&'static str> {
        let snapshot = |state: Option<SandboxState>| -> Snapshot {
            state.into_iter().map(|state| ("0a".into(), sandbox(state))).collect()
        };
        let events = changes(&snapshot(before), &snapshot(after));
        events.into_iter().map(|event| event.action).collect()
    }

    #[test]
    fn two_looks_tell_what_happened_in_between() {
        let created = SandboxState::created;
        let exited = |started| SandboxState {
            status: Status::Exited,
            finished: Some("2026-11-22T08:00:02.000Z".into()),
            exit: Some(ExitStatus::Exited(3)),
            ..running(started)
        };
        let paused = || SandboxState { status: Status::Paused, ..running("1") };
        assert_eq!(actions(None, Some(created())), ["create"]);
        assert_eq!(actions(Some(created()), Some(running("1"))), ["start"]);
        assert_eq!(actions(None, Some(exited("1"))), ["create", "start", "die"]);
        assert_eq!(actions(Some(running("1")), Some(exited("1"))), ["die"]);
        assert_eq!(actions(Some(exited("1")), Some(exited("1"))), [""; 0]);
        assert_eq!(actions(Some(running("1")), Some(running("2"))), ["start"]);
        assert_eq!(actions(Some(running("1")), Some(paused())), ["pause"]);
        assert_eq!(actions(Some(paused()), Some(running("1"))), ["unpause"]);
        assert_eq!(actions(Some(running("1")), None), ["die", "destroy"]);
        assert_eq!(actions(Some(created()), None), ["destroy"]);
    }

    #[test]
    fn an_event_reads_as_in_docker() {
        let (config, state) = sandbox(SandboxState {
            exit: Some(ExitStatus::Exited(3)),
            ..running("2026-11-22T08:00:01.000Z")
        });
        let event = Event::new("die", &config, &state, Some(&"T".into()));
        assert_eq!(event.line(), "T container die 0a (a=b, exitCode=3, image=alpine, name=web)\n");
        for (filter, fits) in [
            ("event=die", true),
            ("event=start", false),
            ("container=web", true),
            ("container=0", true),
            ("label=a", true),
            ("label=a=c", false),
        ] {
            assert_eq!(event.fits(&filter.parse().unwrap()), fits, "{filter}");
        }
    }
}
