//! Operating system, architecture and variant of an image.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What an image was built for, as in the `platform` of an image index.
///
/// Written `linux/amd64` or `linux/arm/v7`, in Go's words (`GOOS`, `GOARCH`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// `GOOS`: always `linux` for what runs here.
    pub os: String,
    /// `GOARCH`: `amd64`, `arm64`, …
    pub architecture: String,
    /// Variant of the CPU, such as `v7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// A text that does not name a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a platform of the form OS/ARCH[/VARIANT], such as linux/amd64")]
pub struct InvalidPlatform(pub String);

impl Platform {
    /// The platform of this machine.
    pub fn host() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            other => other,
        };
        Self { os: "linux".into(), architecture: architecture.into(), variant: None }
    }

    /// Whether an image for `self` serves somebody who asked for `wanted`.
    ///
    /// A side that names no variant takes any: `arm64` and `arm64/v8` are one.
    pub fn serves(&self, wanted: &Self) -> bool {
        let variants = self.variant.as_ref().zip(wanted.variant.as_ref());
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && variants.is_none_or(|(ours, theirs)| ours == theirs)
    }

    /// How well an image for `self` serves somebody who asked for `wanted`, the
    /// least being the best; none if it does not.
    ///
    /// One for just what is wanted comes before one that adds a variant:
    /// `amd64/v3` would not run on every amd64.
    pub fn rank(&self, wanted: &Self) -> Option<u8> {
        match self {
            platform if platform == wanted => Some(0),
            platform if platform.serves(wanted) && platform.variant.is_none() => Some(1),
            platform if platform.serves(wanted) => Some(2),
            _ => None,
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

impl FromStr for Platform {
    type Err = InvalidPlatform;

    fn from_str(text: &str) -> Result<Self, InvalidPlatform> {
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match parts[..] {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant)),
            _ => return Err(InvalidPlatform(text.into())),
        };
        if parts.iter().any(|part| part.is_empty()) {
            return Err(InvalidPlatform(text.into()));
        }
        let architecture = match architecture {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Ok(Self {
            os: os.into(),
            architecture: architecture.into(),
            variant: variant.map(Into::into),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variant_matches_any() {
        let platform = |text: &str| text.parse::<Platform>().unwrap();
        assert!(platform("linux/arm64/v8").serves(&platform("linux/arm64")));
        assert!(platform("linux/arm64").serves(&platform("linux/aarch64/v8")));
        assert!(!platform("linux/arm/v6").serves(&platform("linux/arm/v7")));
        assert!(!platform("linux/amd64").serves(&platform("windows/amd64")));
    }

    #[test]
    fn a_platform_needs_two_or_three_parts() {
        for bad in ["", "linux", "linux/", "/amd64", "linux/arm/v7/x"] {
            assert_eq!(bad.parse::<Platform>(), Err(InvalidPlatform(bad.into())));
        }
    }
}
