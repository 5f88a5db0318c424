//! Archives that are not files, made files.

use std::{
    cell::Cell,
    fs::File,
    io::{self, Read, Seek, Write},
    os::unix::fs::FileExt,
};

use super::{
    Error, LayerError, Store,
    compression::{decompress, is_compressed},
    layer::Counted,
};
use crate::{
    oci::ImageLimits,
    sys::{Named, fs::unnamed_file},
};

impl Store {
    /// What `archive` reads as, as a plain file that can be read at any place:
    /// itself if it is one, else an unnamed one in the store's own file system,
    /// which has room for images.
    ///
    /// # Errors
    /// If it cannot be read or decompressed, or if the store has no room.
    pub fn spool(&self, mut archive: File) -> Result<File, Error> {
        let failed = |source| Error::Import { root: self.root.clone(), source };
        if is_plain_file(&archive).map_err(|e| failed(LayerError::Read(e)))? {
            return Ok(archive);
        }
        let mut file = self.scratch()?;
        let packed = Cell::new(0);
        let check = |plain| check(packed.get(), plain, &self.budget.limits);
        let store = |plain: &mut dyn Read| copy(plain, &mut file, check);
        let mut counted = Counted { source: &mut archive, count: &packed };
        decompress(&mut counted, store).map_err(failed)?;
        file.rewind().map_err(|e| failed(LayerError::Read(e)))?;
        Ok(file)
    }

    /// An empty file without a name (`open(2)`, O_TMPFILE), which goes when it
    /// is closed.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn scratch(&self) -> Result<File, Error> {
        unnamed_file(&self.tmp()).map_err(|source| self.failed(source))
    }
}

fn is_plain_file(file: &File) -> io::Result<bool> {
    if !file.metadata()?.is_file() || (&*file).stream_position()? != 0 {
        return Ok(false);
    }
    let mut magic = [0; 6];
    let read = file.read_at(&mut magic, 0)?;
    Ok(!is_compressed(magic.get(..read).unwrap_or_default()))
}

fn check(packed: u64, plain: u64, limits: &ImageLimits) -> Result<(), LayerError> {
    let within = limits.check_image(plain).and_then(|()| limits.check_ratio(packed, plain));
    within.map_err(LayerError::ArchiveTooLarge)
}

/// As `io::copy`, which cannot tell whose error it is, as long as `check` does
/// not mind the number of bytes.
fn copy(
    plain: &mut dyn Read,
    file: &mut File,
    check: impl Fn(u64) -> Result<(), LayerError>,
) -> Result<bool, LayerError> {
    let mut buffer = vec![0; 128 << 10];
    let mut size = 0;
    loop {
        let read = plain.read(&mut buffer).map_err(LayerError::Read)?;
        if read == 0 {
            return Ok(true);
        }
        size += read as u64;
        check(size)?;
        let written = file.write_all(buffer.get(..read).unwrap_or_default());
        written.named(|| "write()".into()).map_err(LayerError::Store)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::testing::{TempDir, store};

    #[test]
    fn what_is_no_plain_file_becomes_one() {
        let temp = TempDir::new();
        let store = store(&temp);
        let text = b"some text, some text";
        let zstd = zstd::encode_all(&text[..], 1).unwrap();
        for content in [&text[..], &zstd] {
            let path = temp.path().join("file");
            std::fs::write(&path, content).unwrap();
            let mut plain = String::new();
            store.spool(File::open(&path).unwrap()).unwrap().read_to_string(&mut plain).unwrap();
            assert_eq!(plain.as_bytes(), text);
        }
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(&zstd).unwrap();
        drop(writer);
        let mut plain = Vec::new();
        let pipe = File::from(std::os::fd::OwnedFd::from(reader));
        let mut spooled = store.spool(pipe).unwrap();
        spooled.read_to_end(&mut plain).unwrap();
        assert_eq!(plain, text);
        assert_eq!(std::fs::read_dir(store.tmp()).unwrap().count(), 0);
    }
}
