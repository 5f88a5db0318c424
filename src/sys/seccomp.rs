//! System call filters: `seccomp(2)`.

use std::ptr;

use nix::errno::Errno;

use super::{Named, Result};

/// One instruction of a filter: classic BPF over a `seccomp_data`.
pub type Instruction = libc::sock_filter;

/// The most instructions that the kernel takes (`BPF_MAXINSNS`).
const MAX_INSTRUCTIONS: usize = 4096;

/// Puts a filter on the calling thread, and on all that it will start.
///
/// The caller has `CAP_SYS_ADMIN` in its user namespace or has set
/// `no_new_privs`; otherwise this fails with `EACCES`.
///
/// # Errors
/// `EINVAL` if the program is empty, too long or not a valid filter.
pub fn load(program: &[Instruction]) -> Result<()> {
    let call = || format!("seccomp(SECCOMP_SET_MODE_FILTER, {} instructions)", program.len());
    let filter =
        libc::sock_fprog { len: length(program).named(call)?, filter: program.as_ptr().cast_mut() };
    // SAFETY: `filter` points to `len` instructions which outlive the call; the
    // kernel copies and checks them, and writes to neither (`seccomp(2)`).
    let done = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, ptr::from_ref(&filter))
    };
    Errno::result(done).map(drop).named(call)
}

/// The length as the kernel takes it; a longer one would be cut short.
fn length(program: &[Instruction]) -> nix::Result<u16> {
    match u16::try_from(program.len()) {
        Ok(length) if usize::from(length) <= MAX_INSTRUCTIONS => Ok(length),
        _ => Err(Errno::EINVAL),
    }
}

/// Whether the kernel has `seccomp(2)` and can answer a call with an errno.
pub fn is_supported() -> bool {
    let action = libc::SECCOMP_RET_ERRNO;
    // SAFETY: the kernel reads one u32 from `action`, which outlives the call.
    let answer = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, ptr::from_ref(&action))
    };
    answer == 0
}
