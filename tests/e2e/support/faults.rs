//! A registry behind a bad line: what comes from it breaks off in the middle,
//! now here and now there. The log tells what was asked for and what arrived.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use super::Registry;

/// How the line is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// Each blob's connection ends after a random part of the next MiB.
    Cuts,
    /// The same, and nobody serves ranges: each connection gets a bit further.
    CutsWithoutRanges,
    /// The first connection of each blob falls silent, and stays open.
    Stalls,
}

/// One blob that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    /// The first byte that was wanted.
    pub(crate) from: u64,
    /// Bytes of its body that got through.
    pub(crate) sent: u64,
}

/// The line; it ends with the process.
#[derive(Debug, Clone)]
pub(crate) struct BadLine {
    line: Line,
    upstream: SocketAddr,
    log: Arc<Mutex<Vec<Asked>>>,
    tries: Arc<Mutex<HashMap<String, u64>>>,
}

impl BadLine {
    /// Puts the line in front of a registry; returns what an image's name begins
    /// with, too.
    pub(crate) fn of(registry: &Registry, line: Line) -> (SocketAddr, Self) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let us =
            Self { line, upstream: registry.address(), log: Arc::default(), tries: Arc::default() };
        let server = us.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = server.clone();
                // The client may go at any time.
                thread::spawn(move || drop(server.serve(&client)));
            }
        });
        (address, us)
    }

    /// What was asked for, in order, of the blob with this digest.
    pub(crate) fn asked(&self, digest: &str) -> Vec<Asked> {
        let log = self.log.lock().unwrap();
        log.iter().filter(|asked| asked.path.ends_with(digest)).cloned().collect()
    }

    fn serve(&self, mut client: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(client);
        let (first, mut headers) = read_head(&mut reader)?;
        if self.line == Line::CutsWithoutRanges {
            headers.retain(|line| !is(line, "range"));
        }
        let range = headers.iter().find(|line| is(line, "range"));
        let from =
            range.and_then(|line| line.split_once("bytes=")?.1.strip_suffix('-')?.parse().ok());
        let mut server = TcpStream::connect(self.upstream)?;
        write!(server, "{first}\r\n{}\r\nConnection: close\r\n\r\n", headers.join("\r\n"))?;
        let mut answer = BufReader::new(server);
        let (status, headers) = read_head(&mut answer)?;
        write!(client, "{status}\r\n{}\r\n\r\n", headers.join("\r\n"))?;

        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let limit = if path.contains("/blobs/") { self.limit(&path) } else { u64::MAX };
        let sent = io::copy(&mut answer.take(limit), &mut client)?;
        if path.contains("/blobs/") {
            self.log.lock().unwrap().push(Asked { path, from: from.unwrap_or(0), sent });
        }
        if self.line == Line::Stalls && sent == limit {
            // Longer than anybody waits.
            thread::sleep(Duration::from_secs(100));
        }
        Ok(())
    }

    /// How many bytes of a body get through this time.
    fn limit(&self, path: &str) -> u64 {
        const MIB: u64 = 1 << 20;
        let mut tries = self.tries.lock().unwrap();
        let tries = tries.entry(path.to_owned()).or_default();
        *tries += 1;
        match self.line {
            // Knuth's multiplier: random enough, and the same each time.
            Line::Cuts => (*tries).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 44,
            Line::CutsWithoutRanges => *tries * (MIB + 12_345),
            Line::Stalls if *tries == 1 => 300_000,
            Line::Stalls => u64::MAX,
        }
    }
}

fn is(line: &str, name: &str) -> bool {
    line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name))
}

/// The first line and the headers; we serve no request that has a body.
fn read_head(reader: &mut impl BufRead) -> io::Result<(String, Vec<String>)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        let end = reader.read_line(&mut line)? == 0 || line.trim_end().is_empty();
        if end {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let mut lines = lines.into_iter().filter(|line| !is(line, "connection"));
    let first = lines.next().ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok((first, lines.collect()))
}
