//! The queries in flight: who is asked next, and what becomes of the answers.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use hickory_proto::{op::ResponseCode, rr::RecordType};
use rustix::rand::{GetRandomFlags, getrandom};

use super::{
    Answer, Forward, Learnt, Names, Step, Token, Transport,
    local::Table,
    message::{Query, Reply, Unfit},
    resolv_conf::{HOST_FILE, Host},
    response::{self, Reason},
    servers::Servers,
};

/// More queries than this at a time are failed at once.
const MOST_QUERIES: usize = 512;

/// How long one server has before the next is asked as well.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a query may take: as long as a client waits before it asks again.
const DEADLINE: Duration = Duration::from_secs(5);

/// How often servers are asked for one query, the same or others.
const MOST_ATTEMPTS: usize = 3;

/// What a resolver is made from.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// `--dns`: these servers and no others; none for those of the host.
    pub(crate) servers: Option<Vec<SocketAddr>>,
    /// [`HOST_FILE`], but in tests.
    pub(crate) resolv_conf: PathBuf,
    pub(crate) table: Table,
}

impl Default for Settings {
    fn default() -> Self {
        Self { servers: None, resolv_conf: HOST_FILE.into(), table: Table::default() }
    }
}

/// Answers the queries of one sandbox.
#[derive(Debug)]
pub(crate) struct Resolver {
    table: Table,
    servers: Servers,
    flights: HashMap<u64, Flight>,
    next: u64,
}

/// A query for which servers are asked.
#[derive(Debug)]
struct Flight {
    query: Query,
    message: Vec<u8>,
    /// To the client.
    client: Transport,
    /// To the servers.
    transport: Transport,
    /// Who is asked next, first the first.
    candidates: VecDeque<SocketAddr>,
    attempts: Vec<Attempt>,
    /// When the next candidate is asked, or the query is given up.
    patience: Instant,
    deadline: Instant,
}

#[derive(Debug)]
struct Attempt {
    server: SocketAddr,
    id: u16,
    /// Whether an answer may still come.
    open: bool,
}

impl Resolver {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            table: settings.table.normal(),
            servers: Servers::new(settings.servers, Host::new(settings.resolv_conf)),
            flights: HashMap::new(),
            next: 0,
        }
    }

    /// Takes a query from the sandbox.
    pub(crate) fn ask(
        &mut self,
        message: &[u8],
        client: Transport,
        now: Instant,
        names: &dyn Names,
    ) -> Step {
        let query = match parse(message) {
            Ok(query) => query,
            Err(step) => return step,
        };
        if let Some(answer) = self.table.answer(&query, client, names) {
            return Step::Answer(answer);
        }
        if let Err(why) = names.may_resolve(&query.question.text) {
            let reason = Reason::Blocked(&why);
            return answer(response::empty(&query, ResponseCode::NXDomain, reason));
        }
        let (servers, tcp_only) = self.servers.in_order(now);
        if servers.is_empty() || self.flights.len() >= MOST_QUERIES {
            return answer(response::failed(&query));
        }
        let transport = if tcp_only { Transport::Tcp } else { client };
        let flight = Flight {
            query,
            message: message.to_vec(),
            client,
            transport,
            candidates: servers.into(),
            attempts: Vec::new(),
            patience: now,
            deadline: now + DEADLINE,
        };
        let number = self.next;
        self.next += 1;
        self.flights.insert(number, flight);
        self.advance(number, now)
    }

    /// Takes what came from the server that a token was sent to.
    ///
    /// A message that answers no question of ours is passed over: the socket
    /// stays open for the true one.
    pub(crate) fn reply(
        &mut self,
        token: Token,
        message: &[u8],
        now: Instant,
        names: &dyn Names,
    ) -> Step {
        let Some(flight) = self.flights.get_mut(&token.query) else { return Step::Wait };
        let Some(attempt) = flight.open_attempt(token) else { return Step::Wait };
        let question = &flight.query.question;
        let Some(reply) = Reply::parse(message, attempt.id, question) else { return Step::Wait };
        let server = attempt.server;
        self.servers.answered(server);
        if !is_useful(&reply) && flight.is_hopeful_without(server) {
            flight.give_up(server);
            return self.advance(token.query, now);
        }
        match self.flights.remove(&token.query) {
            Some(flight) => Step::Answer(flight.answer(&reply, message, names)),
            None => Step::Wait,
        }
    }

    /// Takes note that no answer will come by the socket of a token: nobody
    /// listens there, or the connection ended.
    pub(crate) fn failed(&mut self, token: Token, now: Instant) -> Step {
        let Some(flight) = self.flights.get_mut(&token.query) else { return Step::Wait };
        let Some(attempt) = flight.open_attempt(token) else { return Step::Wait };
        let server = attempt.server;
        let is_latest = token.attempt + 1 == flight.attempts.len();
        self.servers.failed(server, now);
        flight.give_up(server);
        if is_latest || !flight.is_open() { self.advance(token.query, now) } else { Step::Wait }
    }

    /// What is to be done for the queries whose servers were silent for too
    /// long, each by [`Token::query`].
    pub(crate) fn timeouts(&mut self, now: Instant) -> Vec<(u64, Step)> {
        let due = |flight: &Flight| flight.patience <= now;
        let late = self.flights.iter().filter(|(_, flight)| due(flight));
        let mut late: Vec<u64> = late.map(|(query, _)| *query).collect();
        late.sort_unstable(); // First come, first served.
        late.into_iter().map(|query| (query, self.time_out(query, now))).collect()
    }

    /// When to call [`Self::timeouts`] next; none if nothing is in flight.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.flights.values().map(|flight| flight.patience).min()
    }

    /// Drops a query whose client is gone, by [`Token::query`].
    pub(crate) fn forget(&mut self, query: u64) {
        self.flights.remove(&query);
    }

    fn time_out(&mut self, query: u64, now: Instant) -> Step {
        let latest = self.flights.get(&query).and_then(|flight| flight.attempts.last());
        if let Some(attempt) = latest.filter(|attempt| attempt.open) {
            self.servers.failed(attempt.server, now);
        }
        self.advance(query, now)
    }

    /// Asks the next server; without one, waits for those that were asked, or
    /// gives up.
    fn advance(&mut self, query: u64, now: Instant) -> Step {
        let Some(flight) = self.flights.get_mut(&query) else { return Step::Wait };
        if let Some(forward) = flight.next(query, now) {
            return Step::Forward(forward);
        }
        if flight.is_open() && now < flight.deadline {
            flight.patience = flight.deadline;
            return Step::Wait;
        }
        match self.flights.remove(&query) {
            Some(flight) => answer(response::failed(&flight.query)),
            None => Step::Wait,
        }
    }
}

/// The query, or what becomes of a message that we do not treat as one.
fn parse(message: &[u8]) -> Result<Query, Step> {
    let bare = |code| Err(answer(response::bare(message, code)));
    match Query::parse(message) {
        // Zone transfers answer with many messages; nobody's resolver does them.
        Ok(query) if matches!(query.question.kind, RecordType::AXFR | RecordType::IXFR) => {
            Err(answer(response::empty(&query, ResponseCode::Refused, Reason::None)))
        }
        Ok(query) => Ok(query),
        Err(Unfit::NoQuery) => Err(Step::Wait),
        Err(Unfit::Malformed) => bare(ResponseCode::FormErr),
        Err(Unfit::Unknown) => bare(ResponseCode::NotImp),
    }
}

fn answer(message: Vec<u8>) -> Step {
    Step::Answer(Answer::from(message))
}

/// Whether no other server is worth asking: some refuse strangers, or have no
/// way to the zone, where others know more (a VPN's and the Wi-Fi's).
fn is_useful(reply: &Reply) -> bool {
    let failures = [ResponseCode::ServFail, ResponseCode::NotImp, ResponseCode::Refused];
    (reply.whole || reply.truncated) && !failures.contains(&reply.code)
}

impl Flight {
    /// The next attempt, if there is one.
    fn next(&mut self, query: u64, now: Instant) -> Option<Forward> {
        if self.attempts.len() == MOST_ATTEMPTS || now >= self.deadline {
            return None;
        }
        let id = random_id()?;
        let server = self.candidates.pop_front()?;
        if self.transport == Transport::Udp {
            self.candidates.push_back(server); // Datagrams get lost; try again.
        }
        let token = Token { query, attempt: self.attempts.len() };
        self.attempts.push(Attempt { server, id, open: true });
        self.patience = self.deadline.min(now + PATIENCE);
        let mut message = self.message.clone();
        message[..2].copy_from_slice(&id.to_be_bytes());
        Some(Forward { token, server, transport: self.transport, message })
    }

    /// Expects nothing more of a server, for this query.
    fn give_up(&mut self, server: SocketAddr) {
        self.candidates.retain(|candidate| *candidate != server);
        let attempts = self.attempts.iter_mut().filter(|attempt| attempt.server == server);
        attempts.for_each(|attempt| attempt.open = false);
    }

    fn open_attempt(&self, token: Token) -> Option<&Attempt> {
        self.attempts.get(token.attempt).filter(|attempt| attempt.open)
    }

    fn is_open(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.open)
    }

    /// Whether somebody else may still answer.
    fn is_hopeful_without(&self, server: SocketAddr) -> bool {
        let others = |candidate: &SocketAddr| *candidate != server;
        let asked = self.attempts.iter().any(|attempt| attempt.open && others(&attempt.server));
        asked || (self.attempts.len() < MOST_ATTEMPTS && self.candidates.iter().any(others))
    }

    /// The reply of a server as the client gets it.
    fn answer(&self, reply: &Reply, message: &[u8], names: &dyn Names) -> Answer {
        let name = self.query.question.text.as_str();
        if !reply.whole && !reply.truncated {
            return response::failed(&self.query).into();
        }
        if !reply.has_question {
            return response::empty(&self.query, reply.code, Reason::None).into();
        }
        if let Some(address) = reply.addresses().find(|address| !names.may_show(name, *address)) {
            let why = format!("a rule forbids {address} as an address of {name}");
            let reason = Reason::Blocked(&why);
            return response::empty(&self.query, ResponseCode::NoError, reason).into();
        }
        let learn = |(address, ttl)| Learnt { name: name.into(), address, ttl };
        Answer {
            message: response::relayed(&self.query, self.client, reply, message),
            learnt: reply.addresses_of(name).into_iter().map(learn).collect(),
        }
    }
}

/// An id that nobody can guess; with the port of the socket, it is what tells
/// an answer from a forgery (RFC 5452, 4.3).
fn random_id() -> Option<u16> {
    let mut id = [0; 2];
    let filled = getrandom(&mut id, GetRandomFlags::empty()).ok()?;
    (filled == id.len()).then(|| u16::from_ne_bytes(id))
}
