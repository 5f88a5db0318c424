//! Whose files those of a volume are, and how an image's files look to them.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use serde_json::json;

use crate::{
    only_for, require,
    support::{
        Compression, Dir, Image, Layer, Store, Test, chown_is_real, is_root, text, user_namespaces,
    },
};

/// A busybox with a user whose home is theirs, and that runs as `user`.
fn of_user(user: &str) -> (Dir, String) {
    let dir = Dir::new("layout");
    let layer = Layer::new()
        .file("etc/passwd", 0o644, "root:x:0:0::/:\nnode:x:1000:1000::/home/node:\n")
        .file("etc/group", 0o644, "root:x:0:\nnode:x:1000:\n")
        .owned_dir("home/node/", 0o755, (1000, 1000))
        .owned_file("home/node/own", 0o600, (1000, 1000), "own\n")
        .owned_file("theirs", 0o640, (7, 8), "");
    let image = Image::busybox().layer(layer, Compression::Gzip).config("User", json!(user));
    let name = image.write_layout(dir.path());
    (dir, name)
}

fn assert_ours(directory: &Path) -> usize {
    let us = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let mut count = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let there = path.symlink_metadata().unwrap();
        assert_eq!((there.uid(), there.gid()), us, "{}", path.display());
        count += 1 + if there.is_dir() { assert_ours(&path) } else { 0 };
    }
    count
}

#[test]
fn whoever_makes_files_in_a_volume_they_are_the_caller_s_outside() {
    require!(user_namespaces(), "user namespaces");
    only_for!(!is_root());
    let script =
        "umask 077; cd /w; mkdir -p a/b; echo 1 >> a/b/f; ln -sf f a/b/l; id -u; cat a/b/f";
    let cases = [
        ("node", None, "1000"),
        ("", Some("1000:1000"), "1000"),
        ("", Some("node"), "1000"),
        ("node", Some("4321"), "4321"),
        ("node", Some("0"), "0"),
        ("", None, "0"),
    ];
    for (user, typed, id) in cases {
        let (_layout, image) = of_user(user);
        let project = Dir::new("project");
        let volume = format!("{}:/w", project.path().display());
        let typed = typed.map_or(vec![], |user| vec!["-u", user]);
        let run = [&["run", "-q", "-v", &volume], &typed[..], &[&image, "sh", "-c", script]];
        for lines in ["1\n", "1\n1\n"] {
            Test::sandbox(&run.concat()).stdout(&format!("{id}\n{lines}")).check();
        }
        assert_eq!(assert_ours(project.path()), 4);
    }
}

/// As npm leaves it behind: many small files, links to programs, files that are written
/// under another name and renamed.
#[test]
fn a_tree_of_many_files_is_the_caller_s_and_the_next_run_goes_on_with_it() {
    require!(user_namespaces(), "user namespaces");
    only_for!(!is_root());
    let (_layout, image) = of_user("node");
    let project = Dir::new("project");
    let volume = format!("{}:/w", project.path().display());
    let make = "cd /w; mkdir -p m/.bin; for d in $(seq 100); do mkdir m/$d; cd m/$d; \
                for f in $(seq 100); do echo $d > $f; done; chmod 755 1; \
                ln -s ../$d/1 ../.bin/$d; cd /w; done; cat m/*/* | wc -l";
    let again = "cd /w/m; for d in [0-9]*; do echo new > $d/tmp; mv $d/tmp $d/1; rm $d/2; \
                 echo more >> $d/3; echo new > $d/2; done; cat .bin/* */[23] | sort | uniq -c | \
                 grep -E 'new|more'; chmod 700 [0-9]*; touch [0-9]*; cat */* | wc -l; rm -r 100; \
                 cp -a 99 100";
    let run = |options: &[&str], script: &str| {
        let words =
            [&["run", "-q", "-v", &volume], options, &[&image, "sh", "-c", script]].concat();
        Test::sandbox(&words).read()
    };
    assert_eq!(run(&[], make), "10000\n");
    let all = 2 + 100 + 100 + 10_000;
    assert_eq!(assert_ours(project.path()), all);
    for (round, user) in ["1000:1000", "4321", "0", "node"].into_iter().enumerate() {
        let seen = run(&["-u", user], again);
        let lines: Vec<_> = seen.lines().map(|line| line.trim().to_owned()).collect();
        let (more, size) = (100 * (round + 1), 10_000 + 100 * (round + 1));
        assert_eq!(lines, [format!("{more} more"), "200 new".into(), size.to_string()], "{user}");
        assert_eq!(assert_ours(project.path()), all, "{user}");
    }
}

#[test]
fn the_files_of_an_image_look_as_they_should_to_a_user_who_is_the_caller() {
    require!(user_namespaces(), "user namespaces");
    only_for!(chown_is_real() && !is_root());
    let ((_layout, image), project, store) = (of_user("node"), Dir::new("project"), Store::new());
    let volume = format!("{}:/w", project.path().display());
    let sandbox = |words: &[&str]| Test::sandbox(words).store(&store).read();
    let script = "stat -c '%u:%g %n' / /bin /theirs /home/node /home/node/own /w /etc/hosts; \
                  cat /home/node/own; touch /home/node/new; touch /etc/new 2>/dev/null || echo no";
    let run = ["run", "-v", &volume, "--name", "web", &image, "sh", "-c", script];
    let (seen, told) = {
        let output = Test::sandbox(&run).store(&store).output();
        (text(&output.stdout), text(&output.stderr))
    };
    let expected = "0:0 /\n0:0 /bin\n7:8 /theirs\n1000:1000 /home/node\n1000:1000 /home/node/own\n\
                    1000:1000 /w\n0:0 /etc/hosts\nown\n";
    assert!(seen.starts_with(expected), "{seen}{told}");
    assert!(told.contains("once more, for user 1000 is you"), "{told}");
    // It is written down as it is inside.
    assert_eq!(sandbox(&["diff", "web"]), "C /home\nC /home/node\nA /home/node/new\n");
    let owners = |words: &[&str]| {
        let output = Test::sandbox(words).store(&store).output();
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        owners(&output.stdout)
    };
    assert_eq!(owners(&["cp", "web:/home/node/own", "-"]), ["own 1000:1000"]);
    let all = owners(&["export", "web"]);
    let names =
        ["bin/busybox 0:0", "home/node/new 1000:1000", "home/node/own 1000:1000", "theirs 7:8"];
    for name in names {
        assert!(all.iter().any(|it| it == name), "{name}: {all:?}");
    }
    let here = project.write("mine", "");
    sandbox(&["cp", here.to_str().unwrap(), "web:/copied"]);
    sandbox(&["commit", "web", "made"]);
    let look = "stat -c '%u:%g' /home/node/new /home/node/own /theirs /bin /copied";
    let seen = sandbox(&["run", "--rm", "-u", "0", "made", "sh", "-c", look]);
    assert_eq!(seen, "1000:1000\n1000:1000\n7:8\n0:0\n0:0\n");
    // The next start, and who comes in beside it.
    sandbox(&["run", "-d", "--name", "job", "-v", &volume, &image, "sleep", "1000"]);
    sandbox(&["restart", "-t", "0", "job"]);
    assert_eq!(sandbox(&["exec", "job", "stat", "-c", "%u", "/w", "/proc/self/"]), "1000\n1000\n");
    let root = "id -u; touch /etc/by-root; stat -c %u /etc/by-root /home/node/own; rm /w/mine";
    assert_eq!(sandbox(&["exec", "-u", "0", "job", "sh", "-c", root]), "0\n0\n1000\n");
    sandbox(&["rm", "-f", "job"]);
    sandbox(&["rm", "web"]);
    sandbox(&["rmi", "made"]);
    Test::sandbox(&["system", "check"]).store(&store).check();
    Test::sandbox(&["system", "prune", "-af"]).store(&store).check();
    assert_eq!(store.entries("refs"), [""; 0]);
    store.assert_nothing_left();
}

#[test]
fn a_volume_with_a_name_stays_whose_it_was() {
    require!(user_namespaces(), "user namespaces");
    only_for!(!is_root());
    let ((_layout, image), project, store) = (of_user("node"), Dir::new("project"), Store::new());
    let bind = format!("{}:/w", project.path().display());
    let script = "cd /home/node; echo $1 >> new; stat -c %u . own new; cat new";
    let go = |options: &[&str], volume: &str, word: &str| {
        let volume = format!("{volume}:/home/node");
        let words =
            [&["run", "-q", "-v", &volume], options, &[&image, "sh", "-c", script, "", word]];
        Test::sandbox(&words.concat()).store(&store).output()
    };
    let read = |options: &[&str], volume: &str, word: &str| {
        let output = go(options, volume, word);
        assert!(output.status.success(), "{options:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let owned = "1000\n1000\n1000\n";
    // With a directory of the caller's first: so it is without one, too.
    assert_eq!(read(&["-v", &bind], "one", "1"), format!("{owned}1\n"));
    assert_eq!(read(&[], "one", "2"), format!("{owned}1\n2\n"));
    assert_eq!(read(&["-v", &bind], "one", "3"), format!("{owned}1\n2\n3\n"));
    // A copy is the same, and a tar says who it is inside.
    let sandbox = |words: &[&str]| Test::sandbox(words).store(&store).output();
    assert!(sandbox(&["volume", "clone", "one", "two"]).status.success());
    assert_eq!(read(&[], "two", "4"), format!("{owned}1\n2\n3\n4\n"));
    if !chown_is_real() {
        return;
    }
    let tar = sandbox(&["volume", "export", "one"]).stdout;
    assert_eq!(owners(&tar), ["new 1000:1000", "own 1000:1000"]);
    let import = Test::sandbox(&["volume", "import", "two"]).store(&store).stdin(tar);
    import.stdout("").check();
    assert_eq!(read(&[], "two", "5"), format!("{owned}1\n2\n3\n5\n"));
    // The other way round it is told.
    assert_eq!(read(&[], "other", "1"), format!("{owned}1\n"));
    let words = ["run", "-v", &bind, "-v", "other:/home/node", &image, "stat", "-c", "%u", "."];
    let output = sandbox(&words);
    assert!(text(&output.stderr).contains("`--userns host` shows it as it was"));
    assert_eq!(read(&["-v", &bind, "--userns", "host"], "other", "2"), format!("{owned}1\n2\n"));
}

/// `NAME UID:GID` of each entry of a tar.
fn owners(tar: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(tar);
    let line = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let entry = entry.unwrap();
        let (uid, gid) = (entry.header().uid().unwrap(), entry.header().gid().unwrap());
        format!("{} {uid}:{gid}", String::from_utf8_lossy(&entry.path_bytes()))
    };
    archive.entries().unwrap().map(line).collect()
}

#[test]
fn who_is_the_caller_can_be_said() {
    require!(user_namespaces(), "user namespaces");
    only_for!(!is_root());
    let (_layout, image) = of_user("node");
    let project = Dir::new("project");
    let volume = format!("{}:/w", project.path().display());
    let run = |options: &[&str], script: &str| {
        let run = [&["run", "-q", "-v", &volume], options, &[&image, "sh", "-c", script]].concat();
        Test::sandbox(&run).read()
    };
    let ours = rustix::process::getuid().as_raw();
    assert_eq!(run(&["--userns", "keep-id"], "id -u; stat -c %u /w"), format!("{ours}\n{ours}\n"));
    assert_eq!(run(&["--userns", "keep-id:uid=7,gid=8"], "id -u; id -g; > /w/by-7"), "7\n8\n");
    assert_eq!(assert_ours(project.path()), 1);
    if chown_is_real() {
        // As the map of the domain has it, whoever that hinders.
        assert_eq!(
            run(&["--userns", "host"], "stat -c %u /w; touch /w/x 2>&1 || true").lines().next(),
            Some("0")
        );
        // A service that starts as root and becomes somebody.
        let script = "stat -c %u /w; id -u";
        assert_eq!(run(&["--userns", "keep-id:uid=7,gid=7", "-u", "0"], script), "7\n0\n");
        Test::sandbox(&["run", "--userns", "keep-id:uid=4000000", &image, "true"])
            .fails(125, &["there is no id for user 4000000"])
            .check();
    }
}
