//! Tar files whose members are read in any order.
//!
//! The members' places are listed once; after that each is a range of the file.
//! A compressed archive has no ranges, and is unpacked into an unnamed file
//! first.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, BufReader, Read, Seek},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Component, Path, PathBuf},
};

use flate2::read::MultiGzDecoder;

use super::Error;

/// Where a compressed archive is unpacked: it may be larger than memory.
const SCRATCH: [&str; 2] = ["/var/tmp", "/tmp"];
/// Links to links of `docker save`'s old format go one step.
const MAX_LINKS: usize = 8;
const MAX_MEMBERS: usize = 100_000;

/// A tar file, with the places of its members.
#[derive(Debug)]
pub(super) struct Archive {
    path: PathBuf,
    file: File,
    members: HashMap<PathBuf, Member>,
}

#[derive(Debug, Clone)]
enum Member {
    Range { start: u64, size: u64 },
    Link(PathBuf),
}

impl Archive {
    /// Opens and lists an archive, compressed or not.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Io { what: format!("read `{}`", path.display()), source };
        Self::of(plain(open_file(path).map_err(failed)?).map_err(failed)?, path)
    }

    /// Lists an archive that is not compressed; `path` is for messages.
    pub(super) fn of(file: File, path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Io { what: format!("read `{}`", path.display()), source };
        let members = list(&file).map_err(failed)?;
        Ok(Self { path: path.into(), file, members })
    }

    /// A member by its name; links are followed within the archive.
    pub(super) fn member(&self, name: &str) -> Result<Range<'_>, Error> {
        let missing = || Error::ArchiveMissing { archive: self.path.clone(), member: name.into() };
        let mut path = normal(Path::new(name)).ok_or_else(missing)?;
        for _ in 0..MAX_LINKS {
            match self.members.get(&path).ok_or_else(missing)? {
                Member::Link(target) => path.clone_from(target),
                &Member::Range { start, size } => {
                    return Ok(Range { file: &self.file, offset: start, left: size });
                }
            }
        }
        Err(missing())
    }
}

/// Opens a regular file; anything else could keep us waiting for ever.
fn open_file(path: &Path) -> io::Result<File> {
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is not a regular file")),
    }
}

/// A member's bytes; several threads may read theirs at once.
#[derive(Debug)]
pub(super) struct Range<'a> {
    file: &'a File,
    offset: u64,
    left: u64,
}

impl Range<'_> {
    /// How many bytes are left.
    pub(super) fn len(&self) -> u64 {
        self.left
    }
}

impl Read for Range<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let count = self.file.read_at(&mut buf[..wanted], self.offset)?;
        self.offset += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

/// The file itself, or an unnamed one with its content if it is compressed.
fn plain(mut file: File) -> io::Result<File> {
    let mut magic = [0; 2];
    let count = file.read_at(&mut magic, 0)?;
    if magic[..count] != [0x1f, 0x8b] {
        return Ok(file);
    }
    let mut unpacked = scratch()?;
    io::copy(&mut MultiGzDecoder::new(BufReader::new(&mut file)), &mut unpacked)?;
    unpacked.rewind()?;
    Ok(unpacked)
}

/// A file without a name (`open(2)`, O_TMPFILE), which goes when it is closed.
fn scratch() -> io::Result<File> {
    let open = |directory| {
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600).custom_flags(libc::O_TMPFILE).open(directory)
    };
    open(SCRATCH[0]).or_else(|_| open(SCRATCH[1]))
}

fn list(file: &File) -> io::Result<HashMap<PathBuf, Member>> {
    let mut members = HashMap::new();
    let mut archive = tar::Archive::new(file);
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        let Some(name) = normal(&entry.path()?) else { continue };
        let kind = entry.header().entry_type();
        let member = if kind.is_file() || kind.is_contiguous() {
            Member::Range { start: entry.raw_file_position(), size: entry.size() }
        } else if let Some(target) = entry.link_name()?.and_then(|link| target(&name, &link, kind))
        {
            Member::Link(target)
        } else {
            continue;
        };
        members.insert(name, member);
        if members.len() > MAX_MEMBERS {
            return Err(io::Error::other("it has too many members"));
        }
    }
    Ok(members)
}

/// What a link names: relative to itself, or for a hard link to the root.
fn target(name: &Path, link: &Path, kind: tar::EntryType) -> Option<PathBuf> {
    match kind.is_symlink() {
        true => normal(&name.parent()?.join(link)),
        false => normal(link),
    }
}

/// Resolves `.` and `..`; none for what leaves the archive.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => normal.push(name),
            Component::CurDir => {}
            Component::ParentDir if normal.pop() => {}
            _ => return None,
        }
    }
    Some(normal)
}
