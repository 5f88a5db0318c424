//! From a reference to an image in the store: where `image` meets `storage`.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use super::Context;
use crate::{
    error::Error,
    image::{self, Options, Source},
    oci::{Image, Platform, Reference},
    runtime::domain::Domain,
    storage::Store,
    ui::Progress,
};

/// Whether to ask where the image comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PullPolicy {
    /// If it is not in the store
    #[default]
    Missing,
    /// Every time; what is in the store already is not fetched again
    Always,
    /// Not at all
    Never,
}

/// What is asked for, and how.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) reference: &'a Reference,
    pub(super) policy: PullPolicy,
    /// The machine's own if it was not named.
    pub(super) platform: Option<&'a Platform>,
    pub(super) tls_verify: bool,
}

/// Layers that are fetched and unpacked at the same time.
const LAYERS_AT_ONCE: usize = 4;

/// The image, from the store or from where it comes from.
///
/// Unpacking needs the ids, which looking up does not: they are waited for only
/// if there is something to unpack.
pub(super) fn image(
    request: &Request<'_>,
    store: &Store,
    domain: &mut Domain,
    context: &Context,
) -> Result<Image, Error> {
    let name = stored_name(request.reference);
    if request.policy != PullPolicy::Always && is_named_for_good(request.reference) {
        let serves = |image: &Image| {
            request.platform.is_none_or(|wanted| image.config.platform().serves(wanted))
        };
        if let Some(image) = store.image(&name)?.filter(serves) {
            return Ok(image);
        }
    }
    if request.policy == PullPolicy::Never {
        return Err(Error::usage_with_hint(
            format!("`{name}` is not in the store"),
            "leave `--pull never` out, or `sandbox pull` it first",
        ));
    }
    fetch(&name, request, store, domain, context)
}

/// What an image is called in the store: from wherever it is asked for, a file
/// or directory has one name.
pub(super) fn stored_name(reference: &Reference) -> String {
    let mut reference = reference.clone();
    match &mut reference {
        Reference::Registry(_) | Reference::Host => {}
        Reference::RootFs(path)
        | Reference::OciDir { path, .. }
        | Reference::OciArchive { path, .. }
        | Reference::DockerArchive { path, .. } => {
            *path = std::path::absolute(&*path).unwrap_or_else(|_| path.clone());
        }
    }
    reference.to_string()
}

/// What to say of an image that is not in the store.
pub(super) fn not_there(name: &str) -> Error {
    Error::usage_with_hint(
        format!("`{name}` is not in the store"),
        "`sandbox images` lists what is there, `sandbox pull` fetches more",
    )
}

/// A file or directory may have changed since it was read.
fn is_named_for_good(reference: &Reference) -> bool {
    matches!(reference, Reference::Registry(_))
}

fn fetch(
    name: &str,
    request: &Request<'_>,
    store: &Store,
    domain: &mut Domain,
    context: &Context,
) -> Result<Image, Error> {
    let host = Platform::host();
    let options = options(request, store, context);
    let source = image::open(request.reference, request.platform.unwrap_or(&host), &options)?;
    context.ui.detail(&format!("{name}: {}", source.manifest_digest()));
    if let Some(image) =
        store.image(name)?.filter(|image| image.digest == *source.manifest_digest())
    {
        return Ok(image); // Nothing has changed since last time.
    }
    domain.settle()?;
    add_layers(&source, store, &Progress::new(context.ui))?;
    Ok(store.put_image(name, source.manifest(), source.config())?)
}

fn options(request: &Request<'_>, store: &Store, context: &Context) -> Options {
    let transport = context.config.transport.clone();
    Options {
        tls_verify: request.tls_verify,
        http_proxy: transport.http_proxy,
        https_proxy: transport.https_proxy,
        no_proxy: transport.no_proxy,
        ssl_cert_file: transport.ssl_cert_file,
        ssl_cert_dir: transport.ssl_cert_dir,
        limits: context.config.image_limits.clone(),
        scratch: store.scratch(),
    }
}

/// Fetches and unpacks what the store lacks, some layers at a time.
///
/// The first failure is the one reported; layers that are done by then stay,
/// and need not be fetched again.
fn add_layers(source: &Source, store: &Store, progress: &Progress) -> Result<(), Error> {
    let layers = source.layers();
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    let work = || {
        while let Some(index) =
            Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&n| n < layers.len())
        {
            if let Err(error) = add_layer(index, source, store, progress) {
                next.store(layers.len(), Ordering::Relaxed);
                let mut first = failure.lock().unwrap_or_else(|poison| poison.into_inner());
                first.get_or_insert(error);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..LAYERS_AT_ONCE.min(layers.len()) {
            scope.spawn(work);
        }
    });
    let failure = failure.into_inner().unwrap_or_else(|poison| poison.into_inner());
    failure.map_or(Ok(()), Err)
}

fn add_layer(
    index: usize,
    source: &Source,
    store: &Store,
    progress: &Progress,
) -> Result<(), Error> {
    let layer = &source.layers()[index];
    if store.has_layer(&layer.diff_id) {
        return Ok(());
    }
    let shown = progress.layer(layer.descriptor.digest.short(), layer.descriptor.size);
    let mut blob = shown.watch(source.layer(index)?);
    store.add_layer(&layer.diff_id, &mut blob)?;
    shown.done();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_name_from_everywhere() {
        let here = std::env::current_dir().unwrap();
        let name = |text: &str| stored_name(&text.parse().unwrap());
        assert_eq!(name("oci:lay:1"), format!("oci:{}/lay:1", here.display()));
        assert_eq!(name("oci:/lay"), "oci:/lay");
        assert_eq!(name("alpine"), "docker.io/library/alpine:latest");
    }
}
