//! Reads a layer's blob as a plain tar, whatever it is compressed with.
//!
//! The bytes decide, not the media type: registries hold images whose types lie,
//! and every engine looks at the magic number.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use super::LayerError;

/// Largest window that a zstd frame may ask for, as a power of two: 128 MiB,
/// which is as far as `zstd --ultra --long` goes without being told.
const ZSTD_WINDOW: u32 = 27;
const BUFFER: usize = 128 << 10;

/// How a blob is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
    /// One that no version of the specification knows.
    Other(&'static str),
}

impl Compression {
    fn of(magic: &[u8]) -> Self {
        match magic {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            // A skippable frame, by which other frames may be preceded
            // (RFC 8878, section 3.1.2).
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Other("xz"),
            [b'B', b'Z', b'h', ..] => Self::Other("bzip2"),
            _ => Self::None,
        }
    }
}

/// Whether what begins like this is to be decompressed before it is read.
pub(super) fn is_compressed(magic: &[u8]) -> bool {
    Compression::of(magic) != Compression::None
}

/// Calls `consume` with the plain bytes of `blob`, and if it wanted all of
/// them reads `blob` to its end: whoever verifies it does so there.
pub(super) fn decompress(
    blob: &mut dyn Read,
    consume: impl FnOnce(&mut dyn Read) -> Result<bool, LayerError>,
) -> Result<bool, LayerError> {
    let mut magic = Vec::new();
    (&mut *blob).take(6).read_to_end(&mut magic).map_err(LayerError::Read)?;
    let compression = Compression::of(&magic);
    let mut blob = BufReader::with_capacity(BUFFER, Cursor::new(magic).chain(blob));
    let whole = consume(&mut *reader(compression, &mut blob)?)?;
    if whole {
        io::copy(&mut blob, &mut io::sink()).map_err(LayerError::Read)?;
    }
    Ok(whole)
}

fn reader<'a>(
    compression: Compression,
    blob: &'a mut dyn BufRead,
) -> Result<Box<dyn Read + 'a>, LayerError> {
    Ok(match compression {
        Compression::None => Box::new(blob),
        // Many members are one file: pigz and eStargz write them.
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(blob)),
        Compression::Zstd => {
            let mut zstd = zstd::Decoder::with_buffer(blob).map_err(LayerError::Read)?;
            zstd.window_log_max(ZSTD_WINDOW).map_err(LayerError::Read)?;
            Box::new(zstd)
        }
        Compression::Other(name) => return Err(LayerError::Compression(name)),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn plain(mut blob: &[u8]) -> Result<Vec<u8>, LayerError> {
        let mut plain = Vec::new();
        decompress(&mut blob, |reader| {
            reader.read_to_end(&mut plain).map(|_| true).map_err(LayerError::Read)
        })?;
        assert!(blob.is_empty(), "the blob was not read to its end");
        Ok(plain)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn the_bytes_tell_the_compression() {
        let text = b"some text, some text, some text";
        let zstd = zstd::encode_all(&text[..], 3).unwrap();
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2], &zstd[..]].concat();
        for blob in [text.to_vec(), gzip(text), zstd, skippable] {
            assert_eq!(plain(&blob).unwrap(), text);
        }
        assert_eq!(plain(b"").unwrap(), b"");
    }

    #[test]
    fn members_and_frames_follow_each_other() {
        let gzip = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
        assert_eq!(plain(&gzip).unwrap(), b"one two");
        let frames = [zstd::encode_all(&b"one "[..], 1), zstd::encode_all(&b"two"[..], 1)];
        assert_eq!(plain(&frames.map(Result::unwrap).concat()).unwrap(), b"one two");
    }

    #[test]
    fn what_is_not_whole_is_an_error() {
        let blob = gzip(b"some text");
        assert!(plain(&blob[..blob.len() - 4]).is_err());
        assert!(plain(&[&blob[..], b"trailing"].concat()).is_err());
        assert!(plain(&[0xfd, b'7', b'z', b'X', b'Z', 0]).is_err());
    }

    #[test]
    fn a_window_of_gigabytes_is_refused() {
        // RFC 8878, section 3.1.1: no single segment, window exponent 21 (2^31).
        let header = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00];
        let error = plain(&header).unwrap_err();
        assert!(matches!(error, LayerError::Read(_)), "{error}");
    }
}
