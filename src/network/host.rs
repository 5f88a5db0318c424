//! `--network host`: the host's own interfaces, addresses and ports.

use super::{Attachment, Error, Network};

/// The sandbox has no network namespace of its own, so nothing is to be added.
#[derive(Debug, Clone, Copy)]
pub struct HostNetwork;

impl Network for HostNetwork {
    fn add(&mut self, _: &Attachment<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn check(&self, _: &Attachment<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn del(&mut self, _: &Attachment<'_>) -> Result<(), Error> {
        Ok(())
    }
}
