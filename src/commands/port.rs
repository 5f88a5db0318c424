//! `sandbox port`: the host's ports that lead into a sandbox.

use super::{
    Context,
    find::{Condition, Found},
};
use crate::{error::Error, ui};

/// Show which ports of the host lead into a sandbox
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Sandbox, by name or id
    #[arg(value_name = "SANDBOX")]
    sandbox: String,

    /// Only those that lead to this port
    #[arg(value_name = "PORT[/udp]")]
    port: Option<String>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let Condition(state) = Found::look(&args.sandbox, context)?.state()?;
    let wanted = args.port.as_deref().map(|port| match port.contains('/') {
        true => port.to_owned(),
        false => format!("{port}/tcp"),
    });
    let mut lines = String::new();
    for binding in &state.ports {
        let inside = format!("{}/{}", binding.port, binding.protocol);
        let host = std::net::SocketAddr::new(binding.host_ip, binding.host_port);
        match &wanted {
            None => lines.push_str(&format!("{inside} -> {host}\n")),
            Some(wanted) if *wanted == inside => lines.push_str(&format!("{host}\n")),
            Some(_) => {}
        }
    }
    match (&wanted, lines.is_empty()) {
        (Some(port), true) => {
            Err(Error::usage(format!("no port of the host leads to {port} of {}", args.sandbox)))
        }
        _ => ui::print(&lines),
    }
}
