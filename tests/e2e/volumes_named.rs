//! Volumes that have a name, or a life: `volume …`, `-v NAME:DST`, `VOLUME`.

use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::PathBuf,
    thread,
};

use serde_json::{Value, json};

use crate::{
    only_for, require,
    support::{
        Compression, Dir, Image, Layer, Store, Test, chown_is_real, eventually, rounds, text,
        user_namespaces,
    },
};

/// A store, and a busybox in it that has something in `/data`, and asks for a volume
/// there and at a place that it lacks.
fn store() -> (Store, Dir, String) {
    let (store, dir) = (Store::new(), Dir::new("layout"));
    let layer = Layer::new()
        .dir("data/", 0o750)
        .file("data/file", 0o640, "of the image\n")
        .hardlink("data/same", "data/file")
        .symlink("data/link", "file")
        .dir("data/inner/", 0o1777)
        .owned_file("data/inner/theirs", 0o600, (7, 8), "")
        .symlink("alias", "data");
    let image = Image::busybox()
        .layer(layer, Compression::Gzip)
        .config("Volumes", json!({ "/data": {}, "/var/lib/none": {}, "/proc/sys": {} }));
    let name = image.write_layout(dir.path());
    (store, dir, name)
}

fn run(store: &Store, words: &[&str]) -> String {
    Test::sandbox(words).store(store).read()
}

fn inspect(store: &Store, name: &str) -> Value {
    let mut all: Value = serde_json::from_str(&run(store, &["volume", "inspect", name])).unwrap();
    all[0].take()
}

#[test]
fn a_volume_outlives_what_uses_it() {
    require!(user_namespaces(), "user namespaces");
    let (store, _dir, image) = store();
    let write = ["run", "-v", "notes:/n", &image, "sh", "-c", "echo one >> /n/f; cat /n/f"];
    assert_eq!(run(&store, &write), "one\n");
    assert_eq!(run(&store, &write), "one\none\n");
    assert_eq!(run(&store, &["volume", "ls"]), "DRIVER   VOLUME NAME\nlocal    notes\n");
    assert_eq!(run(&store, &["volume", "ls", "-q"]), "notes\n");
    let readonly = ["run", "-v", "notes:/n:ro", &image, "touch", "/n/x"];
    let refused = "touch: /n/x: Read-only file system\n";
    Test::sandbox(&readonly).store(&store).code(1).stderr(refused).check();
    assert_eq!(run(&store, &["volume", "rm", "notes"]), "notes\n");
    assert_eq!(run(&store, &["volume", "ls", "-q"]), "");
    store.assert_nothing_left();
}

#[test]
fn a_volume_is_made_with_what_is_said_of_it() {
    require!(user_namespaces(), "user namespaces");
    let (store, _dir, image) = store();
    let create = ["volume", "create", "--label", "a=b", "--label", "c", "data1"];
    assert_eq!(run(&store, &create), "data1\n");
    assert_eq!(run(&store, &create), "data1\n", "the same again");
    let mut seen = inspect(&store, "data1");
    let mountpoint = store.path().join("volumes/data1/data").display().to_string();
    assert!(seen["CreatedAt"].take().as_str().unwrap().ends_with('Z'));
    let expected = json!({
        "CreatedAt": null,
        "Driver": "local",
        "Labels": { "a": "b", "c": "" },
        "Mountpoint": mountpoint,
        "Name": "data1",
        "Options": {},
        "Scope": "local",
        "Anonymous": false,
        "ReadOnly": false,
        "UsedBy": [],
    });
    assert_eq!(seen, expected);
    let format = ["volume", "inspect", "-f", "{{.Mountpoint}}", "data1"];
    assert_eq!(run(&store, &format), format!("{mountpoint}\n"));
    let sized = run(&store, &["volume", "inspect", "-s", "-f", "{{.UsageData.RefCount}}", "data1"]);
    assert_eq!(sized, "0\n");
    let chosen = run(&store, &["volume", "create"]);
    assert_eq!(
        (chosen.len(), inspect(&store, chosen.trim())["Anonymous"].clone()),
        (65, json!(true))
    );
    for (filter, names) in [
        ("name=ata", "data1\n".to_owned()),
        ("label=a", "data1\n".to_owned()),
        ("label=a=c", String::new()),
        ("driver=tmpfs", String::new()),
        ("dangling=false", String::new()),
    ] {
        assert_eq!(run(&store, &["volume", "ls", "-q", "--filter", filter]), names, "{filter}");
    }
    let template = ["volume", "ls", "--format", "{{.Name}} {{.Driver}}", "-f", "label=a"];
    assert_eq!(run(&store, &template), "data1 local\n");
    let json = run(&store, &["volume", "ls", "--format", "json", "-f", "label=a"]);
    let row = json!({
        "Driver": "local", "Labels": "a=b,c=", "Mountpoint": mountpoint, "Name": "data1", "Scope": "local",
    });
    assert_eq!(json, format!("{row}\n"));
    let _ = image;
}

#[test]
fn a_volume_is_made_again_only_as_it_was_made() {
    require!(user_namespaces(), "user namespaces");
    let (store, _dir, _image) = store();
    let memory = ["volume", "create", "-d", "tmpfs", "-o", "size=1m", "data1"];
    assert_eq!(run(&store, &memory), "data1\n");
    assert_eq!(run(&store, &memory), "data1\n");
    let refused = "error[E048]: a volume named `data1` exists already, and was made otherwise\n\
                   hint: it was made with `--driver tmpfs --opt size=1m`; --ignore takes it as it is\n";
    for other in
        [&["data1"][..], &["-d", "tmpfs", "data1"], &["-d", "tmpfs", "-o", "size=2m", "data1"]]
    {
        let create = [&["volume", "create"], other].concat();
        Test::sandbox(&create).store(&store).code(125).stderr(refused).check();
        let create = [&["volume", "create", "--ignore"], other].concat();
        assert_eq!(run(&store, &create), "data1\n");
    }
    assert_eq!(inspect(&store, "data1")["Options"], json!({ "size": "1m" }));
}

#[test]
fn what_cannot_be_a_volume_is_told() {
    require!(user_namespaces(), "user namespaces");
    let (store, _dir, image) = store();
    let cases: [(&[&str], &[&str]); 9] = [
        (&["volume", "create", "a/b"], &["`a/b` cannot name a volume"]),
        (&["volume", "create", "-d", "nfs", "one"], &["no volume driver `nfs`"]),
        (&["volume", "create", "-o", "size=1g", "one"], &["quota", "--driver tmpfs"]),
        (&["volume", "create", "-o", "type=nfs", "one"], &["mounted by root"]),
        (&["volume", "rm", "none"], &["there is no volume `none`", "sandbox volume ls"]),
        (&["volume", "inspect", "../x"], &["there is no volume"]),
        (&["run", "-v", "x:/d:shared", &image, "true"], &["shared"]),
        (&["run", "-v", "n n:/d", &image, "true"], &["./n n"]),
        (&["run", "-v", "data:/d:subpath=../x", &image, "true"], &["../x"]),
    ];
    for (words, expected) in cases {
        Test::sandbox(words).store(&store).fails(125, expected).check();
    }
    assert_eq!(run(&store, &["volume", "rm", "-f", "none"]), "none\n");
    assert_eq!(run(&store, &["volume", "ls", "-q"]), "");
}

#[test]
fn a_new_volume_begins_with_what_the_image_has() {
    require!(user_namespaces(), "user namespaces");
    let (store, _dir, image) = store();
    let look = "cd /data; stat -c '%a %h %n' . *; cat file link; readlink link; \
                stat -c %u:%g inner/theirs";
    let owner = if chown_is_real() { "7:8" } else { "0:0" };
    let expected = format!(
        "750 3 .\n640 2 file\n1777 2 inner\n777 1 link\n640 2 same\n\
         of the image\nof the image\nfile\n{owner}\n"
    );
    for name in ["one", "two"] {
        // By way of a link of the image, which leads where it does inside.
        let volume = format!("{name}:{}", if name == "one" { "/data" } else { "/alias" });
        let run = ["run", "-v", &volume, &image, "sh", "-c", look];
        Test::sandbox(&run).store(&store).stdout(&expected).check();
    }
    // Never again, and never over what is there.
    let empty = ["run", "-v", "one:/data", &image, "sh", "-c", "rm -r /data/*; ls -A /data"];
    assert_eq!(run(&store, &empty), "");
    assert_eq!(run(&store, &["run", "-v", "one:/data", &image, "ls", "-A", "/data"]), "");
    run(&store, &["volume", "create", "own"]);
    let own = PathBuf::from(inspect(&store, "own")["Mountpoint"].as_str().unwrap()).join("own");
    fs::write(own, "").unwrap();
    assert_eq!(run(&store, &["run", "-v", "own:/data", &image, "ls", "-A", "/data"]), "own\n");
    let nocopy = ["run", "-v", "not:/data:nocopy", &image, "ls", "-A", "/data"];
    assert_eq!(run(&store, &nocopy), "");
    // Where the image has nothing, there is nothing to begin with.
    let none = ["run", "-v", "none:/nowhere/at/all", &image, "sh", "-c", "ls -A /nowhere/at/all"];
    assert_eq!(run(&store, &none), "");
}

#[test]
fn one_of_many_fills_a_volume_and_all_see_it_whole() {
    require!(user_namespaces(), "user namespaces");
    let (store, dir) = (Store::new(), Dir::new("layout"));
    let mut layer = Layer::new().dir("data/", 0o755);
    for file in 0..300 {
        layer = layer.file(&format!("data/{file}"), 0o644, "x");
    }
    let image = Image::busybox().layer(layer, Compression::Gzip).write_layout(dir.path());
    run(&store, &["pull", &image]);
    for round in 0..rounds(5) {
        let volume = format!("v{round}:/data");
        thread::scope(|scope| {
            for _ in 0..4 {
                let words = ["run", "-v", &volume, &image, "sh", "-c", "ls /data | wc -l"];
                let test = Test::sandbox(&words).store(&store).stdout("300\n");
                scope.spawn(move || test.check());
            }
        });
    }
    // Killed while it fills: the next one begins again.
    for round in 0..rounds(20) {
        let volume = format!("k{round}:/data");
        let words = ["run", "-v", &volume, &image, "sh", "-c", "ls /data | wc -l"];
        let mut first = Test::sandbox(&words).store(&store).spawn();
        thread::sleep(std::time::Duration::from_millis(u64::from(round) * 3));
        first.signal(rustix::process::Signal::KILL);
        first.wait();
        Test::sandbox(&words).store(&store).stdout("300\n").check();
    }
    store.assert_nothing_left();
}

#[test]
fn volumes_without_a_name_go_with_what_they_were_made_for() {
    require!(user_namespaces(), "user namespaces");
    let (store, _dir, image) = store();
    let volumes = || run(&store, &["volume", "ls", "-q"]).lines().count();
    assert_eq!(
        run(&store, &["run", "-v", "/extra", &image, "sh", "-c", "touch /extra/x; ls /extra"]),
        "x\n"
    );
    assert_eq!(volumes(), 0);
    // What the image asks for is there where something stays, or could not be written.
    let wrote =
        ["run", "--read-only", &image, "sh", "-c", "touch /data/x /var/lib/none/y; ls /data"];
    assert_eq!(run(&store, &wrote), "file\ninner\nlink\nsame\nx\n");
    assert_eq!(volumes(), 0);
    run(&store, &["run", "--name", "db", &image, "touch", "/data/kept"]);
    assert_eq!(volumes(), 2);
    let mounts = run(
        &store,
        &["inspect", "-f", "{{range .Mounts}}{{.Type}} {{.Destination}} {{end}}", "db"],
    );
    assert_eq!(mounts, "volume /data volume /var/lib/none \n");
    // They are not part of what it has changed, and no image is made of them.
    assert_eq!(run(&store, &["diff", "db"]), "");
    let from = [
        "run",
        "--volumes-from",
        "db:ro",
        &image,
        "sh",
        "-c",
        "ls /data; touch /data/x 2>/dev/null || echo ro",
    ];
    assert_eq!(run(&store, &from), "file\ninner\nkept\nlink\nsame\nro\n");
    let used = run(&store, &["volume", "ls", "-q", "--filter", "dangling=false"]);
    let name = used.lines().next().unwrap().to_owned();
    Test::sandbox(&["volume", "rm", &name])
        .store(&store)
        .fails(125, &["in use by", "sandbox rm"])
        .check();
    run(&store, &["volume", "prune", "-f"]);
    assert_eq!(volumes(), 2);
    run(&store, &["rm", "db"]);
    assert_eq!(volumes(), 2);
    let pruned = run(&store, &["volume", "prune", "-f"]);
    assert_eq!((pruned.matches("removed: volume ").count(), volumes()), (2, 0), "{pruned}");
    run(&store, &["run", "--name", "db", &image, "true"]);
    run(&store, &["rm", "-v", "db"]);
    assert_eq!(volumes(), 0);
    run(&store, &["volume", "create", "named"]);
    run(&store, &["run", "--name", "db", "-v", "named:/n", &image, "true"]);
    run(&store, &["rm", "-v", "db"]);
    assert_eq!(volumes(), 1);
    let all = ["volume", "prune", "-af", "--filter", "name=name"];
    assert!(run(&store, &all).contains("removed: volume named"));
    run(&store, &["run", "--name", "db", &image, "true"]);
    run(&store, &["system", "prune", "-f", "--volumes"]);
    assert_eq!(volumes(), 0);
    store.assert_nothing_left();
}

#[test]
fn a_volume_that_is_used_stays() {
    require!(user_namespaces(), "user namespaces");
    let (store, _dir, image) = store();
    run(&store, &["run", "-d", "--rm", "--name", "job", "-v", "used:/n", &image, "sleep", "1000"]);
    Test::sandbox(&["volume", "rm", "used"])
        .store(&store)
        .fails(125, &["`used` is in use"])
        .check();
    run(&store, &["volume", "prune", "-af"]);
    assert_eq!(run(&store, &["exec", "job", "sh", "-c", "touch /n/x; ls /n"]), "x\n");
    assert_eq!(run(&store, &["run", "-v", "used:/n", &image, "ls", "/n"]), "x\n");
    run(&store, &["stop", "-t", "0", "job"]);
    let gone = || (run(&store, &["ps", "-aq"]).is_empty()).then_some(());
    assert!(eventually(gone).is_some());
    run(&store, &["volume", "rm", "used"]);
    store.assert_nothing_left();
}

#[test]
fn what_is_in_a_volume_goes_out_and_in() {
    require!(user_namespaces(), "user namespaces");
    let (store, dir, image) = store();
    run(
        &store,
        &["run", "-v", "one:/data", &image, "touch", "-d", "2001-02-03 04:05:06", "/data/file"],
    );
    let tar = dir.path().join("one.tar");
    run(&store, &["volume", "export", "-o", tar.to_str().unwrap(), "one"]);
    run(&store, &["volume", "create", "two"]);
    run(&store, &["volume", "import", "two", tar.to_str().unwrap()]);
    assert_eq!(run(&store, &["volume", "clone", "one", "three"]), "three\n");
    assert_eq!(run(&store, &["volume", "snapshot", "one", "four"]), "four\n");
    let chosen = run(&store, &["volume", "snapshot", "one"]);
    assert!(chosen.starts_with("one-20"), "{chosen}");
    let look = "cd /data; stat -c '%a %h %Y %u:%g %n' * inner/*; cat same";
    let seen = |name: &str| {
        let volume = format!("{name}:/data");
        run(&store, &["run", "-v", &volume, &image, "sh", "-c", look])
    };
    let first = seen("one");
    assert!(first.contains(" file\n"), "{first}");
    for name in ["two", "three", "four", chosen.trim()] {
        assert_eq!(seen(name), first, "{name}");
    }
    let write = ["run", "-v", "four:/data", &image, "touch", "/data/x"];
    Test::sandbox(&write).store(&store).code(1).check();
    let exported = Test::sandbox(&["volume", "export", "one"]).store(&store).output().stdout;
    assert_eq!(exported, fs::read(&tar).unwrap());
    // A volume that a sandbox names is not written to behind its back.
    run(&store, &["create", "--name", "job", "-v", "two:/n", &image]);
    let import = ["volume", "import", "two", tar.to_str().unwrap()];
    Test::sandbox(&import).store(&store).fails(125, &["`two` is in use by"]).check();
    Test::sandbox(&["volume", "clone", "one", "two"])
        .store(&store)
        .fails(125, &["exists already"])
        .check();
    run(&store, &["rm", "job"]);
}

#[test]
fn a_copy_of_a_volume_has_the_same_owners_and_holes() {
    require!(user_namespaces(), "user namespaces");
    let (store, _dir, image) = store();
    let script = "truncate -s 64m /data/large; echo x >> /data/large; mkfifo /data/fifo; \
                  for d in $(seq 20); do mkdir -p /data/m/$d; \
                  for f in $(seq 50); do echo $f > /data/m/$d/$f; done; done";
    run(&store, &["run", "-v", "one:/data", &image, "sh", "-c", script]);
    run(&store, &["volume", "clone", "one", "two"]);
    run(&store, &["volume", "snapshot", "one", "three"]);
    let look = "cd /data; find . | sort | xargs stat -c '%A %h %s %Y %u:%g %n'; \
                find . -type f | sort | xargs cat | md5sum";
    let seen = |name: &str| {
        let volume = format!("{name}:/data");
        run(&store, &["run", "-v", &volume, &image, "sh", "-c", look])
    };
    let first = seen("one");
    assert!(first.lines().count() > 1000 && first.contains("./inner/theirs"), "{first}");
    for name in ["two", "three"] {
        assert_eq!(seen(name), first, "{name}");
        let data = PathBuf::from(inspect(&store, name)["Mountpoint"].as_str().unwrap());
        let large = fs::metadata(data.join("large")).unwrap();
        assert!(large.blocks() * 512 < 16 << 20, "{} blocks", large.blocks());
    }
    // It is a copy: neither changes the other.
    run(&store, &["run", "-v", "two:/data", &image, "rm", "-r", "/data/m", "/data/file"]);
    assert_eq!(seen("one"), first);
    // What has become no copy leaves nothing.
    Test::sandbox(&["volume", "clone", "none", "four"]).store(&store).fails(125, &["none"]).check();
    assert_eq!(run(&store, &["volume", "ls", "-q"]), "one\nthree\ntwo\n");
    store.assert_nothing_left();
}

/// CVE-2023-0778: the tar that is read may be anything, and so may the volume be.
#[test]
fn nothing_outside_of_a_volume_is_reached_through_links() {
    require!(user_namespaces(), "user namespaces");
    let (store, dir, image) = store();
    let canary = dir.write("canary", "untouched\n");
    let outside = dir.path().display().to_string();
    run(
        &store,
        &[
            "run",
            "-v",
            "evil:/n",
            &image,
            "sh",
            "-c",
            &format!("ln -s {outside} /n/out; ln -s {outside}/canary /n/file"),
        ],
    );
    let tar = Layer::new().file("out/canary", 0o644, "changed\n").tar();
    fs::write(dir.path().join("evil.tar"), tar).unwrap();
    let import = ["volume", "import", "evil", &format!("{outside}/evil.tar")];
    Test::sandbox(&import).store(&store).fails(125, &["cannot put `out/canary`"]).check();
    let replaced = Layer::new().file("file", 0o644, "changed\n").tar();
    fs::write(dir.path().join("evil.tar"), replaced).unwrap();
    run(&store, &import);
    let exported = Test::sandbox(&["volume", "export", "evil"]).store(&store).output().stdout;
    assert!(!text(&exported).contains("untouched"));
    // A part of a volume is in it, wherever its links lead.
    let part = ["run", "-v", "evil:/p:subpath=out", &image, "ls", "/p"];
    Test::sandbox(&part).store(&store).fails(125, &["there is no `out`"]).check();
    assert_eq!(fs::read_to_string(canary).unwrap(), "untouched\n");
}

#[test]
fn a_part_of_a_volume_is_mounted_by_itself() {
    require!(user_namespaces(), "user namespaces");
    let (store, _dir, image) = store();
    run(&store, &["run", "-v", "one:/data", &image, "true"]);
    let part = ["run", "-v", "one:/p:subpath=inner", &image, "ls", "/p"];
    assert_eq!(run(&store, &part), "theirs\n");
    let file = "type=volume,src=one,dst=/etc/one,volume-subpath=link";
    assert_eq!(run(&store, &["run", "--mount", file, &image, "cat", "/etc/one"]), "of the image\n");
    Test::sandbox(&["run", "-v", "one:/p:subpath=none", &image, "true"])
        .store(&store)
        .code(125)
        .stderr(
            "error[E043]: there is no `none` in what is to be mounted at /p\n\
             hint: what `subpath` names must be there; a sandbox that mounts all of it can make it\n",
        )
        .check();
}

#[test]
fn volumes_may_be_other_things_than_directories_of_the_store() {
    require!(user_namespaces(), "user namespaces");
    let (store, dir, image) = store();
    let project = Dir::new("project");
    project.write("file", "mine\n");
    let device = format!("device={}", project.path().display());
    run(&store, &["volume", "create", "-o", "type=none", "-o", "o=bind", "-o", &device, "bound"]);
    assert_eq!(run(&store, &["run", "-v", "bound:/n", &image, "cat", "/n/file"]), "mine\n");
    run(&store, &["volume", "create", "-d", "tmpfs", "-o", "size=1m", "memory"]);
    let fill = "dd if=/dev/zero of=/n/x bs=64k count=32 2>&1 | grep -c 'No space'; ls /n";
    assert_eq!(run(&store, &["run", "-v", "memory:/n", &image, "sh", "-c", fill]), "1\nx\n");
    assert_eq!(run(&store, &["run", "-v", "memory:/n", &image, "ls", "/n"]), "");
    run(&store, &["volume", "create", "-d", "image", "-o", &format!("image={image}"), "files"]);
    let read = "cat /n/data/file; touch /n/x 2>/dev/null || echo read-only";
    assert_eq!(
        run(&store, &["run", "-v", "files:/n", &image, "sh", "-c", read]),
        "of the image\nread-only\n"
    );
    let mount = format!("type=image,source={image},target=/n,subpath=data/inner");
    assert_eq!(run(&store, &["run", "--mount", &mount, "host", "ls", "/n"]), "theirs\n");
    let made = "type=volume,src=made,dst=/n,volume-driver=tmpfs,volume-opt=size=1m";
    assert_eq!(run(&store, &["run", "--mount", made, &image, "ls", "/n"]), "");
    assert_eq!(inspect(&store, "made")["Options"], json!({ "size": "1m" }));
    Test::sandbox(&["volume", "export", "memory"])
        .store(&store)
        .fails(125, &["not the store's"])
        .check();
    let _ = dir;
}

#[test]
fn a_missing_directory_is_made_only_if_that_is_said() {
    require!(user_namespaces(), "user namespaces");
    let (store, _dir, image) = store();
    let project = Dir::new("project");
    let run = |option: &str| {
        Test::sandbox(&["run", "-v", option, &image, "touch", "/w/x"])
            .store(&store)
            .directory(project.path())
    };
    run("./new/dir:/w").fails(125, &["there is no", "mkdir"]).check();
    run("./new/dir:/w:mkdir").check();
    assert!(project.path().join("new/dir/x").exists());
}

#[test]
fn a_link_where_a_volume_is_stays_inside() {
    require!(user_namespaces(), "user namespaces");
    only_for!(cfg!(unix));
    let (store, dir, _image) = store();
    let outside = Dir::new("outside");
    outside.write("secret", "secret\n");
    let root = dir.path().join("root");
    fs::create_dir_all(root.join("bin")).unwrap();
    symlink(outside.path(), root.join("data")).unwrap();
    let image = format!("rootfs:{}", root.display());
    // There is nothing to begin with at the end of that link, inside.
    let create = ["create", "--name", "job", "-v", "vol:/data", &image, "true"];
    run(&store, &create);
    let _ = Test::sandbox(&["start", "-a", "job"]).store(&store).output();
    let data = PathBuf::from(inspect(&store, "vol")["Mountpoint"].as_str().unwrap());
    assert_eq!(fs::read_dir(data).unwrap().count(), 0);
    run(&store, &["rm", "job"]);
}
