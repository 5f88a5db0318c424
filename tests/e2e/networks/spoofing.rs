//! Nobody speaks in the name of another.

use super::Networks;
use crate::{
    require,
    support::{Host, eventually},
};

const FORGE: &str = include_str!("forge.py");
const WATCH: &str = include_str!("watch.py");

/// In whose name frames are sent: the address of a link, and those of IPv4 and IPv6.
const SOMEBODY: [&str; 3] = ["02:42:0a:d2:00:4d", "10.210.0.77", "fd73:616e:6e65::77"];

/// What a member may say of itself, by the names in `forge.py`.
const OWN: &[&str] = &[
    "arp-request",
    "arp-request-by-us",
    "arp-request-mac",
    "arp-request-ip",
    "arp-reply",
    "arp-reply-by-us",
    "arp-reply-mac",
    "arp-reply-ip",
    "ip",
    "ip-source",
    "ip-mac",
    "ip6",
    "ip6-source",
    "ip6-mac",
    "nd",
    "nd-source",
    "nd-target",
    "nd-behind",
    "vlan",
    "end",
];

/// Sends all kinds of frames in the name of [`SOMEBODY`], and returns those which
/// the member `victim` got.
fn seen(all: &Networks, options: &[&str]) -> Vec<String> {
    all.start_host(&["--network", "n:ip=10.210.0.2"], "victim", &["python3", "-c", WATCH]);
    let forge = [&["python3", "-c", FORGE], &SOMEBODY[..]].concat();
    all.run_host(&[&["--network"], options].concat(), &forge).stdout("sent\n").check();
    // The last frame is an honest one: what comes before it has come by then.
    let words = || {
        let logs = all.call(&["logs", "victim"]);
        let words = logs.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        words.last().is_some_and(|last| last == "end").then_some(words)
    };
    let words = eventually(words).expect("the honest frame");
    let neighbours = all.call(&["exec", "victim", "sh", "-c", "ip neigh; ip -6 route"]);
    let routers = neighbours.lines().filter(|line| line.contains("router")).count();
    assert_eq!(routers, 0, "{neighbours}");
    all.call(&["rm", "-f", "victim"]);
    words
}

#[test]
fn nobody_speaks_in_the_name_of_another() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let all = Networks::new(&[&["n"]]);
    assert_eq!(seen(&all, &["n:ip=10.210.0.9"]), ["end"]);
    // With all of root's capabilities, too.
    assert_eq!(seen(&all, &["n:ip=10.210.0.9", "--cap-add=ALL"]), ["end"]);
    // The same frames are let through if they are true, so the others were stopped.
    let [mac, v4, v6] = SOMEBODY;
    assert_eq!(seen(&all, &[&format!("n:ip={v4},ip6={v6},mac={mac}")]), OWN);
}

#[test]
fn an_address_that_a_member_gives_itself_is_of_no_use() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let all = Networks::new(&[&["n"]]);
    // An address that it gives itself, beside its own.
    let script = "set -e
        ip addr add 10.210.0.77/24 dev eth0
        ip addr add fd73:616e:6e65::77/64 dev eth0 nodad
        for own in -I10.210.0.77 -I10.210.0.9; do
            ping -4 $own -c1 -W20 victim >/dev/null 2>&1 && echo heard || echo not heard
        done
        for own in -Ifd73:616e:6e65::77 -Ifd73:616e:6e65::9; do
            ping -6 $own -c1 -W20 victim >/dev/null 2>&1 && echo heard || echo not heard
        done";
    all.start(&["--network", "n"], "victim", "sleep 1000");
    let forger = ["--network", "n:ip=10.210.0.9,ip6=fd73:616e:6e65::9", "--cap-add=NET_ADMIN"];
    all.run_host(&forger, &["sh", "-c", script])
        .stdout("not heard\nheard\nnot heard\nheard\n")
        .check();
    let neighbours = all.call(&["exec", "victim", "sh", "-c", "ip neigh"]);
    assert!(!neighbours.contains("::77") && !neighbours.contains("0.77"), "{neighbours}");
}
