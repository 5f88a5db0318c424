//! The layer below all others: the mount points that every sandbox needs.
//!
//! Images often lack `/proc` or `/etc/hosts`. To make them in the upper
//! directory of each sandbox, and to remove them again, takes longer than to run
//! a small command; so they are made once, and whatever an image has by these
//! names lies above them.

use std::path::Path;

use crate::sys::{
    self, Named,
    fs::{Access, access, chmod, mkdir},
};

const DIRECTORIES: [&str; 4] = ["dev", "etc", "proc", "sys"];
const FILES: [&str; 3] = ["etc/hostname", "etc/hosts", "etc/resolv.conf"];

/// Makes the layer at `path`, unless it is there. Its last file is the sign
/// that it is whole; two processes may make it at the same time.
pub(super) fn ensure(path: &Path) -> sys::Result<()> {
    if access(&path.join(FILES[2]), Access::EXISTS).is_ok() {
        return Ok(());
    }
    directory(path)?;
    DIRECTORIES.iter().try_for_each(|name| directory(&path.join(name)))?;
    FILES.iter().try_for_each(|name| file(&path.join(name)))
}

fn directory(path: &Path) -> sys::Result<()> {
    match mkdir(path, 0o755) {
        Err(error) if error.errno == nix::errno::Errno::EEXIST => {}
        made => made?,
    }
    chmod(path, 0o755) // Whatever the umask.
}

fn file(path: &Path) -> sys::Result<()> {
    let made = std::fs::File::options().write(true).create(true).truncate(false).open(path);
    made.named(|| format!("open({path:?}, O_CREAT)"))?;
    chmod(path, 0o644)
}
