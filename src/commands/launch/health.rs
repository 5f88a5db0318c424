//! Checks the health of a sandbox, beside watching over it.
//!
//! A check is `sandbox exec`, started as a process of its own: the supervisor
//! never waits for it, and what it may do is what `exec` may.

use std::{
    io::{self, PipeReader, Read},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::process::CommandExt,
    },
    path::Path,
    process::{Child, Command, Stdio},
    time::{Instant, SystemTime},
};

use crate::{
    oci::{HealthCheck, HealthStatus, Probe, SandboxConfig, SandboxState, Status},
    runtime::Chore,
    storage::{SandboxDir, Store},
    sys::{self, time::rfc3339},
};

/// Bytes of a check's output that are kept, as in docker.
const KEPT: u64 = 4096;

/// The checks of one sandbox, which runs.
pub(super) struct Checker<'a> {
    check: &'a HealthCheck,
    id: &'a str,
    root: &'a Path,
    directory: &'a SandboxDir,
    pub(super) state: SandboxState,
    started: Instant,
    /// When to begin the next one.
    due: Instant,
    running: Option<Running>,
}

/// A check on its way.
struct Running {
    child: Child,
    /// None once it is not to be read any more.
    output: Option<PipeReader>,
    text: Vec<u8>,
    begun: SystemTime,
    deadline: Instant,
    /// Whether a failure counts: not if it began while the sandbox starts.
    counts: bool,
}

impl<'a> Checker<'a> {
    /// Begins with what is to be told before the first check.
    pub(super) fn new(
        check: &'a HealthCheck,
        config: &'a SandboxConfig,
        root: &'a Path,
        directory: &'a SandboxDir,
        state: SandboxState,
    ) -> Self {
        let started = Instant::now();
        let (id, due, running) = (config.id.as_str(), started, None);
        let mut checker = Self { check, id, root, directory, state, started, due, running };
        checker.due = started + checker.pause();
        checker
    }

    fn is_starting(&self) -> bool {
        let is_early = self.started.elapsed() < self.check.start_period;
        is_early && self.state.health.as_ref().is_none_or(|it| it.status == HealthStatus::Starting)
    }

    fn pause(&self) -> std::time::Duration {
        if self.is_starting() { self.check.start_interval } else { self.check.interval }
    }

    /// One that is held cannot answer.
    fn is_paused(&self) -> bool {
        let state = Store::unswept(self.root).sandbox(self.id).and_then(|sandbox| sandbox.state());
        state.is_ok_and(|state| state.status == Status::Paused)
    }

    fn begin(&mut self) {
        if self.is_paused() {
            self.due = Instant::now() + self.pause();
            return;
        }
        match self.start() {
            Ok(running) => self.running = Some(running),
            Err(error) => {
                let text = error.to_string();
                self.record(probe(SystemTime::now(), -1, text.as_bytes()), !self.is_starting());
            }
        }
    }

    fn start(&self) -> io::Result<Running> {
        let (output, writer) = io::pipe()?;
        sys::fs::set_nonblocking(&output).map_err(|error| io::Error::from(error.errno))?;
        let mut command = Command::new("/proc/self/exe");
        command.arg("--quiet").arg("--root").arg(self.root).args(["exec", self.id]);
        // Whoever types Ctrl-C does not mean it; and all of it can be killed at once.
        command.args(&self.check.command).process_group(0);
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        let deadline = Instant::now() + self.check.timeout;
        let (child, begun, text) = (command.spawn()?, SystemTime::now(), Vec::new());
        let counts = !self.is_starting();
        Ok(Running { child, output: Some(output), text, begun, deadline, counts })
    }

    fn record(&mut self, probe: Probe, counts: bool) {
        // What was held in the middle of it had no chance.
        if probe.exit_code == 0 || !self.is_paused() {
            let health = self.state.health.get_or_insert_default();
            health.add(probe, self.check.retries, counts);
            // A disk that is full is no reason to end the workload.
            let _ = self.directory.write_state(&self.state);
        }
        self.due = Instant::now() + self.pause();
    }
}

impl Chore for Checker<'_> {
    fn due(&self) -> Option<Instant> {
        Some(self.running.as_ref().map_or(self.due, |running| running.deadline))
    }

    fn source(&self) -> Option<BorrowedFd<'_>> {
        Some(self.running.as_ref()?.output.as_ref()?.as_fd())
    }

    fn work(&mut self) {
        match &mut self.running {
            Some(running) => {
                if let Some(probe) = running.outcome(self.check) {
                    let counts = running.counts;
                    self.running = None;
                    self.record(probe, counts);
                }
            }
            None if self.due <= Instant::now() => self.begin(),
            None => {}
        }
    }
}

impl Running {
    /// What has become of it; none while it goes on.
    fn outcome(&mut self, check: &HealthCheck) -> Option<Probe> {
        self.read();
        let code = match self.child.try_wait() {
            Ok(Some(status)) => status.code().unwrap_or(-1),
            Ok(None) if Instant::now() < self.deadline => return None,
            Ok(None) | Err(_) => {
                self.kill();
                self.read();
                let end =
                    if self.text.is_empty() || self.text.ends_with(b"\n") { "" } else { "\n" };
                let late = format!("{end}it took longer than {:?}", check.timeout);
                self.text.extend(late.as_bytes());
                -1
            }
        };
        self.read();
        Some(probe(self.begun, code, &self.text))
    }

    /// With whatever it has started.
    fn kill(&mut self) {
        let group = nix::unistd::Pid::from_raw(self.child.id() as i32);
        let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        let _ = self.child.wait();
    }

    /// Takes what it has written, and forgets what is too much.
    fn read(&mut self) {
        let Some(output) = &mut self.output else { return };
        let mut piece = [0; KEPT as usize];
        loop {
            match output.read(&mut piece) {
                Ok(0) => break self.output = None,
                Ok(length) => self.text.extend(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break, // Nothing more for now.
            }
            self.text.truncate(KEPT as usize);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.kill();
        }
    }
}

fn probe(begun: SystemTime, exit_code: i32, output: &[u8]) -> Probe {
    let output = String::from_utf8_lossy(output).into_owned();
    Probe { start: rfc3339(begun), end: rfc3339(SystemTime::now()), exit_code, output }
}
