//! Volumes of CSI drivers (Container Storage Interface 1.x), as they are asked for.

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// How a driver is reached, and what it is always told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsiDriver {
    /// Where it listens.
    pub socket: PathBuf,
    /// What it is told with each new volume, unless that says otherwise.
    pub parameters: BTreeMap<String, String>,
    /// A file with what only it may know.
    pub secrets: Option<PathBuf>,
    /// How long one verb may take, with all its tries.
    pub timeout: Duration,
}

impl CsiDriver {
    /// How long a verb may take unless somebody says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(60);

    /// One that is known by its socket alone.
    pub fn at(socket: PathBuf) -> Self {
        let timeout = Self::TIMEOUT;
        Self { socket, parameters: BTreeMap::new(), secrets: None, timeout }
    }

    /// The socket that `endpoint` names: `unix:///PATH`, as drivers are told it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse_endpoint(endpoint: &str) -> Result<PathBuf, String> {
        let path = endpoint.strip_prefix("unix://").map(PathBuf::from);
        path.filter(|path| path.is_absolute()).ok_or_else(|| {
            format!("`{endpoint}` is no endpoint of a CSI driver, such as unix:///run/csi.sock")
        })
    }
}

/// A volume as it was asked for (`CreateVolumeRequest`); what the driver has made of it
/// is written down elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CsiVolume {
    /// The name by which the driver recognizes a second try: nobody else's.
    pub key: String,
    pub origin: CsiOrigin,
    pub required_bytes: Option<u64>,
    pub limit_bytes: Option<u64>,
    /// Empty to leave it to the driver.
    pub fs_type: String,
    pub mount_flags: Vec<String>,
    pub access: CsiAccess,
    /// What only the driver understands.
    pub parameters: BTreeMap<String, String>,
    /// The file with its secrets, if not the driver's.
    pub secrets: Option<PathBuf>,
}

/// What is in a new volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CsiOrigin {
    Empty,
    /// What is in another volume of the driver.
    Volume {
        id: String,
    },
    /// What was in one when a snapshot was taken.
    Snapshot {
        id: String,
    },
    /// It is there already, and was not made by us.
    Adopted {
        id: String,
        context: BTreeMap<String, String>,
    },
}

/// A snapshot as it was asked for (`CreateSnapshotRequest`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CsiSnapshot {
    /// See [`CsiVolume::key`].
    pub key: String,
    /// The driver's id of the volume that it is of.
    pub source: String,
    /// How that volume was asked for, as others are that come of the snapshot.
    pub volume: Box<CsiVolume>,
}

/// Who may use a volume at the same time, and how (`VolumeCapability.AccessMode`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CsiAccess {
    #[default]
    SingleNodeWriter,
    SingleNodeReaderOnly,
    MultiNodeReaderOnly,
    MultiNodeSingleWriter,
    MultiNodeMultiWriter,
}

impl CsiAccess {
    /// All that there are, by the names of the specification in lower case.
    pub const ALL: [(&'static str, Self); 5] = [
        ("single-node-writer", Self::SingleNodeWriter),
        ("single-node-reader-only", Self::SingleNodeReaderOnly),
        ("multi-node-reader-only", Self::MultiNodeReaderOnly),
        ("multi-node-single-writer", Self::MultiNodeSingleWriter),
        ("multi-node-multi-writer", Self::MultiNodeMultiWriter),
    ];

    /// Whether nobody may write to it.
    pub fn is_readonly(self) -> bool {
        matches!(self, Self::SingleNodeReaderOnly | Self::MultiNodeReaderOnly)
    }
}

impl FromStr for CsiAccess {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, access)| *access).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|(name, _)| *name).collect();
            format!("`access={text}` is not known; there are {}", names.join(", "))
        })
    }
}

impl fmt::Display for CsiAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, access)| access == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_socket_by_its_whole_path() {
        assert_eq!(CsiDriver::parse_endpoint("unix:///a/b.sock"), Ok("/a/b.sock".into()));
        for bad in ["", "/a", "unix://a", "unix:/a", "tcp://1.2.3.4:5", "unix://"] {
            assert!(CsiDriver::parse_endpoint(bad).unwrap_err().contains(bad), "{bad}");
        }
    }

    #[test]
    fn access_modes_have_the_names_of_the_specification() {
        for (name, access) in CsiAccess::ALL {
            assert_eq!((name.parse(), access.to_string()), (Ok(access), name.to_owned()));
        }
        assert!("writer".parse::<CsiAccess>().unwrap_err().contains("single-node-writer"));
    }
}
