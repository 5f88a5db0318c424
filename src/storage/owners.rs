//! The record of owners that are not in the map.
//!
//! A pull never fails for an owner: the file becomes root's, and what the image
//! said is kept beside the layer for whoever writes images or answers `stat`.

use std::{
    fs::File,
    io::{BufWriter, Write},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

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
