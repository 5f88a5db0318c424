//! Each verb with each of its flags.

use std::fs;

use super::{SERVICE, sandbox, says, service};
use crate::{
    require,
    support::{Dir, Store, Test, binary, eventually, own, user_namespaces},
};

/// What a template makes of a sandbox.
fn told(store: &Store, name: &str, template: &str) -> String {
    sandbox(store, &["inspect", "-f", template, name]).trim_end().to_owned()
}

#[test]
fn what_stays_is_what_was_asked_to() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    for (options, kept) in [
        (&[][..], 0),
        (&["--keep"], 1),
        (&["--name", "x"], 1),
        (&["--name", "x", "--rm"], 0),
        (&["-d"], 1),
        (&["-d", "--rm"], 0),
        (&["--detach", "--keep"], 1),
    ] {
        sandbox(&store, &[&["run"], options, &["host", "true"]].concat());
        let ended = || sandbox(&store, &["ps", "-q"]).is_empty().then_some(());
        assert!(eventually(ended).is_some(), "{options:?}");
        let listed = sandbox(&store, &["ps", "-aq"]);
        assert_eq!(listed.lines().count(), kept, "{options:?}");
        listed.lines().for_each(|id| drop(sandbox(&store, &["rm", id])));
    }
    // With a name or without one, what is made stays, unless it is not to.
    for (options, kept) in [(&[][..], 1), (&["--keep"], 1), (&["--rm"], 0)] {
        let id = sandbox(&store, &[&["create"], options, &["host", "true"]].concat());
        sandbox(&store, &["start", "-a", id.trim()]);
        assert_eq!(sandbox(&store, &["ps", "-aq"]).lines().count(), kept, "{options:?}");
        sandbox(&store, &["rm", "-f", id.trim()]);
    }
    store.assert_nothing_left();
}

#[test]
fn the_id_is_written_to_a_file_that_was_not_there() {
    require!(user_namespaces(), "user namespaces");
    let (store, dir) = (Store::new(), Dir::new("cidfile"));
    for (number, verb) in [&["run", "-d"][..], &["create"]].into_iter().enumerate() {
        let file = dir.path().join(number.to_string());
        let options = ["--cidfile", file.to_str().unwrap(), "host", "true"];
        let id = sandbox(&store, &[verb, &options].concat());
        assert_eq!(fs::read_to_string(&file).unwrap(), id.trim());
        let there = format!("error: cannot write to {}: File exists", file.display());
        let again = Test::sandbox(&[verb, &options].concat()).store(&store);
        again.fails(125, &[&there]).check();
        assert_eq!(sandbox(&store, &["wait", id.trim()]).lines().count(), 1);
        sandbox(&store, &["rm", id.trim()]);
    }
    store.assert_nothing_left();
}

#[test]
fn what_is_started_can_be_typed_to_and_seen() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    sandbox(&store, &["create", "-i", "--name", "cat", &image, "sh", "-c", "cat; exit 4"]);
    for options in [&["-a", "-i"][..], &["-ai"], &["--attach", "--interactive"], &["-i"]] {
        let start = [&["start"], options, &["cat"]].concat();
        Test::sandbox(&start).store(&store).stdin(*b"abc").stdout("abc").code(4).check();
    }
    // In the background nothing is shown.
    sandbox(&store, &["create", "--name", "dog", &image, "echo", "bark"]);
    Test::sandbox(&["start", "dog"]).store(&store).stdout("dog\n").stderr("").check();
    assert_eq!(sandbox(&store, &["wait", "dog", "cat"]), "0\n4\n");
    assert_eq!(sandbox(&store, &["logs", "--tail", "1", "dog"]), "bark\n");
    let both = "error: one sandbox can be attached to, not several";
    Test::sandbox(&["start", "-a", "cat", "dog"]).store(&store).fails(125, &[both]).check();
    sandbox(&store, &["rm", "cat", "dog"]);
    store.assert_nothing_left();
}

#[test]
fn who_attaches_sees_what_comes_and_may_type() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let echo = "while read x; do echo got $x; done; exit 5";
    sandbox(&store, &["run", "-d", "-i", "--name", "web", &image, "sh", "-c", echo]);
    let mut deaf = Test::sandbox(&["attach", "--no-stdin", "web"]).store(&store).spawn();
    let status = ["ps", "--format", "{{.Status}}"];
    assert!(sandbox(&store, &status).starts_with("Up "));
    let talk = Test::sandbox(&["attach", "web"]).store(&store).stdin(*b"it\n");
    talk.stdout("got it\n").code(5).check();
    assert_eq!(deaf.wait().code(), Some(5));
    let not = "error: web does not run";
    let hint = "hint: `sandbox start --attach` starts it";
    Test::sandbox(&["attach", "web"]).store(&store).fails(125, &[not, hint]).check();
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

#[test]
fn signals_reach_what_is_attached_to_unless_they_are_not_to() {
    require!(user_namespaces(), "user namespaces");
    let (store, _) = service();
    for (option, code) in [("--sig-proxy=false", None), ("--sig-proxy=true", Some(3))] {
        let mut attach = Test::sandbox(&["attach", option, "web"]).store(&store).spawn();
        // Once it is attached, it handles the signal.
        let path = format!("/proc/{}/fd", attach.pid().as_raw_nonzero());
        let connected = || (fs::read_dir(&path).ok()?.count() > 3).then_some(());
        assert!(eventually(connected).is_some());
        std::thread::sleep(std::time::Duration::from_millis(300));
        attach.signal(rustix::process::Signal::TERM);
        assert_eq!(attach.wait().code(), code, "{option}");
        let runs = if code.is_none() { "true" } else { "false" };
        assert_eq!(told(&store, "web", "{{.State.Running}}"), runs, "{option}");
    }
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

#[test]
fn a_sandbox_ends_by_the_signal_and_in_the_time_that_are_said() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let script = "trap 'exit 3' TERM; trap 'exit 4' USR1; trap 'exit 5' INT; trap '' HUP; \
                  echo up; while :; do sleep 0.05; done";
    let create = ["create", "--name", "web", "--stop-signal", "INT", &image, "sh", "-c", script];
    sandbox(&store, &create);
    for (end, code) in [
        (&["stop"][..], 5),
        (&["stop", "-s", "USR1"], 4),
        (&["stop", "--signal", "SIGTERM", "--time", "-1"], 3),
        (&["stop", "-s", "HUP", "-t", "0"], 137),
        (&["stop", "-s", "HUP", "--timeout", "1"], 137),
        (&["kill"], 137),
        (&["kill", "-s", "USR1"], 4),
        (&["kill", "--signal", "SIGINT"], 5),
        (&["kill", "-s", "15"], 3),
    ] {
        sandbox(&store, &["start", "web"]);
        let trapped = || told(&store, "web", "{{.State.Pid}}");
        let status = format!("/proc/{}/status", trapped());
        let set = || {
            fs::read_to_string(&status).ok()?.contains("SigCgt:\t0000000000014202").then_some(())
        };
        assert!(eventually(set).is_some(), "{end:?}: {}", fs::read_to_string(&status).unwrap());
        assert_eq!(sandbox(&store, &[end, &["web"]].concat()), "web\n", "{end:?}");
        assert_eq!(sandbox(&store, &["wait", "web"]), format!("{code}\n"), "{end:?}");
    }
    // What was said when it was made holds unless something else is said.
    for (timeout, verb) in [("0", "stop"), ("-1", "stop"), ("1", "restart")] {
        let deaf = "trap '' INT; trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done";
        let front = ["run", "-d", "--name", "deaf", "--stop-signal", "INT", "--stop-timeout"];
        sandbox(&store, &[&front[..], &[timeout, &image, "sh", "-c", deaf]].concat());
        let up = || (sandbox(&store, &["logs", "deaf"]) == "up\n").then_some(());
        assert!(eventually(up).is_some());
        match timeout {
            "-1" => sandbox(&store, &[verb, "-t", "0", "deaf"]),
            _ => sandbox(&store, &[verb, "deaf"]),
        };
        if verb == "stop" {
            assert_eq!(sandbox(&store, &["wait", "deaf"]), "137\n");
        }
        sandbox(&store, &["rm", "-f", "deaf"]);
    }
    // It has what was wanted: not so for a signal.
    assert_eq!(sandbox(&store, &["stop", "web"]), "web\n");
    for verb in ["kill", "pause"] {
        Test::sandbox(&[verb, "web"]).store(&store).fails(125, &["error: web "]).check();
    }
    Test::sandbox(&["kill", "-s", "NONE", "web"]).store(&store).fails(125, &["NONE"]).check();
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

#[test]
fn a_sandbox_is_restarted_whether_it_runs_or_not() {
    require!(user_namespaces(), "user namespaces");
    let (store, _) = service();
    let mut pids = vec![told(&store, "web", "{{.State.Pid}}")];
    let ways: [&[&str]; 4] = [&["-t", "5"], &["--time", "5"], &["--timeout=5"], &[]];
    for (number, options) in ways.into_iter().enumerate() {
        assert_eq!(sandbox(&store, &[&["restart"], options, &["web"]].concat()), "web\n");
        says(&store, "web", &"up\nbye\n".repeat(number + 1));
        says(&store, "web", &format!("{}up\n", "up\nbye\n".repeat(number + 1)));
        let pid = told(&store, "web", "{{.State.Pid}}");
        assert!(!pids.contains(&pid), "{options:?}");
        pids.push(pid);
    }
    sandbox(&store, &["stop", "web"]);
    assert_eq!(sandbox(&store, &["restart", "-t", "0", "web"]), "web\n");
    assert_eq!(told(&store, "web", "{{.State.Status}}"), "running");
    sandbox(&store, &["rm", "--force", "web"]);
    store.assert_nothing_left();
}

#[test]
fn several_can_be_named_at_once() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    for name in ["a", "b"] {
        sandbox(&store, &["create", "--name", name, &image, "sh", "-c", SERVICE]);
    }
    for verb in ["start", "pause", "unpause", "restart", "stop"] {
        assert_eq!(sandbox(&store, &[verb, "a", "b"]), "a\nb\n", "{verb}");
    }
    // The others are not left out because of one.
    for verb in ["start", "pause", "unpause", "kill"] {
        Test::sandbox(&[verb, "a", "none", "b"])
            .store(&store)
            .stdout("a\nb\n")
            .fails(125, &["error: there is no sandbox `none`"])
            .check();
    }
    assert_eq!(sandbox(&store, &["wait", "a", "b"]), "137\n137\n");
    Test::sandbox(&["restart", "a", "none", "b"])
        .store(&store)
        .stdout("a\nb\n")
        .fails(125, &["error: there is no sandbox `none`"])
        .check();
    // One that was there, and runs no command that there is.
    sandbox(&store, &["create", "--name", "bad", &image, "no-such-command"]);
    let start = Test::sandbox(&["start", "bad", "a"]).store(&store);
    start.stdout("a\n").fails(127, &["no-such-command"]).check();
    Test::sandbox(&["rm", "-f", "a", "none", "b", "bad"])
        .store(&store)
        .stdout("a\nb\nbad\n")
        .stderr("note: there is no sandbox `none`\n")
        .check();
    store.assert_nothing_left();
}

#[test]
fn a_command_is_added_with_what_is_said() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    sandbox(&store, &["run", "-d", "--name", "web", "-e", "A=web", &image, "sleep", "1000"]);
    let dir = Dir::new("exec");
    let file = dir.write("variables", "# none\nA=file\nB=two words\n");
    let file = file.to_str().unwrap();
    let show = "echo $A,$B,$H; pwd; id -u";
    for (options, output) in [
        (&[][..], "web,,\n/\n0\n"),
        (&["-e", "A=1"], "1,,\n/\n0\n"),
        (&["--env", "B=2", "--env", "H"], "web,2,host\n/\n0\n"),
        (&["--env-file", file], "file,two words,\n/\n0\n"),
        (&["--env-file", file, "-e", "A=1"], "1,two words,\n/\n0\n"),
        (&["-w", "/tmp"], "web,,\n/tmp\n0\n"),
        (&["--workdir", "/etc"], "web,,\n/etc\n0\n"),
        (&["--interactive"], "web,,\n/\n0\n"),
    ] {
        let exec = [&["exec"], options, &["web", "sh", "-c", show]].concat();
        Test::sandbox(&exec).store(&store).env("H", "host").stdout(output).check();
    }
    let terminal = ["exec", "-t", "web", "sh", "-c", "test -t 1 && echo yes"];
    assert_eq!(sandbox(&store, &terminal), "yes\r\n");
    let terminal = ["exec", "--tty", "web", "sh", "-c", "test -t 1 && echo yes"];
    assert_eq!(sandbox(&store, &terminal), "yes\r\n");
    // More than the sandbox's own command may: with one id a filter stays all the same.
    let mount = "grep CapEff /proc/self/status; mount -t tmpfs x /mnt && echo mounted";
    let privileged = sandbox(&store, &["exec", "--privileged", "web", "sh", "-c", mount]);
    assert!(privileged.starts_with("CapEff:\t000001ff"), "{privileged}");
    assert!(privileged.ends_with("\nmounted\n"), "{privileged}");
    for (option, wait) in [("-d", "/one"), ("--detach", "/two")] {
        let later = format!("sleep 0.2; echo done >/tmp/x; mv /tmp/x {wait}");
        let exec = ["exec", option, "web", "sh", "-c", &later];
        Test::sandbox(&exec).store(&store).stderr("").check();
        let there =
            || sandbox(&store, &["exec", "web", "ls", "/"]).contains(&wait[1..]).then_some(());
        assert!(eventually(there).is_some());
    }
    for option in ["-u", "--user"] {
        let who = ["exec", option, "nobody-there", "web", "true"];
        Test::sandbox(&who).store(&store).fails(125, &["nobody-there"]).check();
    }
    sandbox(&store, &["rm", "-f", "web"]);
    store.assert_nothing_left();
}

#[test]
fn the_unit_for_systemd_is_this() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    sandbox(&store, &["create", "--name", "web", "host", "true"]);
    let call = format!("{} --root {}", binary().display(), store.path().display());
    let unit = |restart: &str, grace: u32, longest: u32| {
        format!(
            "[Unit]
Description=Sandbox web
Documentation=man:sandbox(1)
Wants=network-online.target
After=network-online.target

[Service]
ExecStart={call} start --attach web
ExecStop={call} stop --time {grace} web
Restart={restart}
SuccessExitStatus=143
TimeoutStopSec={longest}
KillMode=mixed
Delegate=yes

[Install]
WantedBy=default.target
"
        )
    };
    let create = ["create", "--name", "slow", "--stop-timeout=70", "host", "true"];
    sandbox(&store, &create);
    let slow = sandbox(&store, &["generate", "systemd", "slow"]);
    assert!(slow.contains("stop --time 70 slow\n"), "{slow}");
    sandbox(&store, &["rm", "slow"]);
    for (options, unit) in [
        (&[][..], unit("on-failure", 10, 15)),
        (&["--restart-policy", "always", "-t", "3"], unit("always", 3, 8)),
        (&["--restart-policy=no", "--stop-timeout", "0"], unit("no", 0, 5)),
    ] {
        let args = [&["generate", "systemd"], options, &["web"]].concat();
        Test::sandbox(&args).store(&store).stdout(&unit).stderr("").check();
    }
    for (command, why) in [
        ("build", "images are built elsewhere (`buildah build`, `podman build`) and fetched"),
        ("compose", "a script with `sandbox network` and `sandbox run -d` does"),
        ("swarm", "there is one machine, and no daemon"),
    ] {
        let why = format!("error: `{command}` is not supported: {why}");
        Test::sandbox(&[command, "."]).store(&store).fails(125, &[&why]).check();
    }
    // This is what a service that docker restarts is told.
    let pointer = "error: `--restart` is not supported: there is no daemon; \
                   `sandbox generate systemd` prints a unit that does it";
    for verb in ["run", "create"] {
        for option in [&["--restart", "always"][..], &["--restart=unless-stopped"]] {
            let args = [&[verb], option, &["host", "true"]].concat();
            Test::sandbox(&args).store(&store).fails(125, &[pointer]).check();
        }
    }
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

#[test]
fn what_does_not_run_is_pruned_if_that_is_wanted() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    let make = |name: &str, label: &str| {
        sandbox(&store, &["create", "--name", name, "-l", label, "host", "true"]).trim().to_owned()
    };
    let (a, b) = (make("a", "kind=x"), make("b", "kind=y"));
    let dir = Dir::new("labels");
    let labels = dir.write("labels", "# what it is\nkind=z\nnote\nand=this\n");
    let labels = labels.to_str().unwrap();
    let listed = ["create", "--name=c", "--label-file", labels, "--label=and=that", "host", "true"];
    sandbox(&store, &listed);
    let shown = told(&store, "c", "{{json .Config.Labels}}");
    assert_eq!(shown, r#"{"and":"that","kind":"z","note":""}"#);
    sandbox(&store, &["rm", "c"]);
    sandbox(&store, &["run", "-d", "--name", "web", "host", "sleep", "1000"]);
    Test::sandbox(&["container", "prune"])
        .store(&store)
        .fails(125, &["error: nobody has answered", "hint: `--force` does it without a question"])
        .check();
    let prune = |options: &[&str]| sandbox(&store, &[&["container", "prune"], options].concat());
    assert_eq!(prune(&["--force", "--filter", "until=1h"]), "");
    assert_eq!(prune(&["-f", "--filter", "label=kind=x"]), format!("{a}\n"));
    let yes = Test::sandbox(&["container", "prune"]).store(&store).stdin(*b"y\n");
    assert_eq!(yes.read(), format!("{b}\n"));
    assert_eq!(sandbox(&store, &["ps", "-a", "--format", "{{.Names}}"]), "web\n");
    sandbox(&store, &["rm", "-f", "web"]);
    store.assert_nothing_left();
}

#[test]
fn an_image_says_who_made_it_and_why() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    sandbox(&store, &["run", "--name", "web", &image, "touch", "/new"]);
    for (number, options) in [
        &["-a", "Ann", "-m", "why", "-c", "CMD [\"ls\", \"/new\"]", "-p=false"][..],
        &["--author", "Ann", "--message", "why", "--change", "CMD [\"ls\", \"/new\"]", "--pause"],
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("of-web:{number}");
        let id = sandbox(&store, &[&["commit"], options, &["web", &name]].concat());
        assert!(id.starts_with("sha256:"), "{id}");
        let template = "{{.Author}} {{json .Config.Cmd}}";
        let found = sandbox(&store, &["image", "inspect", "-f", template, &name]);
        assert_eq!(found, "Ann [\"ls\",\"/new\"]\n");
        assert!(sandbox(&store, &["history", &name]).contains("why"));
        assert_eq!(sandbox(&store, &["run", &name]), "/new\n");
    }
    let dir = Dir::new("export");
    for (number, option) in ["-o", "--output"].into_iter().enumerate() {
        let file = dir.path().join(number.to_string());
        sandbox(&store, &["export", option, file.to_str().unwrap(), "web"]);
        assert_eq!(
            fs::read(file).unwrap(),
            Test::sandbox(&["export", "web"]).store(&store).output().stdout
        );
    }
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

#[test]
fn a_copy_is_made_by_whatever_options_docker_has() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    sandbox(&store, &["create", "--name", "web", &image, "cat", "/link"]);
    let dir = Dir::new("cp");
    dir.write("file", "text");
    let link = dir.path().join("link");
    std::os::unix::fs::symlink("file", &link).unwrap();
    for options in [&["-q", "-L"][..], &["--quiet", "--follow-link"], &["--archive", "-L"]] {
        let cp = [&["cp"], options, &[link.to_str().unwrap(), "web:/link"]].concat();
        Test::sandbox(&cp).store(&store).stdout("").stderr("").check();
        assert_eq!(sandbox(&store, &["start", "-a", "web"]), "text");
    }
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

#[test]
fn each_phase_is_told_by_whatever_verb_it_comes() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    let phases = |call: &str| -> Vec<String> {
        let script = format!("{} {call} --status-fd 3 3>&1 >/dev/null 2>&1", binary().display());
        let mut shell = std::process::Command::new("sh");
        let output = shell.args(["-c", &script]).env("SANDBOX_ROOT", store.path()).output();
        let lines = String::from_utf8(output.unwrap().stdout).unwrap();
        let phase = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        lines.lines().map(|line| phase(line)["phase"].as_str().unwrap().to_owned()).collect()
    };
    sandbox(&store, &["create", "--name", "web", "host", "sh", "-c", "exit 3"]);
    assert_eq!(phases("start -a web"), ["started", "exited"]);
    assert_eq!(phases("start none"), ["failed"]);
    assert_eq!(phases("stop none"), ["failed"]);
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}
