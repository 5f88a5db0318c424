//! What registries are shown: from options and settings to a keyring.

use std::path::PathBuf;

use super::{
    Context,
    fetch::{PullPolicy, stored_name},
    options::RegistryArgs,
};
use crate::{
    config::DOCKER_AUTH_CONFIG,
    error::Error,
    image::auth::{Credentials, Keyring, Place},
    oci::Reference,
    storage::Store,
};

/// The keyring of a command; what was typed is for `registry` alone.
pub(super) fn keyring(
    args: &RegistryArgs,
    registry: &str,
    context: &Context,
) -> Result<Keyring, Error> {
    let given = match &args.creds {
        Some(pair) => match Credentials::from_pair(pair) {
            Some(credentials) => Some((registry.to_owned(), credentials)),
            // The pair itself is not quoted.
            None => return Err(Error::usage("`--creds` wants USER:PASSWORD")),
        },
        None => None,
    };
    let places = places(args.authfile.clone(), context);
    Ok(Keyring { given, places, helpers: context.helpers.clone() })
}

/// Where credentials are looked for, in order; a file that was named is the only
/// place.
pub(super) fn places(authfile: Option<PathBuf>, context: &Context) -> Vec<Place> {
    let auth = &context.config.auth;
    if let Some(file) = authfile.or_else(|| auth.file.clone()) {
        return vec![Place::Named(file)];
    }
    let content = auth.content.clone();
    let variable = content.map(|content| Place::Variable { name: DOCKER_AUTH_CONFIG, content });
    let files = [auth.persistent.clone(), Some(auth.runtime.clone()), auth.docker.clone()];
    let files = files.into_iter().flatten().map(Place::Usual);
    variable.into_iter().chain(files).collect()
}

/// Asks the credential helper of the image's registry, if there is one and an
/// image is to be fetched.
///
/// Done before we enter a namespace, where a helper would be root to itself and
/// a stranger to the user's keyring.
pub(super) fn ask_helpers(
    reference: &Reference,
    policy: PullPolicy,
    args: &RegistryArgs,
    context: &Context,
) {
    let registries = &context.config.registries;
    let Reference::Registry(name) = &registries.complete(reference) else { return };
    if reference.id().is_some() || policy == PullPolicy::Never || context.config.offline.is_some() {
        return;
    }
    let store = Store::unswept(&context.config.root);
    if policy == PullPolicy::Missing && store.has_name(&stored_name(reference, context)) {
        return;
    }
    // What is wrong will be told when the answer is needed.
    let Ok(keyring) = keyring(args, &name.registry, context) else { return };
    let mirrors = registries.of(&name.registry).mirrors.into_iter();
    for name in mirrors.map(|mirror| mirror.mirrored(name)).chain([name.clone()]) {
        let _ = keyring.lookup_name(&name);
    }
}
