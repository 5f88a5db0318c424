//! `sandbox diff`: what a sandbox has changed.

use serde::Serialize;

use super::{Context, content, find::Found, options::Format};
use crate::{error::Error, storage::Difference, ui};

/// Show which files a sandbox has added (A), changed (C) and deleted (D)
///
/// A directory counts as changed if anything in it is. What is mounted is none of
/// its own files.
#[derive(Debug, clap::Args)]
pub struct Args {
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
    let list = content::changes(&found, &store)?.list()?;
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

fn letter(difference: Difference) -> char {
    match difference {
        Difference::Added => 'A',
        Difference::Changed => 'C',
        Difference::Deleted => 'D',
    }
}
