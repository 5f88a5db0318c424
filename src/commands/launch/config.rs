//! From what was typed, and what the image says, to what is meant.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ffi::CString,
    fs,
    os::unix::ffi::OsStringExt,
    path::PathBuf,
    time::SystemTime,
};

use nix::{errno::Errno, sys::signal::Signal};

use super::{base::Base, volumes};
use crate::{
    commands::{
        Context,
        options::{
            LogDriver, LogOption, NetworkMode, PidMode, SandboxArgs, SecurityOption, Variable,
            parse_signal, read_env_file, resolve_capabilities,
        },
    },
    error::Error,
    oci::{
        Capability, ContainerConfig, HealthCheck, LogOptions, MountRequest, Parameter, PidChoice,
        Process, SandboxConfig, SeccompChoice, User,
    },
    runtime::seccomp,
    sys::time::rfc3339,
};

/// What docker searches if the image does not say.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Twelve hexadecimal digits, as docker shortens its ids.
fn new_id() -> Result<String, Error> {
    let mut bytes = [0u8; 6];
    let filled = rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty());
    filled.map_err(|error| Error::System {
        step: "choose an id",
        source: crate::sys::Error {
            call: "getrandom(6)".into(),
            errno: Errno::from_raw(error.raw_os_error()),
        },
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

pub(in crate::commands) fn build(
    args: &SandboxArgs,
    base: &Base,
    is_kept: bool,
    context: &Context,
) -> Result<SandboxConfig, Error> {
    let id = new_id()?;
    let hostname = args.hostname.clone().unwrap_or_else(|| id.clone());
    let image = base.config();
    let process = process(args, &image, &hostname, context)?;
    let mounts = volumes::requests(args, &image, is_kept, context)?;
    let stays_if_changed = !is_kept && !args.rm && mounts.iter().any(MountRequest::is_cow);
    Ok(SandboxConfig {
        version: SandboxConfig::VERSION,
        name: args.name.clone(),
        created: rfc3339(SystemTime::now()),
        image: args.image.to_string(),
        base: base.record(),
        readonly_root: args.read_only,
        mounts,
        devices: args.devices(),
        privileged: args.privileged,
        shm_size: args.shm_size,
        pids: pids(args),
        resources: args.limits.resources()?,
        parameters: parameters(args)?,
        seccomp: filter(args, &process.capabilities)?,
        network: args.network.words(),
        exposed_ports: exposed_ports(args, &image),
        labels: labels(args, &image)?,
        stop_signal: stop_signal(args, &image)? as i32,
        stop_timeout: args.stop_timeout,
        timeout: args.timeout.map(|timeout| timeout.as_secs_f64()),
        auto_remove: !is_kept && !stays_if_changed,
        stays_if_changed,
        log: log_options(args),
        health: health(args, &image),
        keep_id: None,
        process,
        hostname,
        id,
    })
}

/// The image's, then those of files, then what was typed.
fn labels(args: &SandboxArgs, image: &ContainerConfig) -> Result<BTreeMap<String, String>, Error> {
    let mut labels = image.labels.clone().unwrap_or_default();
    for file in &args.label_file {
        let listed = read_env_file(file).map_err(Error::usage)?;
        labels.extend(listed.into_iter().map(|line| (line.name, line.value.unwrap_or_default())));
    }
    let typed = args.label.iter().map(|label| label.split_once('=').unwrap_or((label, "")));
    labels.extend(typed.map(|(key, value)| (key.to_owned(), value.to_owned())));
    Ok(labels)
}

/// The image's and those that were typed, each once.
fn exposed_ports(args: &SandboxArgs, image: &ContainerConfig) -> Vec<String> {
    let of_image = image.exposed_ports.iter().flatten().map(|(port, _)| port);
    let all: BTreeSet<&String> = of_image.chain(&args.expose).collect();
    all.into_iter().cloned().collect()
}

/// Those of the network only where that is not somebody else's.
fn parameters(args: &SandboxArgs) -> Result<Vec<Parameter>, Error> {
    let parameters: Vec<_> = args.sysctl.iter().map(|sysctl| sysctl.0.clone()).collect();
    let of_network = parameters.iter().find(|parameter| parameter.name.starts_with("net"));
    let is_own = !matches!(args.network.mode(), NetworkMode::Host | NetworkMode::Sandbox(_));
    match of_network {
        Some(Parameter { name, .. }) if !is_own => Err(Error::usage(format!(
            "--sysctl {name}: the network is not the sandbox's own, and so not its to change"
        ))),
        _ => Ok(parameters),
    }
}

/// The image's, with what was typed instead.
fn health(args: &SandboxArgs, image: &ContainerConfig) -> Option<HealthCheck> {
    let shell = || vec!["/bin/sh".into(), "-c".into()];
    let shell = image.shell.clone().filter(|shell| !shell.is_empty()).unwrap_or_else(shell);
    image.healthcheck.clone().unwrap_or_default().overlaid(args.health.wanted()).check(&shell)
}

/// The last of each kind holds.
fn log_options(args: &SandboxArgs) -> LogOptions {
    let mut options = LogOptions { max_size: None, max_file: 1 };
    for option in &args.log_opt {
        match option {
            LogOption::MaxSize(size) => options.max_size = Some(*size),
            LogOption::MaxFile(count) => options.max_file = *count,
        }
    }
    if args.log_driver == LogDriver::None {
        options.max_file = 0;
    }
    options
}

fn process(
    args: &SandboxArgs,
    image: &ContainerConfig,
    hostname: &str,
    context: &Context,
) -> Result<Process, Error> {
    let user = args.user.clone().or_else(|| image.user.clone()).unwrap_or_default();
    let cwd = args.workdir.clone().or_else(|| image.working_dir.clone());
    Ok(Process {
        terminal: args.tty,
        stdin: args.interactive,
        init: args.init,
        user: user_of(user, args)?,
        args: command(args, image)?,
        env: environment(args, image, hostname, context)?,
        cwd: directory(cwd.filter(|cwd| !cwd.is_empty()))?,
        capabilities: capabilities(args),
        rlimits: args.ulimit.iter().map(|ulimit| ulimit.0).collect(),
        oom_score_adj: args.oom_score_adj,
        no_new_privileges: no_new_privileges(args),
    })
}

/// Those whom the caller belongs to are unknown inside, so there is no list in which
/// they could stand beside others.
fn user_of(user: String, args: &SandboxArgs) -> Result<User, Error> {
    let user = User { user, additional_groups: args.group_add.clone() };
    match user.keeps_groups() && user.additional_groups.len() > 1 {
        true => Err(Error::usage("keep-groups cannot be combined with other groups")),
        false => Ok(user),
    }
}

/// Entrypoint and command: an entrypoint of the user's own drops the image's
/// command, which was meant for another program.
fn command(args: &SandboxArgs, image: &ContainerConfig) -> Result<Vec<CString>, Error> {
    let text = |words: &Option<Vec<String>>| -> Vec<Vec<u8>> {
        words.iter().flatten().map(|word| word.clone().into_bytes()).collect()
    };
    let typed: Vec<Vec<u8>> = args.command.iter().cloned().map(OsStringExt::into_vec).collect();
    let entrypoint = match &args.entrypoint {
        Some(program) if program.is_empty() => Vec::new(),
        Some(program) => vec![program.clone().into_bytes()],
        None => text(&image.entrypoint),
    };
    let command = match typed.is_empty() && args.entrypoint.is_none() {
        true => text(&image.cmd),
        false => typed,
    };
    let words: Vec<Vec<u8>> = entrypoint.into_iter().chain(command).collect();
    if words.is_empty() {
        return Err(Error::usage_with_hint(
            "the image names no command to run",
            "write one after the image",
        ));
    }
    words.into_iter().map(|word| c_string(word, "an argument")).collect()
}

pub(in crate::commands) fn c_string(
    bytes: impl Into<Vec<u8>>,
    what: &str,
) -> Result<CString, Error> {
    CString::new(bytes).map_err(|_| Error::usage(format!("{what} holds a NUL character")))
}

pub(in crate::commands) fn directory(cwd: Option<String>) -> Result<PathBuf, Error> {
    let cwd = cwd.unwrap_or_else(|| "/".into());
    if !cwd.starts_with('/') || cwd.contains('\0') {
        let what =
            format!("the working directory `{}` is not an absolute path", cwd.escape_debug());
        return Err(Error::usage(what));
    }
    Ok(cwd.into())
}

/// The image's, then what we add, then the user's; the last of a name holds.
fn environment(
    args: &SandboxArgs,
    image: &ContainerConfig,
    hostname: &str,
    context: &Context,
) -> Result<Vec<CString>, Error> {
    let mut env = Environment::default();
    env.set("PATH", DEFAULT_PATH.as_bytes());
    env.set("HOSTNAME", hostname.as_bytes());
    if args.tty {
        env.set("TERM", b"xterm");
    }
    for entry in image.env.iter().flatten() {
        let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
        env.set(name, value.as_bytes());
    }
    env.add(&args.env_file, &args.env, context)?;
    env.entries()
}

/// What a workload has, and the user's for one more process.
pub(in crate::commands) fn added_environment(
    workload: &[CString],
    files: &[PathBuf],
    variables: &[Variable],
    context: &Context,
) -> Result<Vec<CString>, Error> {
    let entry = |entry: &CString| {
        let text = entry.to_string_lossy();
        let name = text.split('=').next().unwrap_or_default().to_owned();
        let value = entry.as_bytes().splitn(2, |byte| *byte == b'=').nth(1).unwrap_or_default();
        (name, value.to_owned())
    };
    let mut env = Environment::default();
    workload.iter().map(entry).for_each(|(name, value)| env.set(&name, &value));
    env.add(files, variables, context)?;
    env.entries()
}

/// Variables in the order in which they were first set.
#[derive(Default)]
struct Environment {
    variables: Vec<(String, Vec<u8>)>,
    /// Where each of them is: an image may have hundreds of thousands.
    places: HashMap<String, usize>,
}

impl Environment {
    fn set(&mut self, name: &str, value: &[u8]) {
        match self.places.get(name).and_then(|&place| self.variables.get_mut(place)) {
            Some((_, known)) => *known = value.into(),
            None => {
                self.places.insert(name.into(), self.variables.len());
                self.variables.push((name.into(), value.into()));
            }
        }
    }

    /// What files list, then what was typed.
    fn add(
        &mut self,
        files: &[PathBuf],
        variables: &[Variable],
        context: &Context,
    ) -> Result<(), Error> {
        let files = files.iter().map(|file| read_env_file(file));
        let files = files.collect::<Result<Vec<_>, _>>().map_err(Error::usage)?;
        for variable in files.iter().flatten().chain(variables) {
            self.set_by_user(variable, context);
        }
        Ok(())
    }

    fn entries(self) -> Result<Vec<CString>, Error> {
        self.variables.into_iter().map(Self::entry).collect()
    }

    /// A name alone takes the host's value, or nothing if the host has none.
    fn set_by_user(&mut self, variable: &Variable, context: &Context) {
        match &variable.value {
            Some(value) => self.set(&variable.name, value.as_bytes()),
            None => {
                if let Some(value) = context.config.variable(&variable.name) {
                    self.set(&variable.name, &value.into_vec());
                }
            }
        }
    }

    fn entry((name, value): (String, Vec<u8>)) -> Result<CString, Error> {
        c_string([name.as_bytes(), b"=", &value].concat(), "a variable")
    }
}

fn capabilities(args: &SandboxArgs) -> Vec<Capability> {
    match args.privileged {
        true => caps::all().into_iter().collect(),
        false => resolve_capabilities(&args.cap_add, &args.cap_drop),
    }
}

fn no_new_privileges(args: &SandboxArgs) -> bool {
    let last = args.security_opt.iter().rev().find_map(|option| match option {
        SecurityOption::NoNewPrivileges(on) => Some(*on),
        _ => None,
    });
    last.unwrap_or(false)
}

/// The last `seccomp=` holds; without one, ours, unless privileged.
fn filter(args: &SandboxArgs, capabilities: &[Capability]) -> Result<SeccompChoice, Error> {
    for option in args.security_opt.iter().rev() {
        match option {
            SecurityOption::SeccompUnconfined => return Ok(SeccompChoice::Unconfined),
            SecurityOption::SeccompProfile(path) => {
                let text = fs::read_to_string(path).map_err(|error| {
                    Error::usage(format!("cannot read {}: {error}", path.display()))
                })?;
                let profile = seccomp::profile(&text, capabilities)
                    .and_then(|profile| seccomp::check(&profile).map(|()| profile))
                    .map_err(|error| Error::usage(format!("{}: {error}", path.display())))?;
                return Ok(SeccompChoice::Profile(profile));
            }
            _ => {}
        }
    }
    Ok(if args.privileged { SeccompChoice::Unconfined } else { SeccompChoice::Default })
}

pub(in crate::commands) fn pids(args: &SandboxArgs) -> PidChoice {
    match &args.pid {
        None => PidChoice::Own,
        Some(PidMode::Host) => PidChoice::Host,
        Some(PidMode::Sandbox(name)) => PidChoice::Sandbox(name.clone()),
    }
}

/// The signal that asks the workload to end: the user's, the image's, or TERM.
fn stop_signal(args: &SandboxArgs, image: &ContainerConfig) -> Result<Signal, Error> {
    let name = args.stop_signal.clone().or_else(|| image.stop_signal.clone());
    let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(Signal::SIGTERM) };
    parse_signal(&name).map_err(Error::usage)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    #[command(disable_help_flag = true)]
    struct Line {
        #[command(flatten)]
        args: SandboxArgs,
    }

    fn words(line: &[&str], entrypoint: &[&str], cmd: &[&str]) -> Result<String, String> {
        let list = |words: &[&str]| Some(words.iter().map(|&word| word.into()).collect());
        let image =
            ContainerConfig { entrypoint: list(entrypoint), cmd: list(cmd), ..Default::default() };
        let args = Line::try_parse_from(["run"].iter().chain(line)).unwrap().args;
        let words = command(&args, &image).map_err(|error| error.to_string())?;
        Ok(words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn entrypoint_and_command_combine_as_in_docker() {
        type Words = &'static [&'static str];
        let cases: [(Words, Words, Words, &str); 9] = [
            (&["host"], &[], &["sh"], "sh"),
            (&["host"], &["init"], &["sh"], "init sh"),
            (&["host", "ls", "-l"], &["init"], &["sh"], "init ls -l"),
            (&["host", "ls", "-l"], &[], &["sh"], "ls -l"),
            (&["host", "--", "ls", "-l"], &[], &["sh"], "ls -l"),
            (&["host", "sh", "-c", "--", "x"], &[], &[], "sh -c -- x"),
            (&["--entrypoint", "cat", "host"], &["init"], &["sh"], "cat"),
            (&["--entrypoint", "cat", "host", "x"], &["init"], &["sh"], "cat x"),
            (&["--entrypoint", "", "host", "x"], &["init"], &["sh"], "x"),
        ];
        for (line, entrypoint, cmd, expected) in cases {
            assert_eq!(words(line, entrypoint, cmd), Ok(expected.into()), "{line:?}");
        }
        assert!(words(&["host"], &[], &[]).is_err());
        assert!(words(&["--entrypoint", "", "host"], &["init"], &["sh"]).is_err());
    }

    #[test]
    fn the_last_value_of_a_variable_holds_and_its_place_stays() {
        let mut env = Environment::default();
        env.set("PATH", b"/bin");
        env.set("A", b"1");
        env.set("PATH", b"/usr/bin");
        let entries: Vec<CString> =
            env.variables.into_iter().flat_map(Environment::entry).collect();
        assert_eq!(entries, [c"PATH=/usr/bin".into(), CString::from(c"A=1")]);
    }
}
