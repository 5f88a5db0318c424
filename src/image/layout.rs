//! OCI image layouts (image-spec, `image-layout.md`), in a directory or a tar.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
};

use nix::errno::Errno;

use super::{
    Error, Opened,
    archive::Archive,
    load::Named,
    resolve::{Store, choose},
    verify::{document, verified_document},
};
use crate::{
    oci::{Descriptor, ImageLimits, Index, Name, Platform},
    sys::fs::{open_directory as open_directory_of_user, open_file_at, open_path_at, read_link_at},
};

/// The annotation which holds a tag (image-spec, `annotations.md`).
pub(super) const TAG: &str = "org.opencontainers.image.ref.name";
/// The annotation by which docker and containerd find the whole name.
pub(super) const NAME: &str = "io.containerd.image.name";

/// Opens `oci:DIR[:TAG]`.
pub(super) fn open_directory(
    path: &Path,
    tag: Option<&str>,
    wanted: &Platform,
) -> Result<Opened, Error> {
    open(Layout::directory(path)?, tag, wanted)
}

/// Opens `oci-archive:FILE[:TAG]`.
pub(super) fn open_archive(
    path: &Path,
    tag: Option<&str>,
    wanted: &Platform,
    limits: &ImageLimits,
) -> Result<Opened, Error> {
    open(Layout::Archive(Archive::open(path, limits)?.into()), tag, wanted)
}

fn open(layout: Layout, tag: Option<&str>, wanted: &Platform) -> Result<Opened, Error> {
    let index = layout.index()?;
    let descriptor = select(&index, tag, wanted)?;
    let root = verified_document(layout.blob(descriptor)?, descriptor)?;
    Ok((Box::new(layout), root))
}

/// Opens all images of a layout, each once with all its names; where a name
/// stands for several platforms, only the one for `wanted` or this machine.
pub(super) fn open_all(layout: Layout, wanted: Option<&Platform>) -> Result<Vec<Named>, Error> {
    let index = layout.index()?;
    let mut chosen: Vec<(Vec<Name>, &Descriptor)> = Vec::new();
    for (name, descriptor) in choose_all(&index, wanted)? {
        match chosen.iter_mut().find(|(_, other)| other.digest == descriptor.digest) {
            Some((names, _)) => names.extend(name),
            None => chosen.push((name.into_iter().collect(), descriptor)),
        }
    }
    let open = |(names, descriptor)| {
        let layout = layout.clone();
        let root = verified_document(layout.blob(descriptor)?, descriptor)?;
        Ok((names, (Box::new(layout) as Box<dyn Store>, root)))
    };
    chosen.into_iter().map(open).collect()
}

/// What each name stands for, in the order of the index; what has none stands
/// for itself.
fn choose_all<'a>(
    index: &'a Index,
    wanted: Option<&Platform>,
) -> Result<Vec<(Option<Name>, &'a Descriptor)>, Error> {
    let mut groups: Vec<(Option<Name>, Vec<&Descriptor>)> = Vec::new();
    for descriptor in &index.manifests {
        let name = name_of(descriptor);
        match groups.iter_mut().find(|(other, _)| name.is_some() && *other == name) {
            Some((_, group)) => group.push(descriptor),
            None => groups.push((name, vec![descriptor])),
        }
    }
    if groups.is_empty() {
        return Err(Error::bad_manifest("index.json lists nothing"));
    }
    let host = Platform::host();
    let choose =
        |(name, group): (Option<Name>, Vec<&'a Descriptor>)| match (group.as_slice(), wanted) {
            ([only], None) => Ok((name, *only)),
            _ => Ok((name, choose(group, wanted.unwrap_or(&host))?)),
        };
    groups.into_iter().map(choose).collect()
}

/// The whole name, by the one annotation or the other: what is only a tag names
/// nothing outside of its layout.
fn name_of(descriptor: &Descriptor) -> Option<Name> {
    let whole = descriptor.annotations.as_ref().and_then(|annotations| annotations.get(NAME));
    let tag = tag_of(descriptor).filter(|tag| tag.contains([':', '/']));
    whole.or(tag)?.parse().ok()
}

/// Chooses by tag, which may be left out if there is only one; then by
/// platform, since builders tag one entry for each.
fn select<'a>(
    index: &'a Index,
    tag: Option<&str>,
    wanted: &Platform,
) -> Result<&'a Descriptor, Error> {
    let mut tags: Vec<String> = index.manifests.iter().filter_map(tag_of).cloned().collect();
    tags.sort();
    tags.dedup();
    let tagged: Vec<&Descriptor> = match tag {
        Some(tag) => {
            index.manifests.iter().filter(|entry| tag_of(entry).is_some_and(|t| t == tag)).collect()
        }
        None if tags.len() > 1 => return Err(Error::TagNeeded { available: tags }),
        None => index.manifests.iter().collect(),
    };
    match (tagged.as_slice(), tag) {
        ([], Some(tag)) => Err(Error::NoSuchTag { tag: tag.into(), available: tags }),
        ([], None) => Err(Error::bad_manifest("index.json lists nothing")),
        ([only], _) => Ok(only),
        _ => choose(tagged.iter().copied(), wanted),
    }
}

fn tag_of(descriptor: &Descriptor) -> Option<&String> {
    descriptor.annotations.as_ref()?.get(TAG)
}

/// Where the files of a layout are.
#[derive(Debug, Clone)]
pub(super) enum Layout {
    Directory(Arc<Directory>),
    Archive(Arc<Archive>),
}

impl Layout {
    pub(super) fn directory(path: &Path) -> Result<Self, Error> {
        Directory::open(path).map(|directory| Self::Directory(directory.into()))
    }

    fn index(&self) -> Result<Index, Error> {
        let bytes = document(self.file("index.json")?)?;
        serde_json::from_slice(&bytes).map_err(|e| Error::bad_manifest(format!("index.json: {e}")))
    }

    fn file(&self, name: &str) -> Result<Box<dyn Read + Send + '_>, Error> {
        match self {
            Self::Directory(directory) => Ok(Box::new(directory.file(name)?)),
            Self::Archive(archive) => Ok(Box::new(archive.member(name)?)),
        }
    }
}

impl Store for Layout {
    fn blob(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error> {
        self.file(&format!("blobs/sha256/{}", descriptor.digest.hex()))
    }
}

/// A directory whose owner may be a stranger: it was unpacked from somewhere, or
/// is shared. It is named by the user, perhaps through links; within it, none is
/// followed, for one could lead anywhere.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    fd: OwnedFd,
}

impl Directory {
    fn open(path: &Path) -> Result<Self, Error> {
        let fd = open_directory_of_user(path)
            .map_err(|error| failed(path, io::Error::from(error.errno)))?;
        Ok(Self { path: path.into(), fd })
    }

    /// Opens a regular file by a path of components without `.` and `..`.
    fn file(&self, name: &str) -> Result<File, Error> {
        let (parents, last) = name.rsplit_once('/').unwrap_or(("", name));
        let mut here = self.fd.try_clone().map_err(|error| failed(&self.path, error))?;
        let mut path = self.path.clone();
        for parent in parents.split('/').filter(|part| !part.is_empty()) {
            path.push(parent);
            here = open_path_at(&here, Path::new(parent))
                .map_err(|error| refusal(&here, parent, &path, error.errno))?;
        }
        path.push(last);
        let file = open_file_at(&here, Path::new(last))
            .map_err(|error| refusal(&here, last, &path, error.errno))?;
        match file.metadata().map_err(|error| failed(&path, error))?.is_file() {
            true => Ok(file),
            false => Err(failed(&path, io::Error::other("not a regular file"))),
        }
    }
}

/// Tells links, for which the kernel says ELOOP or ENOTDIR, from the rest.
fn refusal(here: &OwnedFd, name: &str, path: &Path, errno: Errno) -> Error {
    match read_link_at(here, Path::new(name)) {
        Ok(_) => Error::Linked { path: path.display().to_string() },
        Err(_) => failed(path, errno.into()),
    }
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::Io { what: format!("open `{}`", path.display()), source }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, io::Write};

    use super::*;
    use crate::image::sample::{self, Directory, LAYER};

    fn tagged(descriptor: Descriptor, tag: &str) -> Descriptor {
        let annotations = BTreeMap::from([(TAG.to_owned(), tag.to_owned())]);
        Descriptor { annotations: Some(annotations), ..descriptor }
    }

    #[test]
    fn an_image_is_chosen_by_tag_and_platform() {
        let layout = Directory::new("layout");
        let (arm, amd) = (layout.image("linux/arm64"), layout.image("linux/amd64"));
        let oci = |suffix: &str| format!("oci:{}{suffix}", layout.0.display());

        layout.index(&[arm.clone(), amd.clone()]);
        let source = sample::open(&oci("")).unwrap();
        assert_eq!(*source.manifest_digest(), amd.digest);
        assert_eq!(sample::read(&source, 0).unwrap(), LAYER);
        assert!(source.layer(1).is_err());

        layout.index(&[tagged(amd, "a"), tagged(arm, "b")]);
        assert!(sample::open(&oci(":a")).is_ok());
        assert!(matches!(sample::open(&oci(":b")), Err(Error::PlatformMismatch { .. })));
        assert!(
            matches!(sample::open(&oci("")), Err(Error::TagNeeded { available }) if available.len() == 2)
        );
        assert!(matches!(sample::open(&oci(":c")), Err(Error::NoSuchTag { .. })));
    }

    #[test]
    fn what_does_not_verify_is_not_read() {
        let layout = Directory::new("tampered");
        let image = layout.image("linux/amd64");
        layout.index(std::slice::from_ref(&image));
        let oci = format!("oci:{}", layout.0.display());

        let layer = layout.blob_path(&crate::image::verify::digest(LAYER));
        fs::write(&layer, b"a lAyer").unwrap();
        let source = sample::open(&oci).unwrap();
        assert!(matches!(sample::read(&source, 0), Err(Error::DigestMismatch { .. })));
        fs::remove_file(&layer).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &layer).unwrap();
        assert!(matches!(sample::read(&source, 0), Err(Error::Linked { .. })));

        fs::write(layout.blob_path(&image.digest), b"{}").unwrap();
        assert!(matches!(sample::open(&oci), Err(Error::Truncated { .. })));
    }

    #[test]
    fn an_archive_is_a_layout_compressed_or_not() {
        let layout = Directory::new("archive");
        layout.index(&[layout.image("linux/amd64")]);
        let (plain, gzip) = (layout.0.join("x.tar"), layout.0.join("x.tar.gz"));
        let mut builder = tar::Builder::new(File::create(&plain).unwrap());
        builder.append_dir_all("./blobs", layout.0.join("blobs")).unwrap();
        builder.append_path_with_name(layout.0.join("index.json"), "./index.json").unwrap();
        builder.into_inner().unwrap();
        let file = File::create(&gzip).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        encoder.write_all(&fs::read(&plain).unwrap()).unwrap();
        encoder.finish().unwrap();
        for file in [plain, gzip] {
            let source = sample::open(&format!("oci-archive:{}", file.display())).unwrap();
            assert_eq!(sample::read(&source, 0).unwrap(), LAYER);
        }
    }
}
