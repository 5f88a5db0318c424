//! As much of HTTP as pushing an image takes.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use super::text;

/// What a server answered, without its body.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Sends one request over a connection of its own.
pub(crate) fn request(
    server: SocketAddr,
    method: &str,
    path: &str,
    media_type: &str,
    body: &[u8],
) -> Response {
    let mut stream = TcpStream::connect(server).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\
         Content-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();

    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    parse(&text(&answer))
}

fn parse(answer: &str) -> Response {
    let mut lines = answer.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
    let headers = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(": "))
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect();
    Response { status, headers }
}
