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
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use bytes::{Buf, Bytes};
use oci_client::{errors::OciEnvelope, manifest as media_type};
use reqwest::{
    Client, RequestBuilder, Response, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, WWW_AUTHENTICATE},
};
use tokio::{
    runtime::{Builder, Handle},
    sync::{mpsc, oneshot},
};

use super::{Error, Opened, Options, challenge::Bearer, resolve::Store, transport, verify};
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
    let registry = Registry::start(Connection::new(client, scheme, name))?;
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
    token: Mutex<Option<String>>,
}

impl Connection {
    pub(super) fn new(client: Client, scheme: &'static str, name: &Name) -> Self {
        Self { client, scheme, name: name.clone(), token: Mutex::new(None) }
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
        // Docker's registry does not answer under its own name.
        let host = match self.name.registry.as_str() {
            "docker.io" => "registry-1.docker.io",
            other => other,
        };
        let url = format!("{}://{host}/v2/{}/{kind}/{id}", self.scheme, self.name.repository);
        url.parse().map_err(|_| self.transport(format!("`{url}` is not an address")))
    }

    /// Makes a request, and makes it again with a token if the registry wants
    /// one.
    pub(super) async fn send(
        &self,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Response, Error> {
        let response = self.send_once(request()).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let headers = response.headers().get_all(WWW_AUTHENTICATE);
        let bearer = headers.iter().find_map(|value| Bearer::parse(value.to_str().ok()?));
        let token = self.anonymous_token(&bearer.ok_or_else(|| self.denied())?).await?;
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
        self.send_once(request()).await
    }

    async fn send_once(&self, request: RequestBuilder) -> Result<Response, Error> {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (client, request) = request.build_split();
        let mut request = request.map_err(|e| self.broken(&e))?;
        // An upload may go to another host, which is none of the token's.
        let is_ours = self.url("", "").is_ok_and(|url| url.origin() == request.url().origin());
        let header = token.filter(|_| is_ours).map(|token| format!("Bearer {token}").parse());
        if let Some(Ok(header)) = header {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        client.execute(request).await.map_err(|e| self.broken(&e))
    }

    async fn anonymous_token(&self, bearer: &Bearer) -> Result<String, Error> {
        let bad = |cause: &str| self.transport(format!("cannot log in anonymously: {cause}"));
        let mut realm: Url =
            bearer.realm.parse().map_err(|_| bad("the realm is not an address"))?;
        if realm.scheme() != "https" && self.scheme == "https" {
            return Err(bad("the realm is not reached by https"));
        }
        realm.query_pairs_mut().extend_pairs(&bearer.query);
        let response = self.client.get(realm).send().await.map_err(|e| self.broken(&e))?;
        let answer = self.answer(self.accepted(response).await?).await?;
        let token: Token = serde_json::from_slice(&answer).map_err(|e| bad(&e.to_string()))?;
        token.token.or(token.access_token).ok_or_else(|| bad("the answer has no token"))
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
        Error::Denied { host: self.name.registry.clone(), image: self.name.familiar() }
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

/// What a realm answers; old ones use the first name, OAuth 2 the second.
#[derive(serde::Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}
