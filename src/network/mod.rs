//! How a sandbox reaches the outside.
//!
//! The seam is that of CNI, and so are its verbs: a network is *added* to a
//! namespace from outside and *deleted* from it later. Neither the namespace
//! nor the program in it takes part, so a new kind of network is one new file.
//!
//! Each implementation must keep two promises of the CNI specification,
//! section 2: `add` is called once per sandbox; `del` succeeds however often it
//! is called and however little is left to undo.

pub mod cni;
mod host;
pub mod named;
mod none;
pub mod user;

use std::{net::IpAddr, os::fd::BorrowedFd};

pub use host::HostNetwork;
pub use none::NoNetwork;

use crate::{hint::Hint, sys};

/// What a network is attached to.
#[derive(Debug)]
pub struct Attachment<'a> {
    /// The sandbox, for names in logs and in the state directory.
    pub id: &'a str,
    /// Its network namespace, as an open `/proc/PID/ns/net`.
    pub netns: BorrowedFd<'a>,
}

/// A way to reach the outside.
pub trait Network: std::fmt::Debug {
    /// Begins what can be done before there is a namespace, to save time.
    ///
    /// What fails is reported by [`Network::add`].
    fn prepare(&mut self) {}

    /// Begins `add`, which goes on meanwhile as far as it can; `add` does this itself
    /// if it has not been done.
    ///
    /// # Errors
    /// As those of [`Network::add`].
    fn begin(&mut self, _: &Attachment<'_>) -> Result<(), Error> {
        Ok(())
    }

    /// CNI `ADD`: connects the namespace, and returns when packets can flow.
    ///
    /// # Errors
    /// Why they cannot; what was done so far is undone by [`Network::del`].
    fn add(&mut self, attachment: &Attachment<'_>) -> Result<(), Error>;

    /// CNI `CHECK`: whether what `add` made is still there.
    ///
    /// # Errors
    /// What is missing.
    fn check(&self, attachment: &Attachment<'_>) -> Result<(), Error>;

    /// CNI `DEL`: undoes as much of `add` as is still there.
    ///
    /// # Errors
    /// Only what leaves something behind on the host.
    fn del(&mut self, attachment: &Attachment<'_>) -> Result<(), Error>;

    /// Addresses that the sandbox has been given by `add`, and nobody knew before.
    fn addresses(&self) -> Vec<IpAddr> {
        Vec::new()
    }
}

/// What went wrong between a namespace and a network.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot look at the network of the sandbox")]
    Check(#[source] sys::Error),
    #[error("the loopback interface is down")]
    LoopbackDown,
    #[error("cannot set up the user network")]
    User(#[source] sys::Error),
    #[error("the sandbox is not attached to its network")]
    NotAttached,
    #[error(transparent)]
    Cni(#[from] cni::Error),
    #[error(transparent)]
    Named(#[from] named::Error),
    #[error(transparent)]
    Publish(#[from] user::PublishError),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Publish(error) => error.hint(),
            Self::Named(error) => error.hint(),
            Self::Cni(error) => error.hint(),
            Self::User(_) => Some(
                "`sandbox info` shows what is missing; `--network none` and `--network host` \
                 do without"
                    .into(),
            ),
            _ => None,
        }
    }
}
