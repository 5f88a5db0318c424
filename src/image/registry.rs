//! Registries (distribution-spec, "Pull"): with `upload.rs`, the only
//! asynchronous file.
//!
//! # Theory of operation
//!
//! One thread drives all requests, so that connections and the token are
//! shared; readers are on the threads of their callers, behind a bounded
//! channel each. Dropping the registry ends and joins the thread: the caller
//! may want to be single-threaded again.

use std::{
    io::{self, Read},
    sync::Arc,
    thread,
    time::Instant,
};

use bytes::{Buf, Bytes};
use oci_client::{errors::OciEnvelope, manifest as media_type};
use reqwest::{
    Client, RequestBuilder, Response, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, WWW_AUTHENTICATE},
};
use tokio::{
    runtime::{Builder, Handle},
    sync::{Mutex, mpsc, oneshot},
};

use super::{
    Error, Opened, Options,
    auth::{self, Authorization, Credentials, Found, Scope, Shown, Step, TokenRequest},
    resolve::Store,
    transport, verify,
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

/// Connects to the registry of `name`, and reads what `name` points at.
pub(super) fn open(name: &Name, options: &Options) -> Result<Opened, Error> {
    by_scheme(name, options, |scheme| open_by(scheme, name, options))
}

/// Talks https, or where it may be http.
pub(super) fn by_scheme<T>(
    name: &Name,
    options: &Options,
    open_by: impl Fn(&'static str) -> Result<T, Error>,
) -> Result<T, Error> {
    if transport::is_loopback(&name.registry) {
        return open_by("http");
    }
    match open_by("https") {
        Err(Error::Unreachable { .. }) if !options.tls_verify => open_by("http"),
        result => result,
    }
}

fn open_by(scheme: &'static str, name: &Name, options: &Options) -> Result<Opened, Error> {
    let client = transport::client(options, scheme == "https" && options.tls_verify)?;
    let scope = Scope::pull(&name.repository);
    let registry = Registry::start(Connection::new(client, scheme, name, scope, options)?)?;
    let digest = name.digest.as_ref().map(ToString::to_string);
    let wanted = digest.or_else(|| name.tag.clone()).unwrap_or_else(|| "latest".into());
    let root = verify::document(registry.get("manifests", &wanted)?)?;
    if let Some(expected) = &name.digest {
        let actual = verify::digest(&root);
        if actual != *expected {
            return Err(Error::DigestMismatch { expected: expected.clone(), actual });
        }
    }
    Ok((Box::new(registry), root))
}

/// Shows the credentials to a registry; false if it asks for none, so that
/// nobody can tell whether they are right.
///
/// # Errors
/// If the registry cannot be asked, or does not take them.
pub fn log_in(registry: &str, credentials: &Credentials, options: &Options) -> Result<bool, Error> {
    let name =
        Name { registry: registry.into(), repository: String::new(), tag: None, digest: None };
    let found = Found::new(credentials.clone(), "this login".into());
    let log_in = |scheme| {
        let client = transport::client(options, scheme == "https" && options.tls_verify)?;
        let scope = Scope::default();
        let connection = Connection::with(client, scheme, &name, scope, found.clone(), options)?;
        let registry = Registry::start(connection)?;
        registry.runtime.block_on(registry.connection.log_in())
    };
    by_scheme(&name, options, log_in).map_err(|error| match error {
        Error::Denied { host: registry, .. } => {
            auth::Error::LoginRefused { registry, user: credentials.user().into() }.into()
        }
        error => error,
    })
}

/// One repository, and the thread that talks to it.
#[derive(Debug)]
pub(super) struct Registry {
    pub(super) connection: Arc<Connection>,
    pub(super) runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Registry {
    pub(super) fn start(connection: Connection) -> Result<Self, Error> {
        let failed = |source| Error::Io { what: "start a thread for the network".into(), source };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let work = move || drop(runtime.block_on(stopped));
        let thread = thread::Builder::new().name("registry".into()).spawn(work).map_err(failed)?;
        let connection = Arc::new(connection);
        Ok(Self { connection, runtime: handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Requests something, and waits until the registry agrees.
    fn get(&self, kind: &'static str, id: &str) -> Result<Box<dyn Read + Send + '_>, Error> {
        let (sender, mut pieces) = mpsc::channel(PIECES);
        let (connection, id) = (self.connection.clone(), id.to_owned());
        self.runtime.spawn(async move {
            if let Err(error) = connection.feed(kind, &id, &sender).await {
                let _ = sender.send(Err(error)).await;
            }
        });
        let current = pieces.blocking_recv().transpose()?.unwrap_or_default();
        Ok(Box::new(Pieces { pieces, current }))
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
        self.get("blobs", &descriptor.digest.to_string())
    }

    fn manifest(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error> {
        self.get("manifests", &descriptor.digest.to_string())
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
    scheme: &'static str,
    pub(super) name: Name,
    authorization: Authorization,
    /// Held by the request that gets a new authorization for all.
    renewal: Mutex<()>,
    options: Options,
}

impl Connection {
    pub(super) fn new(
        client: Client,
        scheme: &'static str,
        name: &Name,
        scope: Scope,
        options: &Options,
    ) -> Result<Self, Error> {
        let found = options.keyring.lookup_name(name)?;
        Self::with(client, scheme, name, scope, found, options)
    }

    fn with(
        client: Client,
        scheme: &'static str,
        name: &Name,
        scope: Scope,
        found: Found,
        options: &Options,
    ) -> Result<Self, Error> {
        let authorization = Authorization::new(base(scheme, name)?, scope, found);
        let (renewal, options) = (Mutex::new(()), options.clone());
        Ok(Self { client, scheme, name: name.clone(), authorization, renewal, options })
    }

    /// Sends the body of `kind/id` into `pieces`, after an empty piece.
    async fn feed(&self, kind: &str, id: &str, pieces: &mpsc::Sender<Piece>) -> Result<(), Error> {
        let url = self.url(kind, id)?;
        let get = || self.client.get(url.clone()).header(ACCEPT, ACCEPTED.join(", "));
        let response = self.send(get).await?;
        let mut response =
            self.accepted(response).await.map_err(|error| self.missing(error, id))?;
        // A reader who has gone needs no more.
        let mut wanted = pieces.send(Ok(Bytes::new())).await.is_ok();
        while wanted && let Some(piece) = response.chunk().await.map_err(|e| self.broken(&e))? {
            wanted = pieces.send(Ok(piece)).await.is_ok();
        }
        Ok(())
    }

    /// Asks for nothing but to be let in; whether anything had to be shown.
    async fn log_in(&self) -> Result<bool, Error> {
        let url = base(self.scheme, &self.name)?;
        let response = self.send(|| self.client.get(url.clone())).await?;
        self.accepted(response).await?;
        Ok(self.authorization.shown().header.is_some())
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

    /// The address of something in the repository.
    pub(super) fn url(&self, kind: &str, id: &str) -> Result<Url, Error> {
        let path = format!("{}/{kind}/{id}", self.name.repository);
        let bad = |_| self.transport(format!("`{path}` is not a part of an address"));
        base(self.scheme, &self.name)?.join(&path).map_err(bad)
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
        let header = shown.header.clone().filter(|_| self.authorization.is_for(request.url()));
        if let Some(header) = header {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        client.execute(request).await.map_err(|e| self.broken(&e))
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
        match self.authorization.answer(challenges, shown) {
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
            StatusCode::TOO_MANY_REQUESTS => return self.accepted(response).await.map(drop),
            status => return Err(cannot(&format!("unexpected answer {status}"))),
        }
        let answer = self.answer(response).await?;
        self.authorization.accept(&answer, asked).map_err(cannot)
    }

    async fn request_token(&self, request: TokenRequest) -> Result<Response, Error> {
        let TokenRequest { url, header, form } = request;
        let request = match form {
            None => self.client.get(url),
            Some(form) => {
                let https_only = self.scheme == "https" && self.options.tls_verify;
                let client = transport::unredirected_client(&self.options, https_only)?;
                let form_type = "application/x-www-form-urlencoded";
                let body = form.expose().to_owned();
                client.post(url).header(CONTENT_TYPE, form_type).body(body)
            }
        };
        let headers = header.into_iter().map(|value| (AUTHORIZATION, value)).collect();
        request.headers(headers).send().await.map_err(|e| self.broken(&e))
    }

    /// Turns a status into an error, with what the registry says about it.
    pub(super) async fn accepted(&self, response: Response) -> Result<Response, Error> {
        let (status, image) = (response.status(), self.name.familiar());
        let host = || self.name.registry.clone();
        match status {
            StatusCode::OK => Ok(response),
            StatusCode::NOT_FOUND => Err(Error::NotFound { image }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.denied()),
            StatusCode::TOO_MANY_REQUESTS => Err(Error::TooManyRequests { host: host() }),
            _ => {
                let answer = self.answer(response).await.unwrap_or_default();
                let envelope = serde_json::from_slice::<OciEnvelope>(&answer).ok();
                let said = envelope.and_then(|envelope| envelope.errors.into_iter().next());
                let said = said.map(|error| format!(": {}", error.message)).unwrap_or_default();
                Err(self.transport(format!("unexpected answer {status}{said}")))
            }
        }
    }

    /// Reads a short body.
    async fn answer(&self, mut response: Response) -> Result<Vec<u8>, Error> {
        let mut answer = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|e| self.broken(&e))? {
            answer.extend_from_slice(&piece);
            if answer.len() > MAX_ANSWER {
                return Err(self.transport("the answer is too long".into()));
            }
        }
        Ok(answer)
    }

    fn denied(&self) -> Error {
        let tried = Box::new(self.authorization.tried().clone());
        Error::Denied { host: self.name.registry.clone(), image: self.name.familiar(), tried }
    }

    pub(super) fn transport(&self, cause: String) -> Error {
        Error::Transport { host: self.name.registry.clone(), cause }
    }

    /// Tells a host that cannot be reached from a connection that broke.
    pub(super) fn broken(&self, error: &reqwest::Error) -> Error {
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        let host = error.url().map_or(self.name.registry.as_str(), Url::authority).to_owned();
        let cause = match cause.to_string() {
            // The resolver goes on with the query in its internal form.
            text if text.starts_with("no records found") => "there is no such host".into(),
            text => text,
        };
        match error.is_connect() || error.is_timeout() {
            true => Error::Unreachable { host, cause },
            false => Error::Transport { host, cause },
        }
    }
}

/// The address of a registry's API.
fn base(scheme: &str, name: &Name) -> Result<Url, Error> {
    // Docker's registry does not answer under its own name.
    let host = match name.registry.as_str() {
        "docker.io" => "registry-1.docker.io",
        other => other,
    };
    let url = format!("{scheme}://{host}/v2/");
    let bad = |_| Error::Transport {
        host: name.registry.clone(),
        cause: format!("`{url}` is not an address"),
    };
    url.parse().map_err(bad)
}
