//! nf_tables on the wire: transactions, and the few expressions that we need.
//!
//! Numbers are those of `linux/netfilter/nf_tables.h`, which `libc` has in part.

use super::hold::Refusal;
use crate::sys::{
    self,
    netlink::{Batch, Socket, attributes},
};

const SUBSYSTEM: u16 = libc::NFNL_SUBSYS_NFTABLES as u16;
const GET_TABLE: u16 = SUBSYSTEM << 8 | libc::NFT_MSG_GETTABLE as u16;
const NEW_TABLE: u16 = SUBSYSTEM << 8 | libc::NFT_MSG_NEWTABLE as u16;
const NEW_CHAIN: u16 = SUBSYSTEM << 8 | libc::NFT_MSG_NEWCHAIN as u16;
const NEW_RULE: u16 = SUBSYSTEM << 8 | libc::NFT_MSG_NEWRULE as u16;
const DELETE_TABLE: u16 = SUBSYSTEM << 8 | libc::NFT_MSG_DELTABLE as u16;
const BATCH_BEGIN: u16 = libc::NFNL_MSG_BATCH_BEGIN as u16;
const BATCH_END: u16 = libc::NFNL_MSG_BATCH_END as u16;
const ALL: u16 = libc::NLM_F_DUMP as u16;
const CREATE: u16 = (libc::NLM_F_CREATE | libc::NLM_F_APPEND) as u16;
/// `NF_NETDEV_INGRESS`
const INGRESS: u32 = 0;
const PRE_ROUTING: u32 = libc::NF_INET_PRE_ROUTING as u32;

/// What passes the chains of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::network) enum Family {
    /// Packets of IPv4 and IPv6.
    Inet = libc::NFPROTO_INET as isize,
    /// Whatever comes from a device.
    Device = libc::NFPROTO_NETDEV as isize,
}

/// What happens to a packet in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::network) enum Verdict {
    Drop = libc::NF_DROP as isize,
    Accept = libc::NF_ACCEPT as isize,
}

/// Attributes, `enum nft_*_attributes`; the first of most lists is 1.
mod attribute {
    pub(super) const TABLE_NAME: u16 = 1;
    pub(super) const CHAIN_TABLE: u16 = 1;
    pub(super) const CHAIN_NAME: u16 = 3;
    pub(super) const CHAIN_HOOK: u16 = 4;
    pub(super) const CHAIN_POLICY: u16 = 5;
    pub(super) const CHAIN_TYPE: u16 = 7;
    pub(super) const HOOK_NUMBER: u16 = 1;
    pub(super) const HOOK_PRIORITY: u16 = 2;
    pub(super) const HOOK_DEVICE: u16 = 3;
    pub(super) const RULE_TABLE: u16 = 1;
    pub(super) const RULE_CHAIN: u16 = 2;
    pub(super) const RULE_EXPRESSIONS: u16 = 4;
    pub(super) const LIST_ELEMENT: u16 = 1;
    pub(super) const EXPRESSION_NAME: u16 = 1;
    pub(super) const EXPRESSION_DATA: u16 = 2;
    pub(super) const DATA_VALUE: u16 = 1;
    pub(super) const DATA_VERDICT: u16 = 2;
    pub(super) const VERDICT_CODE: u16 = 1;
}

/// The names of a family's tables.
///
/// # Errors
/// What the kernel says if it has no nf_tables.
pub(in crate::network) fn tables(family: Family, socket: &Socket) -> sys::Result<Vec<String>> {
    let mut question = Batch::new();
    question.message("list tables of nf_tables", GET_TABLE, ALL, &header(family as u8, 0));
    let name = |answer: Vec<u8>| {
        let mut attributes = attributes(answer.get(header(0, 0).len()..)?);
        let (_, name) = attributes.find(|(kind, _)| *kind == attribute::TABLE_NAME)?;
        String::from_utf8(name.strip_suffix(&[0])?.into()).ok()
    };
    Ok(socket.list(question)?.into_iter().filter_map(name).collect())
}

/// Changes that take place together or not at all.
pub(in crate::network) struct Transaction(Batch, Family);

impl Transaction {
    pub(in crate::network) fn new() -> Self {
        Self::of(Family::Inet)
    }

    /// For tables of this family.
    pub(in crate::network) fn of(family: Family) -> Self {
        let mut batch = Batch::new();
        let begin = header(0, SUBSYSTEM);
        batch.silent_message("begin a transaction of nf_tables", BATCH_BEGIN, 0, &begin);
        Self(batch, family)
    }

    /// Makes the changes.
    ///
    /// # Errors
    /// What the kernel refuses, and why.
    pub(in crate::network) fn commit(mut self, socket: &Socket) -> sys::Result<()> {
        let end = header(0, SUBSYSTEM);
        self.0.silent_message("commit a transaction of nf_tables", BATCH_END, 0, &end);
        socket.request(self.0)
    }

    pub(in crate::network) fn table(&mut self, name: &str) {
        self.0.message("make a table of nf_tables", NEW_TABLE, CREATE, &header(self.1 as u8, 0));
        self.0.text(attribute::TABLE_NAME, name);
    }

    /// Removes a table, with all that is in it.
    pub(in crate::network) fn delete_table(&mut self, name: &str) {
        self.0.message("remove a table of nf_tables", DELETE_TABLE, 0, &header(self.1 as u8, 0));
        self.0.text(attribute::TABLE_NAME, name);
    }

    /// A chain that packets meet as they come from a device; what it does not accept is
    /// dropped.
    pub(in crate::network) fn ingress(&mut self, chain: &Chain<'_>, device: &str) {
        self.0.message("make a chain of nf_tables", NEW_CHAIN, CREATE, &header(self.1 as u8, 0));
        self.0.text(attribute::CHAIN_TABLE, chain.table);
        self.0.text(attribute::CHAIN_NAME, chain.name);
        self.0.nest(attribute::CHAIN_HOOK, |hook| {
            hook.network_number(attribute::HOOK_NUMBER, INGRESS);
            hook.network_number(attribute::HOOK_PRIORITY, 0);
            hook.text(attribute::HOOK_DEVICE, device);
        });
        self.0.network_number(attribute::CHAIN_POLICY, Verdict::Drop as u32);
        self.0.text(attribute::CHAIN_TYPE, "filter");
    }

    /// A chain that packets meet before they are routed; the lower `priority`,
    /// the sooner.
    pub(in crate::network) fn chain(&mut self, chain: &Chain<'_>, priority: i32, policy: Verdict) {
        self.0.message("make a chain of nf_tables", NEW_CHAIN, CREATE, &header(self.1 as u8, 0));
        self.0.text(attribute::CHAIN_TABLE, chain.table);
        self.0.text(attribute::CHAIN_NAME, chain.name);
        self.0.nest(attribute::CHAIN_HOOK, |hook| {
            hook.network_number(attribute::HOOK_NUMBER, PRE_ROUTING);
            hook.network_number(attribute::HOOK_PRIORITY, priority as u32);
        });
        self.0.network_number(attribute::CHAIN_POLICY, policy as u32);
        self.0.text(attribute::CHAIN_TYPE, "filter");
    }

    pub(in crate::network) fn rule(&mut self, chain: &Chain<'_>, expressions: &[Expression<'_>]) {
        self.0.message("make a rule of nf_tables", NEW_RULE, CREATE, &header(self.1 as u8, 0));
        self.0.text(attribute::RULE_TABLE, chain.table);
        self.0.text(attribute::RULE_CHAIN, chain.name);
        self.0.nest(attribute::RULE_EXPRESSIONS, |list| {
            expressions.iter().for_each(|expression| expression.write(list));
        });
    }
}

/// Where rules go.
#[derive(Debug, Clone, Copy)]
pub(in crate::network) struct Chain<'a> {
    pub(in crate::network) table: &'a str,
    pub(in crate::network) name: &'a str,
}

/// `struct nfgenmsg`.
fn header(family: u8, resource: u16) -> [u8; 4] {
    let [high, low] = resource.to_be_bytes();
    [family, 0, high, low]
}

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::network) enum Ip {
    V4 = libc::NFPROTO_IPV4 as isize,
    V6 = libc::NFPROTO_IPV6 as isize,
}

/// A condition, which ends the rule unless it holds, or an action.
#[derive(Debug, Clone, Copy)]
pub(in crate::network) enum Expression<'a> {
    Ip(Ip),
    /// The protocol above IP is this.
    Protocol(u8),
    /// These bytes are found `offset` bytes into the network header.
    Network {
        offset: u32,
        is: &'a [u8],
    },
    /// These bytes are found `offset` bytes into the header of Ethernet.
    Link {
        offset: u32,
        is: &'a [u8],
    },
    /// The same for the header above IP, wherever it begins.
    Transport {
        offset: u32,
        is: &'a [u8],
    },
    /// The kind of packet within the frame.
    Ethernet(u16),
    DestinationPort(u16),
    /// Of FIN, SYN, RST and ACK only SYN is set.
    Syn,
    /// The packet's mark is this.
    Mark(u32),
    SetMark(u32),
    Verdict(Verdict),
    Reject(Refusal),
    /// To the transparent socket that listens on this port.
    Tproxy(Ip, u16),
    /// To the queue of this number, by nf_tables' own expression.
    Queue(u16),
    /// The same by the target of xtables.
    QueueTarget(u16),
}

impl Expression<'_> {
    fn write(&self, list: &mut Batch) {
        match *self {
            Self::Ip(ip) => meta_is(list, libc::NFT_META_NFPROTO, &[ip as u8]),
            Self::Protocol(number) => meta_is(list, libc::NFT_META_L4PROTO, &[number]),
            Self::Mark(mark) => meta_is(list, libc::NFT_META_MARK, &mark.to_ne_bytes()),
            Self::Network { offset, is } => {
                load(list, libc::NFT_PAYLOAD_NETWORK_HEADER, offset, is.len());
                compare(list, is);
            }
            Self::Link { offset, is } => {
                load(list, libc::NFT_PAYLOAD_LL_HEADER, offset, is.len());
                compare(list, is);
            }
            Self::Transport { offset, is } => {
                load(list, libc::NFT_PAYLOAD_TRANSPORT_HEADER, offset, is.len());
                compare(list, is);
            }
            Self::Ethernet(kind) => meta_is(list, libc::NFT_META_PROTOCOL, &kind.to_be_bytes()),
            Self::DestinationPort(port) => {
                load(list, libc::NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
                compare(list, &port.to_be_bytes());
            }
            Self::Syn => syn(list),
            Self::SetMark(mark) => set_mark(list, mark),
            Self::Verdict(verdict) => decide(list, verdict),
            Self::Reject(refusal) => reject(list, refusal),
            Self::Tproxy(ip, port) => tproxy(list, ip, port),
            Self::Queue(number) => queue(list, number),
            Self::QueueTarget(number) => queue_target(list, number),
        }
    }
}

/// The only register that is used, but for that of the verdict.
const REGISTER: u32 = libc::NFT_REG_1 as u32;

fn expression(list: &mut Batch, name: &str, data: impl FnOnce(&mut Batch)) {
    list.nest(attribute::LIST_ELEMENT, |element| {
        element.text(attribute::EXPRESSION_NAME, name);
        element.nest(attribute::EXPRESSION_DATA, data);
    });
}

/// `NFTA_META_DREG`, `_KEY`; then `_SREG` is 3.
fn meta_is(list: &mut Batch, key: libc::c_int, value: &[u8]) {
    expression(list, "meta", |data| {
        data.network_number(1, REGISTER);
        data.network_number(2, key as u32);
    });
    compare(list, value);
}

/// `NFTA_CMP_SREG`, `_OP`, `_DATA`.
fn compare(list: &mut Batch, value: &[u8]) {
    expression(list, "cmp", |data| {
        data.network_number(1, REGISTER);
        data.network_number(2, libc::NFT_CMP_EQ as u32);
        data.nest(3, |data| data.attribute(attribute::DATA_VALUE, value));
    });
}

/// `NFTA_PAYLOAD_DREG`, `_BASE`, `_OFFSET`, `_LEN`.
fn load(list: &mut Batch, base: libc::c_int, offset: u32, length: usize) {
    expression(list, "payload", |data| {
        data.network_number(1, REGISTER);
        data.network_number(2, base as u32);
        data.network_number(3, offset);
        data.network_number(4, length as u32);
    });
}

/// `NFTA_BITWISE_SREG`, `_DREG`, `_LEN`, `_MASK`, `_XOR` on the flags of TCP.
fn syn(list: &mut Batch) {
    const FIN_SYN_RST_ACK: u8 = 0x17;
    const SYN: u8 = 0x02;
    load(list, libc::NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1);
    expression(list, "bitwise", |data| {
        data.network_number(1, REGISTER);
        data.network_number(2, REGISTER);
        data.network_number(3, 1);
        data.nest(4, |mask| mask.attribute(attribute::DATA_VALUE, &[FIN_SYN_RST_ACK]));
        data.nest(5, |xor| xor.attribute(attribute::DATA_VALUE, &[0]));
    });
    compare(list, &[SYN]);
}

/// `NFTA_IMMEDIATE_DREG`, `_DATA`.
fn immediate(list: &mut Batch, register: libc::c_int, data: impl FnOnce(&mut Batch)) {
    expression(list, "immediate", |expression| {
        expression.network_number(1, register as u32);
        expression.nest(2, data);
    });
}

fn immediate_value(list: &mut Batch, value: &[u8]) {
    immediate(list, libc::NFT_REG_1, |data| data.attribute(attribute::DATA_VALUE, value));
}

fn set_mark(list: &mut Batch, mark: u32) {
    immediate_value(list, &mark.to_ne_bytes());
    expression(list, "meta", |data| {
        data.network_number(2, libc::NFT_META_MARK as u32);
        data.network_number(3, REGISTER);
    });
}

fn decide(list: &mut Batch, verdict: Verdict) {
    immediate(list, libc::NFT_REG_VERDICT, |data| {
        data.nest(attribute::DATA_VERDICT, |data| {
            data.network_number(attribute::VERDICT_CODE, verdict as u32);
        });
    });
}

/// `NFTA_REJECT_TYPE`, `_ICMP_CODE`.
fn reject(list: &mut Batch, refusal: Refusal) {
    let (kind, code) = refusal.reject();
    expression(list, "reject", |data| {
        data.network_number(1, kind);
        data.attribute(2, &[code]);
    });
}

/// `NFTA_TPROXY_FAMILY`; `_REG_PORT` is 3.
fn tproxy(list: &mut Batch, ip: Ip, port: u16) {
    immediate_value(list, &port.to_be_bytes());
    expression(list, "tproxy", |data| {
        data.network_number(1, ip as u32);
        data.network_number(3, REGISTER);
    });
}

/// `NFTA_QUEUE_NUM`, `_TOTAL`.
fn queue(list: &mut Batch, number: u16) {
    expression(list, "queue", |data| {
        data.attribute(1, &number.to_be_bytes());
        data.attribute(2, &1u16.to_be_bytes());
    });
}

/// `NFTA_TARGET_NAME`, `_REV`, `_INFO`: `struct xt_NFQ_info_v3`, which holds the
/// first queue, the number of queues, and flags, padded to eight bytes.
fn queue_target(list: &mut Batch, number: u16) {
    let mut info = [0u8; 8];
    info[..2].copy_from_slice(&number.to_ne_bytes());
    info[2..4].copy_from_slice(&1u16.to_ne_bytes());
    expression(list, "target", |data| {
        data.text(1, "NFQUEUE");
        data.network_number(2, 3);
        data.attribute(3, &info);
    });
}
