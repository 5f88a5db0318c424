//! `sandbox.lock`: what is in it, and how it is read and written.
//!
//! TOML in a stable order, one fact a line, so that a change is read easily in
//! a diff. What is not understood is refused: a lock that is read half locks
//! nothing.

use std::{
    fmt::{self, Write as _},
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, de};

use crate::{
    commands::save::write_file,
    config::{self, parse_toml},
    error::Error,
    image,
    oci::{Descriptor, Digest, Name, Platform},
    sys::fs::{Lock, flock, open_directory},
};

/// What the file is called.
pub(super) const FILE: &str = "sandbox.lock";
/// The one format there is.
const VERSION: u32 = 1;
const HEADER: &str = "# Made by `sandbox lock`: the images that `sandbox run --locked` may run.\n";

/// All that a lock records, by reference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LockFile {
    version: u32,
    #[serde(default, rename = "image")]
    pub(super) images: Vec<Entry>,
}

/// What a reference stood for when it was locked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Entry {
    #[serde(deserialize_with = "parsed")]
    pub(super) reference: Name,
    /// Those that were asked for; none for all.
    #[serde(default, deserialize_with = "all_parsed")]
    pub(super) platforms: Vec<Platform>,
    /// Of the index, or of the manifest if there is no index.
    pub(super) digest: Digest,
    pub(super) media_type: String,
    /// Bytes.
    pub(super) size: u64,
    #[serde(default, rename = "manifest")]
    pub(super) manifests: Vec<Manifest>,
}

/// The image for one platform.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Manifest {
    #[serde(deserialize_with = "parsed")]
    pub(super) platform: Platform,
    pub(super) digest: Digest,
    media_type: String,
    size: u64,
}

impl Manifest {
    /// What an index says of a manifest; none if it is for no platform.
    pub(super) fn new(descriptor: Descriptor) -> Option<Self> {
        let Descriptor { media_type, digest, size, platform, .. } = descriptor;
        Some(Self { platform: platform?, digest, media_type, size })
    }
}

impl Entry {
    /// The manifest that serves `wanted` best, by the rule for indexes.
    pub(super) fn manifest(&self, wanted: &Platform) -> Option<&Manifest> {
        let rank = |manifest: &Manifest| manifest.platform.rank(wanted);
        let ranked = self.manifests.iter().filter_map(|manifest| Some((rank(manifest)?, manifest)));
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, manifest)| manifest)
    }
}

/// Where the lock for this directory is: here, or in the nearest directory
/// above that has one.
pub(super) fn find() -> Result<Option<PathBuf>, Error> {
    let here = here()?;
    let above = here.parent().into_iter().flat_map(Path::ancestors).map(|dir| dir.join(FILE));
    Ok(above.into_iter().find(|path| fs::symlink_metadata(path).is_ok()))
}

/// The lock of this directory, whether it is there or not.
pub(super) fn here() -> Result<PathBuf, Error> {
    std::path::absolute(FILE).map_err(|source| {
        let what = "find out what the current directory is".into();
        image::Error::Io { what, source }.into()
    })
}

impl LockFile {
    /// Reads a lock; none if there is no file.
    ///
    /// # Errors
    /// If it cannot be read, or is not of the format that we know.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Error> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(config::Error::Unreadable { path: path.into(), source }.into()),
        }
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        /// What a later format has, too.
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = parse_toml(text, path)?;
        if version != VERSION {
            return Err(Error::usage_with_hint(
                format!("cannot use {}: it has version {version} of the format", path.display()),
                format!("this `sandbox` knows version {VERSION}; a newer one may know that"),
            ));
        }
        let lock: Self = parse_toml(text, path)?;
        for (at, entry) in lock.images.iter().enumerate() {
            if lock.images[..at].iter().any(|other| other.reference == entry.reference) {
                let (path, reference) = (path.display(), &entry.reference);
                return Err(Error::usage(format!("cannot use {path}: it has `{reference}` twice")));
            }
        }
        Ok(lock)
    }

    /// What is recorded for a reference.
    pub(super) fn entry(&self, reference: &Name) -> Option<&Entry> {
        self.images.iter().find(|entry| entry.reference == *reference)
    }

    /// Puts entries into the lock at `path`, in place of those for the same
    /// references; others stay, also what somebody else adds at this moment.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub(super) fn put(path: &Path, entries: Vec<Entry>) -> Result<(), Error> {
        // A link stays one.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.into());
        let directory = open_directory(path.parent().unwrap_or(Path::new("/")));
        // Where there are no locks, as on some networks' file systems, we hope.
        let _lock = directory.and_then(|dir| flock(&dir, Lock::Exclusive).map(|()| dir));
        let old = Self::read(&path)?;
        let mut new = old.clone().unwrap_or_default();
        new.images.retain(|old| entries.iter().all(|entry| entry.reference != old.reference));
        new.images.extend(entries);
        new.sort();
        if old.as_ref() == Some(&new) {
            return Ok(());
        }
        let failed = |source| {
            let what = format!("write `{}`", path.display());
            Error::from(image::Error::Io { what, source })
        };
        write_file(&path, |file| file.write_all(new.to_string().as_bytes()).map_err(failed))
    }

    fn sort(&mut self) {
        self.version = VERSION;
        self.images.sort_by_cached_key(|entry| entry.reference.to_string());
        for entry in &mut self.images {
            entry.manifests.sort_by_cached_key(|manifest| manifest.platform.to_string());
        }
    }
}

impl fmt::Display for LockFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}version = {}", self.version)?;
        self.images.iter().try_for_each(|image| image.fmt(f))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n[[image]]\nreference = {}", Quoted(&self.reference))?;
        if let Some((first, rest)) = self.platforms.split_first() {
            write!(f, "platforms = [{}", Quoted(first))?;
            rest.iter().try_for_each(|platform| write!(f, ", {}", Quoted(platform)))?;
            f.write_str("]\n")?;
        }
        write_content(f, &self.digest, &self.media_type, self.size)?;
        for manifest in &self.manifests {
            writeln!(f, "\n[[image.manifest]]\nplatform = {}", Quoted(&manifest.platform))?;
            write_content(f, &manifest.digest, &manifest.media_type, manifest.size)?;
        }
        Ok(())
    }
}

fn write_content(
    f: &mut fmt::Formatter<'_>,
    digest: &Digest,
    media_type: &str,
    size: u64,
) -> fmt::Result {
    let (digest, media_type) = (Quoted(digest), Quoted(media_type));
    writeln!(f, "digest = {digest}\nmedia-type = {media_type}\nsize = {size}")
}

/// A basic string of TOML.
struct Quoted<T>(T);

impl<T: fmt::Display> fmt::Display for Quoted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.to_string().chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() => write!(f, "\\u{:04X}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

fn all_parsed<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(de::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"# Made by `sandbox lock`: the images that `sandbox run --locked` may run.
version = 1

[[image]]
reference = "docker.io/library/alpine:3"
digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
media-type = "application/vnd.oci.image.index.v1+json"
size = 9218

[[image.manifest]]
platform = "linux/amd64"
digest = "sha256:0101010101010101010101010101010101010101010101010101010101010101"
media-type = "m"
size = 1

[[image.manifest]]
platform = "linux/amd64/v3"
digest = "sha256:0202020202020202020202020202020202020202020202020202020202020202"
media-type = "m"
size = 2

[[image]]
reference = "ghcr.io/x/y:1"
platforms = ["linux/arm64", "linux/arm/v7"]
digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
media-type = "\"\\\u007F\u000A"
size = 9218
"#;

    fn digest(byte: u8) -> Digest {
        Digest::from_sha256(&[byte; 32])
    }

    fn manifest(platform: &str, byte: u8) -> Manifest {
        let platform = platform.parse().unwrap();
        Manifest { platform, digest: digest(byte), media_type: "m".into(), size: byte.into() }
    }

    fn alpine() -> Entry {
        Entry {
            reference: "alpine:3".parse().unwrap(),
            platforms: Vec::new(),
            digest: digest(0),
            media_type: "application/vnd.oci.image.index.v1+json".into(),
            size: 9218,
            manifests: vec![manifest("linux/amd64/v3", 2), manifest("linux/amd64", 1)],
        }
    }

    fn restricted() -> Entry {
        let platforms = ["linux/arm64", "linux/arm/v7"].map(|text| text.parse().unwrap());
        Entry {
            reference: "ghcr.io/x/y:1".parse().unwrap(),
            platforms: platforms.into(),
            media_type: "\"\\\u{7f}\n".into(),
            manifests: Vec::new(),
            ..alpine()
        }
    }

    fn parse(text: &str) -> Result<LockFile, String> {
        LockFile::parse(text, Path::new("/l")).map_err(|error| error.to_string())
    }

    /// A directory which goes when the test ends.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let name = format!("sandbox-lock-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_has_an_order() {
        let mut lock = LockFile { version: 0, images: vec![restricted(), alpine()] };
        lock.sort();
        assert_eq!(lock.to_string(), LOCK);
        assert_eq!(parse(LOCK).unwrap(), lock);
        assert_eq!(parse("version = 1").unwrap().images, []);
    }

    #[test]
    fn a_name_may_be_written_in_short() {
        let lock = parse(&LOCK.replace("docker.io/library/alpine:3", "alpine:3")).unwrap();
        assert!(lock.entry(&alpine().reference).is_some());
        assert!(lock.entry(&"alpine:4".parse().unwrap()).is_none());
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let cases = [
            ("version = 2\nnew = true\n", "it has version 2 of the format"),
            ("", "line 1: missing field `version`"),
            ("version = 1\n<<<<<<< ours\n", "line 2: "),
            (&LOCK.replace("size = 9218", "sizes = 1"), "line 8: unknown field `sizes`"),
            (&LOCK.replace("alpine:3", "Alpine"), "line 5: `docker.io/library/Alpine` is not an"),
            (&LOCK.replace("sha256:01", "sha512:01"), "line 12: `sha512:01"),
            (&LOCK.replace("ghcr.io/x/y:1", "alpine:3"), "`docker.io/library/alpine:3` twice"),
        ];
        for (text, why) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with("cannot use /l") && error.contains(why), "{why}: {error}");
        }
    }

    #[test]
    fn the_manifest_is_chosen_as_from_an_index() {
        let chosen = |wanted: &str| {
            let entry = alpine();
            let manifest = entry.manifest(&wanted.parse().unwrap());
            manifest.map(|manifest| manifest.platform.to_string())
        };
        assert_eq!(chosen("linux/amd64").as_deref(), Some("linux/amd64"));
        assert_eq!(chosen("linux/amd64/v3").as_deref(), Some("linux/amd64/v3"));
        assert_eq!(chosen("linux/arm64"), None);
    }

    #[test]
    fn other_entries_stay_and_a_file_without_change_is_not_touched() {
        let dir = Directory::new("put");
        let (path, link) = (dir.0.join("real"), dir.0.join("link"));
        std::os::unix::fs::symlink("real", &link).unwrap();
        fs::write(&path, "version = 1\n").unwrap();
        LockFile::put(&link, vec![restricted()]).unwrap();
        LockFile::put(&link, vec![alpine()]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), LOCK);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());

        let written = || fs::metadata(&path).unwrap().modified().unwrap();
        let before = written();
        LockFile::put(&path, vec![alpine()]).unwrap();
        assert_eq!(written(), before);
        let moved = Entry { digest: digest(7), ..alpine() };
        LockFile::put(&path, vec![moved.clone()]).unwrap();
        let lock = LockFile::read(&path).unwrap().unwrap();
        assert_eq!(lock.entry(&moved.reference).unwrap().digest, digest(7));
        assert_eq!(lock.images.len(), 2);
        assert_eq!(fs::read_dir(&dir.0).unwrap().count(), 2);
    }
}
