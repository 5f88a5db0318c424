//! `vendor.com/class=name`: how a device is called in every file.

use std::{fmt, str::FromStr};

/// A fully qualified name (CDI, "Kind" and "Device name").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// `vendor.com/class`.
    pub kind: String,
    pub device: String,
}

/// The text is not a fully qualified name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a name such as vendor.com/class=name")]
pub struct InvalidName;

impl Name {
    /// The name that stands for all devices of a kind.
    pub(super) const ALL: &str = "all";

    pub(crate) fn new(kind: &str, device: &str) -> Self {
        Self { kind: kind.into(), device: device.into() }
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (kind, device) = text.split_once('=').ok_or(InvalidName)?;
        match is_kind(kind) && is_device(device) {
            true => Ok(Self::new(kind, device)),
            false => Err(InvalidName),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.kind, self.device)
    }
}

/// Whether `text` is of the form `vendor/class`.
pub(super) fn is_kind(text: &str) -> bool {
    let word = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic()) && is_word(text, "-_.")
    };
    text.split_once('/').is_some_and(|(vendor, class)| word(vendor) && word(class))
}

/// Whether `text` can be the name of a device within its kind.
pub fn is_device(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric()) && is_word(text, "-_.:")
}

/// Letters and digits, and between them those `others`.
fn is_word(text: &str, others: &str) -> bool {
    text.ends_with(|last: char| last.is_ascii_alphanumeric())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || others.contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_vendor_a_class_and_a_device() {
        for good in ["nvidia.com/gpu=0", "a/b=c", "v-1.x_y/c.d=GPU-1:2.3_4", "v/c=all"] {
            assert_eq!(good.parse::<Name>().map(|name| name.to_string()), Ok(good.into()));
        }
        for bad in [
            "",
            "/dev/null",
            "a/b",
            "a=b",
            "a/b=",
            "/b=c",
            "a/=c",
            "1a/b=c",
            "a./b=c",
            "a/1=c",
            "a/b=-c",
            "a/b=c:",
            "a/b/c=d",
            "a/b=c=d",
            "a/b=c d",
            "ä/b=c",
        ] {
            assert_eq!(bad.parse::<Name>(), Err(InvalidName), "{bad}");
        }
    }
}
