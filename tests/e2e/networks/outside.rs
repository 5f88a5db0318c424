//! The ways out of a network and into it.

use super::Networks;
use crate::{
    require,
    support::{HOST4, HOST6, Host, UNREACHABLE4},
};

/// Services of the host's `network/server.py`.
fn steps(addresses: &[&str], port: u16) -> Vec<String> {
    addresses.iter().map(|address| format!("connect {address} {port}")).collect()
}

#[test]
fn published_ports_are_reached_by_members_and_by_the_host() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let all = Networks::on(Host::new(), &[&["n"]]);
    all.serve(&["--network", "n", "-p", "8002:7002", "-p", "8001:7001/udp"], "web");
    let at_host =
        |address: &str| [format!("greeting {address} 8002"), format!("udp {address} 8001 900")];
    let ways = [at_host(HOST4), at_host(HOST6)].concat();
    let ways: Vec<&str> = ways.iter().map(String::as_str).collect();
    let answer = format!("hello {HOST4}\nsame\nhello {HOST6}\nsame\n");
    assert_eq!(all.host().client(&ways), answer);
    // Another member, and one that is on no network, by way of the host.
    all.inside(&["--network", "n"], &ways).stdout(&answer).check();
    all.inside(&[], &ways).stdout(&answer).check();
    // At the member itself there are its own ports.
    let direct = ["greeting 10.210.0.2 7002", "connect 10.210.0.2 8002"];
    all.inside(&["--network", "n:ip=10.210.0.44"], &direct)
        .stdout("hello 10.210.0.44\nECONNREFUSED\n")
        .check();
    all.call(&["rm", "-f", "web"]);
    assert_eq!(all.host().client(&[&format!("connect {HOST4} 8002")]), "ECONNREFUSED\n");
}

#[test]
fn rules_hold_for_each_member_alone() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let all = Networks::on(Host::serving(), &[&["n"]]);
    all.serve(&["--network", "n"], "db");
    let to_host = [steps(&[HOST4, HOST6], 7001), steps(&[HOST4, HOST6], 7002)].concat();
    let steps = [to_host, vec!["greeting 10.210.0.2 7002".into()]].concat();
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    let member = "n:ip=10.210.0.44";
    let cases: [(&[&str], &str); 3] = [
        (&[], "connected\nconnected\nconnected\nconnected\n"),
        (&["--allow", "198.51.100.1:7001"], "connected\nEACCES\nEHOSTUNREACH\nEACCES\n"),
        (&["--deny", "[2001:db8:1::1]:7002"], "connected\nconnected\nconnected\nEACCES\n"),
    ];
    for (rules, expected) in cases {
        let options = [&["--network", member, "-q"], rules].concat();
        // What members do with each other is no matter of these rules.
        let expected = format!("{expected}hello 10.210.0.44\n");
        all.inside(&options, &steps).stdout(&expected).check();
    }
}

#[test]
fn an_internal_network_leads_nowhere_by_any_family_or_name() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let all = Networks::on(Host::resolving(), &[&["open"], &["--internal", "closed"]]);
    all.host().let_ping();
    let outside = [steps(&[HOST4, HOST6], 7001), vec!["lookup example.test".into()]].concat();
    let outside: Vec<&str> = outside.iter().map(String::as_str).collect();
    let reached =
        format!("connected\nconnected\n{HOST6} {HOST4}\n").replace(&format!("{HOST6} {HOST4}"), &{
            let mut both = [HOST4, HOST6];
            both.sort_unstable();
            both.join(" ")
        });
    for open in [&["--network", "open"][..], &["--network", "closed", "--network", "open"]] {
        all.inside(open, &outside).stdout(&reached).check();
    }
    let closed = ["--network", "closed", "-q"];
    let nothing = "EHOSTUNREACH\nEACCES\nno such name\n";
    all.inside(&closed, &outside).stdout(nothing).check();
    for (family, address) in [("-4", HOST4), ("-6", HOST6), ("-4", UNREACHABLE4)] {
        let ping = format!("ping {family} -c1 -W1 {address} >/dev/null 2>&1 || echo no way");
        all.run(&closed, &ping).stdout("no way\n").check();
    }
    let ping = format!("ping -c1 -W20 {HOST4} >/dev/null && echo reached");
    all.run(&["--network", "open"], &ping).stdout("reached\n").check();
    // Its own gateway and resolver are no way round.
    all.inside(&closed, &["dns 198.51.100.1 example.test A"]).code(0).read();
    all.serve(&["--network", "closed", "-p", "8002:7002"], "web");
    let seen = all.host().client(&[&format!("greeting {HOST4} 8002")]);
    assert_eq!(seen, format!("hello {HOST4}\n"), "a published port leads in still");
}

#[test]
fn isolated_members_reach_the_outside_alone() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let all = Networks::on(
        Host::serving(),
        &[
            &["--isolated", "--subnet=10.84.0.0/24", "--subnet=fd84::/64", "apart"],
            &["--subnet=10.85.0.0/24", "--subnet=fd85::/64", "together"],
        ],
    );
    all.serve(&["--network", "apart", "--network", "together"], "db");
    let outside = steps(&[HOST4, HOST6], 7001);
    let cases = [
        ("together", ["10.85.0.2", "fd85::2"], "connected\n"),
        ("apart", ["10.84.0.2", "fd84::2"], "EHOSTUNREACH\n"),
    ];
    for (network, addresses, expected) in cases {
        let steps = [outside.clone(), steps(&addresses, 7001)].concat();
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        let expected = format!("connected\nconnected\n{expected}{expected}");
        all.inside(&["--network", network], &steps).stdout(&expected).check();
    }
    let unknown = "nslookup db >/dev/null 2>&1 || echo unknown";
    all.run(&["--network", "apart", "-q"], unknown).stdout("unknown\n").check();
}

#[test]
fn routes_of_the_host_are_kept_out_of_the_way() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    host.sh("ip route add 10.210.0.0/17 dev d0");
    let all = Networks::on(host, &[&["n"]]);
    let subnet = ["network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}"];
    let subnet = |name: &str| all.call(&[&subnet[..], &[name]].concat());
    assert_eq!(subnet("n"), "10.210.128.0/24\n");
    let wanted = ["network", "create", "--subnet=198.51.100.0/25", "x"];
    let overlap = "198.51.100.0/25 overlaps with a route of the host, 198.51.100.0/24";
    all.sandbox(&wanted).fails(125, &[overlap]).check();
    // One that comes later takes nothing from the members, old ones and new.
    all.serve(&["--network", "n"], "db");
    all.host().sh("ip route add 10.210.128.0/24 dev d0");
    let steps = ["greeting 10.210.128.2 7002", "connect 198.51.100.1 7001"];
    all.inside(&["--network", "n:ip=10.210.128.44"], &steps)
        .stdout("hello 10.210.128.44\nconnected\n")
        .check();
    all.call(&["network", "create", "later"]);
    assert_eq!(subnet("later"), "10.210.129.0/24\n");
}
