//! The gateway: a network namespace between a sandbox and us.
//!
//! A thread makes the namespace ([`Opening::begin`]), since a thread can leave
//! the host's namespace and the process cannot come back (`setns(2)`), and waits
//! there for a sandbox ([`Opening::connect`]). It opens all that listens, and
//! then stays as the [`SocketMaker`]: a socket belongs to the namespace of the
//! thread that opens it, and may be used by any.

pub(super) mod hold;
pub(in crate::network) mod links;
pub(in crate::network) mod nft;
pub(super) mod ruleset;

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    thread::JoinHandle,
};

use nix::{errno::Errno, sched::CloneFlags};

use self::{
    hold::Queue,
    ruleset::{DNS_PORT, Hold, MEMBER, TCP_PORT, UDP_PORT},
};
use super::addresses::{Addresses, Routes};
use crate::sys::{
    self, Named,
    netlink::{Protocol, Socket},
    socket::{self, Kind},
};

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 4096;

/// What listens in the gateway, and who opens more sockets there.
#[derive(Debug)]
pub(super) struct Gateway {
    /// SYNs that wait for a verdict, unless connections are accepted first.
    pub(super) queue: Option<Queue>,
    /// IPv4, and IPv6 where there is any.
    pub(super) doors: Vec<Doors>,
    pub(super) sockets: SocketMaker,
}

/// What takes packets of one address family.
#[derive(Debug)]
pub(super) struct Doors {
    /// Connections to anywhere.
    pub(super) tcp: OwnedFd,
    /// Datagrams to anywhere.
    pub(super) udp: OwnedFd,
    /// Echo requests to anywhere.
    pub(super) ping: OwnedFd,
    /// Packets that we write ourselves, headers and all.
    pub(super) raw: OwnedFd,
    /// Questions about names.
    pub(super) dns_udp: OwnedFd,
    pub(super) dns_tcp: OwnedFd,
}

/// A gateway in the making.
#[derive(Debug)]
pub(super) struct Opening {
    /// Whom to give the sandbox, until that is done.
    sandbox: Option<Sender<OwnedFd>>,
    made: Receiver<sys::Result<Made>>,
    sockets: SocketMaker,
}

type Made = (Option<Queue>, Vec<Doors>);

impl Opening {
    /// Begins to make a gateway: as much as can be done before there is a sandbox.
    ///
    /// # Errors
    /// What `clone(2)` says. What the kernel refuses later is reported by
    /// [`Self::finish`].
    pub(super) fn begin(
        addresses: Addresses,
        hold: bool,
        device: &'static str,
    ) -> sys::Result<Self> {
        let (sandbox, sandboxes) = channel();
        let (report, made) = sync_channel(1);
        let (mut sockets, requests, answers) = SocketMaker::new();
        let job = move || match make(&addresses, hold, device, &sandboxes) {
            Ok((made, places)) => {
                let _ = report.send(Ok(made));
                serve(&places, &requests, &answers);
            }
            Err(error) => {
                let _ = report.send(Err(error));
            }
        };
        sockets.thread = Some(sys::process::spawn("gateway", job)?);
        Ok(Self { sandbox: Some(sandbox), made, sockets })
    }

    /// Begins to connect a sandbox, by its network namespace; a second call does nothing.
    ///
    /// # Errors
    /// What `dup(2)` says.
    pub(super) fn connect(&mut self, sandbox: BorrowedFd<'_>) -> sys::Result<()> {
        let Some(thread) = self.sandbox.take() else { return Ok(()) };
        // If the thread is gone, it has reported why.
        let _ = thread.send(sandbox.try_clone_to_owned().named(|| "dup()".into())?);
        Ok(())
    }

    /// Waits until the sandbox is connected.
    ///
    /// # Errors
    /// What the kernel refused.
    pub(super) fn finish(self) -> sys::Result<Gateway> {
        let gone = || sys::Error { call: "clone(CLONE_THREAD)".into(), errno: Errno::ECANCELED };
        let (queue, doors) = self.made.recv().map_err(|_| gone())??;
        Ok(Gateway { queue, doors, sockets: self.sockets })
    }
}

/// On the gateway's thread: everything that must exist before packets flow.
fn make(
    addresses: &Addresses,
    hold: bool,
    device: &str,
    sandboxes: &Receiver<OwnedFd>,
) -> sys::Result<(Made, Places)> {
    let here = Namespace::make(addresses, hold)?;
    let queue = (here.hold != Hold::No).then(|| Queue::open(MEMBER)).transpose()?;
    let mut doors = vec![Doors::open(addresses.gateway4().into())?];
    if here.ipv6 {
        doors.push(Doors::open(addresses.gateway6().into())?);
    }
    let gone = |_| sys::Error { call: "setns(CLONE_NEWNET)".into(), errno: Errno::ECANCELED };
    let sandbox = sandboxes.recv().map_err(gone)?;
    links::connect(&here.links, sandbox.as_fd(), device, addresses, here.ipv6)?;
    sys::net::join(&sandbox)?;
    links::configure_sandbox(&Socket::open(Protocol::Route)?, addresses, here.ipv6)?;
    write_settings(&["ipv4/tcp_congestion_control"], "reno");
    Ok(((queue, doors), Places { gateway: here.itself, sandbox }))
}

/// The gateway's namespace, and what its kernel can do.
struct Namespace {
    itself: OwnedFd,
    links: Socket,
    hold: Hold,
    ipv6: bool,
}

impl Namespace {
    /// Makes it around the calling thread.
    fn make(addresses: &Addresses, hold: bool) -> sys::Result<Self> {
        sys::process::unshare(CloneFlags::CLONE_NEWNET)?;
        let itself = sys::net::own_namespace()?;
        let links = Socket::open(Protocol::Route)?;
        links::take_everything(&links, false)?;
        let ipv6 = links::take_everything(&links, true).is_ok();
        write_settings(&["ipv4/icmp_echo_ignore_all", "ipv6/icmp/echo_ignore_all"], "1");
        // The kernel would tell a few connections a second that they are refused,
        // and leave the rest to wait (`icmp(7)`).
        write_settings(&["ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"], "0");
        write_settings(&["ipv4/tcp_congestion_control"], "reno");
        // Of types that nobody sends: a kernel tells few a second that they are
        // refused, and leaves the rest to wait (`icmp(7)`, `icmp_ratemask`).
        write_settings(&["ipv4/icmp_ratemask"], "0");
        write_settings(&["ipv6/icmp/ratemask"], "128");
        let rules = Socket::open(Protocol::Netfilter)?;
        ruleset::install(&rules, addresses)?;
        let hold = if hold { ruleset::hold(&rules) } else { Hold::No };
        Ok(Self { itself, links, hold, ipv6 })
    }
}

/// How SYNs would be held, and whether there is IPv6.
///
/// # Errors
/// What the kernel lacks for a gateway.
pub(super) fn probe() -> sys::Result<(Hold, bool)> {
    let addresses = Addresses::choose(&Routes::default());
    let job = move || Namespace::make(&addresses, true).map(|here| (here.hold, here.ipv6));
    let gone = |_| sys::Error { call: "pthread_join()".into(), errno: Errno::ECANCELED };
    sys::process::spawn("gateway", job)?.join().map_err(gone)?
}

/// Settings of the namespace that the thread is in, which a kernel or a container
/// around us may not let us change: then pings are answered by the gateway, the
/// host's congestion control holds on the link as well, and many errors at once
/// are timeouts.
fn write_settings(names: &[&str], value: &str) {
    for name in names {
        let _ = fs::write(format!("/proc/sys/net/{name}"), value);
    }
}

impl Doors {
    fn open(gateway: IpAddr) -> sys::Result<Self> {
        let everywhere = match gateway {
            IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
        };
        let tcp = bound(Kind::Tcp, (everywhere, TCP_PORT).into())?;
        rustix::net::listen(&tcp, BACKLOG).named(|| "listen()".into())?;
        let udp = bound(Kind::Udp, (everywhere, UDP_PORT).into())?;
        socket::receive_original_destination(&udp, gateway).named(|| "setsockopt()".into())?;
        let ping = opened(Kind::RawIcmp, gateway)?;
        socket::receive_local_address(&ping, gateway).named(|| "setsockopt()".into())?;
        if gateway.is_ipv6() {
            let filter = || "setsockopt(ICMPV6_FILTER)".into();
            socket::receive_only_echo_requests_v6(&ping).named(filter)?;
        }
        let raw = opened(Kind::RawPacket, gateway)?;
        let dns_udp = bound(Kind::Udp, (gateway, DNS_PORT).into())?;
        let dns_tcp = bound(Kind::Tcp, (gateway, DNS_PORT).into())?;
        rustix::net::listen(&dns_tcp, BACKLOG).named(|| "listen()".into())?;
        Ok(Self { tcp, udp, ping, raw, dns_udp, dns_tcp })
    }
}

fn opened(kind: Kind, like: IpAddr) -> sys::Result<OwnedFd> {
    socket::open(kind, like).named(|| format!("socket({kind:?})"))
}

/// At an address that no interface has, or has not yet.
fn bound(kind: Kind, address: SocketAddr) -> sys::Result<OwnedFd> {
    let socket = opened(kind, address.ip())?;
    let option = || "setsockopt(IP_TRANSPARENT)".into();
    socket::set_transparent(&socket, address.ip()).named(option)?;
    if address.is_ipv6() {
        let option = || "setsockopt(IPV6_V6ONLY)".into();
        rustix::net::sockopt::set_ipv6_v6only(&socket, true).named(option)?;
    }
    rustix::net::bind(&socket, &address).named(|| format!("bind({address})"))?;
    Ok(socket)
}

/// In which namespace a socket is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// To speak to the sandbox with an address of the outside.
    Gateway,
    /// To speak to the sandbox as a program of its own would.
    Sandbox,
}

type Request = (Place, Kind, IpAddr);
type Answer = rustix::io::Result<OwnedFd>;

/// Opens sockets in namespaces which are not ours; ends with this value.
#[derive(Debug)]
pub(super) struct SocketMaker {
    requests: Option<Sender<Request>>,
    answers: Receiver<Answer>,
    thread: Option<JoinHandle<()>>,
}

impl SocketMaker {
    /// And what its thread listens to, and answers with.
    fn new() -> (Self, Receiver<Request>, SyncSender<Answer>) {
        let (requests, receiver) = channel();
        let (sender, answers) = sync_channel(1);
        (Self { requests: Some(requests), answers, thread: None }, receiver, sender)
    }

    /// A socket that may have any address, and shares it with others.
    ///
    /// # Errors
    /// What `socket(2)` says: EMFILE if there are no more descriptors.
    pub(super) fn open(&self, place: Place, kind: Kind, like: IpAddr) -> Answer {
        const GONE: rustix::io::Errno = rustix::io::Errno::CANCELED;
        let requests = self.requests.as_ref().ok_or(GONE)?;
        requests.send((place, kind, like)).map_err(|_| GONE)?;
        self.answers.recv().map_err(|_| GONE)?
    }
}

impl Drop for SocketMaker {
    fn drop(&mut self) {
        self.requests = None; // Which ends the thread.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Places {
    gateway: OwnedFd,
    sandbox: OwnedFd,
}

/// On the gateway's thread, as long as it is asked.
fn serve(places: &Places, requests: &Receiver<Request>, answers: &SyncSender<Answer>) {
    let mut here = Place::Sandbox; // Where `make` has left us.
    for (place, kind, like) in requests {
        let answer = go(places, &mut here, place).and_then(|()| open_anywhere(kind, like));
        if answers.send(answer).is_err() {
            return;
        }
    }
}

fn go(places: &Places, here: &mut Place, place: Place) -> rustix::io::Result<()> {
    if *here == place {
        return Ok(());
    }
    let namespace = match place {
        Place::Gateway => &places.gateway,
        Place::Sandbox => &places.sandbox,
    };
    sys::net::join(namespace).map_err(|_| rustix::io::Errno::PERM)?;
    *here = place;
    Ok(())
}

fn open_anywhere(kind: Kind, like: IpAddr) -> Answer {
    let socket = socket::open(kind, like)?;
    rustix::net::sockopt::set_socket_reuseaddr(&socket, true)?;
    socket::set_transparent(&socket, like).map_err(|_| rustix::io::Errno::PERM)?;
    Ok(socket)
}
