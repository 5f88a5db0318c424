//! `sandbox lock`: write down what references stand for.

mod file;
mod pin;

use std::path::{Path, PathBuf};

use self::file::{Entry, LockFile, Manifest};
pub(super) use self::pin::{Pin, pin};
use super::{Context, fetch::options, options::RegistryArgs};
use crate::{
    error::Error,
    image,
    oci::{ExitStatus, Name, Platform, Reference},
    ui::{self, Progress},
};

/// Record in sandbox.lock what images are, so that `run --locked` takes just those
///
/// Asks the registry which index or manifest each name stands for, and writes
/// their digests to sandbox.lock: the one in this directory or the nearest above
/// it, or else a new one here. Only manifests are fetched. Prints each name with
/// its digest, and with the old one if it stood for something else before.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Images to lock; with --check and --update, all that are locked if there
    /// is none
    #[arg(value_name = "IMAGE")]
    images: Vec<Reference>,

    /// Platform to lock them for, such as linux/arm64; may be repeated (every
    /// linux platform if it is not given)
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", conflicts_with = "check")]
    platform: Vec<Platform>,

    /// File to use instead of sandbox.lock
    #[arg(long, value_name = "FILE", alias = "lockfile")]
    file: Option<PathBuf>,

    /// Change nothing; print what names stand for something else by now, and
    /// exit with 1 if one does
    #[arg(long)]
    check: bool,

    /// Look up again what is locked, for the same platforms
    #[arg(long, conflicts_with = "check")]
    update: bool,

    /// Whether to insist on HTTPS with a certificate that can be verified
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    tls_verify: bool,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<ExitStatus, Error> {
    context.online("lock an image")?;
    let path = args.path()?;
    let old = LockFile::read(&path)?;
    let wanted = args.wanted(old.as_ref(), &path, context)?;
    let mut entries = Vec::new();
    for (reference, platforms) in wanted {
        entries.push(args.look_up(reference, platforms, context)?);
    }
    let is_moved = report(old.as_ref(), &entries, args.check)?;
    if args.check {
        return Ok(ExitStatus::Exited(u8::from(is_moved)));
    }
    LockFile::put(&path, entries)?;
    if args.file.is_none() && path != file::here()? {
        context.ui.note(&format!("the lock is {}", path.display()));
    }
    Ok(ExitStatus::Exited(0))
}

impl Args {
    fn path(&self) -> Result<PathBuf, Error> {
        match &self.file {
            Some(path) => Ok(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
            None => file::find()?.map_or_else(file::here, Ok),
        }
    }

    /// The names to look up, each once, with their platforms.
    fn wanted(
        &self,
        old: Option<&LockFile>,
        path: &Path,
        context: &Context,
    ) -> Result<Vec<(Name, Vec<Platform>)>, Error> {
        let mut names: Vec<Name> = Vec::new();
        for image in &self.images {
            let name = context.config.registries.complete_name(pin::lockable(image)?);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if !self.check && !self.update {
            return match names.as_slice() {
                [] => Err(no_image()),
                names => Ok(names.iter().map(|n| (n.clone(), self.platform.clone())).collect()),
            };
        }
        let old = old.ok_or_else(|| pin::no_lock(path))?;
        let entry = |name: &Name| old.entry(name).ok_or_else(|| pin::not_in(name, path));
        let entries: Vec<&Entry> = match names.as_slice() {
            [] => old.images.iter().collect(),
            names => names.iter().map(entry).collect::<Result<_, _>>()?,
        };
        let platforms = |entry: &Entry| match self.platform.is_empty() {
            true => entry.platforms.clone(),
            false => self.platform.clone(),
        };
        Ok(entries.iter().map(|&e| (e.reference.clone(), platforms(e))).collect())
    }

    fn look_up(
        &self,
        reference: Name,
        platforms: Vec<Platform>,
        context: &Context,
    ) -> Result<Entry, Error> {
        let registry = RegistryArgs::new(self.tls_verify);
        let options = options(&registry, "", context, &Progress::new(context.ui))?;
        let survey = image::survey(&reference, &platforms, &options)?;
        let image::Survey { root, manifests } = survey;
        Ok(Entry {
            reference,
            platforms,
            digest: root.digest,
            media_type: root.media_type,
            size: root.size,
            manifests: manifests.into_iter().filter_map(Manifest::new).collect(),
        })
    }
}

fn no_image() -> Error {
    Error::usage_with_hint(
        "there is no image to lock",
        "name one, or use `--update` or `--check` for all that are locked",
    )
}

/// Prints what was found, or only what has changed; true if anything has.
fn report(old: Option<&LockFile>, entries: &[Entry], only_moved: bool) -> Result<bool, Error> {
    let mut is_moved = false;
    for Entry { reference, digest, .. } in entries {
        let before = old.and_then(|old| old.entry(reference)).map(|entry| &entry.digest);
        match before.filter(|before| *before != digest) {
            Some(before) => {
                is_moved = true;
                ui::print(&format!("{reference} {before} → {digest}\n"))?;
            }
            None if only_moved => {}
            None => ui::print(&format!("{reference} {digest}\n"))?,
        }
    }
    Ok(is_moved)
}
