//! A registry that wants tokens: `token_server.py` in front of one.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use super::{Dir, Registry, text};

/// A running server, and its log: method, path, `Authorization`, body.
#[derive(Debug)]
pub(crate) struct TokenServer {
    dir: Dir,
    port: u16,
    child: Child,
}

impl TokenServer {
    /// Starts one; the settings are described in the script.
    pub(crate) fn of(registry: &Registry, settings: &[&str]) -> Self {
        let dir = Dir::new("tokens");
        let script = dir.write("token_server.py", include_str!("token_server.py"));
        let mut child = Command::new("python3")
            .arg(script)
            .arg(registry.name())
            .arg(dir.path().join("log"))
            .args(settings)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("token_server.py starts");
        Self { dir, port, child }
    }

    /// What an image's name begins with.
    pub(crate) fn name(&self) -> String {
        SocketAddr::from(([127, 0, 0, 1], self.port)).to_string()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The requests so far, one a line.
    pub(crate) fn log(&self) -> String {
        text(&fs::read(self.dir.path().join("log")).unwrap_or_default())
    }
}

impl Drop for TokenServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
