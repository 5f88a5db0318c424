//! How a registry is talked to, and what one is called.

use std::{path::PathBuf, str::FromStr};

use clap::ArgAction;

use crate::oci::{InvalidReference, Name, Secret};

/// The options of commands that talk to the registry of one image.
#[derive(Debug, Clone, clap::Args)]
pub struct RegistryArgs {
    /// User name and password for the registry of the image, instead of what
    /// `sandbox login` has kept
    #[arg(long, value_name = "USER:PASSWORD")]
    pub creds: Option<Secret>,

    /// File with the credentials, and no other [env: REGISTRY_AUTH_FILE]
    #[arg(long, value_name = "FILE")]
    pub authfile: Option<PathBuf>,

    /// Directory with certificates for the registry: *.crt to trust, *.cert and
    /// *.key to show
    #[arg(long, value_name = "DIR")]
    pub cert_dir: Option<PathBuf>,

    /// Whether to insist on HTTPS with a certificate that can be verified
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub tls_verify: bool,
}

impl RegistryArgs {
    /// What a command has that takes images of several registries.
    pub fn new(tls_verify: bool) -> Self {
        Self { creds: None, authfile: None, cert_dir: None, tls_verify }
    }
}

/// A registry, or a part of one: what credentials are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryPlace {
    /// Host and port.
    pub registry: String,
    /// `REGISTRY[/NAMESPACE]`.
    pub text: String,
}

impl RegistryPlace {
    /// The registry, and the namespace in it or nothing.
    pub fn parts(&self) -> (&str, &str) {
        self.text.split_once('/').unwrap_or((&self.text, ""))
    }
}

impl FromStr for RegistryPlace {
    type Err = InvalidReference;

    /// Reads `[https://]REGISTRY[/NAMESPACE]`; docker's own registry has several
    /// names, of which `docker.io` is taken.
    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let place = bare.unwrap_or(text).trim_end_matches('/');
        let (host, path) = place.split_once('/').unwrap_or((place, ""));
        let path = if matches!(path, "v1" | "v2") { "" } else { path };
        let name: Name = format!("{host}/x/x")
            .parse()
            .map_err(|error| InvalidReference { text: text.into(), ..error })?;
        if !name.repository.eq("x/x") {
            let why = "a registry has a dot or a port, or is localhost";
            return Err(InvalidReference { text: text.into(), why });
        }
        let text = match path {
            "" => name.registry.clone(),
            path => format!("{}/{path}", name.registry),
        };
        Ok(Self { registry: name.registry, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_recognized_by_any_of_its_names() {
        let cases = [
            ("docker.io", Some(("docker.io", "docker.io"))),
            ("index.docker.io", Some(("docker.io", "docker.io"))),
            ("https://index.docker.io/v1/", Some(("docker.io", "docker.io"))),
            ("https://ghcr.io/", Some(("ghcr.io", "ghcr.io"))),
            ("localhost:5000", Some(("localhost:5000", "localhost:5000"))),
            ("quay.io/team", Some(("quay.io", "quay.io/team"))),
            ("myregistry", None),
            ("", None),
            ("a b.c", None),
            ("ann:secret@ghcr.io", None),
        ];
        for (text, expected) in cases {
            let place = text.parse::<RegistryPlace>().ok();
            let place = place.as_ref().map(|p| (p.registry.as_str(), p.text.as_str()));
            assert_eq!(place, expected, "{text}");
        }
    }
}
