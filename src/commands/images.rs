//! `sandbox images`: what is in the store.

use serde::Serialize;

use super::{Context, options::Format};
use crate::{error::Error, oci::Reference, storage::StoredImage, ui};

/// List the images in the store
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print digests only
    #[arg(short, long)]
    quiet: bool,

    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// One image, as `--format json` prints it.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    digest: String,
    platform: String,
    created: Option<String>,
    /// Bytes on disk, shared ones included.
    size: u64,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let images = context.store_alone()?.images()?;
    let rows: Vec<Row> = images.into_iter().map(Row::from).collect();
    match args.format {
        _ if args.quiet => {
            ui::print(&rows.iter().map(|row| format!("{}\n", row.digest)).collect::<String>())
        }
        Format::Json => ui::print_json(&rows),
        Format::Text => {
            let headings = ["IMAGE", "DIGEST", "PLATFORM", "CREATED", "SIZE"];
            ui::print(&ui::table(&headings, rows.iter().map(Row::cells).collect()))
        }
    }
}

impl From<StoredImage> for Row {
    fn from(stored: StoredImage) -> Self {
        Self {
            name: stored.name,
            digest: stored.image.digest.to_string(),
            platform: stored.image.config.platform().to_string(),
            created: stored.image.config.created,
            size: stored.size,
        }
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        // The day is enough: RFC 3339 begins with it.
        let created = self.created.as_deref().and_then(|time| time.get(..10)).unwrap_or("-");
        vec![
            familiar(&self.name),
            short(&self.digest),
            self.platform.clone(),
            created.into(),
            ui::bytes(self.size),
        ]
    }
}

/// The name of an image as people would type it.
pub(super) fn familiar(name: &str) -> String {
    match name.parse() {
        Ok(Reference::Registry(name)) => name.familiar(),
        _ => name.into(),
    }
}

/// As much of a digest as tables have room for.
pub(super) fn short(digest: &str) -> String {
    digest.trim_start_matches("sha256:").chars().take(12).collect()
}
