//! Requests that are made again until they succeed or no longer can.

use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use reqwest::header::HeaderMap;
use rustix::rand::{GetRandomFlags, getrandom};
use tokio::sync::mpsc;

use super::{
    Connection, Piece,
    blob::Download,
    retry::{self, Failure, Tried},
};
use crate::{
    image::{Error, Event, verify},
    oci::{Digest, ImageLimits},
};

/// Waits that are shorter are not worth a word.
const MOMENT: Duration = Duration::from_secs(1);

/// What happened since a request last brought something.
#[derive(Debug)]
struct Attempts {
    failed: u32,
    since: Instant,
    position: u64,
}

impl Attempts {
    fn new(position: u64) -> Self {
        Self { failed: 0, since: Instant::now(), position }
    }
}

/// Where a blob goes: its reader, who may leave.
#[derive(Debug)]
pub(super) struct Sink {
    pieces: mpsc::Sender<Piece>,
    /// Bytes of the whole.
    size: u64,
    announced: bool,
}

impl Sink {
    pub(super) fn new(pieces: mpsc::Sender<Piece>, size: u64) -> Self {
        Self { pieces, size, announced: false }
    }

    /// Tells the reader, once, that the blob comes; false if nobody reads.
    async fn announce(&mut self) -> bool {
        let first = !std::mem::replace(&mut self.announced, true);
        !first || self.pieces.send(Ok(Bytes::new())).await.is_ok()
    }

    pub(super) async fn fail(self, error: Error) {
        let _ = self.pieces.send(Err(error)).await; // A reader who has gone needs no reason.
    }
}

impl Connection {
    /// Sends a blob's bytes from `download.position` on, over as many
    /// connections as it takes.
    pub(super) async fn feed(
        &self,
        id: &str,
        download: &mut Download,
        sink: &mut Sink,
    ) -> Result<(), Error> {
        let mut attempts = Attempts::new(download.position);
        while let Err(error) = self.stream(id, download, sink).await {
            if download.position - attempts.position >= retry::PROGRESS {
                attempts = Attempts::new(download.position);
            }
            self.pause(&mut attempts, error).await?;
        }
        Ok(())
    }

    /// Sends what one connection brings. Its address is always the registry's
    /// own: the one it redirects to may hold for minutes only.
    async fn stream(
        &self,
        id: &str,
        download: &mut Download,
        sink: &mut Sink,
    ) -> Result<(), Error> {
        let url = self.url("blobs", id)?;
        let response = self.authorized(&url, download.headers()).await;
        let mut response = response.map_err(|error| self.missing(error, id))?;
        let broken = |cause: &str| Error::Broken { host: self.host(), cause: cause.into() };
        let begun = download.begin(response.status(), response.headers());
        let mut skipped = begun.map_err(broken)?;
        let counted = response.content_length().is_some();
        let mut wanted = sink.announce().await;
        while wanted && let Some(mut piece) = response.chunk().await.map_err(|e| self.broken(&e))? {
            let known = piece.len().min(usize::try_from(skipped).unwrap_or(usize::MAX));
            piece.advance(known);
            skipped -= known as u64;
            download.position += piece.len() as u64;
            wanted = piece.is_empty() || sink.pieces.send(Ok(piece)).await.is_ok();
        }
        // Without a length, a connection that breaks looks like one that ends.
        match wanted && !counted && download.position < sink.size {
            true => Err(broken("it ends too early")),
            false => Ok(()),
        }
    }

    /// Reads a manifest, which is always read as a whole.
    pub(super) async fn document(&self, id: &str) -> Result<Vec<u8>, Error> {
        let mut attempts = Attempts::new(0);
        loop {
            match self.one_document(id).await {
                Err(error) => self.pause(&mut attempts, error).await?,
                whole => return whole,
            }
        }
    }

    async fn one_document(&self, id: &str) -> Result<Vec<u8>, Error> {
        let response = self.authorized(&self.url("manifests", id)?, HeaderMap::new()).await;
        let response = response.map_err(|error| self.missing(error, id))?;
        let most = usize::try_from(ImageLimits::DOCUMENT).unwrap_or(usize::MAX);
        let document = self.body(response, most, verify::too_large).await?;
        match id.parse::<Digest>() {
            Ok(expected) if verify::digest(&document) != expected => {
                Err(Error::DigestMismatch { actual: verify::digest(&document), expected })
            }
            _ => Ok(document),
        }
    }

    /// Waits until the next try, or gives the error back.
    async fn pause(&self, attempts: &mut Attempts, error: Error) -> Result<(), Error> {
        if self.switched(&error) {
            return Ok(());
        }
        attempts.failed += 1;
        let tried = Tried {
            times: attempts.failed,
            lasting: attempts.since.elapsed(),
            answered: self.answered(),
            spare: self.spare,
        };
        let Some(wait) = retry::next(Failure::of(&error), tried, chance()) else {
            return Err(error);
        };
        let (next, tries) = (attempts.failed + 1, retry::TRIES);
        match wait >= MOMENT && self.may_tell(wait) {
            true => self.tell(Event::Waiting { error: &error, wait, next, tries }),
            false => self.tell(Event::Retrying { error: &error }),
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

/// A number between 0 and 1.
fn chance() -> f64 {
    let mut byte = [0];
    match getrandom(&mut byte, GetRandomFlags::empty()) {
        Ok(1) => f64::from(byte[0]) / 255.0,
        _ => 0.5,
    }
}
