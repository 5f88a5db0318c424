//! System calls as safe functions.
//!
//! Every `unsafe` block of the program is below this module, and no policy:
//! nothing here decides, prints or reads a setting. An [`Error`] prints as
//! `strace(1)` would and keeps the errno, so that callers can match on it.

pub mod accounts;
pub mod fs;
pub mod helper;
pub mod kernel;
pub mod mount;
pub mod net;
pub mod netlink;
pub mod process;
pub mod seccomp;
pub mod socket;
pub mod time;
pub mod watch;

use nix::errno::Errno;

/// A system call which failed: the call with its arguments, and the errno.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{call}: {errno}")]
pub struct Error {
    /// The call as it was made, such as `mount("proc", "/proc")`.
    pub call: String,
    /// Why the kernel refused; callers match on this to offer a hint.
    pub errno: Errno,
}

/// What the functions of this module return.
pub type Result<T> = std::result::Result<T, Error>;

/// Names the call in an errno, so that no error reaches the user bare.
pub trait Named<T> {
    /// Attaches `call`, made only if there is an error to attach it to.
    ///
    /// # Errors
    /// The same error, named.
    fn named(self, call: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Named<T> for nix::Result<T> {
    fn named(self, call: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|errno| Error { call: call(), errno })
    }
}

impl<T> Named<T> for rustix::io::Result<T> {
    fn named(self, call: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|e| Error { call: call(), errno: Errno::from_raw(e.raw_os_error()) })
    }
}

impl<T> Named<T> for std::io::Result<T> {
    fn named(self, call: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|e| Error {
            call: call(),
            errno: e.raw_os_error().map_or(Errno::EIO, Errno::from_raw),
        })
    }
}
