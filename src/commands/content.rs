//! What is in a sandbox: the files that it has, and what it has changed of them.

use std::{
    io::{self, PipeReader, PipeWriter},
    os::fd::OwnedFd,
    path::PathBuf,
    thread,
};

use nix::errno::Errno;

use super::{
    Context,
    find::{self, Condition, Found},
    launch::{base::Base, ids},
    map,
};
use crate::{
    error::Error,
    oci::{Overlay, RootFs, Status},
    runtime::{self, domain::Kind},
    storage::{self, Changes, Lower, Map, SandboxDir, Store},
    sys::Named,
};

/// What every sandbox gets from us (`launch/files.rs`, `runtime/mounts.rs`). To
/// mount it, a place for it may have been made.
const MOUNTED: [&str; 7] = [
    "/dev",
    "/etc/apt/apt.conf.d/99sandbox",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/proc",
    "/sys",
];

/// What a sandbox has changed.
///
/// # Errors
/// [`storage::Error::ChangesInMemory`] if that is nowhere on disk.
pub(super) fn changes(found: &Found, store: &Store) -> Result<Changes, Error> {
    let base = Base::again(&found.config.base, store)?;
    let lower = match &base {
        Base::Image(image) => Lower::Image(image),
        Base::Directory(path) => Lower::Directory(path),
        Base::Host => return Err(storage::Error::ChangesInMemory(found.stored.id().into()).into()),
    };
    Ok(store.changes(&found.stored, lower, found.config.keep_id, &mount_points(found)?)?)
}

fn mount_points(found: &Found) -> Result<Vec<PathBuf>, Error> {
    let requested = found.config.mounts.iter().map(|mount| mount.destination.clone());
    let Condition(state) = found.state()?;
    let devices = state.devices.all_mounts().map(|mount| mount.destination);
    Ok(MOUNTED.iter().map(PathBuf::from).chain(requested).chain(devices).collect())
}

/// The files of a sandbox, where they can be reached.
#[derive(Debug)]
pub(super) struct Within {
    pub(super) root: OwnedFd,
    pub(super) map: Map,
    pub(super) kind: Kind,
    /// Keeps others from starting it, if it does not run, and from removing its layers.
    _held: Option<(SandboxDir, Store)>,
}

/// Goes where the files of a sandbox are: to what it sees, if it runs, else to what
/// is on disk. Before anything else.
///
/// # Errors
/// [`storage::Error::ChangesInMemory`] if it does not run, and they are nowhere.
pub(super) fn enter(found: &Found, context: &Context) -> Result<Within, Error> {
    let Condition(state) = found.state()?;
    let processes = state.supervisor.zip(state.process);
    if let (Status::Running | Status::Paused, Some((supervisor, workload))) =
        (state.status, processes)
    {
        let domain = context.enter_domain_of(supervisor)?;
        let root = runtime::files::root_of(workload)?;
        return Ok(Within {
            root,
            map: map(&domain).keeping(found.config.keep_id),
            kind: domain.plan().kind.clone(),
            _held: None,
        });
    }
    let mut domain = context.enter_domain()?;
    domain.settle()?;
    let store = context.open_store(&domain)?;
    let directory = find::take(&found.stored)?;
    let base = Base::again(&found.config.base, &store)?;
    let store = ids::settle(&found.config, &base, store, &mut domain, context)?;
    let RootFs::Overlay(overlay @ Overlay { upper: Some(_), .. }) =
        base.root_fs(&store, &directory, context)?
    else {
        return Err(storage::Error::ChangesInMemory(found.stored.id().into()).into());
    };
    let root = runtime::files::mount(&overlay, directory.path())?;
    let kind = domain.plan().kind.clone();
    let map = map(&domain).keeping(found.config.keep_id);
    Ok(Within { root, map, kind, _held: Some((directory, store)) })
}

/// Passes a tar from the one who writes it to the one who reads it.
///
/// # Errors
/// Those of both; the writer's if both fail, unless nobody read what it wrote.
pub(super) fn pass<T: Send>(
    write: impl FnOnce(PipeWriter) -> Result<(), storage::Error>,
    read: impl FnOnce(PipeReader) -> Result<T, storage::Error> + Send,
) -> Result<T, Error> {
    let failed = |source| Error::System { step: "copy files", source };
    let (reader, writer) = io::pipe().named(|| "pipe2()".into()).map_err(failed)?;
    let (written, read) = thread::scope(|scope| {
        let reading = thread::Builder::new().spawn_scoped(scope, move || read(reader));
        let reading = reading.named(|| "clone(CLONE_THREAD)".into()).map_err(failed)?;
        let written = write(writer);
        Ok::<_, Error>((
            written,
            reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        ))
    })?;
    match written {
        Err(storage::Error::Copy { source, .. }) if source.errno == Errno::EPIPE => {}
        written => written?,
    }
    Ok(read?)
}
