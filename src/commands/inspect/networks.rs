//! `NetworkSettings` of a sandbox, by docker's names.

use std::{collections::BTreeMap, net::IpAddr};

use serde_json::{Map, Value, json};

use crate::{
    commands::{
        Context,
        options::{NetworkArgs, NetworkChoice, NetworkMode},
    },
    network::named::{Catalog, Definition, Member, Subnet},
    oci::{PortBinding, SandboxConfig, SandboxState},
};

/// Where a sandbox is connected, and where its ports are.
pub(super) fn of_networks(
    config: &SandboxConfig,
    state: &SandboxState,
    context: &Context,
) -> Value {
    let named = named(config);
    if named.is_empty() {
        let own = endpoint(&state.addresses);
        return settings(state, &own, json!({ mode(config): own }));
    }
    let catalog = Catalog::of(&context.config.root);
    let here = catalog.memberships(&config.id);
    let mut all = Map::new();
    for choice in &named {
        let found = here.iter().find(|(network, _)| network.name == choice.name);
        let network = found.map_or_else(
            || ended(choice, &catalog),
            |(network, member)| connected(choice, network, member),
        );
        all.insert(choice.name.clone(), network);
    }
    let first = all.get(&named[0].name).cloned().unwrap_or_default();
    settings(state, &first, Value::Object(all))
}

/// What `--network` says, without its options.
pub(super) fn mode(config: &SandboxConfig) -> String {
    if let Some(first) = named(config).into_iter().next() {
        return first.name;
    }
    let mode = config.network.iter().find_map(|word| word.strip_prefix("--network="));
    mode.unwrap_or_default().into()
}

fn named(config: &SandboxConfig) -> Vec<NetworkChoice> {
    let args = NetworkArgs::from_words(&config.network);
    let is_named = |args: &NetworkArgs| matches!(args.mode(), NetworkMode::Named(_));
    args.ok().filter(is_named).map(|args| args.named()).unwrap_or_default()
}

/// With the addresses of the first network, as scripts look for them.
fn settings(state: &SandboxState, first: &Value, networks: Value) -> Value {
    json!({
        "Ports": by_port(&state.ports),
        "IPAddress": first["IPAddress"],
        "GlobalIPv6Address": first["GlobalIPv6Address"],
        "Networks": networks,
    })
}

fn endpoint(addresses: &[IpAddr]) -> Value {
    let first = |is_v4: bool| {
        let mut own = addresses.iter().filter(|address| address.is_ipv4() == is_v4);
        own.next().map(ToString::to_string).unwrap_or_default()
    };
    json!({ "IPAddress": first(true), "GlobalIPv6Address": first(false) })
}

/// A network of a sandbox that does not run, or not yet on it.
fn ended(choice: &NetworkChoice, catalog: &Catalog) -> Value {
    let mut network = endpoint(&[]);
    network["IPAMConfig"] = wishes(choice);
    network["Aliases"] = json!(choice.aliases);
    network["NetworkID"] =
        catalog.find(&choice.name).map(|found| found.id).unwrap_or_default().into();
    network
}

fn connected(choice: &NetworkChoice, network: &Definition, member: &Member) -> Value {
    let gateway = |subnet: &Subnet| match network.internal {
        true => String::new(),
        false => subnet.gateway.to_string(),
    };
    let v6 = member.v6.and(network.v6.as_ref());
    let names = [&member.name, &member.id[..12.min(member.id.len())].to_owned()];
    json!({
        "IPAMConfig": wishes(choice),
        "Aliases": member.aliases,
        "MacAddress": member.mac.to_string(),
        "NetworkID": network.id,
        "EndpointID": "",
        "Gateway": gateway(&network.v4),
        "IPAddress": member.v4.to_string(),
        "IPPrefixLen": network.v4.subnet.length(),
        "IPv6Gateway": v6.map(gateway).unwrap_or_default(),
        "GlobalIPv6Address": member.v6.map(|own| own.to_string()).unwrap_or_default(),
        "GlobalIPv6PrefixLen": v6.map_or(0, |v6| v6.subnet.length()),
        "DNSNames": names.into_iter().chain(&member.aliases).collect::<Vec<_>>(),
        "Interface": member.device,
    })
}

fn wishes(choice: &NetworkChoice) -> Value {
    let wishes = [("IPv4Address", choice.v4), ("IPv6Address", choice.v6)];
    let wishes = wishes.into_iter().filter_map(|(key, wish)| Some((key.into(), json!(wish?))));
    let wishes: Map<String, Value> = wishes.collect();
    if wishes.is_empty() { Value::Null } else { wishes.into() }
}

/// Places on the host, by port inside.
pub(super) fn by_port(ports: &[PortBinding]) -> BTreeMap<String, Vec<Value>> {
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for port in ports {
        let place = json!({
            "HostIp": port.host_ip.to_string(),
            "HostPort": port.host_port.to_string(),
        });
        all.entry(format!("{}/{}", port.port, port.protocol)).or_default().push(place);
    }
    all
}
