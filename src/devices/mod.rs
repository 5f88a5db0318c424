//! Devices of the host, and what they change in a sandbox.
//!
//! # Theory of operation
//!
//! What is asked for ([`DeviceRequest`]) is written down when a sandbox is made;
//! what that is ([`DeviceEdits`]) is found out at each start ([`find`]), because a
//! device may have been plugged in, and a driver replaced, since then. Nothing is
//! changed here: nodes, mounts and variables become parts of the sandbox's spec.
//!
//! A device is named by a path (`node`), or as its maker describes it, with what else
//! it takes: the Container Device Interface ([`cdi`]).

pub mod cdi;
mod error;
mod node;

use std::path::PathBuf;

use cdi::{Name, Registry};
pub use error::Error;

use crate::oci::{DeviceEdits, DeviceRequest, Gpus};

/// Kinds of GPUs, in docker's order.
const GPUS: [&str; 2] = ["nvidia.com/gpu", "amd.com/gpu"];

/// What was found out about devices.
#[derive(Debug, Default)]
pub struct Found {
    pub edits: DeviceEdits,
    /// What the user should know.
    pub notes: Vec<String>,
    /// Nodes that only a further group of the user lets them open.
    pub by_group: Vec<PathBuf>,
}

impl Found {
    fn note(&mut self, text: String) {
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }
}

/// Finds what was asked for, with the spec files in `directories`, of which the first
/// have precedence. To be called as the user: it depends on their groups.
///
/// # Errors
/// [`Error`] for a device that is not there, or cannot be handed over.
pub fn find(requests: &[DeviceRequest], directories: &[PathBuf]) -> Result<Found, Error> {
    let mut found = Found::default();
    let mut registry: Option<Registry> = None;
    for request in requests {
        if let DeviceRequest::Node(node) = request {
            node::add(node, &mut found)?;
            continue;
        }
        let registry = registry.get_or_insert_with(|| Registry::read(directories));
        for name in names(request, registry)? {
            registry.add(&name, &mut found)?;
        }
    }
    if let Some(registry) = registry {
        registry.finish(&mut found);
    }
    Ok(found)
}

fn names(request: &DeviceRequest, registry: &Registry) -> Result<Vec<Name>, Error> {
    match request {
        DeviceRequest::Node(_) => Ok(Vec::new()),
        DeviceRequest::Cdi(name) => match name.parse() {
            Ok(name) => Ok(vec![name]),
            Err(_) => Err(Error::NoName(name.clone())),
        },
        DeviceRequest::Gpus(gpus) => gpu_names(gpus, registry),
    }
}

/// The names of the first kind that there is, as docker has them: the first GPUs are
/// those with the lowest numbers.
fn gpu_names(gpus: &Gpus, registry: &Registry) -> Result<Vec<Name>, Error> {
    if *gpus == Gpus::Count(0) {
        return Ok(Vec::new());
    }
    let kind = GPUS.into_iter().find(|kind| registry.has(kind)).ok_or_else(|| registry.no_gpu())?;
    Ok(match gpus {
        Gpus::All => vec![Name::new(kind, "all")],
        Gpus::Count(count) => {
            (0..*count).map(|number| Name::new(kind, &number.to_string())).collect()
        }
        Gpus::Devices(names) => names.iter().map(|name| Name::new(kind, name)).collect(),
    })
}
