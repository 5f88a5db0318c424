//! `sandbox domain exec`: a program of the host's that may mount.

use std::{ffi::OsString, os::unix::process::CommandExt, process};

use nix::{errno::Errno, sched::CloneFlags};

use crate::{commands::Context, error::Error, runtime, sys};

/// Run a program of the host as root of a domain, where it may mount
///
/// It sees the host's files, and what it mounts nobody sees but itself, what it starts,
/// and the sandboxes to which it hands that over as a CSI driver. File systems that the
/// kernel grants to ordinary users can be mounted: tmpfs, bind mounts, overlays, FUSE.
///
/// The exit code is that of the program; 125 if there can be no domain, 126 if the
/// program cannot be executed, 127 if it is not there.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Program, and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Returns only if that fails.
pub(super) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let mut domain = context.enter_own_domain()?;
    domain.settle()?;
    sys::process::unshare(CloneFlags::CLONE_NEWNS)
        .map_err(|source| Error::System { step: "make a mount namespace", source })?;
    let (program, words) = args.command.split_first().ok_or_else(|| Error::usage("no command"))?;
    let error = process::Command::new(program).args(words).exec();
    let command = program.to_string_lossy().into_owned();
    let errno = error.raw_os_error().map_or(Errno::ENOENT, Errno::from_raw);
    let source = sys::Error { call: format!("execvp({program:?})"), errno };
    Err(runtime::Error::Exec { command, source }.into())
}
