//! What a user may write where an image is wanted.

use std::{fmt, path::PathBuf, str::FromStr};

use super::Digest;

/// The registry of names that mention none.
const DOCKER_HUB: &str = "docker.io";
/// Where docker's registry keeps the images whose name has one part.
const OFFICIAL: &str = "library/";

/// An image, by the place it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// In a registry: `alpine`, `ghcr.io/x/y:1.2`, `x@sha256:…`.
    Registry(Name),
    /// `oci:DIR[:TAG]`: an OCI image layout in a directory.
    OciDir { path: PathBuf, tag: Option<String> },
    /// `oci-archive:FILE[:TAG]`: an OCI image layout in a tar file.
    OciArchive { path: PathBuf, tag: Option<String> },
    /// `docker-archive:FILE[:TAG]`: what `docker save` writes.
    DockerArchive { path: PathBuf, tag: Option<String> },
    /// `rootfs:DIR`: a directory used as it is, copy-on-write.
    RootFs(PathBuf),
    /// `host`: this machine's own system, copy-on-write.
    Host,
}

/// The name of an image in a registry, complete by docker's rules.
#[derive(Debug, Clone, Eq)]
pub struct Name {
    /// Host and port, such as `docker.io` or `127.0.0.1:5000`.
    pub registry: String,
    /// Path in the registry, such as `library/alpine`.
    pub repository: String,
    /// `latest` when neither tag nor digest was given.
    pub tag: Option<String>,
    pub digest: Option<Digest>,
    /// The path as it was typed, if without a registry; two names may mean the
    /// same image and differ in this.
    pub typed: Option<String>,
}

/// A text that is not an image reference, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image reference: {why}")]
pub struct InvalidReference {
    pub text: String,
    pub why: &'static str,
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        (&self.registry, &self.repository, &self.tag, &self.digest)
            == (&other.registry, &other.repository, &other.tag, &other.digest)
    }
}

impl Reference {
    /// The digest of `sha256:…`: the id of an image, which would be a tag of
    /// docker's image `sha256` if there were one.
    pub fn id(&self) -> Option<Digest> {
        let Self::Registry(name) = self else { return None };
        let is_id = name.registry == DOCKER_HUB && name.repository == "library/sha256";
        let hex = name.tag.as_ref().filter(|_| is_id && name.digest.is_none())?;
        format!("sha256:{hex}").parse().ok()
    }
}

impl Name {
    /// The shortest text that means this image, such as `alpine:latest`.
    pub fn familiar(&self) -> String {
        let path = self.repository.strip_prefix(OFFICIAL).unwrap_or(&self.repository);
        let candidates = [path, &self.repository].map(|path| format!("{path}{}", Suffix(self)));
        let means_us =
            |text: &String| matches!(text.parse(), Ok(Reference::Registry(name)) if name == *self);
        candidates.into_iter().find(means_us).unwrap_or_else(|| self.to_string())
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        if text == "host" {
            return Ok(Self::Host);
        }
        let Some((transport, rest)) = text.split_once(':') else {
            return text.parse().map(Self::Registry);
        };
        let place =
            || path_and_tag(rest).map_err(|why| InvalidReference { text: text.into(), why });
        match transport {
            "oci" => place().map(|(path, tag)| Self::OciDir { path, tag }),
            "oci-archive" => place().map(|(path, tag)| Self::OciArchive { path, tag }),
            "docker-archive" => place().map(|(path, tag)| Self::DockerArchive { path, tag }),
            "rootfs" => directory(rest)
                .map(Self::RootFs)
                .map_err(|why| InvalidReference { text: text.into(), why }),
            _ => text.parse().map(Self::Registry),
        }
    }
}

impl FromStr for Name {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        parse_name(text).map_err(|why| InvalidReference { text: text.into(), why })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (transport, path, tag) = match self {
            Self::Registry(name) => return name.fmt(f),
            Self::Host => return f.write_str("host"),
            Self::RootFs(path) => ("rootfs", path, &None),
            Self::OciDir { path, tag } => ("oci", path, tag),
            Self::OciArchive { path, tag } => ("oci-archive", path, tag),
            Self::DockerArchive { path, tag } => ("docker-archive", path, tag),
        };
        write!(f, "{transport}:{}", path.display())?;
        tag.iter().try_for_each(|tag| write!(f, ":{tag}"))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.registry, self.repository, Suffix(self))
    }
}

/// What follows the repository: `:TAG`, `@DIGEST`, both or nothing.
struct Suffix<'a>(&'a Name);

impl fmt::Display for Suffix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.0.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

/// Splits at the first colon: the tag may have colons, the path has none.
fn path_and_tag(rest: &str) -> Result<(PathBuf, Option<String>), &'static str> {
    match rest.split_once(':') {
        Some((_, "")) => Err("the tag after the path is empty"),
        Some((path, tag)) => Ok((directory(path)?, Some(tag.into()))),
        None => Ok((directory(rest)?, None)),
    }
}

fn directory(path: &str) -> Result<PathBuf, &'static str> {
    match path {
        "" => Err("the path is empty"),
        path if path.contains('\0') => Err("the path contains a NUL"),
        path => Ok(path.into()),
    }
}

/// Reads `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]` from right to left.
fn parse_name(text: &str) -> Result<Name, &'static str> {
    let text = text.strip_prefix("docker://").unwrap_or(text);
    let (text, digest) = match text.split_once('@') {
        Some((text, digest)) => (text, Some(parse_digest(digest)?)),
        None => (text, None),
    };
    let (path, tag) = match text.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(check_tag(tag)?)),
        _ => (text, None),
    };
    let (registry, repository) = complete(path);
    check_registry(registry)?;
    check_repository(&repository)?;
    let tag = tag.or_else(|| digest.is_none().then_some("latest")).map(Into::into);
    let typed = (!names_registry(path)).then(|| path.into());
    Ok(Name { registry: registry.into(), repository, tag, digest, typed })
}

fn parse_digest(text: &str) -> Result<Digest, &'static str> {
    text.parse().map_err(|_| "the digest is not sha256: with 64 lower-case hexadecimal digits")
}

/// Adds what docker adds: its registry, and `library/`.
fn complete(path: &str) -> (&str, String) {
    let (registry, repository) = match path.split_once('/') {
        Some(("index.docker.io", rest)) => (DOCKER_HUB, rest),
        Some((first, rest)) if names_registry(path) => (first, rest),
        _ => (DOCKER_HUB, path),
    };
    if registry == DOCKER_HUB && !repository.is_empty() && !repository.contains('/') {
        return (registry, format!("{OFFICIAL}{repository}"));
    }
    (registry, repository.into())
}

/// Whether the first part is a registry and no part of the path in one.
fn names_registry(path: &str) -> bool {
    let first = path.split_once('/').map(|(first, _)| first);
    first.is_some_and(|first| first.contains(['.', ':']) || first == "localhost")
}

fn check_registry(registry: &str) -> Result<(), &'static str> {
    if matches!(registry, "http:" | "https:") {
        return Err("a name begins with the registry's, and not with http:// or https://");
    }
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (registry, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err() || port.starts_with('+')) {
        return Err("the port of the registry is not a number up to 65535");
    }
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric();
        let ends =
            label.bytes().next().is_some_and(plain) && label.bytes().last().is_some_and(plain);
        ends && label.bytes().all(|byte| plain(byte) || byte == b'-')
    };
    match address {
        Some(address) if address.parse::<std::net::Ipv6Addr>().is_ok() => Ok(()),
        None if host.split('.').all(label) => Ok(()),
        _ => Err("the registry is not a host name or an address"),
    }
}

fn check_repository(repository: &str) -> Result<(), &'static str> {
    let hexadecimal = |path: &str| path.len() == 64 && path.bytes().all(|b| b.is_ascii_hexdigit());
    if repository.is_empty() {
        return Err("the name of the image is missing");
    }
    if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("the name of an image has no upper-case letters");
    }
    if repository.len() > 255 {
        return Err("the name of the image is longer than 255 characters");
    }
    if hexadecimal(repository.strip_prefix(OFFICIAL).unwrap_or(repository)) {
        return Err("64 hexadecimal digits are an id, not a name");
    }
    if repository.split('/').all(path_component) {
        return Ok(());
    }
    Err("a name is made of a-z and 0-9, in parts joined by `/`, `.`, `_`, `__` or `-`")
}

/// Distribution-spec, "Pulling manifests": `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn path_component(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let joined = |c: char| matches!(c, '.' | '_' | '-');
    let separator =
        |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|b| b == b'-');
    part.starts_with(plain)
        && part.ends_with(plain)
        && part.chars().all(|c| plain(c) || joined(c))
        && part.split(plain).all(separator)
}

fn check_tag(tag: &str) -> Result<&str, &'static str> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let good = tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'));
    match good && tag.len() <= 128 {
        true => Ok(tag),
        false => Err(
            "a tag is at most 128 letters, digits, `_`, `.` and `-`, and begins with neither of the last two",
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGEST: &str = "sha256:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";

    fn name(text: &str) -> Name {
        text.parse().unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn names_are_completed_as_docker_does() {
        let pinned = |prefix: &str| format!("{prefix}@{DIGEST}");
        let cases = [
            ("alpine", "docker.io/library/alpine:latest", "alpine:latest"),
            ("alpine:3.20", "docker.io/library/alpine:3.20", "alpine:3.20"),
            ("docker://alpine", "docker.io/library/alpine:latest", "alpine:latest"),
            ("docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest"),
            ("index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest"),
            ("ghcr.io/x/y:1.2", "ghcr.io/x/y:1.2", "ghcr.io/x/y:1.2"),
            ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
            ("localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"),
            ("localhost:5000/x:t", "localhost:5000/x:t", "localhost:5000/x:t"),
            ("[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"),
            ("[::1]/x", "[::1]/x:latest", "[::1]/x:latest"),
            ("a__b/c--d.e", "docker.io/a__b/c--d.e:latest", "a__b/c--d.e:latest"),
            ("docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"),
            (
                "docker.io/localhost/b",
                "docker.io/localhost/b:latest",
                "docker.io/localhost/b:latest",
            ),
            ("docker://oci:1", "docker.io/library/oci:1", "library/oci:1"),
            ("docker://host", "docker.io/library/host:latest", "host:latest"),
        ];
        for (text, canonical, familiar) in cases {
            assert_eq!(name(text).to_string(), canonical, "{text}");
            assert_eq!(name(text).familiar(), familiar, "{text}");
            assert_eq!(name(canonical), name(text), "{text}");
        }
        assert_eq!(name(&pinned("x")).to_string(), pinned("docker.io/library/x"));
        assert_eq!(name(&pinned("x:1")).familiar(), pinned("x:1"));
        assert_eq!(name(&pinned("x")).tag, None);
    }

    #[test]
    fn what_is_not_a_name_is_refused_with_a_reason() {
        let (long, tag, id) = ("a".repeat(256), format!("x:{}", "t".repeat(129)), "ab".repeat(32));
        let cases = [
            ("", "missing"),
            ("ghcr.io/", "missing"),
            ("Alpine", "upper-case"),
            ("foo/Bar:1", "upper-case"),
            ("alpine:", "a tag is"),
            ("alpine:-x", "a tag is"),
            ("alpine:a b", "a tag is"),
            (&tag, "a tag is"),
            (&id, "an id"),
            (&long, "255"),
            ("x@sha256:12", "digest"),
            ("x@", "digest"),
            ("x@sha256:../../etc/passwd", "digest"),
            ("../x", "host name"),
            ("./x", "host name"),
            ("a/../b", "made of"),
            ("a//b", "made of"),
            ("/a", "made of"),
            ("a/", "made of"),
            ("a___b", "made of"),
            ("a..b", "made of"),
            ("-a", "made of"),
            ("a b", "made of"),
            ("a\0b", "made of"),
            ("ä", "made of"),
            ("x?y", "made of"),
            ("evil.com:99999/x", "port"),
            ("evil.com:/x", "port"),
            ("user:pw@evil.com/x", "digest"),
            ("evil.com#/x", "host name"),
            ("[::g]:1/x", "host name"),
            ("http://evil.com/x", "not with http://"),
        ];
        for (text, why) in cases {
            let error = text.parse::<Name>().unwrap_err();
            assert!(error.why.contains(why), "{text:?}: {error}");
        }
    }

    #[test]
    fn an_id_is_no_name() {
        let id = |text: &str| text.parse::<Reference>().unwrap().id();
        assert_eq!(id(DIGEST), Some(DIGEST.parse().unwrap()));
        for name in [format!("x@{DIGEST}"), format!("ghcr.io/{DIGEST}"), "sha256:1".into()] {
            assert_eq!(id(&name), None, "{name}");
        }
    }

    #[test]
    fn a_transport_names_a_place() {
        let tag = |tag: &str| Some(tag.to_owned());
        let cases = [
            ("host", Reference::Host),
            ("rootfs:/a:b", Reference::RootFs("/a:b".into())),
            ("oci:d", Reference::OciDir { path: "d".into(), tag: None }),
            ("oci:/d:1", Reference::OciDir { path: "/d".into(), tag: tag("1") }),
            ("oci-archive:a.tar:x", Reference::OciArchive { path: "a.tar".into(), tag: tag("x") }),
            (
                "docker-archive:a.tar:x:1",
                Reference::DockerArchive { path: "a.tar".into(), tag: tag("x:1") },
            ),
            ("docker://host", Reference::Registry(name("docker.io/library/host"))),
        ];
        for (text, reference) in cases {
            assert_eq!(text.parse::<Reference>().as_ref(), Ok(&reference), "{text}");
            assert_eq!(reference.to_string().parse(), Ok(reference), "{text}");
        }
        for bad in ["oci:", "oci::x", "oci:d:", "rootfs:", "docker-archive:", "oci:a\0b"] {
            assert!(bad.parse::<Reference>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_reference_or_an_error(
            text in "((oci|oci-archive|docker-archive|rootfs):)?[a-zA-Z0-9./:@_-]{0,40}|\\PC{0,40}"
        ) {
            if let Ok(reference) = text.parse::<Reference>() {
                let shown = reference.to_string();
                prop_assert_eq!(shown.parse::<Reference>(), Ok(reference), "{}", shown);
            }
        }
    }
}
