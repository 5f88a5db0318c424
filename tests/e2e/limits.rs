//! Limits and what holds them, `pause`, `stats`.

use std::{fs, path::Path, time::Duration};

use crate::{
    only_for, require,
    support::{Store, Test, eventually, is_root, own, user_namespaces},
};

/// Starts what it can, and counts what there is without starting anything.
const BOMB: &str = "(while :; do sleep 60 & done) >/dev/null 2>&1; set -- /proc/[0-9]*; echo $#";
/// Takes twice as much again and again.
const EATER: &str = "x=0123456789abcdef; while :; do x=$x$x; sleep 0.05; done";
/// Leaves no cgroup to be found.
const HIDE: &str = "mount -t tmpfs none /sys/fs/cgroup";
/// Counts in a file.
const COUNTER: &str = "while :; do echo x >>/count; sleep 0.02; done";

/// Whether the tests run in a cgroup that they may divide: `tests/run.sh` makes one
/// where it can.
fn delegated() -> bool {
    std::env::var_os("SANDBOX_TEST_CGROUP").is_some()
}

/// Whether the tests run in a login session of a user with a systemd of their own.
fn logged_in() -> bool {
    let user = rustix::process::getuid().as_raw();
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    Path::new(&format!("/run/user/{user}/bus")).exists() && own.contains("/session-")
}

/// Runs a command that must succeed; what it printed.
fn sandbox(store: &Store, args: &[&str]) -> String {
    Test::sandbox(args).store(store).read()
}

fn inspect(store: &Store, template: &str) -> String {
    sandbox(store, &["inspect", "web", "--format", template]).trim().into()
}

/// How often [`COUNTER`] has counted.
fn count(store: &Store) -> usize {
    let pid = inspect(store, "{{.State.Pid}}");
    // From outside, because nothing can be added to what is paused.
    fs::read(format!("/proc/{pid}/root/count")).unwrap_or_default().len()
}

#[test]
fn a_fork_bomb_by_root_is_contained() {
    require!(user_namespaces(), "user namespaces");
    only_for!(!is_root());
    for options in [&["--network", "none"][..], &["--init"], &["-u", "0"]] {
        let options = [options, &["--pids-limit", "64"]].concat();
        let processes: u32 =
            Test::run_with(&options, &["sh", "-c", BOMB]).read().trim().parse().unwrap();
        // Threads of the supervisor that have ended meanwhile leave room for others.
        assert!((60..=67).contains(&processes), "{options:?}: {processes}");
    }
}

#[test]
fn a_memory_eater_is_ended_and_it_shows_why() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let args = ["run", "--name", "web", "-m", "64m", &image, "sh", "-c", EATER];
    Test::sandbox(&args).store(&store).code(137).check();
    assert_eq!(inspect(&store, "{{.State.OOMKilled}} {{.State.ExitCode}}"), "true 137");
    sandbox(&store, &["rm", "web"]);
    // Enough is enough, and who is killed otherwise was not out of memory.
    let script = "x=$(head -c 20000000 /dev/zero | tr '\\0' x); sleep 0.5; kill -9 $$; exit 7";
    let args = ["run", "--init", "--name", "web", "-m", "128m", &image, "sh", "-c", script];
    Test::sandbox(&args).store(&store).code(137).check();
    assert_eq!(inspect(&store, "{{.State.OOMKilled}}"), "false");
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

#[test]
fn a_sandbox_runs_on_the_cpus_that_it_may() {
    require!(user_namespaces(), "user namespaces");
    let look = ["sh", "-c", "grep Cpus_allowed_list /proc/self/status | tr -d '\\t'"];
    let cpuset = ["--cpuset-cpus", "0"];
    Test::run_with(&cpuset, &look).stdout("Cpus_allowed_list:0\n").check();
    Test::run_with(&["--cpuset-cpus", "1000"], &["true"])
        .fails(125, &["error: this machine has no CPU 1000 that may be used"])
        .check();
    Test::run_with(&["--cpus", "0.5"], &["nproc"]).after(HIDE).stdout("1\n").check();
}

#[test]
fn what_holds_a_limit_is_told() {
    require!(user_namespaces(), "user namespaces");
    only_for!(!is_root());
    let store = Store::new();
    let limits = ["-m", "64m", "--memory-swap", "-1", "--cpus", "1.5", "--pids-limit", "99"];
    let args = [&["-v", "run", "--name", "web"][..], &limits, &["host", "true"]].concat();
    let output = Test::sandbox(&args).store(&store).after(HIDE).output();
    let told = String::from_utf8(output.stderr).unwrap();
    for line in [
        "--memory: held by sampled\n",
        "--cpus: held by affinity\n",
        "--pids-limit: held by rlimit\n",
    ] {
        assert!(told.contains(line), "{told}");
    }
    let template = "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}} \
                    {{.HostConfig.PidsLimit}} {{json .HostConfig.LimitTiers}}";
    let tiers = r#"{"Cpus":"affinity","Memory":"sampled","Pids":"rlimit"}"#;
    let expected = format!("67108864 -1 1500000000 99 {tiers}");
    assert_eq!(inspect(&store, template), expected);
    sandbox(&store, &["rm", "web"]);
}

#[test]
fn strict_limits_are_held_by_a_cgroup_or_refused() {
    require!(user_namespaces(), "user namespaces");
    for limit in
        [["--memory", "64m"], ["--cpus", "1"], ["--cpuset-cpus", "0"], ["--pids-limit", "9"]]
    {
        let refused = format!("error: `{}` cannot be held strictly: ", limit[0]);
        let hint = "hint: run it where `systemctl --user` works, or in a cgroup";
        Test::run_with(&[&limit[..], &["--limits=strict"]].concat(), &["true"])
            .after(HIDE)
            .fails(125, &[&refused, hint])
            .check();
    }
    // There is nothing to refuse.
    Test::run_with(&["--limits=strict"], &["true"]).after(HIDE).check();
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    for (options, why) in [
        (&["-m", "1m"][..], "--memory: less than 6m is not enough for anything"),
        (&["--memory-swap", "1g"], "--memory-swap has no meaning without --memory"),
        (&["-m", "1g", "--memory-swap", "1m"], "it cannot be less than --memory"),
        (&["--cpus", "none"], "`none` is not a number of CPUs such as 1.5"),
        (&["--cpuset-cpus", "3-1"], "`3-1` is not a list such as 0-2,7"),
    ] {
        let output = Test::run_with(options, &["true"]).output();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(125) && stderr.contains(why), "{stderr}");
    }
}

#[test]
fn what_exec_adds_is_limited_too() {
    require!(user_namespaces(), "user namespaces");
    only_for!(!is_root());
    let (store, image) = own();
    let limits = ["--pids-limit", "20", "--cpuset-cpus", "0"];
    let args = [&["run", "-d", "--name", "web"][..], &limits, &[&image, "sleep", "100"]].concat();
    sandbox(&store, &args);
    let look = format!("grep Cpus_allowed_list /proc/self/status | tr -d '\\t'; {BOMB}");
    let output = sandbox(&store, &["exec", "web", "sh", "-c", &look]);
    let (cpus, processes) = output.trim().split_once('\n').unwrap();
    assert_eq!(cpus, "Cpus_allowed_list:0");
    assert!((17..=23).contains(&processes.parse::<u32>().unwrap()), "{processes}");
    sandbox(&store, &["rm", "-f", "web"]);
    store.assert_nothing_left();
}

#[test]
fn what_is_paused_stands_still_until_it_goes_on() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    sandbox(&store, &["run", "-d", "--name", "web", &image, "sh", "-c", COUNTER]);
    let counts = |more: usize| eventually(|| (count(&store) > more).then_some(())).is_some();
    assert!(counts(2));
    Test::sandbox(&["-v", "pause", "web"])
        .store(&store)
        .stdout("web\n")
        .stderr("each process stopped by SIGSTOP: it has no cgroup\n")
        .check();
    let before = count(&store);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(count(&store), before);
    let status = sandbox(&store, &["ps", "--format", "{{.State}} {{.Status}}"]);
    assert!(status.starts_with("paused Up ") && status.ends_with(" (Paused)\n"), "{status}");
    assert_eq!(inspect(&store, "{{.State.Paused}} {{.State.Running}}"), "true true");
    for (command, error) in [
        (&["exec", "web", "true"][..], "error: web does not run: it is paused"),
        (&["pause", "web"], "error: web cannot be paused: it is paused"),
    ] {
        Test::sandbox(command).store(&store).fails(125, &[error]).check();
    }
    assert_eq!(sandbox(&store, &["unpause", "web"]), "web\n");
    assert!(counts(before));
    Test::sandbox(&["unpause", "web"])
        .store(&store)
        .fails(125, &["error: web is not paused"])
        .check();
    sandbox(&store, &["rm", "-f", "web"]);
    store.assert_nothing_left();
}

#[test]
fn what_is_paused_can_be_ended() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let script = "trap 'exit 3' TERM; while :; do sleep 0.02; done";
    sandbox(&store, &["create", "--name", "web", &image, "sh", "-c", script]);
    for (end, code) in [(&["stop", "web"][..], "3\n"), (&["kill", "web"], "137\n")] {
        sandbox(&store, &["start", "web"]);
        // The trap is set.
        let status = || sandbox(&store, &["exec", "web", "grep", "SigCgt", "/proc/1/status"]);
        let trapped = || status().trim_end().ends_with("4002").then_some(());
        assert!(eventually(trapped).is_some(), "{}", status());
        sandbox(&store, &["pause", "web"]);
        sandbox(&store, end);
        assert_eq!(sandbox(&store, &["wait", "web"]), code);
        assert_eq!(inspect(&store, "{{.State.Status}}"), "exited");
    }
    sandbox(&store, &["start", "web"]);
    assert_eq!(inspect(&store, "{{.State.Status}}"), "running");
    sandbox(&store, &["pause", "web"]);
    sandbox(&store, &["rm", "-f", "web"]);
    store.assert_nothing_left();
}

#[test]
fn stats_tell_what_is_used() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let script = "x=$(head -c 20000000 /dev/zero | tr '\\0' x); sleep 100 & while :; do :; done";
    let args = ["run", "-d", "--name", "web", "-m", "512m", &image, "sh", "-c", script];
    sandbox(&store, &args);
    sandbox(&store, &["create", "--name", "idle", &image, "true"]);
    let table = sandbox(&store, &["stats", "--no-stream"]);
    let head = "CONTAINER ID   NAME   CPU %";
    assert!(table.starts_with(head) && table.lines().count() == 2, "{table}");
    let line = |args: &[&str]| sandbox(&store, &[&["stats", "--no-stream"], args].concat());
    let used = || line(&["--format", "{{.Name}} {{.PIDs}} {{.MemUsage}}", "web"]);
    // Until it has taken its memory.
    let full = || used().starts_with("web 2 2").then_some(());
    assert!(eventually(full).is_some(), "{}", used());
    assert!(used().ends_with(" MB / 536.9 MB\n"), "{}", used());
    assert!(!line(&["--format", "{{.CPUPerc}}", "web"]).starts_with("0.00%"));
    let json: serde_json::Value =
        serde_json::from_str(&line(&["--format", "json", "web"])).unwrap();
    assert_eq!(json["Name"], "web");
    let all = line(&["-a", "--format", "{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.PIDs}}"]);
    assert!(all.contains("idle 0.00% 0 B / 0 B 0\n"), "{all}");
    for name in ["web", "idle"] {
        sandbox(&store, &["rm", "-f", name]);
    }
    store.assert_nothing_left();
}

#[test]
fn a_delegated_cgroup_is_divided_and_left_clean() {
    only_for!(delegated());
    let (store, image) = own();
    let run = ["run", "-d", "--name", "web", "-m", "64m", &image, "sh", "-c", COUNTER];
    sandbox(&store, &run);
    let cgroup = inspect(&store, "{{.HostConfig.CgroupPath}}");
    let cgroup = Path::new(&cgroup);
    let controllers = fs::read_to_string(cgroup.parent().unwrap().join("cgroup.controllers"));
    let is_there = controllers.unwrap().split_whitespace().any(|it| it == "memory");
    let tier = if is_there { "cgroup" } else { "sampled" };
    assert_eq!(inspect(&store, "{{.HostConfig.LimitTiers.Memory}}"), tier);
    let list = || fs::read_to_string(cgroup.join("cgroup.procs")).unwrap();
    assert!(list().contains(&inspect(&store, "{{.State.Pid}}")), "{}", list());
    assert_eq!(
        sandbox(&store, &["exec", "web", "sh", "-c", "grep 0:: /proc/self/cgroup"]),
        "0::/\n"
    );
    Test::sandbox(&["-v", "pause", "web"]).store(&store).stderr("frozen, as a cgroup\n").check();
    let before = count(&store);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(count(&store), before);
    sandbox(&store, &["unpause", "web"]);
    sandbox(&store, &["pause", "web"]);
    sandbox(&store, &["rm", "-f", "web"]);
    assert!(!cgroup.exists());

    // What a supervisor leaves that is killed goes with the next one.
    sandbox(&store, &run);
    let cgroup = inspect(&store, "{{.HostConfig.CgroupPath}}");
    let supervisor = inspect(&store, "{{.State.SupervisorPid}}").parse().unwrap();
    let supervisor = rustix::process::Pid::from_raw(supervisor).unwrap();
    rustix::process::kill_process(supervisor, rustix::process::Signal::KILL).unwrap();
    sandbox(&store, &["wait", "web"]);
    assert!(Path::new(&cgroup).exists());
    Test::sandbox(&["run", "-m", "64m", &image, "true"]).store(&store).check();
    assert!(!Path::new(&cgroup).exists());
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

#[test]
fn in_a_login_session_systemd_gives_a_cgroup() {
    only_for!(!is_root() && logged_in());
    let (store, image) = own();
    let limits = ["-m", "64m", "--pids-limit", "64", "--limits=strict"];
    let run = [&["run", "-d", "--name", "web"][..], &limits, &[&image, "sleep", "100"]].concat();
    sandbox(&store, &run);
    let tiers = r#"{"Memory":"cgroup","Pids":"cgroup"}"#;
    assert_eq!(inspect(&store, "{{json .HostConfig.LimitTiers}}"), tiers);
    let cgroup = inspect(&store, "{{.HostConfig.CgroupPath}}");
    let scope = Path::new(&cgroup).parent().unwrap();
    let name = scope.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("sandbox-") && name.ends_with(".scope"), "{name}");
    // We are elsewhere: systemd moves what is added.
    let look = ["exec", "web", "cat", "/proc/self/cgroup"];
    Test::sandbox(&look).store(&store).stdout("0::/\n").stderr("").check();
    Test::sandbox(&["-v", "pause", "web"]).store(&store).stderr("frozen, as a cgroup\n").check();
    sandbox(&store, &["rm", "-f", "web"]);
    let is_gone = || (!scope.exists()).then_some(());
    assert!(eventually(is_gone).is_some(), "{name}");

    sandbox(&store, &run);
    let supervisor = inspect(&store, "{{.State.SupervisorPid}}").parse().unwrap();
    let cgroup = inspect(&store, "{{.HostConfig.CgroupPath}}");
    let supervisor = rustix::process::Pid::from_raw(supervisor).unwrap();
    rustix::process::kill_process(supervisor, rustix::process::Signal::KILL).unwrap();
    let is_gone = || (!Path::new(&cgroup).parent().unwrap().exists()).then_some(());
    assert!(eventually(is_gone).is_some(), "{cgroup}");
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}
