//! What is in a sandbox, from outside: `diff`, `export`, `cp` and `commit`.

use std::{
    fs,
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
};

use crate::{
    require,
    support::{Dir, Registry, Store, Test, chown_is_real, own, user_namespaces},
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
            assert!(crate::support::eventually(ready).is_some());
        }
    }
    (store, image)
}

/// Runs a command that must succeed; what it printed.
#[track_caller]
fn sandbox(store: &Store, args: &[&str]) -> String {
    Test::sandbox(args).store(store).read()
}

/// Runs a script in the sandbox `web`; what it printed.
#[track_caller]
fn inside(store: &Store, script: &str) -> String {
    sandbox(store, &["exec", "web", "sh", "-c", script])
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
        let tar = fs::read(file).unwrap();
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

/// `sandbox cp SOURCE TARGET`.
#[track_caller]
fn copy(store: &Store, source: &str, target: &str) {
    Test::sandbox(&["cp", source, target]).store(store).stdout("").stderr("").check();
}

/// All paths below a directory, with what is in the files.
fn tree(dir: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_symlink() {
            all.push(format!("{name} -> {}", fs::read_link(&path).unwrap().display()));
        } else if path.is_dir() {
            all.push(format!("{name}/"));
            all.extend(tree(&path).into_iter().map(|inner| format!("{name}/{inner}")));
        } else {
            all.push(format!("{name}: {}", fs::read_to_string(&path).unwrap()));
        }
    }
    all.sort();
    all
}

/// A directory of the host's with a bit of everything.
fn things() -> Dir {
    let dir = Dir::new("things");
    dir.write("file", "text");
    dir.write("dir/inner", "inner");
    fs::set_permissions(dir.path().join("file"), PermissionsExt::from_mode(0o4751)).unwrap();
    symlink("file", dir.path().join("link")).unwrap();
    dir
}

/// What is copied in, from [`things`].
const IN: [(&str, &str); 12] = [
    ("file", "/there"),
    ("file", "/there/"),
    ("file", "/there/new"),
    ("file", "/old"),
    ("file", "relative"),
    ("dir", "/there"),
    ("dir", "/dir2"),
    ("dir/", "/dir3/"),
    ("dir/.", "/dir4"),
    ("dir/.", "/there"),
    ("link", "/there"),
    ("file", "/to-dir/through"),
];

/// What is copied out of it again.
const OUT: [(&str, &str); 11] = [
    ("/there", "."),
    ("/there/.", "content"),
    ("/old", "old"),
    ("/old", ""),
    ("relative", "relative"),
    ("/dir2", "dir2"),
    ("/dir3/inner", "inner3"),
    ("/dir4/inner", "inner4"),
    ("/followed", "followed"),
    ("/to-dir", "to-dir"),
    ("/to-dir/", "to-dir2"),
];

/// What comes of both, but for the directory [`THERE`], which is there three times.
const COPIES: [&str; 11] = [
    "content/",
    "dir2/",
    "dir2/inner: inner",
    "followed: text",
    "inner3: inner",
    "inner4: inner",
    "old: text",
    "relative: text",
    "there/",
    "to-dir -> there",
    "to-dir2/",
];

const THERE: [&str; 7] = [
    "dir/",
    "dir/inner: inner",
    "file: text",
    "inner: inner",
    "link -> file",
    "new: text",
    "through: text",
];

#[test]
fn a_copy_is_named_by_the_rules_of_docker() {
    require!(user_namespaces(), "user namespaces");
    let three = ["content", "there", "to-dir2"].into_iter();
    let three = three.flat_map(|name| THERE.map(|line| format!("{name}/{line}")));
    let mut expected: Vec<String> = COPIES.map(String::from).into_iter().chain(three).collect();
    expected.sort();
    for runs in [true, false] {
        let (store, _) = changed("mkdir /there; echo old >/old; ln -s there /to-dir", runs);
        let (things, out) = (things(), Dir::new("out"));
        let host = |name: &str| format!("{}/{name}", things.path().display());
        for (source, target) in IN {
            copy(&store, &host(source), &format!("web:{target}"));
        }
        Test::sandbox(&["cp", "-L", &host("link"), "web:/followed"]).store(&store).check();
        for (source, target) in OUT {
            copy(&store, &format!("web:{source}"), &format!("{}/{target}", out.path().display()));
        }
        assert_eq!(tree(out.path()), expected);
        sandbox(&store, &["rm", "-f", "web"]);
        store.assert_nothing_left();
    }
}

#[test]
fn what_cannot_be_copied_is_told() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    sandbox(&store, &["create", "--name", "web", &image]);
    let things = things();
    let host = |name: &str| format!("{}/{name}", things.path().display());
    let (file, dir, none) = (host("file"), host("dir"), host("none"));
    for (source, target, expected) in [
        (file.as_str(), "web:/new/", "error[E001]: there is no directory `/new/`\n".to_owned()),
        (&file, "web:/etc/passwd/", "error[E001]: `/etc/passwd/` is no directory\n".into()),
        (
            &dir,
            "web:/etc/passwd",
            format!("error[E001]: `{dir}` is a directory, and `/etc/passwd` is none\n"),
        ),
        (&none, "web:/", format!("error[E001]: there is no `{none}`\n")),
        ("web:/none", &dir, "error[E001]: there is no `/none`\n".into()),
        ("-", "web:/etc/passwd", "error[E001]: `/etc/passwd` is no directory\n".into()),
        (
            &file,
            "web:/no/such/parent",
            "error[E001]: there is no directory `/no/such`\n".into(),
        ),
        (
            &file,
            &dir,
            "error[E001]: neither SOURCE nor TARGET is in a sandbox\n\
             hint: write SANDBOX:PATH; a path of the host's that holds a colon begins with `/` or `./`\n"
                .into(),
        ),
        (
            "web:/etc",
            "web:/tmp",
            "error[E001]: files cannot be copied from one sandbox to another\n\
             hint: copy them to the host first, or pipe: `sandbox cp A:/x - | sandbox cp - B:/`\n"
                .into(),
        ),
        (&file, "db:/", "error[E024]: there is no sandbox `db`\n".into()),
    ] {
        let test = Test::sandbox(&["cp", source, target]).store(&store).stdout("").code(125);
        let output = test.output();
        assert_eq!(output.status.code(), Some(125), "{source} {target}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        let shown: String =
            stderr.lines().filter(|it| !it.starts_with("  caused")).map(|it| format!("{it}\n")).collect();
        assert!(shown.starts_with(&expected), "{shown}\nis not\n{expected}");
    }
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

#[test]
fn no_link_leads_out_of_a_sandbox() {
    require!(user_namespaces(), "user namespaces");
    let canary = Dir::new("canary");
    canary.write("file", "of the host");
    let outside = canary.path().display();
    for runs in [true, false] {
        let (store, _) = changed(
            &format!(
                "ln -s /etc/passwd /passwd; ln -s ../../../../../etc/group /group; \
                 ln -s {outside} /out; ln -s {outside}/file /out-file; mkdir /in; ln -s {outside} /in/sub; \
                 ln -s /proc/1/root /magic"
            ),
            runs,
        );
        let out = Dir::new("out");
        let to = |name: &str| format!("{}/{name}", out.path().display());
        for (option, source, target) in [
            ("-L", "web:/passwd", "passwd"),
            ("-L", "web:/group", "group"),
            ("-q", "web:/out-file", "link"),
        ] {
            Test::sandbox(&["cp", option, source, &to(target)]).store(&store).check();
        }
        assert!(fs::read_to_string(to("passwd")).unwrap().contains("ann:x:1000"));
        assert!(fs::read_to_string(to("group")).unwrap().contains("wheel:x:10:ann"));
        assert!(out.path().join("link").is_symlink());
        for (option, source, target) in [
            ("-L", "web:/out-file", to("x").as_str()),
            ("-L", "web:/out/file", &to("x")),
            ("-q", "web:/magic/etc/hostname", &to("x")),
            ("-q", &to("passwd"), "web:/out/file"),
            ("-q", &to("passwd"), "web:/out-file"),
        ] {
            Test::sandbox(&["cp", option, source, target]).store(&store).code(125).check();
        }
        // What is in the way is replaced, or refused, but never followed.
        fs::create_dir_all(out.path().join("tree/sub")).unwrap();
        fs::write(out.path().join("tree/sub/file"), "mine").unwrap();
        Test::sandbox(&["cp", &to("tree/."), "web:/in"])
            .store(&store)
            .stderr("error[E027]: cannot put `sub` where no directory is\n")
            .code(125)
            .check();
        assert_eq!(tree(canary.path()), ["file: of the host"]);
        assert!(!out.path().join("x").exists());
        sandbox(&store, &["rm", "-f", "web"]);
        store.assert_nothing_left();
    }
}

#[test]
fn files_are_root_s_inside_and_the_caller_s_outside() {
    require!(user_namespaces(), "user namespaces");
    let (store, _) = changed(CHANGES, true);
    let things = things();
    let host = |name: &str| format!("{}/{name}", things.path().display());
    copy(&store, &host("."), "web:/tmp/things");
    assert_eq!(
        inside(&store, "cd /tmp/things; stat -c '%n %u %g %a' . file dir dir/inner link"),
        ". 0 0 755\nfile 0 0 751\ndir 0 0 755\ndir/inner 0 0 644\nlink 0 0 777\n"
    );
    // At once: no restart, no cache.
    assert_eq!(inside(&store, "cat /tmp/things/file"), "text");
    copy(&store, "web:/deep", &host("out"));
    let me = fs::metadata(things.path()).unwrap().uid();
    assert_eq!(fs::metadata(host("out/er/file")).unwrap().uid(), me);
    fs::remove_dir_all(host("out")).unwrap();

    // Owners go through a stream, and `-a` gives them back.
    let tar = Test::sandbox(&["cp", "web:/deep", "-"]).store(&store).output().stdout;
    let owner = if chown_is_real() { "5 6" } else { "0 0" };
    let lines = ["deep/ 0 0 755 0", "deep/er/ 0 0 755 0"].map(String::from).into_iter();
    let rest = [format!("deep/er/file {owner} 644 2"), format!("deep/link {owner} 777 0")];
    assert_eq!(listed(&tar), lines.chain(rest).collect::<Vec<_>>());
    for (options, expected) in [(&["cp"][..], "0 0"), (&["cp", "-a"], owner)] {
        sandbox(&store, &["exec", "web", "rm", "-rf", "/tmp/deep"]);
        let args = [options, &["-", "web:/tmp"]].concat();
        Test::sandbox(&args).store(&store).stdin(tar.clone()).stdout("").check();
        assert_eq!(inside(&store, "stat -c '%u %g' /tmp/deep/er/file"), format!("{expected}\n"));
    }
    sandbox(&store, &["rm", "-f", "web"]);
    store.assert_nothing_left();
}

#[test]
fn a_copy_holds_what_the_files_hold() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    sandbox(&store, &["create", "--name", "web", &image]);
    let dir = Dir::new("everything");
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(250));
    let bytes: Vec<u8> =
        (0..3_000_001_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let big = dir.write("in/big", &bytes);
    dir.write(&format!("in/{long}"), "long");
    dir.write("in/.wh.no-whiteout", "");
    dir.write("in/new\nline", "");
    fs::hard_link(&big, dir.path().join("in/same")).unwrap();
    fs::create_dir(dir.path().join("in/empty")).unwrap();
    fs::set_permissions(dir.path().join("in/empty"), PermissionsExt::from_mode(0o1711)).unwrap();
    let old =
        std::time::SystemTime::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 123_456_789);
    fs::File::options().write(true).open(&big).unwrap().set_modified(old).unwrap();
    copy(&store, dir.path().join("in").to_str().unwrap(), "web:/copy");
    copy(&store, "web:/copy", dir.path().join("out").to_str().unwrap());
    let at = |name: &str| fs::symlink_metadata(dir.path().join("out").join(name)).unwrap();
    assert!(fs::read(dir.path().join("out/big")).unwrap() == bytes);
    assert_eq!(fs::read_to_string(dir.path().join("out").join(&long)).unwrap(), "long");
    assert_eq!(at("big").ino(), at("same").ino());
    assert_eq!(at("big").modified().unwrap(), old);
    assert_eq!(at("empty").mode() & 0o7777, 0o1711);
    assert!(at(".wh.no-whiteout").is_file() && at("new\nline").is_file());
    assert_eq!(fs::read_dir(dir.path().join("out")).unwrap().count(), 6);
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

#[test]
fn volumes_are_reached_while_it_runs() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let (volume, things) = (Dir::new("volume"), things());
    let bind = format!("{}:/mnt/v", volume.path().display());
    let file = things.path().join("file");
    let file = file.to_str().unwrap();
    sandbox(
        &store,
        &["run", "-d", "--name", "web", "-v", &bind, "--tmpfs", "/mnt/t", &image, "sleep", "1000"],
    );
    copy(&store, file, "web:/mnt/v/file");
    copy(&store, file, "web:/mnt/t/file");
    assert_eq!(tree(volume.path()), ["file: text"]);
    assert_eq!(inside(&store, "cat /mnt/t/file; ls /mnt/v"), "textfile\n");
    Test::sandbox(&["cp", file, "web:/proc/x"])
        .store(&store)
        .fails(125, &["cannot copy `x`"])
        .check();
    sandbox(&store, &["pause", "web"]);
    copy(&store, file, "web:/mnt/v/paused");
    sandbox(&store, &["unpause", "web"]);
    sandbox(&store, &["stop", "-t", "0", "web"]);
    Test::sandbox(&["cp", "web:/mnt/v/file", "-"])
        .store(&store)
        .stderr("error[E001]: there is no `/mnt/v/file`\n")
        .code(125)
        .check();
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

#[test]
fn files_wait_for_the_first_start() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let things = things();
    sandbox(&store, &["create", "--name", "web", &image, "cat", "/etc/file"]);
    copy(&store, things.path().join("file").to_str().unwrap(), "web:/etc/");
    assert_eq!(sandbox(&store, &["diff", "web"]), "C /etc\nA /etc/file\n");
    assert_eq!(sandbox(&store, &["start", "-a", "web"]), "text");
    sandbox(&store, &["rm", "web"]);
    // Of the host, only while it runs.
    sandbox(&store, &["run", "-d", "--name", "web", "host", "sleep", "1000"]);
    copy(&store, things.path().join("file").to_str().unwrap(), "web:/tmp/");
    assert_eq!(inside(&store, "cat /tmp/file"), "text");
    sandbox(&store, &["stop", "-t", "0", "web"]);
    Test::sandbox(&["cp", "web:/tmp/file", "-"])
        .store(&store)
        .fails(125, &["are kept in memory"])
        .check();
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

/// What is to be seen in [`CHANGES`] of a sandbox, or of an image of it.
const LOOK: &str = "cat /tmp/new /home/own /deep/er/file; tail -n 1 /etc/group; \
                    ls /etc/passwd /home 2>&1; stat -c '%a %u %g' /var /deep/er/file /tmp";

fn seen() -> String {
    let owner = if chown_is_real() { "5 6" } else { "0 0" };
    format!(
        "new\nown\nx\nmore\nls: /etc/passwd: No such file or directory\n/home:\nown\n\
         700 0 0\n644 {owner}\n1777 0 0\n"
    )
}

#[test]
fn what_a_sandbox_has_become_is_an_image() {
    require!(user_namespaces(), "user namespaces");
    for runs in [true, false] {
        let (store, image) = changed(CHANGES, runs);
        let options = ["-a", "ann", "-m", "as it is", "-c", "ENV A=1", "-c", "WORKDIR /home"];
        let args = [&["commit"], &options[..], &["web", "copy"]].concat();
        let id = sandbox(&store, &args);
        assert!(id.starts_with("sha256:") && id.len() == 72, "{id}");
        if runs {
            // It goes on.
            assert_eq!(sandbox(&store, &["ps", "--format", "{{.State}}"]), "running\n");
            assert_eq!(inside(&store, "echo alive"), "alive\n");
        }
        sandbox(&store, &["rm", "-f", "web"]);
        assert_eq!(sandbox(&store, &["run", "copy", "sh", "-c", LOOK]), seen());
        assert_eq!(sandbox(&store, &["run", "copy", "sh", "-c", "echo $A; pwd"]), "1\n/home\n");
        let format = "{{.CreatedBy}} | {{.Comment}}";
        let history = sandbox(&store, &["history", "--no-trunc", "--format", format, "copy"]);
        let first = history.lines().next().unwrap();
        assert!(first.starts_with("sh -c echo new") && first.ends_with(" | as it is"), "{first}");
        assert_eq!(history.lines().count(), 2, "{history}");
        // The image below is as it was.
        assert_eq!(sandbox(&store, &["run", &image, "ls", "/tmp", "/home"]), "/home:\n\n/tmp:\n");
    }
}

#[test]
fn an_image_of_a_sandbox_goes_where_others_go() {
    require!(user_namespaces(), "user namespaces");
    let (store, _) = changed(CHANGES, false);
    let name = format!("{}/committed:1", Registry::shared().name());
    let id = sandbox(&store, &["commit", "web", &name]);
    sandbox(&store, &["push", "--tls-verify=false", &name]);
    let archive = Test::sandbox(&["save", &name]).store(&store).output().stdout;
    for way in ["pull", "load"] {
        let other = Store::new();
        match way {
            "pull" => drop(sandbox(&other, &["pull", "--tls-verify=false", &name])),
            _ => Test::sandbox(&["load"]).store(&other).stdin(archive.clone()).check(),
        }
        let same = sandbox(&other, &["image", "inspect", "--format", "{{.Id}}", &name]);
        assert_eq!(same, id, "{way}");
        assert_eq!(sandbox(&other, &["run", &name, "sh", "-c", LOOK]), seen(), "{way}");
    }
}

#[test]
fn an_image_of_an_image_keeps_its_settings() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    sandbox(&store, &["create", "--name", "web", &image]);
    let first =
        sandbox(&store, &["commit", "-c", "ENTRYPOINT [\"echo\"]", "-c", "LABEL a=b", "web"]);
    // Nothing was changed: no layer, and no arguments of the old command.
    assert_eq!(sandbox(&store, &["run", first.trim()]), "\n");
    assert_eq!(sandbox(&store, &["run", first.trim(), "x"]), "x\n");
    sandbox(&store, &["create", "--name", "two", first.trim(), "y"]);
    let second = sandbox(&store, &["commit", "-c", "CMD [\"z\"]", "two", "two"]);
    assert_eq!(sandbox(&store, &["run", "two"]), "z\n");
    assert_ne!(first, second);
    let labels = ["image", "inspect", "--format", "{{.Config.Labels.a}}", "two"];
    assert_eq!(sandbox(&store, &labels), "b\n");
    for change in ["ONBUILD RUN x", "CMD"] {
        Test::sandbox(&["commit", "-c", change, "web"]).store(&store).code(125).check();
    }
    sandbox(&store, &["run", "--name", "host", "host", "true"]);
    Test::sandbox(&["commit", "host"])
        .store(&store)
        .stderr(
            "error[E001]: host was made of no image\n\
             hint: `sandbox export` writes all of its files, and `sandbox import` makes an image of them\n",
        )
        .code(125)
        .check();
}

#[test]
fn a_sandbox_that_was_held_stays_held() {
    require!(user_namespaces(), "user namespaces");
    let (store, _) = changed(CHANGES, true);
    sandbox(&store, &["pause", "web"]);
    sandbox(&store, &["commit", "web", "copy"]);
    assert_eq!(sandbox(&store, &["ps", "-a", "--format", "{{.State}}"]), "paused\n");
    sandbox(&store, &["unpause", "web"]);
    sandbox(&store, &["commit", "--pause=false", "web", "copy"]);
    assert_eq!(sandbox(&store, &["run", "copy", "sh", "-c", LOOK]), seen());
    sandbox(&store, &["rm", "-f", "web"]);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let first = "{ \"$@\"; echo $? >&2; } | head -c 10 | wc -c";
    Test::sandbox(&["run", "--name", "web", "-v", "vol:/v", &image, "cp", "/bin/busybox", "/v/"])
        .store(&store)
        .check();
    for words in [
        &["export", "web"][..],
        &["save", &image],
        &["cp", "web:/bin", "-"],
        &["volume", "export", "vol"],
    ] {
        Test::sandbox(words)
            .store(&store)
            .within(&["sh", "-c", first, "sh"])
            .stdout("10\n")
            .stderr("0\n")
            .check();
    }
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}
