//! Debian's nginx in front of a registry, as an ordinary user.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};

use super::{Dir, eventually, text};

/// A running server, and its log: a line a request.
#[derive(Debug)]
pub(crate) struct Nginx {
    dir: Dir,
    address: SocketAddr,
    child: Child,
}

impl Nginx {
    /// Starts a server; `http` stands outside of its `server`, `server` inside.
    pub(crate) fn new(tls: bool, http: &str, server: &str) -> Self {
        let dir = Dir::new("nginx");
        // Nobody else takes a port that was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let (place, ssl) = (dir.path().display(), if tls { " ssl" } else { "" });
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {place}/{kind};\n"))
            .concat();
        let config = format!(
            "daemon off; master_process off; pid {place}/pid; error_log {place}/error.log;\n\
             events {{}}\n\
             http {{\n{temporary}log_format all '$status \"$request\" \"$http_range\" \"$http_authorization\" \"$ssl_client_s_dn\"';\n\
             access_log {place}/access.log all;\n{http}\n\
             server {{ listen {address}{ssl};\n{server}\n}}\n}}\n"
        );
        let config = dir.write("nginx.conf", config);
        let child = Command::new("nginx")
            .args(["-e", "stderr", "-c"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let up = || TcpStream::connect(address).ok();
        let up = eventually(up);
        let said = || text(&fs::read(dir.path().join("stderr")).unwrap());
        assert!(up.is_some(), "nginx does not start: {}", said());
        Self { dir, address, child }
    }

    /// What an image's name begins with.
    pub(crate) fn name(&self) -> String {
        self.address.to_string()
    }

    /// The requests so far: status, request, range, authorization, certificate.
    pub(crate) fn log(&self) -> String {
        text(&fs::read(self.dir.path().join("access.log")).unwrap_or_default())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
