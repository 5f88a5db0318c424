//! The other direction of a registry (distribution-spec, "Push").
//!
//! A blob is sent in one piece whose digest is known before: what the registry
//! has already is not sent, and every registry understands it.

use std::{fs::File, io, time::Duration};

use reqwest::{
    Body, Method, RequestBuilder, Response, StatusCode, Url,
    header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION},
};

use super::{
    Error, Options,
    registry::{Connection, Registry, places::Places},
    transport::SILENCE,
};
use crate::oci::{Digest, Name};

/// Slower connections are given up.
const BYTES_A_SECOND: u64 = 10_000;

/// A repository that is written to.
#[derive(Debug)]
pub(super) struct Repository(Registry);

/// What is sent: it must be possible to send it twice.
#[derive(Debug)]
pub(super) enum Content<'a> {
    Document(&'a [u8]),
    /// A file, all of it.
    File(&'a File),
}

impl Repository {
    /// Connects, and finds out whether we are let in.
    pub(super) fn open(name: &Name, options: &Options, some: &Digest) -> Result<Self, Error> {
        let repository = Self(Registry::start(Places::to_write(name, options)?)?);
        match repository.has(some) {
            Err(error) if repository.0.places.only().switched(&error) => repository.has(some)?,
            result => result?,
        };
        Ok(repository)
    }

    /// Whether the repository has this blob.
    pub(super) fn has(&self, digest: &Digest) -> Result<bool, Error> {
        self.wait(async |connection| {
            let url = connection.url("blobs", &digest.to_string())?;
            let response = connection.send(|| connection.client.head(url.clone())).await?;
            match response.status() {
                StatusCode::NOT_FOUND => Ok(false),
                _ => connection.accepted(response).await.map(|_| true),
            }
        })
    }

    /// Whether the repository could take this blob over from another one.
    pub(super) fn mount(&self, digest: &Digest, from: &Name) -> Result<bool, Error> {
        self.wait(async |connection| {
            let mut url = connection.url("blobs", "uploads/")?;
            let (digest, from) = (digest.to_string(), from.repository.as_str());
            url.query_pairs_mut().append_pair("mount", &digest).append_pair("from", from);
            let response = connection.send(|| post(connection, &url)).await?;
            if response.status() == StatusCode::ACCEPTED {
                // It waits for the content instead, which we do not have.
                let session = location(connection, &url, &response)?;
                let cancel = connection.send(|| connection.client.delete(session.clone()));
                let _ = cancel.await;
            }
            Ok(response.status() == StatusCode::CREATED)
        })
    }

    /// Sends a blob of `size` bytes.
    pub(super) fn upload(
        &self,
        digest: &Digest,
        size: u64,
        content: &Content<'_>,
    ) -> Result<(), Error> {
        self.wait(async |connection| {
            let url = connection.url("blobs", "uploads/")?;
            let response = connection.send(|| post(connection, &url)).await?;
            let response = expect(connection, response, StatusCode::ACCEPTED).await?;
            let mut url = location(connection, &url, &response)?;
            url.query_pairs_mut().append_pair("digest", &digest.to_string());
            let put = || put(connection, &url, "application/octet-stream", size, content);
            let response = connection.send(put).await?;
            expect(connection, response, StatusCode::CREATED).await.map(drop)
        })
    }

    /// Lets the tag stand for a manifest.
    pub(super) fn tag(&self, tag: &str, media_type: &str, manifest: &[u8]) -> Result<(), Error> {
        self.wait(async |connection| {
            let url = connection.url("manifests", tag)?;
            let (size, content) = (manifest.len() as u64, Content::Document(manifest));
            let response =
                connection.send(|| put(connection, &url, media_type, size, &content)).await?;
            expect(connection, response, StatusCode::CREATED).await.map(drop)
        })
    }

    fn wait<T>(&self, work: impl AsyncFnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        self.0.runtime.block_on(work(self.0.places.only()))
    }
}

fn post(connection: &Connection, url: &Url) -> RequestBuilder {
    // Some servers want to be told that nothing follows.
    connection.client.request(Method::POST, url.clone()).header(CONTENT_LENGTH, 0)
}

fn put(
    connection: &Connection,
    url: &Url,
    media_type: &str,
    size: u64,
    content: &Content<'_>,
) -> RequestBuilder {
    let limit = SILENCE + Duration::from_secs(size / BYTES_A_SECOND);
    let request = connection.client.put(url.clone()).timeout(limit);
    let request = request.header(CONTENT_TYPE, media_type).header(CONTENT_LENGTH, size);
    match content.body() {
        Ok(body) => request.body(body),
        // Sent empty, it is refused for its length.
        Err(_) => request,
    }
}

impl Content<'_> {
    fn body(&self) -> io::Result<Body> {
        match self {
            Self::Document(bytes) => Ok(bytes.to_vec().into()),
            Self::File(file) => {
                let mut file = file.try_clone()?;
                io::Seek::rewind(&mut file)?;
                Ok(tokio::fs::File::from_std(file).into())
            }
        }
    }
}

/// Where the registry wants a blob to be sent, as an address of its own.
fn location(connection: &Connection, base: &Url, response: &Response) -> Result<Url, Error> {
    let header = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let url = header.and_then(|header| base.join(header).ok());
    let bad = || connection.transport("it does not say where to send a blob".into());
    url.ok_or_else(bad)
}

/// A status that is not the one for success is an error, even if it is another
/// one for success.
async fn expect(
    connection: &Connection,
    response: Response,
    wanted: StatusCode,
) -> Result<Response, Error> {
    let status = response.status();
    if status == wanted {
        return Ok(response);
    }
    if status.is_success() || status == StatusCode::NOT_FOUND {
        let cause = format!("unexpected answer {status} while it was written to");
        return Err(connection.transport(cause));
    }
    connection.accepted(response).await
}
