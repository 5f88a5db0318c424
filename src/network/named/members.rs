//! Who is on a network: `networks/NAME/members/ID`, or `.ID` of one that is about to be.

use std::{
    fs,
    net::IpAddr,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    Catalog, Definition, Error,
    bridge::{self, Link},
    catalog::{self, Mac},
    pool,
};
use crate::sys::{
    self,
    netlink::{Protocol, Socket},
};

/// A sandbox on a network, as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The sandbox.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What else it is called on this network.
    pub aliases: Vec<String>,
    pub v4: IpAddr,
    pub v6: Option<IpAddr>,
    pub mac: Mac,
    /// Its interface inside.
    pub device: String,
    /// Its supervisor's entry in the register.
    pub supervisor: String,
    /// The bridge's end of its link.
    port: String,
    /// Whether it is there: an address is taken a little earlier.
    #[serde(skip)]
    joined: bool,
}

/// How a sandbox wishes to be on a network.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub id: String,
    pub name: String,
    pub aliases: Vec<String>,
    pub v4: Option<IpAddr>,
    pub v6: Option<IpAddr>,
    pub mac: Option<Mac>,
}

/// A sandbox's place on a network; it ends with this value.
#[derive(Debug)]
pub struct Membership {
    network: Definition,
    member: Member,
    path: PathBuf,
    /// What speaks with the kernel about the switch, once we are connected to it.
    switch: Option<Arc<Socket>>,
    kept: bool,
}

impl Member {
    /// Whether it is known by this name, in small letters.
    pub(super) fn is_called(&self, name: &str, network: &str) -> bool {
        let name =
            name.strip_suffix(network).and_then(|front| front.strip_suffix('.')).unwrap_or(name);
        let short = self.id.get(..12).unwrap_or(&self.id);
        name == short
            || name == self.id
            || self.name.eq_ignore_ascii_case(name)
            || self.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
    }

    /// Of both families, if it has both.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        std::iter::once(self.v4).chain(self.v6)
    }
}

impl Catalog {
    /// Those that are on a network now, the first to come first by their names.
    pub fn members(&self, network: &str) -> Vec<Member> {
        let mut living = self.look(network, |_| {});
        living.retain(|member| member.joined);
        living.sort_by(|a, b| a.name.cmp(&b.name));
        living
    }

    /// One of them, by its sandbox.
    pub(super) fn member(&self, network: &str, id: &str) -> Option<Member> {
        let members = self.members_dir(network);
        read(&members.join(id)).or_else(|| read(&members.join(reserved(id))))
    }

    /// Those that live, or are about to; what the others left is removed. To be
    /// called under the lock.
    pub(super) fn collect(&self, network: &str) -> Vec<Member> {
        self.look(network, |path| drop(fs::remove_file(path)))
    }

    /// Removes what dead members of all networks have left, if nobody is busy with
    /// the networks.
    pub fn tidy(&self) {
        // Which removes the dead of the register.
        let _ = self.entrance().map(|entrance| entrance.living().count());
        let Ok(_guard) = self.lock() else { return };
        for network in self.all() {
            self.collect(&network.name);
        }
    }

    fn look(&self, network: &str, dead: impl Fn(&Path)) -> Vec<Member> {
        let entries = fs::read_dir(self.members_dir(network)).into_iter().flatten().flatten();
        let living = entries.filter_map(|entry| {
            let path = entry.path();
            let member = read(&path).filter(|member| self.lives(&member.supervisor));
            if member.is_none() {
                dead(&path);
            }
            member
        });
        living.collect()
    }

    /// Takes addresses on a network for a sandbox, whose supervisor is in the register
    /// as `supervisor`.
    ///
    /// # Errors
    /// What of the wishes cannot be; [`Error::PoolUsedUp`].
    pub fn reserve(
        &self,
        network: &str,
        request: &Request,
        supervisor: &str,
    ) -> Result<Membership, Error> {
        let _guard = self.lock()?;
        let network = self.find(network)?;
        let others = self.collect(&network.name);
        if others.iter().any(|other| other.id == request.id) {
            let sandbox = request.name.clone();
            return Err(Error::AlreadyConnected { sandbox, network: network.name });
        }
        let device = self.free_device(&request.id);
        let member = place(&network, request, device, &others, supervisor)?;
        let path = self.members_dir(&network.name).join(reserved(&request.id));
        let text = serde_json::to_vec(&member).unwrap_or_default();
        // Who takes half of it for a dead member's has the lock, as we have.
        fs::write(&path, text).map_err(|error| Error::Files(path.display().to_string(), error))?;
        Ok(Membership { network, member, path, switch: None, kept: false })
    }

    /// The first name for an interface that none of a sandbox's networks has.
    fn free_device(&self, id: &str) -> String {
        let own = self.memberships(id).into_iter().map(|(_, member)| member.device);
        first_free_device(&own.collect::<Vec<_>>())
    }

    /// The networks that a sandbox is on, by name, and itself there.
    pub fn memberships(&self, id: &str) -> Vec<(Definition, Member)> {
        let own = self.all().into_iter().filter_map(|network| {
            let member = self.member(&network.name, id)?;
            self.lives(&member.supervisor).then_some((network, member))
        });
        own.collect()
    }

    /// Ends a membership of a sandbox that runs; to be called in the domain.
    ///
    /// # Errors
    /// [`Error::NotConnected`].
    pub fn disconnect(&self, network: &str, id: &str, switch: OwnedFd) -> Result<(), Error> {
        let _guard = self.lock()?;
        let network = self.find(network)?;
        let Some(member) = self.member(&network.name, id) else {
            return Err(Error::NotConnected { sandbox: id.into(), network: network.name });
        };
        let _ = fs::remove_file(self.members_dir(&network.name).join(id));
        bridge::in_namespace(switch, move || bridge::unplug(&member.port))
            .map_err(|source| Error::Connect { network: network.name, source })
    }
}

/// Addresses that are free, or wished for and free.
fn place(
    network: &Definition,
    request: &Request,
    device: String,
    others: &[Member],
    supervisor: &str,
) -> Result<Member, Error> {
    let taken: Vec<IpAddr> = others.iter().flat_map(Member::addresses).collect();
    let v4 = pool::address(request.v4, &network.v4, network, &taken)?;
    let v6 = match (&network.v6, request.v6) {
        (None, Some(wish)) => {
            let network = network.name.clone();
            return Err(Error::NotInNetwork { address: wish.to_string(), network });
        }
        (None, None) => None,
        (Some(subnet), wish) => Some(pool::address(wish, subnet, network, &taken)?),
    };
    let mac = request.mac.unwrap_or_else(|| Mac::of(v4));
    if others.iter().any(|other| other.mac == mac) {
        return Err(Error::Taken { address: mac.to_string(), network: network.name.clone() });
    }
    Ok(Member {
        id: request.id.clone(),
        name: request.name.clone(),
        aliases: request.aliases.clone(),
        v4,
        v6,
        mac,
        device,
        supervisor: supervisor.into(),
        port: format!("m{}", &catalog::new_id()?[..10]),
        joined: false,
    })
}

/// A network may have been left meanwhile: their number says nothing.
fn first_free_device(taken: &[String]) -> String {
    let mut names = (0..=taken.len()).map(|number| format!("eth{number}"));
    names.find(|name| !taken.contains(name)).unwrap_or_default()
}

impl Membership {
    /// Who and where.
    pub fn member(&self) -> &Member {
        &self.member
    }

    /// What it is a membership of.
    pub fn network(&self) -> &Definition {
        &self.network
    }

    /// The link by which the sandbox is to be connected.
    pub(super) fn link(&self) -> Link {
        Link {
            bridge: self.network.bridge(),
            port: self.member.port.clone(),
            device: self.member.device.clone(),
            mac: self.member.mac,
            mtu: self.network.mtu,
            isolated: self.network.isolated,
            v4: (self.member.v4, self.network.v4.subnet.length()),
            v6: self.member.v6.zip(self.network.v6.as_ref().map(|v6| v6.subnet.length())),
        }
    }

    /// Connects the sandbox, whose network namespace is given, to the network's bridge
    /// in `switch`.
    ///
    /// # Errors
    /// [`Error::Connect`]; [`Error::Files`].
    pub fn join(&mut self, switch: OwnedFd, sandbox: OwnedFd) -> Result<(), Error> {
        let link = self.link();
        let plugged = bridge::in_namespace(switch, move || {
            let socket = Socket::open(Protocol::Route)?;
            bridge::plug(&socket, &link, sandbox.as_fd())?;
            Ok(Arc::new(socket))
        });
        self.joined(plugged)
    }

    /// The link is there, or cannot be made.
    ///
    /// # Errors
    /// [`Error::Connect`]; [`Error::Files`].
    pub(super) fn joined(&mut self, link: sys::Result<Arc<Socket>>) -> Result<(), Error> {
        let failed = |source| Error::Connect { network: self.network.name.clone(), source };
        self.switch = Some(link.map_err(failed)?);
        // To replace a file would be to wait for the disk: ext4 writes first what is to
        // come after (`auto_da_alloc`).
        let path = self.path.with_file_name(&self.member.id);
        fs::rename(&self.path, &path)
            .map_err(|error| Error::Files(path.display().to_string(), error))?;
        (self.path, self.member.joined) = (path, true);
        Ok(())
    }

    /// Lets it last as long as the supervisor does, or until [`Catalog::disconnect`].
    pub fn keep(mut self) {
        self.kept = true;
    }

    /// Ends it: what the kernel has goes with the sandbox's namespace.
    pub fn leave(self) {
        drop(self);
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let _ = fs::remove_file(&self.path);
        if let Some(switch) = self.switch.take() {
            let _ = bridge::shut(&switch, &self.member.port);
        }
    }
}

/// The name of the file of one that is not there yet.
fn reserved(id: &str) -> String {
    format!(".{id}")
}

fn read(path: &Path) -> Option<Member> {
    let member: Member = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let joined = !path.file_name()?.as_encoded_bytes().starts_with(b".");
    Some(Member { joined, ..member })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_fills_the_gap_of_one_that_is_gone() {
        let free = |taken: &[&str]| {
            first_free_device(&taken.iter().map(|&name| name.into()).collect::<Vec<_>>())
        };
        assert_eq!(free(&[]), "eth0");
        assert_eq!(free(&["eth0", "eth1"]), "eth2");
        assert_eq!(free(&["eth2", "eth0"]), "eth1");
    }
}
