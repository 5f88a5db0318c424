//! Messages that nobody should send: from the sandbox, and from servers.

use std::time::Instant;

use hickory_proto::{
    op::{Edns, Message, OpCode, ResponseCode},
    rr::{RData, Record, RecordType},
};
use proptest::prelude::*;

use super::{
    tests::{Rules, a, answered, bytes, forwarded, ip, query, reply_to, resolver},
    *,
};

fn ask(message: &[u8]) -> Step {
    resolver(1).ask(message, Transport::Udp, Instant::now(), &Rules)
}

fn code(message: &[u8]) -> ResponseCode {
    let (answer, _) = answered(ask(message));
    assert_eq!(answer.metadata.id, 7);
    answer.metadata.response_code
}

#[test]
fn what_is_no_query_is_not_answered() {
    let mut response = bytes(&query("a.test.", RecordType::A));
    response[2] |= 0x80;
    let mut long = response.clone();
    long.resize(LONGEST_QUERY + 1, 0);
    for message in [vec![], vec![0; 11], response, long] {
        assert_eq!(ask(&message), Step::Wait);
    }
}

#[test]
fn a_malformed_query_is_said_to_be_one() {
    let good = bytes(&query("a.test.", RecordType::A));
    let change = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut message = good.clone();
        change(&mut message);
        message
    };
    let cases = [
        change(&|message| message.truncate(12)),
        change(&|message| message.truncate(message.len() - 1)),
        change(&|message| message.push(0)),
        change(&|message| message[5] = 0),
        change(&|message| message[5] = 2),
        change(&|message| message[11] = 1),
        change(&|message| message[12] = 0x80),
        change(&|message| message[12] = 63),
        change(&|message| message.resize(LONGEST_QUERY + 1, 0)),
    ];
    for message in cases {
        assert_eq!(code(&message), ResponseCode::FormErr, "{message:?}");
    }
}

#[test]
fn a_question_may_not_point_into_the_header() {
    // The id is a label of one letter, and would be another with our id.
    let message = b"\x01a\x00\x00\0\x01\0\0\0\0\0\0\xc0\0\0\x01\0\x01";
    let (answer, _) = answered(ask(message));
    assert_eq!(answer.metadata.response_code, ResponseCode::FormErr);
}

#[test]
fn two_opt_records_are_an_error() {
    let mut message = query("a.test.", RecordType::A);
    let opt = Record::from(&Edns::new());
    message.add_additional(opt.clone());
    forwarded(ask(&bytes(&message)));
    message.add_additional(opt);
    assert_eq!(code(&bytes(&message)), ResponseCode::FormErr);
}

#[test]
fn other_requests_than_queries_are_not_implemented() {
    for op_code in [OpCode::Update, OpCode::Notify, OpCode::Status] {
        let mut message = query("a.test.", RecordType::A);
        message.metadata.op_code = op_code;
        let (answer, _) = answered(ask(&bytes(&message)));
        assert_eq!(answer.metadata.response_code, ResponseCode::NotImp);
        assert_eq!(answer.metadata.op_code, op_code);
    }
}

#[test]
fn zones_are_not_transferred() {
    for kind in [RecordType::AXFR, RecordType::IXFR] {
        assert_eq!(code(&bytes(&query("a.test.", kind))), ResponseCode::Refused);
    }
}

/// Answers a query for `a.test`, after a change to the good answer.
fn reply(change: impl Fn(&mut Vec<u8>)) -> Step {
    let mut resolver = resolver(1);
    let asked = bytes(&query("a.test.", RecordType::A));
    let forward = forwarded(resolver.ask(&asked, Transport::Udp, Instant::now(), &Rules));
    let mut message = bytes(&reply_to(&forward, &[("a.test.", a("192.0.2.1"))]));
    change(&mut message);
    resolver.reply(forward.token, &message, Instant::now(), &Rules)
}

#[test]
fn a_reply_to_another_question_is_passed_over() {
    answered(reply(|_| {}));
    let cases: [fn(&mut Vec<u8>); 9] = [
        |message| message[0] ^= 1,
        |message| message[1] ^= 1,
        |message| message[2] &= 0x7f,
        |message| message[2] |= 0x28,
        |message| message[5] = 0,
        |message| message[5] = 2,
        |message| message[13] = b'b',
        |message| message[21] = 28,
        |message| message.truncate(11),
    ];
    for (number, change) in cases.into_iter().enumerate() {
        assert_eq!(reply(change), Step::Wait, "case {number}");
    }
    assert_eq!(reply(|message| message.resize(65_536, 0)), Step::Wait);
}

#[test]
fn a_reply_whose_records_cannot_be_read_is_a_failure() {
    let cases: [fn(&mut Vec<u8>); 5] = [
        |message| message.truncate(message.len() - 1),
        |message| message[7] = 2,
        |message| message[6] = 255,
        |message| message[35] = 3,
        |message| message[25] = 24, // A name that points at itself.
    ];
    for (number, change) in cases.into_iter().enumerate() {
        let (answer, learnt) = answered(reply(change));
        assert_eq!(answer.metadata.response_code, ResponseCode::ServFail, "case {number}");
        assert_eq!(learnt, []);
    }
}

#[test]
fn an_alias_is_as_long_as_its_record_says() {
    let alias = |length| {
        reply(|message| {
            message.truncate(24);
            message.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, length, 0xc0, 12, 0, 0]);
        })
    };
    assert_eq!(answered(alias(2)).0.metadata.response_code, ResponseCode::NoError);
    for wrong in [1, 3] {
        assert_eq!(answered(alias(wrong)).0.metadata.response_code, ResponseCode::ServFail);
    }
}

#[test]
fn a_time_to_live_that_looks_negative_is_none() {
    let step = reply(|message| message[30] = 0xff);
    let Step::Answer(answer) = step else { panic!("{step:?}") };
    assert_eq!(answer.learnt[0].ttl.as_secs(), 0);
}

#[test]
fn a_reply_to_nothing_is_passed_over() {
    let mut ours = resolver(1);
    let asked = bytes(&query("a.test.", RecordType::A));
    let forward = forwarded(ours.ask(&asked, Transport::Udp, Instant::now(), &Rules));
    let other = &mut resolver(1);
    assert_eq!(other.reply(forward.token, &asked, Instant::now(), &Rules), Step::Wait);
    assert_eq!(other.failed(forward.token, Instant::now()), Step::Wait);
}

#[test]
fn a_table_of_many_addresses_fits_what_the_client_takes() {
    let hosts = (0..=255).map(|number| ("many".into(), ip(&format!("192.0.2.{number}"))));
    let table = Table { hosts: hosts.collect(), ..Table::default() };
    let mut resolver = Resolver::new(Settings { table, ..Settings::default() });
    let asked = bytes(&query("many.", RecordType::A));
    let step = resolver.ask(&asked, Transport::Udp, Instant::now(), &Rules);
    let (answer, _) = answered(step);
    assert!(answer.metadata.truncation && bytes(&answer).len() <= 512);
    let step = resolver.ask(&asked, Transport::Tcp, Instant::now(), &Rules);
    assert_eq!(answered(step).0.answers.len(), 256);
}

/// Messages that are nearly right, which reach further than noise.
fn nearly(good: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let length = good.len();
    let changes = prop::collection::vec((0..length, any::<u8>()), 0..8);
    let tail = prop::collection::vec(any::<u8>(), 0..64);
    (changes, 0..=length, tail).prop_map(move |(changes, keep, tail)| {
        let mut message = good.clone();
        changes.into_iter().for_each(|(at, byte)| message[at] = byte);
        message.truncate(keep.max(length / 2));
        message.extend(tail);
        message
    })
}

fn good_query() -> Vec<u8> {
    let mut message = query("www.example.com.", RecordType::A);
    message.set_edns(Edns::new());
    bytes(&message)
}

fn any_query() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![prop::collection::vec(any::<u8>(), 0..600), nearly(good_query())]
}

fn check_query(message: &[u8]) -> Result<(), TestCaseError> {
    for transport in [Transport::Udp, Transport::Tcp] {
        match resolver(1).ask(message, transport, Instant::now(), &Rules) {
            Step::Answer(answer) => {
                prop_assert_eq!(&answer.message[..2], &message[..2]);
                prop_assert!(Message::from_vec(&answer.message).is_ok());
            }
            Step::Forward(forward) => prop_assert_eq!(&forward.message[2..], &message[2..]),
            Step::Wait => {}
        }
    }
    Ok(())
}

/// Gives bytes to a resolver as a reply which has the right id.
fn check_reply(message: &[u8]) -> Result<(), TestCaseError> {
    let mut resolver = resolver(1);
    let step = resolver.ask(&good_query(), Transport::Udp, Instant::now(), &Rules);
    let forward = forwarded(step);
    let mut message = message.to_vec();
    if message.len() >= 2 {
        message[..2].copy_from_slice(&forward.message[..2]);
    }
    let step = resolver.reply(forward.token, &message, Instant::now(), &Rules);
    let Step::Answer(answer) = step else { return Ok(()) };
    prop_assert_eq!(&answer.message[..2], &good_query()[..2]);
    prop_assert!(answer.message.len() <= usize::from(Edns::new().max_payload()));
    Ok(())
}

fn good_reply() -> Vec<u8> {
    let mut resolver = resolver(1);
    let step = resolver.ask(&good_query(), Transport::Udp, Instant::now(), &Rules);
    let forward = forwarded(step);
    let alias = RData::CNAME(hickory_proto::rr::rdata::CNAME("cdn.example.".parse().unwrap()));
    let records = [("www.example.com.", alias), ("cdn.example.", a("192.0.2.1"))];
    bytes(&reply_to(&forward, &records))
}

proptest! {
    #[test]
    fn any_query_is_survived(message in any_query()) {
        check_query(&message)?;
    }

    #[test]
    fn any_reply_is_survived(message in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..600),
        nearly(good_reply()),
    ]) {
        check_reply(&message)?;
    }

    #[test]
    fn any_stream_is_cut_into_messages(bytes in prop::collection::vec(any::<u8>(), 0..2000), step in 1..50usize) {
        let mut framing = Framing::new(600);
        for chunk in bytes.chunks(step) {
            let Ok(messages) = framing.push(chunk) else { break };
            prop_assert!(messages.iter().all(|message| message.len() <= 600));
        }
    }
}
