//! `netlink(7)`: requests to the kernel's network configuration.
//!
//! A [`Batch`] holds messages, which all go to the kernel in one system call
//! and are answered by the time it returns. What the numbers in them mean is
//! the business of `rtnetlink(7)` and of the nfnetlink headers, not of this file.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

use super::{Error, Named, Result};

/// Header of each message: length, type, flags, sequence number, port.
const HEADER: usize = 16;
/// Where in it the lower half of the flags is.
const FLAGS: usize = if cfg!(target_endian = "little") { 6 } else { 7 };
/// Header of each attribute: length, type.
const ATTRIBUTE: usize = 4;
const FLAG_REQUEST: u16 = libc::NLM_F_REQUEST as u16;
const FLAG_ACKNOWLEDGE: u8 = libc::NLM_F_ACK as u8;
const NESTED: u16 = libc::NLA_F_NESTED as u16;
const TYPE_MASK: u16 = libc::NLA_TYPE_MASK as u16;
const ERROR: u16 = libc::NLMSG_ERROR as u16;
const DONE: u16 = libc::NLMSG_DONE as u16;

/// What a socket talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Links, addresses, routes.
    Route,
    /// nf_tables and its relatives.
    Netfilter,
}

/// A connection to the kernel, in the network namespace where it was opened.
#[derive(Debug)]
pub struct Socket(OwnedFd);

impl Socket {
    /// Opens it in the namespace of the calling thread.
    ///
    /// # Errors
    /// What `socket(2)` says: EPROTONOSUPPORT if the kernel lacks the protocol.
    pub fn open(protocol: Protocol) -> Result<Self> {
        let (number, name) = match protocol {
            Protocol::Route => (None, "NETLINK_ROUTE"), // It is number 0.
            Protocol::Netfilter => (Some(netlink::NETFILTER), "NETLINK_NETFILTER"),
        };
        rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            number,
        )
        .named(|| format!("socket(AF_NETLINK, {name})"))
        .map(Self)
    }

    /// Sends a batch, and waits for the kernel's answer to its last message.
    ///
    /// # Errors
    /// The first refusal, named by its message's label.
    pub fn request(&self, batch: Batch) -> Result<()> {
        let labels = batch.labels.clone();
        let name = |sequence: u32| {
            let label = labels.get(sequence as usize).copied().unwrap_or("netlink");
            move || label.to_owned()
        };
        let last = batch.answered.map_or(0, |(_, sequence)| sequence);
        self.send(&batch.finish()).named(name(0))?;
        let mut buffer = [0u8; 8192];
        loop {
            let length = self.receive(&mut buffer).named(name(last))?;
            for answer in messages(&buffer[..length]).filter(|message| message.kind == ERROR) {
                let code = answer.payload.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code));
                if code != 0 {
                    return Err(Error {
                        call: name(answer.sequence)(),
                        errno: Errno::from_raw(-code),
                    });
                }
                if answer.sequence == last {
                    return Ok(());
                }
            }
        }
    }

    /// Sends a question, whose flags have `NLM_F_DUMP`, and returns what follows the
    /// header in each part of the answer.
    ///
    /// # Errors
    /// The refusal, named by the question's label.
    pub fn list(&self, question: Batch) -> Result<Vec<Vec<u8>>> {
        let label = question.labels.first().copied().unwrap_or("netlink");
        let name = || label.to_owned();
        self.send(&question.finish()).named(name)?;
        let (mut all, mut buffer) = (Vec::new(), [0u8; 8192]);
        loop {
            let length = self.receive(&mut buffer).named(name)?;
            for answer in messages(&buffer[..length]) {
                match answer.kind {
                    DONE => return Ok(all),
                    ERROR => {
                        let code =
                            answer.payload.first_chunk().map_or(0, |c| i32::from_ne_bytes(*c));
                        return Err(Error { call: name(), errno: Errno::from_raw(-code) });
                    }
                    _ => all.push(answer.payload.to_vec()),
                }
            }
        }
    }

    /// Sends bytes that [`Batch::finish`] made, and waits for nothing.
    ///
    /// # Errors
    /// What `send(2)` says.
    pub fn send(&self, bytes: &[u8]) -> rustix::io::Result<()> {
        rustix::net::send(&self.0, bytes, SendFlags::empty()).map(drop)
    }

    /// Takes what the kernel has sent, if it has.
    ///
    /// # Errors
    /// EAGAIN if there is nothing; ENOBUFS if more came than fitted, and some
    /// was lost.
    pub fn receive(&self, buffer: &mut [u8]) -> rustix::io::Result<usize> {
        rustix::net::recv(&self.0, buffer, RecvFlags::DONTWAIT).map(|(length, _)| length)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Messages in the making.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Where the message begins that is being written.
    start: Option<usize>,
    /// What each message is for; its place is the message's sequence number.
    labels: Vec<&'static str>,
    /// Where the last message begins that is answered, and its number.
    answered: Option<(usize, u32)>,
}

impl Batch {
    /// No message yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a message; `header` is what its type demands before attributes.
    ///
    /// The kernel answers the last one that is begun so, and each that it refuses.
    pub fn message(&mut self, label: &'static str, kind: u16, flags: u16, header: &[u8]) {
        self.answered = Some((self.bytes.len(), self.labels.len() as u32));
        self.silent_message(label, kind, flags, header);
    }

    /// The same for a message that is never answered unless it is refused.
    pub fn silent_message(&mut self, label: &'static str, kind: u16, flags: u16, header: &[u8]) {
        self.close();
        self.start = Some(self.bytes.len());
        self.bytes.extend(0u32.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend((flags | FLAG_REQUEST).to_ne_bytes());
        self.bytes.extend((self.labels.len() as u32).to_ne_bytes());
        self.bytes.extend(0u32.to_ne_bytes());
        self.append(header);
        self.labels.push(label);
    }

    /// Adds an attribute to the message, or to the attribute that is open.
    pub fn attribute(&mut self, kind: u16, value: &[u8]) {
        let length = (ATTRIBUTE + value.len()) as u16;
        self.bytes.extend(length.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.append(value);
    }

    /// A number as the kernel's own structures have it.
    pub fn number(&mut self, kind: u16, value: u32) {
        self.attribute(kind, &value.to_ne_bytes());
    }

    /// A number in network byte order, which nfnetlink wants.
    pub fn network_number(&mut self, kind: u16, value: u32) {
        self.attribute(kind, &value.to_be_bytes());
    }

    /// Text with the zero that ends it.
    pub fn text(&mut self, kind: u16, value: &str) {
        self.attribute(kind, &[value.as_bytes(), &[0]].concat());
    }

    /// An attribute that holds those which `inside` adds.
    pub fn nest(&mut self, kind: u16, inside: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.attribute(kind | NESTED, &[]);
        inside(self);
        let length = (self.bytes.len() - start) as u16;
        self.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    }

    /// Bytes as they are, padded to four: for structures within attributes.
    pub fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn close(&mut self) {
        if let Some(start) = self.start.take() {
            let length = (self.bytes.len() - start) as u32;
            self.bytes[start..start + 4].copy_from_slice(&length.to_ne_bytes());
        }
    }

    /// The bytes for the kernel.
    pub fn finish(mut self) -> Vec<u8> {
        self.close();
        if let Some((start, _)) = self.answered {
            self.bytes[start + FLAGS] |= FLAG_ACKNOWLEDGE;
        }
        self.bytes
    }
}

/// A message from the kernel.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Its type.
    pub kind: u16,
    /// That of the request which it answers.
    pub sequence: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// The messages in what was received; ends at the first that is malformed.
pub fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
        let message = bytes.get(..length).filter(|message| message.len() >= HEADER)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Message {
            kind: u16::from_ne_bytes([message[4], message[5]]),
            sequence: u32::from_ne_bytes([message[8], message[9], message[10], message[11]]),
            payload: &message[HEADER..],
        })
    })
}

/// Types and values of attributes; ends at the first that is malformed.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let header: [u8; ATTRIBUTE] = *bytes.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let value = bytes.get(ATTRIBUTE..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([header[2], header[3]]) & TYPE_MASK, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let mut batch = Batch::new();
        batch.message("first", 7, 0, &[1, 2, 3, 4]);
        batch.attribute(5, b"odd");
        batch.nest(6, |inner| inner.number(1, 42));
        batch.silent_message("second", 8, 0, &[]);
        let bytes = batch.finish();

        let found: Vec<Message<'_>> = messages(&bytes).collect();
        assert_eq!([found[0].kind, found[1].kind], [7, 8]);
        assert_eq!([found[0].sequence, found[1].sequence], [0, 1]);
        let list: Vec<(u16, &[u8])> = attributes(&found[0].payload[4..]).collect();
        assert_eq!(list[0], (5, &b"odd"[..]));
        let inner: Vec<(u16, &[u8])> = attributes(list[1].1).collect();
        assert_eq!(inner, [(1, &42u32.to_ne_bytes()[..])]);
    }

    #[test]
    fn what_is_malformed_ends_the_list() {
        assert_eq!(messages(&[0; 3]).count(), 0);
        assert_eq!(messages(&[0; 64]).count(), 0);
        assert_eq!(messages(&[255; 64]).count(), 0);
        assert_eq!(attributes(&[0; 8]).count(), 0);
        assert_eq!(attributes(&[9, 0, 1, 0, 1]).count(), 0);
    }

    #[test]
    fn a_refusal_is_named_by_its_message() {
        let socket = Socket::open(Protocol::Route).unwrap();
        let mut batch = Batch::new();
        batch.message("delete no link", libc::RTM_DELLINK, 0, &[0; 16]);
        let error = socket.request(batch).unwrap_err();
        assert_eq!(error.call, "delete no link");
    }
}
