//! A client's end: our streams and signals, for a sandbox that somebody else
//! watches over.

use std::{
    collections::VecDeque,
    io::{self, Write},
    os::{fd::AsFd, unix::net::UnixStream},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{Signal, raise},
        signalfd::SignalFd,
    },
};
use rustix::{stdio, termios::tcgetwinsize};

use super::{
    attach::{Frames, Message},
    log::Stream,
    supervise,
    terminal::{Raw, write_all},
};

/// How to be attached.
#[derive(Debug, Clone)]
pub struct Client {
    /// Whether the workload gets what we read.
    pub stdin: bool,
    /// Whether the workload has a terminal.
    pub terminal: bool,
    /// Whether the workload gets our signals.
    pub signals: bool,
    /// What leaves the sandbox running; nothing if it is empty.
    pub detach_keys: Vec<u8>,
}

/// Why a client came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The workload ended, with this exit code.
    Exited(u8),
    /// The user left.
    Detached,
    /// The supervisor vanished.
    Lost,
}

struct Session<'a> {
    client: &'a Client,
    socket: UnixStream,
    frames: Frames,
    signals: Option<SignalFd>,
    reading_stdin: bool,
    /// How many of the keys that detach have been typed.
    typed: usize,
}

impl Client {
    /// Relays until one side ends.
    ///
    /// # Errors
    /// If the kernel does not let us.
    pub fn relay(&self, socket: UnixStream) -> io::Result<Outcome> {
        let signals = self.signals.then(supervise::take_signals).transpose();
        let signals = signals.map_err(|error| io::Error::from(error.errno))?;
        let _raw = (self.terminal && self.stdin).then(Raw::enter);
        let reading_stdin = self.stdin;
        let frames = Frames::default();
        let mut session =
            Session { client: self, socket, frames, signals, reading_stdin, typed: 0 };
        session.resize();
        loop {
            if let Some(outcome) = session.step()? {
                return Ok(outcome);
            }
        }
    }
}

impl Session<'_> {
    fn step(&mut self) -> io::Result<Option<Outcome>> {
        let [socket, stdin, signal] = self.sleep()?;
        if signal {
            self.pass_signals_on();
        }
        if stdin && self.reading_stdin && self.read_stdin() {
            self.send(&Message::Detach);
            return Ok(Some(Outcome::Detached));
        }
        Ok(if socket { self.hear() } else { None })
    }

    fn sleep(&self) -> io::Result<[bool; 3]> {
        let mut fds = vec![PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        let stdin = if self.reading_stdin { PollFlags::POLLIN } else { PollFlags::empty() };
        fds.push(PollFd::new(stdio::stdin(), stdin));
        fds.extend(self.signals.iter().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN)));
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let ready = |n: usize| fds.get(n).and_then(PollFd::any).unwrap_or(false);
        Ok([ready(0), ready(1), ready(2)])
    }

    fn pass_signals_on(&mut self) {
        while let Some(Ok(Some(info))) = self.signals.as_ref().map(SignalFd::read_signal) {
            match Signal::try_from(info.ssi_signo as i32) {
                Ok(Signal::SIGWINCH) => self.resize(),
                Ok(Signal::SIGTSTP) => drop(raise(Signal::SIGSTOP)),
                Ok(Signal::SIGCHLD | Signal::SIGCONT) | Err(_) => {}
                Ok(signal) => self.send(&Message::Signal(signal as i32)),
            }
        }
    }

    fn resize(&mut self) {
        let size = tcgetwinsize(stdio::stdout()).or_else(|_| tcgetwinsize(stdio::stdin()));
        if let (Ok(size), true) = (size, self.client.terminal) {
            self.send(&Message::Resize { rows: size.ws_row, columns: size.ws_col });
        }
    }

    /// True if the user wants to leave.
    fn read_stdin(&mut self) -> bool {
        let mut bytes = [0; 16 << 10];
        match rustix::io::read(stdio::stdin(), &mut bytes) {
            Ok(length @ 1..) => {
                let (typed, leaves) = self.without_keys(&bytes[..length]);
                self.send(&Message::Input(&typed));
                return leaves;
            }
            Err(rustix::io::Errno::INTR) => {}
            Ok(_) | Err(_) => {
                self.reading_stdin = false;
                self.send(&Message::EndOfInput);
            }
        }
        false
    }

    /// What the workload gets of what was typed, and whether the user wants to
    /// leave. A beginning of the keys waits for what comes next.
    fn without_keys(&mut self, bytes: &[u8]) -> (Vec<u8>, bool) {
        let keys = &self.client.detach_keys;
        if keys.is_empty() || !self.client.terminal {
            return (bytes.into(), false);
        }
        let mut rest = Vec::with_capacity(bytes.len());
        for byte in bytes {
            if keys.get(self.typed) == Some(byte) {
                self.typed += 1;
                if self.typed == keys.len() {
                    return (rest, true);
                }
                continue;
            }
            rest.extend(&keys[..self.typed]);
            self.typed = usize::from(keys[0] == *byte);
            rest.extend(Some(byte).filter(|_| self.typed == 0));
        }
        (rest, false)
    }

    fn hear(&mut self) -> Option<Outcome> {
        let is_there = self.frames.read(&mut self.socket);
        while let Some(message) = self.frames.next() {
            match message {
                Message::Output(Stream::Stdout, bytes) => write_all(stdio::stdout(), bytes),
                Message::Output(Stream::Stderr, bytes) => write_all(stdio::stderr(), bytes),
                Message::Exit(code) => return Some(Outcome::Exited(code)),
                _ => {}
            }
        }
        (!is_there).then_some(Outcome::Lost)
    }

    /// A supervisor that has gone is noticed when it is heard no more.
    fn send(&mut self, message: &Message<'_>) {
        let mut bytes = VecDeque::new();
        message.write(&mut bytes);
        let _ = self.socket.write_all(bytes.make_contiguous());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_detach_are_not_passed_on() {
        let client =
            Client { stdin: true, terminal: true, signals: false, detach_keys: vec![16, 17] };
        let (socket, _other) = UnixStream::pair().unwrap();
        let frames = Frames::default();
        let mut session = Session {
            client: &client,
            socket,
            frames,
            signals: None,
            reading_stdin: true,
            typed: 0,
        };
        assert_eq!(session.without_keys(b"ab\x10c"), (b"ab\x10c".to_vec(), false));
        assert_eq!(session.without_keys(b"x\x10"), (b"x".to_vec(), false));
        assert_eq!(session.without_keys(b"\x10\x10"), (b"\x10\x10".to_vec(), false));
        assert_eq!(session.without_keys(b"\x11z"), (Vec::new(), true));
    }
}
