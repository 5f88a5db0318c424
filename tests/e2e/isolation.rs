//! What a command sees of its surroundings and what it may not do there.

use std::path::Path;

use crate::{
    only_for, require,
    support::{Test, chown_is_real, user_namespaces},
};

/// Docker's default capabilities, as `/proc/self/status` shows them.
const DOCKER: &str = "00000000a80425fb";

/// Runs a script that must not get beyond the words it prints.
fn assert_denied(script: &str) {
    let output = Test::shell(&format!("{script} && echo DONE")).output();
    let stdout = crate::support::text(&output.stdout);
    assert!(!stdout.contains("DONE"), "`{script}` is allowed");
    assert_ne!(output.status.code(), Some(0), "`{script}` is allowed");
}

#[test]
fn the_command_is_pid_1_and_alone() {
    require!(user_namespaces(), "user namespaces");
    Test::run(&["cat", "/proc/1/comm"]).stdout("cat\n").check();
    Test::shell("set -- /proc/[0-9]*; echo $#").stdout("1\n").check();
}

#[test]
fn what_harms_the_host_is_denied() {
    require!(user_namespaces(), "user namespaces");
    for script in [
        "mount -t tmpfs x /mnt",
        "mount --bind /tmp /mnt",
        "umount /proc",
        "dmesg",
        "unshare -Ur true",
        "ls /proc/scsi/*",
        "ls /sys/firmware/*",
        "echo x > /proc/sys/kernel/core_pattern",
        "echo b > /proc/sysrq-trigger",
        "echo x > /sys/kernel/uevent_helper",
        "chmod 777 /proc/1/../sys",
    ] {
        assert_denied(script);
    }
}

#[test]
fn what_tells_of_the_host_is_empty() {
    require!(user_namespaces(), "user namespaces");
    // Covered or refused; with one id `mknod` only says that it made a device.
    let script = "mknod /tmp/sda b 8 0; head -c 8 \"$0\" | wc -c";
    for file in ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/tmp/sda"] {
        Test::run(&["sh", "-c", script, file]).stdout("0\n").check();
    }
}

#[test]
fn system_calls_of_no_use_are_refused() {
    require!(user_namespaces(), "user namespaces");
    require!(Path::new("/usr/bin/perl").exists(), "perl on the host");
    only_for!(cfg!(target_arch = "x86_64"));
    // By number: `keyctl`, `bpf`, `userfaultfd`, `perf_event_open`, and `clone`
    // into a user namespace; 1 is EPERM.
    for call in ["250, 0, -3, 0", "321, 0, 0, 0", "323, 0", "298, 0, 0, 0, 0, 0", "56, 0x10000011"]
    {
        let print = format!("print syscall({call}), ' ', $! + 0");
        Test::sandbox(&["run", "host", "perl", "-e", &print]).stdout("-1 1").check();
    }
    // A number that no kernel knows: a libc falls back only on ENOSYS.
    Test::sandbox(&["run", "host", "perl", "-e", "print syscall(1000), ' ', $! + 0"])
        .stdout("-1 38")
        .check();
}

#[test]
fn the_capabilities_are_those_of_docker() {
    require!(user_namespaces(), "user namespaces");
    let sets = |options: &[&str]| {
        Test::run_with(options, &["sh", "-c", "grep Cap /proc/self/status | tr -d '\\t'"]).read()
    };
    let expected = |set: &str| {
        let none = "0000000000000000";
        format!("CapInh:{none}\nCapPrm:{set}\nCapEff:{set}\nCapBnd:{set}\nCapAmb:{none}\n")
    };
    assert_eq!(sets(&[]), expected(DOCKER));
    assert_eq!(sets(&["--cap-drop", "all"]), expected("0000000000000000"));
    assert_eq!(
        sets(&["--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE"]),
        expected("0000000000000400")
    );
    assert_eq!(sets(&["--cap-drop", "CAP_MKNOD"]), expected("00000000a00425fb"));
}

#[test]
fn another_user_has_no_capabilities() {
    require!(user_namespaces(), "user namespaces");
    only_for!(chown_is_real());
    Test::run_with(&["-u", "1000"], &["sh", "-c", "grep CapEff /proc/self/status | tr -d '\\t'"])
        .stdout("CapEff:0000000000000000\n")
        .check();
}

#[test]
fn a_privileged_command_may_mount_and_says_what_that_is() {
    require!(user_namespaces(), "user namespaces");
    Test::run_with(&["--privileged"], &["sh", "-c", "mount -t tmpfs x /mnt && echo mounted"])
        .stdout("mounted\n")
        .check();
}

#[test]
fn the_filter_can_be_left_out() {
    require!(user_namespaces(), "user namespaces");
    let filter = ["sh", "-c", "grep ^Seccomp: /proc/self/status | tr -d '\\t'"];
    Test::run(&filter).stdout("Seccomp:2\n").check();
    let free = Test::run_with(&["--security-opt", "seccomp=unconfined"], &filter).read();
    // With one id the filter that plays root stays.
    assert!(["Seccomp:0\n", "Seccomp:2\n"].contains(&free.as_str()), "{free}");
}

#[test]
fn a_filter_of_the_user_is_obeyed() {
    require!(user_namespaces(), "user namespaces");
    let dir = crate::support::Dir::new("profile");
    let profile = dir.write(
        "profile.json",
        r#"{"defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}]}"#,
    );
    let option = format!("seccomp={}", profile.display());
    Test::run_with(&["--security-opt", &option], &["mkdir", "/tmp/x"])
        .code(1)
        .stderr("mkdir: can't create directory '/tmp/x': Permission denied\n")
        .check();
}

#[test]
fn no_new_privileges_can_be_gained() {
    require!(user_namespaces(), "user namespaces");
    Test::run_with(
        &["--security-opt", "no-new-privileges"],
        &["sh", "-c", "grep NoNewPrivs /proc/self/status | tr -d '\\t'"],
    )
    .stdout("NoNewPrivs:1\n")
    .check();
}

#[test]
fn the_devices_are_the_harmless_ones() {
    require!(user_namespaces(), "user namespaces");
    let listed = Test::run(&["ls", "/dev"]).read();
    let mut devices: Vec<&str> = listed.split_whitespace().collect();
    devices.sort_unstable();
    let expected = [
        "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin",
        "stdout", "tty", "urandom", "zero",
    ];
    assert_eq!(devices, expected);
    Test::shell("echo x > /dev/null; head -c 3 /dev/zero | wc -c; echo y > /dev/full")
        .code(1)
        .stdout("3\n")
        .check();
}

#[test]
fn the_network_is_what_was_asked_for() {
    require!(user_namespaces(), "user namespaces");
    let list = ["ls", "/sys/class/net"];
    Test::run(&list).stdout("eth0\nlo\n").check();
    Test::run_with(&["--network", "none"], &list).stdout("lo\n").check();
    let serve =
        "echo hi >/tmp/file; httpd -p 127.0.0.1:80 -h /tmp; wget -qO- http://127.0.0.1/file";
    Test::run_with(&["--network", "none"], &["sh", "-c", serve]).stdout("hi\n").check();

    let ours = std::fs::read_link("/proc/self/ns/net").unwrap();
    Test::run_with(&["--network", "host"], &["readlink", "/proc/self/ns/net"])
        .stdout(&format!("{}\n", ours.display()))
        .check();
}

#[test]
fn a_rule_that_cannot_be_kept_is_refused() {
    for rule in [["--allow", "example.com"], ["--deny", "10.0.0.0/8"], ["--host-loopback", "80"]] {
        for network in ["none", "host"] {
            let options = [&rule[..], &["--network", network]].concat();
            Test::run_with(&options, &["true"])
                .fails(125, &[rule[0], "needs a network of the sandbox's own"])
                .check();
        }
    }
}

#[test]
fn the_process_ids_can_be_those_of_the_host() {
    require!(user_namespaces(), "user namespaces");
    let pid = Test::run_with(&["--pid", "host"], &["sh", "-c", "echo $$"]).read();
    assert!(pid.trim().parse::<u32>().unwrap() > 1);
}

#[test]
fn every_namespace_is_new() {
    require!(user_namespaces(), "user namespaces");
    for namespace in ["user", "mnt", "pid", "net", "uts", "ipc", "cgroup"] {
        let link = format!("/proc/self/ns/{namespace}");
        let outside = std::fs::read_link(&link).unwrap();
        let inside = Test::run(&["readlink", &link]).read();
        assert!(inside.contains(":["), "{inside}");
        assert_ne!(inside.trim(), outside.to_str().unwrap());
    }
}
