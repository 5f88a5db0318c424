//! `sandbox rmi`: remove images from the store.

use super::{
    Context,
    fetch::{not_there, resolve},
};
use crate::{error::Error, oci::Reference, ui};

/// Remove images from the store
///
/// Layers that no other image needs go with them; what a running sandbox uses
/// goes once it has ended.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Images to remove
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<Reference>,

    /// It is no error if an image is not there
    #[arg(short, long)]
    force: bool,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let store = context.store_alone()?;
    for image in &args.images {
        let name = resolve(image, &store, context)?;
        if store.remove_image(&name)? {
            ui::print(&format!("{name}\n"))?;
        } else if !args.force {
            return Err(not_there(&name));
        }
    }
    Ok(())
}
