//! Network namespaces and their interfaces.

use std::{
    fs::File,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use nix::{errno::Errno, sched::CloneFlags};
use rustix::{
    fs::{Mode, OFlags},
    ioctl::{Opcode, Updater},
    net::{AddressFamily, SocketFlags, SocketType},
    thread::UnshareFlags,
};

use super::{
    Error, Named, Result,
    helper::{self, Helper},
};

/// A network namespace that is being made, with its loopback interface up.
#[derive(Debug)]
pub struct NewNamespace(Helper<Made>);

/// The namespace, or the call that failed.
type Made = std::result::Result<OwnedFd, (&'static str, rustix::io::Errno)>;

/// Begins to make a network namespace, which takes a while. We may fork
/// meanwhile, which a thread would forbid.
///
/// # Errors
/// What `clone(2)` says.
pub fn new_namespace() -> Result<NewNamespace> {
    let not_made = Err(("clone()", rustix::io::Errno::CANCELED));
    // SAFETY: `make` makes system calls by way of rustix, and nothing else.
    unsafe { helper::start(CloneFlags::CLONE_FILES, not_made, make) }.map(NewNamespace)
}

impl NewNamespace {
    /// Waits until it is made.
    ///
    /// # Errors
    /// What `unshare(2)` says, or `SIOCSIFFLAGS` of `netdevice(7)`.
    pub fn finish(self) -> Result<OwnedFd> {
        let (_, made) = self.0.finish()?;
        made.or_else(|(call, errno)| Err(errno).named(|| call.into()))
    }
}

fn make(made: &mut Made) -> u8 {
    // SAFETY: the flag concerns no descriptors (`unshare_unsafe`).
    let unshared = unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) };
    *made = unshared
        .map_err(|errno| ("unshare(CLONE_NEWNET)", errno))
        .and_then(|()| bring_up().map_err(|errno| (BRING_UP, errno)))
        .and_then(|()| {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            let opened = rustix::fs::open(c"/proc/self/ns/net", flags, Mode::empty());
            opened.map_err(|errno| ("open(\"/proc/self/ns/net\")", errno))
        });
    0
}

/// The network namespace of the calling thread.
///
/// # Errors
/// What `open(2)` says.
pub fn own_namespace() -> Result<OwnedFd> {
    let path = "/proc/thread-self/ns/net";
    File::open(path).named(|| format!("open({path:?})")).map(Into::into)
}

/// The network namespace of a process.
///
/// # Errors
/// What `open(2)` says; EACCES without power over the process.
pub fn namespace_of(pid: i32) -> Result<OwnedFd> {
    let path = format!("/proc/{pid}/ns/net");
    File::open(&path).named(|| format!("open({path:?})")).map(Into::into)
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
    // On a thread that ends with it, since the way back into the host's network
    // namespace is closed to an ordinary user (`setns(2)`).
    let job = || {
        join(netns)?;
        job()
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(64 << 10).spawn_scoped(scope, job);
        let thread = thread.named(|| "clone(CLONE_THREAD)".into())?;
        thread.join().unwrap_or_else(|_| {
            Err(Error { call: "pthread_join()".into(), errno: Errno::ECANCELED })
        })
    })
}

/// Sets `IFF_UP` of `lo`, which brings 127.0.0.1 and ::1 with it.
///
/// # Errors
/// What `SIOCSIFFLAGS` of `netdevice(7)` says.
pub fn bring_loopback_up() -> Result<()> {
    bring_up().named(|| BRING_UP.into())
}

const BRING_UP: &str = "ioctl(SIOCSIFFLAGS, \"lo\", IFF_UP)";

fn bring_up() -> rustix::io::Result<()> {
    let mut request = loopback();
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    ioctl::<{ libc::SIOCSIFFLAGS as Opcode }>(&mut request)
}

/// Whether `lo` has `IFF_UP`.
///
/// # Errors
/// What `SIOCGIFFLAGS` of `netdevice(7)` says.
pub fn loopback_is_up() -> Result<bool> {
    let mut request = loopback();
    ioctl::<{ libc::SIOCGIFFLAGS as Opcode }>(&mut request)
        .named(|| "ioctl(SIOCGIFFLAGS, \"lo\")".into())?;
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

fn ioctl<const CODE: Opcode>(request: &mut libc::ifreq) -> rustix::io::Result<()> {
    let socket: OwnedFd = rustix::net::socket_with(
        // Any family will do, and this one could never reach the outside.
        AddressFamily::UNIX,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    // SAFETY: `request` is what both codes take, and outlives the call.
    unsafe { rustix::ioctl::ioctl(&socket, Updater::<CODE, _>::new(request)) }
}
