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
fn what_nobody_has_decided_about_is_not_pruned() {
    require!(user_namespaces(), "user namespaces");
    let project = Project::new();
    project.run(&["--name", "kept"], "true").check();
    project.run(&["--name", "changed"], "echo more >> README").check();
    let note = |name: &str| {
        format!(
            "note: {name} stays, as it holds changes of files of the host: `sandbox apply {name}` \
             takes them over, `sandbox discard {name}` drops them\n"
        )
    };
    let id = project.test(&["inspect", "-f", "{{.Id}}", "changed"]).read();
    project.test(&["system", "prune", "-f"]).stderr(&note(id.trim())).check();
    assert_eq!(project.test(&["ps", "-a", "--format", "{{.Names}}"]).read(), "changed\n");
    project.test(&["container", "prune", "-f"]).stdout("").stderr(&note("changed")).check();
    project.test(&["diff", "changed"]).stdout("C /w/README\n").check();
    // What is carried over is no change any more.
    project.test(&["apply", "changed"]).stdout("C /w/README\n").check();
    project.test(&["container", "prune", "-f"]).stdout(&id).stderr("").check();
    project.store.assert_nothing_left();
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

impl Project {
    /// Where a file of the project is.
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// What the project would be if all was taken over, as the sandbox sees it.
    fn sum(&self) -> Sum {
        sum(self.dir.path())
    }

    /// A verb and the only sandbox that there is.
    fn verb(&self, verb: &str, words: &[&str]) -> Test {
        let id = self.id();
        self.test(&[&[verb, &id], words].concat())
    }
}

/// All but when it was written.
fn timeless(sum: &Sum) -> BTreeMap<&String, (u32, &String)> {
    sum.iter().map(|(path, (mode, content, _))| (path, (*mode, content))).collect()
}

/// Changes of every kind; and the same, done to the host itself.
const CHANGES: &str = "echo more >> README; chmod 755 docs/a; rm src/gone; rm -r src/deep
    echo now a file > src/deep; rm docs/b; mkdir docs/b; echo in it > docs/b/x
    mkdir -p new/er; echo 1 > new/er/1; ln new/er/1 new/2; ln -s er/1 new/link; mkfifo new/fifo
    rm src/main.c; echo 'int other;' > src/main.c; mkdir -m 1777 new/tmp; chmod 700 docs";

#[test]
fn what_was_changed_is_shown_and_taken_over() {
    require!(user_namespaces(), "user namespaces");
    let project = Project::new();
    let other = Project::new();
    let done = std::process::Command::new("sh")
        .args(["-ec", &format!("umask 022\n{CHANGES}")])
        .current_dir(other.dir.path())
        .status();
    assert!(done.unwrap().success());
    let before = project.sum();
    project.run(&[], CHANGES).check();
    let list = "C /w/README\nC /w/docs\nC /w/docs/a\nC /w/docs/b\nA /w/docs/b/x\nA /w/new\nA /w/new/2\n\
        A /w/new/er\nA /w/new/er/1\nA /w/new/fifo\nA /w/new/link\nA /w/new/tmp\nC /w/src\n\
        C /w/src/deep\nD /w/src/gone\nC /w/src/main.c\n";
    project.verb("diff", &[]).stdout(list).check();
    let stat = project.verb("diff", &["--stat"]).read();
    assert!(stat.starts_with("/w/README | +1 -0\n"), "{stat}");
    assert!(stat.contains("/w/src/deep/er/file | +0 -1\n"), "{stat}");
    let patch = project.verb("diff", &["--patch"]).read();
    assert!(
        patch.contains("--- a/README\n+++ b/README\n@@ -1 +1,2 @@\n read me\n+more\n"),
        "{patch}"
    );
    let told = project.verb("apply", &["--dry-run"]).read();
    assert_eq!(project.sum(), before);
    project.verb("apply", &[]).stdout(&told).stderr("").check();
    assert_eq!(timeless(&project.sum()), timeless(&other.sum()));
    let inode = |name| fs::metadata(project.path(name)).unwrap().ino();
    assert_eq!(inode("new/2"), inode("new/er/1"));
    let uid = rustix::process::getuid().as_raw();
    assert_eq!(fs::metadata(project.path("README")).unwrap().uid(), uid);
    project.store.assert_nothing_left();
}

#[test]
fn a_part_can_be_taken_over_and_another_dropped() {
    require!(user_namespaces(), "user namespaces");
    let project = Project::new();
    project
        .run(&["--name", "dev"], "rm -r src; echo 1 > docs/a; echo 2 > docs/b; echo 3 > n")
        .check();
    project
        .verb("diff", &[])
        .stdout("C /w/docs\nC /w/docs/a\nC /w/docs/b\nA /w/n\nD /w/src\n")
        .check();
    project.verb("apply", &["docs/a", "/w/src/gone"]).check();
    assert_eq!(fs::read_to_string(project.path("docs/a")).unwrap(), "1\n");
    assert_eq!(fs::read_to_string(project.path("docs/b")).unwrap(), "b\n");
    assert!(!project.path("src/gone").exists() && project.path("src/main.c").exists());
    project.verb("diff", &[]).stdout("C /w/docs\nC /w/docs/b\nA /w/n\nD /w/src\n").check();
    project.verb("discard", &["docs"]).check();
    project.verb("diff", &[]).stdout("A /w/n\nD /w/src\n").check();
    project
        .verb("discard", &["src/main.c"])
        .fails(125, &["src/main.c", "together with src"])
        .check();
    project.verb("apply", &["docs"]).fails(125, &["nothing has changed at /w/docs"]).check();
    project.verb("apply", &["../x"]).fails(125, &["`..`"]).check();
    project.verb("apply", &["/etc"]).fails(125, &["copy-on-write"]).check();
    project.verb("apply", &["src"]).stdout("D /w/src\n").check();
    assert!(!project.path("src").exists());
    // The sandbox sees the host's again.
    fs::write(project.path("docs/b"), "of the host\n").unwrap();
    project.verb("discard", &[]).check();
    project.verb("diff", &[]).stdout("").check();
    assert!(!project.path("n").exists());
}

#[test]
fn what_has_changed_on_the_host_since_is_refused_and_named() {
    require!(user_namespaces(), "user namespaces");
    let project = Project::new();
    let script = "echo 1 > docs/a; echo 2 >> README; rm docs/b; rm -r src; echo 3 > both";
    project.run(&["--name", "dev"], script).check();
    for (name, content) in
        [("docs/a", "host\n"), ("docs/b", "host\n"), ("src/deep/new", "host\n"), ("both", "host\n")]
    {
        fs::write(project.path(name), content).unwrap();
    }
    let before = project.sum();
    let output = project.verb("apply", &[]).output();
    let stderr = crate::support::text(&output.stderr);
    for words in [
        "/w/both is refused: it has changed on the host since",
        "/w/docs/a is refused: it has changed on the host since",
        "/w/docs/b is refused: it has changed on the host since",
        "/w/src is refused: /w/src/deep/new has changed on the host since",
        "/w/both and 3 more was not taken over",
    ] {
        assert!(stderr.contains(words), "no `{words}` in {stderr}");
    }
    assert_eq!(output.status.code(), Some(125));
    assert_eq!(crate::support::text(&output.stdout), "C /w/README\n");
    let mut after = project.sum();
    assert_eq!(after.remove("README").unwrap().1, "read me\n2\n");
    assert!(after.iter().all(|(path, it)| before[path] == *it));
    assert_eq!(after.len() + 1, before.len());
    project.verb("apply", &["--force"]).check();
    assert_eq!(fs::read_to_string(project.path("both")).unwrap(), "3\n");
    assert!(!project.path("src").exists() && !project.path("docs/b").exists());
}

#[test]
fn nothing_outside_is_reached_and_what_gives_rights_is_refused() {
    require!(user_namespaces(), "user namespaces");
    let (project, outside) = (Project::new(), Dir::new("outside"));
    outside.write("main.c", "outside\n");
    outside.write("deep/er/file", "outside\n");
    let canary = sum(outside.path());
    let script = "echo x > src/main.c; echo x > src/deep/er/file; echo x > src/new
        cp README docs/set; chmod 4755 docs/set; ln -s ../.. docs/up; echo y > docs/a";
    project.run(&["--name", "dev"], script).check();
    fs::rename(project.path("src"), project.path("old")).unwrap();
    std::os::unix::fs::symlink(outside.path(), project.path("src")).unwrap();
    let output = project.verb("apply", &["--force"]).output();
    let stderr = crate::support::text(&output.stderr);
    assert_eq!(sum(outside.path()), canary, "{stderr}");
    assert!(stderr.contains("/w/docs/set is refused: it would run as its owner"), "{stderr}");
    assert!(stderr.contains("/w/docs/up is a link that leads out"), "{stderr}");
    assert!(!project.path("docs/set").exists() && !project.path("docs/up").is_symlink());
    assert_eq!(fs::read_to_string(project.path("docs/a")).unwrap(), "y\n");
}

#[test]
fn what_the_host_runs_by_itself_is_left_out_unless_named() {
    require!(user_namespaces(), "user namespaces");
    let project = Project::new();
    for name in [".git/config", ".git/hooks/x.sample", ".git/HEAD"] {
        project.dir.write(name, "old\n");
    }
    let script = "echo new > .git/config; echo new > .git/hooks/pre-commit; echo new > .git/HEAD
        mkdir -p .github/workflows; echo new > .github/workflows/ci.yml; echo new > .envrc; echo > n";
    project.run(&["--name", "dev"], script).check();
    let output = project.verb("apply", &[]).output();
    assert_eq!(crate::support::text(&output.stdout), "C /w/.git/HEAD\nA /w/.github\nA /w/n\n");
    let stderr = crate::support::text(&output.stderr);
    for path in [".envrc", ".git/config", ".git/hooks", ".github/workflows"] {
        let words = format!(
            "/w/{path} is run by the host itself, and left out: `sandbox apply dev /w/{path}`"
        );
        assert!(stderr.contains(&words), "no `{words}` in {stderr}");
    }
    // Not by what is above them, either.
    project.verb("apply", &[".git"]).stdout("").check();
    let named = [".git/hooks", ".git/config"];
    project.verb("apply", &named).stdout("C /w/.git/config\nA /w/.git/hooks/pre-commit\n").check();
    project
        .verb("diff", &[])
        .stdout(
            "A /w/.envrc\nC /w/.github\nA /w/.github/workflows\nA /w/.github/workflows/ci.yml\n",
        )
        .check();
}

#[test]
fn a_sandbox_that_runs_is_left_alone() {
    require!(user_namespaces(), "user namespaces");
    let project = Project::new();
    project.run(&["-d", "--name", "dev"], "echo 1 > n; sleep 1000").check();
    let shown = || {
        let list = project.test(&["diff", "dev"]).read();
        (list == "A /w/n\n").then_some(())
    };
    assert!(crate::support::eventually(shown).is_some());
    for verb in ["apply", "discard"] {
        project.verb(verb, &[]).fails(125, &["dev runs", "sandbox stop dev"]).check();
    }
    assert!(!project.path("n").exists());
    project.test(&["run", &project.image, "true"]).check();
    project.test(&["stop", "-t", "0", "dev"]).check();
    project.verb("apply", &[]).stdout("A /w/n\n").check();
}

#[test]
fn whoever_is_killed_while_it_takes_over_leaves_each_file_old_or_new() {
    require!(user_namespaces(), "user namespaces");
    const FILES: usize = 60;
    let project = Project::new();
    let (old, new) = ("old\n".repeat(2000), "new\n".repeat(3000));
    for number in 0..FILES {
        project.dir.write(&format!("many/{number}"), &old);
        project.dir.write(&format!("more/{number}/f"), &old);
    }
    project.dir.write("fresh", &new);
    for round in 0..crate::support::rounds(8) {
        for number in 0..FILES {
            project.dir.write(&format!("many/{number}"), &old);
            project.dir.write(&format!("more/{number}/f"), &old);
        }
        let script = format!(
            "rm -r more; mkdir added; for n in $(seq 0 {}); do cp fresh many/$n; cp fresh added/$n; done",
            FILES - 1
        );
        project.run(&["--name", "dev"], &script).check();
        let running = Test::sandbox(&["apply", "dev"]).store(&project.store).spawn();
        let has_begun = || project.path("added").exists().then_some(());
        if round > 0 {
            crate::support::eventually(has_begun);
        }
        std::thread::sleep(std::time::Duration::from_millis(u64::from(round) * 3));
        running.signal(rustix::process::Signal::KILL);
        drop(running);
        for number in 0..FILES {
            let found = fs::read_to_string(project.path(&format!("many/{number}"))).unwrap();
            assert!(found == old || found == new, "many/{number} is neither old nor new");
            let added = fs::read_to_string(project.path(&format!("added/{number}")));
            assert!(added.is_err() || added.unwrap() == new);
        }
        let rest = project.test(&["apply", "dev"]).read();
        project.test(&["diff", "dev"]).stdout("").check();
        let all = project.sum();
        assert!(all.keys().all(|path| !path.contains("sandbox-apply")), "{rest}");
        assert!((0..FILES).all(|number| all[&format!("many/{number}")].1 == new));
        assert!((0..FILES).all(|number| all[&format!("added/{number}")].1 == new));
        assert!(!project.path("more").exists());
        project.test(&["rm", "dev"]).check();
        fs::remove_dir_all(project.path("added")).unwrap();
    }
}

/// `SANDBOX_TEST_COW_FILES` says how many.
#[test]
fn a_large_checkout_is_neither_walked_nor_changed_until_it_is_to_be() {
    require!(user_namespaces(), "user namespaces");
    let files = std::env::var("SANDBOX_TEST_COW_FILES");
    let files: usize = files.ok().and_then(|number| number.parse().ok()).unwrap_or(5_000);
    let project = Project::new();
    let git = |words: &[&str]| {
        let done = std::process::Command::new("git")
            .args(["-c", "user.name=x", "-c", "user.email=x@x", "-c", "init.defaultBranch=main"])
            .args(words)
            .current_dir(project.dir.path())
            .output();
        done.is_ok_and(|output| output.status.success())
    };
    for directory in 0..files / 100 {
        fs::create_dir_all(project.path(&format!("src/{directory}"))).unwrap();
        for file in 0..100 {
            fs::write(project.path(&format!("src/{directory}/{file}")), "text\n").unwrap();
        }
    }
    let has_git = git(&["init", "-q"]) && git(&["add", "."]) && git(&["commit", "-qm", "all"]);
    let before = project.sum();
    project.run(&["--name", "dev"], "rm -rf src; echo 1 > docs/a; echo 2 > docs/b").check();
    assert_eq!(project.sum(), before);
    project.verb("diff", &[]).stdout("C /w/docs\nC /w/docs/a\nC /w/docs/b\nD /w/src\n").check();
    assert_eq!(project.sum(), before);
    project.verb("apply", &["docs/a", "src/0"]).stdout("D /w/src/0\nC /w/docs/a\n").check();
    let mut expected = before.clone();
    expected.retain(|path, _| !Path::new(path).starts_with("src/0") && path != "docs/a");
    let mut found = project.sum();
    assert_eq!(found.remove("docs/a").unwrap().1, "1\n");
    assert_eq!(found, expected);
    fs::write(project.path("src/1/0"), "drift\n").unwrap();
    let drifted = project.sum();
    project.verb("apply", &["src"]).code(125).stdout("").check();
    assert_eq!(project.sum(), drifted);
    project.verb("discard", &[]).check();
    assert_eq!(project.sum(), drifted);
    project.verb("diff", &[]).stdout("").check();
    if has_git {
        assert!(git(&["diff", "--quiet", "--", "README", "src/main.c"]));
    }
}
