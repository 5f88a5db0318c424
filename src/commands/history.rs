//! `sandbox history`: how an image came to be, step by step.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::{
    Context,
    fetch::{not_there, resolve},
    options::TemplateFormat,
};
use crate::{
    error::Error,
    oci::{History, Image, Reference},
    storage::Store,
    sys::time::parse_rfc3339,
    ui,
};

/// Characters of a command that a table shows.
const SHOWN: usize = 45;

/// Show the steps by which an image was made, the last one first
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Image to show
    #[arg(value_name = "IMAGE")]
    image: Reference,

    /// How to print them: `text`, `json`, or a template such as `{{.CreatedBy}}`
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: TemplateFormat,

    /// Shorten nothing
    #[arg(long)]
    no_trunc: bool,

    /// Print ids only
    #[arg(short, long)]
    quiet: bool,
}

/// One step, by docker's names.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Step {
    /// The image's, or `<missing>`: the images between are not kept.
    #[serde(rename = "ID")]
    id: String,
    created_at: String,
    created_since: String,
    created_by: String,
    /// Bytes on disk of the step's layer.
    size: u64,
    comment: String,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let store = context.store_alone()?;
    let name = resolve(&args.image, &store, context)?;
    let image = store.image(&name)?.ok_or_else(|| not_there(&name))?;
    let mut steps = steps(&image, &store);
    if !args.no_trunc {
        steps.iter_mut().for_each(Step::shorten);
    }
    match &args.format {
        _ if args.quiet => {
            ui::print(&steps.iter().map(|step| format!("{}\n", step.id)).collect::<String>())
        }
        TemplateFormat::Json => ui::print_json(&steps),
        format => {
            let headings = ["IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"];
            let usual = || ui::table(&headings, steps.iter().map(Step::cells).collect());
            let titles = [("ID", "IMAGE"), ("CreatedSince", "CREATED")];
            ui::print(&format.rows(&steps, &titles, usual)?)
        }
    }
}

/// The history that the image tells, with a step for each layer at least.
fn steps(image: &Image, store: &Store) -> Vec<Step> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut layers = image.config.rootfs.diff_ids.iter();
    let told = image.config.history.clone().unwrap_or_default();
    let mut steps = Vec::new();
    for history in told {
        let layer = if history.empty_layer { None } else { layers.next() };
        steps.push(Step::new(history, layer.map_or(0, |id| store.layer_usage(id)), now));
    }
    for layer in layers {
        steps.push(Step::new(History::default(), store.layer_usage(layer), now));
    }
    steps.reverse();
    if let Some(last) = steps.first_mut() {
        last.id = image.id.to_string();
    }
    steps
}

impl Step {
    fn new(history: History, size: u64, now: u64) -> Self {
        let created_at = history.created.unwrap_or_default();
        let since = parse_rfc3339(&created_at).map(|then| ui::age(now.saturating_sub(then)));
        Self {
            id: "<missing>".into(),
            created_since: since.map_or_else(|| "N/A".into(), |age| age + " ago"),
            created_at,
            created_by: history.created_by.unwrap_or_default(),
            size,
            comment: history.comment.unwrap_or_default(),
        }
    }

    fn shorten(&mut self) {
        if let Some(hex) = self.id.strip_prefix("sha256:") {
            self.id = hex.chars().take(12).collect();
        }
        if self.created_by.chars().count() > SHOWN {
            self.created_by = self.created_by.chars().take(SHOWN - 1).chain(['…']).collect();
        }
    }

    fn cells(&self) -> Vec<String> {
        // A command may have several lines, and a table's row is one.
        let line = |text: &String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let created = self.created_since.clone();
        let size = ui::bytes(self.size);
        vec![self.id.clone(), created, line(&self.created_by), size, line(&self.comment)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_commands_are_shortened_and_unknown_times_said() {
        let history = History { created_by: Some("é".repeat(50)), ..History::default() };
        let mut step = Step::new(history, 7, 100);
        step.id = format!("sha256:{}", "0a".repeat(32));
        step.shorten();
        assert_eq!(step.created_by.chars().count(), SHOWN);
        assert_eq!((step.id.as_str(), step.created_since.as_str()), ("0a0a0a0a0a0a", "N/A"));
        assert_eq!(step.cells()[3], "7 B");
    }
}
