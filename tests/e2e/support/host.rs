//! A host with a network of the test's own: namespaces that an ordinary user may
//! make, with addresses other than loopback's, servers, and a black hole for all
//! the rest of the world.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
};

use super::{Dir, Image, Registry, Store, Test, eventually, text};

/// Its addresses.
pub(crate) const HOST4: &str = "198.51.100.1";
pub(crate) const HOST6: &str = "2001:db8:1::1";
/// Somebody whom the router knows not to be there.
pub(crate) const UNREACHABLE4: &str = "192.0.2.1";
pub(crate) const UNREACHABLE6: &str = "2001:db8:2::1";
/// Somebody who does not answer.
pub(crate) const SILENT4: &str = "203.0.113.1";
pub(crate) const SILENT6: &str = "2001:db8:3::1";

/// Dummy devices are not in every kernel: the peer of a veth drops what it gets.
/// The neighbour is given, so that nobody finds out that it does not exist.
const SETUP: &str = "
ip link set lo up
ip link add d0 type veth peer name d1
ip addr add 198.51.100.1/24 dev d0
ip -6 addr add 2001:db8:1::1/64 dev d0 nodad
ip link set d0 up
ip link set d1 up
ip neigh add 198.51.100.254 lladdr 02:00:00:00:00:01 dev d0 nud permanent
ip -6 neigh add 2001:db8:1::fe lladdr 02:00:00:00:00:01 dev d0 nud permanent
ip route add default via 198.51.100.254
ip -6 route add default via 2001:db8:1::fe
ip route add unreachable 192.0.2.0/24
ip -6 route add unreachable 2001:db8:2::/64
mount --bind \"$1\" /etc/resolv.conf
echo $$
exec cat
";

const SERVER: &str = include_str!("../network/server.py");
const CLIENT: &str = include_str!("../network/client.py");

/// The host, until it is dropped.
#[derive(Debug)]
pub(crate) struct Host {
    dir: Dir,
    store: Store,
    keeper: Child,
    pid: String,
    servers: Vec<Child>,
}

impl Host {
    /// What its resolver knows.
    pub(crate) const ZONE: &str = "
no-resolv
no-hosts
port=53
listen-address=198.51.100.1
bind-interfaces
pid-file=
user=root
address=/example.test/198.51.100.1
address=/example.test/2001:db8:1::1
address=/other.test/198.51.100.1
address=/rebind.test/10.0.0.1
address=/short.corp.test/198.51.100.1
host-record=target.test,198.51.100.1
cname=alias.test,target.test
txt-record=text.test,\"hello world\"
local=/test/
";

    /// Whether the programs are there that make one.
    pub(crate) fn possible() -> bool {
        ["ip", "nsenter", "dnsmasq", "python3"].iter().all(|program| has(program))
            && super::user_namespaces()
    }

    /// One without servers, whose resolver is itself.
    pub(crate) fn new() -> Self {
        let dir = Dir::new("host");
        dir.write("client.py", CLIENT);
        dir.write("server.py", SERVER);
        let resolv_conf = dir.write("resolv.conf", format!("nameserver {HOST4}\n"));
        let mut keeper = Command::new("unshare")
            .args(["-Urnm", "--kill-child", "sh", "-ec", SETUP, "sh"])
            .arg(resolv_conf)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = first_line(&mut keeper);
        assert!(!pid.is_empty(), "the host's network cannot be set up");
        Self { dir, store: Store::new(), keeper, pid, servers: Vec::new() }
    }

    /// One with all servers of `network/server.py`.
    pub(crate) fn serving() -> Self {
        let mut host = Self::new();
        host.start_ready(&[&host.path("server.py")]);
        host
    }

    /// Starts a step of `network/client.py` that serves.
    pub(crate) fn start_client(&mut self, step: &str) {
        self.start_ready(&[&self.path("client.py"), step]);
    }

    fn start_ready(&mut self, python: &[&str]) {
        let mut server = self.start(&[&["python3"], python].concat());
        assert_eq!(first_line(&mut server), "ready");
        self.servers.push(server);
    }

    /// Starts a program that listens on a port, and waits until it does.
    #[track_caller]
    pub(crate) fn start_server(&mut self, command: &[&str], port: u16) {
        let server = self.start(command);
        self.servers.push(server);
        let connect = format!("connect {HOST4} {port}");
        let listens = || self.client(&[&connect]) == "connected\n";
        let up = eventually(|| listens().then_some(()));
        assert!(up.is_some(), "{command:?} does not start");
    }

    /// The same with a resolver that knows [`Host::ZONE`].
    pub(crate) fn resolving() -> Self {
        let mut host = Self::serving();
        host.resolve(Self::ZONE);
        host
    }

    /// Starts a resolver, and returns where it stands in the list of servers.
    pub(crate) fn resolve(&mut self, zone: &str) -> usize {
        let zone = self.dir.write("dnsmasq.conf", zone);
        let server = self.start(&["dnsmasq", "-d", "-C", zone.to_str().unwrap()]);
        self.servers.push(server);
        let answers = || self.client(&["dns 198.51.100.1 example.test A"]).contains("NOERROR");
        let up = eventually(|| answers().then_some(()));
        assert!(up.is_some(), "the resolver does not start");
        self.servers.len() - 1
    }

    /// Lets programs ping, as distributions do; the kernel's default is nobody.
    pub(crate) fn let_ping(&self) {
        self.sh("echo 0 0 > /proc/sys/net/ipv4/ping_group_range");
    }

    /// Ends a server.
    pub(crate) fn end(&mut self, server: usize) {
        let mut server = self.servers.remove(server);
        server.kill().unwrap();
        server.wait().unwrap();
    }

    /// A file of the host's own directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn path(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// What leads a command onto the host.
    pub(crate) fn way(&self) -> Vec<&str> {
        vec!["nsenter", "-t", &self.pid, "-U", "-n", "-m", "--preserve-credentials", "--"]
    }

    /// Starts a program on the host; it ends with the test.
    pub(crate) fn start(&self, command: &[&str]) -> Child {
        let line = [&self.way()[..], &["setpriv", "--pdeathsig", "KILL"], command].concat();
        Command::new(line[0])
            .args(&line[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Runs a shell script on the host, as its root.
    #[track_caller]
    pub(crate) fn sh(&self, script: &str) -> String {
        let line = [&self.way()[..], &["sh", "-ec", script]].concat();
        let output = Command::new(line[0]).args(&line[1..]).output().unwrap();
        assert!(output.status.success(), "{script}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs steps of `network/client.py` on the host.
    #[track_caller]
    pub(crate) fn client(&self, steps: &[&str]) -> String {
        let client = self.path("client.py");
        let line = [&self.way()[..], &["python3", &client], steps].concat();
        let output = Command::new(line[0]).args(&line[1..]).output().unwrap();
        assert!(output.status.success(), "{steps:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// `sandbox run OPTIONS host COMMAND` on this host.
    pub(crate) fn run(&self, options: &[&str], command: &[&str]) -> Test {
        // What runs inside is found by the store's path, as the supervisor is.
        let mark = format!("MARK={}", self.store.path().display());
        self.sandbox(&[&["run", "-e", &mark], options, &["host"], command].concat())
    }

    /// `sandbox ARGS` on this host.
    pub(crate) fn sandbox(&self, args: &[&str]) -> Test {
        Test::sandbox(args).store(&self.store).within(&self.way())
    }

    /// Steps of `network/client.py` inside.
    pub(crate) fn inside(&self, options: &[&str], steps: &[&str]) -> Test {
        let volume = format!("{}:/client.py", self.file("client.py").display());
        let options = [options, &["-v", &volume]].concat();
        self.run(&options, &[&["python3", "/client.py"], steps].concat())
    }

    /// `network/server.py` inside.
    pub(crate) fn server_inside(&self, options: &[&str]) -> Test {
        let volume = format!("{}:/server.py", self.file("server.py").display());
        let options = [options, &["-v", &volume]].concat();
        self.run(&options, &["python3", "/server.py"])
    }

    /// Checks that these steps come to the same inside as on the host.
    #[track_caller]
    pub(crate) fn same_inside(&self, steps: &[&str]) -> String {
        let expected = self.client(steps);
        self.inside(&[], steps).stdout(&expected).stderr("").check();
        expected
    }

    /// Brings an image into the store, past the host's network.
    pub(crate) fn pull(&self, image: &Image, name: &str) -> String {
        let name = image.push(Registry::shared(), name);
        let way = ["nsenter", "-t", &self.pid, "-U", "--preserve-credentials", "--"];
        Test::sandbox(&["pull", &name]).store(&self.store).within(&way).check();
        name
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for child in self.servers.iter_mut().chain([&mut self.keeper]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The first line that a program writes.
fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    // What comes later is nobody's: the program must not block on it.
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
    line.trim_end().into()
}

/// Whether there is such a program.
pub(crate) fn has(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", "command -v \"$1\"", "sh", program]).output();
    found.is_ok_and(|output| output.status.success())
}
