//! Datagrams and ping.

use crate::{
    require,
    support::{HOST4, HOST6, Host, SILENT4, SILENT6, UNREACHABLE4, UNREACHABLE6, has},
};

#[test]
fn datagrams_of_any_size_come_back() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    let sizes = [5, 1400, 20000, 60000];
    let steps: Vec<String> = [HOST4, HOST6]
        .iter()
        .flat_map(|address| sizes.map(|size| format!("udp {address} 7001 {size}")))
        .collect();
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    assert_eq!(host.same_inside(&steps), "same\n".repeat(8));
}

#[test]
fn one_socket_speaks_with_many() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let mut host = Host::new();
    for address in [HOST4, HOST6] {
        host.start_client(&format!("listen_udp {address} 9000 40"));
    }
    let steps = [HOST4, HOST6].map(|address| format!("peers {address} 9000 40"));
    assert_eq!(host.same_inside(&[&steps[0], &steps[1]]), "40 right\n40 right\n");
}

#[test]
fn a_closed_port_refuses() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::new();
    let steps = [HOST4, HOST6].map(|address| format!("udp {address} 7009 5"));
    assert_eq!(host.same_inside(&[&steps[0], &steps[1]]), "ECONNREFUSED\nECONNREFUSED\n");
}

#[test]
fn an_unreachable_address_is_an_error() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::new();
    let steps = [UNREACHABLE4, UNREACHABLE6].map(|address| format!("udp_error {address}"));
    let steps = steps.each_ref().map(String::as_str);
    assert_eq!(host.same_inside(&steps), "EHOSTUNREACH\nEHOSTUNREACH\n");
    host.sh("ip route del default; ip -6 route del default");
    let steps = [SILENT4, SILENT6].map(|address| format!("udp_error {address}"));
    let steps = steps.each_ref().map(String::as_str);
    assert_eq!(host.same_inside(&steps), "ENETUNREACH\nENETUNREACH\n");
}

#[test]
fn ping_is_answered() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    require!(has("ping"), "ping");
    let host = Host::new();
    host.let_ping();
    for address in [HOST4, HOST6] {
        host.run(&[], &["ping", "-q", "-c1", "-W5", address]).stderr("").check();
    }
}

#[test]
fn ping_fails_where_nobody_answers() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    require!(has("ping"), "ping");
    let host = Host::new();
    host.let_ping();
    host.run(&[], &["ping", "-q", "-c1", "-W1", SILENT4]).code(1).stderr("").check();
    let seen = host.run(&[], &["ping", "-c1", "-W5", UNREACHABLE4]).code(1).read();
    assert!(seen.contains("Destination Host Unreachable"), "{seen}");
}

#[test]
fn a_host_that_lets_nobody_ping_is_told_of() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    require!(has("ping"), "ping");
    let host = Host::new();
    let output = host.run(&[], &["ping", "-q", "-c1", "-W1", HOST4]).code(1).output();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.starts_with("note: ") && told.contains("ping_group_range"), "{told}");
    assert_eq!(output.status.code(), Some(1));
}
