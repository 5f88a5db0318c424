//! Writes the answers that we give ourselves, and shortens those of others.

use std::{net::IpAddr, time::Duration};

use hickory_proto::{op::ResponseCode, rr::RecordType};

use super::{
    Transport,
    message::{Edns, HEADER, Query, Reply},
};

/// How long a client may keep what we say of names of the sandbox.
///
/// Short: members of a network come and go.
pub(super) const TTL: Duration = Duration::from_secs(5);

/// What we take over UDP, told to clients that ask with EDNS, in bytes.
const DATAGRAM: u16 = 4096;

/// More of a reason than this is cut off, in bytes.
const LONGEST_REASON: usize = 200;

/// `QR`: this is a response (RFC 1035, 4.1.1, first byte of the flags).
const RESPONSE: u8 = 0x80;
/// `AA`: from one who has the say over the name.
const AUTHORITATIVE: u8 = 0x04;
/// `TC`: not all; ask again over TCP.
const TRUNCATED: u8 = 0x02;
/// `RD`: asked to ask others, repeated in the response.
const RECURSION_DESIRED: u8 = 0x01;
/// `RA`: we do ask others (second byte of the flags).
const RECURSION_AVAILABLE: u8 = 0x80;
/// `CD`: the client checks signatures itself, repeated (RFC 4035, 3.2.2).
const CHECKING_DISABLED: u8 = 0x10;

/// A record of the name which was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Data {
    Address(IpAddr),
    /// The name of an address; labels of more than 63 bytes make no record.
    Name(String),
}

/// Why there is no better answer, in words for who asks (RFC 8914).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason<'a> {
    None,
    /// A rule of this sandbox.
    Blocked(&'a str),
    NoServer,
}

/// An answer that holds records of ours, as many as the client takes.
pub(super) fn records(query: &Query, transport: Transport, data: &[Data]) -> Vec<u8> {
    let mut message = start(query, ResponseCode::NoError);
    message[2] |= AUTHORITATIVE;
    let mut ends = Vec::new();
    for wire in data.iter().filter_map(record) {
        message.extend(wire);
        ends.push(message.len());
    }
    set_count(&mut message, 6, ends.len());
    let message = with_edns(message, query, Reason::None);
    fit(message, query, transport, ends.into_iter())
}

/// An answer without records.
pub(super) fn empty(query: &Query, code: ResponseCode, reason: Reason<'_>) -> Vec<u8> {
    with_edns(start(query, code), query, reason)
}

/// An answer to what is no proper query: a header alone.
///
/// `message` has a header.
pub(super) fn bare(message: &[u8], code: ResponseCode) -> Vec<u8> {
    let mut header = vec![0; HEADER];
    header[..3].copy_from_slice(&message[..3]);
    header[2] = (header[2] & !(AUTHORITATIVE | TRUNCATED)) | RESPONSE;
    header[3] = RECURSION_AVAILABLE | code.low();
    header
}

/// The answer of a server, as it goes to the client.
pub(super) fn relayed(query: &Query, transport: Transport, reply: &Reply, bytes: &[u8]) -> Vec<u8> {
    let mut message = bytes.to_vec();
    message[..2].copy_from_slice(&query.header.id.to_be_bytes());
    // In the client's own letters, by whose case it may know its answers.
    message[HEADER..HEADER + query.question.wire.len()].copy_from_slice(&query.question.wire);
    if reply.whole {
        fit(message, query, transport, reply.ends())
    } else {
        cut(&message, query, reply.ends())
    }
}

/// Shortens an answer for a client that takes no more over UDP.
///
/// It keeps as many whole records as fit: resolvers which know no TCP live on
/// them (musl before 1.2.4). A name can only point to what is before it, so
/// records at the front stay readable.
fn fit(
    message: Vec<u8>,
    query: &Query,
    transport: Transport,
    ends: impl Iterator<Item = usize>,
) -> Vec<u8> {
    let most = query.datagram();
    if transport == Transport::Tcp || message.len() <= most {
        return message;
    }
    let room = most - edns(query, Reason::None).len();
    cut(&message, query, ends.take_while(|end| *end <= room))
}

/// The message up to the last of the `ends` of records, marked as truncated.
fn cut(message: &[u8], query: &Query, ends: impl Iterator<Item = usize>) -> Vec<u8> {
    let ends: Vec<usize> = ends.collect();
    let end = ends.last().copied().unwrap_or(HEADER + query.question.wire.len());
    let mut cut = message[..end].to_vec();
    cut[2] |= TRUNCATED;
    set_count(&mut cut, 6, ends.len());
    set_count(&mut cut, 8, 0);
    set_count(&mut cut, 10, 0);
    with_edns(cut, query, Reason::None)
}

/// Header and question.
fn start(query: &Query, code: ResponseCode) -> Vec<u8> {
    let header = &query.header;
    let mut message = header.id.to_be_bytes().to_vec();
    message.push(RESPONSE | if header.recursion_desired { RECURSION_DESIRED } else { 0 });
    let checking = if header.checking_disabled { CHECKING_DISABLED } else { 0 };
    message.push(RECURSION_AVAILABLE | checking | code.low());
    message.extend([0, 1, 0, 0, 0, 0, 0, 0]);
    message.extend(&query.question.wire);
    message
}

/// Writes one of the counts of a header: that of the section at `offset`.
fn set_count(message: &mut [u8], offset: usize, count: usize) {
    let count = u16::try_from(count).unwrap_or(u16::MAX);
    message[offset..offset + 2].copy_from_slice(&count.to_be_bytes());
}

/// A record of the name in the question.
fn record(data: &Data) -> Option<Vec<u8>> {
    let (kind, data) = match data {
        Data::Address(IpAddr::V4(address)) => (RecordType::A, address.octets().to_vec()),
        Data::Address(IpAddr::V6(address)) => (RecordType::AAAA, address.octets().to_vec()),
        Data::Name(name) => (RecordType::PTR, encode(name)?),
    };
    let mut record = vec![0xc0, HEADER as u8]; // A pointer to the question's name.
    record.extend(u16::from(kind).to_be_bytes());
    record.extend([0, 1]); // Class IN.
    record.extend((TTL.as_secs() as u32).to_be_bytes());
    record.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
    record.extend(data);
    Some(record)
}

fn encode(name: &str) -> Option<Vec<u8>> {
    let mut wire = Vec::new();
    for label in name.split('.') {
        let fits = (1..=63).contains(&label.len());
        wire.push(u8::try_from(label.len()).ok().filter(|_| fits)?);
        wire.extend(label.as_bytes());
    }
    wire.push(0);
    (wire.len() <= 255).then_some(wire)
}

/// Adds our OPT record if the client sent one (RFC 6891, 7).
fn with_edns(mut message: Vec<u8>, query: &Query, reason: Reason<'_>) -> Vec<u8> {
    let record = edns(query, reason);
    set_count(&mut message, 10, usize::from(!record.is_empty()));
    message.extend(record);
    message
}

fn edns(query: &Query, reason: Reason<'_>) -> Vec<u8> {
    let Some(Edns { dnssec_ok, .. }) = query.edns else { return Vec::new() };
    let option = explained(reason);
    let mut record = vec![0]; // The root.
    record.extend(u16::from(RecordType::OPT).to_be_bytes());
    record.extend(DATAGRAM.to_be_bytes());
    record.extend([0, 0, if dnssec_ok { 0x80 } else { 0 }, 0]);
    record.extend((option.len() as u16).to_be_bytes());
    record.extend(option);
    record
}

/// The option "Extended DNS Error" (RFC 8914, 2), which `dig` shows.
fn explained(reason: Reason<'_>) -> Vec<u8> {
    let (code, text): (u16, &str) = match reason {
        Reason::None => return Vec::new(),
        Reason::Blocked(why) => (15, why),
        Reason::NoServer => (22, "no resolver of the host answers"),
    };
    let text = &text[..text.floor_char_boundary(LONGEST_REASON)];
    let mut option = vec![0, 15]; // The option's number, not to be taken for "Blocked".
    option.extend((text.len() as u16 + 2).to_be_bytes());
    option.extend(code.to_be_bytes());
    option.extend(text.as_bytes());
    option
}

/// An answer for who asked what no server told us.
pub(super) fn failed(query: &Query) -> Vec<u8> {
    empty(query, ResponseCode::ServFail, Reason::NoServer)
}
