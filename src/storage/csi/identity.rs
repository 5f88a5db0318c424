//! Who a driver is, and what it can do: the Identity service, and what its other two
//! say of themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Driver, Error,
    proto::{
        ControllerGetCapabilitiesRequest, GetPluginCapabilitiesRequest, GetPluginInfoRequest,
        GetPluginInfoResponse, NodeGetCapabilitiesRequest, ProbeRequest,
        controller_client::ControllerClient, controller_service_capability,
        identity_client::IdentityClient, node_client::NodeClient, node_service_capability,
        plugin_capability,
    },
    secrets,
};
use crate::oci::CsiVolume;

pub(super) use controller_service_capability::rpc::Type as ControllerCan;
pub(super) use node_service_capability::rpc::Type as NodeCan;
pub(super) use plugin_capability::service::Type as PluginHas;

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
    pub(super) plugin: BTreeSet<i32>,
    controller: BTreeSet<i32>,
    node: BTreeSet<i32>,
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
        let info = self.info()?;
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
        self.given(self.info()?.name, "GetPluginInfo", "a name")
    }

    fn info(&self) -> Result<GetPluginInfoResponse, Error> {
        self.call("GetPluginInfo", &GetPluginInfoRequest {}, async |channel, request| {
            IdentityClient::new(channel).get_plugin_info(request).await
        })
    }

    /// What must not be empty.
    pub(super) fn given(
        &self,
        text: String,
        verb: &'static str,
        what: &'static str,
    ) -> Result<String, Error> {
        match text.is_empty() {
            true => Err(Error::Incomplete { socket: self.socket(), verb, what }),
            false => Ok(text),
        }
    }

    pub(super) fn abilities(&self) -> Result<&Abilities, Error> {
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

    pub(super) fn expect(&self, can: ControllerCan, what: &'static str) -> Result<(), Error> {
        match self.controller_can(can)? {
            true => Ok(()),
            false => Err(Error::Lacks { socket: self.socket(), what }),
        }
    }

    /// The secrets for `volume`: its own, or those for all of the driver.
    pub(super) fn secrets(&self, volume: &CsiVolume) -> Result<BTreeMap<String, String>, Error> {
        let path = volume.secrets.as_ref().or(self.settings.secrets.as_ref());
        path.map_or(Ok(BTreeMap::new()), |path| secrets::read(path))
    }
}
