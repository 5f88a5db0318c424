//! `sandbox run`: the whole program as a table of contents.

mod base;
mod files;
mod network;
mod spec;

use std::{path::PathBuf, time::Duration};

use clap::ArgAction;

use self::{base::Base, network::Connection};
use super::{
    Context,
    fetch::PullPolicy,
    options::{
        CapabilityName, MountOption, NetworkArgs, SecurityOption, TmpfsOption, Ulimit, Variable,
        VolumeOption, parse_duration, parse_hostname, parse_size,
    },
};
use crate::{
    error::Error,
    network::Attachment,
    oci::{ExitStatus, Platform, Reference},
    runtime,
    ui::Ui,
};

/// Run a command in a new sandbox
///
/// The image is fetched if it is not in the store. The sandbox leaves nothing
/// behind: what the command writes outside of volumes vanishes with it.
///
/// The exit code is that of the command; 125 if the sandbox itself failed, 126
/// if the command cannot be executed, 127 if it is not there, 124 if its time
/// was up, and 128 + N if signal N ended it.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct Args {
    /// Set a variable; without a value, to the host's
    #[arg(short, long, value_name = "KEY[=VALUE]")]
    env: Vec<Variable>,

    /// Set the variables that a file lists, one a line
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,

    /// Directory to start in
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,

    /// User to run as, by the names of the image or by number
    #[arg(short, long, value_name = "NAME|UID[:GROUP|GID]")]
    user: Option<String>,

    /// Further groups of that user
    #[arg(long, value_name = "GROUP|GID")]
    group_add: Vec<String>,

    /// Program to run instead of the image's entrypoint; empty for none
    #[arg(long, value_name = "PROGRAM")]
    entrypoint: Option<String>,

    /// Show a file or directory of the host inside
    #[arg(short, long, value_name = "SRC:DST[:ro|rw|z|Z]")]
    volume: Vec<VolumeOption>,

    /// The same in docker's long notation, and file systems in memory
    #[arg(long, value_name = "type=bind|tmpfs,…")]
    mount: Vec<MountOption>,

    /// Mount a file system in memory
    #[arg(long, value_name = "DST[:OPTIONS]")]
    tmpfs: Vec<TmpfsOption>,

    /// Let nothing but volumes be written
    #[arg(long)]
    read_only: bool,

    /// Host name inside
    #[arg(short = 'h', long, value_name = "NAME", value_parser = parse_hostname)]
    hostname: Option<String>,

    /// Let the command read standard input
    #[arg(short, long)]
    interactive: bool,

    /// Give the command a terminal
    #[arg(short, long)]
    tty: bool,

    /// Leave nothing behind, as is always the case
    #[arg(long, hide = true)]
    rm: bool,

    #[command(flatten)]
    network: NetworkArgs,

    /// Grant a capability, or ALL
    #[arg(long, value_name = "CAPABILITY")]
    cap_add: Vec<CapabilityName>,

    /// Withhold a capability, or ALL
    #[arg(long, value_name = "CAPABILITY")]
    cap_drop: Vec<CapabilityName>,

    /// seccomp=unconfined, seccomp=FILE, or no-new-privileges
    #[arg(long, value_name = "OPTION")]
    security_opt: Vec<SecurityOption>,

    /// All capabilities within the sandbox's own user namespace, no filter,
    /// nothing hidden
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = ArgAction::Set)]
    privileged: bool,

    /// Put an init in front that reaps orphans and passes signals on
    #[arg(long)]
    init: bool,

    /// End the command after this time, such as 30s or 5m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    timeout: Option<Duration>,

    /// When to ask the registry for the image
    #[arg(long, value_name = "WHEN", default_value = "missing")]
    pull: PullPolicy,

    /// Platform to run, such as linux/arm64
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    platform: Option<Platform>,

    /// Size of /dev/shm
    #[arg(long, value_name = "BYTES", default_value = "64m", value_parser = parse_size)]
    shm_size: u64,

    /// Set a resource limit
    #[arg(long, value_name = "NAME=SOFT[:HARD]")]
    ulimit: Vec<Ulimit>,

    /// Whose processes are seen inside
    #[arg(long, value_name = "host")]
    pid: Option<PidMode>,

    /// Signal that asks the command to end, instead of the image's
    #[arg(long, value_name = "SIGNAL")]
    stop_signal: Option<String>,

    /// Note something about the sandbox
    #[arg(short, long, value_name = "KEY[=VALUE]")]
    label: Vec<String>,

    /// Whether to insist on HTTPS with a certificate that can be verified
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    tls_verify: bool,

    /// Directory with certificates for the registry: *.crt to trust, *.cert and
    /// *.key to show
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<PathBuf>,

    /// Show no progress and no notes
    #[arg(short, long)]
    quiet: bool,

    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,

    #[command(flatten)]
    harmless: Harmless,

    /// Image to run: a name, oci:DIR, oci-archive:FILE, docker-archive:FILE,
    /// rootfs:DIR, or host
    #[arg(value_name = "IMAGE")]
    image: Reference,

    /// Command to run instead of the image's, with its arguments
    #[arg(value_name = "CMD", trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<std::ffi::OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum PidMode {
    Host,
}

/// Options of docker's which ask for what is the case anyway.
#[derive(Debug, clap::Args)]
struct Harmless {
    #[arg(long, hide = true, value_parser = ["private"])]
    cgroupns: Option<String>,
    #[arg(long, hide = true, value_parser = ["private"])]
    ipc: Option<String>,
    #[arg(long, hide = true, value_parser = ["default"])]
    isolation: Option<String>,
    #[arg(long, hide = true, value_parser = ["none"])]
    log_driver: Option<String>,
    #[arg(long, hide = true)]
    no_healthcheck: bool,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, value_parser = ["true"])]
    sig_proxy: Option<Option<String>>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    disable_content_trust: Option<Option<bool>>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<ExitStatus, Error> {
    let context = &args.quieter(context);
    let ports = network::publish(&args.network, context)?;
    let mut domain = context.enter_domain()?;
    let store = context.open_store(&domain)?;
    let base = Base::find(args, &store, &mut domain, context)?;
    let sandbox = store.create_sandbox(&spec::new_id()?)?;
    let hostname = args.hostname.as_deref().unwrap_or(sandbox.id());
    let connection = Connection::plan(args, ports, &base, hostname, context)?;
    let spec = spec::build(args, &base, &sandbox, &store, &domain, &connection, context)?;
    let supervision = args.supervision(&base)?;
    let mut network = connection.network();
    let created = runtime::create(&spec, &mut domain, || network.prepare())?;
    network.add(&Attachment { id: &spec.id, netns: created.network_namespace() })?;
    sandbox.remove_old();
    let mut running = created.start()?;
    let status = running.wait(&supervision)?;
    network.del(&Attachment { id: &spec.id, netns: running.network_namespace() })?;
    sandbox.remove()?;
    Ok(status)
}

impl Args {
    fn quieter(&self, context: &Context) -> Context {
        let quiet = context.ui.quiet || self.quiet;
        let ui = Ui { quiet, ..context.ui };
        if self.privileged {
            ui.note(
                "privileged: all capabilities within the sandbox's own user namespace; \
                 none on the host",
            );
        }
        Context { config: context.config.clone(), ui }
    }

    fn supervision(&self, base: &Base) -> Result<runtime::Supervision, Error> {
        Ok(runtime::Supervision {
            timeout: self.timeout,
            stop_signal: spec::stop_signal(self, base)?,
            stdin: self.interactive,
            host_pids: self.pid.is_some(),
        })
    }
}
