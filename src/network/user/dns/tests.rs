//! The resolver as its caller sees it. What goes in and comes out is written
//! and read by another implementation of DNS than ours.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{CNAME, TXT},
    },
};

use super::*;

/// Rules that forbid names which begin with "bad" and addresses of 10.0.0.0/8,
/// in a network with a member `db`.
pub(super) struct Rules;

impl Names for Rules {
    fn may_resolve(&self, name: &str) -> Result<(), String> {
        if name.starts_with("bad") { Err(format!("no --allow names {name}")) } else { Ok(()) }
    }

    fn may_show(&self, _: &str, address: IpAddr) -> bool {
        !matches!(address, IpAddr::V4(address) if address.octets()[0] == 10)
    }

    fn addresses(&self, name: &str) -> Option<Vec<IpAddr>> {
        (name == "db").then(|| vec![ip("10.5.0.9")])
    }

    fn name(&self, address: IpAddr) -> Option<String> {
        (address == ip("10.5.0.9")).then(|| "db".into())
    }
}

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn server(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number], 53))
}

/// A resolver with servers 1 to `servers`.
pub(super) fn resolver(servers: u8) -> Resolver {
    let table = Table {
        hosts: vec![
            ("Web.Test.".into(), ip("192.0.2.80")),
            ("web.test".into(), ip("2001:db8::80")),
            ("me".into(), ip("10.5.0.2")),
        ],
        host: vec![ip("10.5.0.1"), ip("fd00::1")],
        subnets: vec![(ip("10.5.0.0"), 16), (ip("fd00::"), 64)],
        search: vec!["corp.example".into()],
    };
    let servers = Some((1..=servers).map(server).collect());
    Resolver::new(Settings { servers, table, ..Settings::default() })
}

/// A query with the id 7, as most stub resolvers send it.
pub(super) fn query(asked: &str, kind: RecordType) -> Message {
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name(asked), kind));
    message
}

fn with_edns(mut message: Message, size: u16) -> Message {
    let mut edns = Edns::new();
    edns.set_max_payload(size);
    message.set_edns(edns);
    message
}

pub(super) fn bytes(message: &Message) -> Vec<u8> {
    message.to_vec().unwrap()
}

/// An answer to what was forwarded, with records of `name kind value`.
pub(super) fn reply_to(forward: &Forward, records: &[(&str, RData)]) -> Message {
    let mut message = Message::from_vec(&forward.message).unwrap().into_response();
    message.metadata.recursion_available = true;
    message.edns = None;
    for (owner, data) in records {
        message.add_answer(Record::from_rdata(name(owner), 300, data.clone()));
    }
    message
}

pub(super) fn a(address: &str) -> RData {
    match ip(address) {
        IpAddr::V4(address) => RData::A(address.into()),
        IpAddr::V6(address) => RData::AAAA(address.into()),
    }
}

fn alias(target: &str) -> RData {
    RData::CNAME(CNAME(name(target)))
}

#[track_caller]
pub(super) fn forwarded(step: Step) -> Forward {
    match step {
        Step::Forward(forward) => forward,
        other => panic!("not forwarded: {other:?}"),
    }
}

#[track_caller]
pub(super) fn answered(step: Step) -> (Message, Vec<Learnt>) {
    match step {
        Step::Answer(answer) => (Message::from_vec(&answer.message).unwrap(), answer.learnt),
        other => panic!("not answered: {other:?}"),
    }
}

fn ask(resolver: &mut Resolver, message: &Message, transport: Transport) -> Step {
    resolver.ask(&bytes(message), transport, Instant::now(), &Rules)
}

/// Asks, and takes what a server says to it.
fn exchange(message: &Message, records: &[(&str, RData)]) -> (Message, Vec<Learnt>) {
    let mut resolver = resolver(1);
    let forward = forwarded(ask(&mut resolver, message, Transport::Udp));
    let reply = bytes(&reply_to(&forward, records));
    answered(resolver.reply(forward.token, &reply, Instant::now(), &Rules))
}

fn learnt(learnt: &[Learnt]) -> Vec<String> {
    learnt.iter().map(|it| format!("{} {} {}", it.name, it.address, it.ttl.as_secs())).collect()
}

#[test]
fn what_the_client_says_and_hears_is_passed_on_but_for_the_id() {
    let unknown = RecordType::Unknown(65_280);
    for kind in [RecordType::A, RecordType::AAAA, RecordType::TXT, RecordType::HTTPS, unknown] {
        for transport in [Transport::Udp, Transport::Tcp] {
            let mut resolver = resolver(1);
            let asked = bytes(&with_edns(query("eXample.com.", kind), 1232));
            let step = resolver.ask(&asked, transport, Instant::now(), &Rules);
            let forward = forwarded(step);
            assert_eq!((forward.server, forward.transport), (server(1), transport));
            assert_eq!(forward.message[2..], asked[2..]);

            let text = RData::TXT(TXT::new(vec!["v=1".into()]));
            let mut reply = bytes(&reply_to(&forward, &[("example.com.", text)]));
            let step = resolver.reply(forward.token, &reply, Instant::now(), &Rules);
            reply[..2].copy_from_slice(&7u16.to_be_bytes());
            let expected = Answer { message: reply, learnt: vec![] };
            assert_eq!(step, Step::Answer(expected), "{kind}");
        }
    }
}

#[test]
fn a_record_of_an_unknown_type_comes_through() {
    let mut resolver = resolver(1);
    let step = ask(&mut resolver, &query("example.com.", RecordType::ANY), Transport::Udp);
    let forward = forwarded(step);
    let mut reply = bytes(&reply_to(&forward, &[]));
    reply[7] = 2; // Two records: one of type 65280, one of type A.
    reply.extend(b"\xc0\x0c\xff\x00\x00\x01\x00\x00\x00\x09\x00\x03\xc0\xff\xee");
    reply.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x09\x00\x04\x01\x02\x03\x04");
    let step = resolver.reply(forward.token, &reply, Instant::now(), &Rules);
    let Step::Answer(answer) = step else { panic!("{step:?}") };
    assert_eq!(answer.message[2..], reply[2..]);
    assert_eq!(learnt(&answer.learnt), ["example.com 1.2.3.4 9"]);
}

#[test]
fn the_letters_of_the_question_are_the_clients() {
    let mut resolver = resolver(1);
    let step = ask(&mut resolver, &query("eXamPle.com.", RecordType::A), Transport::Udp);
    let forward = forwarded(step);
    let mut reply = bytes(&reply_to(&forward, &[("example.com.", a("1.2.3.4"))]));
    reply[12..25].make_ascii_lowercase();
    let step = resolver.reply(forward.token, &reply, Instant::now(), &Rules);
    let (answer, found) = answered(step);
    assert_eq!(answer.queries[0].name.to_ascii(), "eXamPle.com.");
    assert_eq!(learnt(&found), ["example.com 1.2.3.4 300"]);
}

#[test]
fn addresses_are_learnt_along_the_aliases_of_the_name() {
    let records = [
        ("b.test.", a("192.0.2.2")),
        ("a.test.", alias("b.test.")),
        ("www.test.", alias("A.test.")),
        ("other.test.", a("192.0.2.66")),
        ("b.test.", a("192.0.2.3")),
    ];
    let (answer, found) = exchange(&query("WWW.test.", RecordType::A), &records);
    assert_eq!(answer.answers.len(), 5);
    assert_eq!(learnt(&found), ["www.test 192.0.2.2 300", "www.test 192.0.2.3 300"]);
}

#[test]
fn an_address_is_kept_no_longer_than_the_aliases_to_it() {
    let mut resolver = resolver(1);
    let step = ask(&mut resolver, &query("www.test.", RecordType::AAAA), Transport::Tcp);
    let forward = forwarded(step);
    let mut reply = reply_to(&forward, &[("www.test.", alias("b.test.")), ("b.test.", a("::9"))]);
    reply.answers[0].ttl = 20;
    let step = resolver.reply(forward.token, &bytes(&reply), Instant::now(), &Rules);
    assert_eq!(learnt(&answered(step).1), ["www.test ::9 20"]);
}

#[test]
fn aliases_in_a_circle_lead_nowhere() {
    let records = [("a.test.", alias("b.test.")), ("b.test.", alias("a.test."))];
    assert_eq!(exchange(&query("a.test.", RecordType::A), &records).1, []);
}

#[test]
fn addresses_outside_of_the_answer_section_are_not_learnt() {
    let mut resolver = resolver(1);
    let forward = forwarded(ask(&mut resolver, &query("a.test.", RecordType::A), Transport::Udp));
    let mut reply = reply_to(&forward, &[]);
    reply.add_additional(Record::from_rdata(name("a.test."), 300, a("192.0.2.66")));
    reply.add_authority(Record::from_rdata(name("a.test."), 300, a("192.0.2.67")));
    let step = resolver.reply(forward.token, &bytes(&reply), Instant::now(), &Rules);
    assert_eq!(answered(step).1, []);
}

#[test]
fn an_answer_that_the_client_cannot_take_is_cut_between_records() {
    let address = |number| ("a.test.", a(&format!("192.0.2.{number}")));
    let records: Vec<_> = (1..=200).map(address).collect();
    // Header and question have 24 bytes, each record 16, OPT 11.
    let cases = [(None, 30), (Some(100), 29), (Some(512), 29), (Some(1232), 74)];
    for (size, kept) in cases {
        let plain = query("a.test.", RecordType::A);
        let asked = size.map_or(plain.clone(), |size| with_edns(plain, size));
        let (answer, found) = exchange(&asked, &records);
        assert!(answer.metadata.truncation);
        assert_eq!(answer.answers.len(), kept, "{size:?}");
        assert!(bytes(&answer).len() <= usize::from(size.unwrap_or(512).max(512)));
        assert_eq!(answer.edns.is_some(), size.is_some());
        assert_eq!(found.len(), 200);
    }
    let (answer, _) = exchange(&with_edns(query("a.test.", RecordType::A), 4096), &records);
    assert_eq!((answer.metadata.truncation, answer.answers.len()), (false, 200));
}

#[test]
fn what_is_cut_is_not_counted() {
    let mut resolver = resolver(1);
    let step = ask(&mut resolver, &query("a.test.", RecordType::TXT), Transport::Udp);
    let forward = forwarded(step);
    let text = RData::TXT(TXT::new(vec!["x".repeat(255); 4]));
    let mut reply = reply_to(&forward, &[("a.test.", text.clone())]);
    reply.add_authority(Record::from_rdata(name("a.test."), 300, text.clone()));
    reply.add_additional(Record::from_rdata(name("a.test."), 300, text));
    let step = resolver.reply(forward.token, &bytes(&reply), Instant::now(), &Rules);
    let Step::Answer(answer) = step else { panic!("{step:?}") };
    assert_eq!(answer.message[4..12], [0, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(answer.message.len(), 24);
}

#[test]
fn over_tcp_nothing_is_cut() {
    let mut resolver = resolver(1);
    let step = ask(&mut resolver, &query("a.test.", RecordType::TXT), Transport::Tcp);
    let forward = forwarded(step);
    let text = || RData::TXT(TXT::new(vec!["x".repeat(255); 4]));
    let records: Vec<_> = (0..50).map(|_| ("a.test.", text())).collect();
    let reply = bytes(&reply_to(&forward, &records));
    assert!(reply.len() > 50_000);
    let (answer, _) = answered(resolver.reply(forward.token, &reply, Instant::now(), &Rules));
    assert_eq!((answer.metadata.truncation, answer.answers.len()), (false, 50));
}

#[test]
fn a_truncated_answer_stays_one() {
    let mut resolver = resolver(1);
    let step = ask(&mut resolver, &query("a.test.", RecordType::A), Transport::Udp);
    let forward = forwarded(step);
    let mut reply = reply_to(&forward, &[("a.test.", a("192.0.2.1")), ("a.test.", a("192.0.2.2"))]);
    reply.metadata.truncation = true;
    let mut reply = bytes(&reply);
    reply.truncate(reply.len() - 3); // Some servers cut anywhere.
    let step = resolver.reply(forward.token, &reply, Instant::now(), &Rules);
    let (answer, found) = answered(step);
    assert!(answer.metadata.truncation);
    assert_eq!((answer.answers.len(), found.len()), (1, 1));
}

#[test]
fn a_forbidden_name_does_not_exist_and_says_why() {
    let mut resolver = resolver(1);
    let asked = with_edns(query("bad.test.", RecordType::A), 1232);
    let (answer, found) = answered(ask(&mut resolver, &asked, Transport::Udp));
    assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!((answer.metadata.id, answer.queries), (7, asked.queries));
    assert_eq!((answer.authorities.len(), found), (0, vec![]));
    let wire = bytes(&answer.edns.map(|edns| with_options(&edns)).unwrap());
    assert!(wire.ends_with(b"\0\x0fno --allow names bad.test"), "{wire:?}");

    let (answer, _) =
        answered(ask(&mut resolver, &query("bad.test.", RecordType::A), Transport::Udp));
    assert_eq!(answer.edns, None);
}

/// A message that holds nothing but some EDNS options.
fn with_options(edns: &Edns) -> Message {
    let mut message = Message::query();
    message.set_edns(edns.clone());
    message
}

#[test]
fn a_dot_within_a_label_is_none_between_labels() {
    let mut resolver = resolver(1);
    let odd = Name::from_labels([b"x.sandbox".as_slice(), b"internal"]).unwrap();
    let mut message = query("example.com.", RecordType::A);
    message.queries[0].name = odd;
    forwarded(ask(&mut resolver, &message, Transport::Udp));
}

#[test]
fn an_answer_with_a_forbidden_address_becomes_an_empty_one() {
    let forbidden = ("a.test.", a("10.1.2.3"));
    let elsewhere = ("x.test.", a("10.1.2.3"));
    for bad in [forbidden, elsewhere] {
        let records = [("a.test.", a("192.0.2.1")), bad];
        let (answer, found) = exchange(&query("a.test.", RecordType::A), &records);
        assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
        assert_eq!((answer.answers.len(), found), (0, vec![]));
    }
}

#[test]
fn names_of_the_sandbox_are_answered_at_once() {
    use RecordType::{A, AAAA, ANY, MX};
    let cases: [(&str, RecordType, &[&str]); 12] = [
        ("web.TEST.", A, &["192.0.2.80"]),
        ("web.test.", AAAA, &["2001:db8::80"]),
        ("web.test.", ANY, &["192.0.2.80", "2001:db8::80"]),
        ("web.test.", MX, &[]),
        ("me.", A, &["10.5.0.2"]),
        ("me.", AAAA, &[]),
        ("host.sandbox.internal.", A, &["10.5.0.1"]),
        ("host.docker.internal.", AAAA, &["fd00::1"]),
        ("host.containers.internal.", A, &["10.5.0.1"]),
        ("db.", A, &["10.5.0.9"]),
        ("db.corp.example.", A, &["10.5.0.9"]),
        ("a.localhost.", ANY, &["127.0.0.1", "::1"]),
    ];
    for (asked, kind, expected) in cases {
        let (answer, found) = answered(ask(&mut resolver(0), &query(asked, kind), Transport::Udp));
        let meta = answer.metadata;
        assert_eq!((meta.response_code, meta.authoritative), (ResponseCode::NoError, true));
        let shown: Vec<String> = answer.answers.iter().map(|it| it.data.to_string()).collect();
        assert_eq!(shown, expected, "{asked} {kind}");
        assert!(answer.answers.iter().all(|it| it.ttl <= 5 && it.name == name(asked)));
        let found: Vec<String> = found.iter().map(|it| it.address.to_string()).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn a_name_found_by_the_search_list_is_learnt_as_itself() {
    let step = ask(&mut resolver(0), &query("db.corp.example.", RecordType::A), Transport::Udp);
    assert_eq!(learnt(&answered(step).1), ["db 10.5.0.9 5"]);
}

#[test]
fn what_is_not_quite_a_local_name_is_asked_of_servers() {
    let names = [
        "web.test.example.",
        "xweb.test.",
        "a.db.corp.example.",
        "web.test.corp.example.",
        "dbcorp.example.",
        "notlocalhost.",
        "corp.example.",
        "xsandbox.internal.",
    ];
    for asked in names {
        forwarded(ask(&mut resolver(1), &query(asked, RecordType::A), Transport::Udp));
    }
}

#[test]
fn unknown_names_of_the_sandbox_do_not_exist() {
    for asked in ["nobody.sandbox.internal.", "sandbox.internal."] {
        let step = ask(&mut resolver(1), &query(asked, RecordType::A), Transport::Udp);
        assert_eq!(answered(step).0.metadata.response_code, ResponseCode::NXDomain);
    }
}

#[test]
fn addresses_of_the_sandbox_have_names() {
    let reverse = |address: &str| {
        let asked = Name::from(ip(address)).to_ascii();
        ask(&mut resolver(1), &query(&asked, RecordType::PTR), Transport::Udp)
    };
    let cases = [
        ("10.5.0.1", "host.sandbox.internal."),
        ("fd00::1", "host.sandbox.internal."),
        ("10.5.0.2", "me."),
        ("10.5.0.9", "db."),
        ("2001:db8::80", "web.test."),
        ("127.0.0.1", "localhost."),
    ];
    for (address, expected) in cases {
        let (answer, _) = answered(reverse(address));
        assert_eq!(answer.answers[0].data.to_string(), expected, "{address}");
    }
    for unknown in ["10.5.77.1", "fd00::77"] {
        let code = answered(reverse(unknown)).0.metadata.response_code;
        assert_eq!(code, ResponseCode::NXDomain, "{unknown}");
    }
    for foreign in ["10.6.0.1", "8.8.8.8", "fd00:0:0:1::1"] {
        forwarded(reverse(foreign));
    }
    forwarded(ask(&mut resolver(1), &query("5.10.in-addr.arpa.", RecordType::PTR), Transport::Udp));
}

#[test]
fn without_a_server_the_answer_is_quick() {
    let asked = with_edns(query("example.com.", RecordType::A), 1232);
    let (answer, _) = answered(ask(&mut resolver(0), &asked, Transport::Udp));
    assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
    assert_eq!(answer.queries, asked.queries);
}

#[test]
fn a_server_that_refuses_is_not_waited_for() {
    let now = Instant::now();
    let mut resolver = resolver(2);
    let first = forwarded(ask(&mut resolver, &query("a.test.", RecordType::A), Transport::Udp));
    let second = forwarded(resolver.failed(first.token, now));
    assert_eq!((first.server, second.server), (server(1), server(2)));
    assert_eq!(first.token.query(), second.token.query());
    let (answer, _) = answered(resolver.failed(second.token, now));
    assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
    assert_eq!(resolver.next_timeout(), None);
}

/// The seconds since `start` at which `query` is sent to which servers, and
/// those after which it fails.
fn attempts(transport: Transport, servers: u8) -> (Vec<(u64, SocketAddr)>, u64) {
    let start = Instant::now();
    let mut resolver = resolver(servers);
    let asked = bytes(&query("a.test.", RecordType::A));
    let first = forwarded(resolver.ask(&asked, transport, start, &Rules));
    let mut sent = vec![(0, first.server)];
    loop {
        let now = resolver.next_timeout().unwrap();
        let seconds = (now - start).as_secs();
        for (query, step) in resolver.timeouts(now) {
            assert_eq!(query, first.token.query());
            match step {
                Step::Forward(forward) => sent.push((seconds, forward.server)),
                Step::Wait => {}
                Step::Answer(answer) => {
                    assert_eq!(answer.message[3] & 15, 2);
                    return (sent, seconds);
                }
            }
        }
    }
}

#[test]
fn silent_servers_are_asked_in_turn_until_the_time_is_up() {
    let [one, two, three] = [1, 2, 3].map(server);
    let udp = |servers| attempts(Transport::Udp, servers);
    assert_eq!(udp(1), (vec![(0, one), (2, one), (4, one)], 5));
    assert_eq!(udp(2), (vec![(0, one), (2, two), (4, one)], 5));
    assert_eq!(udp(4), (vec![(0, one), (2, two), (4, three)], 5));
    assert_eq!(attempts(Transport::Tcp, 1), (vec![(0, one)], 5));
    assert_eq!(attempts(Transport::Tcp, 2), (vec![(0, one), (2, two)], 5));
}

#[test]
fn a_slow_server_may_still_answer_when_the_next_is_asked() {
    let now = Instant::now() + Duration::from_secs(3);
    let mut resolver = resolver(2);
    let first = forwarded(ask(&mut resolver, &query("a.test.", RecordType::A), Transport::Udp));
    let mut late = resolver.timeouts(now);
    let second = forwarded(late.remove(0).1);
    let reply = bytes(&reply_to(&first, &[("a.test.", a("192.0.2.1"))]));
    assert_eq!(resolver.reply(second.token, &reply, now, &Rules), Step::Wait, "another's id");
    answered(resolver.reply(first.token, &reply, now, &Rules));
    assert_eq!(resolver.reply(second.token, &reply, now, &Rules), Step::Wait, "it is over");
}

#[test]
fn the_failure_of_one_server_does_not_hurry_another() {
    let now = Instant::now() + Duration::from_secs(3);
    let mut resolver = resolver(3);
    let first = forwarded(ask(&mut resolver, &query("a.test.", RecordType::A), Transport::Tcp));
    let second = forwarded(resolver.timeouts(now).remove(0).1);
    assert_eq!(resolver.failed(first.token, now), Step::Wait);
    assert_eq!(forwarded(resolver.failed(second.token, now)).server, server(3));
}

#[test]
fn a_server_that_failed_is_asked_last_for_a_while() {
    let start = Instant::now();
    let mut resolver = resolver(3);
    let asked = bytes(&query("a.test.", RecordType::A));
    let first = forwarded(resolver.ask(&asked, Transport::Udp, start, &Rules));
    resolver.failed(first.token, start);
    let mut first_at = |seconds| {
        let now = start + Duration::from_secs(seconds);
        forwarded(resolver.ask(&asked, Transport::Udp, now, &Rules)).server
    };
    assert_eq!([first_at(0), first_at(29), first_at(30)], [server(2), server(2), server(1)]);
}

#[test]
fn a_server_that_answers_again_is_asked_first_again() {
    let now = Instant::now();
    let mut resolver = resolver(2);
    let asked = query("a.test.", RecordType::A);
    let slow = forwarded(ask(&mut resolver, &asked, Transport::Udp));
    resolver.timeouts(now + Duration::from_secs(3));
    assert_eq!(forwarded(ask(&mut resolver, &asked, Transport::Udp)).server, server(2));
    let reply = bytes(&reply_to(&slow, &[]));
    answered(resolver.reply(slow.token, &reply, now, &Rules));
    assert_eq!(forwarded(ask(&mut resolver, &asked, Transport::Udp)).server, server(1));
}

#[test]
fn a_server_without_an_answer_leaves_it_to_the_next() {
    for code in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::NotImp] {
        let now = Instant::now();
        let mut resolver = resolver(2);
        let first = forwarded(ask(&mut resolver, &query("a.test.", RecordType::A), Transport::Udp));
        let mut reply = reply_to(&first, &[]);
        reply.metadata.response_code = code;
        let second = forwarded(resolver.reply(first.token, &bytes(&reply), now, &Rules));
        assert_eq!(second.server, server(2));
        assert_eq!(resolver.reply(first.token, &bytes(&reply), now, &Rules), Step::Wait);

        reply.metadata.id = Message::from_vec(&second.message).unwrap().metadata.id;
        let (answer, _) = answered(resolver.reply(second.token, &bytes(&reply), now, &Rules));
        assert_eq!(answer.metadata.response_code, code, "nobody is left");
    }
}

#[test]
fn that_a_name_does_not_exist_is_an_answer() {
    let mut resolver = resolver(2);
    let forward = forwarded(ask(&mut resolver, &query("a.test.", RecordType::A), Transport::Udp));
    let mut reply = reply_to(&forward, &[]);
    reply.metadata.response_code = ResponseCode::NXDomain;
    let step = resolver.reply(forward.token, &bytes(&reply), Instant::now(), &Rules);
    assert_eq!(answered(step).0.metadata.response_code, ResponseCode::NXDomain);
}

#[test]
fn an_error_need_not_repeat_the_question() {
    let mut resolver = resolver(1);
    let asked = query("a.test.", RecordType::A);
    let forward = forwarded(ask(&mut resolver, &asked, Transport::Udp));
    let mut reply = reply_to(&forward, &[]);
    reply.queries.clear();
    let step = resolver.reply(forward.token, &bytes(&reply), Instant::now(), &Rules);
    assert_eq!(step, Step::Wait, "no error, no question: no answer");
    reply.metadata.response_code = ResponseCode::FormErr;
    let step = resolver.reply(forward.token, &bytes(&reply), Instant::now(), &Rules);
    let (answer, _) = answered(step);
    assert_eq!(answer.metadata.response_code, ResponseCode::FormErr);
    assert_eq!((answer.metadata.id, answer.queries), (7, asked.queries));
}

#[test]
fn a_host_that_wants_tcp_gets_it() {
    let path = std::env::temp_dir().join(format!("sandbox-dns-tcp-{}", std::process::id()));
    std::fs::write(&path, "nameserver 192.0.2.1\noptions use-vc\n").unwrap();
    let settings = Settings { resolv_conf: path.clone(), ..Settings::default() };
    let mut resolver = Resolver::new(settings);
    let ask = |resolver: &mut Resolver| {
        forwarded(ask(resolver, &query("a.test.", RecordType::A), Transport::Udp))
    };
    let forward = ask(&mut resolver);
    assert_eq!((forward.server, forward.transport), (server(1), Transport::Tcp));

    std::fs::write(&path, "nameserver 192.0.2.22\n").unwrap();
    let forward = ask(&mut resolver);
    assert_eq!((forward.server, forward.transport), (server(22), Transport::Udp));
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn ids_are_not_the_clients() {
    let mut resolver = resolver(1);
    let mut ids: Vec<[u8; 2]> = (0..100)
        .map(|_| ask(&mut resolver, &query("a.test.", RecordType::A), Transport::Udp))
        .map(|step| forwarded(step).message[..2].try_into().unwrap())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() > 90, "{} of 100", ids.len());
}

#[test]
fn a_forgotten_query_frees_its_place() {
    let mut resolver = resolver(1);
    let asked = query("a.test.", RecordType::A);
    let first = forwarded(ask(&mut resolver, &asked, Transport::Udp));
    for _ in 1..512 {
        forwarded(ask(&mut resolver, &asked, Transport::Udp));
    }
    let (answer, _) = answered(ask(&mut resolver, &asked, Transport::Udp));
    assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
    resolver.forget(first.token.query());
    forwarded(ask(&mut resolver, &asked, Transport::Udp));
}
