//! Named networks: who finds whom, who does not, and what is left behind.

mod connecting;
mod example;
mod faults;
mod names;
mod options;
mod outside;
mod spoofing;

use crate::{
    require,
    support::{Host, Image, Registry, Store, Test, eventually, user_namespaces},
};

/// A store of its own with an image that has busybox, perhaps on a host of its own.
///
/// What runs in it ends with it.
struct Networks {
    store: Store,
    image: String,
    host: Option<Host>,
}

impl Networks {
    fn new(networks: &[&[&str]]) -> Self {
        let store = Store::new();
        let image = Image::busybox().push(Registry::shared(), "networks");
        Self { store, image, host: None }.with(networks)
    }

    fn on(host: Host, networks: &[&[&str]]) -> Self {
        let image = host.pull(&Image::busybox(), "networks");
        Self { store: Store::new(), image, host: Some(host) }.with(networks)
    }

    fn with(self, networks: &[&[&str]]) -> Self {
        for options in networks {
            self.call(&[&["network", "create"], *options].concat());
        }
        self
    }

    fn host(&self) -> &Host {
        self.host.as_ref().expect("a host of its own")
    }

    fn store(&self) -> &Store {
        self.host.as_ref().map_or(&self.store, Host::store)
    }

    fn sandbox(&self, args: &[&str]) -> Test {
        match &self.host {
            Some(host) => host.sandbox(args),
            None => Test::sandbox(args).store(&self.store),
        }
    }

    /// `sandbox run OPTIONS host COMMAND`: with the programs of this machine.
    fn run_host(&self, options: &[&str], command: &[&str]) -> Test {
        self.sandbox(&[&["run"], options, &["host"], command].concat())
    }

    /// Steps of `network/client.py` inside.
    fn inside(&self, options: &[&str], steps: &[&str]) -> Test {
        self.run_host(options, &[&["python3", "-c", CLIENT], steps].concat())
    }

    /// Starts `network/server.py`.
    fn serve(&self, options: &[&str], name: &str) {
        self.start_host(options, name, &["python3", "-c", PROGRAMS]);
    }

    /// Starts a program of this machine, and waits until it says `ready`.
    fn start_host(&self, options: &[&str], name: &str, command: &[&str]) {
        let front = [&["run", "-d", "--name", name], options, &["host"]].concat();
        self.call(&[&front[..], command].concat());
        let ready = || self.call(&["logs", name]).contains("ready").then_some(());
        assert!(eventually(ready).is_some(), "{name} does not start");
    }

    fn call(&self, args: &[&str]) -> String {
        self.sandbox(args).read()
    }

    fn start(&self, options: &[&str], name: &str, script: &str) {
        let front = [&["run", "-d", "--name", name], options].concat();
        self.call(&[&front[..], &[&self.image, "sh", "-c", script]].concat());
    }

    fn run(&self, options: &[&str], script: &str) -> Test {
        let args = [&["run"], options, &[&self.image, "sh", "-c", script]].concat();
        self.sandbox(&args)
    }

    fn kill_supervisor(&self, name: &str) {
        let pid = self.call(&["inspect", "--format", "{{.State.SupervisorPid}}", name]);
        let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        let gone = || self.exited(name).then_some(());
        assert!(eventually(gone).is_some(), "{name} lives");
    }

    fn exited(&self, name: &str) -> bool {
        self.call(&["inspect", "--format", "{{.State.Running}}", name]).trim() == "false"
    }
}

impl Drop for Networks {
    fn drop(&mut self) {
        let all = self.sandbox(&["ps", "-aq"]).output();
        let all = String::from_utf8_lossy(&all.stdout).into_owned();
        let ids: Vec<&str> = all.split_whitespace().collect();
        if !ids.is_empty() {
            self.sandbox(&[&["rm", "-f"], &ids[..]].concat()).output();
        }
    }
}

const CLIENT: &str = include_str!("network/client.py");
const PROGRAMS: &str = include_str!("network/server.py");
const SERVER: &str = "while :; do echo hello from db | nc -l -p 5432; done";
const PING: &str = "ping -c1 -W5 $0 >/dev/null && echo reached || echo not";

fn ping(target: &str) -> String {
    PING.replace("$0", target)
}

#[test]
fn members_find_each_other_by_name_and_others_do_not() {
    require!(user_namespaces(), "user namespaces");
    let all = Networks::new(&[&["n"], &["other"]]);
    all.start(&["--network", "n:alias=sql"], "db", SERVER);
    for target in ["db", "sql", "db.n", "10.210.0.2", "fd73:616e:6e65::2"] {
        let ask = format!(
            "i=0; until nc {target} 5432 </dev/null || [ $((i+=1)) = 50 ]; do sleep 0.1; done"
        );
        all.run(&["--network", "n"], &ask).stdout("hello from db\n").check();
        all.run(&["--network", "n"], &ping(target)).stdout("reached\n").check();
    }
    for network in ["user", "other"] {
        all.run(
            &["--network", network, "-q"],
            "nslookup db >/dev/null 2>&1 && echo known || echo unknown",
        )
        .stdout("unknown\n")
        .check();
    }
    all.run(&["--network", "other", "-q"], "ping -c1 -W1 10.210.0.2 >/dev/null || echo not")
        .stdout("not\n")
        .check();
    all.call(&["rm", "-f", "db"]);
    all.run(&["--network", "n", "-q"], "ping -c1 -W1 db >/dev/null 2>&1 || echo gone")
        .stdout("gone\n")
        .check();
}

#[test]
fn a_member_is_what_it_asked_to_be() {
    require!(user_namespaces(), "user namespaces");
    let all = Networks::new(&[&["n"]]);
    let wishes = [
        "--network=n",
        "--ip=10.210.0.77",
        "--ip6=fd73:616e:6e65::77",
        "--mac-address=02:00:00:00:00:77",
        "--network-alias=sql",
    ];
    all.start(&wishes, "db", "sleep 1000");
    let shown = all.call(&["exec", "db", "sh", "-c", "ip addr show eth0"]);
    for wish in ["10.210.0.77/24", "fd73:616e:6e65::77/64", "02:00:00:00:00:77"] {
        assert!(shown.contains(wish), "{wish}: {shown}");
    }
    all.run(&["--network", "n"], &ping("sql")).stdout("reached\n").check();
}

#[test]
fn a_supervisor_that_is_killed_takes_nobody_else_along() {
    require!(user_namespaces(), "user namespaces");
    let all = Networks::new(&[&["n"]]);
    for name in ["first", "middle", "last"] {
        all.start(&["--network", "n"], name, "sleep 1000");
    }
    for victim in ["first", "middle"] {
        all.kill_supervisor(victim);
        all.run(&["--network", "n"], &ping("last")).stdout("reached\n").check();
    }
    all.kill_supervisor("last");
    all.run(&["--network", "n"], "ip -4 -o addr show eth0 | grep -o 10.210.0.2")
        .stdout("10.210.0.2\n")
        .check();
    all.call(&["network", "ls"]);
    let register = std::fs::read_dir(all.store.path().join("networks/.register")).unwrap();
    assert_eq!(register.count(), 0);
    all.call(&["network", "rm", "n"]);
}

#[test]
fn many_join_at_once_beside_one_that_is_stopped() {
    require!(user_namespaces(), "user namespaces");
    let all = Networks::new(&[&["n"]]);
    all.start(&["--network", "n"], "here", "sleep 1000");
    all.start(&["--network", "n"], "stopped", "sleep 1000");
    let pid = all.call(&["inspect", "--format", "{{.State.SupervisorPid}}", "stopped"]);
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| all.run(&["--network", "n"], &ping("here")).stdout("reached\n").check());
        }
    });
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    all.call(&["rm", "-f", "here", "stopped"]);
}

#[test]
fn an_internal_network_has_no_way_out_and_an_isolated_one_no_neighbours() {
    require!(user_namespaces(), "user namespaces");
    let all = Networks::new(&[
        &["--internal", "--subnet=10.78.0.0/24", "in"],
        &["--isolated", "--subnet=10.79.0.0/24", "iso"],
    ]);
    all.start(&["--network", "in"], "a", "sleep 1000");
    all.start(&["--network", "iso"], "b", "sleep 1000");
    all.run(&["--network", "in"], &ping("a")).stdout("reached\n").check();
    all.run(&["--network", "in", "-q"], "ping -c1 -W2 192.0.2.1 >/dev/null 2>&1 || echo no way")
        .stdout("no way\n")
        .check();
    all.run(&["--network", "iso", "-q"], "ping -c1 -W1 10.79.0.2 >/dev/null 2>&1 || echo nobody")
        .stdout("nobody\n")
        .check();
    all.call(&["network", "connect", "in", "b"]);
    all.run(&["--network", "in"], &ping("b")).stdout("reached\n").check();
    all.call(&["network", "disconnect", "in", "b"]);
    all.run(&["--network", "in", "-q"], "ping -c1 -W1 b >/dev/null 2>&1 || echo gone")
        .stdout("gone\n")
        .check();
    all.call(&["rm", "-f", "a", "b"]);
}

#[test]
fn what_cannot_be_is_said() {
    require!(user_namespaces(), "user namespaces");
    let all = Networks::new(&[&["--subnet=10.77.0.0/30", "small"]]);
    let overlap = ["network", "create", "--subnet=10.77.0.0/24", "x"];
    all.sandbox(&overlap).fails(125, &["10.77.0.0/24 overlaps with network `small`"]).check();
    all.start(&["--network", "small"], "only", "sleep 1000");
    all.run(&["--network", "small"], "true")
        .fails(125, &["no address is free in network `small`"])
        .check();
    all.run(&["--network", "nope"], "true").fails(125, &["there is no network `nope`"]).check();
    all.sandbox(&["network", "rm", "small"]).fails(125, &["in use by only"]).check();
    all.call(&["rm", "-f", "only"]);
    all.call(&["network", "prune", "-f"]);
    assert_eq!(all.call(&["network", "ls", "-q"]), "");
}
