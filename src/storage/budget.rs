//! Keeps the store within a size: evicts images, the least recently used first.

use super::{Error, Kind, Store, measure::Measure, prune::Pruned};
use crate::sys;

/// What was done to keep within the size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evicted {
    /// The names that are gone, in this order.
    pub images: Vec<String>,
    /// Bytes on disk that were freed.
    pub bytes: u64,
    /// Bytes on disk of the store now; still too many if all the rest is in use.
    pub left: u64,
}

impl Store {
    /// Removes what nobody needs, then image by image, until the store takes no
    /// more than `max` bytes of the disk. What anybody uses stays, this store
    /// included.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub fn evict(&self, max: u64) -> Result<Evicted, Error> {
        self.evict_to(max).map_err(|source| self.failed(source))
    }

    fn evict_to(&self, max: u64) -> sys::Result<Evicted> {
        let left = Measure::default().tree(&self.root);
        let mut evicted = Evicted { left, ..Evicted::default() };
        if left > max {
            evicted.add(self.prune_names(|_| false)?);
        }
        let mut names: Vec<String> =
            self.read_refs()?.into_iter().map(|stored| stored.name).collect();
        names.sort_by_cached_key(|name| self.last_used(name));
        for name in names {
            if evicted.left <= max {
                break;
            }
            evicted.add(self.prune_names(|other| other == name)?);
        }
        Ok(evicted)
    }
}

impl Evicted {
    fn add(&mut self, pruned: Pruned) {
        self.bytes += pruned.bytes;
        self.left = self.left.saturating_sub(pruned.bytes);
        let images = pruned.removed.into_iter().filter(|removed| removed.kind == Kind::Image);
        self.images.extend(images.map(|removed| removed.name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::testing::{TempDir, put, store};

    fn names(store: &Store) -> Vec<String> {
        store.images().unwrap().into_iter().map(|image| image.name).collect()
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let temp = TempDir::new();
        for name in ["a", "b", "c", "d"] {
            put(&store(&temp), name, name);
        }
        store(&temp).image("a").unwrap().unwrap();
        let user = store(&temp);
        user.image("b").unwrap().unwrap();
        store(&temp).image("c").unwrap().unwrap();
        // Now d is the oldest, and then a; b is in use.
        let store = store(&temp);
        let size = Measure::default().tree(&store.root);
        assert_eq!(store.evict(size).unwrap(), Evicted { left: size, ..Evicted::default() });

        let evicted = store.evict(size - 1).unwrap();
        assert_eq!(evicted.images, ["d"]);
        assert_eq!(evicted.left, Measure::default().tree(&store.root));
        assert_eq!(evicted.bytes, size - evicted.left);
        assert_eq!(names(&store), ["a", "b", "c"]);

        let evicted = store.evict(0).unwrap();
        assert_eq!(evicted.images, ["a", "c"]);
        assert!(evicted.left > 0);
        assert_eq!(names(&store), ["b"]);
    }
}
