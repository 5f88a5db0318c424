//! Registries (distribution-spec, "Pull"): with `upload.rs`, the only
//! asynchronous module.
//!
//! # Theory of operation
//!
//! One thread drives all requests, so that connections and the token are
//! shared; readers are on the threads of their callers, behind a bounded
//! channel each. Dropping the registry ends and joins the thread: the caller
//! may want to be single-threaded again.
//!
//! A request that fails for now is made again ([`retry`] decides), a blob from
//! where it broke ([`blob`]); the reader sees one stream.

mod answer;
mod blob;
mod feed;
pub(super) mod places;
mod retry;

use std::{
    io::{self, Cursor, Read},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes};
use feed::Sink;
use oci_client::manifest as media_type;
use places::Places;
use reqwest::{
    Client, RequestBuilder, Response, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, LOCATION, WWW_AUTHENTICATE},
};
use tokio::{
    runtime::{Builder, Handle},
    sync::{mpsc, oneshot},
};

use super::{
    Error, Event, Listener, Opened, Options,
    auth::{self, Authorization, Credentials, Shown, Step, TokenRequest},
    resolve::Store,
    transport::Clients,
};
use crate::oci::{Descriptor, Name};

/// What we can make an image of.
const ACCEPTED: [&str; 4] = [
    media_type::OCI_IMAGE_INDEX_MEDIA_TYPE,
    media_type::OCI_IMAGE_MEDIA_TYPE,
    media_type::IMAGE_MANIFEST_LIST_MEDIA_TYPE,
    media_type::IMAGE_MANIFEST_MEDIA_TYPE,
];
/// How many pieces of a blob wait for their reader: a piece is as much as the
/// connection had to give, up to 400 KiB, and some blobs are fetched at a time.
const PIECES: usize = 4;
/// Answers to failed requests and tokens are short.
const MAX_ANSWER: usize = 64 << 10;

/// Connects to the registry of `name`, or to a mirror, and reads what `name`
/// points at.
pub(super) fn open(name: &Name, options: &Options) -> Result<Opened, Error> {
    let registry = Registry::start(Places::new(name, options)?)?;
    let digest = name.digest.as_ref().map(ToString::to_string);
    let wanted = digest.or_else(|| name.tag.clone()).unwrap_or_else(|| "latest".into());
    let root = registry.wait(async move |places| places.first_document(&wanted).await)?;
    Ok((Box::new(registry), root))
}

/// Shows the credentials to a registry; false if it asks for none, so that
/// nobody can tell whether they are right.
///
/// # Errors
/// If the registry cannot be asked, or does not take them.
pub fn log_in(registry: &str, credentials: &Credentials, options: &Options) -> Result<bool, Error> {
    let places = Places::to_log_in(registry, credentials, options)?;
    let shown = Registry::start(places)?.wait(async move |places| places.only().log_in().await);
    shown.map_err(|error| match error {
        Error::Denied { host: registry, .. } => {
            auth::Error::LoginRefused { registry, user: credentials.user().into() }.into()
        }
        error => error,
    })
}

/// One repository, and the thread that talks to it.
#[derive(Debug)]
pub(super) struct Registry {
    pub(super) places: Arc<Places>,
    pub(super) runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Registry {
    pub(super) fn start(places: Places) -> Result<Self, Error> {
        let failed = |source| Error::Io { what: "start a thread for the network".into(), source };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let work = move || drop(runtime.block_on(stopped));
        let thread = thread::Builder::new().name("registry".into()).spawn(work).map_err(failed)?;
        let places = Arc::new(places);
        Ok(Self { places, runtime: handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Requests a blob, and waits until the registry agrees.
    fn feed(&self, id: String, size: u64) -> Result<Box<dyn Read + Send + '_>, Error> {
        let (sender, mut pieces) = mpsc::channel(PIECES);
        let places = self.places.clone();
        self.runtime.spawn(async move {
            let mut sink = Sink::new(sender, size);
            if let Err(error) = places.feed(&id, &mut sink).await {
                sink.fail(error).await;
            }
        });
        let current = pieces.blocking_recv().transpose()?.unwrap_or_default();
        Ok(Box::new(Pieces { pieces, current }))
    }

    /// Waits for what the registry's thread does.
    fn wait<T, F, W>(&self, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send,
        W: FnOnce(Arc<Places>) -> F,
    {
        self.runtime.block_on(work(self.places.clone()))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Store for Registry {
    fn blob(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error> {
        self.feed(descriptor.digest.to_string(), descriptor.size)
    }

    fn manifest(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error> {
        let id = descriptor.digest.to_string();
        let document = self.wait(async move |places| places.document(&id).await)?;
        Ok(Box::new(Cursor::new(document)))
    }
}

/// A piece of a body; the first one is empty and means that it comes.
type Piece = Result<Bytes, Error>;

/// A blob on its way, read where it is needed.
struct Pieces {
    pieces: mpsc::Receiver<Piece>,
    current: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while !buf.is_empty() && self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.current = piece?,
                None => return Ok(0),
            }
        }
        let count = buf.len().min(self.current.len());
        self.current.copy_to_slice(&mut buf[..count]);
        Ok(count)
    }
}

/// What requests need: used on the registry's thread alone.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) client: Client,
    /// For where a redirect leads, if the certificate that `client` shows is for
    /// the registry alone.
    elsewhere: Option<Client>,
    /// For a token in a body.
    unredirected: Option<Client>,
    /// Whether plain http is spoken, and whether what is spoken may still change.
    plain: AtomicBool,
    may_switch: AtomicBool,
    pub(super) name: Name,
    authorization: Authorization,
    /// Held by the request that gets a new authorization for all.
    renewal: tokio::sync::Mutex<()>,
    /// Whether the registry has ever answered.
    answered: AtomicBool,
    /// Whether there is another place to ask.
    spare: bool,
    silence: Duration,
    listener: Listener,
    /// Until when the user has been told to wait.
    told: Mutex<Option<Instant>>,
}

impl Connection {
    fn new(
        clients: Clients,
        plain: bool,
        https_only: bool,
        name: Name,
        authorization: Authorization,
        spare: bool,
        options: &Options,
    ) -> Self {
        Self {
            client: clients.registry,
            elsewhere: clients.elsewhere,
            unredirected: clients.unredirected,
            plain: plain.into(),
            may_switch: (!https_only).into(),
            name,
            authorization,
            renewal: tokio::sync::Mutex::default(),
            answered: AtomicBool::new(false),
            spare,
            silence: options.silence,
            listener: options.listener.clone(),
            told: Mutex::new(None),
        }
    }

    fn host(&self) -> String {
        self.name.registry.clone()
    }

    fn scheme(&self) -> &'static str {
        if self.plain.load(Ordering::Relaxed) { "http" } else { "https" }
    }

    /// Registry and repository, for people.
    fn place(&self) -> String {
        format!("{}/{}", self.name.registry, self.name.repository)
    }

    /// Speaks http instead of https from now on, or the other way round, if that
    /// is what the error says and it is allowed.
    ///
    /// A server of TLS answers plain http with 400, if at all.
    pub(super) fn switched(&self, error: &Error) -> bool {
        let wrong = match error {
            Error::Unexpected { status, .. } => {
                self.scheme() == "http" && status.starts_with("400")
            }
            Error::Unreachable { .. } | Error::Untrusted { .. } => self.scheme() == "https",
            _ => false,
        };
        let switched = wrong && self.may_switch.swap(false, Ordering::Relaxed);
        if switched {
            self.plain.fetch_not(Ordering::Relaxed);
        }
        switched
    }

    fn answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    fn tell(&self, event: Event<'_>) {
        self.listener.tell(&event);
    }

    /// Whether the user does not know yet that we wait: layers come at the same
    /// time, and fail at the same time.
    fn may_tell(&self, wait: Duration) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let news = told.is_none_or(|until| until <= now);
        if news {
            *told = Some(now + wait);
        }
        news
    }

    /// A 404 for a blob does not mean that the image is unknown.
    fn missing(&self, error: Error, id: &str) -> Error {
        match (error, id.parse()) {
            (Error::NotFound { .. }, Ok(digest)) if self.name.digest.as_ref() != Some(&digest) => {
                Error::BlobMissing { place: self.name.registry.clone(), digest }
            }
            (error, _) => error,
        }
    }

    /// The address of the registry's API.
    fn base(&self) -> Result<Url, Error> {
        // Docker's registry does not answer under its own name.
        let host = match self.name.registry.as_str() {
            "docker.io" => "registry-1.docker.io",
            other => other,
        };
        let url = format!("{}://{host}/v2/", self.scheme());
        url.parse().map_err(|_| self.transport(format!("`{url}` is not an address")))
    }

    /// The address of something in the repository.
    pub(super) fn url(&self, kind: &str, id: &str) -> Result<Url, Error> {
        let path = format!("{}/{kind}/{id}", self.name.repository);
        let bad = |_| self.transport(format!("`{path}` is not a part of an address"));
        self.base()?.join(&path).map_err(bad)
    }

    /// Requests `url`, and makes sure that the registry agrees.
    async fn authorized(&self, url: &Url, headers: HeaderMap) -> Result<Response, Error> {
        let get = || self.client.get(url.clone()).header(ACCEPT, ACCEPTED.join(", "));
        let response = self.send(|| get().headers(headers.clone())).await?;
        let response = self.redirected(response, &headers).await?;
        self.accepted(response).await
    }

    /// Makes a request, and makes it again if the registry wants to know who
    /// asks, or does not take what it was shown any more.
    pub(super) async fn send(
        &self,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Response, Error> {
        let shown = self.authorization.shown();
        let response = self.send_once(request(), &shown).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        self.renew(response.headers(), &shown).await?;
        self.send_once(request(), &self.authorization.shown()).await
    }

    /// The one place where a request to the registry gets its `Authorization`.
    async fn send_once(&self, request: RequestBuilder, shown: &Shown) -> Result<Response, Error> {
        let (client, request) = request.build_split();
        let mut request = request.map_err(|e| self.broken(&e))?;
        // An upload may go to another host, which is to see nothing.
        let header = shown.header.clone().filter(|_| self.is_ours(request.url()));
        if let Some(header) = header {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        let response = client.execute(request).await.map_err(|e| self.broken(&e))?;
        self.answered.store(true, Ordering::Relaxed);
        Ok(response)
    }

    /// The client for an address that the registry has named: only the registry
    /// itself may see who we are.
    fn client_for(&self, url: &Url) -> &Client {
        self.elsewhere.as_ref().filter(|_| !self.is_ours(url)).unwrap_or(&self.client)
    }

    /// Whether an address is of the registry itself: scheme, host and port.
    fn is_ours(&self, url: &Url) -> bool {
        self.base().is_ok_and(|base| base.origin() == url.origin())
    }

    /// Follows a redirect to another server, which must not see who we are.
    async fn redirected(&self, response: Response, headers: &HeaderMap) -> Result<Response, Error> {
        let Some(client) = self.elsewhere.as_ref().filter(|_| response.status().is_redirection())
        else {
            return Ok(response);
        };
        let target = response.headers().get(LOCATION).and_then(|target| target.to_str().ok());
        let target = target.and_then(|target| response.url().join(target).ok());
        let target = target.ok_or_else(|| self.transport("it redirects to nowhere".into()))?;
        let request = client.get(target).headers(headers.clone());
        request.send().await.map_err(|e| self.broken(&e))
    }

    /// The one place where an answer 401 leads to a new authorization, unless
    /// another request has just got one.
    async fn renew(&self, refusal: &HeaderMap, shown: &Shown) -> Result<(), Error> {
        let _turn = self.renewal.lock().await;
        if !self.authorization.is_current(shown) {
            return Ok(());
        }
        let challenges = refusal.get_all(WWW_AUTHENTICATE).iter();
        let challenges = challenges.filter_map(|value| value.to_str().ok());
        match self.authorization.answer(&self.base()?, challenges, shown) {
            Step::Retry => Ok(()),
            Step::Denied => Err(self.denied()),
            Step::Refused(why) => Err(self.transport(format!("cannot log in: {why}"))),
            Step::Fetch(request) => self.fetch_token(request).await,
        }
    }

    async fn fetch_token(&self, request: TokenRequest) -> Result<(), Error> {
        let (asked, server) = (Instant::now(), request.url.authority().to_owned());
        let cannot = |why: &str| self.transport(format!("cannot get a token from {server}: {why}"));
        let response = self.request_token(request).await?;
        match response.status() {
            StatusCode::OK => {}
            // Some answer 400 to an identity token that has been revoked.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
                return Err(self.denied());
            }
            status if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
                return self.accepted(response).await.map(drop);
            }
            status => return Err(cannot(&format!("unexpected answer {status}"))),
        }
        let answer = self.answer(response).await?;
        self.authorization.accept(&answer, asked).map_err(cannot)
    }

    async fn request_token(&self, request: TokenRequest) -> Result<Response, Error> {
        let TokenRequest { url, header, form } = request;
        let request = match (form, &self.unredirected) {
            (Some(form), Some(client)) => {
                let form_type = "application/x-www-form-urlencoded";
                client.post(url).header(CONTENT_TYPE, form_type).body(form.expose().to_owned())
            }
            _ => self.client_for(&url).get(url),
        };
        let headers = header.into_iter().map(|value| (AUTHORIZATION, value)).collect();
        request.headers(headers).send().await.map_err(|e| self.broken(&e))
    }

    /// Asks for nothing but to be let in; whether anything had to be shown.
    async fn log_in(&self) -> Result<bool, Error> {
        loop {
            match self.knock().await {
                Err(error) if self.switched(&error) => {}
                result => return result,
            }
        }
    }

    async fn knock(&self) -> Result<bool, Error> {
        let url = self.base()?;
        let response = self.send(|| self.client.get(url.clone())).await?;
        self.accepted(response).await?;
        Ok(self.authorization.shown().header.is_some())
    }

    /// Turns a status into an error, with what the registry says about it.
    pub(super) async fn accepted(&self, response: Response) -> Result<Response, Error> {
        let status = response.status();
        match status {
            // Whoever asked for a range sees to its answer.
            StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                self.may_switch.store(false, Ordering::Relaxed);
                Ok(response)
            }
            StatusCode::NOT_FOUND => Err(Error::NotFound { image: self.name.familiar() }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.denied()),
            _ => {
                let headers = response.headers().clone();
                let said = self.answer(response).await.unwrap_or_default();
                Err(answer::refusal(self.host(), status, &headers, &said))
            }
        }
    }

    /// Reads a short body.
    async fn answer(&self, response: Response) -> Result<Vec<u8>, Error> {
        let too_long = || self.transport("the answer is too long".into());
        self.body(response, MAX_ANSWER, too_long).await
    }

    /// Reads a body of at most `most` bytes.
    async fn body(
        &self,
        mut response: Response,
        most: usize,
        too_long: impl FnOnce() -> Error,
    ) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|e| self.broken(&e))? {
            if body.len() + piece.len() > most {
                return Err(too_long());
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    fn denied(&self) -> Error {
        let tried = Box::new(self.authorization.tried().clone());
        Error::Denied { host: self.name.registry.clone(), image: self.name.familiar(), tried }
    }

    pub(super) fn transport(&self, cause: String) -> Error {
        Error::Transport { host: self.name.registry.clone(), cause }
    }

    pub(super) fn broken(&self, error: &reqwest::Error) -> Error {
        let host = error.url().map_or(self.name.registry.as_str(), Url::authority).to_owned();
        answer::failure(host, error, self.silence)
    }
}
