//! `sandbox network create`.

use std::net::IpAddr;

use super::{Context, catalog};
use crate::{
    error::Error,
    network::{
        self,
        named::Wanted,
        user::{Prefix, Routes},
    },
    ui,
};

/// Make a network, and print its id
///
/// Sandboxes that are started with `--network NAME` reach each other on it, by
/// name as well.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Addresses of the network, such as 10.5.0.0/24; one range of IPv4, one of IPv6
    #[arg(long, value_name = "CIDR")]
    subnet: Vec<Prefix>,

    /// Address that no member gets
    #[arg(long, value_name = "IP")]
    gateway: Vec<IpAddr>,

    /// Part of the subnet from which members get their addresses
    #[arg(long, value_name = "CIDR")]
    ip_range: Vec<Prefix>,

    /// Whether members have IPv6 addresses
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "true",
        default_missing_value = "true"
    )]
    ipv6: std::primitive::bool,

    /// Give it no way to the outside
    #[arg(long)]
    internal: bool,

    /// Let members reach the outside, and not each other
    #[arg(long)]
    isolated: bool,

    /// Label, for filters
    #[arg(long, value_name = "KEY[=VALUE]")]
    label: Vec<String>,

    /// Option of the network: mtu=BYTES
    #[arg(short = 'o', long = "opt", value_name = "KEY=VALUE")]
    options: Vec<String>,

    /// Kind of network, of which there is one
    #[arg(short, long, value_name = "bridge", value_parser = ["bridge"], default_value = "bridge")]
    driver: String,

    /// Its name
    #[arg(value_name = "NETWORK")]
    name: String,
}

pub(super) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let pair = |text: &String| {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        (key.to_owned(), value.to_owned())
    };
    let wanted = Wanted {
        name: args.name.clone(),
        subnets: args.subnet.clone(),
        gateways: args.gateway.clone(),
        ranges: args.ip_range.clone(),
        ipv6: args.ipv6,
        internal: args.internal,
        isolated: args.isolated,
        labels: args.label.iter().map(pair).collect(),
        options: args.options.iter().map(pair).collect(),
    };
    let made = catalog(context).create(wanted, &Routes::read()).map_err(network::Error::Named)?;
    ui::print(&format!("{}\n", made.id))
}
