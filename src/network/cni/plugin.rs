//! One call of one plugin (CNI specification, section 2).
//!
//! A plugin is a program of somebody else: it may hang, write without end, or write
//! rubbish. It has a time after which it is killed with all its children, and what
//! it says is read up to a length.

use std::{
    fs::File,
    io::{Seek, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::{fs::PermissionsExt, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use rustix::fs::MemfdFlags;
use serde_json::Value;

use super::{Error, result::Failure};
use crate::sys;

/// In bytes; answers have a few hundred.
const LONGEST: usize = 1 << 20;
/// How much of what is not understood is shown, in characters.
const SHOWN: usize = 200;
/// Where plugins find their helpers, such as iptables.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a plugin is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Add,
    Check,
    Del,
    Gc,
    Status,
    Version,
}

impl Verb {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Check => "CHECK",
            Self::Del => "DEL",
            Self::Gc => "GC",
            Self::Status => "STATUS",
            Self::Version => "VERSION",
        }
    }
}

/// Whom it is about.
#[derive(Debug, Clone, Default)]
pub(super) struct Target {
    pub(super) container: String,
    /// Nothing if it is gone.
    pub(super) netns: PathBuf,
    pub(super) interface: String,
}

/// Where plugins are, and how long they may take.
#[derive(Debug, Clone)]
pub struct Plugins {
    pub directories: Vec<PathBuf>,
    pub limit: Duration,
}

impl Plugins {
    /// The program of a plugin.
    ///
    /// # Errors
    /// [`Error::NoPlugin`]
    pub(super) fn find(&self, kind: &str) -> Result<PathBuf, Error> {
        let is_program = |path: &PathBuf| {
            path.metadata()
                .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        };
        let places = self.directories.iter();
        places.clone().map(|place| place.join(kind)).find(is_program).ok_or_else(|| {
            Error::NoPlugin {
                plugin: kind.into(),
                places: places.map(|path| path.display().to_string()).collect(),
            }
        })
    }

    /// Calls it, and gives what it answers: null for nothing.
    ///
    /// # Errors
    /// [`Error::Failed`] with its own words, or what it did instead of answering.
    pub(super) fn call(
        &self,
        kind: &str,
        verb: Verb,
        target: &Target,
        conf: &Value,
    ) -> Result<Value, Error> {
        let program = self.find(kind)?;
        let failed =
            |what: String| Error::Plugin { plugin: kind.into(), verb: verb.as_str(), what };
        let output = self
            .run(&program, verb, target, conf)
            .map_err(|error| failed(error.to_string()))?
            .map_err(failed)?;
        let answer = serde_json::from_slice(&output.said);
        if output.succeeded {
            let nothing = output.said.iter().all(u8::is_ascii_whitespace);
            return match answer {
                Ok(answer) => Ok(answer),
                Err(_) if nothing && verb != Verb::Add && verb != Verb::Version => Ok(Value::Null),
                Err(_) => Err(failed(output.describe("said what cannot be understood"))),
            };
        }
        match answer.ok().and_then(|answer: Value| serde_json::from_value(answer).ok()) {
            Some(failure) => Err(said(kind, verb, failure)),
            None => Err(failed(output.describe("failed"))),
        }
    }

    /// The inner error is what it did wrong, the outer one what the system says.
    fn run(
        &self,
        program: &Path,
        verb: Verb,
        target: &Target,
        conf: &Value,
    ) -> std::io::Result<Result<Output, String>> {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs([("PATH", PATH), ("CNI_COMMAND", verb.as_str()), ("CNI_ARGS", "")])
            .env("CNI_CONTAINERID", &target.container)
            .env("CNI_NETNS", &target.netns)
            .env("CNI_IFNAME", &target.interface)
            .env("CNI_PATH", join(&self.directories))
            .current_dir("/")
            // Read from a file, it cannot keep us waiting for it to read.
            .stdin(file_of(conf.to_string().as_bytes())?)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        sys::process::dies_with_parent(&mut command);
        let child = command.spawn()?;
        Ok(Watched { child, began: Instant::now(), limit: self.limit }.finish())
    }
}

fn said(kind: &str, verb: Verb, failure: Failure) -> Error {
    let Failure { code, msg, details } = failure;
    let details = Some(details).filter(|details| !details.is_empty());
    let words = details.map_or(msg.clone(), |details| format!("{msg}: {details}"));
    Error::Failed { plugin: kind.into(), verb: verb.as_str(), code, words }
}

fn join(directories: &[PathBuf]) -> String {
    let all: Vec<_> = directories.iter().map(|path| path.to_string_lossy()).collect();
    all.join(":")
}

fn file_of(bytes: &[u8]) -> std::io::Result<File> {
    let mut file: File = rustix::fs::memfd_create("cni", MemfdFlags::CLOEXEC)?.into();
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

#[derive(Debug, Default)]
struct Output {
    succeeded: bool,
    said: Vec<u8>,
    complained: Vec<u8>,
}

impl Output {
    fn describe(&self, what: &str) -> String {
        let shown = |bytes: &[u8]| -> String {
            let text = String::from_utf8_lossy(bytes);
            // Nothing that a terminal would obey.
            let printable = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
            printable.take(SHOWN).collect()
        };
        let all = [shown(&self.said), shown(&self.complained)];
        let words: Vec<_> = all.into_iter().filter(|text| !text.is_empty()).collect();
        if words.is_empty() { what.into() } else { format!("{what}: {}", words.join("; ")) }
    }
}

/// A plugin that runs, and does not outlive this value.
struct Watched {
    child: Child,
    began: Instant,
    limit: Duration,
}

impl Watched {
    fn finish(mut self) -> Result<Output, String> {
        let mut output = Output::default();
        let watched = self.watch(&mut output);
        if watched.is_err() {
            self.kill();
        }
        let status = self.child.wait().map_err(|error| error.to_string());
        watched?;
        output.succeeded = status?.success();
        Ok(output)
    }

    /// Reads until it has ended. Whoever else has its output open is not waited for.
    fn watch(&mut self, output: &mut Output) -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let process =
            sys::process::open_process(self.child.id().cast_signed()).map_err(|e| text(&e))?;
        let (mut said, mut complained) = (self.child.stdout.take(), self.child.stderr.take());
        for pipe in [said.as_ref().map(AsFd::as_fd), complained.as_ref().map(AsFd::as_fd)] {
            pipe.map(sys::fs::set_nonblocking).transpose().map_err(|e| text(&e))?;
        }
        loop {
            let open = [said.as_ref().map(AsFd::as_fd), complained.as_ref().map(AsFd::as_fd)];
            let has_ended = self.wait(process.as_fd(), open)?;
            said = said.filter(|pipe| drain(pipe, &mut output.said));
            complained = complained.filter(|pipe| drain(pipe, &mut output.complained));
            if output.said.len().max(output.complained.len()) > LONGEST {
                return Err("says too much, and was killed".into());
            }
            if has_ended {
                return Ok(());
            }
        }
    }

    /// Waits until there is something to read, or it has ended: true.
    fn wait(
        &self,
        process: BorrowedFd<'_>,
        pipes: [Option<BorrowedFd<'_>>; 2],
    ) -> Result<bool, String> {
        let left = self.limit.saturating_sub(self.began.elapsed());
        if left.is_zero() {
            return Err(format!("did not end within {} s, and was killed", self.limit.as_secs()));
        }
        let fds = std::iter::once(process).chain(pipes.into_iter().flatten());
        let mut fds: Vec<PollFd<'_>> = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, left) {
            Ok(_) | Err(Errno::EINTR) => Ok(fds[0].any().unwrap_or(false)),
            Err(errno) => Err(errno.to_string()),
        }
    }

    fn kill(&mut self) {
        // It leads a group, in which are the plugins that it has called.
        let _ = killpg(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGKILL);
        let _ = self.child.kill();
    }
}

/// Reads what is there; whether there may be more later.
fn drain(pipe: &impl AsFd, into: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 4096];
    while into.len() <= LONGEST {
        match rustix::io::read(pipe, &mut buffer) {
            Ok(0) => return false,
            Ok(count) => into.extend(&buffer[..count]),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => return true,
            Err(_) => return false,
        }
    }
    true
}
