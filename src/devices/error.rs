//! Why a device cannot be handed over.

use std::{io, path::PathBuf};

use crate::hint::Hint;

/// What is wrong with a device that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no device {}", .0.display())]
    NodeMissing(PathBuf),
    #[error("{} is not a device", .0.display())]
    NotADevice(PathBuf),
    #[error("there is no device below {}", .0.display())]
    DirectoryEmpty(PathBuf),
    #[error("there are more than {most} devices below {}", .path.display())]
    TooMany { path: PathBuf, most: usize },
    #[error("cannot look at {}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("nobody can open {}: it is on a file system that is mounted with `nodev`", .0.display())]
    NoDevices(PathBuf),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotADevice(path) => {
                Some(format!("`-v {}:DST` shows a file or directory inside", path.display()))
            }
            _ => None,
        }
    }
}
