//! What a user has settled about registries and the names of images.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use super::{Name, Reference};

/// Settings for names, and for the registries they lead to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registries {
    /// The place of names that mention no registry, instead of Docker Hub.
    pub default: Option<Place>,
    /// How long a connection may bring nothing before it counts as broken.
    pub silence: Option<Duration>,
    /// By host and port as they stand in names.
    pub hosts: BTreeMap<String, RegistrySettings>,
    /// Short names, and the repositories they stand for.
    pub aliases: BTreeMap<String, Place>,
}

/// Settings for one registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistrySettings {
    /// Where to ask first, in this order.
    pub mirrors: Vec<Place>,
    /// Whether its certificate may be anybody's, and plain http will do.
    pub insecure: bool,
}

/// A part of a registry: `HOST[:PORT][/PATH]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub registry: String,
    /// Without slashes at its ends; empty for the whole registry.
    pub path: String,
}

impl Registries {
    /// The settings for a registry, or none that differ from the usual ones.
    pub fn of(&self, registry: &str) -> RegistrySettings {
        self.hosts.get(registry).cloned().unwrap_or_default()
    }

    /// The image that was meant by a name which mentions no registry: first by
    /// alias, then in the default registry.
    pub fn complete(&self, reference: &Reference) -> Reference {
        match reference {
            Reference::Registry(name) => Reference::Registry(self.complete_name(name)),
            other => other.clone(),
        }
    }

    /// As [`Self::complete`].
    pub fn complete_name(&self, name: &Name) -> Name {
        let Some(typed) = &name.typed else { return name.clone() };
        let (registry, repository) = match (self.aliases.get(typed), &self.default) {
            (Some(alias), _) => (alias.registry.clone(), alias.path.clone()),
            // Docker Hub has a rule of its own, which was applied already.
            (None, Some(place)) if place.registry != name.registry || !place.path.is_empty() => {
                (place.registry.clone(), place.repository(typed))
            }
            (None, _) => (name.registry.clone(), name.repository.clone()),
        };
        Name { registry, repository, typed: None, ..name.clone() }
    }
}

impl Place {
    /// The same image in a mirror that keeps the registry's repositories here.
    pub fn mirrored(&self, name: &Name) -> Name {
        let repository = self.repository(&name.repository);
        Name { registry: self.registry.clone(), repository, typed: None, ..name.clone() }
    }

    fn repository(&self, below: &str) -> String {
        match self.path.as_str() {
            "" => below.into(),
            path => format!("{path}/{below}"),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = |why: &str| format!("`{text}` is not of the form HOST[:PORT][/PATH]: {why}");
        if text.contains("://") {
            return Err(bad("leave the scheme out"));
        }
        let text = text.strip_suffix('/').unwrap_or(text);
        // With a repository it must be the name of an image.
        let name: Name =
            format!("{text}/x").parse().map_err(|e: super::InvalidReference| bad(e.why))?;
        if name.typed.is_some() {
            return Err(bad("a host has a `.` or a port, or is `localhost`"));
        }
        let path = text.split_once('/').map_or("", |(_, path)| path);
        Ok(Self { registry: name.registry, path: path.into() })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.registry),
            path => write!(f, "{}/{path}", self.registry),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn a_short_name_is_completed_by_alias_then_by_default() {
        let registries = |default: Option<&str>| Registries {
            default: default.map(|place| place.parse().unwrap()),
            aliases: [("build".into(), "ghcr.io/me/build-image".parse().unwrap())].into(),
            ..Registries::default()
        };
        let cases = [
            (None, "alpine", "docker.io/library/alpine:latest"),
            (Some("docker.io"), "alpine", "docker.io/library/alpine:latest"),
            (Some("r.test:5000"), "alpine:3", "r.test:5000/alpine:3"),
            (Some("r.test"), "library/alpine", "r.test/library/alpine:latest"),
            (Some("r.test/team"), "a/b", "r.test/team/a/b:latest"),
            (Some("r.test"), "docker.io/alpine", "docker.io/library/alpine:latest"),
            (Some("r.test"), "build:2", "ghcr.io/me/build-image:2"),
            (None, "docker.io/build", "docker.io/library/build:latest"),
        ];
        for (default, typed, complete) in cases {
            let found = registries(default).complete_name(&name(typed));
            assert_eq!(found.to_string(), complete, "{typed} with {default:?}");
        }
    }

    #[test]
    fn a_mirror_keeps_repositories_below_its_path() {
        let mirrored = |place: &str, text: &str| {
            place.parse::<Place>().unwrap().mirrored(&name(text)).to_string()
        };
        assert_eq!(mirrored("m.test", "alpine"), "m.test/library/alpine:latest");
        assert_eq!(mirrored("m.test:1/hub/", "a/b:2"), "m.test:1/hub/a/b:2");
    }

    #[test]
    fn a_place_names_a_host() {
        for good in ["ghcr.io", "localhost", "h:5000/a/b", "[::1]:5000", "10.0.0.1"] {
            assert_eq!(good.parse::<Place>().unwrap().to_string(), good);
        }
        for bad in ["", "host", "https://ghcr.io", "a.b/C", "a.b//c", "a.b:x", "a.b/c:tag", "/x"] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
    }
}
