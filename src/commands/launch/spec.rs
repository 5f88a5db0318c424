//! From what a sandbox is to what is to be run now.

use super::{Parts, connection::Connection, devices, files, volumes::Mounts};
use crate::{
    commands::Context,
    error::Error,
    oci::{Confinement, SeccompChoice, SmallFile, Spec},
    runtime::{domain::Domain, seccomp},
    storage::{SandboxDir, Store},
};

/// What tells of the whole machine (docker's list).
const MASKED: [&str; 12] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];

/// What changes the whole machine (docker's list).
const READONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// What was found out for this start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) connection: &'a Connection,
    pub(super) confinement: &'a Confinement,
    pub(super) volumes: &'a Mounts,
}

pub(super) fn build(
    parts: &Parts<'_>,
    sandbox: &SandboxDir,
    store: &Store,
    domain: &Domain,
    around: Surroundings<'_>,
    context: &Context,
) -> Result<Spec, Error> {
    let config = &parts.config;
    let one_id = domain.plan().has_one_id();
    let hidden = !config.privileged;
    Ok(Spec {
        id: config.id.clone(),
        process: devices::process(config.process.clone(), &parts.devices.edits)?,
        root: parts.base.root_fs(store, sandbox, context)?,
        scratch: sandbox.path().into(),
        readonly_root: config.readonly_root,
        hostname: config.hostname.clone(),
        files: files(parts, around.connection, one_id)?,
        mounts: devices::mounts(around.volumes, &parts.devices.edits),
        masked_paths: if hidden { MASKED.into() } else { Vec::new() },
        readonly_paths: if hidden { READONLY.into() } else { Vec::new() },
        shm_size: config.shm_size,
        parameters: config.parameters.clone(),
        network_namespace: parts.sharing.network_namespace(parts.network.mode()),
        pid_namespace: parts.sharing.pid_namespace(&config.pids),
        seccomp: match &config.seccomp {
            SeccompChoice::Default => Some(seccomp::default_profile(&config.process.capabilities)),
            SeccompChoice::Unconfined => None,
            SeccompChoice::Profile(profile) => Some(profile.clone()),
        },
        fake_root: one_id,
        keep_id: config.keep_id,
        confinement: around.confinement.clone(),
    })
}

fn files(
    parts: &Parts<'_>,
    connection: &Connection,
    one_id: bool,
) -> Result<Vec<SmallFile>, Error> {
    let mut files = files::etc(&parts.config.hostname, connection, parts.network)?;
    if one_id {
        files.push(files::apt_without_users());
    }
    Ok(files)
}
