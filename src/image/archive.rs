//! Tar files whose members are read in any order.
//!
//! The members' places are listed once; after that each is a range of the file.
//! A compressed archive has no ranges, and is unpacked into an unnamed file
//! first.

use std::{
    cell::Cell,
    collections::HashMap,
    fs::File,
    io::{self, BufReader, Read, Seek},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Component, Path, PathBuf},
};

use flate2::read::MultiGzDecoder;

use super::Error;
use crate::{
    oci::{Exceeded, ImageLimits},
    sys::fs::unnamed_file,
};

/// Where a compressed archive is unpacked: it may be larger than memory.
const SCRATCH: [&str; 2] = ["/var/tmp", "/tmp"];
/// Links to links of `docker save`'s old format go one step.
const MAX_LINKS: usize = 8;
/// How much of a compressed archive is unpacked at a time.
const PIECE: u64 = 1 << 20;

/// A tar file, with the places of its members.
#[derive(Debug)]
pub(super) struct Archive {
    path: PathBuf,
    file: File,
    members: HashMap<PathBuf, Member>,
}

#[derive(Debug, Clone)]
enum Member {
    Range {
        start: u64,
        size: u64,
    },
    Link(PathBuf),
    /// Readers that take the first, and ones that take the last, would see
    /// different images.
    Twice,
}

impl Archive {
    /// Opens and lists an archive, compressed or not.
    pub(super) fn open(path: &Path, limits: &ImageLimits) -> Result<Self, Error> {
        let what = || format!("read `{}`", path.display());
        let file = open_file(path).map_err(|source| Error::Io { what: what(), source })?;
        Self::of(plain(file, limits).map_err(|error| Error::from_read(error, what))?, path)
    }

    /// Lists an archive that is not compressed; `path` is for messages.
    pub(super) fn of(file: File, path: &Path) -> Result<Self, Error> {
        let what = || format!("read `{}`", path.display());
        let members = list(&file).map_err(|error| Error::from_read(error, what))?;
        Ok(Self { path: path.into(), file, members })
    }

    /// A member by its name; links are followed within the archive.
    pub(super) fn member(&self, name: &str) -> Result<Range<'_>, Error> {
        let missing = || Error::ArchiveMissing { archive: self.path.clone(), member: name.into() };
        let mut path = normal(Path::new(name)).ok_or_else(missing)?;
        for _ in 0..MAX_LINKS {
            match self.members.get(&path).ok_or_else(missing)? {
                Member::Twice => {
                    let (archive, member) = (self.path.clone(), name.into());
                    return Err(Error::MemberTwice { archive, member });
                }
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
fn plain(mut file: File, limits: &ImageLimits) -> io::Result<File> {
    let mut magic = [0; 2];
    let count = file.read_at(&mut magic, 0)?;
    if magic[..count] != [0x1f, 0x8b] {
        return Ok(file);
    }
    let mut unpacked = scratch()?;
    let packed = file.metadata()?.len();
    let mut gzip = MultiGzDecoder::new(BufReader::new(&mut file));
    let mut size = 0;
    loop {
        match io::copy(&mut (&mut gzip).take(PIECE), &mut unpacked)? {
            0 => break,
            more => size += more,
        }
        check(packed, size, limits)?;
    }
    unpacked.rewind()?;
    Ok(unpacked)
}

fn scratch() -> io::Result<File> {
    let [first, second] = SCRATCH.map(Path::new);
    let made = unnamed_file(first).or_else(|_| unnamed_file(second));
    made.map_err(|error| error.errno.into())
}

fn check(packed: u64, unpacked: u64, limits: &ImageLimits) -> Result<(), Error> {
    let within = limits.check_image(unpacked).and_then(|()| limits.check_ratio(packed, unpacked));
    within.map_err(|exceeded| Error::TooLarge { what: "the archive", exceeded })
}

fn list(file: &File) -> io::Result<HashMap<PathBuf, Member>> {
    let mut members = HashMap::new();
    let headers = Cell::new(ImageLimits::HEADERS);
    let mut archive = tar::Archive::new(Bounded { file, left: &headers });
    for entry in archive.entries_with_seek()? {
        headers.set(ImageLimits::HEADERS);
        let entry = entry.map_err(unreadable)?;
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
        members.entry(name).and_modify(|member| *member = Member::Twice).or_insert(member);
        if members.len() > ImageLimits::MEMBERS {
            let exceeded = Exceeded::count(ImageLimits::MEMBERS as u64, "members", None);
            return Err(Error::TooLarge { what: "the archive", exceeded }.into());
        }
    }
    Ok(members)
}

/// What the tar crate says of a file that is none is for those who know it.
fn unreadable(error: io::Error) -> io::Error {
    let is_ours = error.get_ref().is_some_and(|inner| inner.is::<Error>());
    match is_ours || error.raw_os_error().is_some() {
        true => error,
        false => io::Error::new(error.kind(), "it is no tar, or it is cut short"),
    }
}

/// Reads headers, which the tar crate takes into memory however long they claim
/// to be; contents are passed over by seeking.
struct Bounded<'a> {
    file: &'a File,
    left: &'a Cell<u64>,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.left.get() == 0 {
            let most = ImageLimits::HEADERS >> 20;
            let why = format!("has a member with headers of more than {most} MiB");
            let exceeded = Exceeded::fixed(why);
            return Err(Error::TooLarge { what: "the archive", exceeded }.into());
        }
        let read = self.file.take(self.left.get()).read(buf)?;
        self.left.set(self.left.get().saturating_sub(read as u64));
        Ok(read)
    }
}

impl Seek for Bounded<'_> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::sample::{self, Directory};

    #[test]
    fn members_are_counted() {
        let directory = Directory::new("members");
        let path = directory.0.join("many.tar");
        let names: Vec<String> = (0..=ImageLimits::MEMBERS).map(|n| n.to_string()).collect();
        let members: Vec<(&str, &[u8])> =
            names.iter().map(|name| (name.as_str(), &b""[..])).collect();
        sample::tar(&path, &members, &[]);
        let opened = Archive::open(&path, &ImageLimits::default());
        let error = opened.unwrap_err().to_string();
        assert_eq!(error, "the archive has more than 100000 members");
    }
}
