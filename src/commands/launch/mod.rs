//! From what a sandbox is to one that runs: what `run`, `create` and `start`
//! share.

pub(super) mod base;
pub(super) mod config;
pub(super) mod connection;
pub(super) mod devices;
mod files;
mod health;
pub(super) mod ids;
mod published;
pub(super) mod sharing;
mod spec;
pub(super) mod volumes;

use std::time::{Duration, SystemTime};

use nix::sys::signal::Signal;

use self::{
    base::Base,
    connection::Connection,
    health::Checker,
    sharing::Sharing,
    spec::Surroundings,
    volumes::{Finder, Mounts},
};
use super::{Context, background::Supervisor, options::NetworkArgs, status::Phase};
use crate::{
    devices::Found,
    error::Error,
    network::{Attachment, Network, user::Published},
    oci::{
        BaseImage, Confinement, ExitStatus, Health, PidChoice, ProcessId, SandboxConfig,
        SandboxState, Status, Tier,
    },
    runtime::{self, Chore, Keeper, Limits, Running, Stdio, domain::Domain},
    storage::{HeldVolume, SandboxDir, Store},
    sys,
};

/// What a sandbox is started from.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) config: SandboxConfig,
    pub(super) base: Base,
    pub(super) network: &'a NetworkArgs,
    pub(super) ports: Vec<Published>,
    pub(super) sharing: Sharing,
    pub(super) devices: Found,
    /// Volumes that were made for it, until it holds them itself.
    pub(super) held: Vec<HeldVolume>,
    /// Whether it is made only to be started now.
    pub(super) is_new: bool,
    /// None for a command that runs in the foreground and leaves nothing.
    pub(super) supervisor: Option<Supervisor>,
}

/// Makes the directory of a sandbox, which is kept if it is to be: one that is not
/// started at once waits, even if it is to leave nothing when it has ended.
pub(super) fn create(
    config: &SandboxConfig,
    waits: bool,
    store: &Store,
) -> Result<SandboxDir, Error> {
    let mut directory = store.create_sandbox(&config.id, config.name.as_deref())?;
    if waits || !config.auto_remove {
        directory.write_state(&SandboxState::created())?;
        directory.write_config(config)?;
        let image = match &config.base {
            BaseImage::Image(digest) => Some(digest),
            _ => None,
        };
        directory.keep(image, config.stays_if_changed)?;
    }
    Ok(directory)
}

/// Starts it, watches over it until it has ended, and removes what is not kept.
pub(super) fn launch(
    mut parts: Parts<'_>,
    directory: SandboxDir,
    store: &Store,
    domain: &mut Domain,
    context: &Context,
) -> Result<ExitStatus, Error> {
    let started = start(&mut parts, &directory, store, domain, context);
    parts.held.clear();
    let Started { mut running, network: mut net, state, limits, volumes } = match started {
        Ok(started) => started,
        Err(error) => return Err(abandon(error, &parts, directory, store, context)),
    };
    let (status, state) = watch(&mut running, &limits, state, &parts.config, &directory, context)?;
    drop(limits); // With its cgroup, before anybody is told that it has ended.
    net.del(&Attachment { id: &parts.config.id, netns: running.network_namespace() })?;
    volumes.give_back(context);
    record_end(status, state, &parts.config, directory, store, context)?;
    running.say_goodbye(status);
    context.status.exited(&parts.config.id, status);
    Ok(status)
}

/// Waits until it has ended, and checks its health if that is wanted; how it ended,
/// and what has changed of its state meanwhile.
fn watch(
    running: &mut Running,
    limits: &Limits,
    state: SandboxState,
    config: &SandboxConfig,
    directory: &SandboxDir,
    context: &Context,
) -> Result<(ExitStatus, SandboxState), Error> {
    let check = |check| Checker::new(check, config, &context.config.root, directory, state.clone());
    let mut checker = config.health.as_ref().map(check);
    let chore = checker.as_mut().map(|checker| checker as &mut dyn Chore);
    let status = running.wait(&supervision(config, &limits.confinement), chore)?;
    let status = match status {
        ExitStatus::Signaled(libc::SIGKILL) if limits.ran_out_of_memory() => {
            ExitStatus::OutOfMemory
        }
        status => status,
    };
    let state = checker.map_or(state, |checker| checker.state);
    Ok((status, SandboxState { log_lost: running.lost_output(), ..state }))
}

/// A sandbox that runs.
struct Started {
    running: Running,
    network: Box<dyn Network>,
    state: SandboxState,
    limits: Limits,
    volumes: Mounts,
}

impl Parts<'_> {
    /// What is to be mounted.
    fn volumes(
        &self,
        sandbox: &SandboxDir,
        store: &Store,
        domain: &mut Domain,
        context: &Context,
    ) -> Result<Mounts, Error> {
        let Self { config, base, .. } = self;
        Finder { config, base, store, sandbox, context }.find(domain)
    }
}

fn start(
    parts: &mut Parts<'_>,
    directory: &SandboxDir,
    store: &Store,
    domain: &mut Domain,
    context: &Context,
) -> Result<Started, Error> {
    let connection = Connection::plan(parts, context)?;
    let limits = prepare_limits(&parts.config, domain.plan().caller(), context)?;
    let confinement = &limits.confinement;
    devices::settle(parts, domain, context);
    let volumes = parts.volumes(directory, store, domain, context)?;
    let around = Surroundings { connection: &connection, confinement, volumes: &volumes };
    let spec = spec::build(parts, directory, store, domain, around, context)?;
    let state = SandboxState {
        ports: connection.ports(),
        addresses: connection.addresses(),
        confinement: confinement.clone(),
        devices: parts.devices.edits.clone(),
        health: parts.config.health.as_ref().map(|_| Health::default()),
        ..SandboxState::created()
    };
    let stdio = stdio(parts, directory)?;
    let mut network = connection.network(context);
    let created = runtime::create(&spec, domain, stdio, || network.prepare())?;
    let attachment = Attachment { id: &spec.id, netns: created.network_namespace() };
    network.begin(&attachment)?;
    directory.remove_old(); // While the network is made, and the sandbox mounts.
    network.add(&attachment)?;
    let addresses = [&state.addresses[..], &network.addresses()].concat();
    let state = SandboxState { addresses, ..state };
    let running = created.start()?;
    let state = record_start(&parts.config, &running, state, directory)?;
    context.status.tell(&Phase::Started { id: &spec.id, pid: running.pid() });
    parts.supervisor.take().map(|supervisor| supervisor.report(&spec.id)).transpose()?;
    Ok(Started { running, network, state, limits, volumes })
}

/// Gets what is to hold the limits, and says what that is.
fn prepare_limits(
    config: &SandboxConfig,
    user: Option<u32>,
    context: &Context,
) -> Result<Limits, Error> {
    let own_pids = config.pids == PidChoice::Own;
    let limits = Limits::prepare(&config.resources, &config.id, own_pids, user)?;
    if let Some(answer) = &limits.refused {
        let what = "systemd gives no cgroup for the limits, which hold less well so";
        context.ui.note(&format!("{what}: {answer}"));
    }
    for (limit, tier) in &limits.confinement.tiers {
        match tier {
            Tier::None => context.ui.note(&format!(
                "nothing holds {} here; `sandbox info` says what would",
                limit.option()
            )),
            tier => context.ui.detail(&format!("{}: held by {}", limit.option(), tier.as_str())),
        }
    }
    if let Some(cgroup) = &limits.confinement.cgroup {
        context.ui.detail(&format!("cgroup: {}", cgroup.display()));
    }
    Ok(limits)
}

/// What was made for `run` alone goes with it; what was there before stays, and
/// says why it could not be started.
fn abandon(
    error: Error,
    parts: &Parts<'_>,
    directory: SandboxDir,
    store: &Store,
    context: &Context,
) -> Error {
    let _ = match parts.is_new || parts.config.auto_remove {
        true => leave_nothing(&parts.config, directory, store, context),
        false => {
            let state = SandboxState {
                error: Some(error.to_string()),
                devices: parts.devices.edits.clone(),
                ..SandboxState::created()
            };
            directory.write_state(&state).map_err(Error::from)
        }
    };
    error
}

/// Removes all that was made for a sandbox, but for the volumes that have a name.
fn leave_nothing(
    config: &SandboxConfig,
    directory: SandboxDir,
    store: &Store,
    context: &Context,
) -> Result<(), Error> {
    directory.remove()?;
    volumes::forget(config, store, context)
}

fn stdio(parts: &Parts<'_>, directory: &SandboxDir) -> Result<Stdio, Error> {
    let Some(supervisor) = &parts.supervisor else { return Ok(Stdio::Ours) };
    let open = |client| Keeper::open(directory.path(), parts.config.log, client);
    let keeper = supervisor.client().and_then(open);
    keeper.map(|keeper| Stdio::Kept(Box::new(keeper))).map_err(Error::Attach)
}

/// It runs: whoever looks for sandboxes finds it.
fn record_start(
    config: &SandboxConfig,
    running: &Running,
    state: SandboxState,
    directory: &SandboxDir,
) -> Result<SandboxState, Error> {
    let state = SandboxState {
        status: Status::Running,
        boot: sys::kernel::boot_id(),
        started: Some(sys::time::rfc3339(SystemTime::now())),
        supervisor: identify(nix::unistd::getpid().as_raw()),
        process: identify(running.pid()),
        ..state
    };
    directory.write_state(&state)?;
    if !directory.is_kept() {
        directory.write_config(config)?;
    }
    Ok(state)
}

fn identify(pid: i32) -> Option<ProcessId> {
    sys::process::start_time(pid).map(|start_time| ProcessId { pid, start_time })
}

fn record_end(
    status: ExitStatus,
    state: SandboxState,
    config: &SandboxConfig,
    directory: SandboxDir,
    store: &Store,
    context: &Context,
) -> Result<(), Error> {
    let has_changed = !config.auto_remove && directory.settle_changes()?;
    if config.auto_remove || (config.stays_if_changed && !has_changed) {
        return leave_nothing(config, directory, store, context);
    }
    if config.stays_if_changed {
        context.ui.note(&how_to_go_on(config));
    }
    Ok(directory.write_state(&SandboxState {
        status: Status::Exited,
        supervisor: None,
        process: None,
        finished: Some(sys::time::rfc3339(SystemTime::now())),
        exit: Some(status),
        ports: Vec::new(),
        addresses: Vec::new(),
        confinement: Confinement { cgroup: None, ..state.confinement },
        ..state
    })?)
}

/// What becomes of a sandbox that stays only for what it has changed of the host's.
fn how_to_go_on(config: &SandboxConfig) -> String {
    let id = &config.id;
    let changed: Vec<_> =
        config.copied_on_write().map(|(_, it)| it.destination.display().to_string()).collect();
    format!(
        "what it changed in {} is kept: `sandbox diff {id}` shows it, `sandbox apply {id}` takes \
         it over, `sandbox discard {id}` drops it",
        changed.join(" and ")
    )
}

fn supervision(config: &SandboxConfig, confinement: &Confinement) -> runtime::Supervision {
    runtime::Supervision {
        timeout: config.timeout.map(Duration::from_secs_f64),
        stop_signal: Signal::try_from(config.stop_signal).unwrap_or(Signal::SIGTERM),
        leaves_orphans: config.pids == PidChoice::Host,
        memory: confinement.memory.map(|memory| (memory, confinement.memory_swap)),
    }
}
