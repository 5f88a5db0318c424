//! `sandbox images`: what is in the store.

use std::str::FromStr;

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

    /// Accepted, as digests are always shown
    #[arg(long, hide = true)]
    digests: bool,

    /// Only those that fit: reference=NAME, label=KEY[=VALUE], dangling=BOOL
    #[arg(short, long, value_name = "KEY=VALUE")]
    filter: Vec<Filter>,

    /// Do not shorten digests
    #[arg(long)]
    no_trunc: bool,

    /// How to print them: `text`, `json`, or a template such as `{{.Repository}}:{{.Tag}}`
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: TemplateFormat,

    /// List the images of this name only, with any tag unless it has one; `*` stands for
    /// anything
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// What an image must be like to be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Filter {
    Reference(String),
    Label(String, Option<String>),
    /// Whether it has no name.
    Dangling(bool),
}

/// One image, by docker's names.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
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
    images.retain(|stored| {
        let is_named = args.name.as_ref().is_none_or(|name| is_called(&stored.name, name));
        is_named && args.filter.iter().all(|filter| filter.fits(stored))
    });
    if args.quiet {
        return images
            .iter()
            .try_for_each(|stored| ui::print(&format!("{}\n", stored.image.digest)));
    }
    let rows: Vec<Row> = images.iter().map(|stored| Row::new(stored, args.no_trunc)).collect();
    let titles = [("ID", "IMAGE ID"), ("CreatedSince", "CREATED")];
    let headings = ["IMAGE", "DIGEST", "PLATFORM", "CREATED", "SIZE"];
    let cells = |stored| cells(stored, args.no_trunc);
    let usual = || ui::table(&headings, images.iter().map(cells).collect());
    ui::print(&args.format.rows(&rows, &titles, usual)?)
}

impl Filter {
    fn fits(&self, stored: &StoredImage) -> bool {
        let config = &stored.image.config;
        match self {
            Self::Reference(name) => is_called(&stored.name, name),
            Self::Dangling(wanted) => *wanted == stored.name.starts_with("sha256:"),
            Self::Label(key, value) => {
                let labels = config.config.as_ref().and_then(|config| config.labels.as_ref());
                let actual = labels.and_then(|labels| labels.get(key));
                actual.is_some_and(|actual| value.as_ref().is_none_or(|value| value == actual))
            }
        }
    }
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("reference", name)) => Ok(Self::Reference(name.into())),
            Some(("dangling", "true" | "1")) => Ok(Self::Dangling(true)),
            Some(("dangling", "false" | "0")) => Ok(Self::Dangling(false)),
            Some(("label", label)) => Ok(match label.split_once('=') {
                Some((key, value)) => Self::Label(key.into(), Some(value.into())),
                None => Self::Label(label.into(), None),
            }),
            _ => Err("there are reference=, label= and dangling=true|false".into()),
        }
    }
}

/// Whether people would call it so, with `*` for anything.
pub(super) fn is_called(stored: &str, name: &str) -> bool {
    let familiar = familiar(stored);
    let (repository, _) = repository_and_tag(&familiar);
    [stored, &familiar, repository].into_iter().any(|known| fits(name, known))
}

fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices().any(|(at, _)| fits(after, &rest[at..])) || fits(after, "")
        }),
    }
}

/// What stands before and after the last colon, unless that is a port's.
fn repository_and_tag(familiar: &str) -> (&str, &str) {
    match familiar.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (familiar, "<none>"),
    }
}

impl Row {
    fn new(stored: &StoredImage, whole: bool) -> Self {
        let familiar = familiar(&stored.name);
        let (repository, tag) = repository_and_tag(&familiar);
        let created = stored.image.config.created.clone().unwrap_or_default();
        Self {
            repository: repository.into(),
            tag: tag.into(),
            id: shown(&stored.image.id.to_string(), whole),
            digest: stored.image.digest.to_string(),
            platform: stored.image.config.platform().to_string(),
            created_since: ago(&created),
            created_at: created,
            size: ui::bytes(stored.size),
        }
    }
}

/// A row of the table that nobody has described.
fn cells(stored: &StoredImage, whole: bool) -> Vec<String> {
    let config = &stored.image.config;
    // The day is enough: RFC 3339 begins with it.
    let created = config.created.as_deref().and_then(|time| time.get(..10)).unwrap_or("-");
    vec![
        familiar(&stored.name),
        shown(&stored.image.digest.to_string(), whole),
        config.platform().to_string(),
        created.into(),
        ui::bytes(stored.size),
    ]
}

/// The name of an image as people would type it.
pub(super) fn familiar(name: &str) -> String {
    match name.parse() {
        Ok(Reference::Registry(name)) => name.familiar(),
        _ => name.into(),
    }
}

fn shown(digest: &str, whole: bool) -> String {
    if whole { digest.into() } else { short(digest) }
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
        for name in
            ["alpine", "alpine:3.20", stored, "al*", "*pine:3*", "*/alpine:*", "alpine**0", "*"]
        {
            assert!(is_called(stored, name), "{name}");
        }
        for name in ["alpin", "alpine:3", "library", "", "al*x", "*:3"] {
            assert!(!is_called(stored, name), "{name}");
        }
        assert_eq!(repository_and_tag("r.test:5000/a"), ("r.test:5000/a", "<none>"));
        assert_eq!(repository_and_tag("r.test:5000/a:1"), ("r.test:5000/a", "1"));
    }
}
