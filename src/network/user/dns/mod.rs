//! The resolver of a sandbox: a state machine that does no I/O of its own.
//!
//! The sandbox asks us, at our address on its subnet. What we know ourselves
//! ([`Table`]) is answered, what a rule forbids is denied, and all else goes to
//! a server of the host, byte for byte but for the id. The caller owns the
//! sockets and the clock:
//!
//! ```text
//! sandbox                        caller                              servers
//! query ────▶ Resolver::ask ──▶ Step::Forward ──▶ send ────────────▶
//!             Resolver::reply ◀───────────────── bytes ◀────────────
//!       ◀──── Step::Answer
//!             Resolver::failed ◀──── refused, reset, unreachable
//!             Resolver::timeouts ◀── at Resolver::next_timeout
//! ```
//!
//! Each attempt at a server has a [`Token`], and one query may have several at
//! a time: a server that is slow may still answer while the next is asked. So a
//! caller keeps the sockets of a query together ([`Token::query`]) and closes
//! them all with its answer.
//!
//! # Denied means NXDOMAIN
//!
//! A name that a rule forbids does not exist here. REFUSED would be the honest
//! code, but musl ignores it and waits for another answer until its time is up
//! (five seconds), and glibc and Go ask again and then call the failure
//! temporary, upon which programs retry. NXDOMAIN is final for all of them, the
//! JVM and Node among those, who ask the C library. It comes without an SOA
//! record, so that no cache keeps it (RFC 2308, 5), and tells the reason to who
//! can read it (RFC 8914).
//!
//! An answer with an address that a rule forbids becomes one without addresses,
//! for the same reason: the name exists, and programs give up at once.

mod framing;
mod local;
mod message;
mod resolv_conf;
mod resolver;
mod response;
mod servers;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

pub(crate) use framing::{Framing, framed};
pub(crate) use local::Table;
pub(crate) use message::LONGEST_QUERY;
pub(crate) use resolv_conf::{HOST_FILE, HostConf, PORT, sandbox_resolv_conf, search_list};
pub(crate) use resolver::{Resolver, Settings};

/// How a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// What the resolver asks about names and addresses, anew with each message.
///
/// Names come in small letters, without a dot at the end, `.` for the root; a
/// byte that no host's name has is written as `\DDD`.
pub(crate) trait Names {
    /// Whether servers may be asked about a name; the error says why not.
    ///
    /// # Errors
    /// The reason, in words for the user.
    fn may_resolve(&self, name: &str) -> Result<(), String>;

    /// Whether an answer to a question about `name` may hold `address`.
    fn may_show(&self, name: &str, address: IpAddr) -> bool;

    /// The addresses of another member of the network.
    fn addresses(&self, _name: &str) -> Option<Vec<IpAddr>> {
        None
    }

    /// The name of the member which has the address.
    fn name(&self, _address: IpAddr) -> Option<String> {
        None
    }
}

/// What the caller does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send it to who asked; the query is over.
    Answer(Answer),
    /// Send it to a server, from a socket of its own; the query goes on.
    Forward(Forward),
    /// Nothing: the message was none for us, or others are still to answer.
    Wait,
}

/// What goes back into the sandbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Without the length that goes before it over TCP.
    pub(crate) message: Vec<u8>,
    /// The addresses that it gives away.
    pub(crate) learnt: Vec<Learnt>,
}

impl From<Vec<u8>> for Answer {
    fn from(message: Vec<u8>) -> Self {
        Self { message, learnt: Vec::new() }
    }
}

/// An address which the sandbox now knows for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Learnt {
    /// The name that was asked for, not one of its aliases.
    pub(crate) name: String,
    pub(crate) address: IpAddr,
    /// For how long it may keep it; for those of servers, the least of the chain.
    pub(crate) ttl: Duration,
}

/// A message for a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forward {
    /// To be given back with the answer.
    pub(crate) token: Token,
    pub(crate) server: SocketAddr,
    /// Not always that of the client: the host may want TCP.
    pub(crate) transport: Transport,
    /// Without the length that goes before it over TCP.
    pub(crate) message: Vec<u8>,
}

/// One attempt to have one query answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Token {
    query: u64,
    attempt: usize,
}

impl Token {
    /// The query, equal for all attempts at it and never used again.
    pub(crate) fn query(self) -> u64 {
        self.query
    }
}
