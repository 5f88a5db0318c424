//! What kind of failure it was, for whoever cannot read: `error[E…]` and
//! `--status-fd`.
//!
//! The codes are for good: one that is gone is not used again. `docs/errors.md`
//! lists them.

use nix::errno::Errno;

use super::Error;
use crate::{image, network, runtime, storage};

/// A kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// `E` and three digits.
    pub code: &'static str,
    /// What it is, in a few words.
    pub what: &'static str,
}

macro_rules! causes {
    ($($name:ident = $code:literal $what:literal;)*) => {
        impl Cause {
            $(pub const $name: Self = Self { code: $code, what: $what };)*

            /// All that there are.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

causes! {
    USAGE = "E001" "what was asked for cannot be";
    CONFIG = "E002" "a setting is wrong";
    REFERENCE = "E003" "the name of an image is wrong";
    OUTPUT = "E004" "standard output cannot be written";
    IMAGE_MISSING = "E010" "there is no such image";
    REGISTRY_UNREACHABLE = "E011" "the registry cannot be reached";
    REGISTRY_DENIES = "E012" "the registry denies access";
    REGISTRY_LIMITS = "E013" "the registry refuses further requests";
    IMAGE_DAMAGED = "E014" "the image is not what it claims to be";
    PLATFORM = "E015" "the image is for another platform";
    PINNED = "E016" "the image is not what `sandbox.lock` says";
    CREDENTIALS = "E017" "credentials cannot be read, asked for or kept";
    IMAGE = "E019" "the image cannot be had for another reason";
    STORE = "E020" "the store cannot be used";
    DISK_FULL = "E021" "the disk, or one's share of it, is full";
    LAYER = "E022" "a layer cannot be unpacked";
    SANDBOX_EXISTS = "E023" "the name is another sandbox's";
    SANDBOX_MISSING = "E024" "there is no such sandbox";
    SANDBOX_DAMAGED = "E025" "the record of a sandbox cannot be read";
    CHANGES_IN_MEMORY = "E026" "the changes of a sandbox are kept in memory only";
    COPY = "E027" "files cannot be copied in or out";
    NETWORK = "E030" "the network cannot be set up";
    PORT = "E031" "a port cannot be published";
    USER_NAMESPACE = "E040" "this system refuses user namespaces";
    ID_MAP = "E041" "user and group ids cannot be mapped";
    SETUP = "E042" "the sandbox cannot be set up";
    MOUNT = "E043" "a volume or file system cannot be mounted";
    USER = "E044" "there is no such user inside";
    SUPERVISION = "E045" "the sandbox cannot be watched over";
    LIMITS = "E046" "a limit cannot be held";
    DEVICE = "E047" "a device cannot be handed over";
    VOLUME_EXISTS = "E048" "the name is another volume's";
    VOLUME_MISSING = "E049" "there is no such volume";
    COMMAND_MISSING = "E050" "the command is not there";
    COMMAND_REFUSED = "E051" "the command cannot be executed";
    VOLUME_IN_USE = "E052" "a volume is in use";
    NOT_APPLIED = "E053" "what a sandbox has changed cannot be taken over";
    CSI_UNREACHABLE = "E054" "a CSI driver is not there, or too slow";
    CSI_REFUSED = "E055" "a CSI driver refuses, or cannot do what it takes";
}

impl From<&Error> for Cause {
    fn from(error: &Error) -> Self {
        match error {
            Error::Usage { .. } => Self::USAGE,
            Error::Config(_) => Self::CONFIG,
            Error::Reference(_) => Self::REFERENCE,
            Error::Pinned { .. } => Self::PINNED,
            Error::Image(error) => of_image(error),
            Error::Storage(error) => of_storage(error),
            Error::Network(network::Error::Publish(_)) => Self::PORT,
            Error::Network(_) => Self::NETWORK,
            Error::Devices(_) => Self::DEVICE,
            Error::Runtime(error) => of_runtime(error),
            Error::System { .. } => Self::SETUP,
            Error::Attach(_) | Error::Log(_) => Self::SUPERVISION,
            Error::Output(_) => Self::OUTPUT,
        }
    }
}

fn of_image(error: &image::Error) -> Cause {
    use image::Error;
    match error {
        Error::NotFound { .. } | Error::ArchiveMissing { .. } | Error::NoSuchTag { .. } => {
            Cause::IMAGE_MISSING
        }
        Error::Unreachable { .. }
        | Error::UnknownHost { .. }
        | Error::Untrusted { .. }
        | Error::Broken { .. }
        | Error::Failing { .. } => Cause::REGISTRY_UNREACHABLE,
        Error::Denied { .. } => Cause::REGISTRY_DENIES,
        Error::Auth(image::auth::Error::LoginRefused { .. }) => Cause::REGISTRY_DENIES,
        Error::Auth(_) => Cause::CREDENTIALS,
        Error::TooManyRequests { .. } => Cause::REGISTRY_LIMITS,
        Error::DigestMismatch { .. }
        | Error::Truncated { .. }
        | Error::SizeMismatch { .. }
        | Error::TooLarge { .. }
        | Error::Linked { .. }
        | Error::MemberTwice { .. }
        | Error::BadManifest { .. } => Cause::IMAGE_DAMAGED,
        Error::PlatformMissing { .. } | Error::PlatformMismatch { .. } => Cause::PLATFORM,
        _ => Cause::IMAGE,
    }
}

fn of_storage(error: &storage::Error) -> Cause {
    use storage::Error;
    match error {
        error if error.is_full_disk() => Cause::DISK_FULL,
        Error::Layer { .. } => Cause::LAYER,
        Error::Malformed { .. } | Error::LayersMissing => Cause::IMAGE_DAMAGED,
        Error::SandboxExists(_) => Cause::SANDBOX_EXISTS,
        Error::NoSuchSandbox(_) | Error::SandboxAmbiguous(_) => Cause::SANDBOX_MISSING,
        Error::SandboxDamaged { .. } | Error::SandboxVersion { .. } => Cause::SANDBOX_DAMAGED,
        Error::SandboxName(_)
        | Error::Directory { .. }
        | Error::HoldsStore { .. }
        | Error::Unchanged { .. } => Cause::USAGE,
        Error::VolumeExists(_) | Error::VolumeDiffers { .. } => Cause::VOLUME_EXISTS,
        Error::NoSuchVolume(_) => Cause::VOLUME_MISSING,
        Error::VolumeInUse { .. } => Cause::VOLUME_IN_USE,
        Error::Csi(error) => of_csi(error),
        Error::ChangesInMemory(_) => Cause::CHANGES_IN_MEMORY,
        Error::OtherDirectory(_) | Error::NotApplied { .. } => Cause::NOT_APPLIED,
        Error::Copy { .. }
        | Error::Archive(_)
        | Error::InTheWay { .. }
        | Error::LooksDeleted(_) => Cause::COPY,
        _ => Cause::STORE,
    }
}

fn of_csi(error: &storage::csi::Error) -> Cause {
    use storage::csi::Error;
    match error {
        Error::Unreachable { .. }
        | Error::Gone { .. }
        | Error::Slow { .. }
        | Error::NotReady { .. } => Cause::CSI_UNREACHABLE,
        Error::Invisible { .. } => Cause::MOUNT,
        Error::Secrets { .. } => Cause::CREDENTIALS,
        Error::Files { .. } => Cause::STORE,
        Error::Refused { .. }
        | Error::Lacks { .. }
        | Error::Incomplete { .. }
        | Error::OtherDriver { .. } => Cause::CSI_REFUSED,
    }
}

fn of_runtime(error: &runtime::Error) -> Cause {
    use runtime::Error;
    match error {
        Error::Domain(_) => Cause::USER_NAMESPACE,
        Error::IdMap(_) | Error::IdMapHelper { .. } | Error::OtherIds => Cause::ID_MAP,
        Error::Supervise(_) | Error::Hold(_) => Cause::SUPERVISION,
        Error::Limits { .. }
        | Error::NoController { .. }
        | Error::NoSuchCpu { .. }
        | Error::JoinCgroup(_)
        | Error::Confine(_) => Cause::LIMITS,
        Error::Mount { .. } | Error::NoPart { .. } => Cause::MOUNT,
        Error::User { .. } => Cause::USER,
        Error::Exec { source, .. } if source.errno == Errno::ENOENT => Cause::COMMAND_MISSING,
        Error::Exec { .. } => Cause::COMMAND_REFUSED,
        _ => Cause::SETUP,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_stands_for_one_cause_and_is_documented() {
        let page = include_str!("../../docs/errors.md");
        let line = |cause: &Cause| format!("| {} | {} |", cause.code, cause.what);
        let documented: Vec<&str> = page.lines().filter(|line| line.starts_with("| E")).collect();
        let known: Vec<String> = Cause::ALL.iter().map(line).collect();
        assert_eq!(documented, known);
        assert!(Cause::ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
    }
}
