//! What goes wrong in the life of a sandbox: what is told stays true, nothing is
//! orphaned, and names become free again.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{sandbox, says, service};
use crate::{
    require,
    support::{
        Store, Terminal, Test, binary, eventually, own, processes_naming, text, user_namespaces,
    },
};

fn record(store: &Store, id: &str, file: &str) -> PathBuf {
    store.path().join("sandboxes").join(id).join(file)
}

fn state(store: &Store, id: &str) -> Value {
    serde_json::from_slice(&fs::read(record(store, id, "state.json")).unwrap()).unwrap()
}

fn pid(state: &Value, who: &str) -> Pid {
    Pid::from_raw(state[who]["pid"].as_i64().unwrap() as i32).unwrap()
}

fn kill(pid: Pid) {
    kill_process(pid, Signal::KILL).unwrap();
}

#[track_caller]
fn ends(pid: Pid) {
    let path = format!("/proc/{}", pid.as_raw_nonzero());
    let gone = || (!Path::new(&path).exists()).then_some(());
    assert!(eventually(gone).is_some(), "{path} is still there");
}

fn status(store: &Store) -> String {
    sandbox(store, &["ps", "-a", "--format", "{{.Names}} {{.Status}}"])
}

/// It can be started, and nothing is left when it has been removed.
#[track_caller]
fn is_usable(store: &Store) {
    sandbox(store, &["start", "web"]);
    says(store, "web", "up\nup");
    is_removable(store);
}

#[track_caller]
fn is_removable(store: &Store) {
    assert_eq!(sandbox(store, &["rm", "-f", "web"]), "web\n");
    assert_eq!(sandbox(store, &["ps", "-aq"]), "");
    store.assert_nothing_left();
}

#[test]
fn a_supervisor_that_is_killed_takes_the_sandbox_with_it() {
    require!(user_namespaces(), "user namespaces");
    let (store, id) = service();
    let state = state(&store, &id);
    kill(pid(&state, "supervisor"));
    ends(pid(&state, "process"));
    assert_eq!(status(&store), "web Exited (137)\n");
    let error = sandbox(&store, &["inspect", "-f", "{{.State.Error}}", "web"]);
    assert_eq!(error, "its supervisor was killed\n");
    is_usable(&store);
}

#[test]
fn a_workload_that_is_killed_is_a_sandbox_that_ended() {
    require!(user_namespaces(), "user namespaces");
    let (store, id) = service();
    let state = state(&store, &id);
    kill(pid(&state, "process"));
    assert_eq!(sandbox(&store, &["wait", "web"]), "137\n");
    ends(pid(&state, "supervisor"));
    assert!(status(&store).starts_with("web Exited (137) "), "{}", status(&store));
    is_usable(&store);
}

#[test]
fn an_exec_that_is_killed_takes_its_command_with_it_and_nothing_else() {
    require!(user_namespaces(), "user namespaces");
    let (store, _) = service();
    let mut exec =
        Test::sandbox(&["exec", "web", "sh", "-c", "echo in; sleep 1234"]).store(&store).spawn();
    exec.wait_for("in");
    exec.signal(Signal::KILL);
    exec.wait();
    let sleeps = || sandbox(&store, &["top", "web"]).contains("sleep 1234").then_some(());
    assert!(eventually(|| sleeps().is_none().then_some(())).is_some());
    assert_eq!(sandbox(&store, &["exec", "web", "echo", "again"]), "again\n");
    is_removable(&store);
}

#[test]
fn a_stop_that_is_killed_half_way_can_be_repeated() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let deaf = "trap '' TERM; echo up; while :; do sleep 0.05; done";
    sandbox(&store, &["run", "-d", "--name", "web", &image, "sh", "-c", deaf]);
    says(&store, "web", "up");
    let mut stop = Test::sandbox(&["stop", "-t", "1000", "web"]).store(&store).spawn();
    thread::sleep(Duration::from_millis(200));
    stop.signal(Signal::KILL);
    stop.wait();
    assert!(status(&store).starts_with("web Up "), "{}", status(&store));
    assert_eq!(sandbox(&store, &["stop", "-t", "0", "web"]), "web\n");
    assert!(status(&store).starts_with("web Exited (137) "), "{}", status(&store));
    is_removable(&store);
}

#[test]
fn a_full_disk_costs_log_and_not_the_sandbox() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let root = store.path().display();
    let program = binary().display().to_string();
    // The image first, then no room but for a few blocks.
    let workload = "trap 'exit 7' TERM; trap go=1 USR1; echo up; until [ $go ]; do sleep 0.05; done; \
                    i=0; while [ $i -lt 20000 ]; do echo a line that is lost; i=$((i+1)); done; \
                    while :; do sleep 0.07; done";
    let script = format!(
        r#"await() {{ i=0; while ! "$@"; do i=$((i+1)); [ $i -lt 300 ]; sleep 0.1; done; }}
        is_up() {{ {program} logs web 2>/dev/null | grep -q up; }}
        has_written() {{ {program} top web | grep -q 'sleep 0.07 *$'; }}
        cp -r {root} /tmp/copy; mount -t tmpfs -o size=8m none {root}; cp -r /tmp/copy/. {root}
        {program} run -d --name web {image} sh -c "{workload}" >/dev/null
        await is_up
        head -c 8m /dev/zero >{root}/ballast 2>/dev/null || true
        {program} kill -s USR1 web
        await has_written
        {program} stop web
        {program} ps -a --format '{{{{.Status}}}}' | cut -c1-10
        {program} wait web
        {program} logs web >/dev/null
        rm {root}/ballast
        {program} start web && {program} rm -f web"#,
        workload = workload.replace('$', "\\$")
    );
    let mount = "mount -t tmpfs none /tmp";
    let output = Test::sandbox(&["version"])
        .store(&store)
        .within(&["unshare", "-Urm", "sh", "-ec", &format!("{mount}\n{script}"), "sh"])
        .output();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(stdout, "web\nweb\nExited (7)\n7\nweb\nweb\n", "{stderr}");
    assert!(stderr.contains(" bytes of this log were lost: there was no room"), "{stderr}");
}

#[test]
fn a_record_that_is_damaged_is_told_and_can_be_removed() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let (whole, newer) = ("is damaged", "was made by another version of this program (format 99)");
    let damages: [(&str, &str, &str); 4] = [
        ("config.json", "{\"version\":1,", whole),
        ("config.json", "\u{0}\u{0}\u{0}", whole),
        ("config.json", "", whole),
        ("state.json", "{\"status\":", whole),
    ];
    sandbox(&store, &["create", "--name", "good", &image, "true"]);
    for (file, content, told) in damages {
        let id = sandbox(&store, &["create", "--name", "web", &image, "true"]);
        fs::write(record(&store, id.trim(), file), content).unwrap();
        check_damaged(&store, told);
    }
    let id = sandbox(&store, &["create", "--name", "web", &image, "true"]);
    let path = record(&store, id.trim(), "config.json");
    let config = fs::read_to_string(&path).unwrap().replacen("\"version\":1", "\"version\":99", 1);
    fs::write(path, config).unwrap();
    check_damaged(&store, newer);
    sandbox(&store, &["rm", "good"]);
    store.assert_nothing_left();
}

#[track_caller]
fn check_damaged(store: &Store, told: &str) {
    let listed = Test::sandbox(&["ps", "-a", "--format", "{{.Names}}"]).store(store).output();
    let (stdout, stderr) = (text(&listed.stdout), text(&listed.stderr));
    assert!(stdout.contains("good\n"), "{stdout}");
    assert!(stderr.contains(told), "{stderr}");
    Test::sandbox(&["start", "web"]).store(store).fails(125, &[told]).check();
    assert_eq!(sandbox(store, &["rm", "-f", "web"]), "web\n");
}

#[test]
fn what_a_power_cut_left_empty_has_ended() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let id = sandbox(&store, &["create", "--name", "web", &image, "sh", "-c", super::SERVICE]);
    fs::write(record(&store, id.trim(), "state.json"), "").unwrap();
    assert!(status(&store).starts_with("web Exited"), "{}", status(&store));
    sandbox(&store, &["start", "web"]);
    says(&store, "web", "up");
    is_removable(&store);
}

#[test]
fn a_process_id_that_is_another_s_now_is_not_the_sandbox_s() {
    require!(user_namespaces(), "user namespaces");
    let (store, id) = service();
    sandbox(&store, &["stop", "-t", "0", "web"]);
    let mut innocent = Test::shell("echo up; sleep 1000").spawn();
    innocent.wait_for("up");
    let reused = serde_json::json!({"pid": innocent.pid().as_raw_nonzero(), "startTime": 1});
    let mut state = state(&store, &id);
    state["status"] = "running".into();
    (state["finished"], state["exit"]) = (Value::Null, Value::Null);
    state["supervisor"] = reused.clone();
    state["process"] = reused;
    fs::write(record(&store, &id, "state.json"), state.to_string()).unwrap();
    assert_eq!(status(&store), "web Exited (137)\n");
    Test::sandbox(&["kill", "web"]).store(&store).fails(125, &["web does not run"]).check();
    Test::sandbox(&["exec", "web", "true"]).store(&store).fails(125, &["web"]).check();
    is_usable(&store);
    innocent.signal(Signal::TERM);
    assert_eq!(innocent.wait().code(), Some(143));
}

#[test]
fn what_ran_before_the_machine_was_restarted_has_ended() {
    require!(user_namespaces(), "user namespaces");
    let (store, id) = service();
    let now = state(&store, &id);
    let earlier = now.to_string().replace(now["boot"].as_str().unwrap(), "another-boot");
    fs::write(record(&store, &id, "state.json"), earlier).unwrap();
    assert_eq!(status(&store), "web Exited (137)\n");
    let error = sandbox(&store, &["inspect", "-f", "{{.State.Error}}", "web"]);
    assert_eq!(error, "the machine was stopped while it ran\n");
    kill(pid(&now, "supervisor"));
    ends(pid(&now, "process"));
    is_usable(&store);
}

#[test]
fn of_two_who_remove_or_start_one_sandbox_neither_breaks_it() {
    require!(user_namespaces(), "user namespaces");
    for _ in 0..10 {
        let (store, _) = service();
        sandbox(&store, &["stop", "-t", "0", "web"]);
        let outcomes = at_once(4, || Test::sandbox(&["start", "web"]).store(&store).output());
        let told: Vec<String> = outcomes.iter().map(|outcome| text(&outcome.stderr)).collect();
        assert!(outcomes.iter().any(|outcome| outcome.status.success()), "{told:?}");
        assert!(status(&store).starts_with("web Up "), "{} {told:?}", status(&store));
        let outcomes = at_once(4, || Test::sandbox(&["rm", "-f", "web"]).store(&store).output());
        for outcome in outcomes {
            assert!(outcome.status.success(), "{}", text(&outcome.stderr));
        }
        assert_eq!(sandbox(&store, &["ps", "-aq"]), "");
        store.assert_nothing_left();
    }
}

#[test]
fn who_looks_while_others_start_and_end_sees_no_halves() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    thread::scope(|scope| {
        for worker in 0..5 {
            let (store, image) = (&store, &image);
            scope.spawn(move || {
                for n in 0..10 {
                    let name = format!("s{worker}-{n}");
                    let args =
                        ["run", "-d", "--network", "none", "--name", &name, image, "sleep", "1000"];
                    sandbox(store, &args);
                }
            });
        }
        for _ in 0..5 {
            let store = &store;
            scope.spawn(move || {
                for _ in 0..100 {
                    let args = ["ps", "-a", "--format", "{{.Names}} {{.State}}"];
                    let seen = Test::sandbox(&args).store(store).output();
                    assert!(seen.status.success() && seen.stderr.is_empty(), "{seen:?}");
                    for line in text(&seen.stdout).lines() {
                        let state = line.split(' ').nth(1).unwrap();
                        assert!(["created", "running"].contains(&state), "{line}");
                    }
                }
            });
        }
    });
    let names = sandbox(&store, &["ps", "-q"]);
    let names: Vec<&str> = names.lines().collect();
    assert_eq!(names.len(), 50);
    sandbox(&store, &[&["stop", "-t", "0"], &names[..]].concat());
    assert_eq!(sandbox(&store, &["ps", "-q"]), "");
    sandbox(&store, &["container", "prune", "-f"]);
    store.assert_nothing_left();
}

#[test]
fn a_terminal_that_closes_leaves_what_runs_in_the_background() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let args = ["run", "-d", "--name", "web", &image, "sh", "-c", super::SERVICE];
    let start = Test::sandbox(&args).store(&store).within(&[
        "sh",
        "-c",
        "\"$@\"; echo started; exec sleep 1000",
        "sh",
    ]);
    let terminal = Terminal::start(&start);
    terminal.wait_for("started");
    drop(terminal);
    says(&store, "web", "up");
    assert!(status(&store).starts_with("web Up "), "{}", status(&store));
    is_removable(&store);
}

#[test]
fn everything_killed_at_once_leaves_what_can_be_started_again() {
    require!(user_namespaces(), "user namespaces");
    let (store, id) = service();
    let state = state(&store, &id);
    // As a session's end does it where nothing may linger.
    for who in ["process", "supervisor"] {
        kill(pid(&state, who));
    }
    ends(pid(&state, "supervisor"));
    assert!(status(&store).starts_with("web Exited (137)"), "{}", status(&store));
    assert!(processes_naming(&id).is_empty());
    is_usable(&store);
}

#[test]
fn how_a_sandbox_ended_that_is_not_kept_is_told_to_who_waits() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let args = ["run", "-d", "--rm", "--name", "web", &image, "sh", "-c", super::SERVICE];
    sandbox(&store, &args);
    says(&store, "web", "up");
    let waits: Vec<_> =
        (0..2).map(|_| Test::sandbox(&["wait", "web"]).store(&store).spawn()).collect();
    thread::sleep(Duration::from_millis(200));
    sandbox(&store, &["kill", "-s", "TERM", "web"]);
    for mut wait in waits {
        wait.wait_for("3");
        assert_eq!(wait.wait().code(), Some(0));
    }
    store.assert_nothing_left();
}

/// Does the same from several threads, at the same time.
fn at_once<T: Send>(count: usize, action: impl Fn() -> T + Sync) -> Vec<T> {
    let barrier = std::sync::Barrier::new(count);
    let run = || {
        barrier.wait();
        action()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}
