//! What can go wrong with the store, and what the user can do about it.

use std::{
    io,
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use super::sandboxes::MAX_NAME;
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
    #[error("the tar of layer {diff_id} cannot be written again")]
    NoRecord { diff_id: DiffId },
    #[error("cannot unpack the archive in {}", root.display())]
    Import { root: PathBuf, source: LayerError },
    /// For layers that take `needed` bytes before they are unpacked; what was
    /// written until the disk was full is gone again.
    #[error(
        "there is no room for the image in {}: the layers that are missing take {} MB compressed \
         and more unpacked, and {} MB are free{}",
        root.display(), needed.div_ceil(1_000_000), free / 1_000_000, but_for_a_quota(source.as_deref())
    )]
    NoRoom { root: PathBuf, needed: u64, free: u64, source: Option<Box<Error>> },
    #[error("cannot use the layer in {}", path.display())]
    Additional { path: PathBuf, source: io::Error },
    #[error("the store in {} is in use: {} {}", root.display(), first.display(), and_more(*count))]
    InUse { root: PathBuf, first: PathBuf, count: usize },
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
    #[error("the changes of {0} are kept in memory")]
    ChangesInMemory(String),
    #[error("cannot copy {path}")]
    Copy { path: String, source: sys::Error },
    #[error("a layer cannot hold {0}, which would mean that something is deleted")]
    LooksDeleted(String),
    #[error("cannot read the archive")]
    Archive(#[source] LayerError),
    #[error("cannot put {path} where {what} is")]
    InTheWay { path: String, what: &'static str },
    #[error("a volume named `{0}` exists already")]
    VolumeExists(String),
    #[error("a volume named `{name}` exists already, and was made otherwise")]
    VolumeDiffers { name: String, made: String },
    #[error("there is no volume `{0}`")]
    NoSuchVolume(String),
    #[error("the volume `{name}` is in use{}", by(users))]
    VolumeInUse { name: String, users: Vec<String> },
    #[error("the record of the volume `{name}` is damaged")]
    VolumeDamaged { name: String, source: io::Error },
    /// The first that was refused, how many more, and whether the host has changed one.
    #[error("{} {}was not taken over", first.display(), and_others(*more))]
    NotApplied { first: PathBuf, more: usize, drifted: bool },
    #[error("{} is not the directory any more that the sandbox has changed", .0.display())]
    OtherDirectory(PathBuf),
    /// Relative paths of a directory that is seen copy-on-write.
    #[error("nothing has changed at {}{}", path.display(), with_above(above.as_deref()))]
    Unchanged { path: PathBuf, above: Option<PathBuf> },
    #[error("the store in {} is in {}, which can then not be seen copy-on-write", root.display(), path.display())]
    HoldsStore { path: PathBuf, root: PathBuf },
    #[error(transparent)]
    Csi(#[from] super::csi::Error),
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
    #[error("the archive {0}")]
    ArchiveTooLarge(Exceeded),
    #[error("layer entry {path} {exceeded}")]
    EntryTooLarge { path: String, exceeded: Exceeded },
    #[error("the content of the layer hashes to {actual}")]
    Mismatch { actual: DiffId },
}

impl LayerError {
    fn exceeded(&self) -> Option<&Exceeded> {
        match self {
            Self::TooLarge(exceeded)
            | Self::ImageTooLarge(exceeded)
            | Self::ArchiveTooLarge(exceeded)
            | Self::EntryTooLarge { exceeded, .. } => Some(exceeded),
            _ => None,
        }
    }

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
            Self::Store { source, .. } | Self::Copy { source, .. } => Some(source.errno),
            Self::Layer { source, .. } | Self::Import { source, .. } => source.errno(),
            Self::NoRoom { source: Some(source), .. } => source.errno(),
            Self::NoRoom { source: None, .. } => Some(Errno::ENOSPC),
            _ => None,
        }
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoRecord { .. } => Some(
                "an earlier version has unpacked it: remove the image and pull it again".into(),
            ),
            Self::Csi(error) => error.hint(),
            Self::Damaged { .. } => Some("`sandbox system check --repair` fetches it again".into()),
            Self::InUse { .. } => {
                Some("end what runs first: `sandbox ps` lists it, `sandbox rm -f` ends it".into())
            }
            Self::ChangesInMemory(_) => {
                Some("they can be had by `sandbox cp` as long as it runs".into())
            }
            Self::NotApplied { drifted: true, .. } => Some(
                "look at it by `sandbox diff --patch`; `sandbox apply --force` overwrites what \
                 has changed on the host"
                    .into(),
            ),
            Self::VolumeDiffers { made, .. } => {
                Some(format!("it was made with `{made}`; --ignore takes it as it is"))
            }
            Self::NoSuchVolume(_) => Some("`sandbox volume ls` lists those that there are".into()),
            Self::VolumeDamaged { .. } => Some("`sandbox volume rm --force` removes it".into()),
            Self::VolumeInUse { users, .. } if !users.is_empty() => {
                Some("`sandbox rm` removes what uses it first".into())
            }
            Self::LooksDeleted(_) => Some("remove or rename it in the sandbox".into()),
            Self::SandboxName(name) if name.len() > MAX_NAME => {
                Some(format!("a name has at most {MAX_NAME} characters"))
            }
            Self::SandboxName(_) => Some("use letters, digits, `.`, `_` and `-`".into()),
            Self::Layer { source: LayerError::Whiteout { source, .. }, .. }
            | Self::Import { source: LayerError::Whiteout { source, .. }, .. }
                if source.errno == Errno::EPERM =>
            {
                Some("without privileges, this needs Linux 5.8 or later".into())
            }
            Self::Layer { source, .. } | Self::Import { source, .. }
                if source.exceeded().is_some() =>
            {
                source.exceeded()?.hint()
            }
            Self::NoRoom { source: None, .. } => Some(MAKE_ROOM.into()),
            Self::Store { root, source } if source.errno == Errno::EACCES && !root.exists() => {
                Some("`--root DIR` or SANDBOX_ROOT names another place".into())
            }
            Self::Store { root, .. }
            | Self::Layer { root, .. }
            | Self::Import { root, .. }
            | Self::NoRoom { root, .. } => about_file_system(root, self.errno()?),
            _ => None,
        }
    }
}

/// What the file system has free may be more than the user has.
fn but_for_a_quota(error: Option<&Error>) -> &'static str {
    match error.and_then(Error::errno) {
        Some(Errno::EDQUOT) => ", of which your quota leaves less",
        _ => "",
    }
}

fn and_others(more: usize) -> String {
    if more == 0 { String::new() } else { format!("and {more} more ") }
}

/// What a path was changed together with.
fn with_above(above: Option<&Path>) -> String {
    above.map_or(String::new(), |above| format!(" alone, but together with {}", above.display()))
}

const MAKE_ROOM: &str =
    "`sandbox system df` shows what takes room, `sandbox system prune` makes some";

fn by(users: &[String]) -> String {
    if users.is_empty() { String::new() } else { format!(" by {}", users.join(", ")) }
}

fn and_more(count: usize) -> String {
    match count {
        0 | 1 => "is locked".into(),
        count => format!("and {} more are locked", count - 1),
    }
}

fn about_file_system(root: &Path, errno: Errno) -> Option<String> {
    let root = root.display();
    let what = match errno {
        Errno::ENOSPC => format!("the file system of {root} is full"),
        Errno::EDQUOT => format!("your quota on the file system of {root} is used up"),
        Errno::EROFS => return Some(format!("the file system of {root} is read-only")),
        Errno::EOPNOTSUPP => {
            return Some(format!("the file system of {root} cannot hold unpacked layers"));
        }
        _ => return None,
    };
    Some(format!("{what}: {MAKE_ROOM}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer_error(errno: Errno) -> Error {
        let failed = sys::Error { call: "write(\"file\")".into(), errno };
        let entry = LayerError::Entry { path: "`usr/file`".into(), source: failed };
        let diff_id = DiffId(Digest::from_sha256(&[0; 32]));
        Error::Layer { diff_id, root: "/store".into(), source: entry }
    }

    #[test]
    fn a_disk_that_takes_no_more_is_named() {
        let cases = [
            (Errno::ENOSPC, "the file system of /store is full: `sandbox system df`"),
            (Errno::EDQUOT, "your quota on the file system of /store is used up: `sandbox"),
            (Errno::EROFS, "the file system of /store is read-only"),
        ];
        for (errno, expected) in cases {
            let hint = layer_error(errno).hint().unwrap();
            assert!(hint.starts_with(expected), "{hint}");
        }
    }

    #[test]
    fn what_is_needed_and_what_there_is_are_told() {
        let expected = "there is no room for the image in /store: the layers that are missing take \
                        2 MB compressed and more unpacked, and 9 MB are free";
        let full = |errno| {
            let source = Some(Box::new(layer_error(errno)));
            Error::NoRoom { root: "/store".into(), needed: 1_200_001, free: 9_999_999, source }
        };
        assert_eq!(full(Errno::ENOSPC).to_string(), expected);
        let over_quota = full(Errno::EDQUOT);
        let expected = format!("{expected}, of which your quota leaves less");
        assert_eq!(over_quota.to_string(), expected);
        assert!(over_quota.is_full_disk());
        assert!(over_quota.hint().unwrap().contains("quota"));
    }
}
