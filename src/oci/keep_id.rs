//! Which ids inside are the caller's.

use serde::{Deserialize, Serialize};

/// The user and the group inside that are the caller outside, where that is not
/// root (podman's `keep-id`).
///
/// Root and they have changed places: what is root's outside of the sandbox's user
/// namespace is theirs inside, and the other way round. All others are who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeepId {
    pub uid: u32,
    pub gid: u32,
}

impl KeepId {
    /// Whom root's files belong to on the other side.
    pub fn root(keep: Option<Self>) -> (u32, u32) {
        keep.map_or((0, 0), |keep| (keep.uid, keep.gid))
    }

    /// A user id of one side as one of the other.
    pub fn user<N: From<u32> + PartialEq>(self, id: N) -> N {
        exchange(id, self.uid)
    }

    /// A group id of one side as one of the other.
    pub fn group<N: From<u32> + PartialEq>(self, id: N) -> N {
        exchange(id, self.gid)
    }
}

fn exchange<N: From<u32> + PartialEq>(id: N, kept: u32) -> N {
    if id == N::from(0) {
        N::from(kept)
    } else if id == N::from(kept) {
        N::from(0)
    } else {
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_change_places_and_the_way_back_is_the_same() {
        let keep = KeepId { uid: 1000, gid: 0 };
        for (inside, outside) in [(0u32, 1000), (1000, 0), (1, 1), (65_534, 65_534)] {
            assert_eq!((keep.user(inside), keep.user(outside)), (outside, inside));
            assert_eq!(keep.group(inside), inside);
        }
        assert_eq!(keep.user(u64::MAX), u64::MAX);
    }
}
