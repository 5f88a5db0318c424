//! What was carried, and what was denied: for the terminal and `--network-log`.

use std::{
    cell::RefCell,
    collections::HashSet,
    fmt,
    fs::File,
    io::Write,
    net::{IpAddr, SocketAddr},
    time::{Instant, SystemTime},
};

use nix::errno::Errno;
use serde::Serialize;

use super::policy::{Denial, Protocol};
use crate::sys::time::rfc3339;

/// Destinations whose denial is told; beyond, one line says that there are more.
const MOST_TOLD: usize = 64;

/// Who began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    In,
    Out,
}

/// A connection, or what is like one.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    protocol: Protocol,
    direction: Direction,
    client: SocketAddr,
    /// As the sandbox sees it.
    destination: SocketAddr,
    /// Where the host's side goes.
    pub(super) dialled: SocketAddr,
    pub(super) name: Option<String>,
    /// Bytes of the sandbox, and for it.
    pub(super) sent: u64,
    pub(super) received: u64,
    error: Option<Errno>,
    began: Instant,
}

impl Flow {
    pub(super) fn new(
        protocol: Protocol,
        direction: Direction,
        client: SocketAddr,
        destination: SocketAddr,
    ) -> Self {
        Self {
            protocol,
            direction,
            client,
            destination,
            dialled: destination,
            name: None,
            sent: 0,
            received: 0,
            error: None,
            began: Instant::now(),
        }
    }

    /// It came to nothing.
    pub(super) fn failed(&mut self, errno: Errno) {
        self.error = Some(errno);
    }
}

/// A line of `--network-log`.
#[derive(Debug, Serialize)]
struct Line<'a> {
    /// When it began, RFC 3339.
    time: String,
    protocol: Protocol,
    direction: Direction,
    client: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    address: IpAddr,
    port: u16,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    sent: u64,
    received: u64,
    milliseconds: u64,
}

/// Who tells the user.
pub type Tell = Box<dyn Fn(&str) + Send>;

/// Keeps account of flows.
pub(super) struct FlowLog {
    file: Option<File>,
    tell: Tell,
    /// What was told to be denied.
    told: RefCell<HashSet<String>>,
}

impl fmt::Debug for FlowLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowLog").field("file", &self.file).finish_non_exhaustive()
    }
}

impl FlowLog {
    pub(super) fn new(file: Option<File>, tell: Tell) -> Self {
        Self { file, tell, told: RefCell::default() }
    }

    /// Something that the user should know.
    pub(super) fn tell(&self, text: &str) {
        (self.tell)(text);
    }

    /// A flow has ended, or came to nothing.
    pub(super) fn ended(&mut self, flow: &Flow) {
        let verdict = if flow.error.is_some() { "failed" } else { "allowed" };
        self.write(flow, verdict, flow.error.map(|errno| errno.desc().into()));
    }

    /// A flow may not be.
    pub(super) fn denied(&mut self, flow: &Flow, denial: &Denial) {
        self.write(flow, "denied", Some(denial.reason.to_string()));
        self.tell_denial(denial);
    }

    /// Tells the user, once of each thing that is denied.
    pub(super) fn tell_denial(&self, denial: &Denial) {
        let mut told = self.told.borrow_mut();
        if told.len() > MOST_TOLD || !told.insert(denial.subject.to_string()) {
            return;
        }
        if told.len() > MOST_TOLD {
            return self.tell("denied: more, which is not listed");
        }
        let remedy = denial.hint().map(|option| format!("; {option} would let it pass"));
        self.tell(&format!("denied: {denial}{}", remedy.unwrap_or_default()));
    }

    fn write(&mut self, flow: &Flow, verdict: &'static str, reason: Option<String>) {
        let Some(file) = &mut self.file else { return };
        let lasted = flow.began.elapsed();
        let line = Line {
            time: rfc3339(SystemTime::now() - lasted),
            protocol: flow.protocol,
            direction: flow.direction,
            client: flow.client,
            name: flow.name.as_deref(),
            address: flow.destination.ip(),
            port: flow.destination.port(),
            verdict,
            reason,
            sent: flow.sent,
            received: flow.received,
            milliseconds: lasted.as_millis() as u64,
        };
        // One write a line, so that lines of several sandboxes do not mix.
        let text = serde_json::to_string(&line).unwrap_or_default() + "\n";
        if let Err(error) = file.write_all(text.as_bytes()) {
            self.file = None;
            self.tell(&format!("the network log ends here: {error}"));
        }
    }
}
