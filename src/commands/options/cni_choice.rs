//! One `--network cni:NAME[:ip=…,alias=…,mac=…,bandwidth=…]`.

use std::str::FromStr;

use serde_json::{Value, json};

use super::NetworkChoice;
use crate::{network::cni::Wishes, oci::PortBinding};

/// A CNI network, and how a sandbox wishes to be on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CniChoice {
    pub network: NetworkChoice,
    /// In bits a second, each way.
    bandwidth: Option<u64>,
}

impl FromStr for CniChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, options) = text.split_once(':').unwrap_or((text, ""));
        if name.is_empty() {
            return Err("`cni:` needs the name of a network".into());
        }
        let (mut others, mut bandwidth) = (Vec::new(), None);
        for option in options.split(',') {
            match option.strip_prefix("bandwidth=") {
                Some(value) => bandwidth = Some(rate(value)?),
                None => others.push(option),
            }
        }
        let network = format!("{name}:{}", others.join(",")).parse()?;
        Ok(Self { network, bandwidth })
    }
}

/// Bits a second: a number, and k, m or g for thousands of it, as network speeds are
/// counted.
fn rate(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(['k', 'm', 'g']);
    let factor = match &text[digits.len()..] {
        "" => Some(1),
        "k" => Some(1_000),
        "m" => Some(1_000_000),
        "g" => Some(1_000_000_000),
        _ => None,
    };
    let number: Option<u64> = digits.parse().ok().filter(|number| *number > 0);
    number
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor))
        .ok_or_else(|| format!("`{text}` is no number of bits a second, such as 500k or 10m"))
}

impl CniChoice {
    /// By capability, as the conventions of CNI have it; ports and name servers are
    /// told to plugins as well, though not only plugins see to them.
    pub fn wishes(&self, ports: &[PortBinding], servers: &[String], search: &[String]) -> Wishes {
        let Self { network, bandwidth } = self;
        let addresses: Value =
            [network.v4, network.v6].into_iter().flatten().map(|ip| ip.to_string()).collect();
        // The most that the plugin lets through at once: a second's.
        let limit = bandwidth.map(|rate| {
            let burst = rate.min(u32::MAX.into());
            json!({ "ingressRate": rate, "ingressBurst": burst,
                    "egressRate": rate, "egressBurst": burst })
        });
        let dns = json!({ "servers": servers, "searches": search });
        let no_dns = servers.is_empty() && search.is_empty();
        let wishes = [
            ("ips", Some(addresses)),
            ("mac", network.mac.map(|mac| mac.to_string().into())),
            ("aliases", Some(json!(network.aliases))),
            ("bandwidth", limit),
            ("dns", Some(dns).filter(|_| !no_dns)),
            ("portMappings", Some(mappings(ports))),
        ];
        let wishes = wishes.into_iter().filter_map(|(name, wish)| Some((name.into(), wish?)));
        wishes.filter(|(_, wish): &(String, Value)| *wish != json!([])).collect()
    }
}

/// Without addresses of the host: there are none where plugins run. So a port has a
/// mapping, even if it is published on several.
fn mappings(ports: &[PortBinding]) -> Value {
    let mapping = |port: &PortBinding| {
        json!({
            "hostPort": port.host_port,
            "containerPort": port.port,
            "protocol": port.protocol,
        })
    };
    let mut mappings: Vec<Value> = ports.iter().map(mapping).collect();
    mappings.dedup();
    mappings.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_becomes_wishes() {
        let text = "n:ip=10.1.0.9,ip6=fd00::9,mac=02:42:0a:01:00:09,alias=db,bandwidth=10m";
        let port = PortBinding {
            host_ip: "0.0.0.0".parse().unwrap(),
            host_port: 8080,
            port: 80,
            protocol: "tcp".into(),
        };
        let choice: CniChoice = text.parse().unwrap();
        let expected = json!({
            "ips": ["10.1.0.9", "fd00::9"],
            "mac": "02:42:0a:01:00:09",
            "aliases": ["db"],
            "bandwidth": {"ingressRate": 10_000_000, "ingressBurst": 10_000_000,
                          "egressRate": 10_000_000, "egressBurst": 10_000_000},
            "dns": {"servers": ["9.9.9.9"], "searches": []},
            "portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}],
        });
        assert_eq!(Value::from(choice.wishes(&[port], &["9.9.9.9".into()], &[])), expected);
        let plain: CniChoice = "n".parse().unwrap();
        assert_eq!(Value::from(plain.wishes(&[], &[], &[])), json!({}));
    }

    #[test]
    fn what_is_no_choice_is_refused() {
        for bad in ["", ":ip=10.0.0.1", "n:bandwidth=0", "n:bandwidth=10x", "n:color=red"] {
            assert!(bad.parse::<CniChoice>().is_err(), "{bad}");
        }
    }
}
