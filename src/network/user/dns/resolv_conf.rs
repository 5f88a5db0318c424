//! `resolv.conf(5)`: the host's is read, and one for the inside is written.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Where the host says how it resolves names.
pub(crate) const HOST_FILE: &str = "/etc/resolv.conf";

/// The port of DNS, over UDP and TCP.
pub(crate) const PORT: u16 = 53;

/// More than this of the file is not read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Options of the host's that mean nothing inside, or the wrong thing.
///
/// Inside there is one server, which asks the others of the host in turn and
/// with patience of its own (`timeout`, `attempts`, `rotate`, `use-vc`); and the
/// host's trust in its servers (`trust-ad`) is not ours to hand on.
const NOT_INSIDE: [&str; 5] = ["timeout", "attempts", "rotate", "use-vc", "trust-ad"];

/// What a `resolv.conf` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct HostConf {
    /// In the order in which they are asked.
    pub(crate) servers: Vec<SocketAddr>,
    /// The domains below which a name is tried; none is the root's.
    pub(crate) search: Vec<String>,
    /// As they are written, such as `ndots:2`.
    pub(crate) options: Vec<String>,
}

impl HostConf {
    /// Reads a file; one that is not there says what an empty one does.
    pub(crate) fn read(path: &Path) -> Self {
        read(path).map_or_else(|_| Self::missing(), |(conf, _)| conf)
    }

    fn missing() -> Self {
        Self::parse("", &|_| None)
    }

    /// `index` finds the number of an interface by its name.
    ///
    /// Lines that make no sense are passed over, as the C library does.
    fn parse(text: &str, index: &dyn Fn(&str) -> Option<u32>) -> Self {
        let mut conf = Self::default();
        for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => {
                    conf.servers.extend(words.next().and_then(|word| server(word, index)));
                }
                // The last one holds, whichever of the two it is.
                Some("search") => conf.search = words.filter_map(domain).collect(),
                Some("domain") => conf.search = words.take(1).filter_map(domain).collect(),
                Some("options") => conf.options.extend(words.map(str::to_owned)),
                _ => {}
            }
        }
        if conf.servers.is_empty() {
            // resolv.conf(5), "nameserver": the one of the local machine.
            conf.servers.push((Ipv4Addr::LOCALHOST, PORT).into());
        }
        conf
    }

    /// Whether the servers are to be asked over TCP alone.
    pub(super) fn tcp_only(&self) -> bool {
        self.options.iter().any(|option| option == "use-vc")
    }
}

/// An address with an optional scope, such as `fe80::1%eth0`.
fn server(word: &str, index: &dyn Fn(&str) -> Option<u32>) -> Option<SocketAddr> {
    let Some((address, scope)) = word.split_once('%') else {
        return Some(SocketAddr::new(word.parse().ok()?, PORT));
    };
    let scope = scope.parse().ok().or_else(|| index(scope))?;
    let address: Ipv6Addr = address.parse().ok()?;
    Some(SocketAddrV6::new(address, PORT, 0, scope).into())
}

/// A domain of a search list, without the dot at its end; none for the root.
fn domain(word: &str) -> Option<String> {
    let domain = word.trim_end_matches('.');
    (!domain.is_empty()).then(|| domain.into())
}

/// The number of an interface of the namespace which `/sys` shows.
fn interface_index(name: &str) -> Option<u32> {
    if name.contains('/') || name.starts_with('.') {
        return None;
    }
    let path = Path::new("/sys/class/net").join(name).join("ifindex");
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The host's `resolv.conf`, as it is now.
#[derive(Debug)]
pub(crate) struct Host {
    path: PathBuf,
    /// What was read when; none while there is no file.
    seen: Option<Stamp>,
    conf: HostConf,
}

impl Host {
    /// Reads the file, and reads it again when it changed.
    pub(crate) fn new(path: PathBuf) -> Self {
        let mut host = Self { conf: HostConf::missing(), path, seen: None };
        host.resolv_conf();
        host
    }

    /// What the file says; costs one `stat(2)` unless it changed.
    pub(crate) fn resolv_conf(&mut self) -> &HostConf {
        let now = fs::metadata(&self.path).ok().map(|file| Stamp::of(&file));
        if now != self.seen {
            // Between the two the file may have changed again: the stamp is
            // that of what was read. And what is gone for a moment while
            // somebody replaces it is no reason to keep what it said.
            (self.conf, self.seen) = match read(&self.path) {
                Ok((conf, stamp)) => (conf, Some(stamp)),
                Err(_) => (HostConf::missing(), None),
            };
        }
        &self.conf
    }
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(file: &Metadata) -> Self {
        Self {
            file: (file.dev(), file.ino()),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }
}

fn read(path: &Path) -> io::Result<(HostConf, Stamp)> {
    // To open a FIFO would wait for who writes into it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let file = File::open(path)?;
    let stamp = Stamp::of(&file.metadata()?);
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text)?;
    Ok((HostConf::parse(&String::from_utf8_lossy(&text), &interface_index), stamp))
}

/// The `resolv.conf` of a sandbox whose resolver has the addresses `gateway`.
///
/// One address is better than two of the same resolver: musl asks all at once.
/// `search` is what the user wants instead of the host's search list; a dot
/// clears it.
pub(crate) fn sandbox_resolv_conf(
    gateway: &[IpAddr],
    search: Option<&[String]>,
    host: &HostConf,
) -> String {
    let servers = gateway.iter().map(|address| format!("nameserver {address}\n"));
    let words = |name: &str, words: Vec<&str>| match words.len() {
        0 => String::new(),
        _ => format!("{name} {}\n", words.join(" ")),
    };
    let search = search_list(search, host);
    let search = search.iter().map(String::as_str).collect();
    let options = host.options.iter().map(String::as_str).filter(|option| {
        let name = option.split(':').next().unwrap_or_default();
        !NOT_INSIDE.contains(&name)
    });
    let lines = [words("search", search), words("options", options.collect())];
    servers.chain(lines).collect()
}

/// The search list inside, as [`sandbox_resolv_conf`] writes it.
pub(crate) fn search_list(search: Option<&[String]>, host: &HostConf) -> Vec<String> {
    let chosen = search.unwrap_or(&host.search).iter();
    // A line feed in an argument would make a line of its own.
    chosen.filter(|name| !name.contains(char::is_whitespace)).filter_map(|n| domain(n)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> HostConf {
        HostConf::parse(text, &|name| (name == "eth0").then_some(7))
    }

    fn servers(text: &str) -> Vec<String> {
        parse(text).servers.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn servers_are_kept_in_order_with_their_scopes() {
        let text = "# nameserver 1.1.1.1\n; nameserver 2.2.2.2\nnameserver 127.0.0.53 # stub\n\
                    nameserver\tfe80::1%eth0\nnameserver fe80::2%3\nnameserver 2001:db8::1\n";
        let expected = ["127.0.0.53:53", "[fe80::1%7]:53", "[fe80::2%3]:53", "[2001:db8::1]:53"];
        assert_eq!(servers(text), expected);
    }

    #[test]
    fn lines_without_sense_are_passed_over() {
        let text = "nameserver\nnameserver example.com\nnameserver fe80::1%gone\nsearch\nsortlist 1\n\
                    nameserver 1.2.3.4%eth0\nnameserver 9.9.9.9\noptions\n\0\n";
        let conf = parse(text);
        assert_eq!(servers(text), ["9.9.9.9:53"]);
        assert_eq!((conf.search, conf.options), (vec![], vec![]));
    }

    #[test]
    fn without_a_server_the_local_machine_is_asked() {
        assert_eq!(servers("search corp.example\n"), ["127.0.0.1:53"]);
        let conf = HostConf::read(Path::new("/nowhere/resolv.conf"));
        assert_eq!(conf.servers, ["127.0.0.1:53".parse().unwrap()]);
    }

    #[test]
    fn the_last_search_list_holds() {
        assert_eq!(parse("search a b.\ndomain c d\n").search, ["c"]);
        assert_eq!(parse("domain c\nsearch a b.\n").search, ["a", "b"]);
        assert_eq!(parse("search a\nsearch .\n").search, [""; 0]);
    }

    #[test]
    fn an_interface_has_its_number_from_sys() {
        assert_eq!(interface_index("lo"), Some(1));
        assert_eq!(interface_index("../net/lo"), None);
        assert_eq!(interface_index("no-such"), None);
    }

    #[test]
    fn a_changed_file_is_read_again() {
        let dir = std::env::temp_dir().join(format!("sandbox-dns-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("resolv.conf");
        let mut host = Host::new(path.clone());
        let mut first = || host.resolv_conf().servers[0].ip().to_string();
        assert_eq!(first(), "127.0.0.1");
        fs::write(&path, "nameserver 10.0.0.1\n").unwrap();
        assert_eq!(first(), "10.0.0.1");
        fs::write(&path, "nameserver 10.0.0.20\n").unwrap();
        assert_eq!(first(), "10.0.0.20");
        let new = dir.join("new");
        fs::write(&new, "nameserver 10.0.0.30\n").unwrap();
        fs::rename(&new, &path).unwrap();
        assert_eq!(first(), "10.0.0.30");
        fs::remove_file(&path).unwrap();
        assert_eq!(first(), "127.0.0.1");
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn the_file_inside_names_us_and_keeps_what_makes_sense_there() {
        let host = parse(
            "nameserver 1.1.1.1\nsearch corp.example lan\n\
             options ndots:2 edns0 trust-ad timeout:1 attempts:9 rotate use-vc no-aaaa\n",
        );
        let gateway = ["10.5.0.1".parse().unwrap(), "fd00::1".parse().unwrap()];
        let expected = "nameserver 10.5.0.1\nnameserver fd00::1\nsearch corp.example lan\n\
                        options ndots:2 edns0 no-aaaa\n";
        assert_eq!(sandbox_resolv_conf(&gateway, None, &host), expected);
    }

    #[test]
    fn a_search_list_of_the_user_replaces_the_hosts() {
        let host = parse("search corp.example\n");
        let with = |search: &[&str]| {
            let search: Vec<String> = search.iter().map(|&name| name.into()).collect();
            sandbox_resolv_conf(&["10.5.0.1".parse().unwrap()], Some(&search), &host)
        };
        assert_eq!(with(&["a.test", "b.test."]), "nameserver 10.5.0.1\nsearch a.test b.test\n");
        assert_eq!(with(&["."]), "nameserver 10.5.0.1\n");
        assert_eq!(with(&["a\nnameserver 6.6.6.6"]), "nameserver 10.5.0.1\n");
    }
}
