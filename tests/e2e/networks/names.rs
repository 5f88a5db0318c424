//! Names of members, and what they are reached by.

use super::{Networks, ping};
use crate::{require, support::user_namespaces};

/// Sends a datagram to a name over each family, and prints what comes back.
const ASK: &str = include_str!("ask.py");

#[test]
fn members_have_answers_to_every_kind_of_question() {
    require!(user_namespaces(), "user namespaces");
    let all = Networks::new(&[&["--subnet=10.83.0.0/24", "--subnet=fd83::/64", "n"]]);
    let place = "n:ip=10.83.0.9,ip6=fd83::9,alias=sql";
    all.start(&["--network", place, "--network-alias=store"], "db", "sleep 1000");
    let id = all.call(&["inspect", "--format", "{{.Id}}", "db"]);
    for name in ["db", "sql", "store", "db.n", "DB", &id[..12]] {
        for (kind, answer) in [("a", "10.83.0.9"), ("aaaa", "fd83::9")] {
            let question = format!("nslookup -type={kind} {name} | grep -c 'Address: {answer}$'");
            all.run(&["--network", "n"], &question).stdout("1\n").check();
        }
    }
    for address in ["10.83.0.9", "fd83::9"] {
        let question = format!("nslookup {address} | grep -o 'name = .*'");
        all.run(&["--network", "n"], &question).stdout("name = db.n\n").check();
    }
    let unknown = "nslookup -type=a nobody.n 2>&1 | grep -o NXDOMAIN";
    all.run(&["--network", "n", "-q"], unknown).stdout("NXDOMAIN\n").check();
}

#[test]
fn members_reach_each_other_by_ping_tcp_and_udp_on_both_families() {
    require!(user_namespaces(), "user namespaces");
    let all = Networks::new(&[&["n"], &["other"]]);
    all.serve(&["--network", "n"], "db");
    for family in ["-4", "-6"] {
        let script = format!("ping {family} -c1 -W5 db >/dev/null && echo reached");
        all.run(&["--network", "n"], &script).stdout("reached\n").check();
    }
    let ask = ["python3", "-c", ASK, "db"];
    let answers = "tcp 4 hello\ntcp 6 hello\nudp 4 hello\nudp 6 hello\n";
    all.run_host(&["--network", "n"], &ask).stdout(answers).check();
    all.run_host(&["--network", "other", "-q"], &ask).stdout("no such name\n").check();
    // Nor by its addresses.
    for address in ["10.210.0.2", "fd73:616e:6e65::2"] {
        let ask = ["python3", "-c", ASK, address, "1"];
        let refused = all.run_host(&["--network", "other", "-q"], &ask).read();
        assert!(!refused.contains("hello"), "{address}: {refused}");
    }
}

#[test]
fn names_are_there_at_once_and_gone_at_once() {
    require!(user_namespaces(), "user namespaces");
    let all = Networks::new(&[&["n"]]);
    let name = "db";
    all.start(&["--network", "n"], "asks", "sleep 1000");
    let ask = format!("nslookup -type=a {name} 2>&1 | grep -oE 'NXDOMAIN|Address: 10.*'");
    let answer = || all.call(&["exec", "asks", "sh", "-c", &ask]);
    for _ in 0..5 {
        assert_eq!(answer(), "NXDOMAIN\n", "before it is there");
        all.start(&["--network", "n"], name, "sleep 1000");
        assert_eq!(answer(), "Address: 10.210.0.3\n", "when it is there");
        all.call(&["rm", "-f", name]);
        assert_eq!(answer(), "NXDOMAIN\n", "when it is gone");
    }
    // Also when it ends by itself: `wait` returns after that.
    all.start(&["--network", "n"], name, "exit 0");
    all.call(&["wait", name]);
    assert_eq!(answer(), "NXDOMAIN\n", "when it has ended");
}

#[test]
fn a_name_of_several_is_all_of_them() {
    require!(user_namespaces(), "user namespaces");
    let all = Networks::new(&[&["n"], &["m"]]);
    for name in ["one", "two"] {
        all.start(&["--network", "n:alias=web"], name, "sleep 1000");
    }
    let count = "nslookup -type=a web | grep -c 'Address: 10.210.0.[23]$'";
    all.run(&["--network", "n"], count).stdout("2\n").check();
    // One on both networks reaches the members of both, and they not each other.
    all.start(&["--network", "m"], "three", "sleep 1000");
    for name in ["one", "three"] {
        all.run(&["--network", "n", "--network", "m"], &ping(name)).stdout("reached\n").check();
    }
    let unknown = "nslookup three >/dev/null 2>&1 || echo unknown";
    all.run(&["--network", "n", "-q"], unknown).stdout("unknown\n").check();
}
