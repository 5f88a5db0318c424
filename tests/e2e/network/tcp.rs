//! Connections: a program inside sees what it would see on the host.

use super::RESETS;
use crate::{
    require,
    support::{HOST4, HOST6, Host, SILENT4, SILENT6, UNREACHABLE4, UNREACHABLE6},
};

/// A step for each version of IP.
fn both(step: &str, v4: &str, v6: &str, rest: &str) -> [String; 2] {
    [v4, v6].map(|address| format!("{step} {address} {rest}"))
}

/// The host's own addresses, and a step of the client for each.
fn at_host(step: &str, rest: &str) -> [String; 2] {
    both(step, HOST4, HOST6, rest)
}

/// Checks that the steps come to the same inside as on the host, and to this.
#[track_caller]
fn assert_same(host: &Host, steps: &[String], expected: &str) {
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    assert_eq!(host.same_inside(&steps), expected);
}

#[test]
fn a_server_that_speaks_first_is_heard() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    let expected = format!("hello {HOST4}\nhello {HOST6}\n");
    assert_same(&host, &at_host("greeting", ""), &expected);
}

#[test]
fn the_errors_are_those_of_the_host() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    let steps = [
        at_host("connect", "7009"),
        at_host("connect", "7001"),
        both("connect", UNREACHABLE4, UNREACHABLE6, "7001"),
        both("connect", SILENT4, SILENT6, "7001 1"),
    ];
    let expected = "ECONNREFUSED\nECONNREFUSED\nconnected\nconnected\n\
                    EHOSTUNREACH\nEHOSTUNREACH\ntimeout\ntimeout\n";
    assert_same(&host, &steps.concat(), expected);
}

#[test]
fn a_host_without_a_route_says_so() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    host.sh("ip route del default; ip -6 route del default");
    let steps = [both("connect", SILENT4, SILENT6, "80"), at_host("connect", "7001")];
    assert_same(&host, &steps.concat(), "ENETUNREACH\nENETUNREACH\nconnected\nconnected\n");
}

#[test]
fn the_errors_reach_a_program_that_does_not_block() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    let steps = [at_host("nonblocking", "7001"), both("pending", SILENT4, SILENT6, "7001")];
    let expected = "EINPROGRESS then ok\nEINPROGRESS then ok\n\
                    EINPROGRESS then no event\nEINPROGRESS then no event\n";
    assert_same(&host, &steps.concat(), expected);
}

/// The host's own loopback refuses within `connect`; so no comparison.
#[test]
fn a_refusal_is_an_event_for_epoll() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    let closed = at_host("nonblocking", "7009");
    let unreachable = both("nonblocking", UNREACHABLE4, UNREACHABLE6, "7001");
    let steps = [&closed[0], &closed[1], &unreachable[0], &unreachable[1]].map(String::as_str);
    let expected = "EINPROGRESS then ECONNREFUSED\nEINPROGRESS then ECONNREFUSED\n\
                    EINPROGRESS then EHOSTUNREACH\nEINPROGRESS then EHOSTUNREACH\n";
    host.inside(&[], &steps).stdout(expected).stderr("").check();
}

#[test]
fn either_side_can_end_or_reset_by_itself() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    let steps =
        [at_host("half_close", ""), at_host("reset_by_server", ""), at_host("reset_by_client", "")];
    let expected = "half\nhalf\nECONNRESET\nECONNRESET\nECONNRESET\nECONNRESET\n";
    assert_same(&host, &steps.concat(), expected);
}

#[test]
fn twenty_megabytes_arrive_whole_both_ways() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    let steps = [at_host("upload", "20000000"), at_host("download", "20000000")];
    assert_same(&host, &steps.concat(), "same\nsame\nsame\nsame\n");
}

#[test]
fn a_slow_reader_loses_nothing() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    assert_same(&host, &at_host("download", "20000000 0.5"), "same\nsame\n");
}

#[test]
fn three_hundred_connections_stay_open_side_by_side() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    assert_same(&host, &at_host("many", "300"), "300 answers\n300 answers\n");
}

#[test]
fn who_gives_up_while_nobody_answers_harms_nobody() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    let steps = [both("abort", SILENT4, SILENT6, "80 100"), at_host("half_close", "")];
    assert_same(&host, &steps.concat(), "aborted\naborted\nhalf\nhalf\n");
}

#[test]
fn without_holding_a_connection_is_made_before_it_is_known() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    let network = ["--network", "user:hold=no"];
    let [echo4, echo6] = at_host("half_close", "");
    let [up, down] = [format!("upload {HOST4} 2000000"), format!("download {HOST6} 2000000")];
    host.inside(&network, &[&echo4, &echo6, &up, &down]).stdout("half\nhalf\nsame\nsame\n").check();
    for step in at_host("hold_less", "7009") {
        let seen = host.inside(&network, &[&step]).read();
        assert!(RESETS.contains(&seen.as_str()), "{step}: {seen}");
    }
}
