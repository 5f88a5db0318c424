//! What plugins answer (CNI specification, section 5).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What `ADD` has made, as far as we look at it. Plugins are handed the answer
/// itself, with all that is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Success {
    pub interfaces: Vec<Interface>,
    pub ips: Vec<Ip>,
    pub routes: Vec<Route>,
    pub dns: Dns,
}

/// An interface, inside or outside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Interface {
    pub name: String,
    pub mac: String,
    /// The namespace it is in; nothing for one outside.
    pub sandbox: String,
}

/// An address of an interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ip {
    /// With the length of the prefix.
    pub address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// Its place in [`Success::interfaces`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<usize>,
}

/// A route inside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Route {
    pub dst: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gw: Option<IpAddr>,
}

/// Who is to be asked about names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dns {
    pub nameservers: Vec<String>,
    pub domain: String,
    pub search: Vec<String>,
    pub options: Vec<String>,
}

/// What a plugin says when it fails.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Failure {
    /// Below 100 those of the specification, above the plugin's own.
    pub(super) code: u64,
    #[serde(default)]
    pub(super) msg: String,
    #[serde(default)]
    pub(super) details: String,
}

impl Success {
    /// Of an answer.
    ///
    /// # Errors
    /// What of it is not as the specification has it.
    pub(super) fn of(answer: &Value) -> Result<Self, serde_json::Error> {
        Self::deserialize(answer)
    }

    /// The addresses inside: those of interfaces outside are not the sandbox's.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let is_inside = |ip: &&Ip| match ip.interface {
            Some(index) => {
                self.interfaces.get(index).is_none_or(|interface| !interface.sandbox.is_empty())
            }
            None => true,
        };
        let address = |ip: &Ip| ip.address.split('/').next()?.parse().ok();
        self.ips.iter().filter(is_inside).filter_map(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_inside_are_found_in_answers_of_all_versions() {
        let old = r#"{"cniVersion":"0.4.0","interfaces":[{"name":"cni0","mac":"a"},
            {"name":"eth0","sandbox":"/x"}],"ips":[{"version":"4","interface":1,
            "address":"10.1.0.2/24","gateway":"10.1.0.1"},{"version":"4","interface":0,
            "address":"10.1.0.1/24"}],"dns":{}}"#;
        let new = r#"{"cniVersion":"1.1.0","interfaces":[{"name":"eth0","mtu":1400,"sandbox":"/x"}],
            "ips":[{"interface":0,"address":"10.1.0.2/24"},{"address":"fd00::2/64"}],
            "routes":[{"dst":"0.0.0.0/0","gw":"10.1.0.1","mtu":1300}]}"#;
        let addresses = |text: &str| {
            let success = Success::of(&serde_json::from_str(text).unwrap()).unwrap();
            success.addresses().map(|address| address.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(addresses(old), ["10.1.0.2"]);
        assert_eq!(addresses(new), ["10.1.0.2", "fd00::2"]);
        assert_eq!(addresses("{}"), [""; 0]);
        assert!(Success::of(&serde_json::json!({"ips": 3})).is_err());
    }
}
