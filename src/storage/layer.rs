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
//!                                └───────▶ record  (all but the files' contents)
//! ```

use std::{
    cell::{Cell, RefCell},
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
    record::Recorder,
};
use crate::{
    oci::{DiffId, Digest, Exceeded, ImageLimits},
    sys::{
        Named,
        fs::{mkdir, open_directory},
    },
};

/// Bytes of a piece, and how many of them there are.
///
/// Fewer bytes would mean that the threads wake each other more often, more
/// that a piece is no longer in the processor's cache when it is used.
const PIECE: usize = 256 << 10;
const PIECES: usize = 8;

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
    let (full, plain) = sync_channel(PIECES);
    let (used, empty) = sync_channel(PIECES);
    thread::scope(|scope| {
        let inflating = thread::Builder::new()
            .spawn_scoped(scope, move || inflate(blob, &empty, &full, budget))
            .named(|| "clone(CLONE_THREAD)".into())
            .map_err(LayerError::Store)?;
        let extracted = extract(Pieces::new(plain, used), into, map, budget);
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
    empty: &Receiver<Vec<u8>>,
    full: &SyncSender<Piece>,
    budget: &Budget,
) -> Result<Option<DiffId>, LayerError> {
    let (mut hash, packed, mut unpacked) = (Sha256::new(), Cell::new(0), 0);
    let inflated = decompress(&mut Counted { source: blob, count: &packed }, |plain| {
        loop {
            let Ok(mut piece) = empty.recv() else { return Ok(false) };
            fill(&mut piece, plain).map_err(LayerError::Read)?;
            if piece.is_empty() {
                return Ok(true);
            }
            unpacked += piece.len() as u64;
            check_size(packed.get(), unpacked, budget)?;
            budget.take(piece.len() as u64)?;
            hash.update(&piece);
            if full.send(Ok(piece)).is_err() {
                return Ok(false);
            }
        }
    });
    if inflated.is_err() {
        // The error is returned; the other thread needs to know only of it.
        let _ = full.send(Err(io::ErrorKind::BrokenPipe.into()));
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

/// Reads as much as a piece holds; it is shorter only at the end.
fn fill(piece: &mut Vec<u8>, plain: &mut dyn Read) -> io::Result<()> {
    piece.resize(PIECE, 0); // It was as long when it was used before.
    let mut filled = 0;
    while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match plain.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    piece.truncate(filled);
    Ok(())
}

/// Makes files of the plain bytes.
fn extract(plain: Pieces, into: &Path, map: &Map, budget: &Budget) -> Result<(), LayerError> {
    let root = into.join("fs");
    mkdir(&root, 0o777).map_err(LayerError::Store)?;
    let root = open_directory(&root).map_err(LayerError::Store)?;
    let recorder = Rc::new(RefCell::new(Recorder::create(into.join("record"))?));
    let plain = Recorded { plain, recorder: Rc::clone(&recorder) };
    let extractor = Extractor::new(root, map, into, Rc::clone(&recorder));
    let mut extractor = extractor.map_err(LayerError::Store)?;

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
        sum.add(&change, change.size(&entry), budget)?;
        budget.take(change.holes(&entry))?;
        extractor.apply(change, &mut entry)?;
        io::copy(&mut entry, &mut io::sink()).map_err(LayerError::Read)?;
    }
    // A tar may be followed by padding, which is hashed like the rest.
    meter.expect_content(u64::MAX, 0);
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(LayerError::Read)?;
    extractor.finish()?;
    Rc::into_inner(recorder).map_or(Ok(()), |recorder| recorder.into_inner().finish())
}

/// Lets the recorder see what is read.
#[derive(Debug)]
struct Recorded {
    plain: Pieces,
    recorder: Rc<RefCell<Recorder>>,
}

impl Read for Recorded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.plain.read(buffer)?;
        self.recorder.borrow_mut().see(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
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

/// What the other thread sends, as a reader; it gets back what was read.
fn too_large(what: &str, most: u64) -> LayerError {
    LayerError::TooLarge(Exceeded::fixed(format!("has {what} of more than {} MiB", most >> 20)))
}

/// A reader that counts what it gives.
pub(super) struct Counted<'a> {
    pub(super) source: &'a mut dyn Read,
    pub(super) count: &'a Cell<u64>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.count.set(self.count.get().saturating_add(read as u64));
        Ok(read)
    }
}

/// What the other thread sends, as a reader; it gets back what was read.
#[derive(Debug)]
struct Pieces {
    full: Receiver<Piece>,
    used: SyncSender<Vec<u8>>,
    piece: Vec<u8>,
    read: usize,
}

impl Pieces {
    fn new(full: Receiver<Piece>, used: SyncSender<Vec<u8>>) -> Self {
        for _ in 1..PIECES {
            let _ = used.try_send(Vec::new());
        }
        // The last one is here already.
        Self { full, used, piece: Vec::new(), read: 0 }
    }

    fn next(&mut self) -> io::Result<()> {
        // The end of the other thread is an end of file, or it has said why.
        let _ = self.used.send(std::mem::take(&mut self.piece));
        self.read = 0;
        if let Ok(piece) = self.full.recv() {
            self.piece = piece?;
        }
        Ok(())
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.piece.len() {
            self.next()?;
        }
        let read = self.piece.get(self.read..).unwrap_or_default().read(buffer)?;
        self.read += read;
        Ok(read)
    }
}
