//! `--network none`: a loopback interface and nothing else.

use super::{Attachment, Error, Network};
use crate::sys;

/// No way to the outside.
#[derive(Debug, Clone, Copy)]
pub struct NoNetwork;

impl Network for NoNetwork {
    fn add(&mut self, _: &Attachment<'_>) -> Result<(), Error> {
        Ok(()) // Namespaces are made with their loopback interface up.
    }

    fn check(&self, attachment: &Attachment<'_>) -> Result<(), Error> {
        let up = sys::net::in_namespace(attachment.netns, sys::net::loopback_is_up);
        if up.map_err(Error::Check)? { Ok(()) } else { Err(Error::LoopbackDown) }
    }

    fn del(&mut self, _: &Attachment<'_>) -> Result<(), Error> {
        Ok(()) // The interface goes with its namespace.
    }
}
