//! What is written down about a sandbox: `config.json` and `state.json`.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    Confinement, DeviceEdits, DeviceRequest, Digest, ExitStatus, Health, HealthCheck, KeepId,
    MountRequest, Parameter, Process, Resources, Seccomp,
};

/// What a sandbox is: written when it is made, and read whenever it is started.
///
/// What depends on the moment of a start (addresses, ids, the paths of layers)
/// is not in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SandboxConfig {
    /// The version of this format.
    pub version: u32,
    /// Twelve hexadecimal digits.
    pub id: String,
    pub name: Option<String>,
    /// When it was made (RFC 3339).
    pub created: String,
    /// The image as it was typed.
    pub image: String,
    pub base: BaseImage,
    pub process: Process,
    /// The id if none was chosen.
    pub hostname: String,
    pub readonly_root: bool,
    pub mounts: Vec<MountRequest>,
    #[serde(default)]
    pub devices: Vec<DeviceRequest>,
    /// Whether nothing is hidden or protected inside.
    pub privileged: bool,
    /// Size of `/dev/shm` in bytes.
    pub shm_size: u64,
    pub pids: PidChoice,
    #[serde(default)]
    pub resources: Resources,
    /// What is set of its own namespaces.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    pub seccomp: SeccompChoice,
    /// What connects it, as options of `run`.
    pub network: Vec<String>,
    /// Ports that the image says it serves, such as `80/tcp`.
    pub exposed_ports: Vec<String>,
    pub labels: BTreeMap<String, String>,
    /// Number of the signal that asks the workload to end.
    pub stop_signal: i32,
    /// Seconds that it is given to end; negative for as long as it takes, none for
    /// what is usual.
    #[serde(default)]
    pub stop_timeout: Option<i64>,
    /// Seconds that the workload may run.
    pub timeout: Option<f64>,
    /// Whether nothing of it stays when it has ended.
    pub auto_remove: bool,
    /// Whether nothing of it stays unless it has changed a directory of the host's
    /// that it sees copy-on-write.
    #[serde(default)]
    pub stays_if_changed: bool,
    pub log: LogOptions,
    #[serde(default)]
    pub health: Option<HealthCheck>,
    /// Whose files the caller's are, if not root's.
    #[serde(default)]
    pub keep_id: Option<KeepId>,
}

impl SandboxConfig {
    /// The format that this program writes, and the only one that it reads.
    pub const VERSION: u32 = 1;

    /// What is seen copy-on-write: the place among `mounts`, and the directory.
    pub fn copied_on_write(&self) -> impl Iterator<Item = (usize, &MountRequest)> {
        let all = self.mounts.iter().enumerate();
        all.filter(|(_, mount)| mount.is_cow())
    }

    /// What people call it.
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }
}

/// Where the root file system comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BaseImage {
    /// The manifest of an image of the store.
    Image(Digest),
    /// A directory of the host.
    Directory(PathBuf),
    Host,
}

/// Whose processes a sandbox sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PidChoice {
    Own,
    Host,
    /// Those of another sandbox, by its name or id.
    Sandbox(String),
}

/// Which system calls the workload may make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SeccompChoice {
    /// Ours, which depends on the capabilities.
    Default,
    Unconfined,
    Profile(Seccomp),
}

/// How much of the output is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogOptions {
    /// Bytes at which a file is put aside; none for no limit.
    pub max_size: Option<u64>,
    /// Files that are kept, with the one that is written; none at all if it is 0.
    pub max_file: u32,
}

impl LogOptions {
    /// Whether there is no log.
    pub fn keeps_nothing(&self) -> bool {
        self.max_file == 0
    }
}

/// How it goes with a sandbox: replaced at each change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SandboxState {
    pub status: Status,
    /// The boot in which the processes were (`random(4)`, boot_id), if that is known.
    #[serde(default)]
    pub boot: Option<String>,
    /// The process that watches over it.
    pub supervisor: Option<ProcessId>,
    /// The first process inside.
    pub process: Option<ProcessId>,
    /// When it was last started (RFC 3339).
    pub started: Option<String>,
    /// When it last ended (RFC 3339).
    pub finished: Option<String>,
    pub exit: Option<ExitStatus>,
    /// Why it could not be started, or what was lost.
    pub error: Option<String>,
    /// Bytes that its log could not take.
    #[serde(default)]
    pub log_lost: u64,
    /// How its health checks went, if there are any.
    #[serde(default)]
    pub health: Option<Health>,
    pub ports: Vec<PortBinding>,
    /// Its own addresses.
    pub addresses: Vec<std::net::IpAddr>,
    /// What holds its limits.
    #[serde(default)]
    pub confinement: Confinement,
    /// What its devices are, since it was last started.
    #[serde(default)]
    pub devices: DeviceEdits,
}

impl SandboxState {
    /// That of a sandbox which was never started.
    pub fn created() -> Self {
        Self {
            status: Status::Created,
            boot: None,
            supervisor: None,
            process: None,
            started: None,
            finished: None,
            exit: None,
            error: None,
            log_lost: 0,
            health: None,
            ports: Vec::new(),
            addresses: Vec::new(),
            confinement: Confinement::default(),
            devices: DeviceEdits::default(),
        }
    }
}

/// The states of docker's that there are here (runtime-spec: `stopped` is what
/// docker calls `exited`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    Created,
    Running,
    Paused,
    Exited,
}

impl Status {
    /// Docker's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Exited => "exited",
        }
    }
}

/// A process that cannot be taken for another one: numbers are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessId {
    /// In the process id namespace of whoever wrote it.
    pub pid: i32,
    /// When it began, in clock ticks since the boot (`proc_pid_stat(5)`).
    pub start_time: u64,
}

/// A port of the host's that leads inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortBinding {
    pub host_ip: std::net::IpAddr,
    pub host_port: u16,
    pub port: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
}
