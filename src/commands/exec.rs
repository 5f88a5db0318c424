//! `sandbox exec`: one more process in a sandbox that runs (CRI `Exec`).

use std::{ffi::OsString, os::unix::ffi::OsStringExt, path::PathBuf};

use nix::sys::signal::Signal;

use super::{
    Context,
    background::{self, Side},
    find::{Condition, Found},
    launch::{config, devices},
    options::{DetachKeys, Variable},
};
use crate::{
    error::Error,
    oci::{ExitStatus, Process, SeccompChoice, Status, User},
    runtime::{self, Addition, Supervision, seccomp},
};

/// Run one more command in a sandbox that runs
///
/// It has the capabilities, the filter and the limits of the sandbox's own
/// command. The exit code is as that of `run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Return at once, and let it run
    #[arg(short, long)]
    detach: bool,

    /// Set a variable; without a value, to the host's
    #[arg(short, long, value_name = "KEY[=VALUE]")]
    env: Vec<Variable>,

    /// Set the variables that a file lists, one a line
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,

    /// Let the command read standard input
    #[arg(short, long)]
    interactive: bool,

    /// Give the command a terminal
    #[arg(short, long)]
    tty: bool,

    /// All capabilities within the sandbox's own user namespace, and no filter
    #[arg(long)]
    privileged: bool,

    /// User to run as, by the names of the image or by number
    #[arg(short, long, value_name = "NAME|UID[:GROUP|GID]")]
    user: Option<String>,

    /// Directory to start in
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,

    #[arg(long, hide = true)]
    detach_keys: Option<DetachKeys>,

    /// Sandbox, by name or id
    #[arg(value_name = "SANDBOX")]
    sandbox: String,

    /// Command to run, with its arguments
    #[arg(
        value_name = "CMD",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<OsString>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<ExitStatus, Error> {
    let found = Found::look(&args.sandbox, context)?;
    let Condition(state) = found.state()?;
    let workload = devices::process(found.config.process.clone(), &state.devices)?;
    let process = args.process(&workload, context)?;
    let seccomp = match &found.config.seccomp {
        _ if args.privileged => None,
        SeccompChoice::Unconfined => None,
        SeccompChoice::Default => Some(seccomp::default_profile(&process.capabilities)),
        SeccompChoice::Profile(profile) => Some(profile.clone()),
    };
    let processes = state.supervisor.zip(state.process);
    let (supervisor, workload) = match (state.status, processes) {
        (Status::Running, Some(processes)) => processes,
        (status, _) => {
            let what = format!("{} does not run: it is {}", args.sandbox, status.as_str());
            return Err(Error::usage(what));
        }
    };
    let background = match args.detach {
        false => None,
        true => match background::split(false)? {
            Side::Caller(caller) => return caller.follow(None).map(|(_, status)| status),
            Side::Supervisor(background) => Some(background),
        },
    };
    let seccomp = seccomp.as_ref();
    let (process, confinement) = (&process, &state.confinement);
    let (strict, keep_id) = (found.config.resources.strict, found.config.keep_id);
    let addition =
        Addition { supervisor, workload, process, seccomp, keep_id, confinement, strict };
    let mut added = runtime::add(&addition)?;
    if added.is_outside() {
        context.ui.note("this command is outside of the sandbox's cgroup, and so of its limits");
    }
    background.map(|background| background.report(found.stored.id())).transpose()?;
    let stop_signal = Signal::SIGTERM;
    Ok(added.wait(&Supervision {
        timeout: None,
        stop_signal,
        leaves_orphans: false,
        memory: None,
    })?)
}

impl Args {
    /// The workload's surroundings, with what was typed.
    fn process(&self, workload: &Process, context: &Context) -> Result<Process, Error> {
        let words = self.command.iter().cloned().map(OsStringExt::into_vec);
        let words = words.map(|word| config::c_string(word, "an argument"));
        let env = config::added_environment(&workload.env, &self.env_file, &self.env, context)?;
        let user = match &self.user {
            Some(user) => User { user: user.clone(), ..workload.user.clone() },
            None => workload.user.clone(),
        };
        Ok(Process {
            terminal: self.tty,
            stdin: self.interactive,
            init: false,
            args: words.collect::<Result<_, _>>()?,
            env,
            cwd: match &self.workdir {
                Some(directory) => config::directory(Some(directory.clone()))?,
                None => workload.cwd.clone(),
            },
            capabilities: match self.privileged {
                true => caps::all().into_iter().collect(),
                false => workload.capabilities.clone(),
            },
            user,
            ..workload.clone()
        })
    }
}
