//! What networks there are: `networks/NAME/network.json` of the store.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::IpAddr,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::{Definition, Error, bridge, definition::Subnet, pool};
use crate::{
    network::user::{Addresses, Prefix, Routes},
    sys::{
        self,
        fs::{Lock, flock},
    },
};

const FILE: &str = "network.json";
const LOCK: &str = ".lock";
/// Names that `--network` understands otherwise.
const RESERVED: [&str; 12] = [
    "none",
    "host",
    "user",
    "private",
    "slirp",
    "slirp4netns",
    "pasta",
    "bridge",
    "default",
    "container",
    "sandbox",
    "cni",
];

/// The networks of one store.
#[derive(Debug, Clone)]
pub struct Catalog {
    path: PathBuf,
}

/// What a network is to be like.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub name: String,
    /// At most one of each family; what is missing is chosen.
    pub subnets: Vec<Prefix>,
    pub gateways: Vec<IpAddr>,
    pub ranges: Vec<Prefix>,
    pub ipv6: bool,
    pub internal: bool,
    pub isolated: bool,
    pub labels: BTreeMap<String, String>,
    pub options: BTreeMap<String, String>,
}

/// The lock on all networks, as long as this lives.
#[derive(Debug)]
pub(super) struct Guard(#[expect(dead_code, reason = "closing it unlocks")] File);

impl Catalog {
    /// Those of the store in `root`.
    pub fn of(root: &Path) -> Self {
        Self { path: root.join("networks") }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory of a network's members.
    pub(super) fn members_dir(&self, network: &str) -> PathBuf {
        self.path.join(network).join("members")
    }

    /// All networks, by name. What cannot be read is left out.
    pub fn all(&self) -> Vec<Definition> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut all: Vec<_> = names.filter_map(|name| self.read(&name)).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The network of this name or id, or of an id that begins so.
    ///
    /// # Errors
    /// [`Error::NoSuch`], [`Error::Ambiguous`].
    pub fn find(&self, name: &str) -> Result<Definition, Error> {
        if let Some(found) = is_name(name).then(|| self.read(name)).flatten() {
            return Ok(found);
        }
        let mut found = self.all().into_iter().filter(|network| network.id.starts_with(name));
        match (found.next().filter(|_| !name.is_empty()), found.next()) {
            (Some(one), None) => Ok(one),
            (Some(_), Some(_)) => Err(Error::Ambiguous(name.into())),
            (None, _) => Err(Error::NoSuch(name.into())),
        }
    }

    fn read(&self, name: &str) -> Option<Definition> {
        let text = fs::read(self.path.join(name).join(FILE)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Makes a network, out of the way of the host's routes and of other networks.
    ///
    /// # Errors
    /// What is wrong with what is wanted, or what it overlaps with.
    pub fn create(&self, wanted: Wanted, routes: &Routes) -> Result<Definition, Error> {
        let name = wanted.name.clone();
        if !is_possible(&name) {
            return Err(Error::Name(name));
        }
        let _guard = self.lock()?;
        if self.read(&name).is_some() {
            return Err(Error::Exists(name));
        }
        let definition = self.define(wanted, routes)?;
        let directory = self.path.join(&name);
        let failed = |error| Error::Files(directory.display().to_string(), error);
        fs::create_dir_all(self.members_dir(&name)).map_err(failed)?;
        write(&directory.join(FILE), &serde_json::to_vec(&definition).unwrap_or_default())
            .map_err(failed)?;
        Ok(definition)
    }

    fn define(&self, wanted: Wanted, routes: &Routes) -> Result<Definition, Error> {
        let mtu = mtu(&wanted.options)?;
        let v4 = self.subnet(&wanted, true, routes)?;
        let asks_v6 = wanted.subnets.iter().any(|subnet| subnet.address().is_ipv6());
        let v6 =
            (wanted.ipv6 || asks_v6).then(|| self.subnet(&wanted, false, routes)).transpose()?;
        let known = |address: &IpAddr| {
            v4.subnet.contains(*address)
                || v6.as_ref().is_some_and(|v6| v6.subnet.contains(*address))
        };
        let ranges = wanted.ranges.iter().map(Prefix::address);
        if let Some(stray) = wanted.gateways.iter().copied().chain(ranges).find(|a| !known(a)) {
            return Err(Error::NotInNetwork { address: stray.to_string(), network: wanted.name });
        }
        Ok(Definition {
            name: wanted.name,
            id: new_id()?,
            created: sys::time::rfc3339(SystemTime::now()),
            v4,
            v6,
            internal: wanted.internal,
            isolated: wanted.isolated,
            labels: wanted.labels,
            options: wanted.options,
            mtu,
        })
    }

    fn subnet(&self, wanted: &Wanted, v4: bool, routes: &Routes) -> Result<Subnet, Error> {
        let mut asked = wanted.subnets.iter().filter(|subnet| subnet.address().is_ipv4() == v4);
        let subnet = match (asked.next(), asked.next()) {
            (Some(_), Some(_)) => return Err(Error::Wrong("one subnet of each family".into())),
            (Some(&subnet), None) => self.accept(subnet, routes)?,
            (None, _) => {
                let taken: Vec<_> =
                    self.taken(routes).into_iter().map(|(taken, _)| taken).collect();
                if v4 { pool::free_v4(&taken)? } else { pool::free_v6(&taken)? }
            }
        };
        let own = |address: &&IpAddr| address.is_ipv4() == v4;
        let gateway = wanted.gateways.iter().find(own).copied().unwrap_or_else(|| second(&subnet));
        let range = wanted.ranges.iter().find(|range| range.address().is_ipv4() == v4).copied();
        if let Some(range) = range.filter(|range| !subnet.covers(range)) {
            return Err(Error::Wrong(format!("the range {range} is not in {subnet}")));
        }
        Ok(Subnet { subnet, gateway, range })
    }

    fn accept(&self, subnet: Prefix, routes: &Routes) -> Result<Prefix, Error> {
        let longest = if subnet.address().is_ipv4() { 30 } else { 126 };
        if subnet.length() > longest {
            return Err(Error::Wrong(format!("{subnet} is too small for a network")));
        }
        let taken = self.taken(routes);
        match taken.into_iter().find(|(taken, _)| taken.overlaps(&subnet)) {
            Some((_, other)) => Err(Error::Overlap { subnet: subnet.to_string(), other }),
            None => Ok(subnet),
        }
    }

    /// What is in use, and by whom.
    fn taken(&self, routes: &Routes) -> Vec<(Prefix, String)> {
        let route = |route: Prefix| (route, format!("a route of the host, {route}"));
        let routes = routes.prefixes().into_iter().map(route);
        let networks = self.all().into_iter().flat_map(|network| {
            let name = network.name.clone();
            let subnets: Vec<_> = network.subnets().map(|subnet| subnet.subnet).collect();
            subnets.into_iter().map(move |subnet| (subnet, format!("network `{name}`, {subnet}")))
        });
        let own = |own: Prefix| (own, format!("{own}, by which sandboxes reach the outside"));
        let own = Addresses::subnets_of_all().into_iter().map(own);
        routes.chain(networks).chain(own).collect()
    }

    /// Removes a network that has no members.
    ///
    /// # Errors
    /// [`Error::InUse`] by whom; [`Error::NoSuch`].
    pub fn remove(&self, name: &str) -> Result<Definition, Error> {
        let _guard = self.lock()?;
        let network = self.find(name)?;
        let members = self.collect(&network.name);
        if !members.is_empty() {
            let members: Vec<String> = members.into_iter().map(|member| member.name).collect();
            return Err(Error::InUse { network: network.name, members: members.join(", ") });
        }
        let directory = self.path.join(&network.name);
        let removed = fs::remove_dir_all(&directory);
        removed.map_err(|error| Error::Files(directory.display().to_string(), error))?;
        Ok(network)
    }

    /// Removes the bridge of a network that is no more; to be called in the domain.
    pub fn remove_bridge(network: &Definition, switch: OwnedFd) {
        let bridge = network.bridge();
        let _ = bridge::in_namespace(switch, move || bridge::remove(&bridge));
    }

    /// Waits for the lock on all networks, and not for ever: who holds it may have been
    /// stopped.
    pub(super) fn lock(&self) -> Result<Guard, Error> {
        const PATIENCE: Duration = Duration::from_secs(30);
        const PAUSE: Duration = Duration::from_millis(1);
        let path = self.path.join(LOCK);
        let failed = |error| Error::Files(self.path.display().to_string(), error);
        let open = || File::options().create(true).append(true).open(&path);
        let file = open().or_else(|_| {
            fs::create_dir_all(&self.path)?;
            open()
        });
        let file = file.map_err(failed)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match flock(&file, Lock::ExclusiveNow) {
                Ok(()) => return Ok(Guard(file)),
                Err(error) if error.errno != Errno::EWOULDBLOCK => {
                    return Err(failed(error.errno.into()));
                }
                Err(_) if Instant::now() >= deadline => return Err(Error::Locked),
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    }
}

/// The address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mac(pub(super) [u8; 6]);

impl Mac {
    /// Of our own making (the second bit), and as different as the addresses are.
    pub(super) fn of(address: IpAddr) -> Self {
        let IpAddr::V4(address) = address else { return Self([2, 0x42, 0, 0, 0, 1]) };
        let [a, b, c, d] = address.octets();
        Self([2, 0x42, a, b, c, d])
    }
}

impl std::str::FromStr for Mac {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no address of an interface such as 02:42:0a:d2:00:02");
        let byte = |part: &str| u8::from_str_radix(part, 16).ok().filter(|_| part.len() == 2);
        let bytes: Option<Vec<u8>> = text.split([':', '-']).map(byte).collect();
        let bytes: [u8; 6] = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(wrong)?;
        // The first bit is for groups.
        (bytes[0] & 1 == 0 && bytes != [0; 6]).then_some(Self(bytes)).ok_or_else(wrong)
    }
}

impl TryFrom<String> for Mac {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> Self {
        mac.to_string()
    }
}

impl std::fmt::Display for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Replaces a file as a whole.
pub(super) fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // One directory up, where nobody takes half of it for a member.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let directory = path.parent().and_then(Path::parent).unwrap_or(path);
    let temporary = directory.join(format!(".new-{name}"));
    fs::write(&temporary, bytes)?;
    fs::rename(temporary, path)
}

fn second(subnet: &Prefix) -> IpAddr {
    match subnet.address() {
        IpAddr::V4(first) => IpAddr::V4((first.to_bits() | 1).into()),
        IpAddr::V6(first) => IpAddr::V6((first.to_bits() | 1).into()),
    }
}

fn mtu(options: &BTreeMap<String, String>) -> Result<Option<u32>, Error> {
    const SMALLEST: u32 = 1280; // RFC 8200, section 5.
    const LARGEST: u32 = 65_535;
    let mut mtu = None;
    for (key, value) in options {
        if !matches!(key.as_str(), "mtu" | "com.docker.network.driver.mtu") {
            return Err(Error::Wrong(format!("`{key}` is no option of a network; mtu is")));
        }
        let number = value.parse().ok().filter(|mtu| (SMALLEST..=LARGEST).contains(mtu));
        let wrong = || Error::Wrong(format!("`{value}` is no mtu from {SMALLEST} to {LARGEST}"));
        mtu = Some(number.ok_or_else(wrong)?);
    }
    Ok(mtu)
}

/// Whether a network can be called so.
pub(super) fn is_possible(name: &str) -> bool {
    is_name(name) && !RESERVED.contains(&name)
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    name.bytes().all(is_plain)
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && name.len() <= 64
}

pub(super) fn new_id() -> Result<String, Error> {
    let mut bytes = [0u8; 32];
    let filled = rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty());
    filled.map_err(|errno| Error::Files("getrandom(2)".into(), errno.into()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
