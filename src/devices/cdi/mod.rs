//! Devices as their makers describe them: the Container Device Interface.
//!
//! # Theory of operation
//!
//! A *spec file* describes devices of one *kind*, and for each what it changes in
//! a container: its *edits*. All files of some directories are read
//! (`Registry::read`), of which the first have precedence; a file that makes no
//! sense is put aside, with the reason, for the error that tells what is not
//! there. Then the edits of the devices are added up (`Registry::add`): those of
//! the file once, then those of the device.
//!
//! Hooks are programs that the maker wants to be run, on the host, around a
//! container's start. Nothing of the kind is ever run by us; what the well-known
//! ones are for is done by mounts (`hooks`), and a note tells of the others.

mod file;
mod hooks;
mod name;
mod soname;
mod yaml;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use file::{Edits, FileMount, SpecFile};
pub use name::{InvalidName, Name, is_device};

use super::{Error, Found, node};
use crate::oci::{DeviceNode, Mount, MountFlags, MountKind, path_inside};

/// A directory gives no more files than this.
const MOST_FILES: usize = 256;

/// All that the spec files say.
#[derive(Debug, Default)]
pub(super) struct Registry {
    directories: Vec<PathBuf>,
    files: Vec<Loaded>,
    /// Files that cannot be used, and why.
    problems: Vec<String>,
    /// Whose edits have been made, in that order: a file's, and those of its devices.
    used: Vec<(usize, Option<usize>)>,
}

/// A spec file that makes sense.
#[derive(Debug)]
struct Loaded {
    path: PathBuf,
    /// Which of the directories it is in.
    directory: usize,
    spec: SpecFile,
}

impl Registry {
    /// Reads all files of `directories`; the first of them have precedence.
    pub(super) fn read(directories: &[PathBuf]) -> Self {
        let mut registry = Self { directories: directories.into(), ..Self::default() };
        for (number, directory) in directories.iter().enumerate() {
            for path in registry.files_of(directory) {
                match SpecFile::read(&path) {
                    Ok(spec) => {
                        let loaded = Loaded { path, directory: number, spec };
                        registry.files.push(loaded);
                    }
                    Err(why) => registry.problems.push(format!("{}: {why}", path.display())),
                }
            }
        }
        registry
    }

    fn files_of(&mut self, directory: &Path) -> Vec<PathBuf> {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.problems.push(format!("{}: {error}", directory.display()));
                return Vec::new();
            }
        };
        let is_spec = |path: &PathBuf| {
            path.extension().is_some_and(|extension| extension == "json" || extension == "yaml")
        };
        let paths = entries.flatten().map(|entry| entry.path()).filter(is_spec);
        let mut paths: Vec<PathBuf> = paths.take(MOST_FILES).collect();
        paths.sort();
        paths
    }

    /// Whether there is any device of this kind.
    pub(super) fn has(&self, kind: &str) -> bool {
        self.files.iter().any(|file| file.spec.kind == kind && !file.spec.devices.is_empty())
    }

    /// Adds what the device changes; `all` are all of its kind, unless a device is
    /// called so.
    pub(super) fn add(&mut self, name: &Name, found: &mut Found) -> Result<(), Error> {
        match self.place(name)? {
            Some(place) => self.add_at(name, place, found),
            None if name.device == Name::ALL && self.has(&name.kind) => {
                for name in self.names(&name.kind) {
                    self.add(&name, found)?;
                }
                Ok(())
            }
            None => Err(self.unknown(name)),
        }
    }

    /// Which file, and which device of it.
    fn place(&self, name: &Name) -> Result<Option<(usize, usize)>, Error> {
        for directory in 0..self.directories.len() {
            let places = self.files.iter().enumerate().filter_map(|(number, file)| {
                let is_here = file.directory == directory && file.spec.kind == name.kind;
                let mut devices = file.spec.devices.iter();
                let device = devices.position(|device| device.name == name.device);
                is_here.then_some(()).and(device).map(|device| (number, device))
            });
            match places.collect::<Vec<_>>()[..] {
                [] => {}
                [place] => return Ok(Some(place)),
                [(one, _), (other, _), ..] => {
                    return Err(Error::Ambiguous {
                        name: name.to_string(),
                        one: self.files[one].path.clone(),
                        other: self.files[other].path.clone(),
                    });
                }
            }
        }
        Ok(None)
    }

    /// All devices of a kind.
    fn names(&self, kind: &str) -> BTreeSet<Name> {
        let files = self.files.iter().filter(|file| file.spec.kind == kind);
        let devices = files.flat_map(|file| &file.spec.devices);
        devices.map(|device| Name::new(kind, &device.name)).collect()
    }

    fn unknown(&self, name: &Name) -> Error {
        let kinds: BTreeSet<&str> = self.files.iter().map(|file| file.spec.kind.as_str()).collect();
        let known = kinds.iter().flat_map(|kind| self.names(kind));
        Error::Unknown {
            name: name.to_string(),
            directories: self.directories.clone(),
            known: known.map(|name| name.to_string()).collect(),
            problems: self.problems.clone(),
        }
    }

    /// That there is no GPU, and where one would have been.
    pub(super) fn no_gpu(&self) -> Error {
        let directory = self.directories.first().cloned().unwrap_or_default();
        Error::NoGpu { directory, problems: self.problems.clone() }
    }

    fn add_at(
        &mut self,
        name: &Name,
        (file, device): (usize, usize),
        found: &mut Found,
    ) -> Result<(), Error> {
        for place in [(file, None), (file, Some(device))] {
            if self.used.contains(&place) {
                continue;
            }
            let file = &self.files[file];
            apply(file.edits(place.1), found).map_err(|source| Error::Described {
                name: name.to_string(),
                file: file.path.clone(),
                source: Box::new(source),
            })?;
            self.used.push(place);
        }
        Ok(())
    }

    /// Does what hooks are for, when all that they could be about is known.
    pub(super) fn finish(&self, found: &mut Found) {
        for &(file, device) in &self.used {
            let file = &self.files[file];
            hooks::replace(file.edits(device), &file.path, found);
        }
    }
}

impl Loaded {
    /// Those of a device, or of the file itself.
    fn edits(&self, device: Option<usize>) -> &Edits {
        match device {
            Some(device) => &self.spec.devices[device].container_edits,
            None => &self.spec.container_edits,
        }
    }
}

/// What is set twice is as it was set last.
fn apply(edits: &Edits, found: &mut Found) -> Result<(), Error> {
    found.edits.env.extend(edits.env.iter().cloned());
    for device in &edits.device_nodes {
        let node = DeviceNode {
            source: device.source().into(),
            destination: inside(&device.path),
            permissions: match device.permissions.as_str() {
                "" => "rwm".into(),
                permissions => permissions.into(),
            },
        };
        found.edits.nodes.retain(|known| known.destination != node.destination);
        node::add_node(node, found)?;
    }
    for mount in &edits.mounts {
        let mount = described(mount)?;
        found.edits.mounts.retain(|known| known.destination != mount.destination);
        found.edits.mounts.push(mount);
    }
    for &gid in &edits.additional_gids {
        if gid != 0 && !found.edits.groups.contains(&gid) {
            found.edits.groups.push(gid);
        }
    }
    Ok(())
}

/// Of a path that was checked when the file was read.
fn inside(path: &str) -> PathBuf {
    path_inside(path).unwrap_or_default()
}

fn described(mount: &FileMount) -> Result<Mount, Error> {
    let has = |option: &str| mount.options.iter().any(|known| known == option);
    let kind = match mount.kind.as_str() {
        "tmpfs" => MountKind::Tmpfs { size: None, mode: 0o755, noexec: has("noexec") },
        _ => MountKind::Bind { source: source(&mount.host_path)? },
    };
    let (nosuid, nodev, noexec) = (has("nosuid"), has("nodev"), has("noexec"));
    Ok(Mount {
        destination: inside(&mount.container_path),
        kind,
        readonly: has("ro"),
        flags: MountFlags { nosuid, nodev, noexec, slave: false },
    })
}

fn source(path: &str) -> Result<PathBuf, Error> {
    let path = PathBuf::from(path);
    match fs::metadata(&path) {
        Ok(_) => Ok(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Error::FileMissing(path)),
        Err(source) => Err(Error::Unreadable { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Directories with a file in each, which vanish at the end.
    struct Places(PathBuf);

    impl Places {
        fn new(name: &str, files: &[(&str, &str)]) -> (Self, Vec<PathBuf>) {
            let root = std::env::temp_dir().join(format!("sandbox-{name}-{}", std::process::id()));
            let mut directories = Vec::new();
            for (path, text) in files {
                let path = root.join(path);
                let directory = path.parent().unwrap().to_path_buf();
                fs::create_dir_all(&directory).unwrap();
                fs::write(&path, text).unwrap();
                if !directories.contains(&directory) {
                    directories.push(directory);
                }
            }
            (Self(root), directories)
        }
    }

    impl Drop for Places {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn spec(kind: &str, devices: &[(&str, &str)], own: &str) -> String {
        let devices: String = devices
            .iter()
            .map(|(name, env)| format!("- {{name: '{name}', containerEdits: {{env: [{env}]}}}}\n"))
            .collect();
        format!(
            "cdiVersion: 0.6.0\nkind: {kind}\ncontainerEdits: {{env: [{own}]}}\ndevices:\n{devices}"
        )
    }

    fn env(directories: &[PathBuf], names: &[&str]) -> Result<String, String> {
        let mut registry = Registry::read(directories);
        let mut found = Found::default();
        for name in names {
            let name = name.parse().unwrap();
            registry.add(&name, &mut found).map_err(|error| error.to_string())?;
        }
        Ok(found.edits.env.join(" "))
    }

    #[test]
    fn the_edits_of_a_file_are_made_once_before_those_of_its_devices() {
        let file = spec("a.b/c", &[("0", "D=0"), ("1", "D=1")], "F=1");
        let other = spec("x.y/z", &[("0", "E=0")], "G=1");
        let (_places, directories) =
            Places::new("once", &[("one/a.yaml", &file), ("one/b.yaml", &other)]);
        let env = |names: &[&str]| env(&directories, names);
        assert_eq!(env(&["a.b/c=1", "x.y/z=0", "a.b/c=0"]), Ok("F=1 D=1 G=1 E=0 D=0".into()));
        assert_eq!(env(&["a.b/c=all"]), Ok("F=1 D=0 D=1".into()));
        assert_eq!(env(&["a.b/c=2"]), Err("no spec file describes the device a.b/c=2".into()));
        assert_eq!(env(&["a.b/d=all"]), Err("no spec file describes the device a.b/d=all".into()));
    }

    #[test]
    fn the_first_directory_has_precedence() {
        let ours = spec("a.b/c", &[("0", "D=ours")], "");
        let theirs = spec("a.b/c", &[("0", "D=theirs"), ("1", "D=1")], "");
        let (_places, directories) =
            Places::new("first", &[("one/a.yaml", &ours), ("two/a.yaml", &theirs)]);
        assert_eq!(env(&directories, &["a.b/c=0"]), Ok("D=ours".into()));
        assert_eq!(env(&directories, &["a.b/c=all"]), Ok("D=ours D=1".into()));
    }

    #[test]
    fn a_name_that_two_files_of_a_directory_give_is_nobodys() {
        let one = spec("a.b/c", &[("0", "D=0"), ("1", "D=1")], "");
        let other = spec("a.b/c", &[("0", "D=00"), ("all", "D=all")], "");
        let (places, directories) =
            Places::new("twice", &[("one/a.yaml", &one), ("one/b.yaml", &other)]);
        let root = places.0.display();
        assert_eq!(
            env(&directories, &["a.b/c=0"]),
            Err(format!(
                "two files describe the device a.b/c=0: {root}/one/a.yaml and {root}/one/b.yaml"
            ))
        );
        assert_eq!(env(&directories, &["a.b/c=1"]), Ok("D=1".into()));
        assert_eq!(env(&directories, &["a.b/c=all"]), Ok("D=all".into()));
    }
}
