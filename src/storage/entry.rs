//! What a member of a layer's tar asks for: decisions only, nothing is done.
//!
//! Image-spec, `layer.md`: a layer is a tar of what was added or changed, in
//! which names that begin with `.wh.` stand for what was deleted.

use std::{
    borrow::Cow,
    ffi::{OsStr, OsString},
    io::{self, Read},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
};

use tar::EntryType;

use super::{LayerError, pax::Records, sparse::Sparse};
use crate::{
    oci::{Exceeded, ImageLimits},
    sys::fs::Timespec,
};

/// One change to the layer's directory.
#[derive(Debug)]
pub(super) struct Change {
    /// Relative to the layer's root, which is the empty path; no `..`, no `.`.
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
    pub(super) attributes: Attributes,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    /// The content is what the entry reads as.
    File,
    /// What the entry reads as tells the content.
    Sparse(Sparse),
    Symlink(OsString),
    /// Another name of a file of this layer, a path like that of the change.
    Hardlink(PathBuf),
    Fifo,
    /// The layers below have no such file.
    Whiteout,
    /// Of the layers below, nothing in this directory is to be seen.
    Opaque,
    /// Devices, which nobody unprivileged can make, and remarks.
    Nothing,
}

/// What a file has besides its content.
#[derive(Debug)]
pub(super) struct Attributes {
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) modified: Timespec,
    pub(super) xattrs: Vec<(OsString, Vec<u8>)>,
}

impl Change {
    /// Reads the headers of an entry: its own, and those that came before.
    pub(super) fn read(
        entry: &tar::Entry<'_, impl Read>,
        headers: &[u8],
    ) -> Result<Self, LayerError> {
        Self::of_any_tar(entry, headers)?.of_a_layer()
    }

    /// The same of a tar that is no layer: every name is one.
    pub(super) fn of_any_tar(
        entry: &tar::Entry<'_, impl Read>,
        headers: &[u8],
    ) -> Result<Self, LayerError> {
        let name = entry.path_bytes();
        let malformed = || refused(&name, "has malformed extension headers");
        let records = Records::read(headers).ok_or_else(malformed)?;
        // Whoever reads an archive's sizes differently sees other files in it.
        if records.number("size").is_some_and(|size| size != entry.size()) {
            return Err(refused(&name, "has two sizes"));
        }
        let name = records.get("GNU.sparse.name").or_else(|| records.get("path")).unwrap_or(&name);
        let path = inside(name)?;
        let kind = kind(entry, name, &records)?;
        let attributes = Attributes::read(entry.header(), &records)?;
        if attributes.xattrs.len() > ImageLimits::XATTRS {
            return Err(too_large(
                name,
                Exceeded::count(ImageLimits::XATTRS as u64, "attributes", None),
            ));
        }
        Ok(Self { path, kind, attributes })
    }

    fn of_a_layer(self) -> Result<Self, LayerError> {
        let Self { path, kind, attributes } = self;
        let Some(file_name) = path.file_name().filter(|_| kind != Kind::Nothing) else {
            return Ok(Self { path, kind, attributes });
        };
        let (path, kind) = match Marker::of(file_name) {
            Marker::None => (path, kind),
            Marker::Whiteout(name) => (path.with_file_name(name), Kind::Whiteout),
            Marker::Opaque => (path.parent().map(PathBuf::from).unwrap_or_default(), Kind::Opaque),
            Marker::Reserved => (path, Kind::Nothing),
            Marker::Invalid => {
                return Err(refused(path.as_os_str().as_bytes(), "is a whiteout of nothing"));
            }
        };
        Ok(Self { path, kind, attributes })
    }

    /// How large the file becomes; `entry` is what this was read from.
    pub(super) fn size(&self, entry: &tar::Entry<'_, impl Read>) -> u64 {
        match &self.kind {
            Kind::Sparse(sparse) => sparse.size.max(entry.size()),
            _ => entry.size(),
        }
    }

    /// How many of these bytes at most are not in the tar.
    pub(super) fn holes(&self, entry: &tar::Entry<'_, impl Read>) -> u64 {
        match &self.kind {
            Kind::Sparse(sparse) => sparse.size.saturating_sub(entry.size()),
            // The size that the tar crate tells is that with holes.
            _ if entry.header().entry_type().is_gnu_sparse() => entry.size(),
            _ => 0,
        }
    }
}

impl Change {
    /// Bytes that are kept for a directory until its layer is unpacked.
    pub(super) fn kept(&self) -> usize {
        let xattrs = self.attributes.xattrs.iter();
        let xattrs = xattrs.map(|(name, value)| name.len() + value.len());
        match self.kind {
            Kind::Directory => {
                size_of::<Self>() + self.path.as_os_str().len() + xattrs.sum::<usize>()
            }
            _ => 0,
        }
    }
}

impl Attributes {
    fn read(header: &tar::Header, records: &Records) -> Result<Self, LayerError> {
        let or = |record: &str, field: io::Result<u64>| match records.number(record) {
            Some(number) => Ok(number),
            None => field.map_err(LayerError::Read),
        };
        let modified = records.get("mtime").and_then(|text| time(str::from_utf8(text).ok()?));
        let xattrs = records.with_prefix("SCHILY.xattr.");
        let xattrs = xattrs.filter(|(name, _)| belongs_in_a_layer(name));
        Ok(Self {
            mode: header.mode().map_err(LayerError::Read)? & 0o7777,
            uid: or("uid", header.uid())?,
            gid: or("gid", header.gid())?,
            modified: modified.unwrap_or_else(|| seconds(header)),
            xattrs: xattrs
                .map(|(name, value)| (OsString::from_vec(name.into()), value.into()))
                .collect(),
        })
    }
}

/// Attributes by which a layer would steer the overlay that is made of it are
/// not taken from it.
fn belongs_in_a_layer(xattr: &[u8]) -> bool {
    !xattr.starts_with(b"user.overlay.") && !xattr.starts_with(b"trusted.")
}

/// The name of an entry as a path beneath the layer's root.
fn inside(name: &[u8]) -> Result<PathBuf, LayerError> {
    if name.contains(&0) {
        return Err(refused(name, "has a NUL character in its name"));
    }
    if name.len() > ImageLimits::PATH {
        let why = format!("has a name of more than {} bytes", ImageLimits::PATH);
        return Err(too_large(name, Exceeded::fixed(why)));
    }
    let parts = || name.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b"."));
    if parts().any(|part| part == b"..") {
        return Err(refused(name, "leads out of the layer"));
    }
    if parts().count() > ImageLimits::DEPTH {
        let why = format!("lies more than {} directories deep", ImageLimits::DEPTH);
        return Err(too_large(name, Exceeded::fixed(why)));
    }
    Ok(parts().map(OsStr::from_bytes).collect())
}

fn kind(
    entry: &tar::Entry<'_, impl Read>,
    name: &[u8],
    records: &Records,
) -> Result<Kind, LayerError> {
    let written = || records.get("linkpath").map(Cow::Borrowed).or_else(|| entry.link_name_bytes());
    let target = || match written() {
        Some(target) if !target.is_empty() && !target.contains(&0) => Ok(target.into_owned()),
        _ => Err(refused(name, "is a link to nothing")),
    };
    Ok(match entry.header().entry_type() {
        // Before POSIX, only the slash told a directory.
        EntryType::Regular if name.ends_with(b"/") => Kind::Directory,
        EntryType::Regular | EntryType::Continuous => match Sparse::of(records) {
            Some(sparse) => Kind::Sparse(sparse.map_err(|()| malformed_map(name))?),
            None => Kind::File,
        },
        EntryType::GNUSparse => Kind::File,
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Symlink(OsString::from_vec(target()?)),
        EntryType::Link => Kind::Hardlink(inside(&target()?)?),
        EntryType::Fifo => Kind::Fifo,
        _ => Kind::Nothing,
    })
}

/// What the prefix `.wh.` of a name means (image-spec, `layer.md`,
/// "Whiteouts"; names that begin with `.wh..wh.` are AUFS's own).
#[derive(Debug, PartialEq, Eq)]
enum Marker<'a> {
    None,
    Whiteout(&'a OsStr),
    Opaque,
    Reserved,
    Invalid,
}

impl<'a> Marker<'a> {
    fn of(name: &'a OsStr) -> Self {
        match name.as_bytes().strip_prefix(b".wh.") {
            None => Self::None,
            Some(b"" | b"." | b"..") => Self::Invalid,
            Some(b".wh..opq") => Self::Opaque,
            Some(rest) if rest.starts_with(b".wh.") => Self::Reserved,
            Some(rest) => Self::Whiteout(OsStr::from_bytes(rest)),
        }
    }
}

/// The time of the header itself; GNU tar writes one before 1970 as a negative
/// binary number, of which the tar crate gives the bits.
fn seconds(header: &tar::Header) -> Timespec {
    Timespec { tv_sec: header.mtime().unwrap_or(0).cast_signed(), tv_nsec: 0 }
}

/// A time of a PAX header: seconds as a decimal fraction, perhaps negative.
fn time(text: &str) -> Option<Timespec> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let nanoseconds: i64 = digits.parse().ok().filter(|n| *n >= 0)?;
    let mut time = Timespec { tv_sec: whole.parse().ok()?, tv_nsec: nanoseconds };
    if whole.starts_with('-') && nanoseconds > 0 {
        // The fraction counts towards the past, `tv_nsec` never does.
        time.tv_sec = time.tv_sec.checked_sub(1)?;
        time.tv_nsec = 1_000_000_000 - nanoseconds;
    }
    Some(time)
}

/// A sparse file whose parts cannot be told.
pub(super) fn malformed_map(name: &[u8]) -> LayerError {
    refused(name, "has a malformed list of its parts")
}

fn refused(name: &[u8], why: &'static str) -> LayerError {
    LayerError::Refused { path: quote(OsStr::from_bytes(name)), why }
}

fn too_large(name: &[u8], exceeded: Exceeded) -> LayerError {
    LayerError::EntryTooLarge { path: quote(OsStr::from_bytes(name)), exceeded }
}

/// A name of a stranger's, fit for a terminal: escaped, and not endless.
pub(super) fn quote(name: &OsStr) -> String {
    let bytes = name.as_bytes();
    let shown = bytes.get(..200).unwrap_or(bytes);
    let dots = if shown.len() < bytes.len() { "…" } else { "" };
    format!("`{}`{dots}", shown.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_beneath_the_root() {
        let cases = [
            ("etc/passwd", "etc/passwd"),
            ("./etc//passwd", "etc/passwd"),
            ("/etc/passwd", "etc/passwd"),
            ("etc/", "etc"),
            ("./.", ""),
            ("", ""),
            ("...", "..."),
        ];
        for (name, path) in cases {
            assert_eq!(inside(name.as_bytes()).unwrap(), PathBuf::from(path), "{name}");
        }
    }

    #[test]
    fn names_that_mean_elsewhere_are_refused() {
        let cases = [
            ("../x", "layer entry `../x` leads out of the layer"),
            ("a/../../x", "layer entry `a/../../x` leads out of the layer"),
            ("a/..", "layer entry `a/..` leads out of the layer"),
            ("a\0b", "layer entry `a\\x00b` has a NUL character in its name"),
        ];
        for (name, message) in cases {
            assert_eq!(inside(name.as_bytes()).unwrap_err().to_string(), message);
        }
        assert!(inside(&[b'a'; ImageLimits::PATH + 1]).is_err());
        assert!(inside("a/".repeat(ImageLimits::DEPTH + 1).as_bytes()).is_err());
        assert!(inside("a/".repeat(ImageLimits::DEPTH).as_bytes()).is_ok());
    }

    #[test]
    fn whiteouts_are_told_from_names() {
        let cases = [
            ("file", Marker::None),
            (".whatever", Marker::None),
            (".wh.file", Marker::Whiteout(OsStr::new("file"))),
            (".wh...", Marker::Invalid),
            (".wh..", Marker::Invalid),
            (".wh.", Marker::Invalid),
            (".wh..wh..opq", Marker::Opaque),
            (".wh..wh.plnk", Marker::Reserved),
            (".wh..wh.aufs", Marker::Reserved),
        ];
        for (name, marker) in cases {
            assert_eq!(Marker::of(OsStr::new(name)), marker, "{name}");
        }
    }

    #[test]
    fn a_layer_does_not_steer_the_overlay() {
        for dropped in ["user.overlay.opaque", "user.overlay.redirect", "trusted.overlay.metacopy"]
        {
            assert!(!belongs_in_a_layer(dropped.as_bytes()), "{dropped}");
        }
        for kept in ["user.mime_type", "security.capability"] {
            assert!(belongs_in_a_layer(kept.as_bytes()), "{kept}");
        }
    }

    #[test]
    fn times_have_fractions_and_a_past() {
        let at = |tv_sec, tv_nsec| Some(Timespec { tv_sec, tv_nsec });
        let cases = [
            ("0", at(0, 0)),
            ("1700000000.25", at(1_700_000_000, 250_000_000)),
            ("1.1234567899", at(1, 123_456_789)),
            ("-1.25", at(-2, 750_000_000)),
            ("99999999999999999999", None),
            ("1.-5", None),
            ("now", None),
        ];
        for (text, expected) in cases {
            assert_eq!(time(text), expected, "{text}");
        }
    }
}
