//! Devices: what was asked for, and what that changes in a sandbox.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Mount, MountFlags, MountKind};

/// Devices that somebody asked for. What they are is found out at each start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeviceRequest {
    /// A node of the host's, or all those below a directory.
    Node(DeviceNode),
    /// What a file of the Container Device Interface calls `vendor.com/class=name`.
    Cdi(String),
    Gpus(Gpus),
}

/// A device node of the host's inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceNode {
    /// Absolute path on the host.
    pub source: PathBuf,
    /// Absolute path inside.
    pub destination: PathBuf,
    /// Some of `r`, `w`, `m`: no more than what was asked for.
    pub permissions: String,
}

/// Which GPUs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Gpus {
    All,
    /// The first ones.
    Count(u32),
    /// By number or UUID.
    Devices(Vec<String>),
}

/// What devices change in a sandbox (CDI, `containerEdits`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceEdits {
    /// `KEY=VALUE`.
    pub env: Vec<String>,
    pub nodes: Vec<DeviceNode>,
    pub mounts: Vec<Mount>,
    /// Further groups of the workload, as numbers inside.
    pub groups: Vec<u32>,
}

impl DeviceEdits {
    /// All that is mounted for the devices.
    pub fn all_mounts(&self) -> impl Iterator<Item = Mount> {
        self.nodes.iter().map(DeviceNode::mount).chain(self.mounts.iter().cloned())
    }
}

impl DeviceNode {
    fn mount(&self) -> Mount {
        Mount {
            destination: self.destination.clone(),
            kind: MountKind::Bind { source: self.source.clone() },
            readonly: false,
            flags: MountFlags { nosuid: true, noexec: true, ..MountFlags::default() },
        }
    }
}
