//! What is asked of the Node service: mounts on this machine.

use std::{collections::BTreeMap, path::Path};

use super::{
    Driver, Error,
    controller::capability,
    proto::{
        NodeGetInfoRequest, NodeGetVolumeStatsRequest, NodePublishVolumeRequest,
        NodeStageVolumeRequest, NodeUnpublishVolumeRequest, NodeUnstageVolumeRequest,
        TopologyRequirement, node_client::NodeClient, volume_usage::Unit,
    },
    state::Provisioned,
};
use crate::oci::CsiVolume;

/// How full a volume is, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    pub used: u64,
    pub total: u64,
    pub available: u64,
}

/// What is told with every use of a volume.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use<'a> {
    pub(super) volume: &'a Provisioned,
    pub(super) wanted: &'a CsiVolume,
    /// What the controller has said.
    pub(super) published: &'a BTreeMap<String, String>,
}

impl Driver {
    /// What the driver calls this machine, and where it says that it is.
    pub(super) fn node(&self) -> Result<(String, Option<TopologyRequirement>), Error> {
        let verb = "NodeGetInfo";
        let answer = self.call(verb, &NodeGetInfoRequest {}, async |channel, request| {
            NodeClient::new(channel).node_get_info(request).await
        })?;
        let here = answer.accessible_topology.map(|topology| TopologyRequirement {
            requisite: vec![topology.clone()],
            preferred: vec![topology],
        });
        Ok((self.given(answer.node_id, verb, "a node_id")?, here))
    }

    pub(super) fn stage(&self, volume: Use<'_>, staging: &Path) -> Result<(), Error> {
        let request = NodeStageVolumeRequest {
            volume_id: volume.volume.id.clone(),
            publish_context: volume.published.clone(),
            staging_target_path: staging.display().to_string(),
            volume_capability: Some(capability(volume.wanted)),
            secrets: self.secrets(volume.wanted)?,
            volume_context: volume.volume.context.clone(),
        };
        let answer = self.call("NodeStageVolume", &request, async |channel, request| {
            NodeClient::new(channel).node_stage_volume(request).await
        });
        answer.map(drop)
    }

    pub(super) fn unstage(&self, id: &str, staging: &Path) -> Result<(), Error> {
        let staging_target_path = staging.display().to_string();
        let request = NodeUnstageVolumeRequest { volume_id: id.into(), staging_target_path };
        self.undo("NodeUnstageVolume", &request, async |channel, request| {
            NodeClient::new(channel).node_unstage_volume(request).await
        })
    }

    pub(super) fn publish(
        &self,
        volume: Use<'_>,
        staging: Option<&Path>,
        target: &Path,
        readonly: bool,
    ) -> Result<(), Error> {
        let request = NodePublishVolumeRequest {
            volume_id: volume.volume.id.clone(),
            publish_context: volume.published.clone(),
            staging_target_path: staging.map(|it| it.display().to_string()).unwrap_or_default(),
            target_path: target.display().to_string(),
            volume_capability: Some(capability(volume.wanted)),
            readonly,
            secrets: self.secrets(volume.wanted)?,
            volume_context: volume.volume.context.clone(),
        };
        let answer = self.call("NodePublishVolume", &request, async |channel, request| {
            NodeClient::new(channel).node_publish_volume(request).await
        });
        answer.map(drop)
    }

    pub(super) fn unpublish(&self, id: &str, target: &Path) -> Result<(), Error> {
        let target_path = target.display().to_string();
        let request = NodeUnpublishVolumeRequest { volume_id: id.into(), target_path };
        self.undo("NodeUnpublishVolume", &request, async |channel, request| {
            NodeClient::new(channel).node_unpublish_volume(request).await
        })
    }

    /// `NodeGetVolumeStats`, of what is mounted at `target`.
    pub(super) fn stats(&self, id: &str, target: &Path) -> Result<Stats, Error> {
        let request = NodeGetVolumeStatsRequest {
            volume_id: id.into(),
            volume_path: target.display().to_string(),
            staging_target_path: String::new(),
        };
        let answer = self.call("NodeGetVolumeStats", &request, async |channel, request| {
            NodeClient::new(channel).node_get_volume_stats(request).await
        })?;
        let bytes = answer.usage.into_iter().find(|usage| usage.unit == Unit::Bytes as i32);
        let number = |number: i64| u64::try_from(number).unwrap_or(0);
        let stats = bytes.map(|usage| Stats {
            used: number(usage.used),
            total: number(usage.total),
            available: number(usage.available),
        });
        Ok(stats.unwrap_or_default())
    }
}
