//! `sandbox login`: keep the password for a registry.

use std::{
    io::{self, Read},
    path::PathBuf,
};

use clap::ArgAction;

use super::{
    Context,
    credentials::places,
    fetch::options,
    options::{RegistryArgs, RegistryPlace},
};
use crate::{
    error::Error,
    image::{
        self,
        auth::{self, AuthFile, Credentials, Keyring},
    },
    oci::Secret,
    ui::{self, Progress},
};

/// More than any password or token takes.
const MAX_PASSWORD: u64 = 64 << 10;

/// Log in to a registry, and stay so
///
/// The registry is asked whether it takes the password, which is then kept in
/// $XDG_CONFIG_HOME/containers/auth.json, readable by you alone, where podman,
/// skopeo and others find it too.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Registry, such as ghcr.io, or a part of one, such as quay.io/team
    #[arg(value_name = "REGISTRY", default_value = "docker.io")]
    registry: RegistryPlace,

    /// User name; asked for on a terminal
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,

    /// Read the password from standard input; else it is asked for on a terminal
    #[arg(long)]
    password_stdin: bool,

    /// Password, which others can see while the command runs
    #[arg(short, long, value_name = "PASSWORD", conflicts_with = "password_stdin")]
    password: Option<Secret>,

    /// File to keep it in [env: REGISTRY_AUTH_FILE]
    #[arg(long, value_name = "FILE")]
    authfile: Option<PathBuf>,

    /// Directory with certificates for the registry: *.crt to trust, *.cert and
    /// *.key to show
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<PathBuf>,

    /// Whether to insist on HTTPS with a certificate that can be verified
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    tls_verify: bool,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let place = &args.registry;
    context.online(&format!("log in to {}", place.text))?;
    let file = auth_file(args.authfile.as_ref(), context)?;
    let user = args.user()?;
    let credentials = Credentials::new(user.clone(), args.password(&user, context)?);
    let registry =
        RegistryArgs { cert_dir: args.cert_dir.clone(), ..RegistryArgs::new(args.tls_verify) };
    let options = options(&registry, "", context, &Progress::new(context.ui))?;
    if !image::log_in(&place.registry, &credentials, &options)? {
        context.ui.note(&format!(
            "{} asks for no password: nobody knows whether this one is right",
            place.registry
        ));
    }
    let kept = file.store(&place.text, &credentials).map_err(image::Error::from)?;
    ui::print(&format!("logged in to {} as {user}; kept in {kept}\n", place.text))?;
    args.warn_of_others(&credentials, context);
    Ok(())
}

/// The file that is written to.
pub(super) fn auth_file(named: Option<&PathBuf>, context: &Context) -> Result<AuthFile, Error> {
    let auth = &context.config.auth;
    let path = named.or(auth.file.as_ref()).or(auth.persistent.as_ref());
    let path = path.ok_or_else(|| image::Error::from(auth::Error::NoPlace))?;
    Ok(AuthFile::new(path.clone()))
}

impl Args {
    fn user(&self) -> Result<String, Error> {
        let asked = match &self.username {
            Some(user) => Some(user.clone()),
            None if self.password_stdin => None,
            None => ui::ask("user name: "),
        };
        let user = asked.filter(|user| !user.is_empty());
        let user = user.ok_or_else(|| Error::usage("there is no user name: `-u NAME` gives it"))?;
        match user.contains(':') {
            true => Err(Error::usage("a user name has no colon")),
            false => Ok(user),
        }
    }

    fn password(&self, user: &str, context: &Context) -> Result<Secret, Error> {
        let password = match &self.password {
            Some(password) => {
                context
                    .ui
                    .note("whoever lists processes sees `--password`: `--password-stdin` hides it");
                Some(password.clone())
            }
            None if self.password_stdin => Some(read_password()?),
            None => ui::ask_hidden(&format!("password of {user}: ")),
        };
        password.filter(|password| !password.expose().is_empty()).ok_or_else(|| {
            Error::usage_with_hint(
                "there is no password",
                "`--password-stdin` reads it where there is no terminal",
            )
        })
    }

    /// Says so if another place has other credentials, and comes first.
    fn warn_of_others(&self, credentials: &Credentials, context: &Context) {
        let places = places(self.authfile.clone(), context);
        let keyring = Keyring { places, ..Keyring::default() };
        let (registry, path) = self.registry.parts();
        let Ok(found) = keyring.lookup(registry, path) else { return };
        if let (Some(other), Some(origin)) = (&found.credentials, found.tried.origin())
            && other != credentials
        {
            context.ui.note(&format!("other credentials for {registry} come first: {origin}"));
        }
    }
}

/// Standard input without the end of its line.
fn read_password() -> Result<Secret, Error> {
    let mut text = String::new();
    let read = io::stdin().lock().take(MAX_PASSWORD).read_to_string(&mut text);
    let failed = |source| image::Error::Io { what: "read the password".into(), source };
    read.map_err(failed)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).into())
}
