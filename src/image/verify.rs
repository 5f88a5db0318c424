//! Reads a blob and its digest at the same time.

use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

use super::Error;
use crate::oci::{Descriptor, Digest, Exceeded, ImageLimits};

/// Passes a blob through; its end is reported only if size and digest are
/// those of the descriptor.
#[derive(Debug)]
pub(super) struct Verifying<R> {
    source: R,
    hasher: Sha256,
    digest: Digest,
    size: u64,
    seen: u64,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Reading,
    Verified,
    Failed,
}

impl<R: Read> Verifying<R> {
    pub(super) fn new(source: R, descriptor: &Descriptor) -> Self {
        let (digest, size) = (descriptor.digest.clone(), descriptor.size);
        Self { source, hasher: Sha256::new(), digest, size, seen: 0, state: State::Reading }
    }

    fn advance(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buf)?;
        self.seen = self.seen.saturating_add(count as u64);
        if self.seen > self.size {
            let (digest, expected) = (self.digest.clone(), self.size);
            return Err(Error::SizeMismatch { digest, expected }.into());
        }
        if count == 0 {
            self.check()?;
            self.state = State::Verified;
        }
        self.hasher.update(&buf[..count]);
        Ok(count)
    }

    fn check(&mut self) -> Result<(), Error> {
        let digest = self.digest.clone();
        if self.seen < self.size {
            return Err(Error::Truncated { digest, expected: self.size, actual: self.seen });
        }
        let actual = Digest::from_sha256(&self.hasher.finalize_reset().into());
        if actual == digest {
            return Ok(());
        }
        Err(Error::DigestMismatch { expected: digest, actual })
    }
}

impl<R: Read> Read for Verifying<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.state {
            State::Verified => return Ok(0),
            State::Failed => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "unverified blob"));
            }
            State::Reading if buf.is_empty() => return Ok(0),
            State::Reading => {}
        }
        let result = self.advance(buf);
        // An interrupted read is repeated; anything else is final, so that
        // nobody who reads on after an error comes to an end of file.
        if result.as_ref().is_err_and(|e| e.kind() != io::ErrorKind::Interrupted) {
            self.state = State::Failed;
        }
        result
    }
}

/// Hashes and counts what is written through it.
#[derive(Debug)]
pub(super) struct Hashing<W> {
    output: W,
    hasher: Sha256,
    /// Bytes that were written.
    pub(super) size: u64,
}

impl<W> Hashing<W> {
    pub(super) fn new(output: W) -> Self {
        Self { output, hasher: Sha256::new(), size: 0 }
    }

    /// The digest of all that was written.
    pub(super) fn digest(self) -> Digest {
        Digest::from_sha256(&self.hasher.finalize().into())
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.output.write(buffer)?;
        self.hasher.update(buffer.get(..written).unwrap_or_default());
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// The digest of bytes in memory.
pub(super) fn digest(bytes: &[u8]) -> Digest {
    Digest::from_sha256(&Sha256::digest(bytes).into())
}

/// Reads a manifest or config to its end, within bounds.
pub(super) fn document(source: impl Read) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = source.take(ImageLimits::DOCUMENT + 1).read_to_end(&mut bytes);
    read.map_err(|e| Error::from_read(e, || "read a manifest".into()))?;
    if bytes.len() as u64 > ImageLimits::DOCUMENT {
        return Err(too_large());
    }
    Ok(bytes)
}

pub(super) fn too_large() -> Error {
    let exceeded = Exceeded::size(ImageLimits::DOCUMENT, None);
    Error::TooLarge { what: "a manifest or config", exceeded }
}

/// Reads the manifest or config that `descriptor` announces.
pub(super) fn verified_document(
    source: impl Read,
    descriptor: &Descriptor,
) -> Result<Vec<u8>, Error> {
    document(Verifying::new(source, descriptor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(content: &[u8], size: u64) -> Descriptor {
        let digest = digest(content);
        Descriptor { media_type: String::new(), digest, size, platform: None, annotations: None }
    }

    fn read(content: &[u8], descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let read = Verifying::new(content, descriptor).read_to_end(&mut bytes);
        read.map(|_| bytes).map_err(|e| Error::from_read(e, String::new))
    }

    #[test]
    fn the_end_is_reached_only_by_what_was_announced() {
        let wanted = descriptor(b"hello", 5);
        assert_eq!(read(b"hello", &wanted).unwrap(), b"hello");
        assert_eq!(read(b"", &descriptor(b"", 0)).unwrap(), b"");
        assert!(matches!(read(b"hallo", &wanted), Err(Error::DigestMismatch { .. })));
        assert!(matches!(read(b"hell", &wanted), Err(Error::Truncated { actual: 4, .. })));
        assert!(matches!(read(b"hello!", &wanted), Err(Error::SizeMismatch { .. })));
    }

    #[test]
    fn a_failed_reader_never_comes_to_an_end() {
        let mut reader = Verifying::new(&b"hallo"[..], &descriptor(b"hello", 5));
        let mut bytes = Vec::new();
        let first = reader.read_to_end(&mut bytes).unwrap_err();
        assert_eq!(first.kind(), io::ErrorKind::InvalidData);
        assert!(reader.read(&mut [0; 8]).is_err());
    }

    #[test]
    fn a_document_is_bounded() {
        assert!(document(&[0; 100][..]).is_ok());
        assert!(matches!(document(io::repeat(b' ')), Err(Error::TooLarge { .. })));
    }
}
