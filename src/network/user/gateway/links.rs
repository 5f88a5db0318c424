//! Interfaces, addresses and routes of the gateway and of a sandbox
//! (`rtnetlink(7)`).

use std::{
    net::IpAddr,
    os::fd::{AsRawFd, BorrowedFd},
};

use super::super::addresses::Addresses;
use crate::sys::{
    self, Named,
    netlink::{Batch, Protocol, Socket},
};

/// Name of the gateway's interface.
pub(super) const GATEWAY_DEVICE: &str = "gw0";
/// The usual name of the interface inside.
pub const SANDBOX_DEVICE: &str = "eth0";
/// Its number, and that of the interface inside: free in a namespace where `lo` is 1, and
/// the next few are those of tunnels whose modules are loaded, and of named networks.
const DEVICE: u32 = 100;
const LOOPBACK: u32 = 1;

const CREATE: u16 = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
const UP: u32 = libc::IFF_UP as u32;
/// `VETH_INFO_PEER` of `linux/veth.h`.
const VETH_INFO_PEER: u16 = 1;

/// Makes the namespace take every address for its own.
///
/// # Errors
/// For IPv6, what the kernel says if that is disabled.
pub(super) fn take_everything(socket: &Socket, v6: bool) -> sys::Result<()> {
    let mut batch = Batch::new();
    batch.message("bring up lo", libc::RTM_NEWLINK, 0, &link(LOOPBACK, UP));
    let family = (if v6 { libc::AF_INET6 } else { libc::AF_INET }) as u8;
    let header = route(family, libc::RTN_LOCAL, libc::RT_SCOPE_HOST);
    batch.message("route everything to ourselves", libc::RTM_NEWROUTE, CREATE, &header);
    batch.number(libc::RTA_OIF, LOOPBACK);
    socket.request(batch)
}

/// Makes the gateway's end of a link whose other end is in `sandbox`.
///
/// # Errors
/// What the kernel says if it has no veth.
pub(super) fn connect(
    socket: &Socket,
    sandbox: BorrowedFd<'_>,
    device: &str,
    addresses: &Addresses,
    v6: bool,
) -> sys::Result<()> {
    let mut batch = Batch::new();
    batch.message("make a veth pair", libc::RTM_NEWLINK, CREATE, &link(DEVICE, UP));
    batch.text(libc::IFLA_IFNAME, GATEWAY_DEVICE);
    one_queue(&mut batch);
    batch.nest(libc::IFLA_LINKINFO, |info| {
        info.text(libc::IFLA_INFO_KIND, "veth");
        info.nest(libc::IFLA_INFO_DATA, |data| {
            data.nest(VETH_INFO_PEER, |peer| {
                // It cannot be up before it has a peer.
                peer.append(&link(DEVICE, 0));
                peer.text(libc::IFLA_IFNAME, device);
                one_queue(peer);
                peer.number(libc::IFLA_NET_NS_FD, sandbox.as_raw_fd() as u32);
            });
        });
    });
    add_address(&mut batch, DEVICE, addresses.gateway4().into(), addresses.subnet4().length());
    add_address(&mut batch, DEVICE, addresses.host4().into(), 32);
    if v6 {
        add_address(&mut batch, DEVICE, addresses.gateway6().into(), addresses.subnet6().length());
        add_address(&mut batch, DEVICE, addresses.host6().into(), 128);
    }
    socket.request(batch)
}

/// An end of a veth pair has one queue, unless more are asked for: but if none is asked
/// for, it is made with one for each processor, and to give those back it waits for
/// every processor (`synchronize_net()`).
pub(in crate::network) fn one_queue(batch: &mut Batch) {
    batch.number(libc::IFLA_NUM_TX_QUEUES, 1);
    batch.number(libc::IFLA_NUM_RX_QUEUES, 1);
}

/// Gives the sandbox its addresses and the way out.
///
/// # Errors
/// What the kernel says.
pub(super) fn configure_sandbox(
    socket: &Socket,
    addresses: &Addresses,
    v6: bool,
) -> sys::Result<()> {
    let mut batch = Batch::new();
    batch.message("bring up eth0", libc::RTM_NEWLINK, 0, &link(DEVICE, UP));
    add_address(&mut batch, DEVICE, addresses.member4().into(), addresses.subnet4().length());
    route_to(&mut batch, addresses.gateway4().into());
    if v6 {
        add_address(&mut batch, DEVICE, addresses.member6().into(), addresses.subnet6().length());
        route_to(&mut batch, addresses.gateway6().into());
    }
    socket.request(batch)
}

fn route_to(batch: &mut Batch, gateway: IpAddr) {
    let header = route(family(gateway), libc::RTN_UNICAST, libc::RT_SCOPE_UNIVERSE);
    batch.message("route everything to the gateway", libc::RTM_NEWROUTE, CREATE, &header);
    batch.number(libc::RTA_OIF, DEVICE);
    with_octets(gateway, |octets| batch.attribute(libc::RTA_GATEWAY, octets));
}

/// In the sandbox: puts the way to the gateway before the ways that others have made
/// since, which stay.
pub(in crate::network) fn prefer_gateway(addresses: &Addresses) -> sys::Result<()> {
    let socket = Socket::open(Protocol::Route)?;
    let mut batch = Batch::new();
    let gateway = addresses.gateway4().into();
    let header = route(family(gateway), libc::RTN_UNICAST, libc::RT_SCOPE_UNIVERSE);
    for (kind, flags) in [(libc::RTM_DELROUTE, 0), (libc::RTM_NEWROUTE, libc::NLM_F_CREATE as u16)]
    {
        // Without NLM_F_EXCL or NLM_F_APPEND it comes before those of equal metric.
        batch.message("route to the gateway first", kind, flags, &header);
        batch.number(libc::RTA_OIF, DEVICE);
        with_octets(gateway, |octets| batch.attribute(libc::RTA_GATEWAY, octets));
    }
    socket.request(batch)?;
    let mut batch = Batch::new();
    // IPv6 would use both in turn: but one of a better metric (the usual is 1024).
    route_to(&mut batch, addresses.gateway6().into());
    batch.number(libc::RTA_PRIORITY, 1);
    let _ = socket.request(batch); // There may be no IPv6.
    Ok(())
}

/// Usable at once: nobody else is there who could have the same address.
pub(in crate::network) fn add_address(batch: &mut Batch, device: u32, address: IpAddr, prefix: u8) {
    let no_detection = libc::IFA_F_NODAD as u8;
    let [a, b, c, d] = device.to_ne_bytes();
    let header = [family(address), prefix, no_detection, libc::RT_SCOPE_UNIVERSE, a, b, c, d];
    batch.message("add an address", libc::RTM_NEWADDR, CREATE, &header);
    with_octets(address, |octets| {
        batch.attribute(libc::IFA_LOCAL, octets);
        batch.attribute(libc::IFA_ADDRESS, octets);
    });
}

fn family(address: IpAddr) -> u8 {
    (if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }) as u8
}

fn with_octets(address: IpAddr, then: impl FnOnce(&[u8])) {
    match address {
        IpAddr::V4(address) => then(&address.octets()),
        IpAddr::V6(address) => then(&address.octets()),
    }
}

/// `struct ifinfomsg`: family, type, index, flags, and which flags change.
pub(in crate::network) fn link(index: u32, flags: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..16].copy_from_slice(&flags.to_ne_bytes());
    header
}

/// The index of an interface of the namespace that we are in.
///
/// # Errors
/// ENODEV if there is none of that name.
pub(in crate::network) fn index(name: &str) -> sys::Result<u32> {
    nix::net::if_::if_nametoindex(name).named(|| format!("if_nametoindex({name:?})"))
}

/// `struct rtmsg` of a default route in the main table.
///
/// Not in the local table: there, replies over IPv6 would loop.
fn route(family: u8, kind: u8, scope: u8) -> [u8; 12] {
    [family, 0, 0, 0, libc::RT_TABLE_MAIN, libc::RTPROT_BOOT, scope, kind, 0, 0, 0, 0]
}
