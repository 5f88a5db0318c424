//! Images of the store as other places take them: where `storage` meets `image`
//! on the way out.

use std::io::{self, Read};

use super::{
    Context,
    fetch::{not_there, resolve},
};
use crate::{
    error::Error,
    image::{Outgoing, PlainLayer},
    oci::{DiffId, Image, Name, Reference},
    storage::Store,
};

/// Collects what is to be known of an image that is to leave the store.
pub(super) fn outgoing(image: &Image, names: Vec<Name>, store: &Store) -> Result<Outgoing, Error> {
    let (manifest, config) = store.documents(image)?;
    let layer = |diff_id: &DiffId| {
        let size = store.layer_tar(diff_id)?.size();
        Ok(PlainLayer { diff_id: diff_id.clone(), size })
    };
    let layers = image.config.rootfs.diff_ids.iter().map(layer);
    let layers = layers.collect::<Result<_, Error>>()?;
    Ok(Outgoing { names, manifest, config, layers })
}

/// The image in the store that was asked for.
pub(super) fn stored(
    reference: &Reference,
    store: &Store,
    context: &Context,
) -> Result<Image, Error> {
    let name = resolve(reference, store, context)?;
    store.image(&name)?.ok_or_else(|| not_there(&name))
}

/// Opens the tar of a layer for those who know of no store, and tells its size.
pub(super) fn open_tar(diff_id: &DiffId, store: &Store) -> io::Result<(Box<dyn Read>, u64)> {
    let tar = store.layer_tar(diff_id).map_err(io::Error::other)?;
    let size = tar.size();
    Ok((Box::new(tar), size))
}
