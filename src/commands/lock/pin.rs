//! `--locked`: the one image that a reference may stand for.
//!
//! It fails closed: what is not in the lock, or cannot be in one, is an error.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
};

use super::file::{self, Entry, FILE, LockFile};
use crate::{
    commands::{Context, options::LockedArgs},
    error::Error,
    hint::Hint,
    image,
    oci::{Digest, Name, Platform, Reference},
};

/// What a lock has for a reference and a platform.
#[derive(Debug)]
pub(in crate::commands) struct Pin {
    pub(in crate::commands) reference: Name,
    /// Of the manifest.
    pub(in crate::commands) digest: Digest,
    lock: PathBuf,
}

/// Looks up what may be run; none if nothing is locked.
///
/// # Errors
/// If there is no lock, or nothing in it for this image and platform.
pub(in crate::commands) fn pin(
    args: &LockedArgs,
    reference: &Reference,
    platform: Option<&Platform>,
    context: &Context,
) -> Result<Option<Pin>, Error> {
    if !args.locked && args.lockfile.is_none() && !context.config.locked {
        return Ok(None);
    }
    let reference = context.config.registries.complete_name(lockable(reference)?);
    let path = match &args.lockfile {
        Some(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()),
        None => found()?,
    };
    let Some(lock) = LockFile::read(&path)? else { return Err(no_lock(&path)) };
    let pin = look_up(&lock, &path, &reference, platform.unwrap_or(&Platform::host()))?;
    context.ui.detail(&format!("{}: {} is {}", path.display(), pin.reference, pin.digest));
    Ok(Some(pin))
}

/// The name, if it is one that a lock can hold: what it stands for is for its
/// registry to change, and found there again by its digest.
pub(super) fn lockable(reference: &Reference) -> Result<&Name, Error> {
    let written = match (reference, reference.id()) {
        (Reference::Registry(name), None) => return Ok(name),
        (_, Some(id)) => id.to_string(),
        (other, None) => other.to_string(),
    };
    Err(Error::usage_with_hint(
        format!("`{written}` cannot be locked"),
        "only the name of an image in a registry can",
    ))
}

/// The lock that is in force where we are.
fn found() -> Result<PathBuf, Error> {
    file::find()?.ok_or_else(|| {
        Error::usage_with_hint(
            format!("there is no {FILE} here or in a directory above"),
            "`sandbox lock IMAGE` makes one",
        )
    })
}

pub(super) fn no_lock(path: &Path) -> Error {
    Error::usage_with_hint(
        format!("there is no {}", path.display()),
        format!("{} makes one", command("IMAGE", path)),
    )
}

pub(super) fn not_in(reference: &Name, path: &Path) -> Error {
    Error::usage_with_hint(
        format!("`{reference}` is not in {}", path.display()),
        format!("{} adds it", command(reference, path)),
    )
}

/// The command that changes this lock, as a hint says it.
fn command(what: impl Display, path: &Path) -> String {
    let is_usual = file::find().is_ok_and(|found| found.is_none_or(|found| found == path));
    match is_usual && path.ends_with(FILE) {
        true => format!("`sandbox lock {what}`"),
        false => format!("`sandbox lock --file {} {what}`", path.display()),
    }
}

fn look_up(
    lock: &LockFile,
    path: &Path,
    reference: &Name,
    wanted: &Platform,
) -> Result<Pin, Error> {
    let entry = lock.entry(reference).ok_or_else(|| not_in(reference, path))?;
    let manifest = entry.manifest(wanted).ok_or_else(|| other_platform(entry, path, wanted))?;
    Ok(Pin { reference: reference.clone(), digest: manifest.digest.clone(), lock: path.into() })
}

fn other_platform(entry: &Entry, path: &Path, wanted: &Platform) -> Error {
    let reference = &entry.reference;
    let there: Vec<_> = entry.manifests.iter().map(|m| m.platform.to_string()).collect();
    let (file, there) = (path.display(), there.join(", "));
    let what = format!("`{reference}` is not in {file} for {wanted}, but for: {there}");
    match entry.platforms.is_empty() {
        true => Error::usage(what),
        false => {
            let command = command(reference, path);
            let hint = format!("{command} locks it for every platform that it has");
            Error::usage_with_hint(what, hint)
        }
    }
}

impl Pin {
    /// The reference by which just this image is fetched.
    pub(in crate::commands) fn exact(&self) -> Name {
        Name { digest: Some(self.digest.clone()), ..self.reference.clone() }
    }

    /// Checks that what was found is what was locked: a digest may also be one
    /// of an index, which leads to something else.
    pub(in crate::commands) fn verify(&self, actual: &Digest) -> Result<(), image::Error> {
        if *actual == self.digest {
            return Ok(());
        }
        let (expected, actual) = (self.digest.clone(), actual.clone());
        Err(image::Error::DigestMismatch { expected, actual })
    }

    /// Says that an image could not be had because it had to be just this one.
    pub(in crate::commands) fn explain(&self, error: Error) -> Error {
        let Error::Image(source) = error else { return error };
        let (name, path) = (&self.reference, self.lock.display());
        let hint = match &source {
            image::Error::NotFound { .. } | image::Error::BlobMissing { .. } => Some(format!(
                "the registry has it no longer; {} takes what it has now",
                command(name, &self.lock)
            )),
            image::Error::DigestMismatch { .. } => Some(format!(
                "what {} or a proxy before it sends is not what was locked; \
                 reach it another way, or lock the image again",
                name.registry
            )),
            other => other.hint(),
        };
        let what = format!("cannot get `{name}` as {path} has it");
        Error::Pinned { what, hint, source: source.into() }
    }
}
