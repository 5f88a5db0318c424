//! A value that remembers how it was typed.

use std::{ops::Deref, str::FromStr};

/// A value, and the text that it was parsed from: what a sandbox is to keep for
/// its next start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed<T> {
    value: T,
    text: String,
}

impl<T> Typed<T> {
    /// How it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl<T: FromStr> FromStr for Typed<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        Ok(Self { value: text.parse()?, text: text.into() })
    }
}

impl<T> Deref for Typed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
