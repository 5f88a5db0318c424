//! `-v DIR:DST:cow`: a directory of the host that stays as it is until `sandbox apply`.

use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt, path::Path};

use crate::{
    require,
    support::{Dir, Store, Test, own, user_namespaces},
};

/// What tells whether a tree is what it was: kind, mode, content or target of each name,
/// and when it was last written.
type Sum = BTreeMap<String, (u32, String, i64)>;

fn sum(root: &Path) -> Sum {
    let mut all = Sum::new();
    add(root, Path::new(""), &mut all);
    all
}

fn add(root: &Path, path: &Path, all: &mut Sum) {
    for entry in fs::read_dir(root.join(path)).unwrap() {
        let path = path.join(entry.unwrap().file_name());
        let whole = root.join(&path);
        let stat = whole.symlink_metadata().unwrap();
        let content = match (stat.is_file(), stat.is_symlink()) {
            (true, _) => String::from_utf8_lossy(&fs::read(&whole).unwrap()).into_owned(),
            (_, true) => fs::read_link(&whole).unwrap().display().to_string(),
            _ => String::new(),
        };
        let time = if stat.is_dir() { 0 } else { stat.mtime_nsec() };
        all.insert(path.display().to_string(), (stat.mode(), content, time));
        if stat.is_dir() {
            add(root, &path, all);
        }
    }
}

/// A project, and a store with busybox in it.
struct Project {
    store: Store,
    image: String,
    dir: Dir,
}

impl Project {
    fn new() -> Self {
        let (store, image) = own();
        let dir = Dir::new("project");
        for (name, content) in [
            ("README", "read me\n"),
            ("src/main.c", "int main;\n"),
            ("src/deep/er/file", "deep\n"),
            ("src/gone", "gone\n"),
            ("docs/a", "a\n"),
            ("docs/b", "b\n"),
        ] {
            dir.write(name, content);
        }
        Self { store, image, dir }
    }

    fn test(&self, words: &[&str]) -> Test {
        Test::sandbox(words).store(&self.store)
    }

    /// Runs a script in a sandbox that sees the project as `/w`.
    fn run(&self, options: &[&str], script: &str) -> Test {
        let volume = format!("{}:/w:cow", self.dir.path().display());
        let before = ["run", "-v", &volume, "-w", "/w"];
        self.test(&[&before, options, &[&self.image, "sh", "-ec", script]].concat())
    }

    /// The id of the only sandbox that there is.
    fn id(&self) -> String {
        let ids = self.test(&["ps", "-aq"]).read();
        assert_eq!(ids.lines().count(), 1, "{ids}");
        ids.trim().into()
    }
}

#[test]
fn the_host_s_directory_stays_as_it_is() {
    require!(user_namespaces(), "user namespaces");
    let project = Project::new();
    let before = sum(project.dir.path());
    let script = "cat README; echo more >> README; rm -r src; mkdir src; echo new > src/main.c
        chmod 700 docs/a; ln -s /etc docs/link; mv docs/b docs/c || true; cat README src/main.c; ls docs";
    project.run(&[], script).stdout("read me\nread me\nmore\nnew\na\nc\nlink\n").check();
    assert_eq!(sum(project.dir.path()), before);
    // It has changed something, so it stays, and says what to do about it.
    let id = project.id();
    let again = project.test(&["start", "-a", &id]).read();
    assert!(again.starts_with("read me\nmore\nread me\nmore\nmore\nnew\n"), "{again}");
    assert_eq!(sum(project.dir.path()), before);
}

#[test]
fn one_that_changes_nothing_leaves_nothing() {
    require!(user_namespaces(), "user namespaces");
    let project = Project::new();
    project.run(&[], "cat src/main.c; echo x > /tmp/x").stdout("int main;\n").stderr("").check();
    project.store.assert_nothing_left();
    // Nor does one that is told to.
    project.run(&["--rm"], "rm -r src; ls").stdout("README\ndocs\n").stderr("").check();
    project.run(&["--rm"], "ls").stdout("README\ndocs\nsrc\n").check();
    project.store.assert_nothing_left();
    assert!(project.dir.path().join("src/main.c").exists());
}

#[test]
fn what_cannot_be_seen_copy_on_write_is_refused() {
    require!(user_namespaces(), "user namespaces");
    let project = Project::new();
    let path = project.dir.path().display();
    for (volume, words) in [
        (format!("{path}/README:/w:cow"), ["README is no directory", "`cow`"]),
        (format!("{path}:/w:cow,ro"), ["`cow`", "`ro`"]),
        ("name:/w:cow".into(), ["`cow`", "directories of the host"]),
        (format!("{}:/w:cow", project.store.path().display()), ["the store in", "copy-on-write"]),
    ] {
        let words_ = ["run", "-v", &volume, &project.image, "true"];
        let failed = project.test(&words_).output();
        let stderr = String::from_utf8_lossy(&failed.stderr).into_owned();
        assert!(words.iter().all(|word| stderr.contains(word)), "{stderr}");
        assert!(!failed.status.success());
    }
    project.store.assert_nothing_left();
}

#[test]
fn files_are_the_caller_s_whoever_makes_them_and_a_mount_point_is_made_beside_them() {
    require!(user_namespaces(), "user namespaces");
    let project = Project::new();
    let before = sum(project.dir.path());
    let script = "id -u; echo x >> README; echo y > new; stat -c %u README new";
    let cache = ["-u", "1000", "-v", "cache:/w/node_modules"];
    project.run(&cache, script).stdout("1000\n1000\n1000\n").check();
    assert_eq!(sum(project.dir.path()), before);
    let id = project.id();
    let upper = project.store.path().join("sandboxes").join(id).join("cow");
    let upper = fs::read_dir(upper).unwrap().next().unwrap().unwrap().path().join("upper");
    let uid = rustix::process::getuid().as_raw();
    assert_eq!(fs::metadata(upper.join("new")).unwrap().uid(), uid);
}
