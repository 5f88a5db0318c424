//! `sandbox run`: what the command gets from the image and from the options.

use std::{
    fs,
    io::Read,
    process::{Command, Stdio},
};

use serde_json::json;

use crate::{
    only_for, require,
    support::{Dir, Image, Test, chown_is_real, text, user_namespaces, warm},
};

#[test]
fn standard_output_is_that_of_the_command_alone() {
    require!(user_namespaces(), "user namespaces");
    Test::run(&["echo", "hi"]).stdout("hi\n").stderr("").check();
    Test::run(&["--", "echo", "hi"]).stdout("hi\n").check();
    Test::shell("echo out; echo err >&2").stdout("out\n").stderr("err\n").check();
}

#[test]
fn options_after_the_image_belong_to_the_command() {
    require!(user_namespaces(), "user namespaces");
    Test::run(&["echo", "--rm", "-v", "--help"]).stdout("--rm -v --help\n").check();
}

#[test]
fn the_environment_is_that_of_the_image_and_not_of_the_host() {
    require!(user_namespaces(), "user namespaces");
    let environment = Test::run(&["env"]).env("SECRET", "of the host").read();
    let mut names: Vec<&str> =
        environment.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "HOSTNAME", "PATH"], "{environment}");
}

#[test]
fn variables_are_set_passed_on_and_read_from_files() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("env");
    let file =
        dir.write("env", "# a comment\nA=from file\nB=with = and # inside\nPASSED\n\nABSENT\n");
    let file = file.to_str().unwrap();
    let show = ["sh", "-c", "echo \"$A|$B|$PASSED|${ABSENT-none}|$C\""];
    Test::run_with(&["--env-file", file, "-e", "A=typed", "-e", "C"], &show)
        .env("PASSED", "by file")
        .env("C", "by option")
        .stdout("typed|with = and # inside|by file|none|by option\n")
        .check();
}

#[test]
fn the_working_directory_is_made_if_it_is_missing() {
    require!(user_namespaces(), "user namespaces");
    Test::run(&["pwd"]).stdout("/\n").check();
    Test::run_with(&["-w", "/tmp"], &["pwd"]).stdout("/tmp\n").check();
    Test::run_with(&["--workdir", "/not/there"], &["pwd"]).stdout("/not/there\n").check();
}

#[test]
fn the_user_is_looked_up_in_the_image() {
    require!(user_namespaces(), "user namespaces");
    only_for!(chown_is_real());
    let cases = [
        ("ann", "1000:1000:1000 10\n"),
        ("1000", "1000:1000:1000 10\n"),
        ("ann:video", "1000:44:44\n"),
        ("1234:5678", "1234:5678:5678\n"),
        ("0:44", "0:44:44\n"),
    ];
    for (user, expected) in cases {
        Test::run_with(&["-u", user], &["sh", "-c", "echo $(id -u):$(id -g):$(id -G)"])
            .stdout(expected)
            .check();
    }
    Test::run_with(&["-u", "ann", "--group-add", "video"], &["sh", "-c", "id -G"])
        .stdout("1000 10 44\n")
        .check();
    Test::run_with(&["-u", "ann"], &["sh", "-c", "echo $HOME"]).stdout("/home\n").check();
}

#[test]
fn the_entrypoint_can_be_replaced() {
    require!(user_namespaces(), "user namespaces");
    Test::run_with(&["--entrypoint", "echo"], &["a", "b"]).stdout("a b\n").check();
    Test::run_with(&["--entrypoint", "/bin/pwd"], &[]).stdout("/\n").check();
}

#[test]
fn the_config_of_the_image_is_honoured() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("layout");
    let image = Image::busybox()
        .config("Entrypoint", json!(["echo", "entry"]))
        .config("Cmd", json!(["cmd"]))
        .config("WorkingDir", json!("/var/made"))
        .config("Env", json!(["PATH=/bin", "GREETING=hello"]))
        .write_layout(dir.path());
    Test::sandbox(&["run", &image]).stdout("entry cmd\n").check();
    Test::sandbox(&["run", &image, "other"]).stdout("entry other\n").check();
    let shell = |script| ["run", "--entrypoint", "sh", &image, "-c", script].map(String::from);
    Test::sandbox(&shell("echo $GREETING; pwd")).stdout("hello\n/var/made\n").check();
}

#[test]
fn an_entrypoint_of_ours_drops_the_command_of_the_image() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("layout");
    let image = Image::busybox().config("Cmd", json!(["cmd"])).write_layout(dir.path());
    Test::sandbox(&["run", "--entrypoint", "echo", &image]).stdout("\n").check();
}

#[test]
fn names_of_the_sandbox_and_of_others_are_set() {
    require!(user_namespaces(), "user namespaces");
    Test::run_with(&["-h", "box"], &["sh", "-c", "hostname; cat /etc/hostname; echo $HOSTNAME"])
        .stdout("box\nbox\nbox\n")
        .check();
    let hosts = ["--add-host", "db:10.1.2.3", "--add-host", "db6:fd00::1"];
    let found = Test::run_with(&hosts, &["cat", "/etc/hosts"]).read();
    for (address, name) in [("127.0.0.1", "localhost"), ("10.1.2.3", "db"), ("fd00::1", "db6")] {
        let listed = |line: &str| {
            let mut words = line.split_whitespace();
            words.next() == Some(address) && words.any(|word| word == name)
        };
        assert!(found.lines().any(listed), "{address} {name} in {found}");
    }
}

#[test]
fn a_read_only_root_takes_no_writes_but_in_tmpfs() {
    require!(user_namespaces(), "user namespaces");
    let script = "touch /x; touch /tmp/x && echo wrote; touch /var/x";
    Test::run_with(&["--read-only", "--tmpfs", "/tmp:size=1m"], &["sh", "-c", script])
        .code(1)
        .stdout("wrote\n")
        .stderr(
            "touch: /x: Read-only file system\n\
             touch: /var/x: Read-only file system\n",
        )
        .check();
}

#[test]
fn sizes_and_limits_are_set() {
    require!(user_namespaces(), "user namespaces");
    let size_of = |dir| format!("df -k {dir} | tail -1 | tr -s ' ' | cut -d ' ' -f 2");
    Test::run_with(&["--shm-size", "2m"], &["sh", "-c", &size_of("/dev/shm")])
        .stdout("2048\n")
        .check();
    let tmpfs = "type=tmpfs,destination=/mnt,tmpfs-size=1m";
    Test::run_with(&["--mount", tmpfs], &["sh", "-c", &size_of("/mnt")]).stdout("1024\n").check();
    Test::run_with(&["--ulimit", "nofile=64:128"], &["sh", "-c", "ulimit -Sn; ulimit -Hn"])
        .stdout("64\n128\n")
        .check();
    let script = "cat /proc/self/oom_score_adj";
    Test::run_with(&["--oom-score-adj", "500"], &["sh", "-c", script]).stdout("500\n").check();
    let less = "--oom-score-adj=-1000";
    let why = ["cannot set how soon it ends when memory is short", "Permission denied"];
    if !rustix::process::geteuid().is_root() {
        Test::run_with(&[less], &["true"]).fails(125, &why).check();
    }
}

#[test]
fn parameters_of_the_kernel_are_set_where_they_are_the_sandboxs_own() {
    require!(user_namespaces(), "user namespaces");
    let values = "cd /proc/sys; cat net/ipv4/ip_default_ttl net/ipv4/conf/lo/forwarding kernel/sem";
    let wanted = [
        "--sysctl=net.ipv4.ip_default_ttl=77",
        "--sysctl=net/ipv4/conf/lo/forwarding=1",
        "--sysctl",
        "kernel.sem=250 32000 32 200",
    ];
    for network in ["--network=user", "--network=none"] {
        Test::run_with(&[&wanted[..], &[network]].concat(), &["sh", "-c", values])
            .stdout("77\n1\n250\t32000\t32\t200\n")
            .check();
    }
    for (option, why) in [
        ("net.no.such=1", "No such file or directory"),
        ("net.ipv4.ip_default_ttl=none", "Invalid argument"),
        ("vm.swappiness=1", "is the whole machine's"),
    ] {
        Test::run_with(&["--sysctl", option], &["true"]).fails(125, &[why]).check();
    }
    Test::run_with(&["--network=host", "--sysctl=net.ipv4.ip_forward=1"], &["true"])
        .fails(125, &["net.ipv4.ip_forward: the network is not the sandbox's own"])
        .check();
}

#[test]
fn an_init_reaps_what_the_command_leaves() {
    require!(user_namespaces(), "user namespaces");
    let script = "echo $$; (sleep 0.1 &); sleep 0.3; ps -o stat | grep -c Z";
    let shown = Test::run_with(&["--init"], &["sh", "-c", script]).code(1).read();
    let (pid, zombies) = shown.trim().split_once('\n').unwrap();
    assert_ne!(pid, "1");
    assert_eq!(zombies, "0");
}

#[test]
fn harmless_options_of_docker_are_accepted() {
    require!(user_namespaces(), "user namespaces");
    Test::run_with(&["--rm", "--label", "a=b", "--pull", "missing"], &["echo", "hi"])
        .stdout("hi\n")
        .check();
}

#[test]
fn a_command_without_input_reads_an_empty_file() {
    require!(user_namespaces(), "user namespaces");
    Test::shell("cat; echo end").stdin("ignored").stdout("end\n").check();
}

#[test]
fn input_arrives_byte_for_byte() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("input");
    let input = dir.path().join("random");
    let mut random = fs::File::open("/dev/urandom").unwrap().take(100 << 20);
    std::io::copy(&mut random, &mut fs::File::create(&input).unwrap()).unwrap();
    let (_, image) = warm();
    let copy = Test::sandbox(&["run", "-i", image, "cat"])
        .command(&[])
        .stdin(fs::File::open(&input).unwrap())
        .stdout(fs::File::create(dir.path().join("copy")).unwrap())
        .status()
        .unwrap();
    assert!(copy.success());
    let same = Command::new("cmp").arg(&input).arg(dir.path().join("copy")).status().unwrap();
    assert!(same.success());
}

#[test]
fn a_reader_that_goes_ends_the_command() {
    require!(user_namespaces(), "user namespaces");
    let (_, image) = warm();
    let mut yes = Test::sandbox(&["run", image, "yes"])
        .command(&[])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = [0; 2];
    yes.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(text(&first), "y\n");
    let status = yes.wait().unwrap();
    // The kernel shields pid 1 from SIGPIPE, so `yes` learns of it by errno.
    assert_eq!(status.code(), Some(1));
}

#[test]
fn only_the_three_standard_descriptors_are_open() {
    require!(user_namespaces(), "user namespaces");
    // The fourth is the directory that `ls` reads.
    Test::run(&["ls", "/proc/self/fd"]).stdout("0\n1\n2\n3\n").check();
    let (_, image) = warm();
    let leak = format!(
        "exec 7</etc/passwd; exec {} run {image} ls /proc/self/fd",
        crate::support::binary().display()
    );
    let output = Command::new("sh")
        .args(["-c", &leak])
        .env("SANDBOX_ROOT", warm().0.path())
        .output()
        .unwrap();
    assert_eq!(text(&output.stdout), "0\n1\n2\n3\n");
}

#[test]
fn time_is_up_with_code_124() {
    require!(user_namespaces(), "user namespaces");
    Test::run_with(&["--timeout", "300ms"], &["sleep", "100"]).code(124).check();
    Test::run_with(&["--timeout", "1m"], &["true"]).check();
}

#[test]
fn what_docker_does_and_we_do_not_is_refused_with_a_reason() {
    for flag in [&["--cpu-shares", "512"][..], &["--blkio-weight", "10"], &["--ip", "10.0.0.2"]] {
        let args = [&["run"], flag, &["busybox", "true"]].concat();
        Test::sandbox(&args).fails(125, &[flag[0]]).check();
    }
}
