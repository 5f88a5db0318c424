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
        Self::answering(&format!("{head}\r\nContent-Length: 0"), |_| {})
    }

    /// After the head comes what `body` writes.
    fn answering(head: &str, body: fn(&TcpStream)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answer = format!(
            "HTTP/1.1 {}\r\nConnection: close\r\n\r\n",
            head.replace("{us}", &address.to_string())
        );
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                seen.lock().unwrap().push(read_head(&client));
                let _ = (&client).write_all(answer.as_bytes());
                body(&client);
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
    let round = &|status: &str, number: u8| {
        let liar =
            Liar::saying(&format!("{status}\r\nLocation: http://{{us}}/v2/x/manifests/latest"));
        let image = format!("{}/x", liar.address);
        let address = liar.address.to_string();
        let words = [address.as_str(), "redirect"];
        let what = format!("round-{number}");
        yard.check(&what, &["run", &image, "true"], Outcome::Refused(&words));
        assert!(liar.requests().len() < 50, "{}", liar.requests().len());
    };
    let away = &|target: &str| {
        let liar = Liar::saying(&format!("302 Found\r\nLocation: {target}"));
        let image = format!("{}/x", liar.address);
        yard.check(target, &["run", &image, "true"], Outcome::Refused(&["error: "]));
    };
    // At once: some of them are worth another try after a while.
    thread::scope(|scope| {
        for (status, number) in [("301 Moved", 1), ("302 Found", 2), ("307 Temporary Redirect", 7)]
        {
            scope.spawn(move || round(status, number));
        }
        for target in ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://x", "//", "\u{7f}"] {
            scope.spawn(move || away(target));
        }
    });
}

#[test]
fn a_challenge_that_makes_no_sense_is_refused() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let long = format!("Bearer realm=\"http://127.0.0.1/{}\"", "x".repeat(1 << 20));
    let challenges = [
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
    ];
    let challenged = &|number: usize, challenge: &str| {
        let liar = Liar::saying(&format!("401 Unauthorized\r\nWWW-Authenticate: {challenge}"));
        let image = format!("{}/x", liar.address);
        let what = format!("challenge-{number}");
        yard.check(&what, &["run", &image, "true"], Outcome::Refused(&["error: "]));
    };
    thread::scope(|scope| {
        for (number, challenge) in challenges.into_iter().enumerate() {
            scope.spawn(move || challenged(number, challenge));
        }
    });
    // A realm that asks for a token itself, and again.
    let liar =
        Liar::saying("401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"http://{us}/token\"");
    let image = format!("{}/x", liar.address);
    yard.check("circle", &["run", &image, "true"], Outcome::Refused(&["denies access"]));
    assert!(liar.requests().len() < 10, "{}", liar.requests().len());
}

#[test]
fn a_document_without_end_is_not_read() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let pour = |mut client: &TcpStream| while client.write_all(&[b' '; 1 << 16]).is_ok() {};
    let manifest = "Content-Type: application/vnd.oci.image.manifest.v1+json";
    for (what, head) in [
        ("endless", format!("200 OK\r\n{manifest}")),
        ("10-gigabytes", format!("200 OK\r\n{manifest}\r\nContent-Length: 10737418240")),
    ] {
        let image = format!("{}/x", Liar::answering(&head, pour).address);
        let large = Outcome::Refused(&["a manifest or config is larger than 4 MiB"]);
        yard.check(what, &["run", &image, "true"], large);
    }
    // Nor is what explains an error.
    let image = format!("{}/x", Liar::answering("404 Not Found", pour).address);
    yard.check("error", &["run", &image, "true"], Outcome::Refused(&["error: "]));
}
