//! What may not be reached, and that nothing done inside changes it.

use serde_json::Value;

use crate::{
    require,
    support::{HOST4, HOST6, Host, has, text},
};

/// The gateway, and what stands for the host.
const GATEWAY: &str = "10.209.0.1";
const GATEWAY6: &str = "fd73:616e:6462:6f78::1";
const STANDS_FOR_HOST: &str = "10.209.0.254";

/// Runs steps inside, and returns what came of each and the notes.
#[track_caller]
fn inside(host: &Host, options: &[&str], steps: &[&str]) -> (Vec<String>, Vec<String>) {
    let test = host.inside(options, steps);
    let output = test.output();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{test}\n{stderr}");
    let lines = |text: &str| text.lines().map(Into::into).collect::<Vec<String>>();
    assert_eq!(lines(&stdout).len(), steps.len(), "{stdout}{stderr}");
    (lines(&stdout), lines(&stderr))
}

/// Checks that all steps fail, and that a note tells of each of the places.
#[track_caller]
fn assert_denied(host: &Host, options: &[&str], steps: &[&str], places: &[&str]) {
    let (seen, notes) = inside(host, options, steps);
    for (step, seen) in steps.iter().zip(&seen) {
        let denied = ["EACCES", "EHOSTUNREACH", "ENETUNREACH", "ECONNREFUSED", "no such name"];
        assert!(denied.contains(&seen.as_str()), "{step}: {seen}");
    }
    for place in places {
        let told = |note: &String| note.starts_with("note: denied: ") && note.contains(place);
        assert!(notes.iter().any(told), "{place}: {notes:?}");
    }
}

const ONLY: [&str; 2] = ["--allow", "example.test:7001"];

#[test]
fn an_allowed_name_is_reached_by_its_name() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::resolving();
    let steps = ["half_close example.test", "lookup other.test", "lookup rebind.test"];
    let (seen, notes) = inside(&host, &ONLY, &steps);
    assert_eq!(seen, ["half", "no such name", "no such name"]);
    assert_eq!(
        notes,
        [
            "note: denied: the name other.test: not in --allow; --allow other.test would let it pass",
            "note: denied: the name rebind.test: not in --allow; --allow rebind.test would let it pass"
        ]
    );
}

#[test]
fn an_allowed_name_is_reached_by_curl() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    require!(has("curl"), "curl");
    let mut host = Host::resolving();
    host.start_client("listen_http 8080");
    let get = |url: &str, options: &[&str], code| {
        let options = [options, &["--allow", "example.test:8080"]].concat();
        host.run(&options, &["curl", "-sS", "--max-time", "10", url]).code(code)
    };
    get("http://example.test:8080/", &[], 0).stdout("served example.test:8080\n").check();
    get("http://other.test:8080/", &["-q"], 6).stdout("").check();
    get(&format!("http://{HOST4}:8080/"), &["-q"], 7).stdout("").check();
}

#[test]
fn all_else_is_denied_at_once_and_told() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::resolving();
    let steps = [
        &format!("connect {HOST4} 7001"),
        &format!("connect {HOST6} 7001"),
        &format!("connect {HOST4} 7002"),
        "connect 8.8.8.8 53",
        "connect 0.0.0.0 7001",
        "connect 169.254.169.254 80",
        &format!("connect {GATEWAY} 15001"),
        &format!("connect {GATEWAY} 22"),
        &format!("connect {GATEWAY6} 22"),
        &format!("connect {STANDS_FOR_HOST} 7001"),
        &format!("udp_denied {HOST4}"),
        &format!("udp_denied {HOST6}"),
        "udp_denied 8.8.8.8 53",
    ];
    let here = ["tcp", "udp"].map(|protocol| format!("{protocol} to {HOST4} port 7001: not in"));
    let there = ["tcp to 8.8.8.8 port 53", "udp to 8.8.8.8 port 53", "169.254.169.254 port 80"];
    let places = [&[&*here[0], &here[1]], &there[..]].concat();
    assert_denied(&host, &ONLY, &steps, &places);
}

#[test]
fn the_hundredth_denial_is_as_quick_as_the_first() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::new();
    let steps = [format!("each {HOST4} 7001 100"), format!("each {HOST6} 7001 100")];
    let (seen, notes) = inside(&host, &ONLY, &steps.each_ref().map(String::as_str));
    assert_eq!(seen, ["EHOSTUNREACH", "EACCES"]);
    assert_eq!(notes.len(), 2, "{notes:?}");
}

#[test]
fn another_notation_of_an_address_is_no_way_around() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    let mapped = format!("connect ::ffff:{HOST4} 7001");
    let translated = format!("connect 64:ff9b::{HOST4} 7001");
    assert_denied(&host, &ONLY, &[&mapped, &translated], &[]);
    assert_denied(&host, &["--deny", HOST4], &[&mapped, &translated], &[]);
}

#[test]
fn a_name_with_another_port_is_denied() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::resolving();
    let (seen, notes) = inside(&host, &ONLY, &["greeting example.test 7002"]);
    assert!(["EHOSTUNREACH", "EACCES"].contains(&seen[0].as_str()), "{seen:?}");
    assert!(
        notes.iter().all(|note| note.contains("7002") && note.contains("example.test")),
        "{notes:?}"
    );
    assert!(!notes.is_empty());
}

#[test]
fn an_allowed_name_with_a_private_address_is_a_trap() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::resolving();
    host.sh("ip addr add 10.0.0.1/32 dev lo");
    let steps = ["connect rebind.test 7001", "connect 10.0.0.1 7001"];
    assert_denied(&host, &["--allow", "rebind.test"], &steps, &["10.0.0.1"]);
    let (seen, _) = inside(&host, &["--allow", "rebind.test", "--allow", "10.0.0.1"], &steps);
    assert_eq!(seen, ["connected", "connected"]);
}

#[test]
fn a_wildcard_and_a_network_can_be_allowed() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::resolving();
    let (seen, _) = inside(
        &host,
        &["--allow", "*.corp.test"],
        &["half_close short.corp.test", "lookup corp.test", "lookup example.test"],
    );
    assert_eq!(seen, ["half", "no such name", "no such name"]);
    let (seen, notes) = inside(
        &host,
        &["--allow", "198.51.100.0/24:7000-7001"],
        &[&format!("half_close {HOST4}"), &format!("connect {HOST4} 7002")],
    );
    assert_eq!(seen[0], "half");
    assert_ne!(seen[1], "connected");
    assert_eq!(notes.len(), 1, "{notes:?}");
}

#[test]
fn what_is_denied_leaves_the_rest() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::resolving();
    let rules = ["--deny", "other.test", "--deny", "198.51.100.0/24:7002"];
    let steps = ["half_close example.test", "lookup other.test", &format!("connect {HOST4} 7002")];
    let (seen, notes) = inside(&host, &rules, &steps);
    assert_eq!(seen[..2], ["half", "no such name"]);
    assert_ne!(seen[2], "connected");
    let by_rule = notes.iter().filter(|note| note.ends_with("` forbids it")).count();
    assert_eq!(by_rule, 2, "{notes:?}");
}

#[test]
fn quiet_is_quiet() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::new();
    let (_, notes) = inside(&host, &["-q", "--deny", HOST4], &[&format!("connect {HOST4} 7001")]);
    assert_eq!(notes, [""; 0]);
}

#[test]
fn ping_obeys_the_rules() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    require!(has("ping"), "ping");
    let host = Host::new();
    host.let_ping();
    let ping = ["ping", "-q", "-c1", "-W5", HOST4];
    let output = host.run(&ONLY, &ping).output();
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(told.contains(&format!("note: denied: ping to {HOST4}: not in --allow")), "{told}");
    host.run(&["--allow", HOST4], &ping).stderr("").check();
}

#[test]
fn the_hosts_loopback_and_credentials_are_closed() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    host.sh("ip addr add 169.254.169.254/32 dev lo");
    let steps = [
        "connect 127.0.0.1 7001",
        "connect ::1 7001",
        "connect ::ffff:127.0.0.1 7001",
        &format!("connect {STANDS_FOR_HOST} 7001"),
        "connect 169.254.169.254 7001",
        "connect ::ffff:169.254.169.254 7001",
        "connect host.sandbox.internal 7002",
    ];
    assert_denied(&host, &[], &steps, &["--host-loopback 7001", "169.254.169.254 port 7001"]);
}

#[test]
fn a_port_of_the_hosts_loopback_is_opened_by_name() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    let steps = [
        "half_close host.sandbox.internal",
        &format!("half_close {STANDS_FOR_HOST}"),
        "connect host.sandbox.internal 7002",
    ];
    let (seen, notes) = inside(&host, &["--host-loopback", "7001"], &steps);
    assert_eq!(seen[..2], ["half", "half"]);
    assert_ne!(seen[2], "connected");
    assert!(notes[0].contains("not in --host-loopback"), "{notes:?}");
}

#[test]
fn root_inside_gains_nothing_from_its_own_rules_and_routes() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    require!(has("nft"), "nft");
    let host = Host::serving();
    host.sh("ip addr add 169.254.169.254/32 dev lo");
    let script = format!(
        "nft flush ruleset && ip link set eth0 address 02:00:00:00:00:77 && echo changed
         ip addr add 198.51.100.2/24 dev eth0
         ip addr add 127.0.0.5/32 dev eth0
         ip route add {HOST4}/32 dev eth0
         ip route add 169.254.169.254/32 via {GATEWAY} onlink dev eth0
         ip -6 route add {HOST6}/128 dev eth0
         ip route del local 127.0.0.0/8 table local
         ip route add 127.0.0.1/32 via {GATEWAY} dev eth0
         python3 /client.py 'connect {HOST4} 7001 3' 'connect {HOST6} 7001 3' \
             'connect 169.254.169.254 7001 3' 'connect {STANDS_FOR_HOST} 7001 3' \
             'connect 127.0.0.1 7001 3'"
    );
    let volume = format!("{}:/client.py", host.file("client.py").display());
    let options = ["--cap-add", "NET_ADMIN", "-v", &volume, "--allow", "example.test"];
    let seen = host.run(&options, &["sh", "-c", &script]).read();
    assert_eq!((seen.lines().next(), seen.lines().count()), (Some("changed"), 6), "{seen}");
    assert!(!seen.contains("connected"), "{seen}");
}

#[test]
fn every_flow_is_in_the_log() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::resolving();
    let log = host.file("log");
    let log_file = log.to_str().unwrap();
    let options = ["--network-log", log_file, "--deny", "198.51.100.0/24:7002", "--deny", HOST6];
    let steps = [
        "half_close example.test",
        &format!("connect {HOST4} 7002"),
        &format!("connect {HOST4} 7009"),
        &format!("udp {HOST4} 7001 100"),
    ];
    inside(&host, &options, &steps);
    let lines: Vec<Value> = std::fs::read_to_string(&log)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let find = |protocol: &str, port: u16| {
        let is_it = |line: &&Value| {
            line["protocol"] == protocol && line["port"] == port && line["address"] == HOST4
        };
        lines.iter().find(is_it).unwrap_or_else(|| panic!("{protocol} {port}: {lines:#?}"))
    };
    let echo = find("tcp", 7001);
    assert_eq!((&echo["name"], &echo["verdict"]), (&"example.test".into(), &"allowed".into()));
    assert_eq!((&echo["sent"], &echo["received"]), (&4.into(), &4.into()));
    assert_eq!(echo["direction"], "out");
    assert!(echo["time"].as_str().unwrap().ends_with('Z'), "{echo}");
    assert_eq!(find("tcp", 7002)["verdict"], "denied");
    assert_eq!(find("tcp", 7009)["verdict"], "failed");
    assert_eq!(find("udp", 7001)["sent"], 100);
}
