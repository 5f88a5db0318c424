//! The directories of the host that a sandbox sees copy-on-write, as people name what is
//! in them.

use std::path::{Component, Path, PathBuf};

use super::{
    Context,
    find::{self, Found},
};
use crate::{
    error::Error,
    oci::MountSource,
    storage::{Cow, SandboxDir, Store},
    sys,
};

use super::launch::volumes;

/// One of them.
#[derive(Debug)]
pub(super) struct Shown {
    /// Where it is inside.
    pub(super) destination: PathBuf,
    pub(super) cow: Cow,
}

/// All of them that the sandbox has seen.
pub(super) fn all(found: &Found) -> Result<Vec<Shown>, Error> {
    let mut all = Vec::new();
    for (number, mount) in found.config.copied_on_write() {
        let MountSource::Bind { source, .. } = &mount.kind else { continue };
        let destination = &mount.destination;
        let others = found.config.mounts.iter().map(|other| &other.destination);
        let within = others.filter_map(|other| other.strip_prefix(destination).ok());
        let within = within.filter(|path| !path.as_os_str().is_empty()).map(Path::to_path_buf);
        let cow = found.stored.copied_on_write(number, source, within.collect())?;
        all.extend(cow.map(|cow| Shown { destination: destination.clone(), cow }));
    }
    Ok(all)
}

/// The same of a sandbox that has at least one.
pub(super) fn some(found: &Found) -> Result<Vec<Shown>, Error> {
    let all = all(found)?;
    match all.is_empty() {
        false => Ok(all),
        true => Err(Error::usage_with_hint(
            format!("{} has seen nothing copy-on-write", found.config.display_name()),
            "`sandbox run -v DIR:DST:cow` shows it a directory like that",
        )),
    }
}

/// Why nobody removes it who has not named it.
pub(super) fn spared(name: &str) -> String {
    format!(
        "{name} stays, as it holds changes of files of the host: `sandbox apply {name}` takes \
         them over, `sandbox discard {name}` drops them"
    )
}

/// Keeps a sandbox from being started; it must not run.
pub(super) fn hold(found: &Found) -> Result<SandboxDir, Error> {
    let name = found.config.display_name();
    if found.state()?.is_alive() {
        let hint = format!("`sandbox stop {name}` ends it");
        return Err(Error::usage_with_hint(format!("{name} runs"), hint));
    }
    find::take(&found.stored)
}

/// Refuses what may have been lost when the machine stopped: it was not synced yet.
pub(super) fn check_whole(found: &Found, all: &[Shown], force: bool) -> Result<(), Error> {
    let boot = found.stored.state()?.boot;
    let is_other = boot.is_some() && boot != sys::kernel::boot_id();
    if force || !is_other || all.iter().all(|shown| shown.cow.is_synced()) {
        return Ok(());
    }
    let what = "the machine was stopped while the sandbox ran: files may be empty or half written";
    Err(Error::usage_with_hint(
        what,
        "look at them with `sandbox diff --patch`, then add `--force`",
    ))
}

/// What was named, sorted by where it is; without names, everything.
pub(super) fn choose<'a>(
    all: &'a [Shown],
    typed: &[PathBuf],
) -> Result<Vec<(&'a Shown, Vec<PathBuf>)>, Error> {
    if typed.is_empty() {
        return Ok(all.iter().map(|shown| (shown, Vec::new())).collect());
    }
    let named: Vec<_> = typed.iter().map(|path| place(all, path)).collect::<Result<_, _>>()?;
    let mut chosen = Vec::new();
    for (number, shown) in all.iter().enumerate() {
        let here = named.iter().filter(|(other, _)| *other == number);
        let paths: Vec<PathBuf> = here.map(|(_, path)| path.clone()).collect();
        if paths.iter().any(|path| path.as_os_str().is_empty()) {
            chosen.push((shown, Vec::new())); // The directory itself: all of it.
        } else if !paths.is_empty() {
            chosen.push((shown, paths));
        }
    }
    Ok(chosen)
}

/// In which of them a path is, and where there: one that is absolute is meant as inside,
/// any other from the only one that there is.
fn place(all: &[Shown], path: &Path) -> Result<(usize, PathBuf), Error> {
    let wrong = |why: &str| Error::usage(format!("{} {why}", path.display()));
    if path.components().any(|step| step == Component::ParentDir) {
        return Err(wrong("leads up by `..`"));
    }
    let path: PathBuf = path.components().filter(|step| *step != Component::CurDir).collect();
    if path.is_relative() {
        return match all.len() {
            1 => Ok((0, path)),
            _ => Err(wrong("may be in several directories: name it as inside")),
        };
    }
    let places = all.iter().enumerate().filter_map(|(number, shown)| {
        let path = path.strip_prefix(&shown.destination).ok()?;
        Some((number, path.to_path_buf()))
    });
    let inmost = places.min_by_key(|(_, path)| path.components().count());
    inmost.ok_or_else(|| wrong("is in no directory that is seen copy-on-write"))
}

/// One that stayed only for what it had changed goes when nothing of that is left.
pub(super) fn finish(
    found: &Found,
    all: &[Shown],
    held: SandboxDir,
    store: &Store,
    context: &Context,
) -> Result<(), Error> {
    if !found.config.stays_if_changed {
        return Ok(());
    }
    for shown in all {
        if !shown.cow.is_unchanged()? {
            return Ok(());
        }
    }
    held.remove()?;
    volumes::forget(&found.config, store, context)
}
