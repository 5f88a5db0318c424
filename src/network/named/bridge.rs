//! Bridges and their ports, by `rtnetlink(7)`.

use std::{
    fs,
    net::IpAddr,
    os::fd::{AsRawFd, BorrowedFd, OwnedFd},
};

use nix::errno::Errno;

use super::{catalog::Mac, guard};
use crate::{
    network::user::links::{self, link},
    sys::{
        self,
        netlink::{Batch, Protocol, Socket},
    },
};

const CREATE: u16 = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
const UP: u32 = libc::IFF_UP as u32;
const VETH_INFO_PEER: u16 = 1;
/// Of `linux/if_link.h`: `IFLA_BR_MCAST_SNOOPING`, `IFLA_BRPORT_STATE`,
/// `IFLA_BRPORT_ISOLATED`, `IFLA_INET6_ADDR_GEN_MODE`.
const MULTICAST_SNOOPING: u16 = 23;
const STATE: u16 = 1;
const ISOLATED: u16 = 33;
const ADDRESS_GENERATION: u16 = 8;
/// `BR_STATE_DISABLED`
const DISABLED: u8 = 0;
/// `IN6_ADDR_GEN_MODE_NONE`
const NONE: u8 = 1;

/// A link between a sandbox and a bridge.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) bridge: String,
    /// The bridge's end.
    pub(super) port: String,
    /// The sandbox's.
    pub(super) device: String,
    pub(super) mac: Mac,
    pub(super) mtu: Option<u32>,
    /// Whether it is kept apart from other such ports.
    pub(super) isolated: bool,
    /// Address and length of the subnet's prefix.
    pub(super) v4: (IpAddr, u8),
    pub(super) v6: Option<(IpAddr, u8)>,
}

/// Runs `job` in a network namespace, on a thread that ends with it.
pub(super) fn in_namespace<T: Send + 'static>(
    namespace: OwnedFd,
    job: impl FnOnce() -> sys::Result<T> + Send + 'static,
) -> sys::Result<T> {
    let job = move || {
        sys::net::join(&namespace)?;
        job()
    };
    let gone = |_| sys::Error { call: "pthread_join()".into(), errno: Errno::ECANCELED };
    sys::process::spawn("switch", job)?.join().map_err(gone)?
}

/// In the switch, to which `socket` belongs: makes a link to the sandbox, in whose
/// namespace it ends.
pub(super) fn plug(socket: &Socket, link: &Link, sandbox: BorrowedFd<'_>) -> sys::Result<()> {
    let bridge = bridge(socket, &link.bridge)?;
    connect(socket, link, bridge, sandbox)?;
    // The other end is not up yet: nothing has passed.
    guard::set(&link.port, link.mac, link.v4.0, link.v6.map(|(address, _)| address))?;
    sys::net::join(sandbox)?;
    configure(link)
}

/// In the switch: the bridge of this name, which is made if it is not there.
pub(super) fn bridge(socket: &Socket, name: &str) -> sys::Result<u32> {
    links::index(name).or_else(|_| make(socket, name))
}

/// Makes a bridge that has no addresses, and so is no router.
fn make(socket: &Socket, name: &str) -> sys::Result<u32> {
    // Rules for bridged packets are not ours, and cost time.
    for setting in ["iptables", "ip6tables", "arptables"] {
        let _ = fs::write(format!("/proc/sys/net/bridge/bridge-nf-call-{setting}"), "0");
    }
    let _ = fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
    let _ = fs::write("/proc/sys/net/ipv4/ip_forward", "0");
    let mut batch = Batch::new();
    batch.message("make a bridge", libc::RTM_NEWLINK, CREATE, &link(0, UP));
    batch.text(libc::IFLA_IFNAME, name);
    batch.nest(libc::IFLA_LINKINFO, |info| {
        info.text(libc::IFLA_INFO_KIND, "bridge");
        // Nobody asks who listens, so nobody would be known to.
        info.nest(libc::IFLA_INFO_DATA, |data| data.attribute(MULTICAST_SNOOPING, &[0]));
    });
    match socket.request(batch) {
        Err(error) if error.errno != Errno::EEXIST => Err(error), // Another was as fast.
        _ => links::index(name),
    }
}

fn connect(
    socket: &Socket,
    wanted: &Link,
    bridge: u32,
    sandbox: BorrowedFd<'_>,
) -> sys::Result<()> {
    let mut batch = Batch::new();
    batch.message("make a veth pair", libc::RTM_NEWLINK, CREATE, &link(0, UP));
    batch.text(libc::IFLA_IFNAME, &wanted.port);
    batch.number(libc::IFLA_MASTER, bridge);
    links::one_queue(&mut batch);
    wanted.mtu.into_iter().for_each(|mtu| batch.number(libc::IFLA_MTU, mtu));
    batch.nest(libc::IFLA_LINKINFO, |info| {
        info.text(libc::IFLA_INFO_KIND, "veth");
        info.nest(libc::IFLA_INFO_DATA, |data| {
            data.nest(VETH_INFO_PEER, |peer| {
                peer.append(&link(0, 0));
                peer.text(libc::IFLA_IFNAME, &wanted.device);
                links::one_queue(peer);
                peer.attribute(libc::IFLA_ADDRESS, &wanted.mac.0);
                wanted.mtu.into_iter().for_each(|mtu| peer.number(libc::IFLA_MTU, mtu));
                peer.number(libc::IFLA_NET_NS_FD, sandbox.as_raw_fd() as u32);
            });
        });
    });
    if wanted.isolated {
        batch.message("isolate a port", libc::RTM_NEWLINK, 0, &link(0, 0));
        batch.text(libc::IFLA_IFNAME, &wanted.port);
        batch.nest(libc::IFLA_LINKINFO, |info| {
            info.text(libc::IFLA_INFO_SLAVE_KIND, "bridge");
            info.nest(libc::IFLA_INFO_SLAVE_DATA, |data| data.attribute(ISOLATED, &[1]));
        });
    }
    socket.request(batch)
}

/// In the sandbox: addresses, and none that the kernel would choose.
fn configure(wanted: &Link) -> sys::Result<()> {
    let index = links::index(&wanted.device)?;
    let socket = Socket::open(Protocol::Route)?;
    let mut batch = Batch::new();
    batch.message("keep link-local addresses off", libc::RTM_NEWLINK, 0, &link(index, 0));
    batch.nest(libc::IFLA_AF_SPEC, |families| {
        families.nest(libc::AF_INET6 as u16, |v6| v6.attribute(ADDRESS_GENERATION, &[NONE]));
    });
    // Without IPv6 in the kernel there are none.
    socket.request(batch).or_else(|error| if wanted.v6.is_some() { Err(error) } else { Ok(()) })?;
    let mut batch = Batch::new();
    batch.message("bring up a link", libc::RTM_NEWLINK, 0, &link(index, UP));
    for (address, length) in [wanted.v4].into_iter().chain(wanted.v6) {
        links::add_address(&mut batch, index, address, length);
    }
    socket.request(batch)
}

/// Nothing more passes the port, which goes with the sandbox, and its guard with a
/// later one's [`guard::sweep`]. `socket` belongs to the switch.
///
/// To take the link down, or the guard away, would be to wait for every processor
/// (`synchronize_net()`): 10 ms and more, where a program of the sandbox takes one.
pub(super) fn shut(socket: &Socket, port: &str) -> sys::Result<()> {
    let mut batch = Batch::new();
    batch.message("shut a port", libc::RTM_NEWLINK, 0, &link(0, 0));
    batch.text(libc::IFLA_IFNAME, port);
    batch.nest(libc::IFLA_LINKINFO, |info| {
        info.text(libc::IFLA_INFO_SLAVE_KIND, "bridge");
        info.nest(libc::IFLA_INFO_SLAVE_DATA, |data| data.attribute(STATE, &[DISABLED]));
    });
    match socket.request(batch) {
        Err(error) if error.errno == Errno::ENODEV => Ok(()), // It has gone already.
        shut => shut,
    }
}

/// In the switch: removes the port, and with it the sandbox's end.
pub(super) fn unplug(port: &str) -> sys::Result<()> {
    remove(port)?;
    guard::remove(port).or(Ok(()))
}

/// Removes a bridge or a port, if it is there.
pub(super) fn remove(name: &str) -> sys::Result<()> {
    let Ok(index) = links::index(name) else { return Ok(()) };
    let mut batch = Batch::new();
    batch.message("remove a link", libc::RTM_DELLINK, 0, &link(index, 0));
    Socket::open(Protocol::Route)?.request(batch)
}
