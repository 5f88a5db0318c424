//! What can go wrong with the store, and what the user can do about it.

use std::{io, path::PathBuf};

use nix::errno::Errno;

use crate::{
    hint::Hint,
    oci::{DiffId, Digest},
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
    #[error("the tar of layer {diff_id} cannot be written again")]
    NoRecord { diff_id: DiffId },
    #[error("cannot unpack the archive in {}", root.display())]
    Import { root: PathBuf, source: LayerError },
    #[error("the layers of the image are not those that its config lists")]
    LayersMissing,
    #[error("a sandbox named `{0}` exists already")]
    SandboxExists(String),
    #[error("`{0}` cannot name a sandbox")]
    SandboxName(String),
    #[error("there is no sandbox `{0}`")]
    NoSuchSandbox(String),
    #[error("several sandboxes have an id that begins with `{0}`")]
    SandboxAmbiguous(String),
    #[error("the record of the sandbox {id} is damaged")]
    SandboxDamaged { id: String, source: serde_json::Error },
    #[error("the sandbox {id} was made by another version of this program (format {version})")]
    SandboxVersion { id: String, version: u32 },
    #[error("cannot write the record of the sandbox")]
    Record(#[source] serde_json::Error),
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
    TooLarge(&'static str),
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
    /// Whether there is no room left on the disk, or in one's share of it.
    pub fn is_full_disk(&self) -> bool {
        matches!(self.errno(), Some(Errno::ENOSPC | Errno::EDQUOT))
    }

    fn errno(&self) -> Option<Errno> {
        match self {
            Self::Store { source, .. } => Some(source.errno),
            Self::Layer { source, .. } | Self::Import { source, .. } => source.errno(),
            _ => None,
        }
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        let (Self::Store { root, .. } | Self::Layer { root, .. } | Self::Import { root, .. }) =
            self
        else {
            return match self {
                Self::NoRecord { .. } => Some(
                    "an earlier version has unpacked it: remove the image and pull it again".into(),
                ),
                Self::Damaged { .. } => Some("pull or load the image again".into()),
                Self::SandboxName(_) => Some("use letters, digits, `.`, `_` and `-`".into()),
                _ => None,
            };
        };
        if let Self::Layer { source: LayerError::Whiteout { source, .. }, .. }
        | Self::Import { source: LayerError::Whiteout { source, .. }, .. } = self
            && source.errno == Errno::EPERM
        {
            return Some("without privileges, this needs Linux 5.8 or later".into());
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
