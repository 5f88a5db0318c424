//! Networks that come and go while a sandbox runs, and what is shown of them.

use super::{Networks, ping};
use crate::{require, support::user_namespaces};

/// What `inspect` has under the name of a network.
fn of_network(all: &Networks, sandbox: &str, network: &str) -> serde_json::Value {
    let shown = all.call(&["inspect", "--format", "{{json .NetworkSettings.Networks}}", sandbox]);
    serde_json::from_str::<serde_json::Value>(&shown).unwrap()[network].take()
}

#[test]
fn a_network_takes_the_device_of_one_that_was_left() {
    require!(user_namespaces(), "user namespaces");
    let names = ["a", "b", "c", "d"];
    let all = Networks::new(&names.map(|name| [name]).each_ref().map(|name| &name[..]));
    all.start(&["--network", "a"], "here", "sleep 1000");
    for network in ["b", "c"] {
        all.call(&["network", "connect", network, "here"]);
    }
    all.call(&["network", "disconnect", "-f", "b", "here"]);
    all.call(&["network", "connect", "--alias", "also", "d", "here"]);
    for (network, device) in [("a", "eth0"), ("c", "eth2"), ("d", "eth1")] {
        assert_eq!(of_network(&all, "here", network)["Interface"], device);
        all.run(&["--network", network], &ping("here")).stdout("reached\n").check();
    }
    all.run(&["--network", "d"], &ping("also")).stdout("reached\n").check();
    assert!(of_network(&all, "here", "b").is_null());
    all.call(&["network", "disconnect", "a", "here"]);
    all.call(&["network", "connect", "a", "here"]);
    all.run(&["--network", "a"], &ping("here")).stdout("reached\n").check();
}

#[test]
fn inspect_shows_every_network_of_a_sandbox() {
    require!(user_namespaces(), "user namespaces");
    let all = Networks::new(&[
        &["--subnet=10.81.0.0/24", "--subnet=fd81::/64", "front"],
        &["--subnet=10.82.0.0/16", "--ipv6=false", "--internal", "back"],
    ]);
    let front = "front:ip=10.81.0.7,ip6=fd81::7,mac=02:00:00:00:00:07,alias=www";
    all.start(&["--network", front, "--network", "back"], "web", "sleep 1000");
    let shown = of_network(&all, "web", "front");
    for (key, value) in [
        ("IPAddress", "10.81.0.7"),
        ("Gateway", "10.81.0.1"),
        ("GlobalIPv6Address", "fd81::7"),
        ("IPv6Gateway", "fd81::1"),
        ("MacAddress", "02:00:00:00:00:07"),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    assert_eq!(shown["IPPrefixLen"], 24);
    assert_eq!(shown["Aliases"], serde_json::json!(["www"]));
    assert_eq!(shown["IPAMConfig"]["IPv4Address"], "10.81.0.7");
    let id = all.call(&["network", "inspect", "--format", "{{.Id}}", "front"]);
    assert_eq!(shown["NetworkID"], id.trim());
    let shown = of_network(&all, "web", "back");
    assert_eq!(shown["IPAddress"], "10.82.0.2");
    assert_eq!(shown["IPPrefixLen"], 16);
    assert_eq!((&shown["GlobalIPv6Address"], &shown["Gateway"]), (&"".into(), &"".into()));
    let mode = "{{.HostConfig.NetworkMode}} {{.NetworkSettings.IPAddress}}";
    assert_eq!(all.call(&["inspect", "--format", mode, "web"]), "front 10.81.0.7\n");
    all.call(&["stop", "-t", "0", "web"]);
    let shown = of_network(&all, "web", "front");
    assert_eq!((&shown["IPAddress"], &shown["NetworkID"]), (&"".into(), &id.trim().into()));
}

#[test]
fn one_that_runs_without_a_named_network_is_connected_at_its_next_start() {
    require!(user_namespaces(), "user namespaces");
    let all = Networks::new(&[&["n"]]);
    all.start(&[], "alone", "sleep 1000");
    let connect =
        ["network", "connect", "--ip=10.210.0.9", "--ip6=fd73:616e:6e65::9", "n", "alone"];
    all.sandbox(&connect).fails(125, &["alone has no named network so far"]).check();
    all.call(&["stop", "-t", "0", "alone"]);
    all.call(&connect);
    all.call(&["start", "alone"]);
    for target in ["alone", "10.210.0.9", "fd73:616e:6e65::9"] {
        all.run(&["--network", "n"], &ping(target)).stdout("reached\n").check();
    }
}
