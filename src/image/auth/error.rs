//! What is wrong with credentials, without saying them.

use std::{io, path::PathBuf};

use crate::hint::Hint;

/// Why credentials could not be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the credentials in {}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("cannot use the credentials in {place}: {why}")]
    Malformed { place: String, why: String },
    #[error("cannot write the credentials to {}", .path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("there is no program `{program}`, which {place} names for {registry}")]
    HelperMissing { program: String, place: String, registry: String },
    #[error("`{program}` gives no credentials for {registry}: {why}")]
    HelperFailed { program: String, registry: String, why: String },
    #[error("`{program}`, which keeps the credentials for {registry}, refuses: {why}")]
    HelperRefuses { program: String, registry: String, why: String },
    #[error("{registry} does not let `{user}` in with this password")]
    LoginRefused { registry: String, user: String },
    #[error("there is no place for credentials: no home directory is known")]
    NoPlace,
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Unwritable { .. } | Self::NoPlace => "`--authfile FILE` names another place",
            Self::HelperMissing { .. } => {
                "install it, or remove the entry; `--creds USER:PASSWORD` does without"
            }
            _ => return None,
        };
        Some(text.into())
    }
}
