//! The attacks that a policy must withstand, and what it must let through.

use std::time::Duration;

use super::*;
use crate::network::user::addresses::Routes;

const MINUTE: Duration = Duration::from_secs(60);

/// A policy with what our name server has given out so far.
struct Case {
    policy: Policy,
    names: Names,
    now: Instant,
}

impl Case {
    /// `options` as on a command line: `--allow X --deny Y --host-loopback Z`.
    fn new(options: &str) -> Self {
        let mut rules = Rules::default();
        let words: Vec<&str> = options.split_whitespace().collect();
        for pair in words.chunks(2) {
            match pair[0] {
                "--allow" => rules.allow.push(pair[1].parse().unwrap()),
                "--deny" => rules.deny.push(pair[1].parse().unwrap()),
                "--host-loopback" => rules.host_loopback.push(pair[1].parse().unwrap()),
                other => panic!("{other}"),
            }
        }
        let policy = Policy::new(rules, Addresses::choose(&Routes::default()));
        Self { policy, names: Names::default(), now: Instant::now() }
    }

    fn knowing(mut self, name: &str, address: &str) -> Self {
        self.names.learn(name, address.parse().unwrap(), MINUTE, self.now);
        self
    }

    fn later(mut self, time: Duration) -> Self {
        self.now += time;
        self
    }

    fn dial(&self, protocol: Protocol, destination: &str) -> Result<SocketAddr, Denial> {
        self.policy.dial(protocol, destination.parse().unwrap(), &self.names, self.now)
    }

    fn ping(&self, address: &str) -> Result<IpAddr, Denial> {
        let to = SocketAddr::new(address.parse().unwrap(), 0);
        let there = self.policy.dial(Protocol::Icmp, to, &self.names, self.now)?;
        Ok(there.ip())
    }

    /// TCP and UDP alike pass, to the same address.
    #[track_caller]
    fn passes(&self, destination: &str) -> &Self {
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let dialled = self.dial(protocol, destination).map_err(|denial| denial.to_string());
            assert_eq!(dialled, Ok(destination.parse().unwrap()), "{destination}");
        }
        self
    }

    /// TCP and UDP alike are denied, with this reason.
    #[track_caller]
    fn denies(&self, destination: &str, reason: &str) -> &Self {
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            match self.dial(protocol, destination) {
                Ok(to) => panic!("{destination} leads to {to}"),
                Err(denial) => assert_eq!(denial.reason.to_string(), reason, "{destination}"),
            }
        }
        self
    }

    fn reason_of_ping(&self, address: &str) -> String {
        self.ping(address).unwrap_err().reason.to_string()
    }

    fn hint(&self, destination: &str) -> Option<String> {
        self.dial(Protocol::Tcp, destination).unwrap_err().hint()
    }
}

const NOT_ALLOWED: &str = "not in --allow";
const OWN: &str = "nobody is there in the sandbox's own network";
const LOOPBACK: &str = "a loopback address";
const NO_HOST: &str = "an address of no host";
const DISGUISED: &str = "an address of IPv4 in the form of IPv6";
const LINK_LOCAL: &str = "a link-local address, where clouds keep credentials";
const METADATA: &str = "an address where a cloud keeps credentials";
const REBINDING: &str = "a private address, which a name alone does not allow";

#[test]
fn the_outside_world_is_open_by_default() {
    let case = Case::new("");
    case.passes("93.184.216.34:443").passes("[2606:2800:220:1::1]:443");
    case.passes("192.168.1.10:80").passes("10.1.2.3:22").passes("[fd12::1]:22");
    case.passes("8.8.8.8:53").passes("[64:ff9b::5db8:d822]:443").passes("[2002:5db8:d822::1]:80");
    assert_eq!(case.ping("8.8.8.8"), Ok("8.8.8.8".parse().unwrap()));
    assert_eq!(case.policy.resolve("example.com"), Ok(()));
}

/// What must stay shut whatever the rules say.
#[test]
fn the_host_is_not_reached_by_odd_addresses() {
    for options in ["", "--allow 0.0.0.0/0 --allow ::/0", "--allow ::/0 --host-loopback 1-65535"] {
        let case = Case::new(options);
        case.denies("127.0.0.1:22", LOOPBACK).denies("127.255.255.254:22", LOOPBACK);
        case.denies("0.0.0.0:22", NO_HOST).denies("0.1.2.3:22", NO_HOST);
        case.denies("[::]:22", NO_HOST).denies("[::1]:22", LOOPBACK);
        case.denies("[::ffff:127.0.0.1]:22", DISGUISED).denies("[::127.0.0.1]:22", DISGUISED);
        case.denies("[::ffff:0:127.0.0.1]:22", DISGUISED);
        case.denies("[::ffff:93.184.216.34]:443", DISGUISED);
        case.denies("[64:ff9b::127.0.0.1]:22", LOOPBACK);
        case.denies("[64:ff9b:1::127.0.0.1]:22", LOOPBACK);
        case.denies("[64:ff9b::169.254.169.254]:80", LINK_LOCAL);
        case.denies("[64:ff9b::10.209.0.254]:80", OWN);
        case.denies("[2002:7f00:1::1]:22", LOOPBACK).denies("[2002:a9fe:a9fe::1]:80", LINK_LOCAL);
        case.denies("[2001:0:4136:e378:8000:63bf:80ff:fffe]:22", LOOPBACK);
        case.denies("169.254.169.254:80", LINK_LOCAL).denies("169.254.170.2:80", LINK_LOCAL);
        case.denies("[fd00:ec2::254]:80", METADATA).denies("100.100.100.200:80", METADATA);
        case.denies("[fe80::1]:80", LINK_LOCAL).denies("[fe80::1%2]:80", LINK_LOCAL);
        case.denies("224.0.0.251:5353", "a multicast address, which is not carried");
        case.denies("[ff02::fb]:5353", "a multicast address, which is not carried");
        case.denies("255.255.255.255:67", "a broadcast address, which is not carried");
        case.denies("240.0.0.1:80", "a reserved address");
        assert_eq!(case.reason_of_ping("127.0.0.1"), LOOPBACK);
        assert_eq!(case.reason_of_ping("169.254.169.254"), LINK_LOCAL);
    }
}

#[test]
fn the_sandboxes_own_network_ends_at_the_gateway() {
    for options in ["", "--allow 10.209.0.0/24 --allow 0.0.0.0/0 --allow ::/0"] {
        let case = Case::new(options);
        case.denies("10.209.0.1:22", OWN).denies("10.209.0.1:53", OWN).denies("10.209.0.2:80", OWN);
        case.denies("10.209.0.0:80", OWN).denies("10.209.0.255:80", OWN);
        case.denies("[fd73:616e:6462:6f78::1]:53", OWN).denies("[fd73:616e:6462:6f78::9]:1", OWN);
        case.passes("10.209.1.1:80");
    }
}

#[test]
fn a_port_of_the_host_is_reached_if_it_was_opened() {
    let case = Case::new("--host-loopback 5432 --host-loopback 8000-8001 --allow example.com");
    let dial = |protocol, to| case.dial(protocol, to).unwrap().to_string();
    assert_eq!(dial(Protocol::Tcp, "10.209.0.254:5432"), "127.0.0.1:5432");
    assert_eq!(dial(Protocol::Udp, "10.209.0.254:8001"), "127.0.0.1:8001");
    assert_eq!(dial(Protocol::Tcp, "[fd73:616e:6462:6f78::fe]:5432"), "[::1]:5432");
    case.denies("10.209.0.254:5433", "not in --host-loopback");
    case.denies("127.0.0.1:5432", LOOPBACK);
    let shut = Case::new("--allow host.sandbox.internal --allow 10.209.0.254");
    shut.denies("10.209.0.254:22", "not in --host-loopback");
}

#[test]
fn a_port_of_the_host_can_be_denied() {
    let forbidden = |rule: &str| format!("`--deny {rule}` forbids it");
    for rule in ["host.sandbox.internal", "10.209.0.254:80", "10.0.0.0/8"] {
        let case = Case::new(&format!("--host-loopback 80 --deny {rule}"));
        case.denies("10.209.0.254:80", &forbidden(rule));
    }
}

#[test]
fn with_an_allowed_name_nothing_else_passes() {
    let case = Case::new("--allow example.test:443")
        .knowing("example.test", "93.184.216.34")
        .knowing("example.test", "2606:2800:220:1::1")
        .knowing("other.test", "93.184.216.35");
    case.passes("93.184.216.34:443").passes("[2606:2800:220:1::1]:443");
    case.denies("93.184.216.34:80", NOT_ALLOWED).denies("93.184.216.35:443", NOT_ALLOWED);
    case.denies("8.8.8.8:53", NOT_ALLOWED).denies("1.1.1.1:443", NOT_ALLOWED);
    case.denies("[64:ff9b::93.184.216.34]:443", NOT_ALLOWED);
    case.denies("[::ffff:93.184.216.34]:443", DISGUISED);
    assert_eq!(case.reason_of_ping("93.184.216.34"), NOT_ALLOWED);
    assert_eq!(case.reason_of_ping("8.8.8.8"), NOT_ALLOWED);
}

#[test]
fn an_address_that_was_not_asked_for_by_name_is_not_allowed_by_name() {
    let case = Case::new("--allow example.test");
    case.denies("93.184.216.34:443", NOT_ALLOWED);
    case.knowing("Example.TEST.", "93.184.216.34").passes("93.184.216.34:443");
}

#[test]
fn ping_is_allowed_by_rules_without_a_port() {
    let here = Ok("192.0.2.1".parse().unwrap());
    assert_eq!(Case::new("--allow 192.0.2.1").ping("192.0.2.1"), here);
    assert_eq!(Case::new("--allow a.test").knowing("a.test", "192.0.2.1").ping("192.0.2.1"), here);
    assert_eq!(Case::new("--allow 192.0.2.1:80").reason_of_ping("192.0.2.1"), NOT_ALLOWED);
    assert_eq!(Case::new("--deny 192.0.2.1:80").ping("192.0.2.1"), here);
    assert!(Case::new("--deny 192.0.2.1").ping("192.0.2.1").is_err());
}

#[test]
fn a_name_does_not_allow_a_private_address() {
    let private = [
        "10.0.0.5",
        "172.16.0.5",
        "192.168.1.5",
        "100.64.0.5",
        "fd12::5",
        "fec0::5",
        "64:ff9b::a00:5",
    ];
    for address in private {
        let case = Case::new("--allow *.evil.test").knowing("a.evil.test", address);
        let destination = SocketAddr::new(address.parse().unwrap(), 80).to_string();
        case.denies(&destination, REBINDING);
        let hint = case.hint(&destination).unwrap();
        Case::new(&hint).knowing("a.evil.test", address).passes(&destination);
    }
    let case = Case::new("--allow evil.test")
        .knowing("evil.test", "127.0.0.1")
        .knowing("evil.test", "169.254.169.254")
        .knowing("evil.test", "10.209.0.254");
    case.denies("127.0.0.1:80", LOOPBACK).denies("169.254.169.254:80", LINK_LOCAL);
    case.denies("10.209.0.254:80", "not in --host-loopback");
    let both = Case::new("--allow db.corp --allow 10.0.0.0/8:5432").knowing("db.corp", "10.0.0.5");
    both.passes("10.0.0.5:5432").denies("10.0.0.5:80", REBINDING);
}

#[test]
fn a_name_counts_for_as_long_as_its_answer() {
    let case = Case::new("--allow a.test").knowing("a.test", "192.0.2.1").later(2 * MINUTE);
    case.passes("192.0.2.1:80");
    let case = case.later(MINUTE);
    case.denies("192.0.2.1:80", "the answer of the name server has expired");
    assert_eq!(case.hint("192.0.2.1:80"), None);
}

#[test]
fn denying_beats_allowing() {
    let case =
        Case::new("--allow *.a.test --allow 192.0.2.0/24 --deny x.a.test --deny 192.0.2.9:80")
            .knowing("x.a.test", "198.51.100.1")
            .knowing("y.a.test", "198.51.100.2");
    case.passes("198.51.100.2:80").denies("198.51.100.1:80", "`--deny x.a.test` forbids it");
    case.denies("192.0.2.9:80", "`--deny 192.0.2.9:80` forbids it").passes("192.0.2.9:81");
    assert_eq!(case.hint("192.0.2.9:80"), None);
}

#[test]
fn a_denied_name_takes_its_addresses_along() {
    let forbidden = "`--deny a.test:80` forbids it";
    let case = Case::new("--deny a.test:80").knowing("a.test", "192.0.2.1");
    case.denies("192.0.2.1:80", forbidden).passes("192.0.2.1:443").passes("192.0.2.2:80");
    case.denies("[64:ff9b::192.0.2.1]:80", forbidden);
    case.later(1000 * MINUTE).denies("192.0.2.1:80", forbidden);
    // Two names, one address: the other one does not help.
    let case = Case::new("--deny a.test").knowing("a.test", "192.0.2.1");
    case.knowing("b.test", "192.0.2.1").denies("192.0.2.1:80", "`--deny a.test` forbids it");
}

#[test]
fn denied_addresses_are_denied_in_disguise() {
    let case = Case::new("--deny 192.0.2.0/24 --deny 2001:db8::/32");
    case.denies("192.0.2.1:80", "`--deny 192.0.2.0/24` forbids it");
    case.denies("[64:ff9b::192.0.2.1]:80", "`--deny 192.0.2.0/24` forbids it");
    case.denies("[2002:c000:201::1]:80", "`--deny 192.0.2.0/24` forbids it");
    case.denies("[2001:db8::1]:80", "`--deny 2001:db8::/32` forbids it");
    case.passes("192.0.3.1:80").passes("[2001:db9::1]:80");
}

#[test]
fn metadata_takes_a_rule_of_its_own() {
    let rule = "--allow 169.254.169.254:80 --allow 0.0.0.0/0 --allow fd00:ec2::254";
    let case = Case::new(rule);
    case.passes("169.254.169.254:80").denies("169.254.169.254:81", LINK_LOCAL);
    case.denies("169.254.170.2:80", LINK_LOCAL).passes("[fd00:ec2::254]:80");
    Case::new("--allow 169.254.0.0/16").passes("169.254.170.2:80");
    Case::new("--allow fe80::1").denies("[fe80::1]:80", LINK_LOCAL);
    Case::new("--allow 127.0.0.1").denies("127.0.0.1:80", LOOPBACK);
    Case::new("--allow 100.64.0.0/10").denies("100.100.100.200:80", METADATA);
    let denied = Case::new("--allow 169.254.169.254 --deny 169.254.0.0/16");
    denied.denies("169.254.169.254:80", "`--deny 169.254.0.0/16` forbids it");
}

#[test]
fn names_are_resolved_if_a_rule_is_about_them() {
    let asks = |options: &str, name: &str| Case::new(options).policy.resolve(name).is_ok();
    let cases = [
        ("", "anything.test", true),
        ("--allow a.test:443", "a.test", true),
        ("--allow a.test:443", "A.Test.", true),
        ("--allow a.test:443", "b.test", false),
        ("--allow a.test:443", "x.a.test", false),
        ("--allow a.test:443", "xa.test", false),
        ("--allow a.test:443", "", false),
        ("--allow *.a.test", "x.y.a.test", true),
        ("--allow *.a.test", "a.test", false),
        ("--allow *.a.test", "a.test.evil.test", false),
        ("--allow *.a.test", "secret data.a.test", false),
        ("--allow 10.0.0.0/8", "a.test", false),
        ("--allow 0.0.0.0/0:443", "a.test", true),
        ("--allow ::/0", "a.test", true),
        ("--allow ::/0 --deny a.test", "a.test", false),
        ("--deny a.test", "a.test", false),
        ("--deny a.test", "A.TEST.", false),
        ("--deny a.test:80", "a.test", true),
        ("--deny a.test", "x.a.test", true),
        ("--deny *.a.test", "x.a.test", false),
        ("--allow a.test --deny a.test", "a.test", false),
        ("--allow a.test --deny *.internal", "host.sandbox.internal", true),
        ("--allow a.test", "Host.Sandbox.Internal.", true),
    ];
    for (options, name, expected) in cases {
        assert_eq!(asks(options, name), expected, "{options:?} {name:?}");
    }
}

#[test]
fn a_denial_says_what_would_let_it_pass() {
    let case = Case::new("--allow x.test").knowing("a.test", "192.0.2.1");
    let case = case.knowing("b.corp", "10.0.0.5").knowing("odd name", "192.0.2.2");
    let cases = [
        ("192.0.2.1:443", "tcp to a.test (192.0.2.1) port 443", "--allow a.test:443"),
        ("192.0.2.9:443", "tcp to 192.0.2.9 port 443", "--allow 192.0.2.9:443"),
        ("[2001:db8::1]:80", "tcp to 2001:db8::1 port 80", "--allow [2001:db8::1]:80"),
        ("10.0.0.5:80", "tcp to b.corp (10.0.0.5) port 80", "--allow 10.0.0.5:80"),
        ("192.0.2.2:80", "tcp to odd name (192.0.2.2) port 80", "--allow 192.0.2.2:80"),
        ("169.254.169.254:80", "tcp to 169.254.169.254 port 80", "--allow 169.254.169.254:80"),
        (
            "10.209.0.254:5432",
            "tcp to host.sandbox.internal (10.209.0.254) port 5432",
            "--host-loopback 5432",
        ),
    ];
    for (destination, subject, hint) in cases {
        let denial = case.dial(Protocol::Tcp, destination).unwrap_err();
        assert_eq!(denial.subject.to_string(), subject);
        assert_eq!(denial.hint().unwrap(), hint);
        // And it would indeed.
        let open = Case::new(hint).knowing("a.test", "192.0.2.1");
        assert!(open.dial(Protocol::Tcp, destination).is_ok(), "{hint}");
    }
    let ping = case.ping("192.0.2.1").unwrap_err();
    assert_eq!(ping.to_string(), "ping to a.test (192.0.2.1): not in --allow");
    assert_eq!(ping.hint().unwrap(), "--allow a.test");
    let name = case.policy.resolve("B.test").unwrap_err();
    assert_eq!(name.to_string(), "the name b.test: not in --allow");
    assert_eq!(name.hint().unwrap(), "--allow b.test");
    assert_eq!(case.hint("127.0.0.1:80"), None);
}

#[test]
fn a_name_of_the_programs_choice_cannot_command_the_terminal() {
    let case = Case::new("--allow x.test").knowing("\u{1b}[2Jx", "192.0.2.1");
    let denials = [
        case.policy.resolve("\u{1b}[2Jx").unwrap_err(),
        case.dial(Protocol::Tcp, "192.0.2.1:80").unwrap_err(),
    ];
    for denial in denials {
        let text = format!("{denial} {:?}", denial.hint());
        assert!(!text.contains(char::is_control), "{text}");
    }
}
