//! Values of options: from docker's notation to what is meant.
//!
//! Each type parses itself (`FromStr`), so that a mistake is reported with the
//! option's name before anything has happened.

mod capability;
mod change;
mod cni_choice;
mod detach;
mod device;
mod env;
mod filter;
mod format;
mod health;
mod limits;
mod locked;
mod mount;
mod network;
mod network_choice;
mod quantity;
mod registry;
mod request;
mod security;
mod signal;
mod sysctl;
mod typed;
mod ulimit;
pub mod unsupported;
mod userns;

pub use capability::{CapabilityName, DOCKER_DEFAULT, resolve as resolve_capabilities};
pub use change::{Change, parse_exposed};
pub use cni_choice::CniChoice;
pub use detach::DetachKeys;
pub use device::{DeviceOption, GpuOption};
pub use env::{HostEntry, Variable, parse_hostname, read_file as read_env_file};
pub use filter::Filter;
pub use format::{Format, TemplateFormat};
pub use health::HealthArgs;
pub use limits::LimitArgs;
pub use locked::LockedArgs;
pub use mount::{MountOption, TmpfsOption, VolumeOption, is_volume_name, volume_source};
pub use network::{NetworkArgs, NetworkMode};
pub use network_choice::NetworkChoice;
pub use quantity::{parse_duration, parse_moment, parse_size};
pub use registry::{RegistryArgs, RegistryPlace};
pub use request::{LogDriver, LogOption, PidMode, SandboxArgs, VolumesFrom};
pub use security::SecurityOption;
pub use signal::parse_signal;
pub use sysctl::Sysctl;
pub use typed::Typed;
pub use ulimit::Ulimit;
pub use userns::UserNamespace;
