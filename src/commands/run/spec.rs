//! From what was typed, and what the image says, to what is meant.

use std::{collections::HashMap, ffi::CString, fs, os::unix::ffi::OsStringExt, path::PathBuf};

use nix::{errno::Errno, sys::signal::Signal};

use super::{Args, PidMode, base::Base, files, network::Connection};
use crate::{
    commands::{
        Context,
        options::{
            NetworkMode, SecurityOption, Variable, read_env_file, resolve_capabilities,
            volume_source,
        },
    },
    error::Error,
    oci::{Capability, ContainerConfig, Mount, MountKind, Process, Seccomp, SmallFile, Spec, User},
    runtime::{domain::Domain, seccomp},
    storage::{SandboxDir, Store},
};

/// What docker searches if the image does not say.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

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

/// Twelve hexadecimal digits, as docker shortens its ids.
pub(super) fn new_id() -> Result<String, Error> {
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

pub(super) fn build(
    args: &Args,
    base: &Base,
    sandbox: &SandboxDir,
    store: &Store,
    domain: &Domain,
    connection: &Connection,
    context: &Context,
) -> Result<Spec, Error> {
    let id = sandbox.id().to_owned();
    let hostname = args.hostname.clone().unwrap_or_else(|| id.clone());
    let image = base.config();
    let process = process(args, &image, &hostname, context)?;
    let one_id = domain.plan().has_one_id();
    let hidden = !args.privileged;
    Ok(Spec {
        root: base.root_fs(store, sandbox, context)?,
        scratch: sandbox.path().into(),
        readonly_root: args.read_only,
        files: files(args, &hostname, connection, one_id)?,
        mounts: mounts(args)?,
        masked_paths: if hidden { MASKED.into() } else { Vec::new() },
        readonly_paths: if hidden { READONLY.into() } else { Vec::new() },
        shm_size: args.shm_size,
        host_network: args.network.mode == NetworkMode::Host,
        host_pids: args.pid == Some(PidMode::Host),
        seccomp: filter(args, &process.capabilities)?,
        fake_root: one_id,
        process,
        hostname,
        id,
    })
}

fn process(
    args: &Args,
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
        user: User { user, additional_groups: args.group_add.clone() },
        args: command(args, image)?,
        env: environment(args, image, hostname, context)?,
        cwd: directory(cwd.filter(|cwd| !cwd.is_empty()))?,
        capabilities: capabilities(args),
        rlimits: args.ulimit.iter().map(|ulimit| ulimit.0).collect(),
        no_new_privileges: no_new_privileges(args),
    })
}

/// Entrypoint and command: an entrypoint of the user's own drops the image's
/// command, which was meant for another program.
fn command(args: &Args, image: &ContainerConfig) -> Result<Vec<CString>, Error> {
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

fn c_string(bytes: impl Into<Vec<u8>>, what: &str) -> Result<CString, Error> {
    CString::new(bytes).map_err(|_| Error::usage(format!("{what} holds a NUL character")))
}

fn directory(cwd: Option<String>) -> Result<PathBuf, Error> {
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
    args: &Args,
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
    let files = args.env_file.iter().map(|file| read_env_file(file));
    let files = files.collect::<Result<Vec<_>, _>>().map_err(Error::usage)?;
    for variable in files.iter().flatten().chain(&args.env) {
        env.set_by_user(variable, context);
    }
    env.variables.into_iter().map(Environment::entry).collect()
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

fn capabilities(args: &Args) -> Vec<Capability> {
    match args.privileged {
        true => caps::all().into_iter().collect(),
        false => resolve_capabilities(&args.cap_add, &args.cap_drop),
    }
}

fn no_new_privileges(args: &Args) -> bool {
    let last = args.security_opt.iter().rev().find_map(|option| match option {
        SecurityOption::NoNewPrivileges(on) => Some(*on),
        _ => None,
    });
    last.unwrap_or(false)
}

/// The last `seccomp=` holds; without one, ours, unless privileged.
fn filter(args: &Args, capabilities: &[Capability]) -> Result<Option<Seccomp>, Error> {
    for option in args.security_opt.iter().rev() {
        match option {
            SecurityOption::SeccompUnconfined => return Ok(None),
            SecurityOption::SeccompProfile(path) => {
                let text = fs::read_to_string(path).map_err(|error| {
                    Error::usage(format!("cannot read {}: {error}", path.display()))
                })?;
                let profile = seccomp::profile(&text, capabilities)
                    .and_then(|profile| seccomp::check(&profile).map(|()| profile))
                    .map_err(|error| Error::usage(format!("{}: {error}", path.display())))?;
                return Ok(Some(profile));
            }
            _ => {}
        }
    }
    Ok((!args.privileged).then(|| seccomp::default_profile(capabilities)))
}

fn files(
    args: &Args,
    hostname: &str,
    connection: &Connection,
    one_id: bool,
) -> Result<Vec<SmallFile>, Error> {
    let mut files = files::etc(hostname, connection, &args.network)?;
    if one_id {
        files.push(files::apt_without_users());
    }
    Ok(files)
}

/// What covers a directory comes before what is mounted in it.
fn mounts(args: &Args) -> Result<Vec<Mount>, Error> {
    let tmpfs = args.tmpfs.iter().map(|option| &option.0);
    let mounts = args.mount.iter().map(|option| &option.0);
    let volumes = args.volume.iter().map(|option| &option.0);
    let mut all: Vec<Mount> = tmpfs.chain(mounts).chain(volumes).cloned().collect();
    all.sort_by_key(|mount| mount.destination.components().count());
    for mount in &mut all {
        if let MountKind::Bind { source } = &mut mount.kind {
            *source = volume_source(source)?;
        }
    }
    Ok(all)
}

/// The signal that asks the workload to end: the user's, the image's, or TERM.
pub(super) fn stop_signal(args: &Args, base: &Base) -> Result<Signal, Error> {
    let name = args.stop_signal.clone().or_else(|| base.config().stop_signal);
    let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(Signal::SIGTERM) };
    let upper = name.to_ascii_uppercase();
    let long = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
    let by_number = name.parse().ok().and_then(|number: i32| Signal::try_from(number).ok());
    by_number
        .or_else(|| long.parse().ok())
        .ok_or_else(|| Error::usage(format!("`{name}` is not a signal")))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
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
