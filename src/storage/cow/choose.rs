//! Which changes are meant.

use std::path::{Component, Path, PathBuf};

use super::{
    Cow, Flag,
    compare::Change,
    flagged::{flagged, is_gate},
};
use crate::{
    storage::{Difference, Error, merged::there, tree_tar::copy_error},
    sys::fs::{is_directory, is_symlink, read_link_at, stat_at},
};

/// What is to be carried, in order, and what is not.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub(super) changes: Vec<Change>,
    pub(super) left_out: Vec<Flag>,
    /// Paths that were named, and where nothing has changed.
    pub(super) unchanged: Vec<PathBuf>,
}

/// Chooses what is at these paths, or below, or all; a directory that has to be made for
/// it comes with it.
pub(super) fn choose(changes: Vec<Change>, paths: &[PathBuf], cow: &Cow) -> Result<Chosen, Error> {
    let mut chosen = Chosen::default();
    for path in paths {
        if !changes.iter().any(|change| change.path.starts_with(path)) {
            match deleted_with(path, &changes, cow)? {
                Some(change) => chosen.changes.push(change),
                None => chosen.unchanged.push(path.clone()),
            }
        }
    }
    for change in changes.into_iter().filter(|change| !change.is_way) {
        let is_named = paths.iter().any(|path| change.path.starts_with(path));
        let is_needed =
            || change.makes_directory() && paths.iter().any(|path| path.starts_with(&change.path));
        if !(paths.is_empty() || is_named || is_needed()) {
            continue;
        }
        match flag(&change, cow)? {
            Some(flag) if !flag.is_named(&change.path, paths) => chosen.left_out.push(flag),
            _ => chosen.changes.push(change),
        }
    }
    chosen.left_out.sort();
    chosen.left_out.dedup();
    Ok(chosen)
}

/// What is gone because a directory above is.
fn deleted_with(path: &Path, changes: &[Change], cow: &Cow) -> Result<Option<Change>, Error> {
    let is_above = |change: &&Change| {
        change.difference == Difference::Deleted && path.starts_with(&change.path)
    };
    if !changes.iter().any(|change| is_above(&change)) {
        return Ok(None);
    }
    let find = || match there(cow.on_host(path))? {
        Some((directory, name)) => there(stat_at(&directory, &name)),
        None => Ok(None),
    };
    let old = find().map_err(|source| copy_error(path, source))?;
    let (difference, path) = (Difference::Deleted, path.to_path_buf());
    Ok(old.map(|old| Change { difference, path, new: None, old: Some(old), is_way: false }))
}

fn flag(change: &Change, cow: &Cow) -> Result<Option<Flag>, Error> {
    if let Some(root) = flagged(&change.path) {
        return Ok(Some(Flag::Runs(root)));
    }
    let Some(new) = change.new.as_ref().filter(|_| change.difference != Difference::Deleted) else {
        return Ok(None);
    };
    if is_gate(&change.path) && !is_directory(new) {
        return Ok(Some(Flag::Runs(change.path.clone())));
    }
    if !is_symlink(new) {
        return Ok(None);
    }
    let target = cow.in_upper(&change.path).and_then(|(at, name)| read_link_at(at, &name));
    let target = target.map_err(|source| copy_error(&change.path, source))?;
    let leads_out = leads_out(&change.path, Path::new(&target));
    Ok(leads_out.then(|| Flag::LeadsOut(change.path.clone())))
}

/// Whether a link at `path` points out of the tree, other links left aside.
fn leads_out(path: &Path, target: &Path) -> bool {
    let mut depth = path.components().count().saturating_sub(1);
    for step in target.components() {
        match step {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir => match depth.checked_sub(1) {
                Some(above) => depth = above,
                None => return true,
            },
            Component::RootDir | Component::Prefix(_) => return true,
        }
    }
    false
}

impl Flag {
    /// The path to name, so that it is carried all the same.
    pub fn path(&self) -> &Path {
        match self {
            Self::Runs(path) | Self::LeadsOut(path) => path,
        }
    }

    /// Not by a directory above: who names that may not know what is in it.
    fn is_named(&self, path: &Path, paths: &[PathBuf]) -> bool {
        paths.iter().any(|named| path.starts_with(named) && named.starts_with(self.path()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_leaves_the_tree_is_told() {
        for (path, target, expected) in [
            ("a", "b", false),
            ("a", "../b", true),
            ("d/a", "../b", false),
            ("d/a", "../../b", true),
            ("d/a", "x/../../b", false),
            ("a", "/etc/passwd", true),
            ("a", "./b/../c", false),
        ] {
            assert_eq!(leads_out(Path::new(path), Path::new(target)), expected, "{path} {target}");
        }
    }
}
