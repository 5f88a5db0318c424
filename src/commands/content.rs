//! What is in a sandbox: the files that it has, and what it has changed of them.

use std::path::PathBuf;

use super::{find::Found, launch::base::Base};
use crate::{
    error::Error,
    storage::{self, Changes, Lower, Store},
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
    Ok(store.changes(&found.stored, lower, &mount_points(found))?)
}

fn mount_points(found: &Found) -> Vec<PathBuf> {
    let requested = found.config.mounts.iter().map(|mount| mount.destination.clone());
    MOUNTED.iter().map(PathBuf::from).chain(requested).collect()
}
