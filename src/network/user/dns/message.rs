//! Reads the messages of RFC 1035, no more of them than a relay must know.
//!
//! Messages are forwarded as bytes, so a record of a type that nobody here has
//! heard of passes. Only the question, the size of the client's buffer, and in
//! answers the addresses and aliases are understood.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use hickory_proto::{
    op::{Header, MessageType, OpCode, ResponseCode},
    rr::{DNSClass, Name, RecordType},
    serialize::binary::{BinDecodable, BinDecoder, DecodeError},
};

/// The length of a header, and where the question begins (RFC 1035, 4.1.1).
pub(super) const HEADER: usize = 12;

/// A query that is longer is malformed, in bytes.
///
/// Real ones have no 300; each in flight is kept for the next server.
pub(crate) const LONGEST_QUERY: usize = 4096;

/// More records than this in an answer are not looked through.
///
/// Each may have a name that takes thousands of jumps to read, and the thread
/// that reads them carries the traffic of the sandbox as well.
const MOST_RECORDS: u16 = 1024;

/// More aliases than this from a name to an address are not followed.
const MOST_ALIASES: usize = 16;

/// A query as a client sent it.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) header: Header,
    pub(super) question: Question,
    pub(super) edns: Option<Edns>,
}

/// What a query asks.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// As in the message: an uncompressed name, type and class.
    pub(super) wire: Vec<u8>,
    pub(super) name: Name,
    /// The name as [`text`] writes it.
    pub(super) text: String,
    pub(super) kind: RecordType,
    pub(super) class: DNSClass,
}

/// What the OPT record of a query says of its sender (RFC 6891, 6.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edns {
    /// The largest answer that it takes over UDP, in bytes.
    pub(super) size: u16,
    pub(super) dnssec_ok: bool,
}

/// Why a query is not answered like others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Too short for a header, or no query.
    NoQuery,
    Malformed,
    /// A kind of request that is no query for a name, such as an update.
    Unknown,
}

impl Query {
    pub(super) fn parse(message: &[u8]) -> Result<Self, Unfit> {
        let mut decoder = BinDecoder::new(message);
        let header = Header::read(&mut decoder).map_err(|_| Unfit::NoQuery)?;
        if header.message_type != MessageType::Query {
            return Err(Unfit::NoQuery);
        }
        if header.op_code != OpCode::Query {
            return Err(Unfit::Unknown);
        }
        if header.counts.queries != 1 || message.len() > LONGEST_QUERY {
            return Err(Unfit::Malformed);
        }
        let body = Question::read(&mut decoder).and_then(|question| {
            let edns = read_edns(&mut decoder, &header)?;
            Ok((question, edns))
        });
        match body {
            Ok((question, edns)) if decoder.is_empty() => Ok(Self { header, question, edns }),
            _ => Err(Unfit::Malformed),
        }
    }

    /// The largest answer that this client takes over UDP, in bytes.
    pub(super) fn datagram(&self) -> usize {
        // RFC 6891, 6.2.3: less than 512 means 512. No IPv4 datagram holds more than 65,507.
        self.edns.map_or(512, |edns| usize::from(edns.size).clamp(512, 65_507))
    }
}

impl Question {
    fn read(decoder: &mut BinDecoder<'_>) -> Result<Self, DecodeError> {
        let start = decoder.index();
        let name = Name::read(decoder)?;
        let length: usize = name.iter().map(|label| label.len() + 1).sum::<usize>() + 1;
        // Compressed, it would point into the header, whose id we replace: the
        // server would be asked for another name than the policy was.
        if decoder.index() - start != length {
            return Err(DecodeError::InsufficientBytes);
        }
        let kind = RecordType::from(read_u16(decoder)?);
        let class = DNSClass::from(read_u16(decoder)?);
        let wire = decoder.slice_from(start)?.to_vec();
        Ok(Self { wire, text: text(&name), name, kind, class })
    }

    /// Whether a message asks this, whatever the case of the letters.
    fn is_in(&self, message: &[u8]) -> bool {
        let Some(found) = message.get(HEADER..HEADER + self.wire.len()) else { return false };
        // A length is below 64 and so never taken for a letter.
        let name = self.wire.len() - 4;
        found[..name].eq_ignore_ascii_case(&self.wire[..name]) && found[name..] == self.wire[name..]
    }
}

/// Reads the records behind the question of a query; they hold at most one OPT.
fn read_edns(decoder: &mut BinDecoder<'_>, header: &Header) -> Result<Option<Edns>, DecodeError> {
    let counts = [header.counts.answers, header.counts.authorities, header.counts.additionals];
    let mut edns = None;
    for _ in 0..counts.map(u32::from).iter().sum() {
        let record = Record::read(decoder)?;
        if record.kind == RecordType::OPT {
            let flags = record.ttl; // RFC 6891, 6.1.3
            let found = Edns { size: record.class.into(), dnssec_ok: flags & 0x8000 != 0 };
            if edns.replace(found).is_some() {
                return Err(DecodeError::InsufficientBytes);
            }
        }
    }
    Ok(edns)
}

/// What a server answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) code: ResponseCode,
    pub(super) truncated: bool,
    /// Whether the message repeats the question; errors need not.
    pub(super) has_question: bool,
    /// Whether all the records of the answer section could be read.
    pub(super) whole: bool,
    /// Those that could.
    records: Vec<Record>,
}

impl Reply {
    /// None if this is no answer to the question.
    pub(super) fn parse(message: &[u8], id: u16, question: &Question) -> Option<Self> {
        let header = Header::read(&mut BinDecoder::new(message)).ok()?;
        let answers = header.message_type == MessageType::Response
            && header.op_code == OpCode::Query
            && header.id == id;
        let has_question = header.counts.queries == 1 && question.is_in(message);
        let bare = header.counts.queries == 0 && header.response_code != ResponseCode::NoError;
        if !answers || !(has_question || bare) || message.len() > usize::from(u16::MAX) {
            return None;
        }
        let mut reply = Self {
            code: header.response_code,
            truncated: header.truncation,
            has_question,
            whole: true,
            records: Vec::new(),
        };
        if has_question {
            reply.read_records(message, question, header.counts.answers);
        }
        Some(reply)
    }

    fn read_records(&mut self, message: &[u8], question: &Question, count: u16) {
        let mut decoder = BinDecoder::new(message);
        let start = HEADER + question.wire.len();
        self.whole = count <= MOST_RECORDS && decoder.read_slice(start).is_ok();
        for _ in 0..count.min(MOST_RECORDS) {
            match Record::read(&mut decoder) {
                Ok(record) => self.records.push(record),
                Err(_) => return self.whole = false,
            }
        }
    }

    /// Where each record of the answer section ends, in bytes from the start.
    pub(super) fn ends(&self) -> impl Iterator<Item = usize> {
        self.records.iter().map(|record| record.end)
    }

    /// All addresses in the answer section: there are clients that take any,
    /// whether it belongs to the name which they asked for or not (musl).
    pub(super) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.records.iter().filter_map(|record| match record.data {
            Data::Address(address) => Some(address),
            _ => None,
        })
    }

    /// The addresses of `name`, and for how long each may be kept, found by its
    /// aliases and by nothing else that the answer may hold.
    pub(super) fn addresses_of(&self, name: &str) -> Vec<(IpAddr, Duration)> {
        let mut found = Vec::new();
        let mut name = name;
        let mut kept = u32::MAX;
        for _ in 0..=MOST_ALIASES {
            let mut next = None;
            for record in self.records.iter().filter(|record| record.owner == name) {
                match &record.data {
                    Data::Address(address) => found.push((*address, kept.min(record.ttl))),
                    Data::Alias(target) => next = Some((target, record.ttl)),
                    Data::Other => {}
                }
            }
            let Some((target, ttl)) = next else { break };
            (name, kept) = (target, kept.min(ttl));
        }
        found.into_iter().map(|(address, ttl)| (address, Duration::from_secs(ttl.into()))).collect()
    }
}

#[derive(Debug)]
struct Record {
    owner: String,
    kind: RecordType,
    class: DNSClass,
    /// In seconds.
    ttl: u32,
    data: Data,
    end: usize,
}

#[derive(Debug)]
enum Data {
    Address(IpAddr),
    Alias(String),
    Other,
}

impl Record {
    fn read(decoder: &mut BinDecoder<'_>) -> Result<Self, DecodeError> {
        let owner = text(&Name::read(decoder)?);
        let kind = RecordType::from(read_u16(decoder)?);
        let class = DNSClass::from(read_u16(decoder)?);
        let ttl = decoder.read_u32()?.unverified();
        let length = usize::from(read_u16(decoder)?);
        let end = decoder.index() + length;
        let data = match (class, kind) {
            (DNSClass::IN, RecordType::CNAME) => Data::Alias(text(&Name::read(decoder)?)),
            (DNSClass::IN, RecordType::A | RecordType::AAAA) => {
                let address = decoder.read_slice(length)?.unverified();
                Data::Address(read_address(kind, address)?)
            }
            _ => decoder.read_slice(length).map(|_| Data::Other)?,
        };
        if decoder.index() != end {
            return Err(DecodeError::InsufficientBytes);
        }
        // RFC 2181, 8: what looks negative means zero. That is no matter of
        // OPT, which has flags there.
        let negative = ttl > i32::MAX as u32 && kind != RecordType::OPT;
        Ok(Self { owner, kind, class, ttl: if negative { 0 } else { ttl }, data, end })
    }
}

fn read_address(kind: RecordType, data: &[u8]) -> Result<IpAddr, DecodeError> {
    let wrong = |_| DecodeError::InsufficientBytes;
    Ok(match kind {
        RecordType::A => Ipv4Addr::from(<[u8; 4]>::try_from(data).map_err(wrong)?).into(),
        _ => Ipv6Addr::from(<[u8; 16]>::try_from(data).map_err(wrong)?).into(),
    })
}

fn read_u16(decoder: &mut BinDecoder<'_>) -> Result<u16, DecodeError> {
    decoder.read_u16().map(|number| number.unverified())
}

/// A name as rules are written for it: small letters, no dot at the end, `.` for
/// the root.
///
/// What could be taken for another name is written as `\DDD` (RFC 4343, 2.1):
/// a dot within a label is none between labels.
pub(super) fn text(name: &Name) -> String {
    let mut text = String::new();
    for label in name {
        if !text.is_empty() {
            text.push('.');
        }
        for byte in label {
            match byte {
                b'.' | b'\\' => text.push_str(&format!("\\{byte:03}")),
                b'!'..=b'~' => text.push(byte.to_ascii_lowercase().into()),
                _ => text.push_str(&format!("\\{byte:03}")),
            }
        }
    }
    if text.is_empty() { ".".into() } else { text }
}
