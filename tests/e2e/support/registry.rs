//! Debian's `docker-registry` on a port of its own.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use super::{Dir, eventually, http, text};

/// Runs its arguments as a command until standard input ends, which it does with
/// the life of the test process, however that ends.
const WHILE_WE_LIVE: &str = "\"$@\" & cat; kill $!; wait";

/// A running registry, without content unless something is pushed to it.
#[derive(Debug)]
pub(crate) struct Registry {
    dir: Dir,
    server: SocketAddr,
    keeper: Child,
}

impl Registry {
    /// The one that tests share, open to everybody.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Registry> = OnceLock::new();
        SHARED.get_or_init(Self::new)
    }

    /// One which nobody else uses, open to everybody.
    pub(crate) fn new() -> Self {
        Self::start(Dir::new("registry"), "", "")
    }

    /// One which wants a password.
    pub(crate) fn with_password(user: &str, password: &str) -> Self {
        let dir = Dir::new("registry");
        let auth = auth(&dir, user, password);
        Self::start(dir, "", &auth)
    }

    /// One which wants a password, and speaks TLS with this certificate.
    pub(crate) fn with_both(user: &str, password: &str, certificate: &Path, key: &Path) -> Self {
        let dir = Dir::new("registry");
        let (tls, auth) = (tls(certificate, key), auth(&dir, user, password));
        Self::start(dir, &tls, &auth)
    }

    /// One which speaks TLS with this certificate.
    pub(crate) fn with_certificate(certificate: &Path, key: &Path) -> Self {
        Self::start(Dir::new("registry"), &tls(certificate, key), "")
    }

    fn start(dir: Dir, http: &str, settings: &str) -> Self {
        let config = format!(
            "version: 0.1\n\
             log: {{level: info}}\n\
             storage: {{filesystem: {{rootdirectory: '{}'}}}}\n\
             http: {{addr: '127.0.0.1:0'{http}}}\n\
             {settings}",
            dir.path().join("storage").display()
        );
        let config = dir.write("config.yml", config);
        let log = dir.path().join("log");
        let keeper = Command::new("sh")
            .args(["-c", WHILE_WE_LIVE, "sh", "docker-registry", "serve"])
            .arg(config)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let server = wait_for_address(&log);
        Self { dir, server, keeper }
    }

    /// What an image's name begins with.
    pub(crate) fn name(&self) -> String {
        self.server.to_string()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server
    }

    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &[u8],
    ) -> http::Response {
        http::request(self.server, method, path, kind, body)
    }

    /// The digests of the blobs that were fetched, one for each time, sorted;
    /// by the log, which is written once an answer is complete.
    pub(crate) fn fetched(&self) -> Vec<String> {
        let log = text(&fs::read(self.dir.path().join("log")).unwrap());
        let fetch = |line: &str| {
            let digest = line.split_once("/blobs/")?.1.split(['"', ' ']).next()?;
            let words = ["msg=\"response completed\"", "method=GET", "response.status=20"];
            words.iter().all(|word| line.contains(word)).then(|| digest.to_owned())
        };
        let mut fetched: Vec<String> = log.lines().filter_map(fetch).collect();
        fetched.sort();
        fetched
    }

    /// The file in which the registry keeps a blob.
    pub(crate) fn blob(&self, digest: &str) -> PathBuf {
        let hex = &digest["sha256:".len()..];
        let blobs = self.dir.path().join("storage/docker/registry/v2/blobs/sha256");
        blobs.join(&hex[..2]).join(hex).join("data")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// The settings of a registry that wants a password.
fn auth(dir: &Dir, user: &str, password: &str) -> String {
    let line = Command::new("htpasswd").args(["-nbB", user, password]).output().unwrap().stdout;
    let file = dir.write("htpasswd", line);
    format!("auth: {{htpasswd: {{realm: test, path: '{}'}}}}\n", file.display())
}

/// The settings of a registry that speaks TLS.
fn tls(certificate: &Path, key: &Path) -> String {
    let (certificate, key) = (certificate.display(), key.display());
    format!(", tls: {{certificate: '{certificate}', key: '{key}'}}")
}

/// The registry chooses its port and tells its log.
fn wait_for_address(log: &Path) -> SocketAddr {
    let find = || {
        let log = text(&fs::read(log).unwrap());
        let (_, rest) = log.split_once("listening on ")?;
        rest.split([',', '"', ' ']).next()?.parse().ok()
    };
    eventually(find)
        .unwrap_or_else(|| panic!("the registry does not start: {}", text(&fs::read(log).unwrap())))
}
