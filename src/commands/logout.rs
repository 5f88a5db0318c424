//! `sandbox logout`: forget the password for a registry.

use std::path::PathBuf;

use super::{Context, credentials::places, login::auth_file, options::RegistryPlace};
use crate::{
    error::Error,
    image::{self, auth::Keyring},
    ui,
};

/// Forget the password for a registry
///
/// It is removed from the file that `sandbox login` writes. What docker or podman
/// keep elsewhere stays, and is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Registry, or the part of one that was logged in to
    #[arg(value_name = "REGISTRY", default_value = "docker.io")]
    registry: RegistryPlace,

    /// Forget the passwords for all registries
    #[arg(short, long)]
    all: bool,

    /// File to remove it from [env: REGISTRY_AUTH_FILE]
    #[arg(long, value_name = "FILE")]
    authfile: Option<PathBuf>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let file = auth_file(args.authfile.as_ref(), context)?;
    if args.all {
        let removed = file.remove_all().map_err(image::Error::from)?;
        let lines = removed.iter().map(|place| format!("logged out of {place}\n"));
        return ui::print(&lines.collect::<String>());
    }
    let place = &args.registry.text;
    let is_removed = file.remove(place).map_err(image::Error::from)?;
    let other = args.other(context);
    match (is_removed, other) {
        (true, None) => ui::print(&format!("logged out of {place}\n")),
        (true, Some(origin)) => {
            context.ui.note(&format!("there are more credentials for {place}: {origin}"));
            ui::print(&format!("logged out of {place}\n"))
        }
        (false, None) => Err(Error::usage(format!("you are not logged in to {place}"))),
        (false, Some(origin)) => Err(Error::usage_with_hint(
            format!("{} has no credentials for just {place}", file.path().display()),
            format!("those that are used for it are from elsewhere: {origin}"),
        )),
    }
}

impl Args {
    /// Where credentials come from that are left.
    fn other(&self, context: &Context) -> Option<String> {
        let places = places(self.authfile.clone(), context);
        let keyring = Keyring { places, ..Keyring::default() };
        let (registry, path) = self.registry.parts();
        let found = keyring.lookup(registry, path).ok()?;
        found.tried.origin().map(Into::into)
    }
}
