//! Sandboxes that stay: made, started, watched, joined, stopped and removed.

mod detaching;
mod faults;
mod listing;
mod logs;
mod verbs;

use std::time::Duration;

use crate::{
    require,
    support::{Store, Terminal, Test, eventually, own, rounds, user_namespaces},
};

/// Says what it does, and ends when it is asked to.
const SERVICE: &str =
    "trap 'echo bye; exit 3' TERM; echo up; echo oops >&2; while :; do sleep 0.05; done";

/// A store with a sandbox called `web` that runs [`SERVICE`].
fn service() -> (Store, String) {
    let (store, image) = own();
    let output = sandbox(&store, &["run", "-d", "--name", "web", &image, "sh", "-c", SERVICE]);
    let id = output.trim().to_owned();
    assert_eq!(id.len(), 12, "{id}");
    says(&store, "web", "up");
    (store, id)
}

/// Runs a command that must succeed; what it printed.
fn sandbox(store: &Store, args: &[&str]) -> String {
    Test::sandbox(args).store(store).read()
}

/// Waits until the log of `name` holds `text`.
fn says(store: &Store, name: &str, text: &str) {
    let logged = || sandbox(store, &["logs", name]).contains(text).then_some(());
    assert!(eventually(logged).is_some(), "{text}");
}

#[test]
fn a_service_has_a_life() {
    require!(user_namespaces(), "user namespaces");
    let (store, id) = service();
    let format = "{{.ID}} {{.Names}} {{.State}} {{.Command}}";
    assert_eq!(
        sandbox(&store, &["ps", "--format", format]),
        format!("{id} web running \"sh -c trap 'echo by…\"\n")
    );
    assert_eq!(sandbox(&store, &["exec", "web", "cat", "/proc/1/comm"]), "sh\n");
    Test::sandbox(&["exec", "web", "sh", "-c", "exit 7"]).store(&store).code(7).check();
    assert_eq!(sandbox(&store, &["stop", "web"]), "web\n");
    assert_eq!(sandbox(&store, &["ps", "-q"]), "");
    assert_eq!(sandbox(&store, &["wait", &id[..6]]), "3\n");
    let status = sandbox(&store, &["ps", "-a", "--format", "{{.Status}}"]);
    assert!(status.starts_with("Exited (3) "), "{status}");
    Test::sandbox(&["logs", "web"]).store(&store).stdout("up\nbye\n").stderr("oops\n").check();
    assert_eq!(sandbox(&store, &["start", "web"]), "web\n");
    assert_eq!(sandbox(&store, &["ps", "-q"]), format!("{id}\n"));
    assert_eq!(sandbox(&store, &["rm", "-f", "web"]), "web\n");
    assert_eq!(sandbox(&store, &["ps", "-aq"]), "");
    store.assert_nothing_left();
}

#[test]
fn a_whole_life_leaves_nothing_however_often() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    for _ in 0..rounds(5) {
        let run =
            ["run", "-d", "--name", "web", "-p", "127.0.0.1::80", &image, "sh", "-c", SERVICE];
        sandbox(&store, &run);
        let mut follow = Test::sandbox(&["logs", "-f", "web"]).store(&store).spawn();
        follow.wait_for("up");
        let exec = Test::sandbox(&["exec", "-it", "web", "sh", "-c", "tty; read x; echo got $x"]);
        let mut terminal = Terminal::start(&exec.store(&store));
        terminal.wait_for("/dev/pts/0");
        terminal.type_text("it\n");
        terminal.wait_for("got it");
        assert_eq!(terminal.wait().code(), Some(0));
        sandbox(&store, &["stop", "-t", "1", "web"]);
        assert_eq!(sandbox(&store, &["wait", "web"]), "3\n");
        assert_eq!(follow.wait().code(), Some(0));
        let listed = sandbox(&store, &["ps", "-a", "--format", "json"]);
        let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
        assert_eq!((&listed["Names"], &listed["State"]), (&"web".into(), &"exited".into()));
        sandbox(&store, &["start", "web"]);
        sandbox(&store, &["cp", "web:/etc/hostname", "-"]);
        sandbox(&store, &["rm", "-f", "web"]);
        store.assert_nothing_left();
    }
}

#[test]
fn what_was_written_is_there_at_the_next_start() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let count = "echo x >>/count; wc -l </count";
    sandbox(&store, &["create", "--name", "counter", &image, "sh", "-c", count]);
    assert_eq!(sandbox(&store, &["ps", "-a", "--format", "{{.Status}}"]), "Created\n");
    for run in 1..=3 {
        assert_eq!(sandbox(&store, &["start", "-a", "counter"]), format!("{run}\n"));
    }
    // The image goes by its name only, as long as a sandbox needs it.
    sandbox(&store, &["rmi", &image]);
    assert_eq!(sandbox(&store, &["start", "-a", "counter"]), "4\n");
    sandbox(&store, &["rm", "counter"]);
    store.assert_nothing_left();
}

#[test]
fn a_name_is_one_sandbox_s() {
    require!(user_namespaces(), "user namespaces");
    let (store, id) = service();
    let image = "host";
    let taken = "error: a sandbox named `web` exists already";
    Test::sandbox(&["run", "--name", "web", image, "true"])
        .store(&store)
        .fails(125, &[taken])
        .check();
    Test::sandbox(&["rm", "web"])
        .store(&store)
        .fails(125, &["error: web runs", "hint: `sandbox stop` it first, or `sandbox rm --force`"])
        .check();
    sandbox(&store, &["rename", "web", "db"]);
    Test::sandbox(&["stop", "web"])
        .store(&store)
        .fails(125, &["error: there is no sandbox `web`"])
        .check();
    assert_eq!(sandbox(&store, &["ps", "--format", "{{.ID}} {{.Names}}"]), format!("{id} db\n"));
    sandbox(&store, &["rm", "-f", "db"]);
    store.assert_nothing_left();
}

#[test]
fn a_run_that_cannot_start_leaves_nothing_to_remove() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    for options in [&["-d"][..], &["--name", "x"], &["-d", "--rm"]] {
        let args = [&["run"], options, &[&image, "no-such-command"]].concat();
        Test::sandbox(&args).store(&store).fails(127, &["no-such-command"]).check();
        assert_eq!(sandbox(&store, &["ps", "-aq"]), "");
    }
    store.assert_nothing_left();
}

#[test]
fn streams_are_byte_exact_through_a_supervisor() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let data: Vec<u8> =
        (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let args = ["run", "-i", "--name", "cat", &image, "cat"];
    assert!(Test::sandbox(&args).store(&store).stdin(&data[..]).output().stdout == data);
    // What ends without a newline has none in the log either.
    assert!(Test::sandbox(&["logs", "cat"]).store(&store).output().stdout == data);
    sandbox(&store, &["rm", "cat"]);
    store.assert_nothing_left();
}

#[test]
fn exec_is_as_confined_as_the_workload() {
    require!(user_namespaces(), "user namespaces");
    let (store, _) = service();
    let look = "grep -E '^(Cap|Seccomp:|NoNewPrivs)' /proc/self/status; ls /proc/self/fd; hostname; pwd; env | sort";
    let by_exec = sandbox(&store, &["exec", "web", "sh", "-c", look]);
    let of_workload = sandbox(
        &store,
        &["exec", "web", "sh", "-c", "grep -E '^(Cap|Seccomp:|NoNewPrivs)' /proc/1/status"],
    );
    assert!(by_exec.starts_with(&of_workload), "{by_exec}\nis not\n{of_workload}");
    assert!(by_exec.contains("\n0\n1\n2\n3\n"), "{by_exec}");
    Test::sandbox(&["exec", "web", "mount", "-t", "tmpfs", "x", "/mnt"])
        .store(&store)
        .code(1)
        .check();
    assert_eq!(
        sandbox(
            &store,
            &[
                "exec",
                "-u",
                "7:8",
                "-w",
                "/tmp",
                "-e",
                "A=b",
                "web",
                "sh",
                "-c",
                "id -u; id -g; pwd; echo $A"
            ]
        ),
        "7\n8\n/tmp\nb\n"
    );
    Test::sandbox(&["exec", "web", "no-such-command"])
        .store(&store)
        .fails(127, &["no-such-command"])
        .check();
    Test::sandbox(&["exec", "-i", "web", "cat"]).store(&store).stdin(*b"abc").stdout("abc").check();
    sandbox(&store, &["rm", "-f", "web"]);
    store.assert_nothing_left();
}

#[test]
fn a_log_that_is_rotated_loses_only_its_oldest_file() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let write = "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done";
    sandbox(
        &store,
        &[
            "run",
            "--name",
            "w",
            "--log-opt",
            "max-size=16k",
            "--log-opt",
            "max-file=3",
            &image,
            "sh",
            "-c",
            write,
        ],
    );
    let log = sandbox(&store, &["logs", "w"]);
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.last(), Some(&"line 1999"));
    assert!(lines.len() < 2000 && lines.len() > 300, "{}", lines.len());
    let first: usize = lines[0].trim_start_matches("line ").parse().unwrap();
    let expected: Vec<String> = (first..2000).map(|n| format!("line {n}")).collect();
    assert_eq!(lines, expected);
    assert_eq!(sandbox(&store, &["logs", "--tail", "2", "w"]), "line 1998\nline 1999\n");
    sandbox(&store, &["rm", "w"]);
    store.assert_nothing_left();
}

#[test]
fn inspect_has_docker_s_names() {
    require!(user_namespaces(), "user namespaces");
    let (store, id) = service();
    let state = "{{.Name}} {{.State.Status}} {{.State.Running}} {{.State.ExitCode}}";
    assert_eq!(sandbox(&store, &["inspect", "-f", state, "web"]), "/web running true 0\n");
    let path = "{{.Id}} {{.Path}} {{json .Args}} {{.Config.Tty}} {{.HostConfig.NetworkMode}}";
    assert_eq!(
        sandbox(&store, &["inspect", "--format", path, &id]),
        format!("{id} sh {} false user\n", serde_json::json!(["-c", SERVICE]))
    );
    sandbox(&store, &["kill", "-s", "TERM", "web"]);
    assert_eq!(sandbox(&store, &["wait", "web"]), "3\n");
    assert_eq!(sandbox(&store, &["inspect", "-f", state, "web"]), "/web exited false 3\n");
    let whole: serde_json::Value =
        serde_json::from_str(&sandbox(&store, &["container", "inspect", "web"])).unwrap();
    assert_eq!(whole[0]["Config"]["Cmd"][0], "sh");
    let nothing = "error: there is neither a sandbox nor an image `nothing`";
    Test::sandbox(&["inspect", "nothing"]).store(&store).fails(125, &[nothing]).check();
    assert_eq!(sandbox(&store, &["container", "prune", "-f"]), format!("{id}\n"));
    store.assert_nothing_left();
}

#[test]
fn published_ports_can_be_looked_up() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let serve = ["sh", "-c", "while :; do echo hi | nc -l -p 80; done"];
    let args = ["run", "-d", "--name", "web", "-p", "127.0.0.1::80", &image];
    sandbox(&store, &[&args[..], &serve].concat());
    let port = sandbox(&store, &["port", "web", "80"]);
    let address: std::net::SocketAddr = port.trim().parse().unwrap();
    let format = "{{(index (index .NetworkSettings.Ports \"80/tcp\") 0).HostPort}}";
    assert_eq!(sandbox(&store, &["inspect", "-f", format, "web"]), format!("{}\n", address.port()));
    let answer = || {
        let mut text = String::new();
        let mut stream = std::net::TcpStream::connect(address).ok()?;
        std::io::Read::read_to_string(&mut stream, &mut text).ok()?;
        (text == "hi\n").then_some(())
    };
    assert!(eventually(answer).is_some());
    sandbox(&store, &["rm", "-f", "web"]);
    store.assert_nothing_left();
}

#[test]
fn events_tell_what_happens_and_what_has_happened() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let format = ["--format", "{{.Action}} {{.Actor.Attributes.name}} {{.Type}}"];
    let mut live = Test::sandbox(&[&["events", "--filter", "container=job"], &format[..]].concat())
        .store(&store)
        .spawn();
    // Until it listens, what happens would be missed.
    std::thread::sleep(Duration::from_secs(1));
    sandbox(&store, &["create", "--name", "job", &image, "sh", "-c", "exit 3"]);
    sandbox(&store, &["start", "job"]);
    assert_eq!(sandbox(&store, &["wait", "job"]), "3\n");
    for action in ["create", "start", "die"] {
        live.wait_for(&format!("{action} job container"));
    }
    let past = ["events", "--since", "5m", "--until", "1ms", "--filter", "event=die"];
    let format = ["--format", "{{.Actor.Attributes.exitCode}}"];
    assert_eq!(sandbox(&store, &[&past[..], &format].concat()), "3\n");
    sandbox(&store, &["rm", "job"]);
    live.wait_for("destroy job container");
    live.signal(rustix::process::Signal::TERM);
    live.wait();
    store.assert_nothing_left();
}

#[test]
fn sandboxes_share_what_they_are_told_to() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let serve = "while :; do echo hi | nc -l -p 7000; done";
    let args = ["run", "-d", "--name", "web", "--tmpfs", "/t", "--hostname", "web", &image];
    sandbox(&store, &[&args[..], &["sh", "-c", serve]].concat());
    let beside = |options: &[&str], command: &str| {
        sandbox(&store, &[&["run"], options, &[&image, "sh", "-c", command]].concat())
    };
    let ask = "for i in 1 2 3 4 5 6 7 8 9; do nc 127.0.0.1 7000 2>/dev/null && break; sleep 0.3; done; cat /etc/hosts";
    let asked = beside(&["--network", "container:web"], ask);
    assert!(
        asked.starts_with("hi\n127.0.0.1\tlocalhost\n") && asked.contains("\tweb\n"),
        "{asked}"
    );
    assert_eq!(
        beside(&["--pid", "container:web"], "tr '\\0' ' ' </proc/1/cmdline; test $$ != 1 && echo"),
        format!("sh -c {serve} \n")
    );
    let tmpfs = "grep -c ' /t tmpfs r[ow],' /proc/mounts; touch /t/x 2>&1 || :";
    assert_eq!(
        beside(&["--volumes-from", "web:ro"], tmpfs),
        "1\ntouch: /t/x: Read-only file system\n"
    );
    assert_eq!(beside(&["--volumes-from", "web"], tmpfs), "1\n");
    Test::sandbox(&["run", "--network", "container:none-such", &image, "true"])
        .store(&store)
        .fails(125, &["error: there is no sandbox `none-such`"])
        .check();
    let ports = ["run", "-p", "80", "--network", "container:web", &image, "true"];
    Test::sandbox(&ports)
        .store(&store)
        .fails(125, &["error: publish the ports with web: the network is its own"])
        .check();
    sandbox(&store, &["rm", "-f", "web"]);
    store.assert_nothing_left();
}
