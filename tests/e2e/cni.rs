//! CNI networks, by Debian's containernetworking-plugins and by plugins that misbehave.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    require,
    support::{Dir, Image, Registry, Store, Test, eventually, user_namespaces},
};

/// A store, an image with busybox, and settings with CNI networks.
struct Cni {
    store: Store,
    image: String,
    settings: Dir,
}

impl Cni {
    fn new(networks: &[Value]) -> Self {
        let image = Image::busybox().push(Registry::shared(), "cni");
        let all = Self { store: Store::new(), image, settings: Dir::new("cni") };
        for network in networks {
            let name = network["name"].as_str().unwrap();
            all.settings.write(&format!("cni/net.d/{name}.conflist"), network.to_string());
        }
        all
    }

    /// With plugins of our own, which are shell scripts.
    fn with_scripts(networks: &[Value], scripts: &[(&str, &str)]) -> Self {
        let all = Self::new(networks);
        for (name, script) in scripts {
            all.settings.script(&format!("bin/{name}"), script);
        }
        let bin = all.settings.path().join("bin");
        let settings = format!("[cni]\nplugin-dirs = [{:?}]\ntimeout = 3\n", bin);
        all.settings.write("sandbox/config.toml", settings);
        all
    }

    fn sandbox(&self, args: &[&str]) -> Test {
        Test::sandbox(args).store(&self.store).env("XDG_CONFIG_HOME", self.settings.path())
    }

    fn call(&self, args: &[&str]) -> String {
        self.sandbox(args).read()
    }

    fn run(&self, options: &[&str], script: &str) -> Test {
        self.sandbox(&[&["run"], options, &[&self.image, "sh", "-c", script]].concat())
    }

    fn start(&self, options: &[&str], name: &str) -> String {
        const SERVER: &str = "while :; do echo hello | nc -l -p 80; done";
        let front = [&["run", "-d", "--name", name], options].concat();
        self.call(&[&front[..], &[&self.image, "sh", "-c", SERVER]].concat()).trim().into()
    }

    /// Kills the supervisor.
    fn kill(&self, name: &str) {
        let pid = self.call(&["inspect", "--format", "{{.State.SupervisorPid}}", name]);
        let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        let running = || self.call(&["inspect", "--format", "{{.State.Running}}", name]);
        assert!(eventually(|| (running().trim() == "false").then_some(())).is_some());
    }

    /// Addresses that host-local has given away on a network.
    fn reserved(&self, network: &str) -> Vec<String> {
        let mut names = self.store.entries(&format!("cni/lib/networks/{network}"));
        names.retain(|name| name.contains(['.', ':']) && !name.starts_with("last"));
        names.sort();
        names
    }

    /// What is on any network, or was and is not undone.
    fn cached(&self) -> Vec<String> {
        self.store.entries("cni/cache")
    }
}

fn debian_plugins() -> bool {
    Path::new("/usr/lib/cni/bridge").exists()
}

fn list(version: &str, name: &str, plugins: Value) -> Value {
    json!({"cniVersion": version, "name": name, "plugins": plugins})
}

fn bridge(bridge: &str) -> Value {
    json!({
        "type": "bridge", "bridge": bridge, "isGateway": true, "ipMasq": true, "hairpinMode": true,
        "capabilities": {"ips": true, "mac": true},
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": "10.88.0.0/24"}], [{"subnet": "fd00:88::/64"}]],
            "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
        },
    })
}

fn full(version: &str, name: &str) -> Value {
    let tuning = json!({"type": "tuning", "sysctl": {"net.ipv4.conf.eth0.arp_notify": "1"}});
    let portmap = json!({"type": "portmap", "capabilities": {"portMappings": true}});
    list(version, name, json!([bridge("cni0"), portmap, {"type": "firewall"}, tuning]))
}

macro_rules! require_plugins {
    () => {
        require!(user_namespaces(), "no user namespaces");
        require!(debian_plugins(), "containernetworking-plugins is not installed");
    };
}

#[test]
fn sandboxes_reach_each_other_over_the_bridge_of_plugins() {
    require_plugins!();
    for version in ["0.4.0", "1.0.0", "1.1.0"] {
        let cni = Cni::new(&[full(version, "full")]);
        let id = cni.start(&["--network", "cni:full"], "web");
        let format = "{{.NetworkSettings.IPAddress}} {{.NetworkSettings.GlobalIPv6Address}}";
        assert_eq!(cni.call(&["inspect", "--format", format, "web"]), "10.88.0.2 fd00:88::2\n");
        let script = "nc -w5 10.88.0.2 80; ping -c1 -W5 fd00:88::2 >/dev/null && echo six; \
                      ip -4 addr show eth0 | grep -o 10.88.0.3/24; \
                      cat /proc/sys/net/ipv4/conf/eth0/arp_notify";
        let wish = "cni:full:mac=02:00:00:00:00:09";
        cni.run(&["--network", wish], &format!("{script}; cat /sys/class/net/eth0/address"))
            .stdout("hello\nsix\n10.88.0.3/24\n1\n02:00:00:00:00:09\n")
            .check();
        let checked = cni.call(&["network", "check"]);
        assert_eq!(checked, format!("cni:full {} eth0: ok\n", &id[..12]), "{version}");
        assert_eq!(cni.reserved("full"), ["10.88.0.2", "fd00:88::2"]);
        let record = cni.store.path().join("cni/cache").join(&cni.cached()[0]);
        let text = std::fs::read(&record).unwrap();
        cni.call(&["rm", "-f", "web"]);
        assert_eq!(cni.reserved("full"), [""; 0], "{version}");
        assert_eq!(cni.cached(), [""; 0]);
        // All is undone a second time, which is no failure.
        std::fs::write(record, text).unwrap();
        assert_eq!(cni.call(&["network", "gc"]), "1\n");
        assert_eq!(cni.cached(), [""; 0]);
    }
}

#[test]
fn published_ports_lead_in_from_the_host_and_from_the_gateway() {
    require_plugins!();
    let mut network = full("1.0.0", "four");
    network["plugins"][0]["ipam"] = json!({"type": "host-local", "subnet": "10.88.0.0/24"});
    let cni = Cni::new(&[network]);
    cni.start(&["--network", "cni:four", "-p", "127.0.0.1::80"], "web");
    let port = cni.call(&["port", "web", "80"]);
    let port = port.trim().rsplit(':').next().unwrap();
    let mut stream = std::net::TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert_eq!(answer, "hello\n");
    drop(stream); // The server waits for it.
    let script = format!("sleep 0.2; nc -w5 10.88.0.1 {port}");
    cni.run(&["--network", "cni:four"], &script).stdout("hello\n").check();
}

#[test]
fn the_way_outside_is_the_sandboxs_own() {
    require_plugins!();
    let cni = Cni::new(&[full("1.0.0", "full")]);
    let script =
        "ip route | head -1 | cut -c1-18; ip -6 route | grep -c 'default.*out0.*metric 1 '";
    cni.run(&["--network", "cni:full"], script).stdout("default via 10.209\n1\n").check();
}

#[test]
fn a_wish_that_no_plugin_takes_is_refused() {
    require_plugins!();
    let cni =
        Cni::new(&[list("1.0.0", "plain", json!([{"type": "loopback"}])), full("1.0.0", "full")]);
    cni.run(&["--network", "cni:plain", "--ip", "10.0.0.9"], "true")
        .fails(125, &["no plugin of the CNI network `plain` takes an address"])
        .check();
    cni.run(
        &["--network", "cni:full", "--ip", "10.88.0.77"],
        "ip -4 addr show eth0 | grep -o 10.88.0.77",
    )
    .stdout("10.88.0.77\n")
    .check();
    cni.sandbox(&["network", "rm", "cni:full"])
        .stderr(
            "error: there is no network `cni:full`\n\
             hint: CNI networks are files of others, and a sandbox joins them as it starts\n",
        )
        .code(125)
        .check();
    cni.run(&["--network", "cni:none"], "true")
        .fails(125, &["there is no CNI network `none`", "it was looked for in"])
        .check();
}

#[test]
fn other_plugins_make_their_interfaces() {
    require_plugins!();
    let subnet = |subnet: &str| json!({"type": "host-local", "subnet": subnet});
    let ptp = json!([{"type": "ptp", "ipMasq": false, "ipam": subnet("10.91.0.0/24")}]);
    let macvlan = json!([{"type": "macvlan", "master": "cni0", "ipam": {
        "type": "host-local", "ranges": [[{"subnet": "10.88.0.0/24", "rangeStart": "10.88.0.100"}]]}}]);
    let cni = Cni::new(&[
        full("1.0.0", "full"),
        list("0.4.0", "ptp", ptp),
        list("1.0.0", "inner", macvlan),
        list("1.0.0", "lo", json!([{"type": "loopback"}])),
    ]);
    cni.start(&["--network", "cni:full"], "web");
    cni.start(&["--network", "cni:ptp", "--network", "cni:inner", "--network", "cni:lo"], "three");
    assert_eq!(cni.call(&["network", "check", "three"]).matches(": ok").count(), 3);
    let script = "ip -4 addr | grep -oE 'inet 10\\.(91|88)[0-9.]*'";
    assert_eq!(
        cni.call(&["exec", "three", "sh", "-c", script]),
        "inet 10.91.0.2\ninet 10.88.0.100\n"
    );
    cni.run(&["--network", "cni:inner"], "nc -w5 10.88.0.2 80").stdout("hello\n").check();
    cni.call(&["rm", "-f", "three", "web"]);
    assert_eq!(cni.cached(), [""; 0]);
    assert_eq!([cni.reserved("ptp"), cni.reserved("inner")], [[""; 0], [""; 0]]);
}

#[test]
fn what_a_killed_sandbox_has_left_is_freed() {
    require_plugins!();
    let cni = Cni::new(&[full("1.0.0", "full")]);
    cni.start(&["--network", "cni:full"], "one");
    cni.start(&["--network", "cni:full"], "two");
    cni.kill("one");
    assert_eq!(cni.reserved("full").len(), 4);
    assert_eq!(cni.call(&["network", "gc"]), "1\n");
    assert_eq!(cni.reserved("full"), ["10.88.0.3", "fd00:88::3"]);
    assert_eq!(cni.call(&["network", "check"]).matches(": ok").count(), 1);
    // The last one as well, by the next to come: into a new domain.
    cni.kill("two");
    cni.run(&["--network", "cni:full"], "ip addr show eth0 | grep -c 10.88.0")
        .stdout("1\n")
        .check();
    assert_eq!(cni.reserved("full"), [""; 0]);
    assert_eq!(cni.cached(), [""; 0]);
}

#[test]
fn many_come_and_go_at_once() {
    require_plugins!();
    const MANY: usize = 8;
    let cni = Cni::new(&[full("1.0.0", "full")]);
    let at_once = |job: &(dyn Fn(&str) + Sync)| {
        std::thread::scope(|scope| {
            for number in 0..MANY {
                scope.spawn(move || job(&format!("n{number}")));
            }
        });
    };
    at_once(&|name| drop(cni.start(&["--network", "cni:full"], name)));
    assert_eq!(cni.reserved("full").len(), 2 * MANY);
    assert_eq!(cni.call(&["network", "check"]).matches(": ok").count(), MANY);
    at_once(&|name| drop(cni.call(&["rm", "-f", name])));
    assert_eq!(cni.reserved("full"), [""; 0]);
    assert_eq!(cni.cached(), [""; 0]);
    assert_eq!(cni.store.entries("cni/run/netns"), [""; 0]);
    assert_eq!(cni.store.entries("cni/networks/.register"), [""; 0]);
}

#[test]
fn a_supervisor_that_is_killed_takes_its_plugin_along_and_is_undone_later() {
    require!(user_namespaces(), "no user namespaces");
    let network = list("1.0.0", "n", json!([{"type": "good"}, {"type": "slow"}]));
    let slow =
        format!("[ $CNI_COMMAND = DEL ] || {{ echo $$ >${{0%/*}}/pid; exec sleep 1000; }}\n{OK}");
    let cni = Cni::with_scripts(&[network], &[("good", OK), ("slow", &slow)]);
    let bin = cni.settings.path().join("bin");
    let settings = format!("[cni]\nplugin-dirs = [{bin:?}]\ntimeout = 600\n");
    cni.settings.write("sandbox/config.toml", settings);
    let running = cni.run(&["--network", "cni:n"], "true").spawn();
    let pid = || {
        let text = std::fs::read_to_string(bin.join("pid")).ok()?;
        text.ends_with('\n').then(|| text.trim().to_owned())
    };
    let pid = eventually(pid).unwrap();
    rustix::process::kill_process(running.pid(), rustix::process::Signal::KILL).unwrap();
    let status = format!("/proc/{pid}/stat");
    let gone = || match std::fs::read_to_string(&status) {
        Ok(status) => status.contains(") Z").then_some(()),
        Err(_) => Some(()),
    };
    assert!(eventually(gone).is_some(), "the plugin lives");
    assert_eq!(cni.cached().len(), 1);
    cni.call(&["network", "prune", "--force"]);
    assert_eq!(cni.cached(), [""; 0]);
    let log = std::fs::read_to_string(bin.join("log")).unwrap();
    assert_eq!(log, "good ADD\nslow DEL\ngood DEL\n");
}

#[test]
fn check_tells_what_is_gone() {
    require_plugins!();
    let cni = Cni::new(&[full("1.0.0", "full")]);
    let script = "ip addr del 10.88.0.2/24 dev eth0; echo gone; sleep 1000";
    let run = ["run", "-d", "--name", "web", "--cap-add", "NET_ADMIN", "--network", "cni:full"];
    cni.call(&[&run[..], &[&cni.image, "sh", "-c", script]].concat());
    let gone = || cni.call(&["logs", "web"]).contains("gone").then_some(());
    assert!(eventually(gone).is_some());
    cni.sandbox(&["network", "check", "web"])
        .fails(125, &["the CNI plugin `bridge` failed at CHECK", "10.88.0.2"])
        .check();
}

#[test]
fn networks_are_listed_and_described() {
    require_plugins!();
    let cni = Cni::new(&[full("1.0.0", "full")]);
    let ls = cni.call(&["network", "ls", "--format", "{{.Name}} {{.Driver}}"]);
    assert!(ls.contains("cni:full cni\n"), "{ls}");
    cni.start(&["--network", "cni:full"], "web");
    let format = "{{json .Containers}} {{.CniVersion}}";
    let inspected = cni.call(&["network", "inspect", "--format", format, "cni:full"]);
    assert!(inspected.contains(r#""IPv4Address":"10.88.0.2/24""#), "{inspected}");
    assert!(inspected.contains(r#""Name":"web""#) && inspected.ends_with("1.0.0\n"), "{inspected}");
}

const OK: &str = r#"echo "${0##*/} $CNI_COMMAND" >>"${0%/*}/log"
    [ "$CNI_COMMAND" != ADD ] || echo '{"cniVersion":"1.0.0"}'"#;

#[test]
fn plugins_that_misbehave_are_reported_and_undone() {
    require!(user_namespaces(), "no user namespaces");
    let network = |name: &str| list("1.0.0", name, json!([{"type": "good"}, {"type": name}]));
    let fails = r#"echo '{"code":11,"msg":"try again","details":"later"}'; exit 1"#;
    let scripts = [
        ("good", OK),
        ("fails", fails),
        ("hangs", "[ $CNI_COMMAND = DEL ] || sleep 1000"),
        ("rubbish", "echo hello"),
    ];
    let networks = ["fails", "hangs", "rubbish", "missing"].map(network);
    let cni = Cni::with_scripts(&networks, &scripts);
    let cases = [
        ("fails", "the CNI plugin `fails` failed at ADD: try again: later (code 11)"),
        ("hangs", "the CNI plugin `hangs`, called for ADD, did not end within 3 s"),
        ("rubbish", "said what cannot be understood: hello"),
        ("missing", "Debian has the usual ones in the package containernetworking-plugins"),
    ];
    for (name, words) in cases {
        let _ = std::fs::remove_file(cni.settings.path().join("bin/log"));
        cni.run(&["--network", &format!("cni:{name}")], "true").fails(125, &[words]).check();
        let log = std::fs::read_to_string(cni.settings.path().join("bin/log")).unwrap_or_default();
        assert_eq!(log, if name == "missing" { "" } else { "good ADD\ngood DEL\n" }, "{name}");
        assert_eq!(cni.cached(), [""; 0], "{name}");
    }
}

#[test]
fn status_and_gc_reach_plugins_of_the_newest_version() {
    require!(user_namespaces(), "no user namespaces");
    let good = format!(
        "if [ $CNI_COMMAND = VERSION ]; then echo '{{\"supportedVersions\":[\"1.1.0\"]}}'; exit; fi\n{OK}"
    );
    let busy = "[ $CNI_COMMAND = STATUS ] || { echo '{\"supportedVersions\":[\"1.1.0\"]}'; exit; }\n\
                echo '{\"code\":50,\"msg\":\"not now\"}'; exit 1";
    let networks = ["good", "busy"].map(|name| list("1.1.0", name, json!([{"type": name}])));
    let cni = Cni::with_scripts(&networks, &[("good", &good), ("busy", busy)]);
    assert_eq!(cni.call(&["network", "check", "cni:good"]), "cni:good: ok\n");
    cni.sandbox(&["network", "check", "cni:busy"]).fails(125, &["not now (code 50)"]).check();
    cni.call(&["network", "gc"]);
    let log = std::fs::read_to_string(cni.settings.path().join("bin/log")).unwrap();
    assert_eq!(log, "good STATUS\ngood GC\n");
}
