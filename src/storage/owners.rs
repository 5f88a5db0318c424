//! The record of owners that are not in the map.
//!
//! A pull never fails for an owner: the file becomes root's, and what the image
//! said is kept beside the layer for whoever writes images or answers `stat`.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{BufWriter, Write},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use crate::sys::{self, Named};

/// The owners that could not be stored: `UID GID PATH` and a NUL for each, of
/// which the last one for a path counts.
#[derive(Debug)]
pub(super) struct Owners {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl Owners {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    pub(super) fn record(&mut self, path: &Path, uid: u64, gid: u64) -> sys::Result<()> {
        let name = || format!("write({:?})", self.path);
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(BufWriter::new(File::create(&self.path).named(name)?)),
        };
        write!(file, "{uid} {gid} ").named(name)?;
        file.write_all(path.as_os_str().as_bytes()).named(name)?;
        file.write_all(b"\0").named(name)
    }

    /// Writes what is not written yet.
    pub(super) fn close(&mut self) -> sys::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.flush().named(|| format!("write({:?})", self.path))
    }
}

/// User and group ids by path.
pub(super) type Recorded = HashMap<PathBuf, (u64, u64)>;

/// What was recorded; nothing if there is no such file, and nothing of what is
/// not a record.
pub(super) fn read(path: &Path) -> sys::Result<Recorded> {
    let bytes = match fs::read(path).named(|| format!("read({path:?})")) {
        Err(error) if error.errno == Errno::ENOENT => Vec::new(),
        read => read?,
    };
    Ok(bytes.split(|byte| *byte == 0).filter_map(parse).collect())
}

fn parse(record: &[u8]) -> Option<(PathBuf, (u64, u64))> {
    let mut parts = record.splitn(3, |byte| *byte == b' ');
    let mut number = || str::from_utf8(parts.next()?).ok()?.parse().ok();
    let owner = (number()?, number()?);
    let path = std::ffi::OsString::from_vec(parts.next()?.into());
    Some((path.into(), owner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::testing::TempDir;

    #[test]
    fn the_last_record_of_a_path_counts() {
        let temp = TempDir::new();
        let path = temp.path().join("owners");
        assert!(read(&path).unwrap().is_empty());
        let mut owners = Owners::new(path.clone());
        for (path, uid) in [("a b", 1), ("c", 2), ("a b", 70_000)] {
            owners.record(Path::new(path), uid, 5).unwrap();
        }
        owners.close().unwrap();
        let expected = [("a b".into(), (70_000, 5)), ("c".into(), (2, 5))];
        assert_eq!(read(&path).unwrap(), Recorded::from(expected));
    }
}
