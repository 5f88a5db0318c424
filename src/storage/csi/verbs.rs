//! The verbs of CSI, as far as a container runtime on one machine needs them: our words
//! in, those of the specification to the driver, and back.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{
    Driver, Error,
    error::MAKE,
    proto::{
        CapacityRange, ControllerGetCapabilitiesRequest, ControllerPublishVolumeRequest,
        ControllerUnpublishVolumeRequest, CreateSnapshotRequest, CreateVolumeRequest,
        DeleteSnapshotRequest, DeleteVolumeRequest, GetPluginCapabilitiesRequest,
        GetPluginInfoRequest, ListVolumesRequest, NodeGetCapabilitiesRequest, NodeGetInfoRequest,
        NodeGetVolumeStatsRequest, NodePublishVolumeRequest, NodeStageVolumeRequest,
        NodeUnpublishVolumeRequest, NodeUnstageVolumeRequest, ProbeRequest, TopologyRequirement,
        VolumeCapability, VolumeContentSource, controller_client::ControllerClient,
        controller_service_capability, identity_client::IdentityClient, node_client::NodeClient,
        node_service_capability, plugin_capability, volume_capability, volume_content_source,
        volume_usage::Unit,
    },
    secrets,
    state::Provisioned,
};
use crate::oci::{CsiAccess, CsiOrigin, CsiSnapshot, CsiVolume};

pub(super) use controller_service_capability::rpc::Type as ControllerCan;
pub(super) use node_service_capability::rpc::Type as NodeCan;
use plugin_capability::service::Type as PluginHas;

/// Who a driver says it is, and what it can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portrait {
    pub name: String,
    pub version: String,
    pub manifest: BTreeMap<String, String>,
    /// By the names of the specification.
    pub plugin: Vec<&'static str>,
    pub controller: Vec<&'static str>,
    pub node: Vec<&'static str>,
    /// What the driver calls this machine.
    pub node_id: String,
}

/// What a driver can do, by the numbers of the specification.
#[derive(Debug, Default)]
pub(super) struct Abilities {
    plugin: BTreeSet<i32>,
    controller: BTreeSet<i32>,
    node: BTreeSet<i32>,
}

/// A volume that a driver has, whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub id: String,
    /// In bytes; 0 if the driver does not say.
    pub capacity: u64,
}

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
    /// A driver that does not say whether it is ready is.
    pub(super) fn probe(&self) -> Result<bool, Error> {
        let answer = self.call("Probe", &ProbeRequest {}, async |channel, request| {
            IdentityClient::new(channel).probe(request).await
        })?;
        Ok(answer.ready.unwrap_or(true))
    }

    /// Who it is, and what it can do.
    ///
    /// # Errors
    /// If it refuses to say so.
    pub fn portrait(&self) -> Result<Portrait, Error> {
        let info =
            self.call("GetPluginInfo", &GetPluginInfoRequest {}, async |channel, request| {
                IdentityClient::new(channel).get_plugin_info(request).await
            })?;
        let can = self.abilities()?;
        let names = |numbers: &BTreeSet<i32>, name: fn(i32) -> Option<&'static str>| {
            numbers.iter().filter_map(|number| name(*number)).collect()
        };
        Ok(Portrait {
            name: info.name,
            version: info.vendor_version,
            manifest: info.manifest,
            plugin: names(&can.plugin, |it| Some(PluginHas::try_from(it).ok()?.as_str_name())),
            controller: names(&can.controller, |it| {
                Some(ControllerCan::try_from(it).ok()?.as_str_name())
            }),
            node: names(&can.node, |it| Some(NodeCan::try_from(it).ok()?.as_str_name())),
            node_id: self.node().map(|(id, _)| id).unwrap_or_default(), // Not every driver has one.
        })
    }

    pub(super) fn name(&self) -> Result<String, Error> {
        let verb = "GetPluginInfo";
        let info = self.call(verb, &GetPluginInfoRequest {}, async |channel, request| {
            IdentityClient::new(channel).get_plugin_info(request).await
        })?;
        self.given(info.name, verb, "a name")
    }

    /// What must not be empty.
    fn given(&self, text: String, verb: &'static str, what: &'static str) -> Result<String, Error> {
        match text.is_empty() {
            true => Err(Error::Incomplete { socket: self.socket(), verb, what }),
            false => Ok(text),
        }
    }

    fn abilities(&self) -> Result<&Abilities, Error> {
        if let Some(abilities) = self.abilities.get() {
            return Ok(abilities);
        }
        let plugin = self.plugin_abilities()?;
        let controller = match plugin.contains(&(PluginHas::ControllerService as i32)) {
            true => self.controller_abilities()?,
            false => BTreeSet::new(),
        };
        let node = self.node_abilities()?;
        Ok(self.abilities.get_or_init(|| Abilities { plugin, controller, node }))
    }

    fn plugin_abilities(&self) -> Result<BTreeSet<i32>, Error> {
        let request = GetPluginCapabilitiesRequest {};
        let answer = self.call("GetPluginCapabilities", &request, async |channel, request| {
            IdentityClient::new(channel).get_plugin_capabilities(request).await
        })?;
        let number = |kind| match kind {
            plugin_capability::Type::Service(service) => Some(service.r#type),
            plugin_capability::Type::VolumeExpansion(_) => None,
        };
        Ok(answer.capabilities.into_iter().filter_map(|it| it.r#type.and_then(number)).collect())
    }

    fn controller_abilities(&self) -> Result<BTreeSet<i32>, Error> {
        let request = ControllerGetCapabilitiesRequest {};
        let answer =
            self.call("ControllerGetCapabilities", &request, async |channel, request| {
                ControllerClient::new(channel).controller_get_capabilities(request).await
            })?;
        let number = |controller_service_capability::Type::Rpc(rpc)| rpc.r#type;
        Ok(answer.capabilities.into_iter().filter_map(|it| it.r#type.map(number)).collect())
    }

    fn node_abilities(&self) -> Result<BTreeSet<i32>, Error> {
        let request = NodeGetCapabilitiesRequest {};
        let answer = self.call("NodeGetCapabilities", &request, async |channel, request| {
            NodeClient::new(channel).node_get_capabilities(request).await
        })?;
        let number = |node_service_capability::Type::Rpc(rpc)| rpc.r#type;
        Ok(answer.capabilities.into_iter().filter_map(|it| it.r#type.map(number)).collect())
    }

    pub(super) fn controller_can(&self, what: ControllerCan) -> Result<bool, Error> {
        Ok(self.abilities()?.controller.contains(&(what as i32)))
    }

    pub(super) fn node_can(&self, what: NodeCan) -> Result<bool, Error> {
        Ok(self.abilities()?.node.contains(&(what as i32)))
    }

    fn expect(&self, can: ControllerCan, what: &'static str) -> Result<(), Error> {
        match self.controller_can(can)? {
            true => Ok(()),
            false => Err(Error::Lacks { socket: self.socket(), what }),
        }
    }

    /// The secrets for `volume`: its own, or those for all of the driver.
    fn secrets(&self, volume: &CsiVolume) -> Result<BTreeMap<String, String>, Error> {
        let path = volume.secrets.as_ref().or(self.settings.secrets.as_ref());
        path.map_or(Ok(BTreeMap::new()), |path| secrets::read(path))
    }

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
        undone(self.call("DeleteVolume", &request, async |channel, request| {
            ControllerClient::new(channel).delete_volume(request).await
        }))
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
        undone(self.call("DeleteSnapshot", &request, async |channel, request| {
            ControllerClient::new(channel).delete_snapshot(request).await
        }))
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
        undone(self.call("ControllerUnpublishVolume", &request, async |channel, request| {
            ControllerClient::new(channel).controller_unpublish_volume(request).await
        }))
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
        undone(self.call("NodeUnstageVolume", &request, async |channel, request| {
            NodeClient::new(channel).node_unstage_volume(request).await
        }))
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
        undone(self.call("NodeUnpublishVolume", &request, async |channel, request| {
            NodeClient::new(channel).node_unpublish_volume(request).await
        }))
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

/// Undoing succeeds, too, where there is nothing to undo.
fn undone<A>(answer: Result<A, Error>) -> Result<(), Error> {
    match answer {
        Err(error) if error.is_not_found() => Ok(()),
        answer => answer.map(drop),
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

fn capability(wanted: &CsiVolume) -> VolumeCapability {
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
