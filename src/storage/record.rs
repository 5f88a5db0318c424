//! What is needed to write a layer's tar again, byte for byte.
//!
//! A diff id is the hash of a tar, and the same files can be written as a tar in
//! many ways: order, kinds of headers, padding. So whoever unpacks a layer keeps
//! all bytes of the tar but the contents of its files, which are on disk. Of a
//! Debian layer that is under 1 % of its size once it is compressed.
//!
//! What the file `record` holds, compressed with zstd, numbers little endian:
//!
//! ```text
//! 1 LENGTH:u32 BYTES          bytes of the tar
//! 2 SIZE:u64 LENGTH:u16 PATH  the content of the file at PATH in `fs`
//! 3 LENGTH:u16 PATH           what was at PATH is at `kept/N` from here on
//! 0                           the end
//! ```
//!
//! The last but one is for tars that hold a name twice: the content of what is
//! replaced would be lost. N counts these records. A PATH is where the file
//! really is, without the links that its name in the tar may lead through.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use super::LayerError;
use crate::sys::Named;

/// Bytes of the tar that are written at once, and the most that are read.
const PIECE: usize = 64 << 10;
/// The least of compression: the headers of a tar are mostly zeros.
const LEVEL: i32 = 1;

/// A part of a layer's tar.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Bytes(Vec<u8>),
    Content { path: PathBuf, size: u64 },
    Kept(PathBuf),
}

/// Writes the record of a layer while it is unpacked.
pub(super) struct Recorder {
    path: PathBuf,
    output: zstd::Encoder<'static, BufWriter<File>>,
    bytes: Vec<u8>,
    /// How many of the next bytes are a file's content.
    skip: u64,
    kept: u64,
    failure: Option<io::Error>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Recorder {
    pub(super) fn create(path: PathBuf) -> Result<Self, LayerError> {
        let create = || -> io::Result<_> {
            let mut output = zstd::Encoder::new(BufWriter::new(File::create(&path)?), LEVEL)?;
            output.include_checksum(true)?;
            Ok(output)
        };
        let output = create().named(|| format!("write({path:?})")).map_err(LayerError::Store)?;
        let bytes = Vec::with_capacity(PIECE);
        Ok(Self { path, output, bytes, skip: 0, kept: 0, failure: None })
    }

    /// These are the next bytes of the tar. A failure is told by `finish`.
    pub(super) fn see(&mut self, bytes: &[u8]) {
        let content = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= content as u64;
        for piece in bytes.get(content..).unwrap_or_default().chunks(PIECE) {
            if self.bytes.len() + piece.len() > PIECE {
                self.flush();
            }
            self.bytes.extend(piece);
        }
    }

    /// The next `size` bytes are the content of the file that is at `path` now.
    pub(super) fn content(&mut self, path: &Path, size: u64) {
        self.flush();
        self.skip = size;
        self.write(&[&[2], &size.to_le_bytes()]);
        self.write_path(path);
    }

    /// What is at `path` goes away; returns the number by which it is kept.
    pub(super) fn keep(&mut self, path: &Path) -> u64 {
        self.flush();
        self.write(&[&[3]]);
        self.write_path(path);
        self.kept += 1;
        self.kept - 1
    }

    pub(super) fn finish(mut self) -> Result<(), LayerError> {
        self.flush();
        self.write(&[&[0]]);
        let finish = match self.failure {
            Some(error) => Err(error),
            None => self.output.finish().and_then(|mut output| output.flush()),
        };
        finish.named(|| format!("write({:?})", self.path)).map_err(LayerError::Store)
    }

    fn flush(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.bytes);
        let length = u32::try_from(bytes.len()).unwrap_or_default(); // At most PIECE.
        self.write(&[&[1], &length.to_le_bytes(), &bytes]);
        self.bytes = bytes;
        self.bytes.clear();
    }

    fn write_path(&mut self, path: &Path) {
        let path = path.as_os_str().as_bytes();
        let length = u16::try_from(path.len()).unwrap_or_default(); // Longer ones are refused.
        self.write(&[&length.to_le_bytes(), path]);
    }

    fn write(&mut self, parts: &[&[u8]]) {
        if self.failure.is_none() {
            self.failure = parts.iter().try_for_each(|part| self.output.write_all(part)).err();
        }
    }
}

/// Reads a record.
pub(super) struct Segments {
    input: zstd::Decoder<'static, io::BufReader<File>>,
}

impl std::fmt::Debug for Segments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segments").finish_non_exhaustive()
    }
}

impl Segments {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { input: zstd::Decoder::new(File::open(path)?)? })
    }

    /// The next segment; none at the end of the record.
    pub(super) fn next(&mut self) -> io::Result<Option<Segment>> {
        let [kind] = self.array()?;
        Ok(Some(match kind {
            0 => return Ok(None),
            1 => {
                let length = u32::from_le_bytes(self.array()?) as usize;
                Segment::Bytes(self.bytes(length)?)
            }
            2 => {
                let size = u64::from_le_bytes(self.array()?);
                Segment::Content { size, path: self.path()? }
            }
            3 => Segment::Kept(self.path()?),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }))
    }

    fn path(&mut self) -> io::Result<PathBuf> {
        let length = u16::from_le_bytes(self.array()?);
        let bytes = self.bytes(length.into())?;
        Ok(std::ffi::OsString::from_vec(bytes).into())
    }

    fn bytes(&mut self, length: usize) -> io::Result<Vec<u8>> {
        if length > PIECE {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; length];
        self.input.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::testing::TempDir;

    fn all(path: &Path) -> io::Result<Vec<Segment>> {
        let mut segments = Segments::open(path)?;
        std::iter::from_fn(|| segments.next().transpose()).collect()
    }

    #[test]
    fn what_is_recorded_is_read_again_without_the_contents() {
        let temp = TempDir::new();
        let path = temp.path().join("record");
        let mut recorder = Recorder::create(path.clone()).unwrap();
        recorder.see(b"head");
        recorder.see(b"er");
        recorder.content(Path::new("a/b"), 5);
        recorder.see(b"con");
        recorder.see(b"tepad");
        assert_eq!(recorder.keep(Path::new("a")), 0);
        recorder.see(&[7; PIECE + 1]);
        recorder.finish().unwrap();
        let expected = [
            Segment::Bytes(b"header".into()),
            Segment::Content { path: "a/b".into(), size: 5 },
            Segment::Bytes(b"pad".into()),
            Segment::Kept("a".into()),
            Segment::Bytes(vec![7; PIECE]),
            Segment::Bytes(vec![7; 1]),
        ];
        assert_eq!(all(&path).unwrap(), expected);
    }

    #[test]
    fn a_record_that_ends_early_is_an_error() {
        let temp = TempDir::new();
        let path = temp.path().join("record");
        let mut recorder = Recorder::create(path.clone()).unwrap();
        recorder.see(&(0..200).collect::<Vec<u8>>());
        recorder.finish().unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 1, whole.len() / 2, whole.len() - 5] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(all(&path).is_err(), "{length}");
        }
    }
}
