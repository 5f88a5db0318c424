//! Ports of the host that lead inside.

use std::io::{BufRead, BufReader};

use super::RESETS;
use crate::{
    only_for, require,
    support::{HOST4, HOST6, Host, Image, Running, is_root, text},
};

/// A server inside, and the lines of the notes with which it began.
fn serve(host: &Host, options: &[&str]) -> (Running, Vec<String>) {
    let mut running = host.server_inside(options).spawn();
    running.wait_for("ready");
    let stderr = BufReader::new(running.stderr());
    let chosen = options.iter().filter(|option| option.contains(":0:")).count();
    (running, stderr.lines().take(chosen).map(Result::unwrap).collect())
}

#[test]
fn a_chosen_port_is_printed() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::new();
    let (_server, notes) = serve(&host, &["-p", "127.0.0.1:0:7002"]);
    let note = notes[0].strip_prefix("note: 127.0.0.1:").unwrap();
    let port = note.strip_suffix(" -> 7002/tcp").unwrap();
    assert_ne!(port.parse::<u16>().unwrap(), 0);
    assert_eq!(host.client(&[&format!("greeting 127.0.0.1 {port}")]), "hello 127.0.0.1\n");
}

#[test]
fn the_server_sees_who_comes() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::new();
    host.sh("ip addr add 198.51.100.7/24 dev d0");
    let ports = ["-p", "8002:7002", "-p", "8002:7002/udp"];
    let (_server, _) = serve(&host, &ports);
    let addresses = ["127.0.0.1", "::1", HOST4, HOST6];
    for address in addresses {
        let steps = [format!("greeting {address} 8002"), format!("udp_greeting {address} 8002")];
        let seen = host.client(&steps.each_ref().map(String::as_str));
        assert_eq!(seen, format!("hello {address}\n{address}\n"));
    }
    let steps = [
        format!("udp_greeting {HOST4} 8002 198.51.100.7"),
        "udp_greeting 127.0.0.1 8002 127.0.0.9".into(),
    ];
    let seen = host.client(&steps.each_ref().map(String::as_str));
    assert_eq!(seen, "198.51.100.7\n127.0.0.9\n");
}

#[test]
fn one_address_alone_can_be_published() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::new();
    let (_server, _) =
        serve(&host, &["-p", "[::1]:8002:7002", "-p", &format!("{HOST4}:8003:7002")]);
    let steps = [
        "greeting ::1 8002".into(),
        "connect 127.0.0.1 8002".into(),
        format!("greeting {HOST4} 8003"),
        "connect 127.0.0.1 8003".into(),
    ];
    let seen = host.client(&steps.each_ref().map(String::as_str));
    assert_eq!(seen, format!("hello ::1\nECONNREFUSED\nhello {HOST4}\nECONNREFUSED\n"));
}

#[test]
fn a_range_is_published_port_by_port() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::new();
    let (_server, _) = serve(&host, &["-p", "8001-8003:7001-7003"]);
    let steps = ["half_close ::1 8001", "greeting 127.0.0.1 8002", "connect 127.0.0.1 8003"];
    assert_eq!(host.client(&steps), "half\nhello 127.0.0.1\nconnected\n");
}

#[test]
fn what_comes_in_is_whole_and_ends_as_it_should() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::new();
    let (_server, _) = serve(&host, &["-p", "7001-7007:7001-7007", "-p", "7001:7001/udp"]);
    let steps = [
        "upload 127.0.0.1 5000000",
        "download ::1 5000000",
        "half_close ::1",
        "reset_by_server 127.0.0.1",
        "reset_by_client 127.0.0.1",
        "many 127.0.0.1 100",
        "udp 127.0.0.1 7001 60000",
        "udp ::1 7001 1400",
    ];
    let expected = "same\nsame\nhalf\nECONNRESET\nECONNRESET\n100 answers\nsame\nsame\n";
    assert_eq!(host.client(&steps), expected);
}

#[test]
fn a_port_at_which_nobody_listens_inside_ends_the_connection() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::new();
    let (_server, _) = serve(&host, &["-p", "8009:7009"]);
    let seen = host.client(&["hold_less 127.0.0.1 8009"]);
    assert!(RESETS.contains(&seen.as_str()), "{seen}");
}

#[test]
fn the_ports_that_an_image_exposes_are_published_on_request() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::new();
    let image =
        Image::busybox().config("ExposedPorts", serde_json::json!({"80/tcp": {}, "53/udp": {}}));
    let name = host.pull(&image, "network/exposed");
    let expose = ["run", "-P", "--expose", "8080", "--expose=80", &name, "true"];
    let output = host.sandbox(&expose).output();
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(told.lines().count(), 3, "{told}");
    for port in [" -> 80/tcp\n", " -> 53/udp\n", " -> 8080/tcp\n"] {
        assert!(told.starts_with("note: 0.0.0.0:") && told.contains(port), "{told}");
    }
}

#[test]
fn a_taken_port_is_an_error_before_anything_starts() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::serving();
    host.run(&["-p", &format!("{HOST4}:7001:80")], &["echo", "started"])
        .code(125)
        .stdout("")
        .stderr(&format!(
            "error[E031]: cannot publish {HOST4}:7001/tcp: the port is in use\n\
             hint: choose another, or 0 for one that is free\n"
        ))
        .check();
}

#[test]
fn an_address_that_is_not_the_hosts_is_an_error() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let host = Host::new();
    host.run(&["-p", "192.0.2.9:8080:80"], &["echo", "started"])
        .code(125)
        .stdout("")
        .stderr(
            "error[E031]: cannot publish 192.0.2.9:8080/tcp: this machine does not have the address\n",
        )
        .check();
}

#[test]
fn a_port_for_the_privileged_is_an_error_that_says_what_to_do() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    only_for!(!is_root());
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    only_for!(first.trim() == "1024");
    // Not on the host of the test, whose root we are.
    crate::support::Test::sandbox(&["run", "-p", "127.0.0.1:1000:80", "host", "echo", "started"])
        .code(125)
        .stdout("")
        .stderr(
            "error[E031]: cannot publish 127.0.0.1:1000/tcp: the port is for privileged programs\n\
             hint: ports from 1024 on are for everybody; \
             as root: sysctl net.ipv4.ip_unprivileged_port_start=1000\n",
        )
        .check();
}
