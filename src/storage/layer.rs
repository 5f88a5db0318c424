//! Turns a layer's blob into a directory, in one pass.
//!
//! # Theory of operation
//!
//! Two threads, for inflating and making files take about as long as each
//! other. What is verified is the whole plain tar, to its last byte, so the
//! caller must let nobody see the directory before [`unpack`] has returned.
//!
//! ```text
//! inflate  blob ─▶ decompress ─▶ hash ─┐               ┌─▶ diff id
//!                                      ▼ pieces        │
//! extract                   Pieces ─▶ Metered ─▶ tar ─▶ Change ─▶ files
//! ```

use std::{
    cell::Cell,
    io::{self, Read},
    path::Path,
    rc::Rc,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use sha2::{Digest as _, Sha256};

use super::{
    LayerError, Map,
    compression::decompress,
    entry::Change,
    extract::Extractor,
    meter::{Meter, Metered},
};
use crate::{
    oci::{DiffId, Digest, Exceeded, ImageLimits},
    sys::{
        Named,
        fs::{chmod, mkdir, open_directory},
    },
};

/// Bytes of a piece, and how many of them may wait.
const PIECE: usize = 64 << 10;
const PIECES: usize = 32;

type Piece = io::Result<Vec<u8>>;

/// What unpacking may take, of one layer and of all.
#[derive(Debug, Default)]
pub(super) struct Budget {
    pub(super) limits: ImageLimits,
    unpacked: AtomicU64,
}

impl Budget {
    pub(super) fn new(limits: ImageLimits) -> Self {
        Self { limits, unpacked: AtomicU64::new(0) }
    }

    /// Takes `bytes` for one of several layers.
    fn take(&self, bytes: u64) -> Result<(), LayerError> {
        let before = self.unpacked.fetch_add(bytes, Ordering::Relaxed);
        let all = before.saturating_add(bytes);
        self.limits.check_image(all).map_err(LayerError::ImageTooLarge)
    }
}

/// Unpacks a layer to `into`/fs, and tells what it hashes to.
pub(super) fn unpack(
    blob: &mut (dyn Read + Send),
    into: &Path,
    map: &Map,
    budget: &Budget,
) -> Result<DiffId, LayerError> {
    let (sender, receiver) = sync_channel(PIECES);
    thread::scope(|scope| {
        let inflating = thread::Builder::new()
            .spawn_scoped(scope, move || inflate(blob, &sender, budget))
            .named(|| "clone(CLONE_THREAD)".into())
            .map_err(LayerError::Store)?;
        let plain = Pieces { receiver, piece: Vec::new(), read: 0 };
        let extracted = extract(plain, into, map, budget);
        let crashed = || LayerError::Read(io::ErrorKind::Other.into());
        let inflated = inflating.join().unwrap_or_else(|_| Err(crashed()));
        match (extracted, inflated) {
            (Ok(()), Ok(Some(diff_id))) => Ok(diff_id),
            (Ok(()), Ok(None)) => Err(crashed()),
            // One side stopped for want of the other, which knows why.
            (Ok(()) | Err(LayerError::Read(_)), Err(error)) | (Err(error), _) => Err(error),
        }
    })
}

/// Sends the plain bytes of the blob to the other thread; none if it stopped
/// listening.
fn inflate(
    blob: &mut dyn Read,
    sender: &SyncSender<Piece>,
    budget: &Budget,
) -> Result<Option<DiffId>, LayerError> {
    let (mut hash, packed, mut unpacked) = (Sha256::new(), Cell::new(0), 0);
    let inflated = decompress(&mut Counted { source: blob, count: &packed }, |plain| {
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            let read = plain.take(PIECE as u64).read_to_end(&mut piece);
            if read.map_err(LayerError::Read)? == 0 {
                return Ok(true);
            }
            unpacked += piece.len() as u64;
            check_size(packed.get(), unpacked, budget)?;
            budget.take(piece.len() as u64)?;
            hash.update(&piece);
            if sender.send(Ok(piece)).is_err() {
                return Ok(false);
            }
        }
    });
    if inflated.is_err() {
        // The error is returned; the other thread needs to know only of it.
        let _ = sender.send(Err(io::ErrorKind::BrokenPipe.into()));
    }
    let whole = inflated?;
    Ok(whole.then(|| DiffId(Digest::from_sha256(&hash.finalize().into()))))
}

/// What `packed` bytes may become.
fn check_size(packed: u64, unpacked: u64, budget: &Budget) -> Result<(), LayerError> {
    let limits = &budget.limits;
    limits.check_layer(unpacked).map_err(LayerError::TooLarge)?;
    limits.check_ratio(packed, unpacked).map_err(LayerError::TooLarge)
}

/// Makes files of the plain bytes.
fn extract(plain: Pieces, into: &Path, map: &Map, budget: &Budget) -> Result<(), LayerError> {
    let root = into.join("fs");
    mkdir(&root, 0o755).and_then(|()| chmod(&root, 0o755)).map_err(LayerError::Store)?;
    let root = open_directory(&root).map_err(LayerError::Store)?;
    let mut extractor = Extractor::new(root, map, into.join("owners"));

    let meter = Rc::new(Meter::default());
    let mut archive = tar::Archive::new(Metered { plain, meter: Rc::clone(&meter) });
    let mut entries = archive.entries().map_err(LayerError::Read)?;
    let mut sum = Sum::default();
    loop {
        meter.expect_headers();
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(|error| header_error(error, &meter))?;
        let headers = meter.expect_content(u64::MAX, entry.raw_header_position());
        let change = Change::read(&entry, &headers)?;
        sum.add(&change, entry.size(), budget)?;
        if entry.header().entry_type().is_gnu_sparse() {
            budget.take(entry.size())?; // Its holes are not in the tar.
        }
        extractor.apply(change, &mut entry)?;
        io::copy(&mut entry, &mut io::sink()).map_err(LayerError::Read)?;
    }
    // A tar may be followed by padding, which is hashed like the rest.
    meter.expect_content(u64::MAX, 0);
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(LayerError::Read)?;
    extractor.finish()
}

/// What the entries of a layer come to.
#[derive(Debug, Default)]
struct Sum {
    entries: u64,
    /// Of files, holes included.
    bytes: u64,
    /// Of what the extractor keeps until its end.
    directories: u64,
}

impl Sum {
    fn add(&mut self, change: &Change, size: u64, budget: &Budget) -> Result<(), LayerError> {
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(size);
        self.directories = self.directories.saturating_add(change.kept() as u64);
        let limits = &budget.limits;
        limits.check_entries(self.entries).map_err(LayerError::TooLarge)?;
        limits.check_layer(self.bytes).map_err(LayerError::TooLarge)?;
        if self.directories > ImageLimits::DIRECTORIES {
            return Err(too_large(
                "directories with names and attributes",
                ImageLimits::DIRECTORIES,
            ));
        }
        Ok(())
    }
}

fn header_error(error: io::Error, meter: &Meter) -> LayerError {
    if meter.is_used_up() {
        return too_large("an entry with headers", ImageLimits::HEADERS);
    }
    LayerError::Read(error)
}

fn too_large(what: &str, most: u64) -> LayerError {
    LayerError::TooLarge(Exceeded::fixed(format!("has {what} of more than {} MiB", most >> 20)))
}

/// A reader that counts what it gives.
struct Counted<'a> {
    source: &'a mut dyn Read,
    count: &'a Cell<u64>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.count.set(self.count.get().saturating_add(read as u64));
        Ok(read)
    }
}

/// What the other thread sends, as a reader.
#[derive(Debug)]
struct Pieces {
    receiver: Receiver<Piece>,
    piece: Vec<u8>,
    read: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.piece.len() {
            let Ok(piece) = self.receiver.recv() else { return Ok(0) };
            (self.piece, self.read) = (piece?, 0);
        }
        let read = self.piece.get(self.read..).unwrap_or_default().read(buffer)?;
        self.read += read;
        Ok(read)
    }
}
