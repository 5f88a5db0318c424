//! The servers to ask, and what is known of their health.

use std::{
    collections::HashMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::resolv_conf::Host;

/// So long is a server that did not answer asked last.
const REST: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Servers {
    source: Source,
    failed: HashMap<SocketAddr, Instant>,
}

#[derive(Debug)]
enum Source {
    /// `--dns`.
    Given(Vec<SocketAddr>),
    Host(Host),
}

impl Servers {
    pub(super) fn new(given: Option<Vec<SocketAddr>>, host: Host) -> Self {
        let source = given.map_or(Source::Host(host), Source::Given);
        Self { source, failed: HashMap::new() }
    }

    /// In the order in which to ask them, and whether over TCP alone.
    pub(super) fn in_order(&mut self, now: Instant) -> (Vec<SocketAddr>, bool) {
        let (mut servers, tcp_only) = match &mut self.source {
            Source::Given(servers) => (servers.clone(), false),
            Source::Host(host) => {
                let conf = host.resolv_conf();
                (conf.servers.clone(), conf.tcp_only())
            }
        };
        self.failed.retain(|_, failed| now < *failed + REST);
        servers.sort_by_key(|server| self.failed.contains_key(server)); // Stable.
        (servers, tcp_only)
    }

    pub(super) fn failed(&mut self, server: SocketAddr, now: Instant) {
        self.failed.insert(server, now);
    }

    pub(super) fn answered(&mut self, server: SocketAddr) {
        self.failed.remove(&server);
    }
}
