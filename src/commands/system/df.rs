//! `sandbox system df`: what the store takes of the disk.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::{
    commands::{
        Context,
        images::{familiar, short},
        options::Format,
    },
    error::Error,
    storage::{ImageUsage, Part, Usage},
    ui,
};

/// Show how much of the disk the store takes, and for what
///
/// Sizes are blocks on disk, as `du` counts them. Reclaimable is what
/// `sandbox system prune --all` would free.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Show each image
    #[arg(short, long)]
    verbose: bool,

    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// What `--format json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    usage: &'a Usage,
    #[serde(skip_serializing_if = "Option::is_none")]
    each: Option<&'a [ImageUsage]>,
}

pub(super) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let usage = context.store_unswept()?.usage()?;
    if usage.unread > 0 {
        let what = format!("{} directories cannot be read, and count as empty", usage.unread);
        context.ui.note(&what);
    }
    match args.format {
        Format::Json => {
            let each = args.verbose.then_some(usage.each.as_slice());
            ui::print_json(&Report { usage: &usage, each })
        }
        Format::Text if args.verbose => ui::print(&format!("{}\n{}", parts(&usage), each(&usage))),
        Format::Text => ui::print(&parts(&usage)),
    }
}

fn parts(usage: &Usage) -> String {
    let row = |kind: &str, part: Part| {
        let share = (part.reclaimable * 100).checked_div(part.size).unwrap_or(0);
        let reclaimable = format!("{} ({share}%)", ui::bytes(part.reclaimable));
        let counts = [part.count, part.in_use].map(|count| count.to_string());
        [vec![kind.into()], counts.into(), vec![ui::bytes(part.size), reclaimable]].concat()
    };
    let only_size = |kind: &str, size: u64| {
        let dash = || "-".to_owned();
        vec![kind.to_owned(), dash(), dash(), ui::bytes(size), dash()]
    };
    let rows = vec![
        row("Images", usage.images),
        row("Blobs", usage.blobs),
        row("Layers", usage.layers),
        row("Sandboxes", usage.sandboxes),
        row("Volumes", usage.volumes),
        row("Spare", usage.spare),
        row("Garbage", usage.garbage),
        only_size("Other", usage.other),
        only_size("Total", usage.total),
    ];
    ui::table(&["TYPE", "TOTAL", "IN USE", "SIZE", "RECLAIMABLE"], rows)
}

fn each(usage: &Usage) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let row = |image: &ImageUsage| {
        let age = ui::age(now.saturating_sub(image.last_used));
        let unique = image.size.saturating_sub(image.shared);
        let sizes = [image.size, image.shared, unique].map(ui::bytes);
        let used = if image.in_use { "now".into() } else { age + " ago" };
        [vec![familiar(&image.name), short(&image.digest)], sizes.into(), vec![used]].concat()
    };
    let headings = ["IMAGE", "DIGEST", "SIZE", "SHARED", "UNIQUE", "LAST USED"];
    ui::table(&headings, usage.each.iter().map(row).collect())
}
