//! A server in front of a registry, which adds what `docker-registry` does not
//! do by itself: tokens for everybody, and connections that break.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
};

use super::Registry;

const TOKEN: &str = "dDBrZW4";

/// What is put in front of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    /// Answers only to those who fetched a token first, which anybody may: the
    /// way of Docker Hub (distribution-spec, "Token Authentication").
    Tokens,
    /// Ends each connection in the middle of a blob.
    BrokenBlobs,
}

impl Front {
    /// Starts the server; it ends with the process. Returns what an image's
    /// name begins with.
    pub(crate) fn of(self, registry: &Registry) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let upstream = registry.address();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // The client may go at any time.
                thread::spawn(move || drop(self.serve(&client, address, upstream)));
            }
        });
        address
    }

    fn serve(self, mut client: &TcpStream, us: SocketAddr, upstream: SocketAddr) -> io::Result<()> {
        let head = read_head(client)?;
        if self == Self::Tokens && head.starts_with("GET /token") {
            let body = format!(r#"{{"token": "{TOKEN}"}}"#);
            return answer(client, "200 OK", "Content-Type: application/json", &body);
        }
        if self == Self::Tokens && !head.to_lowercase().contains(&bearer().to_lowercase()) {
            let challenge =
                format!("WWW-Authenticate: Bearer realm=\"http://{us}/token\",service=\"test\"");
            return answer(client, "401 Unauthorized", &challenge, "{}");
        }
        let mut server = TcpStream::connect(upstream)?;
        // The end of the connection is the end of the answer.
        let request = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        server.write_all(request.as_bytes())?;
        let (mut body, mut upload) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || io::copy(&mut body, &mut upload));
        let is_blob = head.starts_with("GET") && head.contains("/blobs/sha256:");
        let limit = if self == Self::BrokenBlobs && is_blob { 10_000 } else { u64::MAX };
        io::copy(&mut server.take(limit), &mut client)?;
        client.shutdown(Shutdown::Both)
    }
}

fn bearer() -> String {
    format!("\r\nAuthorization: Bearer {TOKEN}\r\n")
}

/// The request with its headers, and nothing of its body.
fn read_head(client: &TcpStream) -> io::Result<String> {
    let mut head = String::new();
    let mut reader = BufReader::with_capacity(1, client);
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    Ok(head)
}

fn answer(mut client: &TcpStream, status: &str, header: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    write!(
        client,
        "HTTP/1.1 {status}\r\n{header}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}
