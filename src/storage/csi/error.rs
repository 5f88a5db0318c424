//! What can go wrong with a driver, and what the user can do about it.

use std::{io, path::PathBuf};

use tonic::Code;

use crate::hint::Hint;

/// A failure of a driver, or on the way to it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot reach the CSI driver at {}", socket.display())]
    Unreachable { socket: PathBuf, source: io::Error },
    #[error("the CSI driver at {} has gone during {verb}: {why}", socket.display())]
    Gone { socket: PathBuf, verb: &'static str, why: String },
    #[error("the CSI driver at {} has not done {verb} within {seconds} s", socket.display())]
    Slow { socket: PathBuf, verb: &'static str, seconds: u64 },
    #[error("the CSI driver at {} refuses {verb}: {}: {message}", socket.display(), name_of(*code))]
    Refused { socket: PathBuf, verb: &'static str, code: Code, message: String, is_first: bool },
    #[error("the CSI driver at {} is not ready after {seconds} s", socket.display())]
    NotReady { socket: PathBuf, seconds: u64 },
    #[error("the CSI driver at {} cannot {what}", socket.display())]
    Lacks { socket: PathBuf, what: &'static str },
    #[error("the CSI driver at {} answers {verb} without {what}", socket.display())]
    Incomplete { socket: PathBuf, verb: &'static str, what: &'static str },
    #[error("the CSI driver at {} is {found}, and the volume is one of {wanted}", socket.display())]
    OtherDriver { socket: PathBuf, found: String, wanted: String },
    #[error("what the CSI driver at {} has mounted at {} cannot be seen from here", socket.display(), target.display())]
    Invisible { socket: PathBuf, target: PathBuf },
    #[error("cannot use the secrets in {}: {why}", path.display())]
    Secrets { path: PathBuf, why: String },
    #[error("cannot keep what is known of the volume in {}", path.display())]
    Files { path: PathBuf, source: io::Error },
}

impl Error {
    /// Whether a volume that was to be made is certainly not there.
    pub fn made_nothing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Lacks { .. } | Self::NotReady { .. } => true,
            Self::Secrets { .. } | Self::OtherDriver { .. } => true,
            Self::Gone { verb, .. } | Self::Slow { verb, .. } | Self::Refused { verb, .. }
                if !MAKING.contains(verb) =>
            {
                true
            }
            Self::Refused { code, is_first, .. } => {
                // An earlier try may have been allowed to do what a later one is not.
                let denied = matches!(code, Code::PermissionDenied | Code::Unauthenticated);
                refuses_for_good(*code) || (denied && *is_first)
            }
            _ => false,
        }
    }

    /// Whether the driver has not answered at all.
    pub(super) fn is_silence(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Gone { .. } | Self::Slow { .. })
    }

    /// Whether the driver says that what was to be undone is not there.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { code: Code::NotFound, .. })
    }

    /// Whether the driver says that it would never make such a volume.
    pub(super) fn is_for_good(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if refuses_for_good(*code))
    }
}

/// Codes by which a driver says that there is no such volume, nor will be.
fn refuses_for_good(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
    )
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Invisible { .. } => Some(
                "a driver that runs by `sandbox domain exec -- DRIVER …` mounts where sandboxes \
                 of yours see it"
                    .into(),
            ),
            Self::Gone { .. } | Self::Slow { .. } => Some(
                "what it may have done is written down: the next use of the volume goes on, and \
                 `sandbox volume rm` undoes it"
                    .into(),
            ),
            Self::Lacks { what: MAKE, .. } => {
                Some("`--opt id=ID` takes a volume that is there".into())
            }
            Self::Secrets { path, .. } => {
                Some(format!("`chmod 600 {}` hides them from others", path.display()))
                    .filter(|_| self.to_string().ends_with(OPEN_TO_OTHERS))
            }
            _ => None,
        }
    }
}

/// The verbs that make something which outlives us.
const MAKING: [&str; 2] = ["CreateVolume", "CreateSnapshot"];
/// What a driver without CREATE_DELETE_VOLUME cannot do.
pub(super) const MAKE: &str = "make volumes";
/// What is wrong with a file of secrets that others may read.
pub(super) const OPEN_TO_OTHERS: &str = "others may read them";

/// A code as the specification writes it.
fn name_of(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: Code, is_first: bool) -> Error {
        let (socket, message) = ("/s".into(), "no".into());
        Error::Refused { socket, verb: "CreateVolume", code, message, is_first }
    }

    #[test]
    fn a_volume_that_may_be_there_is_not_forgotten() {
        for code in [Code::Internal, Code::Unknown, Code::Cancelled, Code::Unavailable] {
            assert!(!refused(code, true).made_nothing(), "{code}");
        }
        assert!(refused(Code::InvalidArgument, false).made_nothing());
        assert!(refused(Code::PermissionDenied, true).made_nothing());
        assert!(!refused(Code::PermissionDenied, false).made_nothing());
        let slow = |verb| Error::Slow { socket: "/s".into(), verb, seconds: 1 };
        assert!(!slow("CreateVolume").made_nothing() && slow("Probe").made_nothing());
    }

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_driver() {
        let expected = "the CSI driver at /s refuses CreateVolume: OUT_OF_RANGE: no";
        assert_eq!(refused(Code::OutOfRange, true).to_string(), expected);
    }
}
