//! `-v`, `--mount`, `--tmpfs`.

use std::{
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use super::parse_size;
use crate::{
    error::Error,
    oci::{Mount, MountFlags, MountKind, path_inside as inside},
};

/// `-v SRC:DST[:OPTIONS]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeOption(pub Mount);

/// `--mount type=…,…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountOption(pub Mount);

/// `--tmpfs DST[:OPTIONS]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TmpfsOption(pub Mount);

impl FromStr for VolumeOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let (source, destination) = match (parts.next(), parts.next()) {
            (Some(source), Some(destination)) => (source, destination),
            _ => return Err("anonymous volumes are not here yet: write SRC:DST".into()),
        };
        let readonly = volume_options(parts.next().unwrap_or(""))?;
        if parts.next().is_some() {
            return Err("not of the form SRC:DST[:OPTIONS]".into());
        }
        if !source.starts_with(['/', '.']) {
            return Err(format!(
                "named volumes are not here yet; if `{source}` is a directory, write ./{source}"
            ));
        }
        let kind = MountKind::Bind { source: source.into() };
        Ok(Self(Mount {
            destination: inside(destination)?,
            kind,
            readonly,
            flags: MountFlags::default(),
        }))
    }
}

/// Whether it is read-only. What changes nothing here is taken.
fn volume_options(text: &str) -> Result<bool, String> {
    let mut readonly = false;
    for option in text.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" | "readonly" => readonly = true,
            // Files keep the label that they have: an ordinary user may not set one.
            "rw" | "z" | "Z" | "rprivate" | "private" | "rbind" | "nocopy" | "cached"
            | "delegated" | "consistent" => {}
            other => return Err(format!("the option `{other}` is not known")),
        }
    }
    Ok(readonly)
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
        let kind = MountKind::Tmpfs { size, mode, noexec };
        Ok(Self(Mount {
            destination: inside(destination)?,
            kind,
            readonly,
            flags: MountFlags::default(),
        }))
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
    source: Option<PathBuf>,
    destination: Option<PathBuf>,
    readonly: bool,
    size: Option<u64>,
    mode: Option<u32>,
}

impl Fields {
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "type" => self.kind = Some(value.into()),
            "source" | "src" => self.source = Some(value.into()),
            "target" | "destination" | "dst" => self.destination = Some(inside(value)?),
            "readonly" | "ro" => self.readonly = matches!(value, "" | "true" | "1"),
            "tmpfs-size" => self.size = Some(parse_size(value)?),
            "tmpfs-mode" => self.mode = Some(parse_mode(value)?),
            "consistency" | "bind-propagation" if value != "shared" && value != "rshared" => {}
            other => return Err(format!("the field `{other}` is not known")),
        }
        Ok(())
    }

    fn mount(self) -> Result<Mount, String> {
        let destination = self.destination.ok_or("`target=` is missing")?;
        let kind = match (self.kind.as_deref().unwrap_or("volume"), self.source) {
            ("bind", Some(source)) => MountKind::Bind { source },
            ("bind", None) => return Err("`source=` is missing".into()),
            ("tmpfs", None) => {
                let mode = self.mode.unwrap_or(0o1777);
                MountKind::Tmpfs { size: self.size, mode, noexec: true }
            }
            ("tmpfs", Some(_)) => return Err("a tmpfs has no source".into()),
            (kind, _) => {
                return Err(format!("type={kind} is not here yet; there are bind and tmpfs"));
            }
        };
        Ok(Mount { destination, kind, readonly: self.readonly, flags: MountFlags::default() })
    }
}

fn parse_mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o7777 => Ok(mode),
        _ => Err(format!("`{text}` is not a mode such as 1777")),
    }
}

/// What a bind shows, as an absolute path; it must be there.
///
/// # Errors
/// If it is not: nothing is ever made in silence.
pub fn volume_source(source: &Path) -> Result<PathBuf, Error> {
    let path = std::path::absolute(source).unwrap_or_else(|_| source.into());
    match fs::metadata(&path) {
        Ok(_) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing(&path)),
        Err(error) => {
            Err(Error::usage(format!("cannot use {} as a volume: {error}", path.display())))
        }
    }
}

fn missing(path: &Path) -> Error {
    let what = format!("there is no {} to use as a volume", path.display());
    let hint = match similar(path) {
        Some(name) => format!("did you mean {}?", path.with_file_name(name).display()),
        None => format!("`mkdir -p {}` makes a directory of that name", path.display()),
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
    use std::path::Component;

    use proptest::prelude::*;

    use super::*;

    fn bind(source: &str, destination: &str, readonly: bool) -> Mount {
        let kind = MountKind::Bind { source: source.into() };
        Mount { destination: destination.into(), kind, readonly, flags: MountFlags::default() }
    }

    #[test]
    fn a_volume_is_a_source_a_destination_and_options() {
        let cases = [
            ("/a:/b", bind("/a", "/b", false)),
            ("./a:/b:ro", bind("./a", "/b", true)),
            ("..:/b/../c:Z", bind("..", "/c", false)),
            ("/a:/b/:rw,z", bind("/a", "/b", false)),
        ];
        for (text, mount) in cases {
            assert_eq!(text.parse(), Ok(VolumeOption(mount)), "{text}");
        }
        for bad in ["", "/a", "name:/b", "/a:b", "/a:/", "/a:/..", "/a:/b:x", "/a:/b:ro:ro"] {
            assert!(bad.parse::<VolumeOption>().is_err(), "{bad}");
        }
    }

    #[test]
    fn both_notations_of_a_tmpfs_mean_the_same() {
        let kind = MountKind::Tmpfs { size: Some(1 << 20), mode: 0o700, noexec: true };
        let mount =
            Mount { destination: "/t".into(), kind, readonly: false, flags: MountFlags::default() };
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
    fn a_mount_needs_its_fields() {
        let good = "type=bind,source=/a,target=/b,readonly";
        assert_eq!(good.parse(), Ok(MountOption(bind("/a", "/b", true))));
        for bad in
            ["", "type=bind,source=/a", "type=bind,target=/b", "type=volume,target=/b", "x=y"]
        {
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
