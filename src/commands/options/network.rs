//! `--network`.

use std::str::FromStr;

use crate::network::{HostNetwork, Network, NoNetwork};

/// Which network a sandbox is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NetworkMode {
    /// A loopback interface only.
    #[default]
    None,
    /// The host's.
    Host,
}

impl FromStr for NetworkMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "host" => Ok(Self::Host),
            other => Err(format!("`{other}` is not here yet; there are none and host")),
        }
    }
}

impl NetworkMode {
    /// The network itself.
    pub fn network(self) -> Box<dyn Network> {
        match self {
            Self::None => Box::new(NoNetwork),
            Self::Host => Box::new(HostNetwork),
        }
    }
}
