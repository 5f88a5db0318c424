//! Ports of the host that lead into a sandbox: `--publish`.

use std::{
    fmt, fs, iter,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::OwnedFd,
    str::FromStr,
};

use rustix::{io::Errno, net::sockopt};

use super::{policy::Protocol, policy::port_range::PortRange};
use crate::{
    hint::Hint,
    oci::PortBinding,
    sys::socket::{self, Kind},
};

/// Connections of clients that may wait to be accepted.
const BACKLOG: i32 = 4096;
/// How often a port is sought that is free for IPv4 and IPv6.
const TRIES: usize = 16;

/// `[IP:][HOST:]PORT[/PROTOCOL]`, where `HOST` and `PORT` may be ranges of one
/// length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// None for all.
    address: Option<IpAddr>,
    /// None for free ones.
    host: Option<PortRange>,
    ports: PortRange,
    protocol: Protocol,
}

/// A port of the host that is ours.
#[derive(Debug)]
pub struct Published {
    pub(super) socket: OwnedFd,
    pub(super) local: SocketAddr,
    /// Where it leads.
    pub(super) port: u16,
    pub(super) protocol: Protocol,
    /// Whether the kernel has chosen it.
    chosen: bool,
}

/// Why a port of the host cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot publish {0}: the port is in use")]
    InUse(Place),
    #[error("cannot publish {0}: the port is for privileged programs")]
    Privileged(Place),
    #[error("cannot publish {0}: this machine does not have the address")]
    NotOurs(Place),
    #[error("cannot publish {0}")]
    Refused(Place, #[source] Errno),
}

/// A port of the host, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    address: SocketAddr,
    protocol: Protocol,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.protocol)
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::InUse(_) => Some("choose another, or 0 for one that is free".into()),
            Self::Privileged(place) => {
                let setting = "net.ipv4.ip_unprivileged_port_start";
                let path = format!("/proc/sys/{}", setting.replace('.', "/"));
                let first = fs::read_to_string(path).unwrap_or_else(|_| "1024".into());
                let (first, port) = (first.trim(), place.address.port());
                Some(format!(
                    "ports from {first} on are for everybody; as root: sysctl {setting}={port}"
                ))
            }
            Self::NotOurs(_) | Self::Refused(..) => None,
        }
    }
}

impl Publish {
    /// A port that an image exposes, on any free port of the host.
    pub fn exposed(ports: PortRange, protocol: Protocol) -> Self {
        Self { address: None, host: None, ports, protocol }
    }

    /// Takes the ports.
    ///
    /// # Errors
    /// Which one cannot be had, and why.
    pub fn bind(&self) -> Result<Vec<Published>, Error> {
        let hosts = self.host.iter().flat_map(PortRange::iter).chain(iter::repeat(0));
        let bound = hosts.zip(self.ports.iter()).map(|(host, port)| self.bind_one(host, port));
        Ok(bound.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// One port, at one address or at all of both families.
    fn bind_one(&self, host: u16, port: u16) -> Result<Vec<Published>, Error> {
        if let Some(address) = self.address {
            return Ok(vec![self.bind_at(SocketAddr::new(address, host), port, host == 0)?]);
        }
        let mut tries = 0;
        loop {
            let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), host);
            let v4 = self.bind_at(any, port, host == 0)?;
            let any = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), v4.local.port());
            tries += 1;
            match self.bind_at(any, port, false) {
                Ok(v6) => return Ok(vec![v4, v6]),
                Err(Error::InUse(_)) if host == 0 && tries < TRIES => {}
                Err(error @ (Error::InUse(_) | Error::Privileged(_))) => return Err(error),
                Err(_) => return Ok(vec![v4]), // A host without IPv6.
            }
        }
    }

    fn bind_at(&self, local: SocketAddr, port: u16, chosen: bool) -> Result<Published, Error> {
        let place = Place { address: local, protocol: self.protocol };
        let (socket, local) = listen(local, self.protocol).map_err(|errno| match errno {
            Errno::ADDRINUSE => Error::InUse(place),
            Errno::ACCESS | Errno::PERM => Error::Privileged(place),
            Errno::ADDRNOTAVAIL => Error::NotOurs(place),
            errno => Error::Refused(place, errno),
        })?;
        Ok(Published { socket, local, port, protocol: self.protocol, chosen })
    }
}

fn listen(local: SocketAddr, protocol: Protocol) -> rustix::io::Result<(OwnedFd, SocketAddr)> {
    let kind = if protocol == Protocol::Udp { Kind::Udp } else { Kind::Tcp };
    let socket = socket::open(kind, local.ip())?;
    if local.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    if kind == Kind::Tcp {
        sockopt::set_socket_reuseaddr(&socket, true)?;
        rustix::net::bind(&socket, &local)?;
        rustix::net::listen(&socket, BACKLOG)?;
    } else {
        rustix::net::bind(&socket, &local)?;
        // Only now: the port must be free, but each client gets a socket there.
        sockopt::set_socket_reuseport(&socket, true)?;
        socket::receive_local_address(&socket, local.ip()).map_err(|_| Errno::INVAL)?;
    }
    let local = rustix::net::getsockname(&socket)?;
    Ok((socket, SocketAddr::try_from(local).map_err(|_| Errno::INVAL)?))
}

impl Published {
    /// Where it is, and where it leads.
    pub fn binding(&self) -> PortBinding {
        PortBinding {
            host_ip: self.local.ip(),
            host_port: self.local.port(),
            port: self.port,
            protocol: self.protocol.to_string(),
        }
    }

    /// Whether nobody knows the port yet: the kernel has chosen it.
    pub fn is_news(&self) -> bool {
        self.chosen
    }
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}/{}", self.local, self.port, self.protocol)
    }
}

impl FromStr for Publish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (rest, protocol) = match text.rsplit_once('/') {
            None | Some((_, "tcp")) => (text.trim_end_matches("/tcp"), Protocol::Tcp),
            Some((rest, "udp")) => (rest, Protocol::Udp),
            Some((_, other)) => return Err(format!("`{other}` is not carried; tcp and udp are")),
        };
        let (address, rest) = split_address(rest)?;
        let (host, ports) = rest.rsplit_once(':').unwrap_or(("", rest));
        let ports: PortRange = ports.parse()?;
        let host: Option<PortRange> = match host {
            "" | "0" => None,
            host => Some(host.parse()?),
        };
        match &host {
            Some(host) if host.count() != ports.count() => {
                Err(format!("{} ports of the host for {} inside", host.count(), ports.count()))
            }
            _ => Ok(Self { address, host, ports, protocol }),
        }
    }
}

/// The address before the ports: with two colons, or in brackets.
fn split_address(text: &str) -> Result<(Option<IpAddr>, &str), String> {
    let (address, rest) = match text.strip_prefix('[') {
        Some(text) => {
            let (address, rest) = text.split_once(']').ok_or("a `]` is missing")?;
            (address, rest.strip_prefix(':').ok_or("a port is missing after the address")?)
        }
        None if text.matches(':').count() == 2 => text.split_once(':').unwrap_or_default(),
        None if text.matches(':').count() > 2 => return Err("an IPv6 address needs `[]`".into()),
        None => return Ok((None, text)),
    };
    if address.is_empty() {
        return Ok((None, rest));
    }
    let address = address.parse().map_err(|_| format!("`{address}` is not an IP address"))?;
    Ok((Some(address), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_written_as_in_docker() {
        let local: IpAddr = "127.0.0.1".parse().unwrap();
        let range = |first, last| PortRange::new(first, last).unwrap();
        let tcp = |address, host: Option<(u16, u16)>, (first, last)| {
            let host = host.map(|(first, last)| range(first, last));
            Ok(Publish { address, host, ports: range(first, last), protocol: Protocol::Tcp })
        };
        assert_eq!("80".parse(), tcp(None, None, (80, 80)));
        assert_eq!("8080:80".parse(), tcp(None, Some((8080, 8080)), (80, 80)));
        assert_eq!("8080:80/tcp".parse(), tcp(None, Some((8080, 8080)), (80, 80)));
        assert_eq!("0:80".parse(), tcp(None, None, (80, 80)));
        assert_eq!("127.0.0.1::80".parse(), tcp(Some(local), None, (80, 80)));
        assert_eq!("127.0.0.1:0:80".parse(), tcp(Some(local), None, (80, 80)));
        assert_eq!("127.0.0.1:8080:80".parse(), tcp(Some(local), Some((8080, 8080)), (80, 80)));
        assert_eq!("8000-8002:80-82".parse(), tcp(None, Some((8000, 8002)), (80, 82)));
        let v6 = Some(Ipv6Addr::LOCALHOST.into());
        let udp = Publish {
            address: v6,
            host: Some(range(53, 53)),
            ports: range(53, 53),
            protocol: Protocol::Udp,
        };
        assert_eq!("[::1]:53:53/udp".parse(), Ok(udp));
    }

    #[test]
    fn what_is_no_port_is_refused() {
        for bad in [
            "",
            ":",
            "0",
            "x",
            "80:x",
            "70000",
            "80/sctp",
            "1-2:3",
            "2-1:2-1",
            "::1:80:80",
            "[::1]80",
            "[::1",
            "1.2.3:80:80",
            "80/",
            "8000-8002:0-2",
        ] {
            assert!(bad.parse::<Publish>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_free_port_is_found_and_then_is_in_use() {
        let publish: Publish = "127.0.0.1::80".parse().unwrap();
        let published = publish.bind().unwrap();
        let local = published[0].local;
        assert!(published[0].is_news());
        assert_eq!(published[0].to_string(), format!("{local} -> 80/tcp"));
        let again: Publish = format!("{local}:80").parse().unwrap();
        let error = again.bind().unwrap_err();
        assert_eq!(error.to_string(), format!("cannot publish {local}/tcp: the port is in use"));
    }
}
