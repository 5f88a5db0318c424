//! One at a time: who fetches an image, while others wait for it.
//!
//! Layers are shared by whoever wants the same ones (`layers.rs`), but manifests
//! and configs are fetched before anything is known of them. So commands that want
//! the same name take turns, and those who had to wait find it in the store.

use super::{Error, Store, images::digest_of, lock, temporary::Draft};

/// The right to fetch an image; the next one's when this is dropped.
#[derive(Debug)]
pub struct Turn {
    _draft: Draft,
    /// Whether somebody else had it first.
    pub waited: bool,
}

impl Store {
    /// Waits until nobody else fetches the image of this name. `waiting` is called
    /// if somebody does.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn take_turn(&self, name: &str, waiting: impl Fn()) -> Result<Turn, Error> {
        let path = self.tmp().join(format!("turn-{}", digest_of(name.as_bytes()).hex()));
        let mut waited = false;
        loop {
            match Draft::directory(&path).map_err(|source| self.failed(source))? {
                Some(draft) => return Ok(Turn { _draft: draft, waited }),
                None => {
                    if !waited {
                        waiting();
                    }
                    waited = true;
                    lock::wait(&path).map_err(|source| self.failed(source))?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
    };

    use crate::storage::testing::{TempDir, store};

    #[test]
    fn those_who_want_the_same_take_turns() {
        let temp = TempDir::new();
        let (fetching, waited) = (AtomicUsize::new(0), AtomicUsize::new(0));
        store(&temp);
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let store = store(&temp);
                    let turn = store.take_turn("same", || {}).unwrap();
                    assert_eq!(fetching.fetch_add(1, Ordering::SeqCst), 0);
                    waited.fetch_add(usize::from(turn.waited), Ordering::SeqCst);
                    thread::sleep(std::time::Duration::from_millis(5));
                    fetching.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        let store = store(&temp);
        let one = store.take_turn("same", || {}).unwrap();
        let other = store.take_turn("other", || panic!("nobody has it")).unwrap();
        assert!(!one.waited && !other.waited);
        drop((one, other));
        assert_eq!(std::fs::read_dir(store.tmp()).unwrap().count(), 0);
    }
}
