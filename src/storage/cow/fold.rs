//! Gives up in the upper directory what is alike on both sides.
//!
//! Such as what was carried to the host: the sandbox sees the host's again, and what
//! changes there.

use std::{os::fd::OwnedFd, path::Path};

use super::compare::{Walk, same_attributes, same_files, sorted};
use crate::{
    storage::{
        merged::{hides, is_opaque, there},
        remove::remove_tree,
    },
    sys::{
        self,
        fs::{entries, is_directory, open_directory_at, rmdir_at, stat_at, unlink_at},
    },
};

/// Goes through two directories that are the same one to the sandbox.
pub(super) fn fold(upper: &OwnedFd, host: &OwnedFd) -> sys::Result<()> {
    for name in sorted(upper)? {
        let name = Path::new(&name);
        let Some(new) = there(stat_at(upper, name))? else { continue };
        let old = there(stat_at(host, name))?;
        if hides(upper, name, &new)? {
            if old.is_none() {
                unlink_at(upper, name)?;
            }
            continue;
        }
        let Some(old) = old else { continue };
        match (is_directory(&new), is_directory(&old)) {
            (true, true) => fold_directory(upper, host, name)?,
            (false, false) if same_files((upper, &new), (host, &old), name)? => {
                unlink_at(upper, name)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// One that hides what the host has is given up as a whole, or not at all.
fn fold_directory(upper: &OwnedFd, host: &OwnedFd, name: &Path) -> sys::Result<()> {
    let (inner, below) = (open_directory_at(upper, name)?, open_directory_at(host, name)?);
    if is_opaque(&inner)? {
        let mut walk = Walk::new(&[]);
        let is_known = walk.directory(name, &inner, Some(&below)).is_ok();
        if is_known && walk.changes.is_empty() && same_attributes(&inner, &below)? {
            remove_tree(upper, name)?;
        }
        return Ok(());
    }
    fold(&inner, &below)?;
    if entries(&inner)?.is_empty() && same_attributes(&inner, &below)? {
        rmdir_at(upper, name)?;
    }
    Ok(())
}
