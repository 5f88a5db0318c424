//! `sandbox network inspect`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Context, catalog, cni};
use crate::{
    commands::options::TemplateFormat,
    error::Error,
    network::{
        self,
        named::{Catalog, Definition, Member, Subnet},
    },
    ui,
};

/// Show networks, their addresses and members
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// json, or a template such as `{{.Name}}`
    #[arg(short, long)]
    format: Option<TemplateFormat>,

    /// Networks, by name or id
    #[arg(required = true, value_name = "NETWORK")]
    networks: Vec<String>,
}

pub(super) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let catalog = catalog(context);
    catalog.tidy();
    let find = |name: &String| match cni::named(name, context) {
        Some(found) => found.map(|network| cni::describe(&network, context)),
        None => {
            let found = catalog.find(name).map(|network| describe(&network, &catalog));
            Ok(found.map_err(network::Error::Named)?)
        }
    };
    let all = args.networks.iter().map(find).collect::<Result<Vec<_>, Error>>()?;
    match &args.format {
        None | Some(TemplateFormat::Text) => ui::print_json(&all),
        Some(format) => all.iter().try_for_each(|one| ui::print_line(one, format.template())),
    }
}

/// By docker's names.
fn describe(network: &Definition, catalog: &Catalog) -> Value {
    let members = catalog.members(&network.name);
    let members: BTreeMap<_, _> =
        members.iter().map(|member| (member.id.clone(), of_member(member, network))).collect();
    json!({
        "Name": network.name,
        "Id": network.id,
        "Created": network.created,
        "Scope": "local",
        "Driver": "bridge",
        "EnableIPv4": true,
        "EnableIPv6": network.v6.is_some(),
        "IPAM": {
            "Driver": "default",
            "Options": {},
            "Config": network.subnets().map(of_subnet).collect::<Vec<_>>(),
        },
        "Internal": network.internal,
        "Isolated": network.isolated,
        "Attachable": false,
        "Ingress": false,
        "ConfigOnly": false,
        "Containers": members,
        "Options": network.options,
        "Labels": network.labels,
    })
}

fn of_subnet(subnet: &Subnet) -> Value {
    let mut config = json!({ "Subnet": subnet.subnet, "Gateway": subnet.gateway });
    if let Some(range) = subnet.range {
        config["IPRange"] = json!(range);
    }
    config
}

fn of_member(member: &Member, network: &Definition) -> Value {
    let with_length = |address: std::net::IpAddr, subnet: &Subnet| {
        format!("{address}/{}", subnet.subnet.length())
    };
    let v6 = member.v6.zip(network.v6.as_ref()).map(|(address, v6)| with_length(address, v6));
    json!({
        "Name": member.name,
        "EndpointID": "",
        "MacAddress": member.mac.to_string(),
        "IPv4Address": with_length(member.v4, &network.v4),
        "IPv6Address": v6.unwrap_or_default(),
    })
}
