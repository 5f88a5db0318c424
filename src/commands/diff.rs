//! `sandbox diff`: what a sandbox has changed.

use serde::Serialize;

mod patch;

use std::path::PathBuf;

use super::{
    Context, content,
    cow::{self, Shown},
    find::Found,
    options::Format,
};
use crate::{
    error::Error,
    storage::{self, Difference, FileChange, Store},
    ui,
};

/// Show which files a sandbox has added (A), changed (C) and deleted (D)
///
/// A directory counts as changed if anything in it is. What is mounted is none of
/// its own files, but for directories of the host's mounted with `:cow`: what the
/// sandbox has changed there is shown, too.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many lines of which files have changed below `:cow`
    #[arg(long, conflicts_with_all = ["patch", "format"])]
    stat: bool,

    /// Which lines have changed below `:cow`, as `git apply` takes it
    #[arg(short, long, conflicts_with = "format")]
    patch: bool,

    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// Sandbox to look into, by name or id
    #[arg(value_name = "SANDBOX")]
    sandbox: String,
}

/// The same by kind, as podman has it.
#[derive(Debug, Default, Serialize)]
struct ByKind {
    changed: Vec<String>,
    added: Vec<String>,
    deleted: Vec<String>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let found = Found::look(&args.sandbox, context)?;
    let store = context.store_alone()?;
    if args.patch {
        return each_file(&cow::some(&found)?, |_, change| ui::print(&patch::unified(&change)));
    }
    if args.stat {
        return stat(&cow::some(&found)?);
    }
    let list = list(&found, &store, context)?;
    let list = list.into_iter().map(|(difference, path)| (difference, path.display().to_string()));
    match args.format {
        Format::Text => {
            let line = |(difference, path)| format!("{} {path}\n", letter(difference));
            ui::print(&list.map(line).collect::<String>())
        }
        Format::Json => {
            let mut kinds = ByKind::default();
            list.for_each(|(difference, path)| match difference {
                Difference::Added => kinds.added.push(path),
                Difference::Changed => kinds.changed.push(path),
                Difference::Deleted => kinds.deleted.push(path),
            });
            ui::print_json(&kinds)
        }
    }
}

/// Its own files, then what it has changed of the host's, each in order.
fn list(
    found: &Found,
    store: &Store,
    context: &Context,
) -> Result<Vec<(Difference, PathBuf)>, Error> {
    let all = cow::all(found)?;
    let own = content::changes(found, store).and_then(|changes| Ok(changes.list()?));
    let mut list = match own {
        Err(Error::Storage(error @ storage::Error::ChangesInMemory(_))) if !all.is_empty() => {
            context.ui.detail(&error.to_string());
            Vec::new()
        }
        own => own?,
    };
    for Shown { destination, cow } in &all {
        let inside = |(difference, path)| (difference, destination.join::<PathBuf>(path));
        list.extend(cow.list()?.into_iter().map(inside));
    }
    list.sort_by(|(_, a), (_, b)| a.as_os_str().cmp(b.as_os_str()));
    Ok(list)
}

fn each_file(
    all: &[Shown],
    mut visit: impl FnMut(&Shown, FileChange) -> Result<(), Error>,
) -> Result<(), Error> {
    all.iter().try_for_each(|shown| shown.cow.files(&mut |change| visit(shown, change)))
}

fn stat(all: &[Shown]) -> Result<(), Error> {
    let (mut files, mut total) = (0, patch::Lines::default());
    each_file(all, |shown, change| {
        let path = shown.destination.join(&change.path);
        files += 1;
        let lines = match patch::count(&change) {
            None => "binary".into(),
            Some(patch::Lines { added, deleted }) => {
                total.added += added;
                total.deleted += deleted;
                format!("+{added} -{deleted}")
            }
        };
        ui::print(&format!("{} | {lines}\n", path.display()))
    })?;
    let patch::Lines { added, deleted } = total;
    ui::print(&format!("{files} files changed, +{added} -{deleted}\n"))
}

pub(super) fn letter(difference: Difference) -> char {
    match difference {
        Difference::Added => 'A',
        Difference::Changed => 'C',
        Difference::Deleted => 'D',
    }
}
