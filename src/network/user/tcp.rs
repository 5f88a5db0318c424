//! Connections: held, dialled, let in, joined.
//!
//! # Theory of operation
//!
//! A SYN of the sandbox waits in the queue ([`Connections::ask`]) while we
//! dial. If the host side refuses, so does the gateway, with the same error. If
//! it answers, the SYN is let go, the gateway's kernel completes the handshake
//! with the sandbox's, and [`Connections::accept`] finds by the two addresses to
//! which dialled socket the new one belongs; a [`Relay`] joins them.
//!
//! Where no SYN can be held, `accept` comes first and dials itself; a
//! program inside then sees a connection that is reset instead of the error.
//!
//! A published port goes the other way ([`Connections::enter`]): the socket
//! that dials the sandbox has the address of the real client.
//!
//! Whoever asks and goes away while we dial leaves a dialled socket that nobody
//! will claim; [`Connections::tick`] closes it.

use std::{
    collections::HashMap,
    net::SocketAddr,
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use nix::errno::Errno;
use rustix::net::sockopt;
use slab::Slab;

use super::{
    engine::{Shared, TICK},
    flowlog::{Direction, Flow},
    gateway::Place,
    gateway::hold::{Held, Refusal, Verdict},
    policy::Protocol,
    reactor::{Ready, Source, When},
    relay::{End, Pipes, Progress, Relay, reset_on_close},
};
use crate::sys::socket::{self, Kind};

/// Connections that may be dialled at the same time.
const DIALLING: usize = 1024;
/// How long the sandbox may take to complete a handshake that it began.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long the peer of an end that is gone may take for what that end had sent.
const DELIVERY: Duration = Duration::from_secs(10);
/// How soon what is about to be possible is tried again.
const SOON: Duration = Duration::from_millis(20);
/// Connections that are accepted before others get their turn.
const TURNS: usize = 64;

/// Client and destination, as the sandbox sees them.
type Pair = (SocketAddr, SocketAddr);

#[derive(Debug, Default)]
pub(super) struct Connections {
    list: Slab<Connection>,
    /// Those that are not accepted yet.
    waiting: HashMap<Pair, usize>,
    pipes: Pipes,
    /// Ways that wait for their turn.
    again: Vec<(usize, End)>,
    breaking: Vec<usize>,
    /// Places to be free once the current events are dealt with: an event may
    /// still name them.
    closed: Vec<usize>,
}

#[derive(Debug)]
struct Connection {
    pair: Pair,
    stage: Stage,
    since: Instant,
    flow: Flow,
}

#[derive(Debug)]
enum Stage {
    /// The host side is asked, for a packet in the queue.
    Held {
        host: OwnedFd,
        packet: u32,
    },
    /// The host side has answered; the sandbox's side is to be accepted.
    Answered {
        host: OwnedFd,
    },
    /// One side is there, and the other is being dialled.
    Joining {
        sandbox: OwnedFd,
        host: OwnedFd,
        dialled: End,
    },
    Joined(Relay),
    /// One end is gone, and the other has still to get what that one had sent.
    Breaking(Relay),
    Closed,
}

impl Connections {
    /// SYNs are held.
    pub(super) fn ask(&mut self, shared: &mut Shared) {
        let mut buffer = [0u8; 16 << 10];
        loop {
            let Some(queue) = &shared.gateway.queue else { return };
            let Some(held) = queue.receive(&mut buffer) else { return };
            for held in held.collect::<Vec<Held>>() {
                if let Some(verdict) = self.dial_held(held, shared) {
                    shared.decide(held.packet, verdict);
                    if let Verdict::Pass = verdict {
                        // The handshake has taken place within the verdict.
                        self.accept(usize::from(held.client.is_ipv6()), shared);
                    }
                }
            }
        }
    }

    /// No verdict yet if the host side has still to answer.
    fn dial_held(&mut self, held: Held, shared: &mut Shared) -> Option<Verdict> {
        let pair = (held.client, held.destination);
        if self.waiting.contains_key(&pair) || self.waiting.len() >= DIALLING {
            return Some(Verdict::Drop); // Asked again, or to be asked again.
        }
        let mut flow = match shared.admit(Protocol::Tcp, pair.0, pair.1) {
            Ok(flow) => flow,
            Err(_) => return Some(Verdict::Refuse(Refusal::Prohibited)),
        };
        match dial(flow.dialled) {
            Ok((host, connected)) => {
                let index = self.list.vacant_key();
                let source = Source::Connection(index, End::Host);
                let stage = match connected {
                    true => Stage::Answered { host },
                    false => {
                        let _ = shared.reactor.add(&host, source, When::Connected);
                        Stage::Held { host, packet: held.packet }
                    }
                };
                self.insert(pair, stage, flow);
                connected.then_some(Verdict::Pass)
            }
            Err(errno) => {
                flow.failed(errno);
                shared.record(&flow);
                Some(Refusal::of(errno).map_or(Verdict::Drop, Verdict::Refuse))
            }
        }
    }

    fn insert(&mut self, pair: Pair, stage: Stage, flow: Flow) -> usize {
        let is_waiting = matches!(stage, Stage::Held { .. } | Stage::Answered { .. });
        let since = Instant::now();
        let index = self.list.insert(Connection { pair, stage, since, flow });
        if is_waiting {
            self.waiting.insert(pair, index);
        }
        index
    }

    /// The sandbox's side has completed its handshake with the gateway.
    pub(super) fn accept(&mut self, door: usize, shared: &mut Shared) {
        for _ in 0..TURNS {
            let listener = &shared.gateway.doors[door].tcp;
            let Some(accepted) = shared.acceptor.accept(listener) else { return };
            let sandbox = accepted.socket;
            let destination = rustix::net::getsockname(&sandbox);
            let pair = destination.ok();
            let pair = pair.and_then(|to| Some((plain(accepted.client)?, plain(to)?)));
            let Some(pair) = pair else { continue };
            match (self.waiting.remove(&pair), accepted.turned_away) {
                (Some(index), true) => self.give_up(index, shared),
                (None, true) => {}
                (Some(index), false) => self.claim(index, sandbox, shared),
                (None, false) => self.dial_accepted(pair, sandbox, shared),
            }
        }
    }

    /// Joins a connection to the one that was dialled for it.
    fn claim(&mut self, index: usize, sandbox: OwnedFd, shared: &mut Shared) {
        match std::mem::replace(&mut self.list[index].stage, Stage::Closed) {
            Stage::Answered { host } => self.join(index, sandbox, host, shared),
            _ => {
                reset_on_close(&sandbox);
                self.close(index, shared);
            }
        }
    }

    /// There is no descriptor for the sandbox's side.
    fn give_up(&mut self, index: usize, shared: &mut Shared) {
        if let Stage::Answered { host } = &self.list[index].stage {
            reset_on_close(host);
        }
        self.list[index].flow.failed(Errno::EMFILE);
        self.close(index, shared);
    }

    /// Where SYNs are not held.
    fn dial_accepted(&mut self, pair: Pair, sandbox: OwnedFd, shared: &mut Shared) {
        let Ok(mut flow) = shared.admit(Protocol::Tcp, pair.0, pair.1) else {
            reset_on_close(&sandbox);
            return;
        };
        match dial(flow.dialled) {
            Ok((host, _)) => {
                let source = Source::Connection(self.list.vacant_key(), End::Host);
                let _ = shared.reactor.add(&host, source, When::Connected);
                self.insert(pair, Stage::Joining { sandbox, host, dialled: End::Host }, flow);
            }
            Err(errno) => {
                flow.failed(errno);
                shared.record(&flow);
                reset_on_close(&sandbox);
            }
        }
    }

    /// A client of a published port: its connection, its address, and where in
    /// the sandbox it is to go.
    pub(super) fn enter(
        &mut self,
        host: OwnedFd,
        client: SocketAddr,
        to: SocketAddr,
        shared: &mut Shared,
    ) {
        let flow = Flow::new(Protocol::Tcp, Direction::In, client, to);
        // What comes from the host's loopback comes from the sandbox's as well.
        let place = if client.ip().is_loopback() { Place::Sandbox } else { Place::Gateway };
        let sandbox = shared.gateway.sockets.open(place, Kind::Tcp, to.ip()).and_then(|socket| {
            rustix::net::bind(&socket, &client)
                .or_else(|_| rustix::net::bind(&socket, &SocketAddr::new(client.ip(), 0)))?;
            match rustix::net::connect(&socket, &to) {
                Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(socket),
                Err(error) => Err(error),
            }
        });
        match sandbox {
            Ok(sandbox) => {
                let source = Source::Connection(self.list.vacant_key(), End::Sandbox);
                let _ = shared.reactor.add(&sandbox, source, When::Connected);
                let stage = Stage::Joining { sandbox, host, dialled: End::Sandbox };
                self.insert((client, to), stage, flow);
            }
            Err(error) => {
                let mut flow = flow;
                flow.failed(Errno::from_raw(error.raw_os_error()));
                shared.record(&flow);
                reset_on_close(&host);
            }
        }
    }

    /// Something happened to one end.
    pub(super) fn on_ready(&mut self, index: usize, end: End, ready: Ready, shared: &mut Shared) {
        let Some(connection) = self.list.get_mut(index) else { return };
        match std::mem::replace(&mut connection.stage, Stage::Closed) {
            Stage::Held { host, packet } => self.answered(index, host, packet, shared),
            Stage::Joining { sandbox, host, dialled } if dialled == end => {
                let socket = if end == End::Host { &host } else { &sandbox };
                match outcome(socket) {
                    Ok(()) => self.join(index, sandbox, host, shared),
                    Err(errno) => {
                        [&sandbox, &host].into_iter().for_each(reset_on_close);
                        self.list[index].flow.failed(errno);
                        self.close(index, shared);
                    }
                }
            }
            Stage::Joined(relay) => {
                connection.stage = Stage::Joined(relay);
                self.carry(index, end, ready, shared);
            }
            other => connection.stage = other,
        }
    }

    /// The host side has answered, one way or the other.
    fn answered(&mut self, index: usize, host: OwnedFd, packet: u32, shared: &mut Shared) {
        match outcome(&host) {
            Ok(()) => {
                let connection = &mut self.list[index];
                connection.since = Instant::now();
                connection.stage = Stage::Answered { host };
                shared.decide(packet, Verdict::Pass);
            }
            Err(errno) => {
                let verdict = Refusal::of(errno).map_or(Verdict::Drop, Verdict::Refuse);
                shared.decide(packet, verdict);
                self.list[index].flow.failed(errno);
                self.close(index, shared);
            }
        }
    }

    fn join(&mut self, index: usize, sandbox: OwnedFd, host: OwnedFd, shared: &mut Shared) {
        for (socket, end) in [(&sandbox, End::Sandbox), (&host, End::Host)] {
            let source = Source::Connection(index, end);
            // The one that was dialled is known already.
            let _ = shared
                .reactor
                .add(socket, source, When::Changed)
                .or_else(|_| shared.reactor.change(socket, source, When::Changed));
        }
        self.list[index].stage = Stage::Joined(Relay::new(sandbox, host));
    }

    fn carry(&mut self, index: usize, end: End, ready: Ready, shared: &mut Shared) {
        if ready.readable {
            self.pump(index, end, shared);
        }
        if ready.writable {
            self.pump(index, end.other(), shared);
        }
        let stage = self.list.get(index).map(|connection| &connection.stage);
        if let (true, Some(Stage::Joined(relay))) = (ready.error, stage)
            && relay.is_broken(end)
        {
            self.end(index, Progress::Broken, shared);
        }
    }

    fn pump(&mut self, index: usize, from: End, shared: &mut Shared) {
        let Some(Connection { stage: Stage::Joined(relay), .. }) = self.list.get_mut(index) else {
            return;
        };
        match relay.pump(from, &mut self.pipes) {
            Progress::Waits => {}
            Progress::More => self.again.push((index, from)),
            ended => self.end(index, ended, shared),
        }
    }

    fn end(&mut self, index: usize, how: Progress, shared: &mut Shared) {
        let connection = &mut self.list[index];
        match std::mem::replace(&mut connection.stage, Stage::Closed) {
            Stage::Joined(relay) if how == Progress::Broken && !relay.is_delivered() => {
                connection.since = shared.now;
                connection.stage = Stage::Breaking(relay);
                self.breaking.push(index);
                return;
            }
            stage => connection.stage = stage,
        }
        self.finish(index, how, shared);
    }

    fn finish(&mut self, index: usize, how: Progress, shared: &mut Shared) {
        let connection = &mut self.list[index];
        let stage = std::mem::replace(&mut connection.stage, Stage::Closed);
        if let Stage::Joined(relay) | Stage::Breaking(relay) = stage {
            connection.flow.sent = relay.carried_from(End::Sandbox);
            connection.flow.received = relay.carried_from(End::Host);
            if how == Progress::Broken {
                relay.break_off();
            }
        }
        self.close(index, shared);
    }

    /// Resets what has been delivered meanwhile, or was given time enough.
    fn break_delivered(&mut self, now: Instant, shared: &mut Shared) {
        for index in std::mem::take(&mut self.breaking) {
            let connection = &self.list[index];
            let Stage::Breaking(relay) = &connection.stage else { continue };
            match relay.is_delivered() || now.duration_since(connection.since) > DELIVERY {
                true => self.finish(index, Progress::Broken, shared),
                false => self.breaking.push(index),
            }
        }
    }

    fn close(&mut self, index: usize, shared: &mut Shared) {
        let connection = &mut self.list[index];
        connection.stage = Stage::Closed;
        if self.waiting.get(&connection.pair) == Some(&index) {
            self.waiting.remove(&connection.pair);
        }
        shared.record(&connection.flow);
        self.closed.push(index);
    }

    /// After a round of events: what had to wait for its turn. Says whether there
    /// is still something to do.
    pub(super) fn after_events(&mut self, shared: &mut Shared) -> bool {
        for (index, from) in std::mem::take(&mut self.again) {
            self.pump(index, from, shared);
        }
        for index in self.closed.drain(..) {
            self.list.remove(index);
        }
        !self.again.is_empty()
    }

    /// Once in a while: what nobody claims is closed, and what was delivered.
    /// Says when there is reason to come again.
    pub(super) fn tick(&mut self, now: Instant, shared: &mut Shared) -> Option<Instant> {
        self.break_delivered(now, shared);
        let late = |index: &usize| {
            let connection = &self.list[*index];
            matches!(connection.stage, Stage::Answered { .. })
                && now.duration_since(connection.since) > HANDSHAKE
        };
        let late: Vec<usize> = self.waiting.values().copied().filter(late).collect();
        for index in late {
            if let Stage::Answered { host } = &self.list[index].stage {
                reset_on_close(host);
            }
            self.list[index].flow.failed(Errno::ECONNABORTED);
            self.close(index, shared);
        }
        let soon = !self.breaking.is_empty();
        let pause = if soon { SOON } else { TICK };
        (soon || !self.waiting.is_empty()).then(|| now + pause)
    }

    /// Whether something that the sandbox has sent is still on its way.
    pub(super) fn is_sending(&self) -> bool {
        let mut stages = self.list.iter().map(|(_, connection)| &connection.stage);
        stages.any(|stage| match stage {
            Stage::Joined(relay) => !relay.has_delivered(End::Sandbox),
            Stage::Breaking(relay) => !relay.is_delivered(),
            _ => false,
        })
    }

    /// At the end of the sandbox.
    pub(super) fn stop(&mut self, shared: &mut Shared) {
        let all: Vec<usize> = self.list.iter().map(|(index, _)| index).collect();
        for index in all {
            let how = match &self.list[index].stage {
                Stage::Closed => continue,
                Stage::Joined(relay) if relay.has_delivered(End::Sandbox) => Progress::Done,
                _ => Progress::Broken,
            };
            self.finish(index, how, shared);
        }
    }
}

/// A connection to `destination` that is under way, or there already.
fn dial(destination: SocketAddr) -> Result<(OwnedFd, bool), Errno> {
    let raw = |error: rustix::io::Errno| Errno::from_raw(error.raw_os_error());
    let socket = socket::open(Kind::Tcp, destination.ip()).map_err(raw)?;
    match rustix::net::connect(&socket, &destination) {
        Ok(()) => return Ok((socket, true)),
        Err(rustix::io::Errno::INPROGRESS) => {}
        Err(error) => return Err(raw(error)),
    }
    // Who is near has answered by now, and to ask is cheaper than to wait.
    match rustix::net::connect(&socket, &destination) {
        Ok(()) => Ok((socket, true)),
        Err(rustix::io::Errno::ALREADY) => Ok((socket, false)),
        Err(error) => Err(raw(error)),
    }
}

/// How dialling has ended.
fn outcome(socket: impl AsFd) -> Result<(), Errno> {
    match sockopt::socket_error(socket) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) | Err(error) => Err(Errno::from_raw(error.raw_os_error())),
    }
}

/// Without what IPv6 adds to an address for one machine only.
pub(super) fn plain(address: rustix::net::SocketAddrAny) -> Option<SocketAddr> {
    let address = SocketAddr::try_from(address).ok()?;
    Some(SocketAddr::new(address.ip(), address.port()))
}
