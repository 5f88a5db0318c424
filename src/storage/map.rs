//! Which owners can be stored.

use crate::oci::{IdMap, KeepId};

/// The user and group ids of the domain, as far as files are concerned.
///
/// Layers of different maps are kept apart, since the same owner is another
/// number on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    /// Names the map in the store: a single safe component, such as `one` or
    /// `100000-65536`.
    pub key: String,
    pub uids: Vec<IdMap>,
    pub gids: Vec<IdMap>,
    /// Which ids of sandboxes are root's on disk, if root is not.
    pub keep: Option<KeepId>,
}

/// What becomes of an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Whether this is not the owner that was asked for.
    pub(super) squashed: bool,
}

impl Map {
    /// The same ids for sandboxes in which these are the caller's.
    #[must_use]
    pub fn keeping(self, keep: Option<KeepId>) -> Self {
        match keep {
            None => self,
            Some(KeepId { uid, gid }) => {
                Self { key: format!("{}@{uid}.{gid}", self.key), keep, ..self }
            }
        }
    }

    /// Whom a file belongs to on disk that is root's in a sandbox.
    pub fn inside_root(&self) -> (u32, u32) {
        KeepId::root(self.keep)
    }

    /// The owner that a file gets: an id which the map does not hold becomes 0.
    ///
    /// Tar has room for larger ids than the kernel, and 2³²−1 means "leave it"
    /// to `chown(2)`; neither can be in a map.
    pub(super) fn owner(&self, uid: u64, gid: u64) -> Owner {
        let (user, group) = (find(&self.uids, uid), find(&self.gids, gid));
        let squashed = user.is_none() || group.is_none();
        let (uid, gid) = (user.unwrap_or(0), group.unwrap_or(0));
        let (uid, gid) = self.keep.map_or((uid, gid), |keep| (keep.user(uid), keep.group(gid)));
        Owner { uid, gid, squashed }
    }
}

fn find(map: &[IdMap], id: u64) -> Option<u32> {
    let id = u32::try_from(id).ok().filter(|id| *id != u32::MAX)?;
    let holds = |range: &IdMap| id.checked_sub(range.inside).is_some_and(|n| n < range.count);
    map.iter().any(holds).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_outside_the_map_becomes_root() {
        let range = |inside, count| IdMap { inside, outside: 100_000, count };
        let ids = vec![range(0, 1), range(1, 65_536)];
        let map = Map { key: "100000-65536".into(), uids: ids.clone(), gids: ids, keep: None };
        let cases = [
            ((0, 0), (0, 0, false)),
            ((65_536, 42), (65_536, 42, false)),
            ((65_537, 42), (0, 42, true)),
            ((1000, 445_605), (1000, 0, true)),
            ((u64::from(u32::MAX), 0), (0, 0, true)),
            ((1 << 32, 0), (0, 0, true)),
        ];
        for ((uid, gid), (stored_uid, stored_gid, squashed)) in cases {
            let expected = Owner { uid: stored_uid, gid: stored_gid, squashed };
            assert_eq!(map.owner(uid, gid), expected, "{uid}:{gid}");
        }
    }

    #[test]
    fn a_user_who_is_the_caller_has_root_s_files_on_disk() {
        let ids = vec![IdMap { inside: 0, outside: 100_000, count: 65_536 }];
        let map = Map { key: "r".into(), uids: ids.clone(), gids: ids, keep: None };
        assert_eq!(map.clone().keeping(None), map);
        let map = map.keeping(Some(KeepId { uid: 1000, gid: 100 }));
        assert_eq!(map.key, "r@1000.100");
        for (inside, on_disk) in [((0, 0), (1000, 100)), ((1000, 100), (0, 0)), ((7, 8), (7, 8))] {
            let owner = map.owner(inside.0, inside.1);
            assert_eq!((u64::from(owner.uid), u64::from(owner.gid)), on_disk);
        }
        // What becomes root's is root's inside.
        let strange = map.owner(70_000, 100);
        assert_eq!((strange.uid, strange.gid, strange.squashed), (1000, 0, true));
    }

    #[test]
    fn no_map_holds_the_id_that_means_none() {
        let all = vec![IdMap { inside: 0, outside: 0, count: u32::MAX }];
        let map = Map { key: "root".into(), uids: all.clone(), gids: all, keep: None };
        assert!(map.owner(u64::from(u32::MAX), 0).squashed);
        assert!(!map.owner(u64::from(u32::MAX) - 1, 0).squashed);
    }
}
