//! Who waits for what: `epoll(7)` with names for its events.

use std::{
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use rustix::event::{
    Timespec,
    epoll::{self, CreateFlags, Event, EventData, EventFlags},
};

use super::relay::End;
use crate::sys::{self, Named};

/// What became ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// We are to stop.
    Stop,
    /// A SYN is held.
    Queue,
    /// Something came through a door, by its place in the list of families.
    Tcp(usize),
    Udp(usize),
    Ping(usize),
    Dns(usize),
    DnsTcp(usize),
    /// A published port.
    Port(usize),
    /// An end of a connection, of a flow of datagrams, of a series of pings.
    Connection(usize, End),
    Datagrams(usize, End),
    Echo(usize),
    /// A question on its way to the host's resolver, and who asked over TCP.
    Question(usize),
    Asker(usize),
}

/// When an event is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// As long as there is something to read.
    Readable,
    /// Once, when the other side has answered.
    Connected,
    /// Whenever either direction becomes ready again.
    Changed,
}

impl When {
    fn flags(self) -> EventFlags {
        match self {
            Self::Readable => EventFlags::IN,
            Self::Connected => EventFlags::OUT | EventFlags::ET,
            Self::Changed => EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET,
        }
    }
}

/// An event that was reported.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ready {
    pub(super) source: Source,
    pub(super) readable: bool,
    pub(super) writable: bool,
    pub(super) error: bool,
}

/// Descriptors being waited for. Closing one ends the wait for it.
#[derive(Debug)]
pub(super) struct Reactor {
    epoll: OwnedFd,
}

impl Reactor {
    pub(super) fn new() -> sys::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).named(|| "epoll_create1()".into())?;
        Ok(Self { epoll })
    }

    /// # Errors
    /// ENOSPC, ENOMEM: at a limit.
    pub(super) fn add(
        &self,
        descriptor: impl AsFd,
        source: Source,
        when: When,
    ) -> rustix::io::Result<()> {
        epoll::add(&self.epoll, descriptor, pack(source), when.flags())
    }

    pub(super) fn change(
        &self,
        descriptor: impl AsFd,
        source: Source,
        when: When,
    ) -> rustix::io::Result<()> {
        epoll::modify(&self.epoll, descriptor, pack(source), when.flags())
    }

    /// Waits for events, but no longer than `timeout`.
    pub(super) fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) {
        events.clear();
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: timeout.as_secs() as i64,
            tv_nsec: timeout.subsec_nanos().into(),
        });
        // EINTR is the only error there can be, and nothing is ready then.
        let _ = epoll::wait(&self.epoll, rustix::buffer::spare_capacity(events), timeout.as_ref());
    }
}

/// What an event says.
pub(super) fn ready(event: &Event) -> Option<Ready> {
    let flags = event.flags;
    let failed = flags.intersects(EventFlags::ERR | EventFlags::HUP);
    Some(Ready {
        source: unpack(event.data)?,
        readable: failed || flags.intersects(EventFlags::IN | EventFlags::RDHUP),
        writable: failed || flags.contains(EventFlags::OUT),
        error: flags.contains(EventFlags::ERR),
    })
}

/// Kind in the highest byte, end in the next, place in the lower half.
fn pack(source: Source) -> EventData {
    let (kind, end, place) = match source {
        Source::Stop => (0, End::Sandbox, 0),
        Source::Queue => (1, End::Sandbox, 0),
        Source::Tcp(place) => (2, End::Sandbox, place),
        Source::Udp(place) => (3, End::Sandbox, place),
        Source::Ping(place) => (4, End::Sandbox, place),
        Source::Dns(place) => (5, End::Sandbox, place),
        Source::DnsTcp(place) => (6, End::Sandbox, place),
        Source::Port(place) => (7, End::Sandbox, place),
        Source::Connection(place, end) => (8, end, place),
        Source::Datagrams(place, end) => (9, end, place),
        Source::Echo(place) => (10, End::Sandbox, place),
        Source::Question(place) => (11, End::Sandbox, place),
        Source::Asker(place) => (12, End::Sandbox, place),
    };
    EventData::new_u64(kind << 56 | (end as u64) << 48 | place as u64)
}

fn unpack(data: EventData) -> Option<Source> {
    let data = data.u64();
    let place = (data & 0xffff_ffff) as usize;
    let end = if data >> 48 & 1 == 0 { End::Sandbox } else { End::Host };
    Some(match data >> 56 {
        0 => Source::Stop,
        1 => Source::Queue,
        2 => Source::Tcp(place),
        3 => Source::Udp(place),
        4 => Source::Ping(place),
        5 => Source::Dns(place),
        6 => Source::DnsTcp(place),
        7 => Source::Port(place),
        8 => Source::Connection(place, end),
        9 => Source::Datagrams(place, end),
        10 => Source::Echo(place),
        11 => Source::Question(place),
        12 => Source::Asker(place),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_survives_the_way_through_the_kernel() {
        let sources = [
            Source::Stop,
            Source::Queue,
            Source::Tcp(1),
            Source::Port(7),
            Source::Connection(123_456, End::Host),
            Source::Datagrams(5, End::Sandbox),
            Source::Asker(9),
        ];
        for source in sources {
            assert_eq!(unpack(pack(source)), Some(source));
        }
    }
}
