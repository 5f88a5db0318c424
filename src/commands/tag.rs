//! `sandbox tag`: a second name for an image.

use super::{
    Context,
    fetch::{not_there, resolve},
};
use crate::{
    error::Error,
    oci::{Name, Reference},
};

/// Give an image in the store a further name
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Image in the store
    #[arg(value_name = "SOURCE")]
    source: Reference,

    /// Its further name, such as `example.com/team/app:1.2`
    #[arg(value_name = "TARGET")]
    target: Name,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let target = new_name(&args.target, context)?;
    let store = context.store_alone()?;
    let source = resolve(&args.source, &store, context)?;
    let tagged = store.tag_image(&source, &target)?;
    tagged.map(drop).ok_or_else(|| not_there(&source))
}

/// A name that may be given: a digest is not for us to choose.
pub(super) fn new_name(name: &Name, context: &Context) -> Result<String, Error> {
    match &name.digest {
        Some(_) => Err(Error::usage_with_hint(
            format!("`{name}` cannot be given as a name"),
            "leave the digest out: it follows from the image",
        )),
        None => Ok(context.config.registries.complete_name(name).to_string()),
    }
}
