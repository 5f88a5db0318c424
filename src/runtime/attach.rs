//! What a client and the supervisor of a sandbox say to each other.
//!
//! A stream socket called `attach` in the sandbox's directory; each message is a
//! byte for its kind, its length (32 bits, little endian), and its content.
//!
//! ```text
//! client ──▶ supervisor   Input, EndOfInput, Resize, Signal, Detach, Watch
//! client ◀── supervisor   Output, and at last Exit
//! ```

use std::{
    collections::VecDeque,
    io::{self, Read},
    os::{
        fd::AsRawFd,
        unix::net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

use super::log::Stream;

/// Ctrl-D: what a terminal's user types at the end of input.
pub(super) const END_OF_TRANSMISSION: u8 = 4;
/// The socket's name.
const SOCKET: &str = "attach";
/// Longest content of a message, in bytes.
const LONGEST: usize = 64 << 10;
const HEADER: usize = 5;

/// One message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message<'a> {
    Input(&'a [u8]),
    EndOfInput,
    Resize {
        rows: u16,
        columns: u16,
    },
    /// For the workload, by its number.
    Signal(i32),
    /// The sandbox goes on without this client.
    Detach,
    /// This client wants no output, only to know how it ends.
    Watch,
    Output(Stream, &'a [u8]),
    /// The workload's exit code.
    Exit(u8),
}

impl<'a> Message<'a> {
    /// Appends it to what is to be sent.
    pub(super) fn write(&self, to: &mut VecDeque<u8>) {
        let number = |number: i32| number.to_le_bytes().to_vec();
        let (kind, content): (u8, std::borrow::Cow<'_, [u8]>) = match self {
            Self::Input(bytes) => (0, (*bytes).into()),
            Self::EndOfInput => (1, Vec::new().into()),
            Self::Resize { rows, columns } => {
                (2, [rows.to_le_bytes(), columns.to_le_bytes()].concat().into())
            }
            Self::Signal(signal) => (3, number(*signal).into()),
            Self::Detach => (4, Vec::new().into()),
            Self::Output(Stream::Stdout, bytes) => (5, (*bytes).into()),
            Self::Output(Stream::Stderr, bytes) => (6, (*bytes).into()),
            Self::Exit(code) => (7, vec![*code].into()),
            Self::Watch => (8, Vec::new().into()),
        };
        to.push_back(kind);
        to.extend((content.len() as u32).to_le_bytes());
        to.extend(content.iter());
    }

    fn parse(kind: u8, content: &'a [u8]) -> Option<Self> {
        let pair = |at: usize| content.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes);
        Some(match kind {
            0 => Self::Input(content),
            1 => Self::EndOfInput,
            2 => Self::Resize { rows: pair(0)?, columns: pair(2)? },
            3 => Self::Signal(i32::from_le_bytes(content.try_into().ok()?)),
            4 => Self::Detach,
            5 => Self::Output(Stream::Stdout, content),
            6 => Self::Output(Stream::Stderr, content),
            7 => Self::Exit(*content.first()?),
            8 => Self::Watch,
            _ => return None,
        })
    }
}

/// Bytes that have come, as messages.
#[derive(Debug, Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    /// How many of them have been taken.
    taken: usize,
}

impl Frames {
    /// Reads what there is; false if the other side has gone.
    pub(super) fn read(&mut self, socket: &mut UnixStream) -> bool {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        let mut piece = [0; LONGEST];
        match socket.read(&mut piece) {
            Ok(0) => false,
            Ok(length) => {
                self.bytes.extend(&piece[..length]);
                true
            }
            Err(error) => {
                matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
            }
        }
    }

    /// The next message, if all of it has come; what is not understood is left
    /// out.
    pub(super) fn next(&mut self) -> Option<Message<'_>> {
        loop {
            let header = self.bytes.get(self.taken..self.taken + HEADER)?;
            let (kind, length) = (header[0], u32::from_le_bytes(header[1..].try_into().ok()?));
            let begin = self.taken + HEADER;
            let end = begin + length as usize;
            if self.bytes.len() < end {
                return None;
            }
            self.taken = end;
            if Message::parse(kind, self.bytes.get(begin..end)?).is_some() {
                return Message::parse(kind, self.bytes.get(begin..end)?);
            }
        }
    }
}

/// Waits for clients in the directory of a sandbox.
pub(super) fn listen(directory: &Path) -> io::Result<UnixListener> {
    let _ = std::fs::remove_file(directory.join(SOCKET));
    by_short_path(directory, UnixListener::bind)
}

/// Becomes a client of the sandbox in this directory.
///
/// # Errors
/// ECONNREFUSED or ENOENT if nobody watches over it.
pub fn connect(directory: &Path) -> io::Result<UnixStream> {
    by_short_path(directory, UnixStream::connect)
}

/// A socket's path has 107 bytes at most (`unix(7)`), and a directory's has
/// more.
fn by_short_path<T>(
    directory: &Path,
    call: impl FnOnce(PathBuf) -> io::Result<T>,
) -> io::Result<T> {
    let directory = std::fs::File::open(directory)?;
    call(format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd()).into())
}

/// Sends a signal to the workload of the sandbox in this directory.
///
/// # Errors
/// As [`connect`].
pub fn signal(directory: &Path, signal: nix::sys::signal::Signal) -> io::Result<()> {
    tell(directory, &Message::Signal(signal as i32)).map(drop)
}

/// Who will hear how the workload ends.
#[derive(Debug)]
pub struct Watcher(UnixStream);

impl Watcher {
    /// Watches the sandbox in this directory.
    ///
    /// # Errors
    /// As [`connect`].
    pub fn new(directory: &Path) -> io::Result<Self> {
        tell(directory, &Message::Watch).map(Self)
    }

    /// The exit code, when it has ended; none if the supervisor vanishes.
    pub fn exit_code(mut self) -> Option<u8> {
        let mut frames = Frames::default();
        while frames.read(&mut self.0) {
            while let Some(message) = frames.next() {
                if let Message::Exit(code) = message {
                    return Some(code);
                }
            }
        }
        None
    }
}

fn tell(directory: &Path, message: &Message<'_>) -> io::Result<UnixStream> {
    let mut bytes = VecDeque::new();
    message.write(&mut bytes);
    let mut socket = connect(directory)?;
    io::Write::write_all(&mut socket, bytes.make_contiguous())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_as_they_were_sent_however_they_are_cut() {
        let messages = [
            Message::Input(b"abc"),
            Message::EndOfInput,
            Message::Resize { rows: 24, columns: 80 },
            Message::Signal(15),
            Message::Detach,
            Message::Output(Stream::Stdout, b""),
            Message::Output(Stream::Stderr, b"x"),
            Message::Exit(7),
            Message::Watch,
        ];
        let mut bytes = VecDeque::new();
        messages.iter().for_each(|message| message.write(&mut bytes));
        let (mut here, mut there) = UnixStream::pair().unwrap();
        let mut frames = Frames::default();
        let mut arrived = 0;
        for piece in bytes.make_contiguous().chunks(3) {
            io::Write::write_all(&mut here, piece).unwrap();
            assert!(frames.read(&mut there));
            while let Some(message) = frames.next() {
                assert_eq!(message, messages[arrived]);
                arrived += 1;
            }
        }
        assert_eq!(arrived, messages.len());
        drop(here);
        assert!(!frames.read(&mut there));
    }

    #[test]
    fn what_is_not_understood_is_left_out() {
        let mut frames = Frames { bytes: vec![99, 1, 0, 0, 0, 5, 4, 0, 0, 0, 0], taken: 0 };
        assert_eq!(frames.next(), Some(Message::Detach));
        assert_eq!(frames.next(), None);
    }
}
