//! What the store holds and how much of the disk it takes.
//!
//! Each file is measured once and counted once: the parts add up to what
//! `du(1)` says of the whole.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use serde::Serialize;

use super::{
    Error, Store,
    collect::{Forgotten, names},
    lock,
    measure::Measure,
    names::{Ref, file_name},
    sandbox_dir::SPARE,
    sandboxes::PASSING,
};
use crate::sys;

/// The store's size, by what takes it; sizes are bytes on disk.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Usage {
    /// The names of images.
    pub images: Part,
    /// Manifests and configs.
    pub blobs: Part,
    /// Unpacked layers, of all maps.
    pub layers: Part,
    /// What sandboxes write.
    pub sandboxes: Part,
    /// Volumes, which only go by their name.
    pub volumes: Part,
    /// Empty directories for the next sandboxes.
    pub spare: Part,
    /// What nobody needs: debris of interrupted commands, and blobs and layers of
    /// no image.
    pub garbage: Part,
    /// The store's own directories, and what is being made.
    pub other: u64,
    pub total: u64,
    /// Directories that could not be read, and count as empty.
    pub unread: u64,
    /// Each image, by name.
    #[serde(skip)]
    pub each: Vec<ImageUsage>,
}

/// One kind of things.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Part {
    pub count: u64,
    /// How many of them a command or sandbox uses at this moment.
    pub in_use: u64,
    pub size: u64,
    /// What `system prune --all` would give back.
    pub reclaimable: u64,
}

/// One image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageUsage {
    pub name: String,
    /// Of its manifest.
    pub digest: String,
    pub size: u64,
    /// Of this size, what other names need as well.
    pub shared: u64,
    pub in_use: bool,
    /// Seconds since 1970.
    pub last_used: u64,
}

/// A blob or layer, measured.
#[derive(Debug)]
struct Object {
    path: PathBuf,
    hex: String,
    bytes: u64,
}

/// What is to be said about blobs and layers.
#[derive(Debug)]
struct Judgement {
    garbage: HashSet<PathBuf>,
    reclaimable: HashSet<PathBuf>,
    /// Names that nobody uses.
    unused: HashSet<String>,
    /// Ids of sandboxes that do not run.
    idle: HashSet<String>,
}

impl Store {
    /// Measures everything.
    ///
    /// # Errors
    /// If the store cannot be read; none is an empty one.
    pub fn usage(&self) -> Result<Usage, Error> {
        self.measure_all().map_err(|source| self.failed(source))
    }

    fn measure_all(&self) -> sys::Result<Usage> {
        let (mut measure, mut usage) = (Measure::default(), Usage::default());
        let judgement = self.judge()?;
        let blobs = self.objects(&[self.blobs()], &mut measure)?;
        let maps = names(&self.all_layers())?;
        let maps: Vec<PathBuf> = maps.iter().map(|map| self.all_layers().join(map)).collect();
        let layers = self.objects(&maps, &mut measure)?;

        usage.blobs = judgement.split(&blobs, &mut usage.garbage);
        usage.layers = judgement.split(&layers, &mut usage.garbage);
        self.count_names(&blobs, &layers, &judgement, &mut measure, &mut usage)?;
        self.count_sandboxes(&judgement, &mut measure, &mut usage)?;
        self.count_volumes(&mut measure, &mut usage)?;
        self.count_temporary(&mut measure, &mut usage)?;
        self.count_rest(&maps, &mut measure, &mut usage)?;

        let Usage { images, blobs, layers, sandboxes, volumes, spare, garbage, .. } = &usage;
        let parts = [images, blobs, layers, sandboxes, volumes, spare, garbage];
        usage.total = usage.other + parts.iter().map(|part| part.size).sum::<u64>();
        usage.unread = measure.unread;
        Ok(usage)
    }

    /// The locks are let go at once: measuring takes a while.
    fn judge(&self) -> sys::Result<Judgement> {
        let paths = |forgotten| -> sys::Result<HashSet<PathBuf>> {
            Ok(self.garbage(forgotten)?.paths().map(Path::to_owned).collect())
        };
        let garbage = paths(Forgotten::default())?;
        let forgotten = self.forget(self.idle_sandboxes(None)?.0, |_| true)?;
        let unused = forgotten.names.clone();
        let idle = forgotten.sandboxes.iter().map(|sandbox| sandbox.id().to_owned()).collect();
        Ok(Judgement { garbage, reclaimable: paths(forgotten)?, unused, idle })
    }

    fn objects(&self, dirs: &[PathBuf], measure: &mut Measure) -> sys::Result<Vec<Object>> {
        let mut objects = Vec::new();
        for dir in dirs {
            objects.extend(names(dir)?.into_iter().map(|hex| {
                let path = dir.join(&hex);
                Object { bytes: measure.tree(&path), path, hex }
            }));
        }
        Ok(objects)
    }

    fn count_names(
        &self,
        blobs: &[Object],
        layers: &[Object],
        judgement: &Judgement,
        measure: &mut Measure,
        usage: &mut Usage,
    ) -> sys::Result<()> {
        let refs = self.read_refs()?;
        let parts: Vec<Vec<String>> = refs.iter().map(|stored| self.part_names(stored)).collect();
        let mut sizes: HashMap<&str, u64> = HashMap::new();
        for object in blobs.iter().chain(layers) {
            *sizes.entry(&object.hex).or_default() += object.bytes;
        }
        let mut users: HashMap<&str, u64> = HashMap::new();
        for part in parts.iter().flatten() {
            *users.entry(part).or_default() += 1;
        }
        for (stored, parts) in refs.iter().zip(&parts) {
            let file = self.refs().join(file_name(&stored.name));
            let bytes = measure.tree(&file);
            let size = |part: &String| sizes.get(part.as_str()).copied().unwrap_or(0);
            let is_shared = |part: &&String| users.get(part.as_str()).is_some_and(|&n| n > 1);
            let in_use = !judgement.unused.contains(&stored.name);
            usage.images.add(bytes, in_use);
            usage.each.push(ImageUsage {
                name: stored.name.clone(),
                digest: stored.digest.to_string(),
                size: bytes + parts.iter().map(size).sum::<u64>(),
                shared: parts.iter().filter(is_shared).map(size).sum(),
                in_use,
                last_used: self.seconds_of_use(&stored.name),
            });
        }
        usage.each.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(())
    }

    /// The hexadecimal names of all that an image is made of, each once.
    fn part_names(&self, stored: &Ref) -> Vec<String> {
        let (config, layers) = self.parts(&stored.digest);
        let layers = layers.into_iter().map(|diff_id| diff_id.0);
        let parts = [stored.digest.clone()].into_iter().chain(config).chain(layers);
        let parts: HashSet<String> = parts.map(|digest| digest.hex().to_owned()).collect();
        parts.into_iter().collect()
    }

    fn seconds_of_use(&self, name: &str) -> u64 {
        self.last_used(name).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    fn count_sandboxes(
        &self,
        judgement: &Judgement,
        measure: &mut Measure,
        usage: &mut Usage,
    ) -> sys::Result<()> {
        for id in names(&self.sandboxes_dir())? {
            let bytes = measure.tree(&self.sandboxes_dir().join(&id));
            usage.sandboxes.add(bytes, !judgement.idle.contains(&id));
        }
        Ok(())
    }

    fn count_volumes(&self, measure: &mut Measure, usage: &mut Usage) -> sys::Result<()> {
        for name in names(&self.volumes_dir())? {
            let path = self.volumes_dir().join(&name);
            let bytes = measure.tree(&path);
            let is_free = matches!(lock::exclusive(&path), Ok(Some(_)));
            usage.volumes.keep(bytes, !is_free);
        }
        Ok(())
    }

    /// What is in `tmp` is a sandbox that vanishes with its command, or being
    /// made; or else garbage.
    fn count_temporary(&self, measure: &mut Measure, usage: &mut Usage) -> sys::Result<()> {
        for name in names(&self.tmp())? {
            let path = self.tmp().join(&name);
            let bytes = measure.tree(&path);
            if matches!(lock::exclusive(&path), Ok(Some(_))) {
                usage.garbage.add(bytes, false);
            } else if name.starts_with(PASSING) {
                usage.sandboxes.add(bytes, true);
            } else {
                usage.other += bytes;
            }
        }
        Ok(())
    }

    /// What is in none of the directories that were measured by their entries.
    fn count_rest(
        &self,
        maps: &[PathBuf],
        measure: &mut Measure,
        usage: &mut Usage,
    ) -> sys::Result<()> {
        let blobs = self.root.join("blobs");
        let known =
            [self.refs(), self.all_layers(), self.sandboxes_dir(), self.volumes_dir(), self.tmp()];
        let top = [self.root.clone(), blobs.clone(), self.blobs()];
        let own = known.iter().chain(&top).chain(maps);
        usage.other += own.map(|dir| measure.itself(dir)).sum::<u64>();
        for name in names(&self.root)? {
            let path = self.root.join(&name);
            if path == blobs || known.contains(&path) {
                continue;
            }
            let bytes = measure.tree(&path);
            if name.starts_with(SPARE) {
                usage.spare.add(bytes, false);
            } else {
                usage.other += bytes;
            }
        }
        Ok(())
    }
}

impl Judgement {
    /// Blobs or layers: what is garbage goes there, the rest is returned.
    fn split(&self, objects: &[Object], garbage: &mut Part) -> Part {
        let mut part = Part::default();
        for object in objects {
            if self.garbage.contains(&object.path) {
                garbage.add(object.bytes, false);
            } else {
                part.add(object.bytes, !self.reclaimable.contains(&object.path));
            }
        }
        part
    }
}

impl Part {
    /// What stays, used or not.
    fn keep(&mut self, bytes: u64, in_use: bool) {
        self.count += 1;
        self.in_use += u64::from(in_use);
        self.size += bytes;
    }

    fn add(&mut self, bytes: u64, in_use: bool) {
        self.keep(bytes, in_use);
        self.reclaimable += if in_use { 0 } else { bytes };
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::storage::testing::{TempDir, put, store};

    const ALL: crate::storage::Prune = crate::storage::Prune {
        images: true,
        sandboxes: true,
        debris: true,
        before: None,
        dry_run: false,
    };

    #[test]
    fn the_parts_add_up_to_the_whole() {
        let temp = TempDir::new();
        for (name, file) in [("a", "one"), ("b", "one"), ("c", "two")] {
            put(&store(&temp), name, file);
        }
        let store = store(&temp);
        let user = Store::unswept_with_map(&store.root, store.map.clone());
        user.image("c").unwrap().unwrap();
        let living = store.create_sandbox("living", None).unwrap();
        store.create_sandbox("stopped", None).unwrap().keep(None, false).unwrap();
        fs::create_dir_all(store.tmp().join("dead/fs")).unwrap();
        fs::create_dir_all(store.all_layers().join("other/0b")).unwrap();
        fs::create_dir(store.root.join("spare-other")).unwrap();

        let usage = store.usage().unwrap();
        assert_eq!(usage.total, Measure::default().tree(&store.root));
        let count = |part: Part| (part.count, part.in_use);
        assert_eq!(count(usage.images), (3, 1));
        assert_eq!(count(usage.blobs), (4, 2));
        assert_eq!(count(usage.layers), (2, 1));
        assert_eq!(count(usage.sandboxes), (2, 1));
        assert_eq!(count(usage.spare), (1, 0));
        assert_eq!(count(usage.garbage), (2, 0));
        assert_eq!(usage.unread, 0);
        let [a, b, c] = &usage.each[..] else { panic!("{usage:?}") };
        assert_eq!((a.size, a.shared > 0, a.in_use), (b.size, true, false));
        assert_eq!((c.shared, c.in_use), (0, true));
        drop(living);
    }

    #[test]
    fn what_is_reclaimable_is_what_prune_frees() {
        let temp = TempDir::new();
        let image = put(&store(&temp), "a", "one");
        let store = store(&temp);
        store.create_sandbox("stopped", None).unwrap().keep(Some(&image.digest), false).unwrap();
        fs::create_dir_all(store.tmp().join("dead/fs")).unwrap();
        let Usage { images, blobs, layers, sandboxes, spare, garbage, .. } = store.usage().unwrap();
        let parts = [images, blobs, layers, sandboxes, spare, garbage];
        let reclaimable: u64 = parts.iter().map(|part| part.reclaimable).sum();
        assert_eq!(store.prune(ALL).unwrap().bytes, reclaimable);
    }

    #[test]
    fn no_store_takes_no_room() {
        let temp = TempDir::new();
        let root = temp.path().join("none");
        let store = Store::unswept_with_map(&root, crate::storage::testing::one_id());
        assert_eq!(store.usage().unwrap().total, 0);
    }
}
