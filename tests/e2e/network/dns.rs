//! Names: the host's resolver at the time of the question.

use std::io::Write;

use crate::{
    require,
    support::{HOST4, HOST6, Host},
};

/// The resolver that a sandbox sees.
const GATEWAY: &str = "10.209.0.1";

#[test]
fn a_name_has_the_addresses_it_has_outside() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::resolving();
    let steps = ["lookup example.test", "lookup alias.test", "lookup nope.test"];
    let expected = format!("{HOST6} {HOST4}\n{HOST4}\nno such name\n");
    let expected = expected.replace(&format!("{HOST6} {HOST4}"), &sorted(&[HOST4, HOST6]));
    assert_eq!(host.same_inside(&steps), expected);
}

fn sorted(addresses: &[&str]) -> String {
    let mut addresses = addresses.to_vec();
    addresses.sort_unstable();
    addresses.join(" ")
}

#[test]
fn every_type_of_record_is_answered() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::resolving();
    let ask = |name: &str, kind: &str| format!("dns {GATEWAY} {name} {kind}");
    let steps = [
        ask("example.test", "A"),
        ask("example.test", "AAAA"),
        ask("alias.test", "CNAME"),
        ask("text.test", "TXT"),
        ask("nope.test", "A"),
    ];
    let expected = format!(
        "NOERROR {HOST4}\nNOERROR {HOST6}\nNOERROR target.test\nNOERROR 'hello world'\nNXDOMAIN\n"
    );
    let steps = steps.each_ref().map(String::as_str);
    host.inside(&[], &steps).stdout(&expected).stderr("").check();
}

#[test]
fn a_large_answer_comes_by_tcp() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let mut host = Host::new();
    let records: String = (0..200).map(|n| format!("txt-record=large.test,{n:0>200}\n")).collect();
    host.resolve(&format!("{}{records}", Host::ZONE));
    let (udp, tcp) =
        (format!("dns {GATEWAY} large.test TXT"), format!("dns_tcp {GATEWAY} large.test TXT"));
    let seen = host.inside(&[], &[&udp, &tcp]).stderr("").read();
    let lines: Vec<&str> = seen.lines().collect();
    assert!(lines[0].starts_with("NOERROR truncated"), "{seen}");
    assert_eq!(lines[1], "NOERROR 200");
}

#[test]
fn another_resolver_can_be_named() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::resolving();
    std::fs::write(host.file("resolv.conf"), "nameserver 192.0.2.1\n").unwrap();
    host.inside(&["--dns", HOST4], &["lookup alias.test"]).stdout(&format!("{HOST4}\n")).check();
}

#[test]
fn short_names_are_looked_for_in_the_search_domains() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::resolving();
    assert_ne!(host.same_inside(&["lookup short"]), format!("{HOST4}\n"));
    let expected = format!("{HOST4}\n");
    host.inside(&["--dns-search", "corp.test"], &["lookup short"]).stdout(&expected).check();
    let conf = format!("nameserver {HOST4}\nsearch corp.test\n");
    std::fs::write(host.file("resolv.conf"), conf).unwrap();
    host.inside(&[], &["lookup short"]).stdout(&expected).check();
}

#[test]
fn names_of_the_command_line_and_the_hosts_own_are_known() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::new(); // Nobody is asked for them.
    let db = format!("dns {GATEWAY} db A");
    let own = format!("dns {GATEWAY} host.sandbox.internal A");
    host.inside(&["--add-host", "db:10.1.2.3"], &["lookup db", &db, &own])
        .stdout("10.1.2.3\nNOERROR 10.1.2.3\nNOERROR 10.209.0.254\n")
        .check();
    let step = "lookup gate";
    let seen = host.inside(&["--add-host", "gate:host-gateway"], &[step]).read();
    assert!(seen.contains("10.209.0.254"), "{seen}");
}

#[test]
fn without_a_resolver_the_answer_is_an_error() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::new();
    let step = format!("dns {GATEWAY} example.test A");
    // There is no `nameserver`, one that refuses, and one that is unreachable.
    for conf in ["", "nameserver 198.51.100.1\n", "nameserver 192.0.2.1\n"] {
        std::fs::write(host.file("resolv.conf"), conf).unwrap();
        host.inside(&[], &[&step, "lookup example.test"]).stdout("SERVFAIL\ntry again\n").check();
    }
}

#[test]
fn a_change_of_the_hosts_resolver_is_followed() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::resolving();
    std::fs::write(host.file("resolv.conf"), "nameserver 192.0.2.1\n").unwrap();
    let steps = ["lookup alias.test", "wait_for_line", "lookup alias.test"];
    let mut running = host.inside(&["-i"], &steps).spawn();
    running.wait_for("try again");
    running.wait_for("waiting");
    std::fs::write(host.file("resolv.conf"), format!("nameserver {HOST4}\n")).unwrap();
    running.stdin().write_all(b"\n").unwrap();
    running.wait_for("going on");
    running.wait_for(HOST4);
}

#[test]
fn a_resolver_that_ends_and_comes_back_is_used_again() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let mut host = Host::new();
    let resolver = host.resolve(Host::ZONE);
    let ask = format!("dns {GATEWAY} example.test A");
    let steps = [&*ask, "wait_for_line", &ask, "wait_for_line", &ask];
    let mut running = host.inside(&["-i"], &steps).spawn();
    let mut stdin = running.stdin();
    running.wait_for(&format!("NOERROR {HOST4}"));
    running.wait_for("waiting");
    host.end(resolver);
    stdin.write_all(b"\n").unwrap();
    running.wait_for("going on");
    running.wait_for("SERVFAIL");
    running.wait_for("waiting");
    host.resolve(Host::ZONE);
    stdin.write_all(b"\n").unwrap();
    running.wait_for("going on");
    running.wait_for(&format!("NOERROR {HOST4}"));
}

#[test]
fn malformed_questions_harm_nobody() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::resolving();
    let steps = [format!("malformed {GATEWAY}"), format!("dns {GATEWAY} example.test A")];
    let steps = steps.each_ref().map(String::as_str);
    host.inside(&[], &steps).stdout(&format!("sent\nNOERROR {HOST4}\n")).stderr("").check();
}

#[test]
fn malformed_answers_harm_nobody() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let mut host = Host::serving();
    host.start_client(&format!("listen_noise {HOST4}"));
    let steps = [format!("dns_many {GATEWAY} noise.test 21"), format!("half_close {HOST4}")];
    let steps = steps.each_ref().map(String::as_str);
    host.inside(&[], &steps).stdout("21 SERVFAIL\nhalf\n").stderr("").check();
}
