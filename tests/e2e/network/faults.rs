//! What breaks, floods or runs out: the sandbox gets an error, the supervisor
//! stays, and the host's network is as it was.

use std::{fs, io::Write, thread};

use rustix::process::Signal;

use crate::{
    require,
    support::{HOST4, HOST6, Host, Test, eventually, has, processes_naming},
};

/// What of the network can be seen on the host. Counters are left out, and that
/// an address of the host's own is new.
fn state(host: &Host) -> String {
    let look = "ip -o link; ip -o addr; ip route; ip -6 route; ip rule
                cat /proc/net/netfilter/nf_queue 2>&1 || :";
    host.sh(look).replace(" tentative", "")
}

/// In how many network namespaces there are processes of this store.
fn namespaces(marker: &str) -> usize {
    let mut found: Vec<_> = processes_of(marker)
        .into_iter()
        .filter_map(|pid| fs::read_link(format!("/proc/{pid}/ns/net")).ok())
        .collect();
    found.sort();
    found.dedup();
    found.len()
}

fn processes_of(marker: &str) -> Vec<String> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.map(|entry| entry.file_name().to_string_lossy().into_owned());
    pids.filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|pid| {
            let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&environ).contains(marker)
        })
        .collect()
}

#[test]
fn a_killed_supervisor_takes_the_sandbox_along() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    let before = state(&host);
    let marker = host.store().path().to_str().unwrap().to_owned();
    let steps = ["half_close 198.51.100.1", "wait_for_line"];
    let mut running = host.inside(&["-i", "-p", "8080:80"], &steps).spawn();
    running.wait_for("half");
    running.wait_for("waiting");
    assert_eq!(namespaces(&marker), 2, "the host's and the sandbox's");
    running.signal(Signal::KILL);
    let gone = || processes_naming(&marker).is_empty().then_some(());
    assert!(eventually(gone).is_some(), "{:?}", processes_naming(&marker));
    assert_eq!(state(&host), before);
    assert_eq!(host.client(&["connect 127.0.0.1 8080"]), "ECONNREFUSED\n");
}

#[test]
fn the_hosts_network_is_not_touched() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    let before = state(&host);
    let steps = ["half_close 198.51.100.1", "udp 198.51.100.1 7001 5", "wait_for_line"];
    let mut running = host.inside(&["-i", "-p", "8080:80"], &steps).spawn();
    for line in ["half", "same", "waiting"] {
        running.wait_for(line);
    }
    assert_eq!(state(&host), before);
    running.stdin().write_all(b"\n").unwrap();
    assert!(running.wait().success());
    assert_eq!(state(&host), before);
}

#[test]
fn thirty_sandboxes_leave_no_namespace() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::new();
    let before = state(&host);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..10).for_each(|_| host.run(&[], &["true"]).stderr("").check()));
        }
    });
    let marker = host.store().path().to_str().unwrap();
    let gone = || (namespaces(marker) == 0).then_some(());
    assert!(eventually(gone).is_some(), "{:?}", processes_naming(marker));
    assert_eq!(state(&host), before);
}

#[test]
fn a_flood_from_forged_addresses_harms_nobody() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    let echo = format!("half_close {HOST4}");
    let steps = [
        &format!("flood {HOST4} 7001 8000"),
        "flood 203.0.113.1 80 8000",
        &echo,
        &format!("half_close {HOST6}"),
        &format!("udp {HOST4} 7001 100"),
    ];
    host.inside(&[], &steps).stdout("flooded\nflooded\nhalf\nhalf\nsame\n").check();
}

#[test]
fn more_connections_than_descriptors_are_an_error() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    require!(has("prlimit"), "prlimit");
    let host = Host::serving();
    let steps = [format!("exhaust {HOST4} 7001 100"), format!("udp {HOST4} 7001 100")];
    let mut running = host.inside(&["-i"], &["wait_for_line", &steps[0], &steps[1]]).spawn();
    running.wait_for("waiting");
    // Of the supervisor alone.
    let pid = running.pid().as_raw_nonzero().to_string();
    host.sh(&format!("prlimit --pid {pid} --nofile=64:64"));
    running.stdin().write_all(b"\n").unwrap();
    for line in ["going on", "half", "same"] {
        running.wait_for(line);
    }
    assert!(running.wait().success());
}

#[test]
fn a_low_limit_from_the_start_is_an_error_at_worst() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    require!(has("prlimit"), "prlimit");
    let host = Host::serving();
    let way = host.way();
    let way: Vec<&str> = way.iter().copied().chain(["prlimit", "--nofile=64:64"]).collect();
    let step = format!("exhaust {HOST4} 7001 100");
    let test: Test = host.inside(&[], &[&step]).within(&way);
    test.stdout("half\n").check();
}

#[test]
fn an_end_in_the_middle_of_everything_is_an_end() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    let steps = [&format!("many {HOST4} 50"), "abort 203.0.113.1 80 20", "wait_for_line"];
    let mut running = host.inside(&["-i"], &steps).spawn();
    for line in ["50 answers", "aborted", "waiting"] {
        running.wait_for(line);
    }
    running.signal(Signal::TERM);
    running.wait();
    let marker = host.store().path().to_str().unwrap();
    let gone = || (namespaces(marker) == 0).then_some(());
    assert!(eventually(gone).is_some(), "{:?}", processes_naming(marker));
}
