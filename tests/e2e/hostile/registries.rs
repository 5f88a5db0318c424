//! Registries that lead astray (line 5 of the list).

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use super::yard::{Outcome, Yard};
use crate::{require, support::user_namespaces};

/// A server that answers every request alike, and remembers their heads.
struct Liar {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Liar {
    /// `{us}` in the answer's head stands for the server itself.
    fn saying(head: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answer = format!(
            "HTTP/1.1 {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            head.replace("{us}", &address.to_string())
        );
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                seen.lock().unwrap().push(read_head(&client));
                let _ = (&client).write_all(answer.as_bytes());
            }
        });
        Self { address, heads }
    }

    fn requests(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn read_head(client: &TcpStream) -> String {
    let mut head = String::new();
    let mut reader = BufReader::new(client);
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap_or(0) > 0 {}
    head
}

#[test]
fn a_registry_that_sends_us_round_and_round_is_left() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    for (status, number) in [("301 Moved", 1), ("302 Found", 2), ("307 Temporary Redirect", 7)] {
        let liar =
            Liar::saying(&format!("{status}\r\nLocation: http://{{us}}/v2/x/manifests/latest"));
        let image = format!("{}/x", liar.address);
        let address = liar.address.to_string();
        let words = [address.as_str(), "redirect"];
        let what = format!("round-{number}");
        yard.check(&what, &["run", &image, "true"], Outcome::Refused(&words));
        assert!(liar.requests().len() < 50, "{}", liar.requests().len());
    }
    for target in ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://x", "//", "\u{7f}"] {
        let liar = Liar::saying(&format!("302 Found\r\nLocation: {target}"));
        let image = format!("{}/x", liar.address);
        yard.check(target, &["run", &image, "true"], Outcome::Refused(&["error: "]));
    }
}

#[test]
fn a_challenge_that_makes_no_sense_is_refused() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let long = format!("Bearer realm=\"http://127.0.0.1/{}\"", "x".repeat(1 << 20));
    for (number, challenge) in [
        "",
        "Bearer",
        "Bearer realm=",
        "Bearer realm=\"\"",
        "Bearer realm=\"x",
        "Bearer realm=\"/token\"",
        "Bearer realm=\"file:///etc/passwd\"",
        "Bearer realm=\"ftp://127.0.0.1/\"",
        "Bearer realm=\"http://\"",
        "Basic realm=\"x\"",
        "Negotiate",
        "\u{7f}",
        &long,
    ]
    .into_iter()
    .enumerate()
    {
        let liar = Liar::saying(&format!("401 Unauthorized\r\nWWW-Authenticate: {challenge}"));
        let image = format!("{}/x", liar.address);
        let what = format!("challenge-{number}");
        yard.check(&what, &["run", &image, "true"], Outcome::Refused(&["error: "]));
    }
    // A realm that asks for a token itself, and again.
    let liar =
        Liar::saying("401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"http://{us}/token\"");
    let image = format!("{}/x", liar.address);
    yard.check("circle", &["run", &image, "true"], Outcome::Refused(&["denies access"]));
    assert!(liar.requests().len() < 10, "{}", liar.requests().len());
}
