//! `-v`, `--mount`, `--tmpfs`.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Component, Path, PathBuf},
    str::FromStr,
};

use super::parse_size;
use crate::{
    error::Error,
    oci::{MountFlags, MountRequest, MountSource, VolumeRequest, path_inside as inside},
};

/// `-v [SRC:]DST[:OPTIONS]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeOption(pub MountRequest);

/// `--mount type=…,…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountOption(pub MountRequest);

/// `--tmpfs DST[:OPTIONS]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TmpfsOption(pub MountRequest);

impl FromStr for VolumeOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let (source, destination, options) = match parts[..] {
            [destination] => ("", destination, ""),
            [destination, options]
                if destination.starts_with('/') && options.starts_with(char::is_alphabetic) =>
            {
                ("", destination, options)
            }
            [source, destination] => (source, destination, ""),
            [source, destination, options] => (source, destination, options),
            _ => return Err("not of the form [SRC:]DST[:OPTIONS]".into()),
        };
        let options = VolumeOptions::parse(options)?;
        let kind = match source {
            "" if parts.len() > 1 && parts[0].is_empty() => {
                return Err("there is nothing before the first colon".into());
            }
            "" => MountSource::Volume(options.volume(None)),
            path if path.starts_with(['/', '.']) => {
                MountSource::Bind { source: path.into(), make: options.mkdir, cow: options.cow }
            }
            name => MountSource::Volume(options.volume(Some(volume_name(name)?))),
        };
        options.check(&kind)?;
        let destination = inside(destination)?;
        Ok(Self(MountRequest {
            destination,
            kind,
            readonly: options.readonly,
            flags: options.flags,
        }))
    }
}

/// A name as docker allows it; who means a directory is told how to say so.
fn volume_name(text: &str) -> Result<String, String> {
    match is_volume_name(text) {
        true => Ok(text.into()),
        false => Err(format!(
            "`{text}` is not the name of a volume; if it is a directory, write ./{text}"
        )),
    }
}

/// Whether a volume may be called so: at least two letters, digits, `.`, `_` and
/// `-`, of which the first is a letter or a digit.
pub fn is_volume_name(text: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (2..=200).contains(&text.len())
        && text.bytes().all(safe)
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
}

/// What stands after the second colon of `-v`.
#[derive(Debug, Default)]
struct VolumeOptions {
    readonly: bool,
    nocopy: bool,
    mkdir: bool,
    cow: bool,
    subpath: Option<PathBuf>,
    flags: MountFlags,
}

impl VolumeOptions {
    fn parse(text: &str) -> Result<Self, String> {
        let mut all = Self::default();
        for option in text.split(',').filter(|option| !option.is_empty()) {
            all.set(option)?;
        }
        Ok(all)
    }

    /// What changes nothing here is taken: files keep the label that they have, for an
    /// ordinary user may not set one; and whoever the command runs as owns them (`U`).
    fn set(&mut self, option: &str) -> Result<(), String> {
        match option {
            "ro" | "readonly" => self.readonly = true,
            "nocopy" => self.nocopy = true,
            "mkdir" => self.mkdir = true,
            "cow" => self.cow = true,
            "noexec" => self.flags.noexec = true,
            "nosuid" => self.flags.nosuid = true,
            "nodev" => self.flags.nodev = true,
            "rw" | "z" | "Z" | "U" | "copy" | "exec" | "suid" | "dev" | "rbind" | "cached"
            | "delegated" | "consistent" => {}
            other => match other.split_once('=') {
                Some(("subpath", path)) => self.subpath = Some(inside_volume(path)?),
                _ => self.set_propagation(other)?,
            },
        }
        Ok(())
    }

    /// As `mount(8)` has it, always with what is mounted below.
    fn set_propagation(&mut self, propagation: &str) -> Result<(), String> {
        match propagation {
            "private" | "rprivate" => self.flags.slave = false,
            "slave" | "rslave" => self.flags.slave = true,
            "shared" | "rshared" | "unbindable" | "runbindable" => {
                return Err(format!(
                    "`{propagation}` is not to be had: a sandbox's mounts are its own; \
                     there are `private` and `slave`"
                ));
            }
            other => return Err(format!("the option `{other}` is not known")),
        }
        Ok(())
    }

    fn volume(&self, name: Option<String>) -> VolumeRequest {
        let subpath = self.subpath.clone();
        VolumeRequest { name, subpath, nocopy: self.nocopy, ..VolumeRequest::default() }
    }

    /// What would be passed over in silence.
    fn check(&self, kind: &MountSource) -> Result<(), String> {
        match kind {
            MountSource::Volume(_) if self.mkdir => {
                Err("`mkdir` is for directories of the host".into())
            }
            MountSource::Bind { .. } if self.subpath.is_some() => {
                Err("`subpath` is for volumes; name the directory itself".into())
            }
            MountSource::Bind { .. } if self.cow && self.readonly => {
                Err("`cow` lets a directory be changed, and `ro` forbids it".into())
            }
            MountSource::Bind { .. } if self.cow && self.flags.slave => {
                Err("`slave` shows what the host mounts later, which `cow` cannot".into())
            }
            MountSource::Bind { .. } => Ok(()),
            _ if self.cow => Err("`cow` is for directories of the host".into()),
            _ if self.flags.slave => Err("`slave` is for directories of the host".into()),
            _ => Ok(()),
        }
    }
}

/// A path in a volume.
fn inside_volume(text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text);
    let is_below =
        path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    match is_below && !text.is_empty() {
        true => Ok(path.into()),
        false => Err(format!("`{text}` is not a path in a volume, such as dir/file")),
    }
}

impl FromStr for TmpfsOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (destination, options) = text.split_once(':').unwrap_or((text, ""));
        let (mut size, mut mode, mut noexec, mut readonly) = (None, 0o1777, true, false);
        for option in options.split(',').filter(|option| !option.is_empty()) {
            match option.split_once('=').unwrap_or((option, "")) {
                ("size", value) => size = Some(parse_size(value)?),
                ("mode", value) => mode = parse_mode(value)?,
                ("exec", _) => noexec = false,
                ("noexec", _) => noexec = true,
                ("ro", _) => readonly = true,
                ("rw" | "nosuid" | "nodev" | "relatime" | "noatime", _) => {}
                (other, _) => return Err(format!("the option `{other}` is not known")),
            }
        }
        let kind = MountSource::Tmpfs { size, mode, noexec };
        let (destination, flags) = (inside(destination)?, MountFlags::default());
        Ok(Self(MountRequest { destination, kind, readonly, flags }))
    }
}

impl FromStr for MountOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut fields = Fields::default();
        for field in text.split(',').filter(|field| !field.is_empty()) {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            fields.set(name, value)?;
        }
        fields.mount().map(Self)
    }
}

/// What the fields of `--mount` say.
#[derive(Debug, Default)]
struct Fields {
    kind: Option<String>,
    source: Option<String>,
    destination: Option<PathBuf>,
    size: Option<u64>,
    mode: Option<u32>,
    /// Options for a volume that is made.
    made_with: BTreeMap<String, String>,
    options: VolumeOptions,
}

impl Fields {
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "type" => self.kind = Some(value.into()),
            "source" | "src" => self.source = Some(value.into()),
            "target" | "destination" | "dst" => self.destination = Some(inside(value)?),
            "readonly" | "ro" => self.options.readonly = flag(name, value)?,
            "rw" | "readwrite" => self.options.readonly = !flag(name, value)?,
            "tmpfs-size" => self.size = Some(parse_size(value)?),
            "tmpfs-mode" => self.mode = Some(parse_mode(value)?),
            "volume-nocopy" | "nocopy" => self.options.nocopy = flag(name, value)?,
            "volume-subpath" | "image-subpath" | "subpath" => {
                self.options.subpath = Some(inside_volume(value)?);
            }
            "volume-driver" => drop(self.made_with.insert("driver".into(), value.into())),
            "volume-label" => {
                let (key, value) = value.split_once('=').unwrap_or((value, ""));
                self.made_with.insert(format!("label:{key}"), value.into());
            }
            "volume-opt" => {
                let (key, value) = value.split_once('=').unwrap_or((value, ""));
                self.made_with.insert(format!("opt:{key}"), value.into());
            }
            "bind-propagation" | "propagation" => self.options.set_propagation(value)?,
            "bind-nonrecursive" if flag(name, value)? => return Err(not_alone(name)),
            "bind-recursive" if matches!(value, "disabled" | "writable") => {
                return Err(not_alone(&format!("{name}={value}")));
            }
            "bind-create-src" => self.options.mkdir = flag(name, value)?,
            "consistency" | "bind-nonrecursive" | "bind-recursive" | "relabel" => {}
            flag if value.is_empty() => self.options.set(flag)?,
            other => return Err(format!("the field `{other}` is not known")),
        }
        Ok(())
    }

    fn mount(self) -> Result<MountRequest, String> {
        let destination = self.destination.ok_or("`target=` is missing")?;
        let Self { options, made_with, source, .. } = self;
        let kind = match (self.kind.as_deref().unwrap_or("volume"), source) {
            ("bind", Some(source)) => {
                MountSource::Bind { source: source.into(), make: options.mkdir, cow: options.cow }
            }
            ("tmpfs", None) => {
                let mode = self.mode.unwrap_or(0o1777);
                MountSource::Tmpfs { size: self.size, mode, noexec: true }
            }
            ("tmpfs", Some(_)) => return Err("a tmpfs has no source".into()),
            // As docker has it: `source=` says nothing.
            ("volume", name) => {
                let name = name.filter(|name| !name.is_empty());
                let name = name.map(|name| volume_name(&name)).transpose()?;
                MountSource::Volume(VolumeRequest { options: made_with, ..options.volume(name) })
            }
            ("image", Some(image)) => {
                MountSource::Image { image, subpath: options.subpath.clone() }
            }
            ("bind" | "image", None) => return Err("`source=` is missing".into()),
            (kind, _) => {
                return Err(format!(
                    "type={kind} is not known; there are bind, volume, tmpfs and image"
                ));
            }
        };
        options.check(&kind)?;
        let readonly = options.readonly || matches!(kind, MountSource::Image { .. });
        Ok(MountRequest { destination, kind, readonly, flags: options.flags })
    }
}

/// Whether a field is on that is so without a value, too. What is no such value is
/// refused: a mount that was to be read-only is not to be written to for a typo.
fn flag(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "" | "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        other => Err(format!("`{name}={other}` is neither true nor false")),
    }
}

/// The kernel shows no directory of another user namespace without what is mounted
/// below it, for that may hide something (`mount_namespaces(7)`, "locked mounts").
fn not_alone(field: &str) -> String {
    format!(
        "`{field}` is not to be had: what is mounted below comes along, as the mount above allows"
    )
}

fn parse_mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o7777 => Ok(mode),
        _ => Err(format!("`{text}` is not a mode such as 1777")),
    }
}

/// What a bind shows, as an absolute path; it must be there, or is made if `make`.
///
/// # Errors
/// If it is not: nothing is ever made in silence.
pub fn volume_source(source: &Path, make: bool) -> Result<PathBuf, Error> {
    // The one that we are in can be gone and open at once.
    let path = std::path::absolute(source).map_err(|_| {
        let source = source.display();
        Error::usage(format!("cannot use {source} as a volume: the current directory was removed"))
    })?;
    let failed =
        |error| Error::usage(format!("cannot use {} as a volume: {error}", path.display()));
    match fs::metadata(&path) {
        Ok(_) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound && make => {
            fs::create_dir_all(&path).map_err(failed).map(|()| path.clone())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing(&path)),
        Err(error) => Err(failed(error)),
    }
}

fn missing(path: &Path) -> Error {
    let what = format!("there is no {} to use as a volume", path.display());
    let hint = match similar(path) {
        Some(name) => format!("did you mean {}?", path.with_file_name(name).display()),
        None => "with `mkdir` among its options (-v SRC:DST:mkdir) it is made".into(),
    };
    Error::usage_with_hint(what, hint)
}

/// A neighbour whose name differs only in case, or by one character.
fn similar(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let neighbours = fs::read_dir(path.parent()?).ok()?.flatten();
    let names = neighbours.filter_map(|entry| entry.file_name().into_string().ok());
    names.into_iter().find(|name| name.eq_ignore_ascii_case(wanted) || one_apart(name, wanted))
}

/// Whether one character more, less or other makes `a` of `b`.
fn one_apart(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let same = |(x, y): &(&char, &char)| x == y;
    let head = a.iter().zip(&b).take_while(same).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(same).count();
    a.len().max(b.len()) == head + tail + 1 && a.len().min(b.len()) > 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bind(source: &str, destination: &str, readonly: bool) -> MountRequest {
        request(
            MountSource::Bind { source: source.into(), make: false, cow: false },
            destination,
            readonly,
        )
    }

    fn request(kind: MountSource, destination: &str, readonly: bool) -> MountRequest {
        let flags = MountFlags::default();
        MountRequest { destination: destination.into(), kind, readonly, flags }
    }

    fn volume(name: Option<&str>, nocopy: bool, subpath: Option<&str>) -> MountSource {
        MountSource::Volume(VolumeRequest {
            name: name.map(Into::into),
            subpath: subpath.map(Into::into),
            nocopy,
            options: BTreeMap::new(),
        })
    }

    #[test]
    fn a_volume_is_a_source_a_destination_and_options() {
        let cases = [
            ("/a:/b", bind("/a", "/b", false)),
            ("./a:/b:ro", bind("./a", "/b", true)),
            ("..:/b/../c:Z", bind("..", "/c", false)),
            ("/a:/b/:rw,z,U,rprivate", bind("/a", "/b", false)),
            ("/b", request(volume(None, false, None), "/b", false)),
            ("/b:ro", request(volume(None, false, None), "/b", true)),
            ("data:/b", request(volume(Some("data"), false, None), "/b", false)),
            ("my.data-1:/b:nocopy", request(volume(Some("my.data-1"), true, None), "/b", false)),
            ("data:/b:subpath=c/d", request(volume(Some("data"), false, Some("c/d")), "/b", false)),
        ];
        for (text, mount) in cases {
            assert_eq!(text.parse(), Ok(VolumeOption(mount)), "{text}");
        }
        let bad = [
            "",
            "a",
            ":/b",
            "a b:/b",
            "-a:/b",
            "n:/b",
            "/a:b",
            "/a:",
            "/a:/",
            "/a:/..",
            "/a:/b:x",
            "/a:/b:ro:ro",
            "/a:/b:shared",
            "/a:/b:cow,rslave",
            "data:/b:rslave",
            "/b:slave",
            "/a:/b:subpath=c",
            "data:/b:mkdir",
            "data:/b:subpath=../c",
            "data:/b:subpath=/c",
            "data:/b:subpath=",
        ];
        for bad in bad {
            assert!(bad.parse::<VolumeOption>().is_err(), "{bad}");
        }
        let flags = "/a:/b:noexec,nosuid,nodev".parse::<VolumeOption>().unwrap().0.flags;
        assert_eq!(flags, MountFlags { nosuid: true, nodev: true, noexec: true, slave: false });
    }

    #[test]
    fn a_bind_follows_the_host_if_that_is_wanted() {
        let follows = |text: &str| text.parse::<VolumeOption>().unwrap().0.flags.slave;
        assert!(follows("/a:/b:rslave") && follows("/a:/b:ro,slave"));
        assert!(!follows("/a:/b") && !follows("/a:/b:rprivate"));
        let mount = "type=bind,src=/a,dst=/b,bind-propagation=rslave".parse::<MountOption>();
        assert!(mount.unwrap().0.flags.slave);
    }

    #[test]
    fn both_notations_of_a_tmpfs_mean_the_same() {
        let kind = MountSource::Tmpfs { size: Some(1 << 20), mode: 0o700, noexec: true };
        let mount = request(kind, "/t", false);
        assert_eq!("/t:size=1m,mode=700".parse(), Ok(TmpfsOption(mount.clone())));
        let text = "type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=0700";
        assert_eq!(text.parse(), Ok(MountOption(mount)));
    }

    #[test]
    fn a_slip_of_the_finger_is_recognized() {
        for (a, b) in [("project", "projekt"), ("src", "srcs"), ("data", "dta")] {
            assert!(one_apart(a, b), "{a} {b}");
        }
        for (a, b) in [("src", "src"), ("src", "doc"), ("ab", "a"), ("abcd", "dcba")] {
            assert!(!one_apart(a, b), "{a} {b}");
        }
    }

    #[test]
    fn a_mount_is_what_its_fields_say() {
        let image = MountSource::Image { image: "alpine:3".into(), subpath: Some("etc".into()) };
        let cases = [
            ("type=bind,source=/a,target=/b,readonly", bind("/a", "/b", true)),
            ("type=bind,src=/a,dst=/b,ro=false,bind-propagation=rprivate", bind("/a", "/b", false)),
            ("target=/b", request(volume(None, false, None), "/b", false)),
            ("source=,target=/b,ro=TRUE", request(volume(None, false, None), "/b", true)),
            ("target=/b,rw=f", request(volume(None, false, None), "/b", true)),
            (
                "type=bind,source=/a,target=/b,bind-nonrecursive=false,bind-recursive=readonly",
                bind("/a", "/b", false),
            ),
            (
                "type=volume,src=data,dst=/b,volume-nocopy",
                request(volume(Some("data"), true, None), "/b", false),
            ),
            (
                "type=volume,src=data,dst=/b,volume-subpath=c",
                request(volume(Some("data"), false, Some("c")), "/b", false),
            ),
            ("type=image,src=alpine:3,dst=/b,subpath=etc", request(image, "/b", true)),
        ];
        for (text, mount) in cases {
            assert_eq!(text.parse(), Ok(MountOption(mount)), "{text}");
        }
        let made = "type=volume,src=data,dst=/b,volume-driver=tmpfs,volume-opt=size=1m,\
                    volume-label=a=b";
        let MountSource::Volume(wanted) = made.parse::<MountOption>().unwrap().0.kind else {
            panic!()
        };
        let options = [("driver", "tmpfs"), ("label:a", "b"), ("opt:size", "1m")]
            .map(|(a, b)| (a.into(), b.into()));
        assert_eq!(wanted.options, BTreeMap::from(options));
        for bad in [
            "",
            "type=bind,source=/a",
            "type=bind,target=/b",
            "type=image,target=/b",
            "x=y",
            "type=nfs,source=/a,target=/b",
            "type=bind,src=/a,dst=/b,bind-propagation=rshared",
            "type=bind,src=/a,dst=/b,bind-propagation=rslav",
            "type=volume,src=a,dst=/b,bind-propagation=rslave",
            "type=bind,src=/a,dst=/b,subpath=c",
            "type=tmpfs,src=/a,dst=/b",
            "type=bind,src=/a,dst=/b,readonly=yes",
            "type=volume,src=data,dst=/b,volume-nocopy=maybe",
            "type=bind,src=/a,dst=/b,bind-nonrecursive",
            "type=bind,src=/a,dst=/b,bind-recursive=disabled",
        ] {
            assert!(bad.parse::<MountOption>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_option_leads_to_an_absolute_place_or_an_error(
            text in "((type|source|src|target|dst|tmpfs-size|tmpfs-mode|ro)=?(bind|tmpfs|[/.a-z0-9:]{0,8}),?){0,5}|[/.a-z:,=]{0,24}|\\PC{0,24}"
        ) {
            let volume = text.parse::<VolumeOption>().map(|option| option.0);
            let tmpfs = text.parse::<TmpfsOption>().map(|option| option.0);
            let mount = text.parse::<MountOption>().map(|option| option.0);
            for mount in [volume, tmpfs, mount].into_iter().flatten() {
                let mut parts = mount.destination.components();
                prop_assert_eq!(parts.next(), Some(Component::RootDir));
                prop_assert!(parts.clone().count() > 0);
                prop_assert!(parts.all(|part| matches!(part, Component::Normal(_))));
            }
        }
    }
}
