//! What is in a sandbox, from outside: `diff`, `export`, `cp` and `commit`.

use std::io::Read;

use crate::{
    require,
    support::{Dir, Store, Test, chown_is_real, own, user_namespaces},
};

/// Changes a few files, one of each kind.
const CHANGES: &str = "\
    echo new >/tmp/new; mkdir -p /deep/er; echo x >/deep/er/file; ln -s /etc/passwd /deep/link; \
    echo more >>/etc/group; rm /etc/passwd; chmod 700 /var; rm -rf /home; mkdir /home; \
    echo own >/home/own; chown -h 5:6 /deep/er/file /deep/link 2>/dev/null; true";

/// A sandbox called `web` that has made these changes, and waits or has ended.
fn changed(script: &str, runs: bool) -> (Store, String) {
    let (store, image) = own();
    let wait = if runs { "; echo ready; exec sleep 1000" } else { "" };
    let script = format!("{script}{wait}");
    sandbox(
        &store,
        &["create", "--name", "web", "-v", "/usr:/mnt/usr:ro", &image, "sh", "-c", &script],
    );
    match runs {
        false => drop(sandbox(&store, &["start", "-a", "web"])),
        true => {
            sandbox(&store, &["start", "web"]);
            let ready = || sandbox(&store, &["logs", "web"]).contains("ready").then_some(());
            let limit = std::time::Duration::from_secs(10);
            assert!(crate::support::eventually(limit, ready).is_some());
        }
    }
    (store, image)
}

/// Runs a command that must succeed; what it printed.
#[track_caller]
fn sandbox(store: &Store, args: &[&str]) -> String {
    Test::sandbox(args).store(store).read()
}

const DIFF: &str = "\
A /deep
A /deep/er
A /deep/er/file
A /deep/link
C /etc
C /etc/group
D /etc/passwd
C /home
A /home/own
C /tmp
A /tmp/new
C /var
";

#[test]
fn what_was_changed_is_listed_whether_it_runs_or_not() {
    require!(user_namespaces(), "user namespaces");
    for runs in [true, false] {
        let (store, _) = changed(CHANGES, runs);
        Test::sandbox(&["diff", "web"]).store(&store).stdout(DIFF).stderr("").check();
        sandbox(&store, &["rm", "-f", "web"]);
        store.assert_nothing_left();
    }
}

#[test]
fn nothing_has_changed_before_the_first_start() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    sandbox(&store, &["create", "--name", "web", &image]);
    assert_eq!(sandbox(&store, &["diff", "web"]), "");
    let json = "{\n  \"changed\": [],\n  \"added\": [],\n  \"deleted\": []\n}\n";
    assert_eq!(sandbox(&store, &["diff", "--format", "json", "web"]), json);
    // Nor by what is mounted.
    sandbox(&store, &["rm", "web"]);
    sandbox(&store, &["run", "--name", "web", "-v", "/usr:/deep/er/usr", &image, "true"]);
    assert_eq!(sandbox(&store, &["diff", "web"]), "");
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

#[test]
fn changes_in_memory_are_not_passed_over() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    sandbox(&store, &["run", "--name", "web", "host", "true"]);
    let id = sandbox(&store, &["ps", "-aq"]);
    let expected = format!(
        "error[E026]: the changes of {} are kept in memory\n\
         hint: they can be had by `sandbox cp` as long as it runs\n",
        id.trim()
    );
    for command in ["diff", "export"] {
        let test = Test::sandbox(&[command, "web"]).store(&store);
        test.stdout("").stderr(&expected).code(125).check();
    }
    sandbox(&store, &["rm", "web"]);
}

/// `NAME UID GID MODE SIZE` of each entry of a tar.
fn listed(tar: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(tar);
    let line = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let entry = entry.unwrap();
        let header = entry.header();
        let (uid, gid) = (header.uid().unwrap(), header.gid().unwrap());
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        format!("{name} {uid} {gid} {:o} {}", header.mode().unwrap(), header.size().unwrap())
    };
    archive.entries().unwrap().map(line).collect()
}

/// The content of one entry of a tar.
fn content(tar: &[u8], name: &str) -> Option<String> {
    let mut archive = tar::Archive::new(tar);
    let mut entries = archive.entries().unwrap().map(Result::unwrap);
    let mut entry = entries.find(|entry| entry.path_bytes().as_ref() == name.as_bytes())?;
    let mut text = String::new();
    entry.read_to_string(&mut text).unwrap();
    Some(text)
}

#[test]
fn all_files_go_into_a_tar_with_their_owners() {
    require!(user_namespaces(), "user namespaces");
    for runs in [true, false] {
        let (store, _) = changed(CHANGES, runs);
        let dir = Dir::new("export");
        let file = dir.path().join("web.tar");
        Test::sandbox(&["export", "-o", file.to_str().unwrap(), "web"])
            .store(&store)
            .stdout("")
            .check();
        let tar = std::fs::read(file).unwrap();
        assert!(Test::sandbox(&["export", "web"]).store(&store).output().stdout == tar);
        let owner = if chown_is_real() { "5 6" } else { "0 0" };
        let lines = listed(&tar);
        for line in [
            "etc/ 0 0 755 0",
            &format!("deep/er/file {owner} 644 2"),
            &format!("deep/link {owner} 777 0"),
            "bin/sh 0 0 777 0",
            "home/own 0 0 644 4",
            "mnt/usr/ 0 0 755 0",
            "var/ 0 0 700 0",
        ] {
            assert!(lines.iter().any(|it| it == line), "{line}\n{lines:#?}");
        }
        assert!(
            !lines.iter().any(|it| it.starts_with("etc/passwd ") || it.starts_with("mnt/usr/bin"))
        );
        assert!(content(&tar, "etc/group").unwrap().ends_with("\nmore\n"));
        sandbox(&store, &["rm", "-f", "web"]);
        // It is a file system to begin with.
        let id = Test::sandbox(&["import", "-c", "CMD [\"cat\", \"/home/own\"]", "-", "copy"])
            .store(&store)
            .stdin(tar);
        assert!(id.read().starts_with("sha256:"));
        assert_eq!(sandbox(&store, &["run", "copy"]), "own\n");
        store.assert_nothing_left();
    }
}
