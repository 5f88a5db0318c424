//! Two connections joined into one, without a byte of it passing through here.
//!
//! Each *way* goes from one end into a pipe and from the pipe into the other end,
//! by `splice(2)`. A way has a pipe only while bytes are in flight, so that an
//! idle connection costs two descriptors and nothing else. Where there is no pipe
//! to be had, bytes are copied (`copy`): a connection must be able to end when
//! descriptors are used up, for that is how there will be some again.
//!
//! An end that has finished sending is told to the other by `shutdown(2)`, and an
//! end that is gone by a reset. What it had sent before still arrives, as it
//! would without us: the way that comes from it is emptied first
//! ([`Relay::pump`]), and the reset waits for the other end to have everything
//! ([`Relay::is_delivered`]).

use std::{os::fd::OwnedFd, time::Duration};

use rustix::{
    io::Errno,
    net::{RecvFlags, SendFlags, Shutdown, sockopt},
    pipe::{PipeFlags, SpliceFlags},
};

use crate::sys::socket;

/// What a pipe is to hold; the limit for ordinary users is usually 1 MiB.
const PIPE_SIZE: usize = 256 << 10;
/// How much is copied at once where there is no pipe.
const COPIED: usize = 16 << 10;
/// How many empty pipes are kept for the next who needs one.
const SPARE_PIPES: usize = 32;
/// How often a way is tried before others get their turn.
const TURNS: usize = 32;

/// The two ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Sandbox,
    Host,
}

impl End {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Sandbox => Self::Host,
            Self::Host => Self::Sandbox,
        }
    }
}

/// Two connected sockets, and what is between them.
#[derive(Debug)]
pub(super) struct Relay {
    ends: [OwnedFd; 2],
    ways: [Way; 2],
    /// An end is gone.
    broken: bool,
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    pipe: Option<Pipe>,
    /// Bytes in the pipe.
    held: usize,
    /// Bytes that have left it.
    carried: u64,
    /// The end that sends will send no more.
    ended: bool,
    /// The end that receives has been told so.
    told: bool,
}

/// How it stands after some work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing to do until an end is ready again.
    Waits,
    /// There is more to do, but others had to wait.
    More,
    /// Both ends have sent all they had to send.
    Done,
    /// One end is gone, and the other has to be told by a reset.
    Broken,
}

impl Relay {
    pub(super) fn new(sandbox: OwnedFd, host: OwnedFd) -> Self {
        for end in [&sandbox, &host] {
            // Whoever sends has decided when; a delay here would come on top.
            let _ = sockopt::set_tcp_nodelay(end, true);
        }
        find_dead_peers(&host);
        Self { ends: [sandbox, host], ways: Default::default(), broken: false }
    }

    pub(super) fn end(&self, end: End) -> &OwnedFd {
        &self.ends[end as usize]
    }

    /// Bytes that were sent by an end and have reached the other.
    pub(super) fn carried_from(&self, end: End) -> u64 {
        self.ways[end as usize].carried
    }

    /// Moves what `from` has sent, as far as it goes.
    pub(super) fn pump(&mut self, from: End, pipes: &mut Pipes) -> Progress {
        match self.pump_way(from, pipes) {
            Ok(Progress::Waits) if self.ways.iter().all(|way| way.told) => match self.broken {
                true => Progress::Broken,
                false => Progress::Done,
            },
            Ok(progress) => progress,
            Err(Gone::Source) => Progress::Broken,
            Err(Gone::Sink) if self.broken => Progress::Broken,
            Err(Gone::Sink) => {
                self.broken = true;
                self.ways[from as usize] = Way::closed(self.carried_from(from));
                self.pump(from.other(), pipes)
            }
        }
    }

    fn pump_way(&mut self, from: End, pipes: &mut Pipes) -> Result<Progress, Gone> {
        let way = &mut self.ways[from as usize];
        let (source, sink) = (&self.ends[from as usize], &self.ends[from.other() as usize]);
        let progress = way.pump(source, sink, pipes);
        if way.held == 0 {
            pipes.give_back(way.pipe.take());
        }
        progress
    }

    /// Whether an end has finished sending, and the other has everything.
    pub(super) fn has_delivered(&self, from: End) -> bool {
        let way = &self.ways[from as usize];
        way.told && socket::unacknowledged(self.end(from.other())) == 0
    }

    /// Whether both ends have everything that was for them.
    pub(super) fn is_delivered(&self) -> bool {
        self.ends.iter().all(|end| socket::unacknowledged(end) == 0)
    }

    /// Whether an end reports an error, such as a reset, outside of a transfer.
    pub(super) fn is_broken(&self, end: End) -> bool {
        !matches!(sockopt::socket_error(self.end(end)), Ok(Ok(())))
    }

    /// Closes both ends by a reset, and returns pipes that hold nothing.
    pub(super) fn break_off(self) {
        self.ends.iter().for_each(reset_on_close);
    }
}

/// Which end it is that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gone {
    Source,
    Sink,
}

impl Way {
    /// One whose receiver is gone.
    fn closed(carried: u64) -> Self {
        Self { pipe: None, held: 0, carried, ended: true, told: true }
    }

    fn pump(
        &mut self,
        source: &OwnedFd,
        sink: &OwnedFd,
        pipes: &mut Pipes,
    ) -> Result<Progress, Gone> {
        for _ in 0..TURNS {
            if self.told {
                return Ok(Progress::Waits);
            }
            match self.pipe.take().or_else(|| pipes.take()) {
                Some(pipe) => {
                    let pipe = self.pipe.insert(pipe);
                    if self.held == 0 && !self.ended {
                        let taken = splice(source, &pipe.input, PIPE_SIZE);
                        match taken.map_err(|_| Gone::Source)? {
                            None => return Ok(Progress::Waits),
                            Some(0) => self.ended = true,
                            Some(count) => self.held = count,
                        }
                    }
                    while self.held > 0 {
                        let sent = splice(&pipe.output, sink, self.held);
                        let sent = sent.map_err(|_| Gone::Sink)?;
                        let Some(count) = sent else { return Ok(Progress::Waits) };
                        self.held -= count;
                        self.carried += count as u64;
                    }
                }
                None if self.ended => {}
                None => match copy(source, sink)? {
                    None => return Ok(Progress::Waits),
                    Some(0) => self.ended = true,
                    Some(count) => self.carried += count as u64,
                },
            }
            if self.ended {
                // An end that is gone already needs not be told.
                let _ = rustix::net::shutdown(sink, Shutdown::Write);
                self.told = true;
            }
        }
        Ok(Progress::More)
    }
}

/// Without a pipe: what the sink takes at once, and nothing if either end would
/// block.
fn copy(source: &OwnedFd, sink: &OwnedFd) -> Result<Option<usize>, Gone> {
    let mut bytes = [0u8; COPIED];
    let look = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    let there = match rustix::net::recv(source, &mut bytes, look) {
        Ok((0, _)) => return Ok(Some(0)),
        Ok((count, _)) => count,
        Err(Errno::AGAIN) => return Ok(None),
        Err(_) => return Err(Gone::Source),
    };
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    let sent = match rustix::net::send(sink, &bytes[..there], flags) {
        Ok(count) => count,
        Err(Errno::AGAIN) => return Ok(None),
        Err(_) => return Err(Gone::Sink),
    };
    let taken = rustix::net::recv(source, &mut bytes[..sent], RecvFlags::DONTWAIT);
    taken.map(|_| Some(sent)).map_err(|_| Gone::Source)
}

/// Nothing if it would block.
fn splice(from: &OwnedFd, to: &OwnedFd, length: usize) -> Result<Option<usize>, Errno> {
    loop {
        let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
        match rustix::pipe::splice(from, None, to, None, length, flags) {
            Ok(count) => return Ok(Some(count)),
            Err(Errno::AGAIN) => return Ok(None),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Closing this socket sends a reset instead of an end.
pub(super) fn reset_on_close(socket: &OwnedFd) {
    let _ = sockopt::set_socket_linger(socket, Some(Duration::ZERO));
}

/// The sandbox's own keepalive gets no further than the gateway.
fn find_dead_peers(host: &OwnedFd) {
    let _ = sockopt::set_tcp_keepidle(host, Duration::from_mins(2));
    let _ = sockopt::set_tcp_keepintvl(host, Duration::from_secs(30));
    let _ = sockopt::set_tcp_keepcnt(host, 4);
    let _ = sockopt::set_socket_keepalive(host, true);
}

#[derive(Debug)]
struct Pipe {
    output: OwnedFd,
    input: OwnedFd,
}

/// Pipes that are empty and wait for use.
#[derive(Debug, Default)]
pub(super) struct Pipes {
    spare: Vec<Pipe>,
}

impl Pipes {
    /// None at a limit: of descriptors, or of memory for the user's pipes.
    fn take(&mut self) -> Option<Pipe> {
        self.spare.pop().or_else(|| {
            let flags = PipeFlags::CLOEXEC | PipeFlags::NONBLOCK;
            let (output, input) = rustix::pipe::pipe_with(flags).ok()?;
            // A small one will do where there may be no large one (`pipe(7)`,
            // pipe-user-pages-soft).
            let _ = rustix::pipe::fcntl_setpipe_size(&input, PIPE_SIZE);
            Some(Pipe { output, input })
        })
    }

    fn give_back(&mut self, pipe: Option<Pipe>) {
        if self.spare.len() < SPARE_PIPES {
            self.spare.extend(pipe);
        }
    }
}
