//! What is said of sandboxes, word for word: `ps`, `inspect`, `stats`, `top`,
//! `events`.

use std::fs;

use serde_json::{Value, json};

use super::sandbox;
use crate::{
    require,
    support::{Store, Test, user_namespaces},
};

/// What stands for an id, which is as long.
const ID: &str = "<---- id --->";

/// Sets a moment in a record of a sandbox, so that its age is known.
fn set(store: &Store, id: &str, file: &str, key: &str, hours_ago: u64) {
    let path = store.path().join("sandboxes").join(id).join(file);
    let mut record: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    record[key] = json!(hours(hours_ago));
    fs::write(path, record.to_string()).unwrap();
}

/// The moment so long ago, as RFC 3339 has it, and a little more.
fn hours(count: u64) -> String {
    let date = ["-u", "-d", &format!("{count} hours ago 5 minutes ago"), "+%FT%T.000Z"];
    let output = std::process::Command::new("date").args(date).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Three sandboxes, newest first: `web` runs for two hours, `job` has failed an
/// hour ago, `new` was never started.
fn three() -> (Store, [String; 3]) {
    let store = Store::new();
    let make = |args: &[&str], age| {
        let id = sandbox(&store, args).trim().to_owned();
        set(&store, &id, "config.json", "created", age);
        id
    };
    let new = make(&["create", "--name", "new", "host", "true"], 4);
    let job =
        make(&["create", "--name", "job", "-l", "kind=batch", "host", "sh", "-c", "exit 3"], 3);
    Test::sandbox(&["start", "-a", "job"]).store(&store).code(3).check();
    set(&store, &job, "state.json", "finished", 2);
    let run =
        ["run", "-d", "--name", "web", "-l", "kind=service", "-l", "x", "-p", "127.0.0.1::80"];
    let service = ["host", "sh", "-c", "exec sleep 1000 # for ever and ever"];
    let web = make(&[&run[..], &service].concat(), 2);
    set(&store, &web, "state.json", "started", 2);
    (store, [web, job, new])
}

/// Removes all, and nothing is left.
fn away(store: &Store) {
    sandbox(store, &["rm", "-f", "web", "job", "new"]);
    store.assert_nothing_left();
}

/// The port of the host that leads to port 80 of `web`.
fn port(store: &Store) -> String {
    let place = sandbox(store, &["port", "web", "80/tcp"]);
    place.trim().strip_prefix("127.0.0.1:").unwrap().to_owned()
}

/// A command's output without what differs from one time to the next: ids and the
/// port, whose place is as wide.
fn shown(store: &Store, ids: &[String; 3], args: &[&str]) -> String {
    let mut text = sandbox(store, args);
    for id in ids {
        text = text.replace(id.as_str(), &ID[..12]);
    }
    let port = port(store);
    let width = port.len();
    text.replace(&format!(":{port}-"), &format!(":{:P<width$}-", ""))
}

#[test]
fn the_table_of_sandboxes_is_docker_s() {
    require!(user_namespaces(), "user namespaces");
    let (store, ids) = three();
    let width = port(&store).len();
    let (port, fill) = ("P".repeat(width), " ".repeat(width));
    let all = format!(
        "\
CONTAINER ID   IMAGE   COMMAND                  CREATED       STATUS                   PORTS                {gap}NAMES
<---- id ---   host    \"sh -c exec sleep 10…\"   2 hours ago   Up 2 hours               127.0.0.1:{port}->80/tcp   web
<---- id ---   host    \"sh -c exit 3\"           3 hours ago   Exited (3) 2 hours ago             {fill}           job
<---- id ---   host    \"true\"                   4 hours ago   Created                            {fill}           new
",
        gap = " ".repeat(width)
    );
    assert_eq!(shown(&store, &ids, &["ps", "-a"]), all);
    assert_eq!(shown(&store, &ids, &["ps", "--all", "--format", "table"]), all);
    assert_eq!(shown(&store, &ids, &["container", "ls", "-a"]), all);
    let running = format!(
        "\
CONTAINER ID   IMAGE   COMMAND                                       CREATED       STATUS       PORTS                {gap}NAMES
<---- id ---   host    \"sh -c exec sleep 1000 # for ever and ever\"   2 hours ago   Up 2 hours   127.0.0.1:{port}->80/tcp   web
",
        gap = " ".repeat(width)
    );
    assert_eq!(shown(&store, &ids, &["ps", "--no-trunc"]), running);
    let columns = r"table {{.Names}}\t{{.Image}}\t{{.RunningFor}}\t{{.CreatedAt}}";
    let chosen = shown(&store, &ids, &["ps", "-a", "--format", columns]);
    let first = "NAMES   IMAGE   CREATED       CREATED AT\nweb     host    2 hours ago   20";
    assert!(chosen.starts_with(first), "{chosen}");
    away(&store);
    let heading = "CONTAINER ID   IMAGE   COMMAND   CREATED   STATUS   PORTS   NAMES\n";
    assert_eq!(sandbox(&store, &["ps"]), heading);
}

#[test]
fn a_line_of_json_has_docker_s_fields() {
    require!(user_namespaces(), "user namespaces");
    let (store, ids) = three();
    let created = sandbox(&store, &["inspect", "-f", "{{.Created}}", "job"]);
    let job = json!({
        "ID": ids[1], "Image": "host", "Command": "\"sh -c exit 3\"",
        "CreatedAt": created.trim(), "RunningFor": "3 hours ago", "State": "exited",
        "Status": "Exited (3) 2 hours ago", "Ports": "", "Names": "job", "Labels": "kind=batch",
    });
    let listed = sandbox(&store, &["ps", "-f", "name=job", "-a", "--format", "json"]);
    assert_eq!(listed, format!("{job}\n"));
    let listed = sandbox(&store, &["ps", "-f", "name=job", "-a", "--format", "{{json .}}"]);
    assert_eq!(listed, format!("{job}\n"));
    assert_eq!(sandbox(&store, &["ps", "--format", "{{.Labels}}"]), "kind=service,x=\n");
    away(&store);
}

#[test]
fn only_those_that_are_asked_for_are_listed() {
    require!(user_namespaces(), "user namespaces");
    let (store, [web, job, new]) = three();
    let id = format!("id={}", &job[..8]);
    for (options, names) in [
        (&[][..], "web "),
        (&["-a"], "web job new "),
        (&["-n", "2"], "web job "),
        (&["--last", "9"], "web job new "),
        (&["-l"], "web "),
        (&["--latest"], "web "),
        (&["-a", "--filter", &id], "job "),
        (&["-a", "-f", "name=e"], "web new "),
        (&["-a", "-f", "label=kind"], "web job "),
        (&["-a", "-f", "label=kind=batch"], "job "),
        (&["-f", "status=exited"], "job "),
        (&["-f", "status=created"], "new "),
        (&["-f", "status=running"], "web "),
        (&["-f", "status=paused"], ""),
        (&["-f", "exited=3"], "job "),
        (&["-f", "exited=0"], ""),
        (&["-f", "ancestor=host"], "web "),
        (&["-a", "-f", "ancestor=busybox"], ""),
        (&["-a", "-f", "health=none"], "web job new "),
        (&["-f", "health=healthy"], ""),
        (&["-a", "-f", "name=e", "-f", "status=created"], "new "),
        (&["-a", "-f", "name=^/we$"], ""),
        (&["-a", "-f", "name=^web$"], "web "),
        // Any of several, but for labels.
        (&["-f", "status=exited", "-f", "status=dead", "-f", "status=created"], "job new "),
        (&["-a", "-f", "name=web", "-f", "name=job", "-f", "label=kind"], "web job "),
        (&["-a", "-f", "label=kind", "-f", "label=x"], "web "),
    ] {
        let args = [&["ps", "--format", "{{.Names}}"], options].concat();
        assert_eq!(sandbox(&store, &args).replace('\n', " "), names, "{options:?}");
    }
    assert_eq!(sandbox(&store, &["ps", "-aq"]), format!("{web}\n{job}\n{new}\n"));
    assert_eq!(sandbox(&store, &["ps", "--quiet", "--no-trunc"]), format!("{web}\n"));
    away(&store);
    for (filter, why) in [
        ("name", "not KEY=VALUE"),
        ("status=gone", "`gone` is not one of "),
        ("exited=x", "not an exit code"),
        ("health=fine", "`fine` is not one of starting, healthy, unhealthy, none"),
        ("size=1", "`size` is not one of id, name, label, status, exited, health, ancestor"),
    ] {
        Test::sandbox(&["ps", "-f", filter]).store(&store).fails(125, &[why]).check();
    }
}

/// Replaces what differs from one time to the next by its name.
fn without(mut text: String, record: &Value, fields: &[&str]) -> String {
    for field in fields {
        let value = record.pointer(field).unwrap();
        let name = format!("\"<{}>\"", field.rsplit('/').next().unwrap());
        text = text.replace(&value.to_string(), &name);
    }
    text
}

#[test]
fn all_that_is_known_of_a_sandbox_is_as_docker_tells_it() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    let options = ["--name", "web", "-l", "a=b", "-v", "/usr:/mnt:ro", "--log-opt", "max-size=1m"];
    let create = [&["create", "-w", "/tmp", "-e", "A=1"], &options[..], &["host", "cat", "x"]];
    let id = sandbox(&store, &create.concat()).trim().to_owned();
    let whole = sandbox(&store, &["inspect", "web"]);
    let value: Value = serde_json::from_str(&whole).unwrap();
    let variable = ["/0/Created", "/0/LogPath"];
    let text = without(whole.clone(), &value, &variable).replace(&id, "<Id>");
    assert_eq!(text, include_str!("inspect.json"));
    let log = store.path().join("sandboxes").join(&id).join("log");
    assert_eq!(value[0]["LogPath"], json!(log.display().to_string()));
    // Each way to ask for the same.
    assert_eq!(sandbox(&store, &["inspect", "--type", "container", &id[..5]]), whole);
    let line = format!("{}\n", value[0]);
    for format in ["json", "{{json .}}"] {
        assert_eq!(sandbox(&store, &["inspect", "--format", format, "web"]), line);
    }
    let no_image = Test::sandbox(&["inspect", "--type", "image", "web"]).store(&store);
    no_image.fails(125, &["web"]).check();
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

#[test]
fn the_state_of_a_sandbox_that_runs_is_told_whole() {
    require!(user_namespaces(), "user namespaces");
    let (store, _) = three();
    let port = port(&store);
    let state = |name: &str| -> Value {
        let text = sandbox(&store, &["inspect", "-f", "{{json .State}}", name]);
        serde_json::from_str(&text).unwrap()
    };
    let never = "0001-01-01T00:00:00Z";
    let (web, job, new) = (state("web"), state("job"), state("new"));
    let expected = |status: &str, code: u8, of: &Value| {
        let runs = status == "running";
        let said = |key: &str, is_said: bool, otherwise: Value| match is_said {
            true => of[key].clone(),
            false => otherwise,
        };
        json!({
            "Status": status, "Running": runs, "Paused": false, "Restarting": false,
            "OOMKilled": false, "Dead": false, "ExitCode": code, "Error": "", "Health": null,
            "Pid": said("Pid", runs, json!(0)),
            "SupervisorPid": said("SupervisorPid", runs, json!(0)),
            "StartedAt": said("StartedAt", status != "created", json!(never)),
            "FinishedAt": said("FinishedAt", status == "exited", json!(never)),
        })
    };
    assert_eq!(web, expected("running", 0, &web));
    assert_eq!(job, expected("exited", 3, &job));
    assert_eq!(new, expected("created", 0, &new));
    assert!(web["Pid"].as_i64() > Some(1) && job["FinishedAt"] != never, "{web} {job}");
    let network = sandbox(&store, &["inspect", "-f", "{{json .NetworkSettings.Ports}}", "web"]);
    let place = json!({"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": port}]});
    assert_eq!(network, format!("{place}\n"));
    assert_eq!(sandbox(&store, &["port", "web"]), format!("80/tcp -> 127.0.0.1:{port}\n"));
    let nothing = "error: no port of the host leads to 81/tcp of web";
    Test::sandbox(&["port", "web", "81"]).store(&store).fails(125, &[nothing]).check();
    away(&store);
}

#[test]
fn what_runs_in_a_sandbox_is_shown_in_a_table() {
    require!(user_namespaces(), "user namespaces");
    let (store, ids) = three();
    let top = sandbox(&store, &["top", "web"]);
    let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<Vec<String>> = top.lines().map(cells).collect();
    assert_eq!(lines[0], ["UID", "PID", "PPID", "STATE", "RSS", "COMMAND"]);
    let pid = sandbox(&store, &["inspect", "-f", "{{.State.Pid}}", "web"]);
    assert_eq!((lines.len(), lines[1][1].as_str()), (2, pid.trim()), "{top}");
    assert!(top.ends_with("   sleep 1000\n"), "{top}");
    Test::sandbox(&["top", "job"]).store(&store).fails(125, &["error: job does not run"]).check();
    let idle = ["stats", "--no-stream", "--no-trunc", "job"];
    assert_eq!(
        shown(&store, &ids, &idle),
        "\
CONTAINER ID   NAME   CPU %   MEM USAGE / LIMIT   MEM %   NET I/O     BLOCK I/O   PIDS
<---- id ---   job    0.00%   0 B / 0 B           0.00%   0 B / 0 B   0 B / 0 B   0
"
    );
    let row = json!({
        "ID": ids[1], "Container": ids[1], "Name": "job", "CPUPerc": "0.00%",
        "MemUsage": "0 B / 0 B", "MemPerc": "0.00%", "NetIO": "0 B / 0 B",
        "BlockIO": "0 B / 0 B", "PIDs": "0",
    });
    let json = ["stats", "--no-stream", "--format", "json", "job"];
    assert_eq!(sandbox(&store, &json), format!("{row}\n"));
    let names = ["stats", "--all", "--no-stream", "--format", "{{.Name}}"];
    assert_eq!(sandbox(&store, &names), "web\njob\nnew\n");
    // Again and again, until it is ended.
    let mut stream = Test::sandbox(&["stats", "--format", "{{.Name}}"]).store(&store).spawn();
    stream.wait_for("web\nweb\nweb");
    drop(stream);
    away(&store);
}

#[test]
fn what_has_happened_is_told_in_a_line_each() {
    require!(user_namespaces(), "user namespaces");
    let (store, ids) = three();
    let past = ["events", "--since", "1d", "--until", "0.1s"];
    let events = |options: &[&str]| shown(&store, &ids, &[&past[..], options].concat());
    let finished = sandbox(&store, &["inspect", "-f", "{{.State.FinishedAt}}", "job"]);
    let finished = finished.trim();
    let die = "(exitCode=3, image=host, kind=batch, name=job)";
    let only = ["--filter", "container=job", "-f", "event=die"];
    assert_eq!(events(&only), format!("{finished} container die {} {die}\n", &ID[..12]));
    let json = json!({
        "Type": "container", "Action": "die", "Time": finished, "Actor": {
            "ID": &ID[..12],
            "Attributes": {"exitCode": "3", "image": "host", "kind": "batch", "name": "job"},
        },
    });
    for format in ["json", "{{json .}}"] {
        assert_eq!(events(&[&only[..], &["--format", format]].concat()), format!("{json}\n"));
    }
    let actions = |options: &[&str]| {
        let format = ["--format", "{{.Actor.Attributes.name}} {{.Action}}"];
        let text = events(&[&format, options].concat());
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(actions(&["-f", "label=kind=service"]), ["web create", "web start"]);
    assert_eq!(actions(&["-f", "event=create"]), ["new create", "job create", "web create"]);
    let job =
        ["-f", "container=job", "-f", "event=create", "-f", "event=die", "-f", "type=container"];
    assert_eq!(actions(&job), ["job create", "job die"]);
    assert_eq!(actions(&["-f", "type=image"]), [""; 0]);
    // Those of the last hour: `job` was started while the test ran.
    let recent = ["events", "--since", "1h", "--until", "0s", "--format", "{{.Action}}"];
    assert_eq!(sandbox(&store, &recent), "start\n");
    away(&store);
}
