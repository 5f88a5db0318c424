//! Reads an unpacked layer as the tar that it was.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::errno::Errno;
use sha2::{Digest as _, Sha256};

use super::{
    Error, Store,
    record::{Segment, Segments},
    resolve::{Missing, Resolver},
};
use crate::{
    oci::{DiffId, Digest},
    sys::{
        self,
        fs::{open_directory, open_file_at},
    },
};

/// The plain tar of a layer, which hashes to its diff id: else its end is an
/// error of kind `InvalidData`, and not an end of file.
#[derive(Debug)]
pub struct LayerTar {
    diff_id: DiffId,
    size: u64,
    segments: Segments,
    fs: Resolver,
    kept: Resolver,
    /// What was replaced while the layer was unpacked, and before which segment.
    replaced: Vec<(u64, PathBuf)>,
    count: u64,
    current: Current,
    hash: Sha256,
}

#[derive(Debug)]
enum Current {
    Bytes(io::Cursor<Vec<u8>>),
    Content { file: File, left: u64 },
    End,
}

impl Store {
    /// Begins to read a layer as a plain tar, the one that it was unpacked from.
    ///
    /// # Errors
    /// If the layer is not there, is damaged, or was unpacked by a version of
    /// this program that did not keep what is needed.
    pub fn layer_tar(&self, diff_id: &DiffId) -> Result<LayerTar, Error> {
        if !self.has_layer(diff_id) {
            return Err(Error::LayersMissing);
        }
        let open = LayerTar::open(&self.layer_at(diff_id), diff_id);
        open.map_err(|error| unreadable(diff_id, &error))
    }
}

/// What it means that a layer cannot be read.
pub(super) fn unreadable(diff_id: &DiffId, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::NoRecord { diff_id: diff_id.clone() },
        _ => Error::Damaged { what: "layer", digest: diff_id.0.clone() },
    }
}

impl LayerTar {
    /// Opens the layer in this directory, of which the caller holds the lock.
    pub(super) fn open(layer: &Path, diff_id: &DiffId) -> io::Result<Self> {
        let record = layer.join("record");
        let (size, replaced) = survey(Segments::open(&record)?)?;
        let fs = open_directory(&layer.join("fs")).map_err(to_io)?;
        let kept = match open_directory(&layer.join("kept")) {
            Err(error) if error.errno == Errno::ENOENT => fs.try_clone()?,
            result => result.map_err(to_io)?,
        };
        Ok(Self {
            diff_id: diff_id.clone(),
            size,
            segments: Segments::open(&record)?,
            fs: Resolver::new(fs),
            kept: Resolver::new(kept),
            replaced,
            count: 0,
            current: Current::Bytes(io::Cursor::default()),
            hash: Sha256::new(),
        })
    }

    /// Length of the tar in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    fn advance(&mut self) -> io::Result<()> {
        self.current = match self.segments.next()? {
            None => {
                self.check()?;
                Current::End
            }
            Some(Segment::Bytes(bytes)) => Current::Bytes(io::Cursor::new(bytes)),
            Some(Segment::Content { path, size }) => {
                let file = self.open_content(&path)?;
                let metadata = file.metadata()?;
                if !metadata.is_file() || metadata.size() != size {
                    return Err(self.damaged());
                }
                Current::Content { file, left: size }
            }
            Some(Segment::Kept(_)) => Current::Bytes(io::Cursor::default()),
        };
        self.count += 1;
        Ok(())
    }

    /// Opens a file by the name that it had at this place of the tar.
    fn open_content(&mut self, path: &Path) -> io::Result<File> {
        let now = self.count;
        let replaced = self.replaced.iter().enumerate();
        let later = replaced.filter(|(_, (when, _))| *when > now);
        let mut moved = later.filter_map(|(n, (_, old))| Some((n, path.strip_prefix(old).ok()?)));
        let (resolver, path) = match moved.next() {
            Some((number, rest)) if rest.as_os_str().is_empty() => {
                (&mut self.kept, PathBuf::from(number.to_string()))
            }
            Some((number, rest)) => (&mut self.kept, Path::new(&number.to_string()).join(rest)),
            None => (&mut self.fs, path.to_path_buf()),
        };
        let parent = path.parent().unwrap_or(Path::new(""));
        let name = path.file_name().ok_or(io::ErrorKind::InvalidData)?;
        let open = |dir| open_file_at(dir, Path::new(name));
        resolver.directory(parent, Missing::Fail).and_then(open).map_err(to_io)
    }

    fn check(&mut self) -> io::Result<()> {
        let actual = Digest::from_sha256(&self.hash.finalize_reset().into());
        if actual == self.diff_id.0 { Ok(()) } else { Err(self.damaged()) }
    }

    fn damaged(&self) -> io::Error {
        let error = Error::Damaged { what: "layer", digest: self.diff_id.0.clone() };
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

impl Read for LayerTar {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let read = match &mut self.current {
                Current::End => return Ok(0),
                Current::Bytes(bytes) => bytes.read(buffer)?,
                Current::Content { left: 0, .. } => 0,
                Current::Content { file, left } => {
                    let read = file.by_ref().take(*left).read(buffer)?;
                    *left -= read as u64;
                    if read == 0 {
                        return Err(self.damaged()); // It became shorter.
                    }
                    read
                }
            };
            if read > 0 {
                self.hash.update(buffer.get(..read).unwrap_or_default());
                return Ok(read);
            }
            self.advance()?;
        }
    }
}

/// The length of the tar, and what was replaced.
fn survey(mut segments: Segments) -> io::Result<(u64, Vec<(u64, PathBuf)>)> {
    let (mut size, mut replaced, mut count) = (0_u64, Vec::new(), 0);
    while let Some(segment) = segments.next()? {
        match segment {
            Segment::Bytes(bytes) => size = size.saturating_add(bytes.len() as u64),
            Segment::Content { size: content, .. } => size = size.saturating_add(content),
            Segment::Kept(path) => replaced.push((count, path)),
        }
        count += 1;
    }
    Ok((size, replaced))
}

fn to_io(error: sys::Error) -> io::Error {
    io::Error::from_raw_os_error(error.errno as i32)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tar::EntryType;

    use super::*;
    use crate::storage::testing::{Member, TempDir, diff_id, store, tar_of};

    /// Unpacks a tar and reads it again.
    fn round_trip(tar: &[u8]) -> io::Result<Vec<u8>> {
        let temp = TempDir::new();
        let store = store(&temp);
        let id = diff_id(tar);
        store.add_layer(&id, &mut &*tar).unwrap();
        read(&store, &id)
    }

    fn read(store: &Store, id: &DiffId) -> io::Result<Vec<u8>> {
        let mut layer = store.layer_tar(id).unwrap();
        let mut bytes = Vec::new();
        layer.read_to_end(&mut bytes)?;
        assert_eq!(layer.size(), bytes.len() as u64);
        Ok(bytes)
    }

    #[track_caller]
    fn check(members: &[Member]) {
        let tar = tar_of(members);
        assert!(round_trip(&tar).unwrap() == tar, "the tar is another one");
    }

    #[test]
    fn a_tar_is_written_again_as_it_was() {
        check(&[]);
        let long = "l/".repeat(120) + "name";
        check(&[
            Member::directory("./", 0o755),
            Member::file("odd", "owner").owner(4_000_000_000, 12_345).mode(0o6755),
            Member::file("zero", ""),
            Member::file("closed", "for reading").mode(0o400),
            Member::directory("shut", 0o500),
            Member::hardlink("again", "odd"),
            Member::symlink("link", "odd"),
            Member::symlink("dir", "d"),
            Member::file("dir/through", "a link"),
            Member::whiteout(".wh.gone"),
            Member::directory("opaque", 0o700),
            Member::whiteout("opaque/.wh..wh..opq"),
            Member::whiteout(".wh..wh.plnk"),
            Member::new(EntryType::Fifo, b"fifo"),
            Member::new(EntryType::Char, b"device"),
            Member::file("short", "x").pax("path", long.as_bytes()),
            Member::file("late", "x").pax("mtime", b"1.123456789"),
            Member::file("tagged", "x").pax("SCHILY.xattr.user.a", b"b\nc"),
            Member::file("steering", "x").pax("SCHILY.xattr.user.overlay.opaque", b"y"),
            Member::file("big", &"0123456789abcdef".repeat(20_000)),
        ]);
    }

    #[test]
    fn what_is_replaced_is_not_lost() {
        check(&[Member::file("a", "first"), Member::file("a", "second"), Member::file("a", "3")]);
        check(&[
            Member::directory("d", 0o755),
            Member::file("d/a", "one"),
            Member::file("d/a", "two"),
            Member::hardlink("other", "d/a"),
            Member::symlink("d", "elsewhere"),
            Member::file("elsewhere/a", "three"),
            Member::file("d/a", "four"),
            Member::symlink("other", "d/a"),
            Member::directory("other", 0o755),
            Member::whiteout(".wh.x"),
            Member::file("x", "after a whiteout"),
        ]);
    }

    #[test]
    fn a_link_that_changes_later_does_not_matter() {
        check(&[
            Member::directory("d", 0o755),
            Member::symlink("l", "d"),
            Member::file("l/a", "one"),
            Member::file("l/b", "two"),
            Member::file("d/b", "three"),
            Member::symlink("l", "elsewhere"),
            Member::file("l/a", "four"),
            Member::file("d", "no directory any more"),
        ]);
    }

    #[test]
    fn a_sparse_file_is_written_with_its_holes() {
        let mut tar = tar_of(&[Member::file("before", "x")]);
        tar.truncate(tar.len() - 1024);
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(EntryType::GNUSparse);
        header.set_path("sparse").unwrap();
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(512);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.set_real_size(1 << 20);
        gnu.sparse[0].set_offset(4096);
        gnu.sparse[0].set_length(512);
        gnu.sparse[1].set_offset(1 << 20);
        gnu.sparse[1].set_length(0);
        header.set_cksum();
        tar.extend(header.as_bytes());
        tar.extend([7; 512]);
        tar.extend(tar_of(&[Member::file("after", "y")]));
        assert!(round_trip(&tar).unwrap() == tar);
    }

    #[test]
    fn padding_belongs_to_the_tar() {
        let mut tar = tar_of(&[Member::file("a", "x")]);
        tar.extend(vec![0; 9000]);
        tar.extend(b"and a tail");
        assert!(round_trip(&tar).unwrap() == tar);
    }

    #[test]
    fn a_damaged_layer_does_not_come_to_an_end() {
        let temp = TempDir::new();
        let store = store(&temp);
        let tar = tar_of(&[Member::file("a", "content"), Member::file("b", "x")]);
        let id = diff_id(&tar);
        store.add_layer(&id, &mut tar.as_slice()).unwrap();
        let file = store.layer(&id).join("fs/a");
        for content in ["Content", "longer content", "short"] {
            fs::write(&file, content).unwrap();
            let error = read(&store, &id).unwrap_err();
            assert_eq!(error.to_string(), format!("the layer {id} is damaged"), "{content}");
        }
        fs::remove_file(&file).unwrap();
        assert!(read(&store, &id).is_err());
        fs::remove_file(store.layer(&id).join("record")).unwrap();
        assert!(matches!(store.layer_tar(&id), Err(Error::NoRecord { .. })));
    }
}
