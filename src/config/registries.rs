//! `[registries]` and `[aliases]` of `config.toml`.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};

use crate::oci::{Name, Place, Registries, RegistrySettings};

/// `[registries]`: two settings for all, and a table a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table(pub(super) Registries);

/// `[aliases]`: short names, and what they stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Aliases(pub(super) BTreeMap<String, Place>);

/// `[registries."HOST"]`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Host {
    mirrors: Vec<Parsed<Place>>,
    insecure: bool,
}

enum Key {
    Default,
    Timeout,
    Host(String),
}

/// A string that means something; what is wrong with it is told with its line.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Parsed<T>(T);

/// Seconds in which a healthy connection brings something.
struct Timeout(Duration);

/// A name without registry, tag and digest.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct ShortName(String);

/// A repository, to which a short name's tag is added.
struct Repository(Place);

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TableVisitor)
    }
}

struct TableVisitor;

impl<'de> Visitor<'de> for TableVisitor {
    type Value = Table;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("settings for registries")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Table, A::Error> {
        let mut registries = Registries::default();
        while let Some(Parsed(key)) = map.next_key()? {
            match key {
                Key::Default => registries.default = Some(map.next_value::<Parsed<Place>>()?.0),
                Key::Timeout => registries.silence = Some(map.next_value::<Timeout>()?.0),
                Key::Host(host) => {
                    let Host { mirrors, insecure } = map.next_value()?;
                    let mirrors = mirrors.into_iter().map(|mirror| mirror.0).collect();
                    registries.hosts.insert(host, RegistrySettings { mirrors, insecure });
                }
            }
        }
        Ok(Table(registries))
    }
}

impl<'de> Deserialize<'de> for Aliases {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let aliases = BTreeMap::<Parsed<ShortName>, Parsed<Repository>>::deserialize(deserializer)?;
        Ok(Self(aliases.into_iter().map(|(name, place)| (name.0.0, place.0.0)).collect()))
    }
}

impl<'de, T: FromStr<Err = String>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Timeout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            seconds @ 1..=3600 => Ok(Self(Duration::from_secs(seconds))),
            _ => Err(D::Error::custom("a timeout is a number of seconds from 1 to 3600")),
        }
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse::<Place>()) {
            ("default", _) => Ok(Self::Default),
            ("timeout", _) => Ok(Self::Timeout),
            (_, Ok(place)) if place.path.is_empty() => Ok(Self::Host(place.registry)),
            _ => Err(format!("`{text}` is neither `default`, `timeout` nor a registry")),
        }
    }
}

impl FromStr for ShortName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<Name>() {
            Ok(name) if name.typed.as_deref() == Some(text) => Ok(Self(text.into())),
            _ => Err(format!("`{text}` is not a name without registry and tag")),
        }
    }
}

impl FromStr for Repository {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<Place>()? {
            place if place.path.is_empty() => Err(format!("`{text}` names no repository")),
            place => Ok(Self(place)),
        }
    }
}
