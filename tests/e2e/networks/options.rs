//! What `network create` is told, as it is seen inside and by `ls` and `inspect`.

use super::Networks;
use crate::{require, support::user_namespaces};

#[test]
fn every_option_of_a_network_is_seen_inside() {
    require!(user_namespaces(), "user namespaces");
    let v4 = "ip -4 -o addr show eth0 | grep -o 'inet [^ ]*'";
    let v6 = "ip -6 -o addr show eth0 | grep -o 'inet6 [^ ]*'";
    let cases: [(&[&str], &str, &str); 8] = [
        (&["--subnet=10.86.0.0/16"], v4, "inet 10.86.0.2/16\n"),
        (&["--subnet=10.86.0.0/24", "--gateway=10.86.0.2"], v4, "inet 10.86.0.1/24\n"),
        (&["--subnet=10.86.0.0/24", "--ip-range=10.86.0.128/25"], v4, "inet 10.86.0.128/24\n"),
        (&["--subnet=fd86::/80", "--gateway=fd86::2"], v6, "inet6 fd86::1/80\n"),
        (&["--subnet=fd86::/64", "--ip-range=fd86::ff00/120"], v6, "inet6 fd86::ff00/64\n"),
        (&["--ipv6"], v6, "inet6 fd73:616e:6e65::2/64\n"),
        (&["--ipv6=false"], "ip -6 -o addr show eth0", ""),
        (&["--opt=mtu=1400"], "cat /sys/class/net/eth0/mtu", "1400\n"),
    ];
    let all = Networks::new(&[]);
    for (options, script, seen) in cases {
        all.call(&[&["network", "create"], options, &["n"]].concat());
        all.run(&["--network", "n"], script).stdout(seen).check();
        all.call(&["network", "rm", "n"]);
    }
}

#[test]
fn a_long_packet_is_no_longer_than_the_network_allows() {
    require!(user_namespaces(), "user namespaces");
    let all = Networks::new(&[&["-o", "mtu=1400", "n"]]);
    all.serve(&["--network", "n"], "db");
    // Datagrams of more are taken apart and put together again.
    let udp = |size: usize| format!("udp 10.210.0.2 7001 {size}");
    all.inside(&["--network", "n"], &[&udp(1372), &udp(1373), &udp(60_000)])
        .stdout("same\nsame\nsame\n")
        .check();
    for bad in ["mtu=100", "mtu=x", "color=red"] {
        all.sandbox(&["network", "create", "-o", bad, "x"]).fails(125, &[&bad[..3]]).check();
    }
}

#[test]
fn networks_are_listed_by_what_they_are() {
    require!(user_namespaces(), "user namespaces");
    let all = Networks::new(&[]);
    let inner = ["--label", "tier=back", "--internal", "--driver", "bridge", "inner"];
    for options in [&inner[..], &["--label", "tier=front", "--isolated", "outer"]] {
        all.call(&[&["network", "create"], options].concat());
    }
    let names = |options: &[&str]| {
        all.call(&[&["network", "ls", "--format", "{{.Name}} {{.Internal}}"], options].concat())
    };
    assert_eq!(names(&[]), "inner true\nouter false\n");
    for (filter, name) in [
        ("label=tier=back", "inner true\n"),
        ("label=tier", "inner true\nouter false\n"),
        ("name=out", "outer false\n"),
        ("driver=bridge", "inner true\nouter false\n"),
    ] {
        assert_eq!(names(&["--filter", filter]), name, "{filter}");
    }
    let id = all.call(&["network", "ls", "-q", "--no-trunc", "-f", "name=inner"]);
    assert_eq!(id.trim().len(), 64);
    assert_eq!(
        all.call(&["network", "ls", "--quiet", "-f", "name=inner"]),
        id[..12].to_owned() + "\n"
    );
    let shown = all.call(&["network", "inspect", "-f", "{{json .Labels}} {{.Isolated}}", "outer"]);
    assert_eq!(shown, "{\"tier\":\"front\"} true\n");
    all.call(&["network", "rm", &id[..12]]);
    all.sandbox(&["network", "rm", "inner"]).fails(125, &["there is no network `inner`"]).check();
    all.call(&["network", "rm", "--force", "inner"]);
    all.call(&["network", "prune", "--force"]);
    assert_eq!(names(&[]), "");
}

#[test]
fn addresses_run_out_and_come_back() {
    require!(user_namespaces(), "user namespaces");
    let all = Networks::new(&[&["--subnet=10.87.0.0/24", "--ip-range=10.87.0.8/30", "n"]]);
    for name in ["a", "b", "c", "d"] {
        all.start(&["--network", "n"], name, "sleep 1000");
    }
    let more = || all.run(&["--network", "n"], "ip -4 -o addr show eth0 | grep -o '10[^ ]*/24'");
    more().fails(125, &["no address is free in network `n`"]).check();
    all.call(&["rm", "-f", "b"]);
    more().stdout("10.87.0.9/24\n").check();
    // A wish may be outside of the range.
    all.start(&["--network", "n", "--ip", "10.87.0.77"], "e", "sleep 1000");
    let taken = ["--network", "n:ip=10.87.0.77"];
    all.run(&taken, "true").fails(125, &["10.87.0.77 is taken in network `n`"]).check();
    let stray = ["--network", "n:ip=10.88.0.77"];
    all.run(&stray, "true").fails(125, &["10.88.0.77 is no address for a member"]).check();
}

#[test]
fn what_cannot_be_a_network_is_refused() {
    require!(user_namespaces(), "user namespaces");
    let all = Networks::new(&[&["--subnet=10.86.0.0/16", "--subnet=fd86::/64", "n"]]);
    let cases: [(&[&str], &str); 8] = [
        (&["--subnet=10.86.7.0/24"], "10.86.7.0/24 overlaps with network `n`, 10.86.0.0/16"),
        (&["--subnet=10.0.0.0/8"], "overlaps with"),
        (&["--subnet=fd86::/96"], "fd86::/96 overlaps with network `n`, fd86::/64"),
        (&["--subnet=10.209.0.0/24"], "by which sandboxes reach the outside"),
        (&["--subnet=10.89.0.0/31"], "too small"),
        (&["--subnet=10.89.0.0/24", "--ip-range=10.90.0.0/25"], "10.90.0.0/25 is not in"),
        (&["--subnet=10.89.0.0/24", "--gateway=10.90.0.1"], "10.90.0.1 is no address"),
        (&["--subnet=10.89.0.0/24", "--subnet=10.90.0.0/24"], "one subnet of each family"),
    ];
    for (options, reason) in cases {
        let call = [&["network", "create"], options, &["x"]].concat();
        all.sandbox(&call).fails(125, &[reason]).check();
    }
    for name in ["host", "none", "a/b", "", "-x"] {
        let created = all.sandbox(&["network", "create", "--", name]).output();
        assert_eq!(created.status.code(), Some(125), "{name}");
    }
    assert_eq!(all.call(&["network", "ls", "--format", "{{.Name}}"]), "n\n");
}
