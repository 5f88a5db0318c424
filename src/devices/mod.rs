//! Devices of the host, and what they change in a sandbox.
//!
//! # Theory of operation
//!
//! What is asked for ([`DeviceRequest`]) is written down when a sandbox is made;
//! what that is ([`DeviceEdits`]) is found out at each start ([`find`]), because a
//! device may have been plugged in, and a driver replaced, since then. Nothing is
//! changed here: nodes, mounts and variables become parts of the sandbox's spec.
//!
//! A device is named by a path ([`node`]).

mod error;
mod node;

use std::path::PathBuf;

pub use error::Error;

use crate::oci::{DeviceEdits, DeviceRequest};

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

/// Finds what was asked for. To be called as the user: it depends on their groups.
///
/// # Errors
/// [`Error`] for a device that is not there, or cannot be handed over.
pub fn find(requests: &[DeviceRequest]) -> Result<Found, Error> {
    let mut found = Found::default();
    for request in requests {
        match request {
            DeviceRequest::Node(node) => node::add(node, &mut found)?,
        }
    }
    Ok(found)
}
