//! Values of options: from docker's notation to what is meant.
//!
//! Each type parses itself (`FromStr`), so that a mistake is reported with the
//! option's name before anything has happened.

mod capability;
mod change;
mod env;
mod format;
mod mount;
mod network;
mod quantity;
mod security;
mod ulimit;
pub mod unsupported;

pub use capability::{CapabilityName, DOCKER_DEFAULT, resolve as resolve_capabilities};
pub use change::Change;
pub use env::{HostEntry, Variable, parse_hostname, read_file as read_env_file};
pub use format::{Format, TemplateFormat};
pub use mount::{MountOption, TmpfsOption, VolumeOption, volume_source};
pub use network::{NetworkArgs, NetworkMode};
pub use quantity::{parse_duration, parse_size};
pub use security::SecurityOption;
pub use ulimit::Ulimit;
