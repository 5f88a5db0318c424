//! One connection to a driver: calls that have an end, and are made again where that
//! can help.
//!
//! A driver that is not there is told at once. One that was there a moment ago is
//! waited for: somebody may be about to start it again. What a driver refuses is
//! final, unless it says that the moment is bad (CSI specification, "Error Scheme").

use std::{
    cell::OnceCell,
    error::Error as _,
    io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use hyper_util::rt::TokioIo;
use tokio::runtime::Runtime;
use tonic::{
    Code, Request, Response, Status,
    transport::{Channel, Endpoint},
};

use super::{Error, identity::Abilities};
use crate::oci::CsiDriver;

/// The wait after the first failure, which doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How much later a driver is to give up by itself.
const GRACE: Duration = Duration::from_secs(1);
/// How much of what a driver says is shown, in characters.
const SHOWN: usize = 500;

/// A driver that has said that it is ready.
#[derive(Debug)]
pub struct Driver {
    pub(super) settings: CsiDriver,
    pub(super) abilities: OnceCell<Abilities>,
    channel: Channel,
    runtime: Runtime,
}

impl Driver {
    /// Connects to it, and waits until it is ready.
    ///
    /// # Errors
    /// [`Error::Unreachable`] if nobody is there, [`Error::NotReady`] if it never is.
    pub fn connect(settings: &CsiDriver) -> Result<Self, Error> {
        let unreachable = |source| Error::Unreachable { socket: settings.socket.clone(), source };
        UnixStream::connect(&settings.socket).map_err(unreachable)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(unreachable)?;
        let channel = runtime.block_on(async { connect_lazily(settings.socket.clone()) });
        let (settings, abilities) = (settings.clone(), OnceCell::new());
        let driver = Self { settings, abilities, channel, runtime };
        driver.wait_until_ready()?;
        Ok(driver)
    }

    fn wait_until_ready(&self) -> Result<(), Error> {
        let mut pause = Pause::new(self.settings.timeout);
        while !self.probe()? {
            if !pause.wait() {
                let seconds = self.settings.timeout.as_secs();
                return Err(Error::NotReady { socket: self.socket(), seconds });
            }
        }
        Ok(())
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.settings.socket.clone()
    }

    /// Makes a call, and again as long as that can help and there is time.
    pub(super) fn call<Q: Clone, A>(
        &self,
        verb: &'static str,
        request: &Q,
        rpc: impl AsyncFn(Channel, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Error> {
        let mut pause = Pause::new(self.settings.timeout);
        let mut is_first = true;
        loop {
            let left = pause.left();
            let mut request = Request::new(request.clone());
            // So that the driver knows it, too; later than ours, which says what it was.
            request.set_timeout(left + GRACE);
            let answer = rpc(self.channel.clone(), request);
            let answer = self.runtime.block_on(async { tokio::time::timeout(left, answer).await });
            let status = match answer {
                Ok(Ok(answer)) => return Ok(answer.into_inner()),
                Ok(Err(status)) => status,
                Err(_) => return Err(self.slow(verb)),
            };
            if !may_pass(&status) || !pause.wait() {
                return Err(self.refusal(verb, &status, is_first));
            }
            is_first = false;
        }
    }

    /// The same for what undoes something, which succeeds, too, where there is nothing.
    pub(super) fn undo<Q: Clone, A>(
        &self,
        verb: &'static str,
        request: &Q,
        rpc: impl AsyncFn(Channel, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<(), Error> {
        match self.call(verb, request, rpc) {
            Err(error) if error.is_not_found() => Ok(()),
            answer => answer.map(drop),
        }
    }

    fn refusal(&self, verb: &'static str, status: &Status, is_first: bool) -> Error {
        let socket = self.socket();
        if let Some(why) = broken(status) {
            return Error::Gone { socket, verb, why };
        }
        // Nothing that a terminal would obey.
        let message = status.message().chars().map(|c| if c.is_control() { ' ' } else { c });
        let message = message.take(SHOWN).collect();
        Error::Refused { socket, verb, code: status.code(), message, is_first }
    }

    fn slow(&self, verb: &'static str) -> Error {
        Error::Slow { socket: self.socket(), verb, seconds: self.settings.timeout.as_secs() }
    }
}

/// Connects when it is first used, and again whenever the connection has broken.
fn connect_lazily(socket: PathBuf) -> Channel {
    // The name is nobody's: all that a driver sees of it is a header.
    Endpoint::from_static("http://localhost").connect_with_connector_lazy(tower::service_fn(
        move |_| {
            let socket = socket.clone();
            async move { open(&socket).await.map(TokioIo::new) }
        },
    ))
}

async fn open(socket: &Path) -> io::Result<tokio::net::UnixStream> {
    tokio::net::UnixStream::connect(socket).await
}

/// Whether the same call may have another end soon.
fn may_pass(status: &Status) -> bool {
    let passing = [Code::Unavailable, Code::Aborted, Code::DeadlineExceeded];
    passing.contains(&status.code()) || broken(status).is_some()
}

/// Why the connection is broken; none if it is the driver that has spoken.
fn broken(status: &Status) -> Option<String> {
    let mut cause = status.source()?;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Some(cause.to_string())
}

/// How long to wait between tries, and until when.
#[derive(Debug)]
struct Pause {
    ends: Instant,
    next: Duration,
}

impl Pause {
    fn new(patience: Duration) -> Self {
        Self { ends: Instant::now() + patience, next: FIRST_PAUSE }
    }

    fn left(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }

    /// Waits before another try; false if there is no time for one.
    fn wait(&mut self) -> bool {
        let has_time = self.next < self.left();
        if has_time {
            thread::sleep(self.next);
            self.next = (self.next * 2).min(LONGEST_PAUSE);
        }
        has_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bad_moment_is_waited_for() {
        for code in [Code::Unavailable, Code::Aborted, Code::DeadlineExceeded] {
            assert!(may_pass(&Status::new(code, "")), "{code}");
        }
        for code in [Code::Internal, Code::NotFound, Code::ResourceExhausted, Code::Unknown] {
            assert!(!may_pass(&Status::new(code, "")), "{code}");
        }
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert!(may_pass(&Status::from_error(Box::new(refused))));
    }

    #[test]
    fn pauses_grow_and_come_to_an_end() {
        let mut pause = Pause::new(Duration::from_millis(100));
        assert!(pause.wait());
        assert_eq!(pause.next, 2 * FIRST_PAUSE);
        assert!(!pause.wait());
    }
}
