//! What can go wrong with the store, and what the user can do about it.

use std::{io, path::PathBuf};

use nix::errno::Errno;

use crate::{
    hint::Hint,
    oci::{DiffId, Digest, Exceeded},
    sys,
};

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot use the store in {}", root.display())]
    Store { root: PathBuf, source: sys::Error },
    #[error("cannot unpack layer {diff_id} in {}", root.display())]
    Layer { diff_id: DiffId, root: PathBuf, source: LayerError },
    #[error("the {what} {digest} cannot be read as one")]
    Malformed { what: &'static str, digest: Digest, source: serde_json::Error },
    #[error("the {what} {digest} is damaged")]
    Damaged { what: &'static str, digest: Digest },
    #[error("the layers of the image are not those that its config lists")]
    LayersMissing,
    #[error("a sandbox named `{0}` exists already")]
    SandboxExists(String),
    #[error("`{0}` cannot name a sandbox")]
    SandboxName(String),
    #[error("cannot use the directory {} as a root file system", path.display())]
    Directory { path: PathBuf, source: sys::Error },
}

/// Why a layer cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    #[error("cannot read the layer")]
    Read(#[source] io::Error),
    #[error("the layer is compressed with {0}, which OCI images do not use")]
    Compression(&'static str),
    #[error("layer entry {path} {why}")]
    Refused { path: String, why: &'static str },
    #[error("cannot store layer entry {path}")]
    Entry { path: String, source: sys::Error },
    #[error("cannot mark layer entry {path} as deleted")]
    Whiteout { path: String, source: sys::Error },
    #[error("cannot store the layer")]
    Store(#[source] sys::Error),
    #[error("the layer {0}")]
    TooLarge(Exceeded),
    #[error("the image {0}")]
    ImageTooLarge(Exceeded),
    #[error("layer entry {path} {exceeded}")]
    EntryTooLarge { path: String, exceeded: Exceeded },
    #[error("the content of the layer hashes to {actual}")]
    Mismatch { actual: DiffId },
}

impl LayerError {
    fn errno(&self) -> Option<Errno> {
        match self {
            Self::Entry { source, .. } | Self::Whiteout { source, .. } | Self::Store(source) => {
                Some(source.errno)
            }
            _ => None,
        }
    }
}

impl Error {
    fn errno(&self) -> Option<Errno> {
        match self {
            Self::Store { source, .. } => Some(source.errno),
            Self::Layer { source, .. } => source.errno(),
            _ => None,
        }
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        let (Self::Store { root, .. } | Self::Layer { root, .. }) = self else {
            return match self {
                Self::Damaged { .. } => Some("pull or load the image again".into()),
                Self::SandboxName(_) => Some("use letters, digits, `.`, `_` and `-`".into()),
                _ => None,
            };
        };
        if let Self::Layer { source: LayerError::Whiteout { source, .. }, .. } = self
            && source.errno == Errno::EPERM
        {
            return Some("without privileges, this needs Linux 5.8 or later".into());
        }
        if let Self::Layer { source, .. } = self
            && let LayerError::TooLarge(exceeded) | LayerError::ImageTooLarge(exceeded) = source
        {
            return exceeded.hint();
        }
        let root = root.display();
        match self.errno()? {
            Errno::ENOSPC => Some(format!("make room on the file system of {root}")),
            Errno::EDQUOT => Some(format!("your quota on the file system of {root} is used up")),
            Errno::EROFS => Some(format!("the file system of {root} is read-only")),
            Errno::EOPNOTSUPP => {
                Some(format!("the file system of {root} cannot hold unpacked layers"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named() {
        let full = sys::Error { call: "write(\"file\")".into(), errno: Errno::ENOSPC };
        let entry = LayerError::Entry { path: "`usr/file`".into(), source: full };
        let diff_id = DiffId(Digest::from_sha256(&[0; 32]));
        let error = Error::Layer { diff_id, root: "/store".into(), source: entry };
        assert_eq!(error.hint().unwrap(), "make room on the file system of /store");
    }
}
