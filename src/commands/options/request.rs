//! What a sandbox is to be: the options that `run` and `create` share.

use std::{fs, io::Write, path::PathBuf, time::Duration};

use clap::ArgAction;

use super::{
    CapabilityName, DeviceOption, GpuOption, HealthArgs, LimitArgs, LockedArgs, MountOption,
    NetworkArgs, RegistryArgs, SecurityOption, Sysctl, TmpfsOption, Ulimit, UserNamespace,
    Variable, VolumeOption, parse_duration, parse_exposed, parse_hostname, parse_size,
};
use crate::{
    commands::{Context, fetch::PullPolicy},
    error::Error,
    oci::{DeviceRequest, Platform, Reference},
    ui::Ui,
};

/// Everything that describes a sandbox.
#[derive(Debug, clap::Args)]
pub struct SandboxArgs {
    /// Set a variable; without a value, to the host's
    #[arg(short, long, value_name = "KEY[=VALUE]")]
    pub env: Vec<Variable>,

    /// Set the variables that a file lists, one a line
    #[arg(long, value_name = "FILE")]
    pub env_file: Vec<PathBuf>,

    /// Directory to start in
    #[arg(short, long, value_name = "DIR")]
    pub workdir: Option<String>,

    /// User to run as, by the names of the image or by number
    #[arg(short, long, value_name = "NAME|UID[:GROUP|GID]")]
    pub user: Option<String>,

    /// Further groups of that user, or keep-groups for the ones you have
    #[arg(long, value_name = "GROUP|GID")]
    pub group_add: Vec<String>,

    /// Which user inside is you outside: root, that user of yours, or, without
    /// either, whoever the command runs as if files of yours are mounted
    #[arg(long, value_name = "host|keep-id[:uid=N,gid=N]")]
    pub userns: Option<UserNamespace>,

    /// Program to run instead of the image's entrypoint; empty for none
    #[arg(long, value_name = "PROGRAM")]
    pub entrypoint: Option<String>,

    /// Show a file or directory of the host inside, or a volume; one without a name if
    /// there is no source
    #[arg(short, long, value_name = "[DIR|NAME:]DST[:OPTIONS]")]
    pub volume: Vec<VolumeOption>,

    /// The same in docker's long notation, file systems in memory and images
    #[arg(long, value_name = "type=bind|volume|tmpfs|image,…")]
    pub mount: Vec<MountOption>,

    /// Mount a file system in memory
    #[arg(long, value_name = "DST[:OPTIONS]")]
    pub tmpfs: Vec<TmpfsOption>,

    /// Hand over a device of the host, all below a directory, or what a file of
    /// the Container Device Interface describes
    #[arg(long, value_name = "HOST[:INSIDE][:rwm]|VENDOR/CLASS=NAME")]
    pub device: Vec<DeviceOption>,

    /// Hand over GPUs
    #[arg(long, value_name = "all|N|device=N,UUID,…")]
    pub gpus: Vec<GpuOption>,

    /// Let nothing but volumes be written
    #[arg(long)]
    pub read_only: bool,

    /// Host name inside
    #[arg(short = 'h', long, value_name = "NAME", value_parser = parse_hostname)]
    pub hostname: Option<String>,

    /// Let the command read standard input
    #[arg(short, long)]
    pub interactive: bool,

    /// Give the command a terminal
    #[arg(short, long)]
    pub tty: bool,

    /// Call it by a name, and keep it when its command has ended
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// Keep it when its command has ended
    #[arg(long, conflicts_with = "rm")]
    pub keep: bool,

    /// Leave nothing behind, although it has a name
    #[arg(long)]
    pub rm: bool,

    /// Write the id to this file, which must not be there
    #[arg(long, value_name = "FILE")]
    pub cidfile: Option<PathBuf>,

    /// Whether there is a log: none, or local, which json-file means as well
    #[arg(long, value_name = "DRIVER", default_value = "local")]
    pub log_driver: LogDriver,

    /// max-size=BYTES of a file of the log, and max-file=COUNT of them
    #[arg(long, value_name = "KEY=VALUE")]
    pub log_opt: Vec<LogOption>,

    #[command(flatten)]
    pub network: NetworkArgs,

    /// Grant a capability, or ALL
    #[arg(long, value_name = "CAPABILITY")]
    pub cap_add: Vec<CapabilityName>,

    /// Withhold a capability, or ALL
    #[arg(long, value_name = "CAPABILITY")]
    pub cap_drop: Vec<CapabilityName>,

    /// seccomp=unconfined, seccomp=FILE, or no-new-privileges
    #[arg(long, value_name = "OPTION")]
    pub security_opt: Vec<SecurityOption>,

    /// All capabilities within the sandbox's own user namespace, no filter,
    /// nothing hidden
    #[arg(long)]
    pub privileged: bool,

    /// Put an init in front that reaps orphans and passes signals on
    #[arg(long)]
    pub init: bool,

    /// End the command after this time, such as 30s or 5m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,

    /// When to ask the registry for the image
    #[arg(long, value_name = "WHEN", default_value = "missing")]
    pub pull: PullPolicy,

    #[command(flatten)]
    pub locked: LockedArgs,

    /// Platform to run, such as linux/arm64
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    pub platform: Option<Platform>,

    /// Size of /dev/shm
    #[arg(long, value_name = "BYTES", default_value = "64m", value_parser = parse_size)]
    pub shm_size: u64,

    /// Set a resource limit
    #[arg(long, value_name = "NAME=SOFT[:HARD]")]
    pub ulimit: Vec<Ulimit>,

    /// Set a parameter of the kernel that the sandbox has for itself, such as net.*
    #[arg(long, value_name = "NAME=VALUE")]
    pub sysctl: Vec<Sysctl>,

    /// How soon the kernel ends the command when memory is short, from -1000 to 1000
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(i16).range(-1000..=1000))]
    pub oom_score_adj: Option<i16>,

    #[command(flatten)]
    pub limits: LimitArgs,

    #[command(flatten)]
    pub health: HealthArgs,

    /// Whose processes are seen inside, instead of only its own
    #[arg(long, value_name = "host|container:SANDBOX")]
    pub pid: Option<PidMode>,

    /// Mount what another sandbox has mounted
    #[arg(long, value_name = "SANDBOX[:ro|rw]")]
    pub volumes_from: Vec<VolumesFrom>,

    /// Signal that asks the command to end, instead of the image's
    #[arg(long, value_name = "SIGNAL")]
    pub stop_signal: Option<String>,

    /// Seconds that `stop` and `restart` give it to end; -1 for as long as it takes
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub stop_timeout: Option<i64>,

    /// A port that it serves, for --publish-all
    #[arg(long, value_name = "PORT[/PROTOCOL]", value_parser = parse_exposed)]
    pub expose: Vec<String>,

    /// Note something about the sandbox
    #[arg(short, long, value_name = "KEY[=VALUE]")]
    pub label: Vec<String>,

    /// Note what a file lists, one KEY[=VALUE] a line
    #[arg(long, value_name = "FILE")]
    pub label_file: Vec<PathBuf>,

    #[command(flatten)]
    pub registry: RegistryArgs,

    /// Show no progress and no notes
    #[arg(short, long)]
    pub quiet: bool,

    /// Print help
    #[arg(long, action = ArgAction::Help)]
    pub help: Option<bool>,

    #[command(flatten)]
    pub harmless: Harmless,

    /// Image to run: a name, oci:DIR, oci-archive:FILE, docker-archive:FILE,
    /// rootfs:DIR, or host
    #[arg(value_name = "IMAGE")]
    pub image: Reference,

    /// Command to run instead of the image's, with its arguments
    #[arg(value_name = "CMD", trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<std::ffi::OsString>,
}

/// Whose processes a sandbox sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PidMode {
    Host,
    Sandbox(String),
}

impl std::str::FromStr for PidMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.split_once(':')) {
            ("host", _) => Ok(Self::Host),
            (_, Some(("container" | "sandbox", name))) if !name.is_empty() => {
                Ok(Self::Sandbox(name.into()))
            }
            _ => Err("neither host nor container:SANDBOX".into()),
        }
    }
}

/// A sandbox whose volumes another one gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumesFrom {
    pub sandbox: String,
    pub readonly: bool,
}

impl std::str::FromStr for VolumesFrom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (sandbox, mode) = text.split_once(':').unwrap_or((text, "rw"));
        match mode {
            "ro" | "rw" => Ok(Self { sandbox: sandbox.into(), readonly: mode == "ro" }),
            _ => Err(format!("`{mode}` is neither ro nor rw")),
        }
    }
}

/// Options of docker's which ask for what is the case anyway.
#[derive(Debug, clap::Args)]
pub struct Harmless {
    #[arg(long, hide = true, value_parser = ["private"])]
    pub cgroupns: Option<String>,
    #[arg(long, hide = true, value_parser = ["private"])]
    pub ipc: Option<String>,
    #[arg(long, hide = true, value_parser = ["default"])]
    pub isolation: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, value_parser = ["true"])]
    pub sig_proxy: Option<Option<String>>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    pub disable_content_trust: Option<Option<bool>>,
}

/// Where the output of a workload is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogDriver {
    /// In the store, for `logs`.
    Local,
    None,
}

impl std::str::FromStr for LogDriver {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "local" | "json-file" | "k8s-file" => Ok(Self::Local),
            "none" => Ok(Self::None),
            _ => Err("logs are sent nowhere; there are local, json-file and none, and what \
                      `sandbox logs -f` prints can be piped"
                .into()),
        }
    }
}

/// One `--log-opt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOption {
    MaxSize(u64),
    MaxFile(u32),
}

impl std::str::FromStr for LogOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("max-size", size)) => match parse_size(size)? {
                0 => Err("a log of no bytes keeps nothing".into()),
                size => Ok(Self::MaxSize(size)),
            },
            Some(("max-file", count)) => match count.parse() {
                Ok(count @ 1..) => Ok(Self::MaxFile(count)),
                _ => Err(format!("`{count}` is not a number of files")),
            },
            _ => Err(format!("`{text}` is neither max-size=BYTES nor max-file=COUNT")),
        }
    }
}

impl SandboxArgs {
    /// Whether the sandbox stays when its command has ended.
    pub fn is_kept(&self, detached: bool) -> bool {
        !self.rm && (self.name.is_some() || self.keep || detached)
    }

    /// The devices that are asked for, in the order in which they are set up.
    pub fn devices(&self) -> Vec<DeviceRequest> {
        let devices = self.device.iter().map(|option| option.0.clone());
        devices.chain(self.gpus.iter().map(|gpus| DeviceRequest::Gpus(gpus.0.clone()))).collect()
    }

    /// `--cidfile`.
    pub(in crate::commands) fn write_id(&self, id: &str) -> Result<(), Error> {
        let Some(path) = &self.cidfile else { return Ok(()) };
        let file = fs::OpenOptions::new().write(true).create_new(true).open(path);
        file.and_then(|mut file| file.write_all(id.as_bytes()))
            .map_err(|error| Error::usage(format!("cannot write to {}: {error}", path.display())))
    }

    /// The context of a command that may have been told to be quiet.
    pub(in crate::commands) fn quieter(&self, context: &Context) -> Context {
        let quiet = context.ui.quiet || self.quiet;
        let ui = Ui { quiet, ..context.ui };
        if self.privileged {
            ui.note(
                "privileged: all capabilities within the sandbox's own user namespace; \
                 none on the host",
            );
        }
        context.with(ui)
    }
}
