//! What can go wrong between a reference and verified bytes.

use std::{fmt, io, path::PathBuf, time::Duration};

use super::auth::{self, Tried};
use crate::{
    hint::Hint,
    oci::{Digest, Exceeded, Platform},
};

/// Why an image could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no image `{image}`")]
    NotFound { image: String },
    #[error("{place} has no blob {digest}")]
    BlobMissing { place: String, digest: Digest },
    #[error("no registry is asked while offline")]
    Offline,
    #[error("cannot reach {host}: {cause}")]
    Unreachable { host: String, cause: String },
    /// The same, and it will be so the next time.
    #[error("cannot reach {host}: there is no such host")]
    UnknownHost { host: String },
    #[error("cannot reach {host}: {cause}")]
    Untrusted { host: String, cause: String },
    #[error("the connection to {host} breaks: {cause}")]
    Broken { host: String, cause: String },
    #[error("{host} denies access to `{image}`{tried}")]
    Denied { host: String, image: String, tried: Box<Tried> },
    #[error(transparent)]
    Auth(#[from] auth::Error),
    /// `asked`: how long the registry wants us to stay away; `said`: what it
    /// tells its users, or nothing.
    #[error("{host} refuses further requests {}(429){}", Span(asked), Said(said))]
    TooManyRequests { host: String, asked: Option<Duration>, said: String },
    /// A server that has a bad moment; `status` as in "503 Service Unavailable".
    #[error("{host} answers {}{status}{}", Span(asked), Said(said))]
    Failing { host: String, status: String, asked: Option<Duration>, said: String },
    #[error("{host} answers {status}{}", Said(said))]
    Unexpected { host: String, status: String, said: String },
    #[error("{host}: {cause}")]
    Transport { host: String, cause: String },
    #[error("`{proxy}` is not the address of a proxy")]
    BadProxy { proxy: String },
    #[error("cannot use {}: {why}", file.display())]
    BadCertificate { file: PathBuf, why: String },
    #[error("the image is not for {wanted}; available: {}", List(available))]
    PlatformMissing { wanted: Platform, available: Vec<Platform> },
    #[error("the image is for {actual}, not for {wanted}")]
    PlatformMismatch { wanted: Box<Platform>, actual: Box<Platform> },
    #[error("the content hashes to {actual} instead of {expected}")]
    DigestMismatch { expected: Digest, actual: Digest },
    #[error("{digest} ends after {actual} of {expected} bytes")]
    Truncated { digest: Digest, expected: u64, actual: u64 },
    #[error("{digest} is longer than the {expected} bytes announced")]
    SizeMismatch { digest: Digest, expected: u64 },
    #[error("{what} {exceeded}")]
    TooLarge { what: &'static str, exceeded: Exceeded },
    #[error("{path} is a link; in a directory with an image, links are not followed")]
    Linked { path: String },
    #[error("{} has the file `{member}` twice", archive.display())]
    MemberTwice { archive: PathBuf, member: String },
    #[error("bad manifest: {why}")]
    BadManifest { why: String },
    #[error("{} has no file `{member}`", archive.display())]
    ArchiveMissing { archive: PathBuf, member: String },
    #[error("there is no tag `{tag}`; available: {}", List(available))]
    NoSuchTag { tag: String, available: Vec<String> },
    #[error("there are several images: {}", List(available))]
    TagNeeded { available: Vec<String> },
    #[error("`{reference}` is not pulled from anywhere")]
    NotAnImage { reference: String },
    #[error("cannot {what}")]
    Io { what: String, source: io::Error },
}

impl Error {
    pub(super) fn bad_manifest(why: impl Into<String>) -> Self {
        Self::BadManifest { why: why.into() }
    }

    /// Unwraps what a verifying reader has wrapped.
    pub(super) fn from_read(error: io::Error, what: impl FnOnce() -> String) -> Self {
        error.downcast::<Self>().unwrap_or_else(|source| Self::Io { what: what(), source })
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Truncated { .. } | Error::SizeMismatch { .. } | Error::DigestMismatch { .. } => {
                io::ErrorKind::InvalidData
            }
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Auth(error) => return error.hint(),
            Self::Denied { host, tried, .. } if tried.is_something() => {
                return Some(format!(
                    "the name may be wrong, or not for this user; `sandbox login {host}` changes whom we log in as"
                ));
            }
            Self::Denied { host, .. } => {
                return Some(format!(
                    "the name may be wrong, or the registry wants to know you: `sandbox login {host}`"
                ));
            }
            Self::TooManyRequests { host, .. } => {
                return Some(format!(
                    "`sandbox login {host}` may raise the limit; a mirror in config.toml avoids it"
                ));
            }
            Self::ArchiveMissing { member, .. } if member == "manifest.json" => {
                "`docker save` and `sandbox save` write archives of images; a tar with the files \
                 of a system becomes an image by `sandbox import`"
            }
            Self::TagNeeded { .. } => "append `:TAG` to choose one",
            Self::PlatformMissing { .. } => "choose one of these with `--platform`",
            Self::TooLarge { exceeded, .. } => return exceeded.hint(),
            Self::Linked { .. } => "`cp -rL` makes a copy with files in their place",
            _ => return None,
        };
        Some(text.into())
    }
}

/// For how long a registry is not to be asked.
struct Span<'a>(&'a Option<Duration>);

impl fmt::Display for Span<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(span) => write!(f, "for the next {} s ", span.as_secs()),
            None => Ok(()),
        }
    }
}

/// What a registry says of itself, after our own words.
struct Said<'a>(&'a str);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}

/// A list in a sentence, or "nothing".
struct List<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, rest)) = self.0.split_first() else { return f.write_str("nothing") };
        write!(f, "{first}")?;
        rest.iter().try_for_each(|item| write!(f, ", {item}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_sentences() {
        let error = |available: &[&str]| {
            let available = available.iter().map(|text| text.to_string()).collect();
            Error::NoSuchTag { tag: "x".into(), available }.to_string()
        };
        assert_eq!(error(&[]), "there is no tag `x`; available: nothing");
        assert_eq!(error(&["a", "b"]), "there is no tag `x`; available: a, b");
    }

    #[test]
    fn a_limit_is_told_with_the_way_out() {
        let refused = |asked: Option<u64>, said: &str| Error::TooManyRequests {
            host: "docker.io".into(),
            asked: asked.map(Duration::from_secs),
            said: said.into(),
        };
        assert_eq!(refused(None, "").to_string(), "docker.io refuses further requests (429)");
        assert_eq!(
            refused(Some(600), "you have reached your limit").to_string(),
            "docker.io refuses further requests for the next 600 s (429): you have reached your limit"
        );
        assert!(refused(None, "").hint().unwrap().contains("`sandbox login docker.io`"));
    }

    #[test]
    fn a_typed_error_survives_the_way_through_read() {
        let wrapped = io::Error::from(Error::bad_manifest("x"));
        let error = Error::from_read(wrapped, || "read".into());
        assert!(matches!(error, Error::BadManifest { .. }));
    }
}
