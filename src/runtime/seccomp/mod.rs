//! Which system calls the workload may make: `seccomp(2)`.
//!
//! A profile is an [`oci::Seccomp`]: ours ([`default_profile`]) or one in
//! docker's format ([`profile`]). `program` makes a filter of it, which
//! [`sys::seccomp::load`](crate::sys::seccomp::load) puts on the workload.
//!
//! ```text
//! capabilities ─▶ default ─┐
//! JSON ─────────▶ profile ─┴▶ oci::Seccomp ─▶ compile ─▶ program
//!                 fake_root ─────┘             condition ─▶ assembler
//! ```

mod action;
mod assembler;
mod compile;
mod condition;
mod default;
mod fake_root;
mod numbers;
mod profile;
#[cfg(test)]
mod tests;

pub use self::{default::default_profile, profile::profile};
use crate::{hint::Hint, oci, sys::seccomp::Instruction};

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the seccomp profile is not valid JSON")]
    Json(#[source] serde_json::Error),
    #[error("the seccomp profile has both `{0}` and `{1}`")]
    Both(&'static str, &'static str),
    #[error("seccomp action `{0}` is not supported")]
    Action(String),
    #[error("seccomp operator `{0}` is not known")]
    Operator(String),
    #[error("a system call has no argument {0}; the first is 0, the last 5")]
    Argument(u8),
    #[error("`{0}` in the seccomp profile is not a kernel version")]
    KernelVersion(String),
}

impl Hint for Error {}

/// Whether a profile can be made into a filter, before anything depends on it.
///
/// # Errors
/// As for a filter: the profile has an action or a condition that cannot be
/// compiled.
pub fn check(seccomp: &oci::Seccomp) -> Result<(), Error> {
    program(Some(seccomp), false).map(drop)
}

/// The filter for a workload; none if nothing is filtered.
///
/// What fake root answers comes before what the profile says: one program is
/// loaded in half the time that two take.
///
/// # Errors
/// The profile has an action or a condition that cannot be compiled.
pub(crate) fn program(
    seccomp: Option<&oci::Seccomp>,
    fake_root: bool,
) -> Result<Option<Vec<Instruction>>, Error> {
    let others = libc::SECCOMP_RET_KILL_PROCESS;
    match (seccomp, fake_root) {
        (None, false) => Ok(None),
        (None, true) => compile::compile(&fake_root::rules(), libc::SECCOMP_RET_ALLOW).map(Some),
        (Some(profile), false) => compile::compile(profile, others).map(Some),
        (Some(profile), true) => {
            let mut both = profile.clone();
            both.syscalls.splice(..0, fake_root::rules().syscalls);
            compile::compile(&both, others).map(Some)
        }
    }
}
