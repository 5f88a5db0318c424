//! `--init`: a pid 1 that reaps orphans and passes signals on.
//!
//! A program that was not written as an init leaves zombies behind and is deaf
//! to signals that it does not handle: the kernel shields pid 1
//! (`pid_namespaces(7)`). This one stands in front: the workload becomes its
//! child and is killed as any process is.

use nix::{
    errno::Errno,
    sys::{
        signal::{SigSet, Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{ForkResult, Pid},
};

use super::handshake::Failure;
use crate::sys;

/// Splits in two: returns in the process that is to become the workload, and
/// never in the one that stays.
pub(super) fn stay_in_front() -> Result<(), Failure> {
    let everything = SigSet::all();
    let _ = everything.thread_block();
    match sys::process::fork().map_err(Failure::setup("cannot start the init"))? {
        ForkResult::Child => Ok(()),
        ForkResult::Parent { child } => {
            // This program's file is the host's: nobody inside may get at it
            // through /proc/1/exe (CVE-2019-5736).
            let hidden = sys::process::hide();
            // The socket too: only the workload's copy is to keep it open.
            let closed = sys::process::close_all_but(&[]);
            let ready = hidden.is_ok() && closed.is_ok();
            sys::process::exit(if ready { reap(child, &everything) } else { 125 })
        }
    }
}

/// Waits until `workload` has ended; its exit code, as a shell shows it.
fn reap(workload: Pid, signals: &SigSet) -> u8 {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == workload => return code as u8,
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == workload => {
                return 128 + signal as u8;
            }
            Ok(WaitStatus::StillAlive) => pass_on(workload, signals),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return 1, // ECHILD: somebody else reaped it.
        }
    }
}

fn pass_on(workload: Pid, signals: &SigSet) {
    match signals.wait() {
        Ok(Signal::SIGCHLD) | Err(_) => {}
        Ok(signal) => {
            let _ = kill(workload, signal);
        }
    }
}
