//! Whatever stops a command: one type at the top, typed causes below.

mod cause;

use nix::errno::Errno;

pub use cause::Cause;

use crate::{config, devices, hint::Hint, image, network, oci, runtime, storage, sys};

/// Why a command ended early; [`Error::code`] is its exit code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{what}")]
    Usage { what: String, hint: Option<String> },
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error(transparent)]
    Reference(#[from] oci::InvalidReference),
    #[error(transparent)]
    Image(#[from] image::Error),
    #[error("{what}")]
    Pinned { what: String, hint: Option<String>, source: Box<image::Error> },
    #[error(transparent)]
    Storage(#[from] storage::Error),
    #[error(transparent)]
    Network(#[from] network::Error),
    #[error(transparent)]
    Devices(#[from] devices::Error),
    #[error(transparent)]
    Runtime(#[from] runtime::Error),
    #[error("cannot {step}")]
    System { step: &'static str, source: sys::Error },
    #[error("cannot make the sandbox's socket or its log")]
    Attach(#[source] std::io::Error),
    #[error("cannot read the log")]
    Log(#[source] std::io::Error),
    #[error("cannot write the output")]
    Output(#[source] std::io::Error),
}

impl Error {
    /// Something that the user asked for cannot be.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::Usage { what: what.into(), hint: None }
    }

    /// The same, and what helps.
    pub fn usage_with_hint(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { what: what.into(), hint: Some(hint.into()) }
    }

    /// The exit code when no workload ran to give one: the convention of
    /// `chroot(1)` and `env(1)`, which other container tools follow.
    pub fn code(&self) -> u8 {
        match self {
            Self::Runtime(runtime::Error::Exec { source, .. }) => match source.errno {
                Errno::ENOENT => 127,
                _ => 126,
            },
            _ => 125,
        }
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } | Self::Pinned { hint, .. } => hint.clone(),
            Self::Config(error) => error.hint(),
            Self::Reference(_)
            | Self::System { .. }
            | Self::Attach(_)
            | Self::Log(_)
            | Self::Output(_) => None,
            Self::Image(error) => error.hint(),
            Self::Storage(error) => error.hint(),
            Self::Network(error) => error.hint(),
            Self::Devices(error) => error.hint(),
            Self::Runtime(error) => error.hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_tells_whose_fault_it_was() {
        let exec = |errno| {
            let source = sys::Error { call: "execve(\"x\")".into(), errno };
            Error::from(runtime::Error::Exec { command: "x".into(), source })
        };
        assert_eq!(exec(Errno::ENOENT).code(), 127);
        assert_eq!(exec(Errno::EACCES).code(), 126);
        assert_eq!(exec(Errno::ENOEXEC).code(), 126);
        assert_eq!(Error::usage("x").code(), 125);
    }
}
