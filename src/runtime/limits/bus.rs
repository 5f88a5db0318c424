//! As much of D-Bus as it takes to ask systemd for something.
//!
//! The names are those of the D-Bus specification: "Authentication Protocol" and
//! "Message Protocol". One call is made after the other, so the next reply is that
//! of the last call; signals that come between are passed over.
//!
//! Who we are the bus learns from the kernel. It is not told as well: in a user
//! namespace our number is another one.

use std::{
    io::{self, BufRead, BufReader, Error, ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::{Duration, Instant},
};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

const METHOD_CALL: u8 = 1;
const METHOD_RETURN: u8 = 2;
const ERROR: u8 = 3;
/// Bytes of a message; no reply to a call of ours is nearly as long.
const LONGEST: u32 = 64 << 10;

/// A connection to a bus.
#[derive(Debug)]
pub(super) struct Bus {
    stream: BufReader<Timed>,
    serial: u32,
}

/// Whom to call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Method<'a> {
    pub(super) destination: &'a str,
    pub(super) path: &'a str,
    pub(super) interface: &'a str,
    pub(super) member: &'a str,
}

/// A stream that ends with an error at some time.
#[derive(Debug)]
struct Timed {
    stream: UnixStream,
    end: Instant,
}

impl Bus {
    /// Connects to the bus at this socket, and says hello.
    ///
    /// # Errors
    /// ECONNREFUSED or ENOENT if there is none; [`ErrorKind::TimedOut`] if it does
    /// not answer before `end`, now and later.
    pub(super) fn connect(socket: &Path, end: Instant) -> io::Result<Self> {
        let mut bus =
            Self { stream: BufReader::new(Timed { stream: open(socket)?, end }), serial: 0 };
        bus.authenticate()?;
        bus.call(
            Method {
                destination: "org.freedesktop.DBus",
                path: "/org/freedesktop/DBus",
                interface: "org.freedesktop.DBus",
                member: "Hello",
            },
            "",
            &[],
        )?;
        Ok(bus)
    }

    fn authenticate(&mut self) -> io::Result<()> {
        self.send(b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n")?;
        loop {
            let mut line = String::new();
            self.stream.by_ref().take(1000).read_line(&mut line)?;
            match line.split_whitespace().next() {
                Some("DATA") => {}
                Some("OK") => return Ok(()),
                _ => return Err(Error::other("the bus does not know us")),
            }
        }
    }

    /// Calls a method with a body of this signature, and waits for what it returns.
    ///
    /// # Errors
    /// With the text of the error that it answers.
    pub(super) fn call(
        &mut self,
        method: Method<'_>,
        signature: &str,
        body: &[u8],
    ) -> io::Result<Vec<u8>> {
        self.serial += 1;
        self.send(&message(method, self.serial, signature, body))?;
        loop {
            match self.receive()? {
                (METHOD_RETURN, body) => return Ok(body),
                (ERROR, body) => return Err(Error::other(first_string(&body))),
                _ => {}
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// The type of the next message, and its body.
    fn receive(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 16];
        self.stream.read_exact(&mut head)?;
        let number = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|n| head[at + n]));
        let (body, fields) = (number(4), number(12));
        if head[0] != b'l' || body > LONGEST || fields > LONGEST {
            return Err(Error::new(ErrorKind::InvalidData, "the bus sent no message"));
        }
        let mut rest = vec![0; fields.next_multiple_of(8) as usize + body as usize];
        self.stream.read_exact(&mut rest)?;
        Ok((head[1], rest.split_off(rest.len() - body as usize)))
    }
}

/// Connecting waits as long as the bus does not listen, if it may.
fn open(socket: &Path) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let stream = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&stream, &SocketAddrUnix::new(socket)?)?;
    let stream = UnixStream::from(stream);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

impl Timed {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(timed_out()) } else { Ok(Some(left)) }
    }
}

fn timed_out() -> Error {
    Error::new(ErrorKind::TimedOut, "it does not answer")
}

fn explain(error: Error) -> Error {
    if error.kind() == ErrorKind::WouldBlock { timed_out() } else { error }
}

impl Read for Timed {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(bytes).map_err(explain)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes).map_err(explain)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn message(method: Method<'_>, serial: u32, signature: &str, body: &[u8]) -> Vec<u8> {
    let fields = [
        (1, "o", method.path),
        (2, "s", method.interface),
        (3, "s", method.member),
        (6, "s", method.destination),
    ];
    let mut message = Body(vec![b'l', METHOD_CALL, 0, 1]);
    message.number(body.len() as u32).number(serial).array(8, |array| {
        for (code, kind, value) in fields {
            array.align(8).byte(code).signature(kind).string(value);
        }
        if !signature.is_empty() {
            array.align(8).byte(8).signature("g").signature(signature);
        }
    });
    message.align(8);
    message.0.extend(body);
    message.0
}

/// The text of an error.
fn first_string(body: &[u8]) -> String {
    let text = body.split_first_chunk().and_then(|(length, rest)| {
        let text = rest.get(..u32::from_le_bytes(*length) as usize)?;
        Some(String::from_utf8_lossy(text).into_owned())
    });
    text.unwrap_or_else(|| "refused".into())
}

/// Values in the order in which they are written ("Marshaling").
#[derive(Debug, Default)]
pub(super) struct Body(Vec<u8>);

impl Body {
    fn align(&mut self, to: usize) -> &mut Self {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
        self
    }

    fn byte(&mut self, byte: u8) -> &mut Self {
        self.0.push(byte);
        self
    }

    pub(super) fn number(&mut self, number: u32) -> &mut Self {
        self.align(4).0.extend(number.to_le_bytes());
        self
    }

    pub(super) fn string(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as u32).0.extend(text.bytes().chain([0]));
        self
    }

    fn signature(&mut self, text: &str) -> &mut Self {
        self.0.extend([text.len() as u8].into_iter().chain(text.bytes()).chain([0]));
        self
    }

    /// An array of what needs this alignment.
    pub(super) fn array(&mut self, alignment: usize, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.number(0);
        let length = self.0.len() - 4;
        let first = self.align(alignment).0.len();
        fill(self);
        let count = (self.0.len() - first) as u32;
        self.0[length..length + 4].copy_from_slice(&count.to_le_bytes());
        self
    }

    pub(super) fn numbers(&mut self, numbers: &[u32]) -> &mut Self {
        self.array(4, |array| {
            for number in numbers {
                array.number(*number);
            }
        })
    }

    /// A name, and a value of this signature.
    pub(super) fn property(
        &mut self,
        name: &str,
        signature: &str,
        value: impl FnOnce(&mut Self) -> &mut Self,
    ) -> &mut Self {
        value(self.align(8).string(name).signature(signature))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        os::unix::net::UnixListener,
        process::{Child, Command, Stdio},
    };

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    /// A directory for a socket, removed with this value.
    struct Place(std::path::PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let place = std::env::temp_dir().join(format!("bus-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&place).unwrap();
            Self(place)
        }

        fn socket(&self) -> std::path::PathBuf {
            self.0.join("bus")
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    /// A bus of Debian's, with nobody else on it.
    struct Daemon(Child);

    impl Daemon {
        fn start(place: &Place) -> Self {
            let config = place.0.join("config");
            let text = format!(
                "<busconfig><listen>unix:path={}</listen><auth>EXTERNAL</auth>\
                 <policy context=\"default\"><allow send_type=\"method_call\"/>\
                 <allow receive_sender=\"*\"/><allow own=\"*\"/></policy></busconfig>",
                place.socket().display()
            );
            std::fs::write(&config, text).unwrap();
            let config = format!("--config-file={}", config.display());
            let args = [config.as_str(), "--nofork", "--nopidfile", "--print-address"];
            let child = Command::new("dbus-daemon").args(args).stdout(Stdio::piped()).spawn();
            let mut child = child.expect("the test needs dbus-daemon");
            // It listens when it has printed where.
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            Self(child)
        }
    }

    impl Drop for Daemon {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_bus_lets_us_call_and_says_what_is_wrong() {
        let place = Place::new("daemon");
        let _daemon = Daemon::start(&place);
        let mut bus = Bus::connect(&place.socket(), soon()).unwrap();
        let method = |member| Method {
            destination: "org.freedesktop.DBus",
            path: "/org/freedesktop/DBus",
            interface: "org.freedesktop.DBus",
            member,
        };
        let mut name = Body::default();
        name.string("org.example.Sandbox").number(0);
        bus.call(method("RequestName"), "su", name.bytes()).unwrap();
        let mut names = Body::default();
        // Variables for what the bus starts: an array of pairs.
        names.array(8, |array| {
            array.align(8).string("A").string("1").align(8).string("LONGER").string("");
        });
        bus.call(method("UpdateActivationEnvironment"), "a{ss}", names.bytes()).unwrap();
        let error = bus.call(method("RequestName"), "s", &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof); // It hangs up on nonsense.

        let mut bus = Bus::connect(&place.socket(), soon()).unwrap();
        let nobody = Method { destination: "org.example.Nobody", ..method("Nothing") };
        let error = bus.call(nobody, "", &[]).unwrap_err().to_string();
        assert!(error.contains("org.example.Nobody"), "{error}");
    }

    #[test]
    fn a_bus_that_hangs_is_given_up() {
        let place = Place::new("hangs");
        let _listener = UnixListener::bind(place.socket()).unwrap();
        let end = Instant::now() + Duration::from_millis(20);
        let error = Bus::connect(&place.socket(), end).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn nothing_is_believed_that_is_no_message() {
        let place = Place::new("liar");
        let listener = UnixListener::bind(place.socket()).unwrap();
        let answers: [&[u8]; 4] = [
            b"",
            b"REJECTED EXTERNAL\r\n",
            b"OK 0\r\nnonsense",
            b"OK 0\r\nl\x02\0\x01\xff\xff\xff\xff\x01\0\0\0\0\0\0\0",
        ];
        for answer in answers {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let (mut stream, _) = listener.accept().unwrap();
                    stream.write_all(answer).unwrap();
                    let _ = stream.shutdown(std::net::Shutdown::Write);
                    let _ = stream.read_to_end(&mut Vec::new());
                });
                assert!(Bus::connect(&place.socket(), soon()).is_err(), "{answer:?}");
            });
        }
    }

    #[test]
    fn values_are_aligned() {
        let mut body = Body::default();
        body.string("a").array(8, |array| {
            array.property("b", "u", |value| value.number(7));
        });
        let expected = [
            &[1, 0, 0, 0, b'a', 0, 0, 0][..],
            &[16, 0, 0, 0, 0, 0, 0, 0],
            &[1, 0, 0, 0, b'b', 0, 1, b'u', 0, 0, 0, 0, 7, 0, 0, 0],
        ]
        .concat();
        assert_eq!(body.bytes(), expected);
        assert_eq!(first_string(&[2, 0, 0, 0, b'n', b'o', 0]), "no");
        assert_eq!(first_string(&[9, 0, 0, 0, b'n']), "refused");
    }
}
