//! The supervisor's end of a sandbox that others attach to: its log, and a
//! socket.
//!
//! # Theory of operation
//!
//! Whatever the workload writes goes to the log and to every client, in that
//! order. A client that does not read holds the workload up, as a pipe would:
//! nothing is lost, and no memory fills ([`Keeper::may_read`]). What clients send
//! goes to the workload's standard input; it in turn holds the clients up.
//!
//! The first client may come with the sandbox: `run` without `-d`. When it
//! vanishes without having said that it detaches, the workload is killed; a
//! client that came later may go as it likes.

use std::{
    collections::VecDeque,
    io::{self, Write},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::Path,
};

use nix::{
    poll::{PollFd, PollFlags},
    sys::signal::Signal,
};
use rustix::termios::{Winsize, tcsetwinsize};

use super::{
    attach::{self, Frames, Message},
    log::{Log, Stream},
};
use crate::{
    oci::ExitStatus,
    sys::{Named, fs::set_nonblocking},
};

/// Bytes that wait for a client before the workload has to wait.
const MAX_WAITING: usize = 256 << 10;
/// Bytes that are read at once.
const PIECE: usize = 64 << 10;
/// How long the last words may take to reach a client.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// Where the streams of a sandbox go that has no terminal of ours.
#[derive(Debug)]
pub struct Keeper {
    log: Log,
    listener: UnixListener,
    clients: Vec<Client>,
    outputs: Vec<(Stream, OwnedFd)>,
    input: Option<OwnedFd>,
    /// Bytes on their way to the workload.
    waiting: VecDeque<u8>,
    /// Whether the input ends after these.
    last_input: bool,
    has_terminal: bool,
}

/// What a client wants of the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Deliver(Signal),
    /// Nobody is there any more who wanted the workload to run.
    End,
}

#[derive(Debug)]
struct Client {
    socket: UnixStream,
    frames: Frames,
    waiting: VecDeque<u8>,
    /// Whether the sandbox ends with it.
    is_owner: bool,
    /// Whether it wants what the workload writes.
    listens: bool,
}

impl Keeper {
    /// Opens the log and the socket in `directory`, with a first client if there
    /// is one.
    ///
    /// # Errors
    /// If one of them cannot be made.
    pub fn open(
        directory: &Path,
        options: crate::oci::LogOptions,
        owner: Option<UnixStream>,
    ) -> io::Result<Self> {
        let listener = attach::listen(directory)?;
        listener.set_nonblocking(true)?;
        let owner = owner.map(|socket| Client::new(socket, true)).transpose()?;
        Ok(Self {
            log: Log::open(directory, options)?,
            listener,
            clients: owner.into_iter().collect(),
            outputs: Vec::new(),
            input: None,
            waiting: VecDeque::new(),
            last_input: false,
            has_terminal: false,
        })
    }

    /// Takes the streams of a workload without a terminal.
    pub(super) fn take_pipes(&mut self, input: Option<OwnedFd>, stdout: OwnedFd, stderr: OwnedFd) {
        self.outputs = vec![(Stream::Stdout, stdout), (Stream::Stderr, stderr)];
        self.input = input.filter(|input| set_nonblocking(input).is_ok());
    }

    /// Takes a workload's terminal, and whether its user may type.
    pub(super) fn take_terminal(
        &mut self,
        terminal: OwnedFd,
        input: bool,
    ) -> crate::sys::Result<()> {
        let _ = set_nonblocking(&terminal);
        let copy = terminal.try_clone().named(|| "fcntl(F_DUPFD_CLOEXEC)".into())?;
        self.input = Some(copy).filter(|_| input);
        self.outputs = vec![(Stream::Stdout, terminal)];
        self.has_terminal = true;
        Ok(())
    }

    /// What to wait for, in the order that [`Keeper::serve`] takes the answers.
    pub(super) fn interests(&self) -> Vec<PollFd<'_>> {
        let mut all = vec![PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
        let reading = if self.may_read() { PollFlags::POLLIN } else { PollFlags::empty() };
        all.extend(self.outputs.iter().map(|(_, fd)| PollFd::new(fd.as_fd(), reading)));
        all.extend(self.clients.iter().map(|client| {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::POLLOUT, !client.waiting.is_empty());
            flags.set(PollFlags::POLLIN, self.waiting.is_empty());
            PollFd::new(client.socket.as_fd(), flags)
        }));
        let input = self.input.as_ref().filter(|_| !self.waiting.is_empty());
        all.extend(input.map(|input| PollFd::new(input.as_fd(), PollFlags::POLLOUT)));
        all
    }

    /// Deals with what has happened: an answer for each of
    /// [`Keeper::interests`].
    pub(super) fn serve(&mut self, ready: &[bool]) -> Vec<Wish> {
        let mut ready = ready.iter().copied();
        let somebody_came = ready.next().unwrap_or(false);
        let outputs: Vec<bool> = ready.by_ref().take(self.outputs.len()).collect();
        let clients: Vec<bool> = ready.by_ref().take(self.clients.len()).collect();
        self.relay(&outputs);
        let wishes = self.listen_to(&clients);
        self.feed();
        if somebody_came {
            self.welcome();
        }
        wishes
    }

    /// Whether clients have taken enough of what there was.
    fn may_read(&self) -> bool {
        self.clients.iter().all(|client| client.waiting.len() < MAX_WAITING)
    }

    fn relay(&mut self, ready: &[bool]) {
        let mut ready = ready.iter();
        let mut outputs = std::mem::take(&mut self.outputs);
        outputs.retain(|(stream, fd)| match ready.next() {
            Some(true) => self.relay_one(*stream, fd.as_fd()),
            _ => true,
        });
        self.outputs = outputs;
    }

    /// False if there will be nothing more; a terminal that its last user has
    /// left reads as an error, EIO.
    fn relay_one(&mut self, stream: Stream, fd: BorrowedFd<'_>) -> bool {
        let mut bytes = vec![0; PIECE];
        let bytes = match rustix::io::read(fd, &mut bytes[..]) {
            Ok(length @ 1..) => &bytes[..length],
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => return true,
            Ok(0) | Err(_) => return false,
        };
        self.log.write(stream, bytes);
        for client in self.clients.iter_mut().filter(|client| client.listens) {
            client.send(&Message::Output(stream, bytes));
        }
        true
    }

    fn listen_to(&mut self, ready: &[bool]) -> Vec<Wish> {
        let mut wishes = Vec::new();
        let mut clients = std::mem::take(&mut self.clients);
        let mut ready = ready.iter();
        clients.retain_mut(|client| {
            let is_ready = ready.next().is_some_and(|ready| *ready);
            !is_ready || self.hear(client, &mut wishes)
        });
        self.clients.extend(clients);
        wishes
    }

    /// False if the client has gone.
    fn hear(&mut self, client: &mut Client, wishes: &mut Vec<Wish>) -> bool {
        let is_there = client.flush() && client.frames.read(&mut client.socket);
        while let Some(message) = client.frames.next() {
            match message {
                Message::Input(bytes) => self.waiting.extend(bytes),
                Message::EndOfInput => self.last_input = true,
                Message::Resize { rows, columns } => self.resize(rows, columns),
                Message::Signal(number) => {
                    wishes.extend(Signal::try_from(number).map(Wish::Deliver));
                }
                Message::Detach => client.is_owner = false,
                Message::Watch => client.listens = false,
                Message::Output(..) | Message::Exit(_) => {}
            }
        }
        if !is_there && client.is_owner {
            wishes.push(Wish::End);
        }
        is_there
    }

    fn resize(&self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        for (_, terminal) in self.outputs.iter().filter(|_| self.has_terminal) {
            let _ = tcsetwinsize(terminal, size);
        }
    }

    /// Gives the workload what it will take.
    fn feed(&mut self) {
        let Some(input) = &self.input else { return self.waiting.clear() };
        while !self.waiting.is_empty() {
            match rustix::io::write(input, self.waiting.as_slices().0) {
                Ok(length) => drop(self.waiting.drain(..length)),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return,
                Err(_) => {
                    self.input = None; // It does not read any more.
                    return self.waiting.clear();
                }
            }
        }
        if std::mem::take(&mut self.last_input) {
            if self.has_terminal {
                let _ = rustix::io::write(input, &[attach::END_OF_TRANSMISSION]);
            } else {
                self.input = None;
            }
        }
    }

    fn welcome(&mut self) {
        while let Ok((socket, _)) = self.listener.accept() {
            self.clients.extend(Client::new(socket, false));
        }
    }

    /// Reads what the workload wrote before it ended.
    pub(super) fn drain(&mut self) {
        let mut outputs = std::mem::take(&mut self.outputs);
        for (stream, fd) in &mut outputs {
            let _ = set_nonblocking(&*fd);
            while has_something(fd.as_fd()) && self.relay_one(*stream, fd.as_fd()) {}
        }
        self.log.finish();
    }

    /// Bytes that the log could not take.
    pub(super) fn lost(&self) -> u64 {
        self.log.lost()
    }

    /// Tells the clients how it ended; the last words.
    pub(super) fn say_goodbye(&mut self, status: ExitStatus) {
        for client in &mut self.clients {
            let _ = client.socket.set_nonblocking(false);
            let _ = client.socket.set_write_timeout(Some(PATIENCE));
            client.send(&Message::Exit(status.code()));
            client.flush();
        }
        self.clients.clear();
    }
}

impl Client {
    fn new(socket: UnixStream, is_owner: bool) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let (frames, waiting) = (Frames::default(), VecDeque::new());
        Ok(Self { socket, frames, waiting, is_owner, listens: true })
    }

    fn send(&mut self, message: &Message<'_>) {
        message.write(&mut self.waiting);
        self.flush();
    }

    /// False if the client has gone.
    fn flush(&mut self) -> bool {
        while !self.waiting.is_empty() {
            match self.socket.write(self.waiting.as_slices().0) {
                Ok(length) => drop(self.waiting.drain(..length)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => {
                    self.waiting.clear();
                    return false;
                }
            }
        }
        true
    }
}

/// Whether a read would not wait; an end of file counts.
fn has_something(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
    matches!(nix::poll::poll(&mut fds, nix::poll::PollTimeout::ZERO), Ok(1..))
}
