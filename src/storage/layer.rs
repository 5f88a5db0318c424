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
    cell::RefCell,
    io::{self, Read},
    path::Path,
    rc::Rc,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
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
    oci::{DiffId, Digest},
    sys::{
        Named,
        fs::{mkdir, open_directory},
    },
};

/// More entries than this are refused; the largest images have a million.
const MAX_ENTRIES: u64 = 10_000_000;
/// More bytes than this are refused, in the archive as in the files.
const MAX_BYTES: u64 = 1 << 40;

/// Bytes of a piece, and how many of them there are.
///
/// Fewer bytes would mean that the threads wake each other more often, more
/// that a piece is no longer in the processor's cache when it is used.
const PIECE: usize = 256 << 10;
const PIECES: usize = 8;

type Piece = io::Result<Vec<u8>>;

/// Unpacks a layer to `into`/fs, and tells what it hashes to.
pub(super) fn unpack(
    blob: &mut (dyn Read + Send),
    into: &Path,
    map: &Map,
) -> Result<DiffId, LayerError> {
    let (full, plain) = sync_channel(PIECES);
    let (used, empty) = sync_channel(PIECES);
    thread::scope(|scope| {
        let inflating = thread::Builder::new()
            .spawn_scoped(scope, move || inflate(blob, &empty, &full))
            .named(|| "clone(CLONE_THREAD)".into())
            .map_err(LayerError::Store)?;
        let extracted = extract(Pieces::new(plain, used), into, map);
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
) -> Result<Option<DiffId>, LayerError> {
    let mut hash = Sha256::new();
    let inflated = decompress(blob, |plain| {
        loop {
            let Ok(mut piece) = empty.recv() else { return Ok(false) };
            fill(&mut piece, plain).map_err(LayerError::Read)?;
            if piece.is_empty() {
                return Ok(true);
            }
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
fn extract(plain: Pieces, into: &Path, map: &Map) -> Result<(), LayerError> {
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
    let (mut count, mut bytes) = (0, 0_u64);
    loop {
        meter.expect_headers();
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(|error| header_error(error, &meter))?;
        let headers = meter.expect_content(MAX_BYTES, entry.raw_header_position());
        let change = Change::read(&entry, &headers)?;
        count += 1;
        bytes = bytes.saturating_add(change.size(&entry));
        check(count, bytes)?;

        extractor.apply(change, &mut entry)?;
        io::copy(&mut entry, &mut io::sink()).map_err(LayerError::Read)?;
    }
    // A tar may be followed by padding, which is hashed like the rest.
    meter.expect_content(MAX_BYTES, 0);
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

fn check(entries: u64, bytes: u64) -> Result<(), LayerError> {
    if entries > MAX_ENTRIES {
        return Err(LayerError::TooLarge("has more than ten million entries"));
    }
    if bytes > MAX_BYTES {
        return Err(LayerError::TooLarge("is larger than a tebibyte"));
    }
    Ok(())
}

fn header_error(error: io::Error, meter: &Meter) -> LayerError {
    if meter.is_used_up() {
        return LayerError::TooLarge("has an entry whose headers are larger than a mebibyte");
    }
    LayerError::Read(error)
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
