//! From a reference to an image in the store: where `image` meets `storage`.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{Context, credentials::keyring, lock::Pin, options::RegistryArgs};
use crate::{
    error::Error,
    image::{self, Event, Listener, Options, Source},
    oci::{Digest, Image, Platform, Reference},
    runtime::domain::Domain,
    storage::Store,
    ui::{self, Progress},
};

/// Whether to ask where the image comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum PullPolicy {
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
    pub(super) registry: &'a RegistryArgs,
    /// What a lock has for it.
    pub(super) pin: Option<&'a Pin>,
}

/// Layers that are fetched and unpacked at the same time.
const LAYERS_AT_ONCE: usize = 4;
/// A connection that brings nothing for so long counts as broken.
const SILENCE: Duration = Duration::from_secs(30);

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
    if let Some(pin) = request.pin {
        return pinned(pin, request, store, domain, context);
    }
    let reference = context.config.registries.complete(request.reference);
    let request = &Request { reference: &reference, ..*request };
    let name = resolve(request.reference, store, context)?;
    let is_id = request.reference.id().is_some();
    if is_id || request.policy != PullPolicy::Always && is_named_for_good(request.reference) {
        let serves = |image: &Image| {
            request.platform.is_none_or(|wanted| image.config.platform().serves(wanted))
        };
        if let Some(image) = store.image(&name)?.filter(serves) {
            return Ok(image);
        }
        if let Some(image) = adopt(&name, request, store, domain, context)? {
            return Ok(image);
        }
    }
    if is_id {
        return Err(not_there(&name)); // No registry knows it.
    }
    if request.policy == PullPolicy::Never {
        return Err(never(&name));
    }
    check_online(&name, request, context)?;
    fetch(&name, request, store, domain, context)
}

/// The image from another store in which it cannot be used in place; if that fails,
/// from where it comes.
fn adopt(
    name: &str,
    request: &Request<'_>,
    store: &Store,
    domain: &mut Domain,
    context: &Context,
) -> Result<Option<Image>, Error> {
    if !store.has_additional() {
        return Ok(None);
    }
    domain.settle()?;
    let host = Platform::host();
    let wanted = request.platform.unwrap_or(&host);
    store.adopt(name, |config| config.platform().serves(wanted)).or_else(|error| {
        context.ui.note(&with_causes(&error));
        Ok(None)
    })
}

/// The image that a lock names, from the store if it has it by any name: what
/// its tag means by now does not matter.
fn pinned(
    pin: &Pin,
    request: &Request<'_>,
    store: &Store,
    domain: &mut Domain,
    context: &Context,
) -> Result<Image, Error> {
    let (tag, exact) = (pin.reference.to_string(), pin.exact());
    let name = exact.to_string();
    let known = |name: &str| -> Result<Option<Image>, Error> {
        Ok(store.image(name)?.filter(|image| image.digest == pin.digest))
    };
    for name in [&tag, &name] {
        if let Some(image) = known(name)? {
            return Ok(image);
        }
    }
    // By the digest of its manifest, not by that of its config.
    let image = match store.name_of(&pin.digest)? {
        Some(other) if known(&other)?.is_some() => {
            store.tag_image(&other, &name)?.ok_or_else(|| not_there(&other))?
        }
        _ if request.policy == PullPolicy::Never => return Err(never(&name)),
        _ => {
            let reference = &Reference::Registry(exact);
            let request = Request { reference, ..*request };
            check_online(&name, &request, context)?;
            fetch(&name, &request, store, domain, context).map_err(|error| pin.explain(error))?
        }
    };
    // The tag is not taken from an image which has it already: two projects may
    // lock it to different ones.
    if store.image(&tag)?.is_none() {
        store.tag_image(&name, &tag)?;
    }
    Ok(image)
}

fn never(name: &str) -> Error {
    Error::usage_with_hint(
        format!("`{name}` is not in the store"),
        "leave `--pull never` out, or `sandbox pull` it first",
    )
}

/// Files are read offline, too.
fn check_online(name: &str, request: &Request<'_>, context: &Context) -> Result<(), Error> {
    let Some(offline) = context.config.offline.filter(|_| is_named_for_good(request.reference))
    else {
        return Ok(());
    };
    if request.policy == PullPolicy::Always {
        return context.online(&format!("pull `{name}`"));
    }
    Err(Error::usage_with_hint(
        format!("`{name}` is not in the store, and {offline} lets no registry be asked"),
        "`sandbox pull` it first, while online",
    ))
}

/// The name in the store that a reference means, by whatever id or name.
pub(super) fn resolve(
    reference: &Reference,
    store: &Store,
    context: &Context,
) -> Result<String, Error> {
    let named = match reference.id() {
        Some(id) => store.name_of(&id)?,
        None => None,
    };
    Ok(named.unwrap_or_else(|| stored_name(reference, context)))
}

/// What an image is called in the store: an id is its own name, and from wherever it is asked for, a file
/// or directory has one name.
pub(super) fn stored_name(reference: &Reference, context: &Context) -> String {
    absolute(context.config.registries.complete(reference))
}

fn absolute(mut reference: Reference) -> String {
    if let Some(id) = reference.id() {
        return id.to_string();
    }
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
    let wanted = request.platform.unwrap_or(&host);
    let waiting = || context.ui.detail(&format!("{name}: another command is fetching it"));
    let turn = store.take_turn(name, waiting)?;
    if turn.waited && is_named_for_good(request.reference) {
        let serves = |image: &Image| image.config.platform().serves(wanted);
        if let Some(image) = store.image(name)?.filter(serves) {
            return Ok(image); // It has come while we waited, which is as good as new.
        }
    }
    let progress = Progress::new(context.ui);
    let options = options(request.registry, registry_of(request.reference), context, &progress)?;
    let source = image::open(request.reference, wanted, &options)?;
    context.ui.detail(&format!("{name}: {}", source.manifest_digest()));
    request.pin.map_or(Ok(()), |pin| pin.verify(source.manifest_digest()))?;
    if let Some(image) =
        store.image(name)?.filter(|image| image.digest == *source.manifest_digest())
    {
        return Ok(image); // Nothing has changed since last time.
    }
    domain.settle()?;
    add_layers(&source, store, &progress)?;
    let image = store.put_image(name, source.manifest(), source.config())?;
    keep_within_budget(store, context)?;
    Ok(image)
}

/// Fetches what the store lacks of the image that `name` stands for, which has
/// this manifest: from where its name says, and nothing else than that image.
pub(super) fn again(
    name: &str,
    manifest: &Digest,
    tls_verify: bool,
    store: &Store,
    context: &Context,
) -> Result<(), Error> {
    let mut reference: Reference = name.parse()?;
    if reference.id().is_some() {
        return Err(Error::usage("it was loaded from an archive, which may be loaded again"));
    }
    if let Reference::Registry(name) = &mut reference {
        name.digest.get_or_insert_with(|| manifest.clone()); // A tag may have moved.
    }
    let progress = Progress::new(context.ui);
    let options = options(&RegistryArgs::new(tls_verify), "", context, &progress)?;
    let open = |platform: &Platform| image::open(&reference, platform, &options);
    let source = match open(&Platform::host()) {
        Err(image::Error::PlatformMismatch { actual, .. }) => open(&actual),
        opened => opened,
    }?;
    if source.manifest_digest() != manifest {
        return Err(Error::usage(format!("`{reference}` is another image now")));
    }
    add_layers(&source, store, &progress)?;
    store.put_image(name, source.manifest(), source.config())?;
    Ok(())
}

/// An error in one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// Evicts images if `storage.max` is set and exceeded; one that this store has
/// just put there is in use.
pub(super) fn keep_within_budget(store: &Store, context: &Context) -> Result<(), Error> {
    let Some(max) = context.config.storage.max else { return Ok(()) };
    let evicted = store.evict(max)?;
    for name in &evicted.images {
        context.ui.note(&format!("evicted {name}: the store may take {}", ui::bytes(max)));
    }
    if evicted.left > max {
        let (left, max) = (ui::bytes(evicted.left), ui::bytes(max));
        context.ui.note(&format!("the store takes {left} of {max}: what is left is in use"));
    }
    Ok(())
}

/// The registry of an image; empty if it comes from a file.
fn registry_of(reference: &Reference) -> &str {
    match reference {
        Reference::Registry(name) => &name.registry,
        _ => "",
    }
}

/// How registries are reached; `--creds` are for `registry` alone.
pub(super) fn options(
    args: &RegistryArgs,
    registry: &str,
    context: &Context,
    progress: &Progress,
) -> Result<Options, Error> {
    let transport = context.config.transport.clone();
    let registries = context.config.registries.clone();
    Ok(Options {
        offline: context.config.offline.is_some(),
        tls_verify: args.tls_verify,
        keyring: keyring(args, registry, context)?,
        http_proxy: transport.http_proxy,
        https_proxy: transport.https_proxy,
        no_proxy: transport.no_proxy,
        ssl_cert_file: transport.ssl_cert_file,
        ssl_cert_dir: transport.ssl_cert_dir,
        cert_dir: args.cert_dir.clone(),
        cert_dirs: transport.cert_dirs,
        silence: registries.silence.unwrap_or(SILENCE),
        registries,
        listener: listener(progress.clone()),
        limits: context.config.image_limits.clone(),
    })
}

/// Who waits for more than a moment is told why.
fn listener(progress: Progress) -> Listener {
    Listener::new(move |event| match event {
        Event::Waiting { .. } => progress.note(&event.to_string()),
        _ => progress.detail(&event.to_string()),
    })
}

/// Fetches and unpacks what the store lacks, if there is room for it.
pub(super) fn add_layers(source: &Source, store: &Store, progress: &Progress) -> Result<(), Error> {
    let missing = source.layers().iter().filter(|layer| !store.has_layer(&layer.diff_id));
    let sizes: BTreeMap<_, _> =
        missing.map(|layer| (&layer.diff_id, layer.descriptor.size)).collect();
    let needed = sizes.values().fold(0, |sum: u64, size| sum.saturating_add(*size));
    store.expect_room(needed)?;
    add_each_layer(source, store, progress).map_err(|error| match error {
        Error::Storage(error) => store.give_back_room(error, needed).into(),
        error => error,
    })
}

/// Some layers at a time.
///
/// The first failure is the one reported; layers that are done by then stay,
/// and need not be fetched again.
fn add_each_layer(source: &Source, store: &Store, progress: &Progress) -> Result<(), Error> {
    let layers = source.layers();
    let order = largest_first(layers.iter().map(|layer| layer.descriptor.size));
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    let work = || {
        while let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
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

/// The order in which to take layers of these sizes: with the longest work at the
/// end, all would wait for it alone.
fn largest_first(sizes: impl Iterator<Item = u64>) -> Vec<usize> {
    let mut sizes: Vec<_> = sizes.enumerate().collect();
    sizes.sort_by_key(|&(_, size)| Reverse(size));
    sizes.into_iter().map(|(index, _)| index).collect()
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
    fn the_largest_layers_come_first() {
        assert_eq!(largest_first([5, 70, 6, 70].into_iter()), [1, 3, 2, 0]);
    }

    #[test]
    fn a_directory_has_one_name_from_everywhere() {
        let here = std::env::current_dir().unwrap();
        let name = |text: &str| absolute(text.parse().unwrap());
        assert_eq!(name("oci:lay:1"), format!("oci:{}/lay:1", here.display()));
        assert_eq!(name("oci:/lay"), "oci:/lay");
        assert_eq!(name("alpine"), "docker.io/library/alpine:latest");
        let id = format!("sha256:{}", "0a".repeat(32));
        assert_eq!(name(&id), id);
    }
}
