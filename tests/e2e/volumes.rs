//! `-v`, `--mount`, `--tmpfs`: files of the host inside.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    os::unix::{
        fs::{MetadataExt, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    thread,
};

use serde_json::json;

use crate::{
    require,
    support::{Compression, Dir, Image, Layer, Store, Test, text, user_namespaces},
};

fn bind(source: &Path, rest: &str) -> String {
    format!("{}:{rest}", source.display())
}

#[test]
fn a_file_made_inside_belongs_to_the_caller_outside() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("volume");
    let script = "pwd; echo text > made; stat -c %u:%g made";
    Test::run_with(&["-v", &bind(dir.path(), "/w"), "-w", "/w"], &["sh", "-c", script])
        .stdout("/w\n0:0\n")
        .check();
    let made = dir.path().join("made");
    assert_eq!(fs::read_to_string(&made).unwrap(), "text\n");
    assert_eq!(made.metadata().unwrap().uid(), rustix::process::getuid().as_raw());
}

#[test]
fn a_relative_source_is_relative_to_the_caller() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("volume");
    dir.write("below/file", "found\n");
    Test::run_with(&["-v", "./below:/w"], &["cat", "/w/file"])
        .directory(dir.path())
        .stdout("found\n")
        .check();
}

#[test]
fn a_directory_that_was_removed_is_no_volume() {
    require!(user_namespaces(), "user namespaces");
    let script = "mkdir gone; cd gone; rmdir ../gone; exec \"$@\"";
    let dir = Dir::new("volume");
    let why = "error[E001]: cannot use . as a volume: the current directory was removed\n";
    Test::run_with(&["-v", ".:/w"], &["true"])
        .directory(dir.path())
        .within(&["sh", "-c", script, "sh"])
        .code(125)
        .stderr(why)
        .check();
}

#[test]
fn a_file_can_be_mounted() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("volume");
    let file = dir.write("file", "of the host\n");
    for place in ["/etc/passwd", "/new/place/file"] {
        Test::run_with(&["-v", &bind(&file, place)], &["cat", place])
            .stdout("of the host\n")
            .check();
    }
}

#[test]
fn a_read_only_mount_takes_no_writes() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("volume");
    let mount = format!("type=bind,source={},target=/w,readonly", dir.path().display());
    for option in [["-v", &bind(dir.path(), "/w:ro")], ["--mount", &mount]] {
        Test::run_with(&option, &["touch", "/w/x"])
            .code(1)
            .stderr("touch: /w/x: Read-only file system\n")
            .check();
    }
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none());
}

#[test]
fn labels_for_selinux_are_accepted() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("volume");
    dir.write("file", "");
    for options in ["/w:z", "/w:Z", "/w:ro,z", "/w:rw"] {
        Test::run_with(&["-v", &bind(dir.path(), options)], &["ls", "/w"]).stdout("file\n").check();
    }
}

#[test]
fn every_option_of_a_directory_does_what_it_says() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("volume");
    dir.script("program", "echo ran");
    let look = "grep ' /w ' /proc/mounts | cut -d ' ' -f 4 | tr , '\\n' | \
                grep -xE 'ro|rw|nosuid|nodev|noexec'; /w/program 2>&- || echo refused";
    let cases = [
        ("rw", "rw\nran\n"),
        ("ro", "ro\nran\n"),
        ("readonly", "ro\nran\n"),
        ("noexec", "rw\nnoexec\nrefused\n"),
        ("nosuid", "rw\nnosuid\nran\n"),
        ("nodev", "rw\nnodev\nran\n"),
        ("ro,noexec,nosuid,nodev", "ro\nnosuid\nnodev\nnoexec\nrefused\n"),
        ("exec,suid,dev", "rw\nran\n"),
        ("z", "rw\nran\n"),
        ("Z", "rw\nran\n"),
        ("U", "rw\nran\n"),
        ("cached", "rw\nran\n"),
        ("delegated", "rw\nran\n"),
        ("consistent", "rw\nran\n"),
        ("private", "rw\nran\n"),
        ("rprivate", "rw\nran\n"),
        ("rbind", "rw\nran\n"),
    ];
    for (options, seen) in cases {
        let volume = bind(dir.path(), &format!("/w:{options}"));
        Test::run_with(&["-v", &volume], &["sh", "-c", look]).stdout(seen).check();
    }
    let source = dir.path().display();
    let fields = [
        ("readonly", "ro\nran\n"),
        ("ro=true", "ro\nran\n"),
        ("readonly=0,noexec", "rw\nnoexec\nrefused\n"),
        ("rw=false,nosuid,nodev", "ro\nnosuid\nnodev\nran\n"),
        ("bind-propagation=rprivate,consistency=cached,relabel=shared", "rw\nran\n"),
        ("bind-recursive=enabled,bind-nonrecursive=false", "rw\nran\n"),
    ];
    for (options, seen) in fields {
        let mount = format!("type=bind,src={source},dst=/w,{options}");
        Test::run_with(&["--mount", &mount], &["sh", "-c", look]).stdout(seen).check();
    }
}

/// Run with the words of `sandbox run` as its arguments, in a directory of its own.
const MOUNTED_LATER: &str = r#"
"$@" >/dev/null
mount -t tmpfs none disk
echo found >disk/file
"$1" exec web sh -c 'cat /slave/disk/file; ls -A /private/disk; rm /slave/disk/file; mkdir /slave/disk/made'
ls disk
umount disk
"$1" exec web ls -A /slave/disk
"$1" rm -f web
"#;

#[test]
fn what_the_host_mounts_later_is_seen_by_a_slave_alone() {
    require!(user_namespaces(), "user namespaces");
    let (dir, store) = (Dir::new("slave"), Store::new());
    fs::create_dir(dir.path().join("disk")).unwrap();
    let script = ["sh", "-ec", MOUNTED_LATER, "sh"];
    let way = [&["unshare", "-Urm", "--propagation", "shared"][..], &script].concat();
    let run = ["run", "-d", "--name", "web", "-v", ".:/slave:rslave", "-v", ".:/private:private"];
    Test::sandbox(&[&run[..], &["host", "sleep", "1000"]].concat())
        .store(&store)
        .directory(dir.path())
        .within(&way)
        .stdout("found\nmade\nweb\n")
        .check();
}

#[test]
fn what_cannot_be_had_of_a_mount_is_told() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("volume");
    let source = dir.path().display().to_string();
    let refused = |options: &[&str], words: &[&str]| {
        Test::run_with(options, &["true"]).fails(125, words).check();
    };
    for propagation in ["shared", "rshared", "unbindable", "runbindable"] {
        let volume = format!("{source}:/w:{propagation}");
        refused(&["-v", &volume], &[propagation, "there are `private` and `slave`"]);
        let mount = format!("type=bind,src={source},dst=/w,bind-propagation={propagation}");
        refused(&["--mount", &mount], &[propagation, "there are `private` and `slave`"]);
    }
    let cases = [
        (format!("{source}:/"), "the root directory itself cannot be mounted over"),
        (format!("{source}:/x/.."), "the root directory itself cannot be mounted over"),
        (format!("{source}:./w"), "must begin with /"),
        (format!("{source}:w"), "the option `w` is not known"),
        (format!("{source}:/w:rox"), "`rox` is not known"),
        (format!("{source}:/w:subpath=x"), "`subpath` is for volumes"),
        (format!("{source}:/w:cow,slave"), "which `cow` cannot"),
        ("data:/w:slave".into(), "`slave` is for directories of the host"),
    ];
    for (volume, words) in &cases {
        refused(&["-v", volume], &[words]);
    }
    let twice = [format!("{source}:/w"), format!("{source}:/w/")];
    refused(&["-v", &twice[0], "-v", &twice[1]], &["two things are to be mounted at /w"]);
    refused(&["-v", &twice[0], "--tmpfs", "/w"], &["two things are to be mounted at /w"]);
    let fields = [
        ("readonly=yes", "neither true nor false"),
        ("bind-nonrecursive", "what is mounted below comes along"),
        ("bind-recursive=disabled", "what is mounted below comes along"),
        ("volume=x", "`volume` is not known"),
    ];
    for (field, words) in fields {
        refused(&["--mount", &format!("type=bind,src={source},dst=/w,{field}")], &[words]);
    }
}

#[test]
fn a_missing_source_is_refused_and_nothing_is_made() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("volume");
    let missing = dir.path().join("mising");
    dir.write("missing/file", "");
    dir.write("file", "");
    symlink("nowhere", dir.path().join("dangling")).unwrap();
    for (source, words) in [
        ("mising", "hint: did you mean"),
        ("other/dir", "hint: with `mkdir` among its options"),
        ("dangling", "hint: "),
        ("file/below", "cannot use"),
    ] {
        let path = dir.path().join(source);
        let mount = format!("type=bind,src={},dst=/w", path.display());
        for option in [["-v", &bind(&path, "/w")], ["--mount", &mount]] {
            Test::run_with(&option, &["true"]).fails(125, &[source, words]).stdout("").check();
        }
    }
    assert!(!missing.exists() && !dir.path().join("other").exists());
    let made = format!("type=bind,src={},dst=/w,bind-create-src", missing.display());
    Test::run_with(&["--mount", &made], &["touch", "/w/x"]).check();
    assert!(missing.join("x").exists());
}

#[test]
fn a_socket_can_be_mounted() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("volume");
    let listener = UnixListener::bind(dir.path().join("socket")).unwrap();
    let answer = thread::spawn(move || listener.accept().unwrap().0.write_all(b"hello\n"));
    let script = "socket(S, AF_UNIX, SOCK_STREAM, 0); \
                  connect(S, sockaddr_un('/run/mine/socket')) or die $!; print <S>";
    let volume = bind(&dir.path().join("socket"), "/run/mine/socket:ro");
    Test::sandbox(&["run", "-v", &volume, "host", "perl", "-MSocket", "-e", script])
        .stdout("hello\n")
        .check();
    answer.join().unwrap().unwrap();
}

#[test]
fn a_mount_cannot_escape_by_a_symlink_of_the_image() {
    require!(user_namespaces(), "user namespaces");
    let (inside, outside) = (Dir::new("volume"), Dir::new("outside"));
    let layout = Dir::new("layout");
    let link = crate::support::Layer::new()
        .symlink("out", &format!("../../../../../../{}", outside.path().display()));
    let image = crate::support::Image::busybox()
        .layer(link, crate::support::Compression::Plain)
        .write_layout(layout.path());
    let volume = bind(inside.path(), "/out/made");
    Test::sandbox(&["run", "-v", &volume, &image, "ls", "/out"]).stdout("made\n").check();
    assert!(fs::read_dir(outside.path()).unwrap().next().is_none());
}

#[test]
fn a_symlink_of_the_image_makes_nothing_in_a_volume() {
    require!(user_namespaces(), "user namespaces");
    let (shared, other) = (Dir::new("volume"), Dir::new("volume"));
    other.write("file", "");
    let layout = Dir::new("layout");
    let links = crate::support::Layer::new()
        .symlink("link", "/shared/missing")
        .symlink("file-link", "/shared/missing-file");
    let image = crate::support::Image::busybox()
        .layer(links, crate::support::Compression::Plain)
        .write_layout(layout.path());
    let shared_volume = bind(shared.path(), "/shared");
    for volume in [bind(other.path(), "/link/made"), bind(&other.path().join("file"), "/file-link")]
    {
        Test::sandbox(&["run", "-q", "-v", &shared_volume, "-v", &volume, &image, "true"])
            .fails(125, &["cannot mount", "hint: "])
            .check();
        assert!(fs::read_dir(shared.path()).unwrap().next().is_none());
    }
}

#[test]
fn a_destination_that_is_a_link_is_where_the_link_leads_inside() {
    require!(user_namespaces(), "user namespaces");
    let (volume, layout) = (Dir::new("volume"), Dir::new("layout"));
    volume.write("file", "found\n");
    let links = Layer::new()
        .dir("real/place/", 0o755)
        .symlink("absolute", "/real")
        .symlink("real/relative", "../../../real/./place")
        .symlink("chain", "absolute/relative")
        .symlink("dangling", "not/there")
        .symlink("proc-link", "/proc/self/root/real")
        .symlink("loop", "loop");
    let image = Image::busybox().layer(links, Compression::Plain).write_layout(layout.path());
    let (directory, file) = (volume.path(), volume.path().join("file"));
    for (source, destination, seen) in [
        (directory, "/absolute", "/real/file"),
        (directory, "/absolute/place", "/real/place/file"),
        (directory, "/real/relative", "/real/place/file"),
        (directory, "/chain/new", "/real/place/new/file"),
        (directory, "/dangling", "/not/there/file"),
        (directory, "/dangling/x", "/not/there/x/file"),
        (directory, "/proc-link/place", "/real/place/file"),
        (&file, "/chain/new", "/real/place/new"),
        (&file, "/dangling", "/not/there"),
        (&file, "/etc/hosts", "/etc/hosts"),
        (&file, "/etc/resolv.conf", "/etc/resolv.conf"),
        (&file, "/etc/hostname", "/etc/hostname"),
        (directory, "/dev/shm", "/dev/shm/file"),
        (directory, "/etc", "/etc/file"),
    ] {
        Test::sandbox(&["run", "-v", &bind(source, destination), &image, "cat", seen])
            .stdout("found\n")
            .check();
    }
    for destination in ["/loop", "/loop/x", "/proc/none", "/proc/self/fd/0/x", "/sys/none"] {
        Test::sandbox(&["run", "-v", &bind(directory, destination), &image, "true"])
            .fails(125, &["cannot mount", destination])
            .check();
    }
    let on_file = Test::sandbox(&["run", "-v", &bind(directory, "/bin/busybox"), &image, "true"]);
    on_file.fails(125, &["cannot mount /bin/busybox", "ENOTDIR", "hint: a directory"]).check();
    let on_directory = Test::sandbox(&["run", "-v", &bind(&file, "/real"), &image, "true"]);
    on_directory.fails(125, &["cannot mount /real", "EISDIR", "hint: a directory"]).check();
}

#[test]
fn what_is_nested_is_seen_in_whatever_order_it_is_named() {
    require!(user_namespaces(), "user namespaces");
    let dirs = ["a", "b", "c"].map(Dir::new);
    fs::create_dir_all(dirs[0].path().join("x/y")).unwrap();
    fs::create_dir(dirs[1].path().join("y")).unwrap();
    dirs[0].write("in-a", "");
    dirs[1].write("in-b", "");
    dirs[2].write("in-c", "");
    let volumes = [(0, "/w"), (1, "/w/x"), (2, "/w/x/y")]
        .map(|(number, place)| bind(dirs[number].path(), place));
    for [one, two, three] in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let options = ["-v", &volumes[one], "-v", &volumes[two], "-v", &volumes[three]];
        let look = "ls -d /w/in-* /w/x/in-* /w/x/y/in-*";
        Test::run_with(&options, &["sh", "-c", look])
            .stdout("/w/in-a\n/w/x/in-b\n/w/x/y/in-c\n")
            .check();
    }
}

/// All names below a directory.
fn tree(dir: &Path) -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            all.append(&mut tree(&entry.path()));
        }
        all.insert(entry.path());
    }
    all
}

/// Either it works or it is refused: a mount point is never left behind.
#[test]
fn nothing_is_ever_made_in_the_caller_s_tree() {
    require!(user_namespaces(), "user namespaces");
    let (project, other, layout, store) =
        (Dir::new("project"), Dir::new("other"), Dir::new("layout"), Store::new());
    project.write("src/main", "");
    project.write("there/old", "");
    symlink("missing", project.path().join("link")).unwrap();
    let file = other.write("new", "");
    let image = Image::busybox()
        .config("Volumes", json!({ "/src/cache": {} }))
        .layer(Layer::new().symlink("way", "/src/made"), Compression::Plain)
        .write_layout(layout.path());
    let before = (tree(project.path()), tree(other.path()));
    let (file, other_dir) = (file.display().to_string(), other.path().display().to_string());
    let made = [
        (vec!["-v", "modules:/src/node_modules"], 125),
        (vec!["-v", "modules:/src/src/deep/er"], 125),
        (vec!["-v", "modules:/src/link"], 125),
        (vec!["-v", "modules:/way/x"], 125),
        (vec!["-v", "/src/without-a-name"], 125),
        (vec!["--tmpfs", "/src/tmp"], 125),
        (vec!["--mount", "type=tmpfs,target=/src/tmp"], 125),
        (vec!["-w", "/src/none"], 125),
        (vec!["-w", "/way"], 125),
        (vec!["--read-only"], 125),
        (vec!["-v", "modules:/src/there"], 0),
        (vec!["--tmpfs", "/src/there", "-v", "modules:/src/there/new/x"], 0),
        (vec!["--tmpfs", "/src/there", "-w", "/src/there/new/x"], 0),
        (vec!["-w", "/src/src"], 0),
    ];
    let more = [(format!("{file}:/src/.env"), 125), (format!("{other_dir}:/src/there"), 0)];
    let binds = more.iter().map(|(bind, code)| (vec!["-v", bind.as_str()], *code));
    for mode in ["/src", "/src:ro"] {
        for (options, code) in made.iter().cloned().chain(binds.clone()) {
            let project = bind(project.path(), mode);
            let words = [&["run", "-v", &project], &options[..], &[&image, "true"]].concat();
            let output = Test::sandbox(&words).store(&store).output();
            let told = text(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{words:?}: {told}");
            assert_eq!(told.contains("hint: it would have to be made in a directory"), code != 0);
        }
    }
    assert_eq!((tree(project.path()), tree(other.path())), before);
}

#[test]
fn a_file_system_in_memory_is_as_it_is_asked_for() {
    require!(user_namespaces(), "user namespaces");
    let look = "grep ' /t ' /proc/mounts | cut -d ' ' -f 4 | tr , '\\n' | \
                grep -xE 'ro|rw|nosuid|nodev|noexec|size=1024k'; stat -c %a /t";
    let cases = [
        ("/t", "rw\nnosuid\nnodev\nnoexec\n1777\n"),
        ("/t:rw,noexec,nosuid,nodev,size=1m", "rw\nnosuid\nnodev\nnoexec\nsize=1024k\n1777\n"),
        ("/t:exec,mode=755,noatime,relatime", "rw\nnosuid\nnodev\n755\n"),
        ("/t:ro", "ro\nnosuid\nnodev\nnoexec\n1777\n"),
    ];
    for (option, seen) in cases {
        Test::run_with(&["--tmpfs", option], &["sh", "-c", look]).stdout(seen).check();
    }
    let mount = "type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700";
    Test::run_with(&["--mount", mount], &["sh", "-c", look])
        .stdout("rw\nnosuid\nnodev\nnoexec\nsize=1024k\n700\n")
        .check();
    for (option, words) in [
        ("/", "the root directory itself"),
        ("/t:size=x", "size"),
        ("/t:mode=9", "not a mode"),
        ("/t:suid", "`suid` is not known"),
    ] {
        Test::run_with(&["--tmpfs", option], &["true"]).fails(125, &[words]).check();
    }
    Test::run_with(&["--mount", "type=tmpfs,src=/x,dst=/t"], &["true"])
        .fails(125, &["a tmpfs has no source"])
        .check();
}

#[test]
fn a_tmpfs_is_empty_and_goes() {
    require!(user_namespaces(), "user namespaces");
    let script = "ls -A /etc/sub; echo x > /etc/sub/x; cat /etc/sub/x; stat -c %a /etc/sub";
    Test::run_with(&["--tmpfs", "/etc/sub"], &["sh", "-c", script]).stdout("x\n1777\n").check();
    Test::run_with(
        &["--tmpfs", "/mnt:mode=700,ro"],
        &["sh", "-c", "stat -c %a /mnt; touch /mnt/x"],
    )
    .code(1)
    .stdout("700\n")
    .stderr("touch: /mnt/x: Read-only file system\n")
    .check();
}
