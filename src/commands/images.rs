//! `sandbox images`: what is in the store.

use serde::Serialize;

use super::{Context, options::TemplateFormat, ps::ago};
use crate::{error::Error, oci::Reference, storage::StoredImage, ui};

/// List the images in the store
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print digests only
    #[arg(short, long)]
    quiet: bool,

    /// Accepted, as there are no others than those shown
    #[arg(short, long, hide = true)]
    all: bool,

    /// How to print them: `text`, `json`, or a template such as `{{.Repository}}:{{.Tag}}`
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: TemplateFormat,

    /// List the images of this name only, with any tag unless it has one
    #[arg(value_name = "NAME")]
    name: Option<String>,
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

/// The same for a template, by docker's names.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Fields {
    repository: String,
    tag: String,
    #[serde(rename = "ID")]
    id: String,
    digest: String,
    platform: String,
    created_at: String,
    created_since: String,
    size: String,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let mut images = context.store_alone()?.images()?;
    images.retain(|stored| args.name.as_ref().is_none_or(|name| is_called(&stored.name, name)));
    let rows = |images: Vec<_>| -> Vec<Row> { images.into_iter().map(Row::from).collect() };
    match &args.format {
        _ if args.quiet => {
            images.iter().try_for_each(|stored| ui::print(&format!("{}\n", stored.image.digest)))
        }
        TemplateFormat::Json => ui::print_json(&rows(images)),
        TemplateFormat::Text => {
            let headings = ["IMAGE", "DIGEST", "PLATFORM", "CREATED", "SIZE"];
            ui::print(&ui::table(&headings, rows(images).iter().map(Row::cells).collect()))
        }
        TemplateFormat::Template(template) => images
            .iter()
            .try_for_each(|stored| ui::print_line(&Fields::from(stored), Some(template))),
    }
}

/// Whether people would call it so.
fn is_called(stored: &str, name: &str) -> bool {
    let familiar = familiar(stored);
    let (repository, _) = repository_and_tag(&familiar);
    [stored, &familiar, repository].contains(&name)
}

/// What stands before and after the last colon, unless that is a port's.
fn repository_and_tag(familiar: &str) -> (&str, &str) {
    match familiar.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (familiar, "<none>"),
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

impl From<&StoredImage> for Fields {
    fn from(stored: &StoredImage) -> Self {
        let familiar = familiar(&stored.name);
        let (repository, tag) = repository_and_tag(&familiar);
        let created = stored.image.config.created.clone().unwrap_or_default();
        Self {
            repository: repository.into(),
            tag: tag.into(),
            id: short(&stored.image.id.to_string()),
            digest: stored.image.digest.to_string(),
            platform: stored.image.config.platform().to_string(),
            created_since: ago(&created),
            created_at: created,
            size: ui::bytes(stored.size),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_found_by_what_people_call_it() {
        let stored = "docker.io/library/alpine:3.20";
        for name in ["alpine", "alpine:3.20", stored] {
            assert!(is_called(stored, name), "{name}");
        }
        for name in ["alpin", "alpine:3", "library", ""] {
            assert!(!is_called(stored, name), "{name}");
        }
        assert_eq!(repository_and_tag("r.test:5000/a"), ("r.test:5000/a", "<none>"));
        assert_eq!(repository_and_tag("r.test:5000/a:1"), ("r.test:5000/a", "1"));
    }
}
