//! Volumes, and what a sandbox wants mounted.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{CsiSnapshot, CsiVolume, MountFlags};

/// Something that is to be mounted, as it was asked for; what that is then is found
/// out at each start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MountRequest {
    /// Absolute path inside; missing parts are created in the root.
    pub destination: PathBuf,
    pub kind: MountSource,
    pub readonly: bool,
    /// What else may not be done below it.
    #[serde(default)]
    pub flags: MountFlags,
}

impl MountRequest {
    /// Whether it is a directory of the host that stays as it is, whatever the sandbox
    /// changes.
    pub fn is_cow(&self) -> bool {
        matches!(self.kind, MountSource::Bind { cow: true, .. })
    }
}

/// Where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MountSource {
    /// A directory or file of the host, with what is mounted below it; made as a
    /// directory if it is missing and `make`.
    Bind {
        source: PathBuf,
        #[serde(default)]
        make: bool,
        /// Whether it stays as it is: the sandbox keeps to itself what it changes.
        #[serde(default)]
        cow: bool,
    },
    /// An empty file system in memory; `size` in bytes, `mode` as in chmod.
    Tmpfs { size: Option<u64>, mode: u32, noexec: bool },
    /// A volume of the store.
    Volume(VolumeRequest),
    /// The files of an image, by its name: none of them can be changed.
    Image { image: String, subpath: Option<PathBuf> },
}

/// Which volume, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeRequest {
    /// None as long as it is one without a name that was not made yet.
    pub name: Option<String>,
    /// What is to be seen of it, if not all.
    #[serde(default)]
    pub subpath: Option<PathBuf>,
    /// Whether a new one stays empty, rather than to begin with what the image has
    /// there.
    #[serde(default)]
    pub nocopy: bool,
    /// What to make it with, if it is not there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// What is written down about a volume (CSI `CreateVolumeRequest`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeRecord {
    /// The version of this format.
    pub version: u32,
    pub name: String,
    /// `local`, `tmpfs`, `image`, or `csi:` and a driver.
    pub driver: String,
    /// When it was made (RFC 3339).
    pub created: String,
    pub labels: BTreeMap<String, String>,
    /// As they were typed.
    pub options: BTreeMap<String, String>,
    /// What that means.
    pub kind: VolumeKind,
    /// Whether nobody gave it its name.
    pub anonymous: bool,
    /// Whether it can only be read: a snapshot.
    pub readonly: bool,
}

impl VolumeRecord {
    /// The format that this program writes, and the only one that it reads.
    pub const VERSION: u32 = 1;

    /// Whether a CSI driver has it.
    pub fn is_a_drivers(&self) -> bool {
        matches!(self.kind, VolumeKind::Csi(_) | VolumeKind::CsiSnapshot(_))
    }

    /// Whether nobody may write to it, whatever they ask for.
    pub fn is_readonly(&self) -> bool {
        self.readonly
            || match &self.kind {
                VolumeKind::Bind { readonly, .. } => *readonly,
                VolumeKind::Image { .. } | VolumeKind::CsiSnapshot(_) => true,
                VolumeKind::Csi(volume) => volume.access.is_readonly(),
                VolumeKind::Directory | VolumeKind::Tmpfs { .. } => false,
            }
    }
}

/// What a volume is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum VolumeKind {
    /// A directory of the store.
    Directory,
    /// A directory of the host.
    Bind { source: PathBuf, readonly: bool },
    /// A file system in memory, for each sandbox its own.
    Tmpfs { size: Option<u64>, mode: u32 },
    /// The files of an image.
    Image { image: String },
    /// What a CSI driver makes and mounts.
    Csi(CsiVolume),
    /// What a CSI driver keeps of a volume, from which it makes others.
    CsiSnapshot(CsiSnapshot),
}
