//! `sandbox inspect`: everything about sandboxes and images.

mod image;
mod networks;
mod sandbox;

use serde::Serialize;
use serde_json::Value;

use super::{
    Context,
    fetch::{not_there, stored_name},
    options::TemplateFormat,
};
use crate::{
    error::Error,
    storage::{self, Store},
    ui,
};

/// Show what is known about sandboxes and images, as JSON
///
/// A name that stands for both is the sandbox's.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Sandboxes or images to show
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,

    /// Print this of each, such as `{{.State.Status}}`; `json` for one line of JSON
    #[arg(short, long, value_name = "TEMPLATE")]
    format: Option<TemplateFormat>,

    /// What the names stand for
    #[arg(long, value_name = "TYPE")]
    r#type: Option<Kind>,

    /// Accepted, and ignored: sizes are always known
    #[arg(short, long, hide = true)]
    size: bool,
}

/// What can be inspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    #[value(alias = "sandbox")]
    Container,
    Image,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    print(args, args.r#type, context)
}

/// `image inspect`.
pub(super) fn execute_images(args: &Args, context: &Context) -> Result<(), Error> {
    print(args, Some(Kind::Image), context)
}

/// `container inspect`.
pub(super) fn execute_sandboxes(args: &Args, context: &Context) -> Result<(), Error> {
    print(args, Some(Kind::Container), context)
}

fn print(args: &Args, kind: Option<Kind>, context: &Context) -> Result<(), Error> {
    let all = all(&args.names, kind, context)?;
    match &args.format {
        None | Some(TemplateFormat::Text) => ui::print_json(&all),
        Some(format) => {
            all.iter().try_for_each(|inspection| ui::print_line(inspection, format.template()))
        }
    }
}

/// Sandboxes first: to look for them needs no domain.
fn all(names: &[String], kind: Option<Kind>, context: &Context) -> Result<Vec<Value>, Error> {
    let mut store: Option<Store> = None;
    let mut all = Vec::new();
    for name in names {
        if kind != Some(Kind::Image) {
            match sandbox::inspect(name, context) {
                Err(Error::Storage(storage::Error::NoSuchSandbox(_))) if kind.is_none() => {}
                result => {
                    all.push(result?);
                    continue;
                }
            }
        }
        let store = match &store {
            Some(store) => store,
            None => store.insert(context.store_alone()?),
        };
        let image = image::inspect(name, store, context)?;
        all.push(image.ok_or_else(|| missing(name, kind, context))?);
    }
    Ok(all)
}

fn missing(name: &str, kind: Option<Kind>, context: &Context) -> Error {
    match (kind, name.parse()) {
        (Some(Kind::Image), Ok(reference)) => not_there(&stored_name(&reference, context)),
        _ => Error::usage(format!("there is neither a sandbox nor an image `{name}`")),
    }
}

fn to_value(inspection: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(inspection).map_err(|error| Error::Output(error.into()))
}
