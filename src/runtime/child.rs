//! The sandbox's side of the runtime: everything here runs as pid 1 inside.
//!
//! Nothing here prints. A failure goes to the parent, which has a terminal and
//! knows the user.

use std::{
    convert::Infallible,
    ffi::CString,
    fs,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
};

use nix::sched::CloneFlags;

use super::{
    command,
    domain::Plan,
    handshake::{ChildEnd, Failure},
    init,
    mounts::{self, Sources},
    privileges, rootfs, terminal,
    user::{self, Credentials},
};
use crate::{
    oci::{Process, Spec},
    sys::{self, Named},
};

/// Waits for the parent, then becomes the workload or says why not.
///
/// `pipes` are its standard streams, if it is not to have ours.
pub(super) fn main(spec: &Spec, ids: &Plan, pipes: Option<[OwnedFd; 3]>, parent: &ChildEnd) -> ! {
    let Err(failure) = become_workload(spec, ids, pipes, parent);
    parent.fail(&failure);
    // Nobody reads this code: the parent has the failure, or is gone.
    sys::process::exit(1)
}

/// The order matters: each step needs a privilege, or a view of the host, that
/// a later one gives up.
fn become_workload(
    spec: &Spec,
    ids: &Plan,
    pipes: Option<[OwnedFd; 3]>,
    parent: &ChildEnd,
) -> Result<Infallible, Failure> {
    sys::process::die_with_parent().map_err(Failure::setup("cannot tie the sandbox to us"))?;
    let ours = command::Identity::of_this_program();

    let slaves = mounts::take_slaves(spec)?;
    // No other volume goes on to show what the host mounts there later.
    sys::mount::make_private(Path::new("/"))
        .map_err(Failure::setup("cannot part from the host's mounts"))?;
    let mut sources = Sources::take(spec, slaves)?;
    let limits = privileges::Limits::of(spec, ids);
    let filter = limits.filter()?;
    parent.wait_for_ids().map_err(gone)?;
    if spec.confinement.cgroup.is_some() {
        sys::process::unshare(CloneFlags::CLONE_NEWCGROUP)
            .map_err(Failure::setup("cannot hide the host's cgroups"))?;
    }
    rootfs::mount(&spec.root, &spec.scratch)?;
    join(parent.wait_for_network().map_err(gone)?)?;
    sources.take_sys(spec)?;
    rootfs::enter(&spec.scratch)?;
    let streams = pipes.iter().flatten().map(AsFd::as_fd);
    let kept: Vec<_> = sources.descriptors().into_iter().chain(streams).collect();
    let_go_of_the_host(kept, parent)?;
    let volumes = sources.attach(spec, ids)?;
    set_hostname(&spec.hostname)?;

    let credentials = user::resolve(&spec.process.user)?;
    let session = match spec.process.terminal {
        true => Some(open_terminal(credentials.owner(spec.keep_id), true, parent)?),
        false => None,
    };
    if let Some(pipes) = &pipes {
        take_streams(pipes, credentials.owner(spec.keep_id))?;
    }
    if !spec.process.stdin && session.is_none() {
        sys::process::replace_stdio(&sources.null, 0)
            .map_err(Failure::setup("cannot set stdin"))?;
    }
    mounts::enter_directory(&spec.process.cwd, &volumes)
        .map_err(Failure::setup("cannot enter the working directory"))?;
    set_limits(&spec.process)?;

    parent.wait_for_start().map_err(gone)?;
    if spec.process.init {
        init::stay_in_front()?;
    }
    session.iter().try_for_each(terminal::take_over)?;
    limits.give_up(&credentials, filter)?;
    execute(&spec.process, &credentials, &ours, parent)
}

/// Closes what leads to the host's tree: by way of `/proc/self/fd`, the names of a
/// stranger could do so (CVE-2024-21626).
pub(super) fn let_go_of_the_host<'a>(
    mut kept: Vec<BorrowedFd<'a>>,
    parent: &'a ChildEnd,
) -> Result<(), Failure> {
    kept.push(parent.as_fd());
    sys::process::close_all_but(&kept).map_err(Failure::setup("cannot close descriptors"))
}

/// Joins the network namespace that the parent has made; none if it is the host's.
fn join(netns: Option<OwnedFd>) -> Result<(), Failure> {
    netns.iter().try_for_each(sys::net::join).map_err(Failure::setup("cannot join the network"))
}

pub(super) fn gone(errno: nix::errno::Errno) -> Failure {
    Failure::setup("the parent is gone")(sys::Error { call: "recv()".into(), errno })
}

fn set_hostname(name: &str) -> Result<(), Failure> {
    rustix::system::sethostname(name.as_bytes())
        .named(|| format!("sethostname({name:?})"))
        .map_err(Failure::setup("cannot set the host name"))
}

/// A terminal for the workload; the parent gets the other side.
pub(super) fn open_terminal(
    (owner, _): (u32, u32),
    is_console: bool,
    parent: &ChildEnd,
) -> Result<OwnedFd, Failure> {
    let pair = terminal::open(owner).map_err(Failure::setup("cannot make a terminal"))?;
    if is_console {
        mounts::attach_console(&pair.path).map_err(Failure::mount("/dev/console"))?;
    }
    parent.give_terminal(&pair.master).map_err(gone)?;
    Ok(pair.slave)
}

/// Makes `pipes` the standard streams; the workload may open them by name, as
/// `/dev/stdout`.
fn take_streams(pipes: &[OwnedFd; 3], (uid, gid): (u32, u32)) -> Result<(), Failure> {
    for (number, pipe) in pipes.iter().enumerate() {
        // With a single id there is nobody else to give them to.
        let _ = sys::fs::fchown(pipe, uid, gid);
        sys::process::replace_stdio(pipe, number as i32)
            .map_err(Failure::setup("cannot set the standard streams"))?;
    }
    Ok(())
}

pub(super) fn set_limits(process: &Process) -> Result<(), Failure> {
    process.rlimits.iter().try_for_each(|limit| {
        sys::process::set_limit(limit.resource, limit.soft, limit.hard)
            .map_err(Failure::setup("cannot set a resource limit"))
    })?;
    let Some(score) = process.oom_score_adj else { return Ok(()) };
    fs::write("/proc/self/oom_score_adj", score.to_string())
        .named(|| format!("write(\"/proc/self/oom_score_adj\", {score})"))
        .map_err(Failure::setup("cannot set how soon it ends when memory is short"))
}

/// The last step; all that was opened closes with it.
pub(super) fn execute(
    process: &Process,
    credentials: &Credentials,
    ours: &command::Identity,
    parent: &ChildEnd,
) -> Result<Infallible, Failure> {
    let env = environment(process, credentials);
    let path = command::find(&process.args[0], &env, ours)?;
    sys::process::close_on_exec_above_2().map_err(Failure::setup("cannot close descriptors"))?;
    sys::process::reset_signals();
    // Changing ids has undone this. If the parent died in between, nobody
    // would ever send the signal.
    sys::process::die_with_parent().map_err(Failure::setup("cannot tie the sandbox to us"))?;
    if parent.is_alone() {
        sys::process::exit(1);
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    Err(command::failure(&process.args[0], sys::process::exec(&path, &process.args, &env)))
}

/// The workload's variables; `HOME` is known only now.
fn environment(process: &Process, credentials: &Credentials) -> Vec<CString> {
    let mut env = process.env.clone();
    if !env.iter().any(|variable| variable.to_bytes().starts_with(b"HOME=")) {
        env.extend(CString::new(format!("HOME={}", credentials.home)));
    }
    env
}
