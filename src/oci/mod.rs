//! The vocabulary: plain data with the names that the OCI specifications use.
//!
//! These types cross between modules that do not know each other. They do
//! nothing but hold, parse and print; none of them touches the system.

mod csi;
mod device;
mod digest;
mod health;
mod image;
mod image_limits;
mod inside;
mod keep_id;
mod limits;
mod manifest;
mod platform;
mod record;
mod reference;
mod registries;
mod rootfs;
mod secret;
mod spec;
mod status;
mod strings;
mod volume;

pub use csi::{CsiAccess, CsiDriver, CsiOrigin, CsiSnapshot, CsiVolume};
pub use device::{DeviceEdits, DeviceNode, DeviceRequest, Gpus};
pub use digest::{DiffId, Digest, InvalidDigest};
pub use health::{Health, HealthCheck, HealthStatus, Healthcheck, Probe};
pub use image::{ContainerConfig, History, Image, ImageConfig, ImageRootFs};
pub use image_limits::{Exceeded, ImageLimits};
pub use inside::path_inside;
pub use keep_id::KeepId;
pub use limits::{Confinement, Limit, Resources, Tier};
pub use manifest::{Descriptor, Index, Manifest};
pub use platform::{InvalidPlatform, Platform};
pub use record::{
    BaseImage, LogOptions, PidChoice, PortBinding, ProcessId, SandboxConfig, SandboxState,
    SeccompChoice, Status,
};
pub use reference::{InvalidReference, Name, Reference};
pub use registries::{Place, Registries, RegistrySettings};
pub use rootfs::{Overlay, Part, RootFs};
pub use secret::Secret;
pub use spec::{
    Capability, IdMap, Mount, MountFlags, MountKind, Namespace, Parameter, Process, Rlimit,
    Seccomp, SeccompArg, SeccompRule, SmallFile, Spec, User,
};
pub use status::ExitStatus;
pub use volume::{MountRequest, MountSource, VolumeKind, VolumeRecord, VolumeRequest};
