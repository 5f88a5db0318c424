//! Volumes that several sandboxes use at once, one of which is hostile.

use std::{collections::BTreeMap, fs, path::PathBuf};

use crate::{
    require,
    support::{Dir, Running, Store, Test, own, rounds, text, user_namespaces},
};

/// A directory of the host that nobody may see or change: it looks like what the volume holds.
#[derive(Debug)]
struct Canary(Dir);

const SECRET: &str = "of the host";

impl Canary {
    fn new() -> Self {
        let dir = Dir::new("canary");
        fs::create_dir_all(dir.path().join("e/w")).unwrap();
        dir.write("file", SECRET);
        dir.write("e/file", SECRET);
        Self(dir)
    }

    fn path(&self) -> std::path::Display<'_> {
        self.0.path().display()
    }

    /// All that is in it, with the content of files.
    fn tree(&self) -> BTreeMap<PathBuf, String> {
        let mut all = BTreeMap::new();
        let mut waiting = vec![self.0.path().to_owned()];
        while let Some(directory) = waiting.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                all.insert(path.clone(), fs::read_to_string(&path).unwrap_or_default());
                waiting.extend(Some(path).filter(|path| path.is_dir()));
            }
        }
        all
    }

    fn assert_untouched(&self) {
        let path = |name: &str| self.0.path().join(name);
        let expected = [("e", ""), ("e/file", SECRET), ("e/w", ""), ("file", SECRET)];
        let expected = expected.map(|(name, content)| (path(name), content.to_owned()));
        assert_eq!(self.tree(), BTreeMap::from(expected));
    }
}

/// One sandbox replaces directories of a volume by links to the outside, while
/// another one makes files below them: all of them stay in the volume.
#[test]
fn who_shares_a_volume_leads_nobody_out_of_it() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let canary = Canary::new();
    let target = canary.path();
    let swap = format!(
        "cd /n; echo ready; while [ ! -e stop ]; do mkdir d; rmdir d 2>/dev/null || rm -r d; \
         ln -s {target} d; rm d; ln -s ../../../../../../../../{target} d; rm d; done"
    );
    let options = ["run", "-v", "shared:/n", &image, "sh", "-c"];
    let swap = [&options[..], &[&swap]].concat();
    let mut swapping = Test::sandbox(&swap).store(&store).spawn();
    swapping.wait_for("ready");
    // Nothing but what the shell does itself: many attempts for each swap.
    let write = "cd /n; i=0; while [ $i -lt 10000 ]; do i=$((i+1)); echo x > d/file; \
                 echo x > d/new$i; done 2>/dev/null; > stop";
    let write = [&options[..], &[write]].concat();
    Test::sandbox(&write).store(&store).check();
    swapping.wait();
    canary.assert_untouched();
}

/// A sandbox that swaps a directory of a volume for a link to the outside, over and over.
fn swap(store: &Store, image: &str, target: &str) -> Running {
    let script = format!(
        "cd /n; rm -rf d x stop; mkdir -p d/e/w; echo ours > d/e/file; ln -s {target} x; echo ready; \
         while [ ! -e stop ]; do mv d real; mv x d; mv d x; mv real d; done"
    );
    let words = ["run", "-v", "shared:/n", image, "sh", "-c", &script];
    let mut swapping = Test::sandbox(&words).store(store).spawn();
    swapping.wait_for("ready");
    swapping
}

/// What a sandbox mounts from there, mounts in there or starts in is resolved while it
/// is swapped: it is the volume's, or the sandbox does not start.
#[test]
fn what_is_swapped_while_a_sandbox_starts_leads_nobody_out() {
    const STARTS_PER_SWAPPER: u32 = 100;
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let canary = Canary::new();
    let (absolute, up) =
        (canary.path().to_string(), format!("../../../../../../..{}", canary.path()));
    let part = "type=volume,src=shared,dst=/p,volume-subpath=d/e";
    let ways: [(&[&str], &str); 4] = [
        (&["--mount", part], "cat /p/file; echo x > /p/new"),
        (&["-v", "shared:/n", "-v", "other:/n/d/e"], "cat /n/d/e/file; echo x > /n/d/e/new"),
        (&["-v", "shared:/n", "--tmpfs", "/n/d/e/w"], "cat /n/d/e/file; echo x > /n/d/e/w/new"),
        (&["-v", "shared:/n", "-w", "/n/d/e"], "cat file; echo x > new"),
    ];
    let rounds = rounds(80);
    let mut saw_ours = 0;
    for (first, target) in
        (0..rounds).step_by(STARTS_PER_SWAPPER as usize).zip([&absolute, &up].into_iter().cycle())
    {
        let mut swapping = swap(&store, &image, target);
        for round in first..rounds.min(first + STARTS_PER_SWAPPER) {
            let (options, script) = ways[round as usize % ways.len()];
            let words =
                [&["run", "--network", "none"], options, &[&image, "sh", "-c", script]].concat();
            let output = Test::sandbox(&words).store(&store).output();
            let seen = text(&output.stdout);
            assert!(!seen.contains(SECRET), "{options:?}");
            saw_ours += u32::from(seen.contains("ours"));
        }
        canary.assert_untouched();
        Test::sandbox(&["run", "-v", "shared:/n", &image, "touch", "/n/stop"])
            .store(&store)
            .check();
        assert_eq!(swapping.wait().code(), Some(0));
    }
    assert!(saw_ours > 0, "the directory was never there");
    store.assert_nothing_left();
}
