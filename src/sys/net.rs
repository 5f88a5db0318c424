//! Network namespaces and their interfaces.

use std::{
    fs::File,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use nix::{errno::Errno, sched::CloneFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::{Error, Named, Result};

/// A new network namespace whose loopback interface is up; `meanwhile` runs
/// here while it is made.
///
/// # Errors
/// What `unshare(2)` says, and [`bring_loopback_up`].
pub fn new_namespace<T>(meanwhile: impl FnOnce() -> T) -> Result<(OwnedFd, T)> {
    let make = || {
        super::process::unshare(CloneFlags::CLONE_NEWNET)?;
        bring_loopback_up()?;
        own_namespace()
    };
    on_a_thread(make, meanwhile)
}

/// The network namespace of the calling thread.
///
/// # Errors
/// What `open(2)` says.
pub fn own_namespace() -> Result<OwnedFd> {
    let path = "/proc/thread-self/ns/net";
    File::open(path).named(|| format!("open({path:?})")).map(Into::into)
}

/// Moves the calling thread into a network namespace.
///
/// # Errors
/// What `setns(2)` says.
pub fn join(netns: impl AsFd) -> Result<()> {
    nix::sched::setns(netns, CloneFlags::CLONE_NEWNET).named(|| "setns(CLONE_NEWNET)".into())
}

/// Runs `job` in another network namespace.
///
/// # Errors
/// What `setns(2)` says, and what `job` says.
pub fn in_namespace<T: Send>(
    netns: BorrowedFd<'_>,
    job: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    let job = || {
        join(netns)?;
        job()
    };
    on_a_thread(job, || ()).map(|(done, ())| done)
}

/// Runs `job` on a thread that ends with it, since the way back into the host's
/// network namespace is closed to an ordinary user (`setns(2)`), and `meanwhile`
/// here.
fn on_a_thread<T: Send, U>(
    job: impl FnOnce() -> Result<T> + Send,
    meanwhile: impl FnOnce() -> U,
) -> Result<(T, U)> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(64 << 10).spawn_scoped(scope, job);
        let thread = thread.named(|| "clone(CLONE_THREAD)".into())?;
        let meanwhile = meanwhile();
        let done = thread.join().unwrap_or_else(|_| {
            Err(Error { call: "pthread_join()".into(), errno: Errno::ECANCELED })
        });
        Ok((done?, meanwhile))
    })
}

/// Sets `IFF_UP` of `lo`, which brings 127.0.0.1 and ::1 with it.
///
/// # Errors
/// What `SIOCSIFFLAGS` of `netdevice(7)` says.
pub fn bring_loopback_up() -> Result<()> {
    let mut request = loopback();
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    ioctl(libc::SIOCSIFFLAGS, &mut request).named(|| "ioctl(SIOCSIFFLAGS, \"lo\", IFF_UP)".into())
}

/// Whether `lo` has `IFF_UP`.
///
/// # Errors
/// What `SIOCGIFFLAGS` of `netdevice(7)` says.
pub fn loopback_is_up() -> Result<bool> {
    let mut request = loopback();
    ioctl(libc::SIOCGIFFLAGS, &mut request).named(|| "ioctl(SIOCGIFFLAGS, \"lo\")".into())?;
    // SAFETY: the call has filled the flags in.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    Ok(i32::from(flags) & libc::IFF_UP != 0)
}

fn loopback() -> libc::ifreq {
    // SAFETY: integers and characters, for which zero is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request
}

fn ioctl(code: libc::Ioctl, request: &mut libc::ifreq) -> nix::Result<()> {
    let socket: OwnedFd = rustix::net::socket_with(
        // Any family will do, and this one could never reach the outside.
        AddressFamily::UNIX,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .map_err(|errno| Errno::from_raw(errno.raw_os_error()))?;
    // SAFETY: `request` is what both codes take, and outlives the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), code, request) };
    Errno::result(result).map(drop)
}
