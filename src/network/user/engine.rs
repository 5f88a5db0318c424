//! The thread that carries: one loop around `epoll(7)`.

use std::{
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::{event::epoll::Event, net::SendFlags};

use super::{
    acceptor::Acceptor,
    addresses::Addresses,
    dns::{Learnt, Names, Resolver},
    flowlog::{Direction, Flow, FlowLog},
    gateway::Gateway,
    gateway::hold::Verdict,
    ping::Pings,
    policy::names,
    policy::{Denial, Policy, Protocol},
    ports::Ports,
    publish::Published,
    questions::Questions,
    reactor::{self, Reactor, Ready, Source, When},
    tcp::Connections,
    udp::{self, Datagrams},
};
use crate::{
    network::named::Neighbours,
    sys::{self, Named},
};

/// How often what may have expired is looked at, while there is any.
pub(super) const TICK: Duration = Duration::from_secs(1);
/// How long the outside may take for what a sandbox has sent before its end.
const LINGER: Duration = Duration::from_secs(2);
/// Events taken at once.
const EVENTS: usize = 128;

/// What carries each protocol, and what they share.
#[derive(Debug)]
pub(super) struct Engine {
    shared: Shared,
    tcp: Connections,
    udp: Datagrams,
    ping: Pings,
    questions: Questions,
    ports: Ports,
    /// For one run of datagrams.
    buffer: Vec<u8>,
    stop: OwnedFd,
}

/// What every protocol needs.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) reactor: Reactor,
    pub(super) gateway: Gateway,
    pub(super) acceptor: Acceptor,
    pub(super) addresses: Addresses,
    pub(super) policy: Policy,
    /// Whom it shares named networks with.
    pub(super) neighbours: Option<Neighbours>,
    /// What the sandbox knows addresses by.
    pub(super) names: names::Names,
    pub(super) log: FlowLog,
    /// When the current round of events began.
    pub(super) now: Instant,
}

/// What the engine is to do.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) addresses: Addresses,
    pub(super) neighbours: Option<Neighbours>,
    pub(super) policy: Policy,
    pub(super) resolver: Resolver,
    pub(super) ports: Vec<Published>,
    pub(super) log: FlowLog,
}

impl Engine {
    /// # Errors
    /// What `epoll_ctl(2)` says.
    pub(super) fn new(gateway: Gateway, plan: Plan, stop: OwnedFd) -> sys::Result<Self> {
        let Plan { addresses, neighbours, policy, resolver, ports, log } = plan;
        let shared = Shared {
            reactor: Reactor::new()?,
            gateway,
            acceptor: Acceptor::new(),
            addresses,
            policy,
            neighbours,
            names: names::Names::default(),
            log,
            now: Instant::now(),
        };
        let engine = Self {
            shared,
            tcp: Connections::default(),
            udp: Datagrams::default(),
            ping: Pings::default(),
            questions: Questions::new(resolver),
            ports: Ports::new(ports),
            buffer: vec![0; udp::LONGEST],
            stop,
        };
        engine.listen().named(|| "epoll_ctl(EPOLL_CTL_ADD)".into())?;
        Ok(engine)
    }

    fn listen(&self) -> rustix::io::Result<()> {
        let Shared { reactor, gateway, .. } = &self.shared;
        reactor.add(&self.stop, Source::Stop, When::Readable)?;
        if let Some(queue) = &gateway.queue {
            reactor.add(queue, Source::Queue, When::Readable)?;
        }
        for (place, doors) in gateway.doors.iter().enumerate() {
            reactor.add(&doors.tcp, Source::Tcp(place), When::Readable)?;
            reactor.add(&doors.udp, Source::Udp(place), When::Readable)?;
            reactor.add(&doors.ping, Source::Ping(place), When::Readable)?;
            reactor.add(&doors.dns_udp, Source::Dns(place), When::Readable)?;
            reactor.add(&doors.dns_tcp, Source::DnsTcp(place), When::Readable)?;
        }
        self.ports.listen(reactor)
    }

    /// Carries until it is told to stop, and then what was sent before.
    pub(super) fn run(mut self) {
        let mut events: Vec<Event> = Vec::with_capacity(EVENTS);
        let mut next_tick = None;
        let mut timeout = None;
        while !self.round(&mut events, timeout) {
            let busy = self.tcp.after_events(&mut self.shared);
            if next_tick.is_none_or(|tick| tick <= self.shared.now) {
                next_tick = self.tick();
            }
            timeout = match busy {
                true => Some(Duration::ZERO),
                false => next_tick.map(|tick| tick.saturating_duration_since(Instant::now())),
            };
        }
        self.stop(&mut events);
    }

    /// Deals with what is ready; says whether to stop.
    fn round(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> bool {
        self.shared.reactor.wait(events, timeout);
        self.shared.now = Instant::now();
        let mut stop = false;
        for ready in events.iter().filter_map(reactor::ready) {
            stop |= ready.source == Source::Stop;
            self.handle(ready);
        }
        stop
    }

    /// The sandbox is gone, and may have sent something as its last deed.
    fn stop(mut self, events: &mut Vec<Event>) {
        let deadline = Instant::now() + LINGER;
        self.round(events, Some(Duration::ZERO));
        while self.tcp.is_sending() && Instant::now() < deadline {
            self.round(events, Some(Duration::from_millis(1)));
            self.tcp.after_events(&mut self.shared);
        }
        let Self { shared, tcp, udp, ping, .. } = &mut self;
        tcp.stop(shared);
        udp.stop(shared);
        ping.stop(shared);
    }

    fn handle(&mut self, ready: Ready) {
        let Self { shared, tcp, udp, ping, questions, ports, buffer, .. } = self;
        match ready.source {
            Source::Queue => tcp.ask(shared),
            Source::Tcp(door) => tcp.accept(door, shared),
            Source::Udp(door) => udp.admit(door, buffer, shared),
            Source::Ping(door) => ping.admit(door, buffer, shared),
            Source::Connection(index, end) => tcp.on_ready(index, end, ready, shared),
            Source::Datagrams(index, end) => udp.carry(index, end, buffer, shared),
            Source::Echo(index) => ping.carry(index, buffer, shared),
            Source::Dns(door) => questions.ask(door, buffer, shared),
            Source::DnsTcp(door) => questions.accept(door, shared),
            Source::Question(place) => questions.on_reply(place, buffer, shared),
            Source::Asker(place) => questions.on_asker(place, buffer, shared),
            Source::Port(place) => ports.on_ready(place, tcp, udp, buffer, shared),
            Source::Stop => {}
        }
    }

    /// Looks at what may have expired; says when to come again, if there is reason.
    fn tick(&mut self) -> Option<Instant> {
        let Self { shared, tcp, udp, ping, questions, .. } = self;
        let now = shared.now;
        questions.tick(now, shared);
        let any = udp.tick(now, shared) | ping.tick(now, shared);
        let next = [tcp.tick(now, shared), any.then(|| now + TICK), questions.next()];
        next.into_iter().flatten().min()
    }
}

impl Shared {
    /// Whether the sandbox may, and where it is to be carried.
    pub(super) fn admit(
        &mut self,
        protocol: Protocol,
        client: SocketAddr,
        destination: SocketAddr,
    ) -> Result<Flow, Denial> {
        let mut flow = Flow::new(protocol, Direction::Out, client, destination);
        flow.name = self.names.name(destination.ip(), self.now).map(Into::into);
        match self.policy.dial(protocol, destination, &self.names, self.now) {
            Ok(dialled) => {
                flow.dialled = dialled;
                Ok(flow)
            }
            Err(denial) => {
                self.log.denied(&flow, &denial);
                Err(denial)
            }
        }
    }

    pub(super) fn decide(&self, packet: u32, verdict: Verdict) {
        if let Some(queue) = &self.gateway.queue {
            queue.decide(packet, verdict);
        }
    }

    /// A flow has ended, or came to nothing.
    pub(super) fn record(&mut self, flow: &Flow) {
        self.log.ended(flow);
    }

    /// Something that the user should know.
    pub(super) fn tell(&self, text: &str) {
        self.log.tell(text);
    }

    /// Our resolver has told the sandbox.
    pub(super) fn learn(&mut self, learnt: &[Learnt]) {
        for Learnt { name, address, ttl } in learnt {
            self.names.learn(name, *address, *ttl, self.now);
        }
    }

    /// A packet for the sandbox, IP header and all.
    pub(super) fn send_raw(&self, client: IpAddr, packet: &[u8]) {
        if let Some(doors) = self.gateway.doors.get(usize::from(client.is_ipv6())) {
            let to = SocketAddr::new(client, 0);
            let _ = rustix::net::sendto(&doors.raw, packet, SendFlags::empty(), &to);
        }
    }
}

impl Names for Shared {
    fn may_resolve(&self, name: &str) -> Result<(), String> {
        self.policy.resolve(name).map_err(|denial| {
            self.log.tell_denial(&denial);
            denial.reason.to_string()
        })
    }

    fn may_show(&self, name: &str, address: IpAddr) -> bool {
        self.policy.may_show(name, address)
    }

    fn addresses(&self, name: &str) -> Option<Vec<IpAddr>> {
        self.neighbours.as_ref()?.addresses(name)
    }

    fn name(&self, address: IpAddr) -> Option<String> {
        self.neighbours.as_ref()?.name(address)
    }
}
