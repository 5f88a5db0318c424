//! What is asked of the Controller service: volumes and snapshots, wherever they are.

use std::collections::BTreeMap;

use super::{
    Driver, Error,
    error::MAKE,
    identity::{ControllerCan, PluginHas},
    proto::{
        CapacityRange, ControllerPublishVolumeRequest, ControllerUnpublishVolumeRequest,
        CreateSnapshotRequest, CreateVolumeRequest, DeleteSnapshotRequest, DeleteVolumeRequest,
        ListVolumesRequest, VolumeCapability, VolumeContentSource,
        controller_client::ControllerClient, volume_capability, volume_content_source,
    },
    state::Provisioned,
};
use crate::oci::{CsiAccess, CsiOrigin, CsiSnapshot, CsiVolume};

/// A volume that a driver has, whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub id: String,
    /// In bytes; 0 if the driver does not say.
    pub capacity: u64,
}

impl Driver {
    /// `CreateVolume`.
    pub(super) fn create(&self, wanted: &CsiVolume) -> Result<Provisioned, Error> {
        self.expect(ControllerCan::CreateDeleteVolume, MAKE)?;
        if let CsiOrigin::Volume { .. } = wanted.origin {
            self.expect(ControllerCan::CloneVolume, "make volumes of others")?;
        }
        let constraints = PluginHas::VolumeAccessibilityConstraints as i32;
        let accessibility_requirements = match self.abilities()?.plugin.contains(&constraints) {
            true => self.node()?.1,
            false => None,
        };
        let request = CreateVolumeRequest {
            name: wanted.key.clone(),
            capacity_range: capacity_range(wanted),
            volume_capabilities: vec![capability(wanted)],
            parameters: wanted.parameters.clone(),
            secrets: self.secrets(wanted)?,
            volume_content_source: content_source(&wanted.origin),
            accessibility_requirements,
        };
        let verb = "CreateVolume";
        let answer = self.call(verb, &request, async |channel, request| {
            ControllerClient::new(channel).create_volume(request).await
        })?;
        let volume = answer.volume.unwrap_or_default();
        let id = self.given(volume.volume_id, verb, "a volume_id")?;
        let capacity = u64::try_from(volume.capacity_bytes).unwrap_or(0);
        Ok(Provisioned { id, context: volume.volume_context, capacity })
    }

    pub(super) fn delete(&self, id: &str, wanted: &CsiVolume) -> Result<(), Error> {
        let secrets = self.secrets(wanted)?;
        let request = DeleteVolumeRequest { volume_id: id.into(), secrets };
        self.undo("DeleteVolume", &request, async |channel, request| {
            ControllerClient::new(channel).delete_volume(request).await
        })
    }

    /// `CreateSnapshot`, and whether it can be used already.
    pub(super) fn snapshot(&self, wanted: &CsiSnapshot) -> Result<(Provisioned, bool), Error> {
        self.expect(ControllerCan::CreateDeleteSnapshot, "make snapshots")?;
        let request = CreateSnapshotRequest {
            source_volume_id: wanted.source.clone(),
            name: wanted.key.clone(),
            secrets: self.secrets(&wanted.volume)?,
            parameters: BTreeMap::new(),
        };
        let verb = "CreateSnapshot";
        let answer = self.call(verb, &request, async |channel, request| {
            ControllerClient::new(channel).create_snapshot(request).await
        })?;
        let snapshot = answer.snapshot.unwrap_or_default();
        let id = self.given(snapshot.snapshot_id, verb, "a snapshot_id")?;
        let capacity = u64::try_from(snapshot.size_bytes).unwrap_or(0);
        let is_ready = snapshot.ready_to_use;
        Ok((Provisioned { id, context: BTreeMap::new(), capacity }, is_ready))
    }

    pub(super) fn delete_snapshot(&self, id: &str, wanted: &CsiSnapshot) -> Result<(), Error> {
        let secrets = self.secrets(&wanted.volume)?;
        let request = DeleteSnapshotRequest { snapshot_id: id.into(), secrets };
        self.undo("DeleteSnapshot", &request, async |channel, request| {
            ControllerClient::new(channel).delete_snapshot(request).await
        })
    }

    /// All volumes that it has.
    ///
    /// # Errors
    /// [`Error::Lacks`] if it cannot list them.
    pub fn list(&self) -> Result<Vec<Listed>, Error> {
        self.expect(ControllerCan::ListVolumes, "list its volumes")?;
        let (mut all, mut starting_token) = (Vec::new(), String::new());
        loop {
            let request = ListVolumesRequest { max_entries: 0, starting_token };
            let answer = self.call("ListVolumes", &request, async |channel, request| {
                ControllerClient::new(channel).list_volumes(request).await
            })?;
            all.extend(answer.entries.into_iter().filter_map(|entry| entry.volume).map(|volume| {
                let capacity = u64::try_from(volume.capacity_bytes).unwrap_or(0);
                Listed { id: volume.volume_id, capacity }
            }));
            // One that names the page which we had would never come to an end.
            if answer.next_token.is_empty() || answer.next_token == request.starting_token {
                return Ok(all);
            }
            starting_token = answer.next_token;
        }
    }

    /// `ControllerPublishVolume`: what the node is to be told.
    pub(super) fn attach(
        &self,
        id: &Provisioned,
        wanted: &CsiVolume,
        node: &str,
    ) -> Result<BTreeMap<String, String>, Error> {
        let readonly =
            wanted.access.is_readonly() && self.controller_can(ControllerCan::PublishReadonly)?;
        let request = ControllerPublishVolumeRequest {
            volume_id: id.id.clone(),
            node_id: node.into(),
            volume_capability: Some(capability(wanted)),
            readonly,
            secrets: self.secrets(wanted)?,
            volume_context: id.context.clone(),
        };
        let answer = self.call("ControllerPublishVolume", &request, async |channel, request| {
            ControllerClient::new(channel).controller_publish_volume(request).await
        })?;
        Ok(answer.publish_context)
    }

    pub(super) fn detach(&self, id: &str, wanted: &CsiVolume, node: &str) -> Result<(), Error> {
        let (volume_id, node_id) = (id.into(), node.into());
        let secrets = self.secrets(wanted)?;
        let request = ControllerUnpublishVolumeRequest { volume_id, node_id, secrets };
        self.undo("ControllerUnpublishVolume", &request, async |channel, request| {
            ControllerClient::new(channel).controller_unpublish_volume(request).await
        })
    }
}

fn capacity_range(wanted: &CsiVolume) -> Option<CapacityRange> {
    let bytes = |size: Option<u64>| size.map_or(0, |size| i64::try_from(size).unwrap_or(i64::MAX));
    let is_given = wanted.required_bytes.is_some() || wanted.limit_bytes.is_some();
    is_given.then(|| CapacityRange {
        required_bytes: bytes(wanted.required_bytes),
        limit_bytes: bytes(wanted.limit_bytes),
    })
}

/// How a volume is to be used.
pub(super) fn capability(wanted: &CsiVolume) -> VolumeCapability {
    use volume_capability::access_mode::Mode;
    let mode = match wanted.access {
        CsiAccess::SingleNodeWriter => Mode::SingleNodeWriter,
        CsiAccess::SingleNodeReaderOnly => Mode::SingleNodeReaderOnly,
        CsiAccess::MultiNodeReaderOnly => Mode::MultiNodeReaderOnly,
        CsiAccess::MultiNodeSingleWriter => Mode::MultiNodeSingleWriter,
        CsiAccess::MultiNodeMultiWriter => Mode::MultiNodeMultiWriter,
    };
    let mount = volume_capability::MountVolume {
        fs_type: wanted.fs_type.clone(),
        mount_flags: wanted.mount_flags.clone(),
    };
    VolumeCapability {
        access_mode: Some(volume_capability::AccessMode { mode: mode as i32 }),
        access_type: Some(volume_capability::AccessType::Mount(mount)),
    }
}

fn content_source(origin: &CsiOrigin) -> Option<VolumeContentSource> {
    use volume_content_source::{SnapshotSource, Type, VolumeSource};
    let kind = match origin {
        CsiOrigin::Volume { id } => Type::Volume(VolumeSource { volume_id: id.clone() }),
        CsiOrigin::Snapshot { id } => Type::Snapshot(SnapshotSource { snapshot_id: id.clone() }),
        CsiOrigin::Empty | CsiOrigin::Adopted { .. } => return None,
    };
    Some(VolumeContentSource { r#type: Some(kind) })
}
