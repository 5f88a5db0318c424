//! Fake root: what needs a second user id succeeds and does nothing.
//!
//! # Theory of operation
//!
//! Without `/etc/subuid` a user namespace maps one id: root inside is the user
//! outside, and nobody else exists. Package managers do not know that. They
//! unpack files that belong to `mail` or `_apt`, and the kernel answers `EINVAL`
//! because these ids have no meaning, although nothing of value is lost if the
//! file belongs to root. This filter answers such calls itself: the action
//! `ERRNO` with the number 0 is success, and the kernel never sees the call.
//!
//! Answered are `chown` and its relatives, `setuid` and its relatives, and
//! `mknod` for devices, which no user namespace may make. Fifos, sockets and
//! plain files from `mknod` are really made. `capset` is not faked: giving up
//! capabilities works with one id, and is a promise one wants kept.
//!
//! # Where consistency ends
//!
//! Nothing is remembered. `stat(2)` goes on to show 0 after `chown`, a device
//! does not exist after `mknod`, and `getuid(2)` says 0 after `setuid(2)`. A
//! program that checks will notice: `apt` looks at its ids after `setresuid` and
//! refuses to go on, so it is told by configuration not to change its user
//! (`APT::Sandbox::User "root"`). A program that believes it has given up root
//! has not; but root inside is only the user outside.
//!
//! # Order
//!
//! These rules go in front of a profile's own, so that they are the answer for
//! any profile. Whoever loads them changes its own ids before, for afterwards it
//! cannot.

use crate::oci::{Seccomp, SeccompArg, SeccompRule};

/// Answered with success whatever the arguments; `…32` are calls of i386.
const IDS: &[&str] = &[
    "chown",
    "chown32",
    "fchown",
    "fchown32",
    "fchownat",
    "lchown",
    "lchown32",
    "setfsgid",
    "setfsgid32",
    "setfsuid",
    "setfsuid32",
    "setgid",
    "setgid32",
    "setgroups",
    "setgroups32",
    "setregid",
    "setregid32",
    "setresgid",
    "setresgid32",
    "setresuid",
    "setresuid32",
    "setreuid",
    "setreuid32",
    "setuid",
    "setuid32",
];

/// Calls that make device nodes, and which argument is the mode.
const NODES: &[(&str, u8)] = &[("mknod", 1), ("mknodat", 2)];

/// The rules of fake root, over whatever else is allowed.
pub(super) fn rules() -> Seccomp {
    let devices = NODES.iter().flat_map(|(name, mode)| {
        [libc::S_IFCHR, libc::S_IFBLK].map(|kind| succeed(&[name], vec![is_kind(*mode, kind)]))
    });
    Seccomp {
        default_action: "SCMP_ACT_ALLOW".into(),
        default_errno_ret: None,
        architectures: vec!["SCMP_ARCH_X86".into()],
        syscalls: [succeed(IDS, Vec::new())].into_iter().chain(devices).collect(),
    }
}

fn succeed(names: &[&'static str], args: Vec<SeccompArg>) -> SeccompRule {
    SeccompRule {
        names: names.iter().map(|name| (*name).into()).collect(),
        action: "SCMP_ACT_ERRNO".into(),
        errno_ret: Some(0),
        args,
    }
}

/// The type bits of the mode are `kind`.
fn is_kind(index: u8, kind: libc::mode_t) -> SeccompArg {
    SeccompArg {
        index,
        value: libc::S_IFMT.into(),
        value_two: kind.into(),
        op: "SCMP_CMP_MASKED_EQ".into(),
    }
}
