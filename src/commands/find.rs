//! Sandboxes by what people call them, and how it goes with them.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Context;
use crate::{
    error::Error,
    oci::{ExitStatus, PidChoice, ProcessId, SandboxConfig, SandboxState, Status},
    runtime::{attach, pause},
    storage::{self, SandboxDir, Store, StoredSandbox},
    sys,
};

/// A sandbox that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) stored: StoredSandbox,
    pub(super) config: SandboxConfig,
}

/// How it goes with a sandbox now.
#[derive(Debug, Clone)]
pub(super) struct Condition(pub(super) SandboxState);

impl Found {
    /// The sandbox of this name or id.
    pub(super) fn look(name: &str, context: &Context) -> Result<Self, Error> {
        let stored = Store::unswept(&context.config.root).sandbox(name)?;
        let config = stored.config()?;
        Ok(Self { stored, config })
    }

    /// All of them and how it goes with each, newest first; what is damaged is
    /// told, and left out.
    pub(super) fn all(context: &Context) -> Result<Vec<(Self, Condition)>, Error> {
        let mut all = Vec::new();
        for stored in Store::unswept(&context.config.root).sandboxes()? {
            match (stored.config(), stored.state()) {
                (Ok(config), Ok(state)) => {
                    all.push((Self { stored, config }, Condition::of(state)));
                }
                // It may have gone since, which is no news.
                (Err(error), _) | (_, Err(error)) if stored.path().exists() => {
                    context.ui.note(&error.to_string());
                }
                _ => {}
            }
        }
        all.sort_by(|(a, _), (b, _)| b.config.created.cmp(&a.config.created));
        Ok(all)
    }

    /// How it goes now, whatever was last written down.
    pub(super) fn state(&self) -> Result<Condition, Error> {
        Ok(Condition::of(self.stored.state()?))
    }

    /// Sends a signal to its workload.
    pub(super) fn signal(&self, signal: Signal) -> Result<(), Error> {
        let Condition(state) = self.state()?;
        let Some(supervisor) = state.supervisor.filter(|_| state.status != Status::Exited) else {
            return Err(Error::usage(format!("{} does not run", self.config.display_name())));
        };
        if attach::signal(self.stored.path(), signal).is_ok() {
            return Ok(());
        }
        // One in the foreground has no socket, and passes signals on.
        kill(Pid::from_raw(supervisor.pid), signal).map_err(|errno| Error::System {
            step: "send a signal",
            source: sys::Error { call: format!("kill({}, {signal})", supervisor.pid), errno },
        })
    }

    /// Waits until it does not run; false if that took too long.
    pub(super) fn wait(&self, longest: Option<Duration>) -> Result<bool, Error> {
        const PAUSE: Duration = Duration::from_millis(50);
        let deadline = longest.and_then(|longest| Instant::now().checked_add(longest));
        while let Some(supervisor) = self.supervisor() {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(false);
            }
            // It may be busy with its last words when the end has been written down.
            sys::process::wait_for_end(supervisor.pid, PAUSE);
        }
        Ok(true)
    }

    /// Who watches over it, while it runs.
    fn supervisor(&self) -> Option<ProcessId> {
        let Condition(state) = self.state().ok().filter(Condition::is_alive)?;
        state.supervisor
    }

    /// Asks it to end, if it runs.
    pub(super) fn ask_to_end(&self, signal: Signal) -> Result<(), Error> {
        match self.state()?.0.status {
            Status::Created | Status::Exited => Ok(()),
            Status::Running => self.signal(signal),
            Status::Paused => {
                self.unpause()?; // It could not obey.
                self.signal(signal)
            }
        }
    }

    /// Ends it if it does not end in time by itself.
    pub(super) fn end_after(&self, grace: Duration) -> Result<(), Error> {
        if self.wait(Some(grace))? { Ok(()) } else { self.kill() }
    }

    /// Ends it at once, together with a supervisor that does not answer.
    pub(super) fn kill(&self) -> Result<(), Error> {
        const PATIENCE: Duration = Duration::from_secs(3);
        let supervisor = self.state()?.0.supervisor;
        let _ = self.signal(Signal::SIGKILL);
        if !self.wait(Some(PATIENCE))?
            && let Some(supervisor) = supervisor.filter(|supervisor| is_alive(*supervisor))
        {
            let _ = kill(Pid::from_raw(supervisor.pid), Signal::SIGKILL);
            self.wait(None)?;
        }
        Ok(())
    }

    /// Holds all its processes still.
    pub(super) fn pause(&self, context: &Context) -> Result<(), Error> {
        let Condition(state) = self.state()?;
        let name = self.config.display_name();
        let (Some(workload), Status::Running) = (state.process, state.status) else {
            let what = format!("{name} cannot be paused: it is {}", state.status.as_str());
            return Err(Error::usage(what));
        };
        let cgroup = state.confinement.cgroup.as_deref();
        if self.config.pids != PidChoice::Own && cgroup.is_none() {
            let what = format!(
                "{name} cannot be paused: with `--pid` and no cgroup its processes cannot be \
                 told from others"
            );
            return Err(Error::usage(what));
        }
        let way = pause::hold(workload, cgroup)?;
        context.ui.detail(match way {
            pause::Way::Freezer => "frozen, as a cgroup",
            pause::Way::Signals => "each process stopped by SIGSTOP: it has no cgroup",
        });
        Ok(self.stored.mark_paused(workload)?)
    }

    /// Lets them go on.
    pub(super) fn unpause(&self) -> Result<(), Error> {
        let Condition(state) = self.state()?;
        let (Some(workload), Status::Paused) = (state.process, state.status) else {
            return Err(Error::usage(format!("{} is not paused", self.config.display_name())));
        };
        pause::release(workload, state.confinement.cgroup.as_deref())?;
        Ok(self.stored.unmark_paused()?)
    }

    /// The signal that asks it to end.
    pub(super) fn stop_signal(&self) -> Signal {
        Signal::try_from(self.config.stop_signal).unwrap_or(Signal::SIGTERM)
    }
}

/// Takes hold of a sandbox that does not run. Its last supervisor may need a
/// moment to go.
pub(super) fn take(stored: &StoredSandbox) -> Result<SandboxDir, Error> {
    const PATIENCE: Duration = Duration::from_secs(3);
    const PAUSE: Duration = Duration::from_millis(2);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match stored.take()? {
            Some(directory) => return Ok(directory),
            None if !stored.path().exists() => {
                return Err(storage::Error::NoSuchSandbox(stored.id().into()).into());
            }
            None if Instant::now() < deadline => std::thread::sleep(PAUSE),
            None => {
                let what = format!("{} is being started or removed by another", stored.id());
                return Err(Error::usage(what));
            }
        }
    }
}

impl Condition {
    /// What was written down may have been overtaken: a supervisor that was
    /// killed writes nothing, and its workload dies with it.
    fn of(state: SandboxState) -> Self {
        let lost = match state.status {
            Status::Created | Status::Exited => None,
            Status::Running | Status::Paused if is_of_earlier_boot(&state) => {
                Some("the machine was stopped while it ran")
            }
            Status::Running | Status::Paused => match state.supervisor {
                Some(supervisor) if is_alive(supervisor) => None,
                _ => Some("its supervisor was killed"),
            },
        };
        let Some(lost) = lost else { return Self(state) };
        Self(SandboxState {
            status: Status::Exited,
            supervisor: None,
            process: None,
            exit: state.exit.or(Some(ExitStatus::Signaled(Signal::SIGKILL as i32))),
            error: Some(lost.into()),
            ports: Vec::new(),
            addresses: Vec::new(),
            ..state
        })
    }

    pub(super) fn is_alive(&self) -> bool {
        matches!(self.0.status, Status::Running | Status::Paused)
    }
}

/// Its process ids may be those of others by now.
fn is_of_earlier_boot(state: &SandboxState) -> bool {
    let (then, now) = (state.boot.as_ref(), sys::kernel::boot_id());
    then.zip(now.as_ref()).is_some_and(|(then, now)| then != now)
}

fn is_alive(process: ProcessId) -> bool {
    sys::process::is_alive(process.pid, process.start_time)
}
