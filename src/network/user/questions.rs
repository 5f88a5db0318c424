//! The sockets of the resolver: questions of the sandbox and those to servers.
//!
//! [`Resolver`] decides; here its [`Step`]s are carried out. A question is known
//! by its query number until it is answered; each attempt at a server has a
//! socket of its own, hence a port that nobody can guess.

use std::{
    collections::HashMap,
    net::SocketAddr,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::net::{RecvFlags, SendFlags};
use slab::Slab;

use super::{
    acceptor::Accepted,
    dns::{Answer, Forward, Framing, LONGEST_QUERY, Resolver, Step, Token, Transport, framed},
    engine::Shared,
    reactor::{Source, When},
};
use crate::sys::socket::{self, Kind};

/// Connections of the sandbox to the resolver, and how long one may be idle.
const ASKERS: usize = 64;
const IDLE: Duration = Duration::from_secs(30);
/// Questions that are taken before others get their turn.
const TURNS: usize = 64;
/// The longest message (RFC 1035, 4.2.2).
const LONGEST_ANSWER: usize = u16::MAX as usize;

#[derive(Debug)]
pub(super) struct Questions {
    resolver: Resolver,
    open: HashMap<u64, Question>,
    attempts: Slab<Attempt>,
    askers: Slab<Asker>,
}

/// What the sandbox wants to know.
#[derive(Debug)]
struct Question {
    from: From,
    /// Places of the attempts at it.
    attempts: Vec<usize>,
}

/// Who asked: over UDP by door and address, over TCP by place.
#[derive(Debug, Clone, Copy)]
enum From {
    Udp(usize, SocketAddr),
    Tcp(usize),
}

/// A socket on which a server's answer is awaited.
#[derive(Debug)]
struct Attempt {
    token: Token,
    socket: OwnedFd,
    /// For TCP: what is still to be sent, and what has come.
    stream: Option<(Vec<u8>, Framing)>,
}

/// A connection of the sandbox to the resolver.
#[derive(Debug)]
struct Asker {
    socket: OwnedFd,
    framing: Framing,
    last: Instant,
}

impl Questions {
    pub(super) fn new(resolver: Resolver) -> Self {
        Self { resolver, open: HashMap::new(), attempts: Slab::new(), askers: Slab::new() }
    }

    /// Questions over UDP.
    pub(super) fn ask(&mut self, door: usize, buffer: &mut [u8], shared: &mut Shared) {
        for _ in 0..TURNS {
            let Ok(received) = socket::receive(&shared.gateway.doors[door].dns_udp, buffer) else {
                return;
            };
            let Some(client) = received.source else { continue };
            let message = &buffer[..received.length];
            self.take(From::Udp(door, client), message, Transport::Udp, shared);
        }
    }

    fn take(&mut self, from: From, message: &[u8], transport: Transport, shared: &mut Shared) {
        match self.resolver.ask(message, transport, shared.now, shared) {
            Step::Answer(answer) => self.answer(from, &answer, shared),
            Step::Forward(forward) => {
                let query = forward.token.query();
                self.open.insert(query, Question { from, attempts: Vec::new() });
                self.forward(forward, shared);
            }
            Step::Wait => {}
        }
    }

    /// Carries out what the resolver wants for a question that is open.
    fn go_on(&mut self, query: u64, step: Step, shared: &mut Shared) {
        match step {
            Step::Answer(answer) => {
                if let Some(question) = self.close(query) {
                    self.answer(question.from, &answer, shared);
                }
            }
            Step::Forward(forward) => self.forward(forward, shared),
            Step::Wait => {}
        }
    }

    /// Ends a question with all its attempts.
    fn close(&mut self, query: u64) -> Option<Question> {
        let question = self.open.remove(&query)?;
        for attempt in &question.attempts {
            self.attempts.try_remove(*attempt);
        }
        Some(question)
    }

    fn answer(&mut self, to: From, answer: &Answer, shared: &mut Shared) {
        // The sandbox may connect as soon as it knows.
        shared.learn(&answer.learnt);
        match to {
            From::Udp(door, client) => {
                let socket = &shared.gateway.doors[door].dns_udp;
                let _ = rustix::net::sendto(socket, &answer.message, SendFlags::empty(), &client);
            }
            From::Tcp(place) => {
                let message = framed(&answer.message);
                let sent = self.askers.get(place).and_then(|asker| {
                    rustix::net::send(&asker.socket, &message, SendFlags::NOSIGNAL).ok()
                });
                if sent != Some(message.len()) {
                    self.forget_asker(place); // It does not read.
                }
            }
        }
    }

    fn forward(&mut self, forward: Forward, shared: &mut Shared) {
        let token = forward.token;
        let place = self.attempts.vacant_key();
        match self.attempt(place, forward, shared) {
            Ok(attempt) => {
                self.attempts.insert(attempt);
                if let Some(question) = self.open.get_mut(&token.query()) {
                    question.attempts.push(place);
                }
            }
            Err(_) => {
                let step = self.resolver.failed(token, shared.now);
                self.go_on(token.query(), step, shared);
            }
        }
    }

    fn attempt(
        &self,
        place: usize,
        forward: Forward,
        shared: &Shared,
    ) -> rustix::io::Result<Attempt> {
        let Forward { token, server, transport, message } = forward;
        let source = Source::Question(place);
        match transport {
            Transport::Udp => {
                let socket = socket::open(Kind::Udp, server.ip())?;
                rustix::net::connect(&socket, &server)?;
                rustix::net::send(&socket, &message, SendFlags::empty())?;
                shared.reactor.add(&socket, source, When::Readable)?;
                Ok(Attempt { token, socket, stream: None })
            }
            Transport::Tcp => {
                let socket = socket::open(Kind::Tcp, server.ip())?;
                match rustix::net::connect(&socket, &server) {
                    Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
                    Err(error) => return Err(error),
                }
                shared.reactor.add(&socket, source, When::Connected)?;
                let stream = Some((framed(&message), Framing::new(LONGEST_ANSWER)));
                Ok(Attempt { token, socket, stream })
            }
        }
    }

    /// A server has answered, or cannot be asked.
    pub(super) fn on_reply(&mut self, place: usize, buffer: &mut [u8], shared: &mut Shared) {
        let Some(attempt) = self.attempts.get_mut(place) else { return };
        let token = attempt.token;
        match attempt.receive(place, buffer, shared) {
            Ok(messages) => {
                for message in messages {
                    let step = self.resolver.reply(token, &message, shared.now, shared);
                    self.go_on(token.query(), step, shared);
                }
            }
            Err(rustix::io::Errno::AGAIN) => {}
            Err(_) => {
                self.attempts.remove(place);
                let step = self.resolver.failed(token, shared.now);
                self.go_on(token.query(), step, shared);
            }
        }
    }

    /// A program of the sandbox connects to ask.
    pub(super) fn accept(&mut self, door: usize, shared: &mut Shared) {
        let listener = &shared.gateway.doors[door].dns_tcp;
        while let Some(Accepted { socket, turned_away, .. }) = shared.acceptor.accept(listener) {
            if turned_away || self.askers.len() >= ASKERS {
                continue; // And closes it.
            }
            let source = Source::Asker(self.askers.vacant_key());
            if shared.reactor.add(&socket, source, When::Readable).is_ok() {
                let framing = Framing::new(LONGEST_QUERY);
                self.askers.insert(Asker { socket, framing, last: shared.now });
            }
        }
    }

    /// Questions over TCP.
    pub(super) fn on_asker(&mut self, place: usize, buffer: &mut [u8], shared: &mut Shared) {
        let Some(asker) = self.askers.get_mut(place) else { return };
        let messages = match rustix::net::recv(&asker.socket, &mut *buffer, RecvFlags::empty()) {
            Ok((length, _)) if length > 0 => asker.framing.push(&buffer[..length]).ok(),
            Err(rustix::io::Errno::AGAIN) => Some(Vec::new()),
            _ => None,
        };
        asker.last = shared.now;
        let Some(messages) = messages else { return self.forget_asker(place) };
        for message in messages {
            self.take(From::Tcp(place), &message, Transport::Tcp, shared);
        }
    }

    /// When [`Self::tick`] is to be called.
    pub(super) fn next(&self) -> Option<Instant> {
        let idle = self.askers.iter().map(|(_, asker)| asker.last + IDLE).min();
        [self.resolver.next_timeout(), idle].into_iter().flatten().min()
    }

    /// Servers that were silent for too long, and connections that are idle.
    pub(super) fn tick(&mut self, now: Instant, shared: &mut Shared) {
        for (query, step) in self.resolver.timeouts(now) {
            self.go_on(query, step, shared);
        }
        let idle = self.askers.iter().filter(|(_, asker)| now.duration_since(asker.last) >= IDLE);
        let idle: Vec<usize> = idle.map(|(place, _)| place).collect();
        idle.into_iter().for_each(|place| self.forget_asker(place));
    }

    /// Its place may soon be another's, who must not get its answers.
    fn forget_asker(&mut self, place: usize) {
        self.askers.try_remove(place);
        let asked = |question: &Question| matches!(question.from, From::Tcp(of) if of == place);
        let open = self.open.iter().filter(|(_, question)| asked(question));
        for query in open.map(|(&query, _)| query).collect::<Vec<_>>() {
            self.close(query);
            self.resolver.forget(query);
        }
    }
}

impl Attempt {
    /// Whole messages that have come.
    ///
    /// # Errors
    /// EAGAIN if there is nothing; otherwise the server cannot be asked so.
    fn receive(
        &mut self,
        place: usize,
        buffer: &mut [u8],
        shared: &Shared,
    ) -> rustix::io::Result<Vec<Vec<u8>>> {
        let Some((unsent, framing)) = &mut self.stream else {
            let (length, _) = rustix::net::recv(&self.socket, &mut *buffer, RecvFlags::empty())?;
            return Ok(vec![buffer[..length].to_vec()]);
        };
        if !unsent.is_empty() {
            let message = std::mem::take(unsent);
            rustix::net::send(&self.socket, &message, SendFlags::NOSIGNAL)?;
            shared.reactor.change(&self.socket, Source::Question(place), When::Readable)?;
            return Ok(Vec::new());
        }
        match rustix::net::recv(&self.socket, &mut *buffer, RecvFlags::empty())? {
            (0, _) => Err(rustix::io::Errno::CONNRESET),
            (length, _) => framing.push(&buffer[..length]).map_err(|_| rustix::io::Errno::MSGSIZE),
        }
    }
}
