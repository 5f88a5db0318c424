//! The vocabulary: plain data with the names that the OCI specifications use.
//!
//! These types cross between modules that do not know each other. They do
//! nothing but hold, parse and print; none of them touches the system.

mod digest;
mod image;
mod image_limits;
mod manifest;
mod platform;
mod reference;
mod rootfs;
mod spec;
mod status;

pub use digest::{DiffId, Digest, InvalidDigest};
pub use image::{ContainerConfig, History, Image, ImageConfig, ImageRootFs};
pub use image_limits::{Exceeded, ImageLimits};
pub use manifest::{Descriptor, Index, Manifest};
pub use platform::{InvalidPlatform, Platform};
pub use reference::{InvalidReference, Name, Reference};
pub use rootfs::{Overlay, Part, RootFs};
pub use spec::{
    Capability, IdMap, Mount, MountKind, Process, Rlimit, Seccomp, SeccompArg, SeccompRule,
    SmallFile, Spec, User,
};
pub use status::ExitStatus;
