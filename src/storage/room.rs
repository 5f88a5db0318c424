//! Whether there is room for an image.

use super::{Error, Store};
use crate::sys::fs::free_space;

impl Store {
    /// Fails if there is certainly no room for layers that take `needed` bytes
    /// compressed: unpacked they hardly take less.
    ///
    /// # Errors
    /// [`Error::NoRoom`], or if that cannot be told.
    pub fn expect_room(&self, needed: u64) -> Result<(), Error> {
        let free = free_space(&self.root).map_err(|source| self.failed(source))?;
        if needed <= free {
            return Ok(());
        }
        Err(Error::NoRoom { root: self.root.clone(), needed, free, source: None })
    }

    /// To be called when layers could not be added: if that was for lack of room,
    /// gives back what was unpacked so far, and says how much is lacking.
    ///
    /// It lets go of all locks of this store, so that it can remove layers that it
    /// added itself.
    pub fn give_back_room(&self, error: Error, needed: u64) -> Error {
        if !error.is_full_disk() {
            return error;
        }
        self.held.release();
        let _ = self.collect(); // What stays is found by the next `prune`.
        let free = free_space(&self.root).unwrap_or(0);
        Error::NoRoom { root: self.root.clone(), needed, free, source: Some(Box::new(error)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        storage::testing::{Member, TempDir, diff_id, put, store, tar_of},
        sys,
    };

    #[test]
    fn more_than_the_disk_holds_is_refused() {
        let temp = TempDir::new();
        let store = store(&temp);
        store.expect_room(1).unwrap();
        let error = store.expect_room(u64::MAX).unwrap_err();
        assert!(matches!(&error, Error::NoRoom { needed: u64::MAX, source: None, .. }), "{error}");
    }

    #[test]
    fn what_was_unpacked_for_nothing_is_given_back() {
        let temp = TempDir::new();
        let store = store(&temp);
        let named = put(&store, "named", "file");
        let tar = tar_of(&[Member::file("other", "content")]);
        store.add_layer(&diff_id(&tar), &mut tar.as_slice()).unwrap();
        let failed = |errno| store.failed(sys::Error { call: "write()".into(), errno });

        let other = store.give_back_room(failed(nix::errno::Errno::EIO), 5);
        assert!(matches!(other, Error::Store { .. }) && store.has_layer(&diff_id(&tar)));
        let full = store.give_back_room(failed(nix::errno::Errno::ENOSPC), 5);
        assert!(matches!(full, Error::NoRoom { needed: 5, source: Some(_), .. }), "{full}");
        assert!(!store.has_layer(&diff_id(&tar)));
        assert!(store.has_layer(&named.config.rootfs.diff_ids[0]));
    }
}
