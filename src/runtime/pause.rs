//! Holding a sandbox still, and letting it go on.
//!
//! A cgroup is frozen by the kernel, which nobody inside notices or undoes
//! (`cgroups(7)`, "cgroup.freeze"). Without one, each process gets SIGSTOP: its
//! parent may notice, and a process that is being born while the others are
//! stopped is found by looking again. Either is done by the command that was typed:
//! root of a sandbox is, outside of it, the user whose sandbox it is.

use std::{path::Path, thread::sleep, time::Duration};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    Error,
    limits::cgroup,
    processes::{self, Entry},
};
use crate::{
    oci::ProcessId,
    sys::{self, Named},
};

/// How often to look for processes that still run, and with what pause.
const LOOKS: u32 = 200;
const PAUSE: Duration = Duration::from_millis(5);

/// How a sandbox was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As a cgroup.
    Freezer,
    /// Each process by a signal.
    Signals,
}

/// Holds all processes of the sandbox whose first one this is.
///
/// # Errors
/// [`Error::Hold`] if one of them does not stop; they go on then.
pub fn hold(workload: ProcessId, cgroup: Option<&Path>) -> Result<Way, Error> {
    let result = match cgroup {
        Some(cgroup) => cgroup::freeze(cgroup, true).map(|()| Way::Freezer),
        None => stop(workload).map(|()| Way::Signals),
    };
    result.map_err(|error| {
        let _ = release(workload, cgroup);
        Error::Hold(error)
    })
}

/// Lets them go on.
///
/// # Errors
/// [`Error::Hold`] if the kernel does not let us.
pub fn release(workload: ProcessId, cgroup: Option<&Path>) -> Result<(), Error> {
    match cgroup {
        Some(cgroup) => cgroup::freeze(cgroup, false).map_err(Error::Hold),
        None => {
            signal(&processes::of(workload), Signal::SIGCONT);
            Ok(())
        }
    }
}

fn stop(workload: ProcessId) -> sys::Result<()> {
    for _ in 0..LOOKS {
        let mut running = processes::of(workload);
        running.retain(|process| !matches!(process.state, 'T' | 't' | 'Z' | 'X'));
        if running.is_empty() {
            return Ok(());
        }
        signal(&running, Signal::SIGSTOP);
        sleep(PAUSE);
    }
    Err(Errno::ETIMEDOUT).named(|| format!("kill({}, SIGSTOP)", workload.pid))
}

fn signal(processes: &[Entry], signal: Signal) {
    for process in processes {
        let _ = kill(Pid::from_raw(process.pid), signal); // It may have ended.
    }
}
