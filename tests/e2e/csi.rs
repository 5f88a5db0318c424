//! Volumes of CSI drivers, by a driver of another gRPC stack (`csi/driver.py`), which knows
//! the rules of the specification and misbehaves when it is told to.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{
    require,
    support::{
        Dir, Image, Registry, Store, Test, binary, eventually, pids_naming, text, user_namespaces,
    },
};

const DRIVER: &str = include_str!("csi/driver.py");
const PROTO: &str = include_str!("../../src/storage/csi/csi.proto");
/// All that a driver may answer instead of doing it, and whether it is asked again.
const CODES: [(&str, bool); 16] = [
    ("CANCELLED", false),
    ("UNKNOWN", false),
    ("INVALID_ARGUMENT", false),
    ("DEADLINE_EXCEEDED", true),
    ("NOT_FOUND", false),
    ("ALREADY_EXISTS", false),
    ("PERMISSION_DENIED", false),
    ("RESOURCE_EXHAUSTED", false),
    ("FAILED_PRECONDITION", false),
    ("ABORTED", true),
    ("OUT_OF_RANGE", false),
    ("UNIMPLEMENTED", false),
    ("INTERNAL", false),
    ("UNAVAILABLE", true),
    ("DATA_LOSS", false),
    ("UNAUTHENTICATED", false),
];

/// A store with an image, settings that know the driver as `test`, and the driver.
struct Csi {
    store: Store,
    image: String,
    dir: Dir,
    features: Vec<&'static str>,
    driver: Mutex<Option<Child>>,
}

impl Csi {
    /// The driver runs in a domain.
    fn new(features: &[&'static str]) -> Self {
        let all = Self::without_driver(features);
        all.start();
        all
    }

    fn without_driver(features: &[&'static str]) -> Self {
        let image = Image::busybox().push(Registry::shared(), "csi");
        let dir = Dir::new("csi");
        dir.write("driver.py", DRIVER);
        dir.write("csi.proto", PROTO);
        let all = Self {
            store: Store::new(),
            image,
            dir,
            features: features.to_vec(),
            driver: Mutex::new(None),
        };
        all.configure("");
        Test::sandbox(&["pull", &all.image]).store(&all.store).check();
        all
    }

    /// Whoever waits for a driver that does not come back waits as long as `timeout` says.
    fn configure(&self, more: &str) {
        let endpoint = format!("unix://{}", self.socket().display());
        let text = format!("[csi.test]\nendpoint = {endpoint:?}\n{more}");
        self.dir.write("sandbox/config.toml", text);
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    /// Starts the driver by way of `program`, and waits until it listens.
    fn start_by(&self, program: &[&str], environment: &[(&str, &str)]) {
        let (first, rest) = program.split_first().unwrap_or((&"/usr/bin/python3", &[]));
        let mut command = Command::new(first);
        let python = (!program.is_empty()).then_some("/usr/bin/python3");
        let dir = self.dir.path();
        let mut child = command
            .args(rest)
            .args(python)
            .args([dir.join("driver.py"), dir.join("csi.proto"), self.socket(), dir.join("state")])
            .args(&self.features)
            .envs(environment.iter().copied())
            .env("SANDBOX_ROOT", self.store.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        child.stdout = Some(stdout.into_inner()); // Where one that is started again writes.
        assert_eq!(line, "ready\n", "driver.py starts");
        *self.driver.lock().unwrap() = Some(child);
    }

    fn start(&self) {
        self.start_with(&[]);
    }

    fn start_with(&self, environment: &[(&str, &str)]) {
        let program = binary();
        self.start_by(&[program.to_str().unwrap(), "domain", "exec", "--"], environment);
    }

    fn stop(&self) {
        if let Some(mut driver) = self.driver.lock().unwrap().take() {
            let _ = driver.kill();
            let _ = driver.wait();
        }
    }

    /// Waits until it has ended by itself.
    fn wait(&self) {
        self.driver.lock().unwrap().take().unwrap().wait().unwrap();
    }

    fn fault(&self, faults: &[Value]) {
        let lines: String = faults.iter().map(|fault| format!("{fault}\n")).collect();
        self.dir.write("state/faults", lines);
    }

    fn calls(&self) -> Vec<Value> {
        let log = fs::read(self.dir.path().join("state/log")).unwrap_or_default();
        text(&log).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn calls_of(&self, verb: &str) -> Vec<Value> {
        self.calls().into_iter().filter(|call| call["verb"] == verb).collect()
    }

    /// The verbs that change something, since this was last asked.
    fn changes(&self) -> Vec<String> {
        let calls = self.calls();
        let _ = fs::remove_file(self.dir.path().join("state/log"));
        let verbs = calls.iter().filter_map(|call| call["verb"].as_str());
        let verbs = verbs.filter(|verb| !verb.contains("Get") && !verb.starts_with("Probe"));
        verbs.map(String::from).collect()
    }

    /// The volumes that the driver has.
    fn volumes(&self) -> Vec<String> {
        let path = self.dir.path().join("state/volumes.json");
        let volumes: Value =
            serde_json::from_slice(&fs::read(path).unwrap_or("{}".into())).unwrap();
        volumes.as_object().unwrap().keys().cloned().collect()
    }

    fn sandbox(&self, args: &[&str]) -> Test {
        Test::sandbox(args).store(&self.store).env("XDG_CONFIG_HOME", self.dir.path())
    }

    fn call(&self, args: &[&str]) -> String {
        self.sandbox(args).read()
    }

    fn create(&self, name: &str, options: &[&str]) -> Test {
        let front = ["volume", "create", "-d", "csi:test"];
        self.sandbox(&[&front[..], options, &[name]].concat())
    }

    fn run(&self, volume: &str, script: &str) -> Test {
        self.sandbox(&["run", "-v", volume, &self.image, "sh", "-c", script])
    }

    fn status(&self, name: &str) -> Value {
        let text = self.call(&["volume", "inspect", name]);
        serde_json::from_str::<Value>(&text).unwrap()[0]["Status"].take()
    }

    fn names(&self) -> String {
        self.call(&["volume", "ls", "-q"])
    }

    /// Nothing is mounted, written down or against the rules any more.
    fn assert_clean(&self) {
        let wrong: Vec<Value> =
            self.calls().into_iter().filter(|call| !call["violation"].is_null()).collect();
        assert_eq!(wrong, [] as [Value; 0]);
        assert_eq!(self.volumes(), [""; 0]);
        assert_eq!(self.store.entries("volumes"), [""; 0]);
        assert_eq!(self.store.entries("csi"), [""; 0]);
        self.stop();
        self.store.assert_nothing_left();
    }
}

impl Drop for Csi {
    fn drop(&mut self) {
        self.stop();
    }
}

fn fails(verb: &str, code: &str) -> Value {
    json!({"verb": verb, "do": "fail", "code": code})
}

fn dies(verb: &str, when: &str) -> Value {
    json!({"verb": verb, "do": when})
}

fn sleeps(verb: &str, seconds: u32) -> Value {
    json!({"verb": verb, "do": "sleep", "seconds": seconds})
}

fn grpc() -> bool {
    let modules = ["grpc", "grpc_tools"];
    modules.iter().all(|it| PathBuf::from("/usr/lib/python3/dist-packages").join(it).exists())
}

macro_rules! require_driver {
    () => {
        require!(user_namespaces(), "user namespaces");
        require!(grpc(), "python3-grpcio and python3-grpc-tools");
    };
}

#[test]
fn a_volume_lives_from_create_to_delete() {
    require_driver!();
    let csi = Csi::new(&["controller"]);
    let options = ["-o", "size=2m", "-o", "pool=fast", "-o", "fsType=ext4", "-o", "mountFlags=a,b"];
    csi.create("data", &options).stdout("data\n").check();
    let create = &csi.calls_of("CreateVolume")[0];
    assert_eq!(create["parameters"], json!({"pool": "fast"}));
    assert!(create["capacity_range"].as_str().unwrap().contains("required_bytes: 2097152"));
    let capabilities = create["volume_capabilities"].to_string();
    for part in ["fs_type: \\\"ext4\\\"", "mount_flags: \\\"b\\\"", "mode: SINGLE_NODE_WRITER"] {
        assert!(capabilities.contains(part), "{capabilities}");
    }
    assert_eq!(csi.changes(), ["CreateVolume"]);
    csi.run("data:/d", "echo one >> /d/f; cat /d/f").stdout("one\n").check();
    let raised = ["ControllerPublishVolume", "NodeStageVolume", "NodePublishVolume"];
    let lowered = ["NodeUnpublishVolume", "NodeUnstageVolume", "ControllerUnpublishVolume"];
    assert_eq!(csi.changes(), [raised, lowered].concat());
    csi.run("data:/d", "echo two >> /d/f; cat /d/f").stdout("one\ntwo\n").check();
    csi.run("data:/d:ro", "touch /d/x").code(1).check();
    assert_eq!(csi.calls_of("NodePublishVolume")[1]["readonly"], true);
    csi.run("data:/d:subpath=f", "cat /d").stdout("one\ntwo\n").check();
    csi.changes();
    assert_eq!(csi.call(&["volume", "rm", "data"]), "data\n");
    assert_eq!(csi.changes(), ["DeleteVolume"]);
    csi.assert_clean();
}

#[test]
fn a_driver_may_do_without_staging_and_say_nothing_of_being_ready() {
    require_driver!();
    let csi = Csi::new(&["no-stage", "no-ready"]);
    csi.create("data", &[]).check();
    csi.run("data:/d", "echo one > /d/f; cat /d/f").stdout("one\n").check();
    let verbs = ["CreateVolume", "NodePublishVolume", "NodeUnpublishVolume"];
    assert_eq!(csi.changes(), verbs);
    csi.call(&["volume", "rm", "data"]);
    csi.assert_clean();
}

#[test]
fn a_driver_that_is_not_ready_is_waited_for() {
    require_driver!();
    let csi = Csi::new(&[]);
    csi.fault(&vec![dies("Probe", "not-ready"); 3]);
    csi.create("data", &[]).check();
    assert_eq!(csi.calls_of("Probe").len(), 4);
    csi.call(&["volume", "rm", "data"]);
    csi.assert_clean();
}

#[test]
fn what_a_driver_refuses_to_make_is_told_and_never_lost() {
    require_driver!();
    let csi = Csi::new(&[]);
    for (code, is_retried) in CODES {
        csi.changes();
        csi.fault(&vec![fails("CreateVolume", code); if is_retried { 2 } else { 1 }]);
        if is_retried {
            csi.create("data", &[]).check();
            assert_eq!(csi.changes(), ["CreateVolume"; 3], "{code}");
        } else {
            let said = format!(
                "error[E055]: the CSI driver at {} refuses CreateVolume: {code}: as the test wants it\n",
                csi.socket().display()
            );
            csi.create("data", &[]).code(125).stderr(&said).check();
            assert_eq!(csi.changes(), ["CreateVolume"], "{code}");
            // It may be there, unless the driver has said that it cannot be.
            let may_be = ["CANCELLED", "UNKNOWN", "INTERNAL", "DATA_LOSS"].contains(&code);
            assert_eq!(csi.names(), if may_be { "data\n" } else { "" }, "{code}");
            if may_be {
                assert_eq!(csi.status("data")["State"], "creating");
                csi.create("data", &["-o", "a=b"]).fails(125, &["exists already"]).check();
            }
            csi.create("data", &[]).check();
        }
        assert_eq!((csi.volumes().len(), csi.status("data")["State"].as_str()), (1, Some("ready")));
        csi.call(&["volume", "rm", "data"]);
    }
    csi.assert_clean();
}

#[test]
fn a_driver_that_refuses_before_it_is_asked_for_a_volume_has_made_none() {
    require_driver!();
    let csi = Csi::new(&[]);
    csi.configure("timeout = 2\n");
    let cases = [
        (fails("Probe", "UNKNOWN"), "refuses Probe: UNKNOWN"),
        (fails("ControllerGetCapabilities", "INTERNAL"), "INTERNAL"),
        (sleeps("GetPluginInfo", 4), "has not done GetPluginInfo within 2 s"),
    ];
    for (fault, said) in cases {
        csi.fault(&[fault]);
        csi.create("data", &[]).fails(125, &[said]).check();
        assert_eq!(csi.names(), "");
        let mount = "type=volume,src=data,dst=/d,volume-driver=csi:test,volume-opt=size=2000g";
        csi.configure("");
        let run = ["run", "--mount", mount, &csi.image, "true"];
        csi.sandbox(&run).fails(125, &["OUT_OF_RANGE"]).check();
        csi.configure("timeout = 2\n");
        assert_eq!(csi.names(), "");
    }
    csi.assert_clean();
}

#[test]
fn what_a_driver_refuses_to_mount_is_told_and_undone() {
    require_driver!();
    let csi = Csi::new(&["controller"]);
    csi.create("data", &[]).check();
    let raised = ["ControllerPublishVolume", "NodeStageVolume", "NodePublishVolume"];
    for (code, is_retried) in CODES {
        csi.fault(&[fails("NodePublishVolume", code)]);
        let run = csi.run("data:/d", "echo $((1 + 1))");
        if is_retried {
            run.stdout("2\n").check();
            continue;
        }
        let said = format!("refuses NodePublishVolume: {code}: as the test wants it");
        run.fails(125, &[&said]).check();
        assert!(!csi.status("data")["Staged"].as_bool().unwrap(), "{code}");
    }
    for verb in raised {
        csi.changes();
        csi.fault(&[fails(verb, "INTERNAL")]);
        csi.run("data:/d", "true").fails(125, &[verb]).check();
        let undone = csi.changes();
        assert!(undone.ends_with(&["ControllerUnpublishVolume".into()]), "{verb}: {undone:?}");
    }
    csi.run("data:/d", "echo still there").stdout("still there\n").check();
    csi.call(&["volume", "rm", "data"]);
    csi.assert_clean();
}

#[test]
fn a_volume_that_cannot_be_deleted_stays() {
    require_driver!();
    let csi = Csi::new(&[]);
    csi.create("data", &[]).check();
    csi.fault(&[fails("DeleteVolume", "FAILED_PRECONDITION")]);
    csi.sandbox(&["volume", "rm", "-f", "data"]).fails(125, &["refuses DeleteVolume"]).check();
    assert_eq!(csi.names(), "data\n");
    // What is not there is deleted.
    csi.fault(&[fails("DeleteVolume", "NOT_FOUND")]);
    csi.call(&["volume", "rm", "data"]);
    assert_eq!((csi.names(), csi.volumes().len()), (String::new(), 1));

    csi.create("other", &[]).check();
    csi.stop();
    csi.sandbox(&["volume", "rm", "other"]).fails(125, &["cannot reach"]).check();
    csi.sandbox(&["system", "reset", "-f"]).fails(125, &["cannot reach"]).check();
    assert_eq!(csi.names(), "other\n");
    csi.call(&["volume", "rm", "--forget", "other"]);
    assert_eq!(csi.names(), "");
}

#[test]
fn a_driver_that_dies_between_stage_and_publish_loses_nothing() {
    require_driver!();
    let csi = Csi::new(&["controller"]);
    csi.configure("timeout = 2\n");
    csi.create("data", &[]).check();
    csi.run("data:/d", "echo one > /d/f").check();
    csi.fault(&[dies("NodePublishVolume", "die-before")]);
    csi.run("data:/d", "true").fails(125, &["has gone during NodePublishVolume"]).check();
    csi.wait();
    let status = csi.status("data");
    assert_eq!((&status["Staged"], &status["NodeId"]), (&json!(true), &json!("node-1")));
    csi.run("data:/d", "true").fails(125, &["cannot reach"]).check();
    csi.start();
    csi.run("data:/d", "cat /d/f").stdout("one\n").check();
    assert!(!csi.status("data")["Staged"].as_bool().unwrap());

    for (verb, when) in [
        ("NodeStageVolume", "die-before"),
        ("NodeStageVolume", "die-after"),
        ("NodePublishVolume", "die-after"),
        ("ControllerPublishVolume", "die-after"),
    ] {
        csi.fault(&[dies(verb, when)]);
        csi.run("data:/d", "true").fails(125, &[verb]).check();
        csi.wait();
        csi.start();
        csi.run("data:/d", "cat /d/f").stdout("one\n").check();
    }
    csi.fault(&[dies("NodePublishVolume", "die-before")]);
    csi.run("data:/d", "true").fails(125, &["has gone during NodePublishVolume"]).check();
    csi.wait();
    csi.start();
    csi.call(&["volume", "rm", "data"]); // Undoes what is half done, too.
    csi.assert_clean();
}

/// The second driver is in the same namespaces, so its mounts are seen where the first
/// one's were.
#[test]
fn a_driver_that_is_started_again_in_time_is_not_noticed() {
    require_driver!();
    let csi = Csi::without_driver(&[]);
    let program = binary();
    let again = "while :; do \"$@\"; done";
    let by = [program.to_str().unwrap(), "domain", "exec", "--", "sh", "-c", again, "csi-again"];
    csi.start_by(&by, &[]);
    for (verb, when) in [
        ("CreateVolume", "die-after"),
        ("NodeStageVolume", "die-after"),
        ("NodePublishVolume", "die-before"),
        ("NodeUnpublishVolume", "die-after"),
        ("NodeUnstageVolume", "die-before"),
        ("DeleteVolume", "die-after"),
    ] {
        csi.fault(&[dies(verb, when)]);
        csi.create("data", &[]).check();
        csi.run("data:/d", "echo one > /d/f; cat /d/f").stdout("one\n").stderr("").check();
        csi.call(&["volume", "rm", "data"]);
        let twice = csi.calls_of(verb).iter().filter(|call| !call["fault"].is_null()).count();
        assert_eq!(twice, 1, "{verb}");
        csi.changes();
    }
    let marker = csi.socket().display().to_string();
    for pid in pids_naming(&marker) {
        let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
    }
    csi.assert_clean();
}

#[test]
fn a_driver_that_is_slow_is_waited_for_as_long_as_was_said() {
    require_driver!();
    let csi = Csi::new(&[]);
    csi.fault(&[sleeps("CreateVolume", 1), sleeps("NodeStageVolume", 1)]);
    csi.create("data", &[]).check();
    csi.run("data:/d", "echo one > /d/f").check();
    csi.configure("timeout = 2\n");
    csi.fault(&[sleeps("NodePublishVolume", 4)]);
    let socket = csi.socket().display().to_string();
    let said = format!("the CSI driver at {socket} has not done NodePublishVolume within 2 s");
    csi.run("data:/d", "true").fails(125, &[&said, "`sandbox volume rm` undoes it"]).check();
    csi.configure("");
    csi.run("data:/d", "cat /d/f").stdout("one\n").check();
    csi.call(&["volume", "rm", "data"]);
    csi.assert_clean();
}

#[test]
fn what_a_killed_supervisor_leaves_is_undone_by_whoever_comes_next() {
    require_driver!();
    let csi = Csi::new(&["controller"]);
    csi.create("data", &[]).check();
    let kill = || {
        csi.call(&["run", "-d", "--name", "one", "-v", "data:/d", &csi.image, "sleep", "999"]);
        let pid = csi.call(&["inspect", "--format", "{{.State.SupervisorPid}}", "one"]);
        kill_process(Pid::from_raw(pid.trim().parse().unwrap()).unwrap(), Signal::KILL).unwrap();
        let running = || csi.call(&["inspect", "--format", "{{.State.Running}}", "one"]);
        assert!(eventually(|| (running().trim() == "false").then_some(())).is_some());
        csi.changes();
    };
    kill();
    assert_eq!(csi.status("data")["Published"].as_object().unwrap().len(), 1);
    // The same sandbox, started again.
    csi.call(&["start", "one"]);
    assert_eq!(csi.status("data")["Published"].as_object().unwrap().len(), 1);
    csi.call(&["rm", "-f", "one"]);
    let settled = || (!csi.status("data")["Staged"].as_bool().unwrap()).then_some(());
    assert!(eventually(settled).is_some());

    kill();
    csi.call(&["rm", "one"]);
    csi.run("data:/d", "true").check();
    let changes = csi.changes();
    assert_eq!(changes.first().unwrap(), "NodeUnpublishVolume", "{changes:?}");
    assert_eq!(csi.status("data")["Published"], json!({}));

    kill();
    csi.call(&["rm", "one"]);
    csi.call(&["system", "prune", "-f"]);
    let undone = ["NodeUnpublishVolume", "NodeUnstageVolume", "ControllerUnpublishVolume"];
    assert_eq!(csi.changes(), undone);

    kill();
    csi.sandbox(&["volume", "rm", "data"]).fails(125, &["in use by"]).check();
    csi.call(&["rm", "one"]);
    csi.call(&["volume", "rm", "data"]);
    assert_eq!(csi.changes(), [&undone[..], &["DeleteVolume"]].concat());
    csi.assert_clean();
}

#[test]
fn a_create_that_was_killed_is_gone_on_with_or_given_up() {
    require_driver!();
    let csi = Csi::new(&[]);
    for (seconds, goes_on) in [(1, true), (1, false)] {
        csi.changes();
        csi.fault(&[sleeps("CreateVolume", seconds)]);
        let mut create = csi.create("data", &[]).spawn();
        let asked =
            || (csi.store.entries("volumes/data").contains(&"csi.json".into())).then_some(());
        assert!(eventually(asked).is_some());
        create.signal(Signal::KILL);
        create.wait();
        assert_eq!(csi.status("data")["State"], "creating");
        csi.run("data:/d", "true").check(); // Whoever uses it goes on, too.
        assert_eq!((csi.status("data")["State"].as_str(), csi.volumes().len()), (Some("ready"), 1));
        if goes_on {
            csi.create("data", &[]).stdout("data\n").check();
            csi.create("data", &["-o", "size=2g"]).fails(125, &["`data` exists already"]).check();
            csi.create("data", &["-o", "size=2g", "--ignore"]).stdout("data\n").check();
        }
        csi.call(&["volume", "rm", "data"]);
    }
    csi.configure("timeout = 2\n");
    csi.fault(&[dies("CreateVolume", "die-after")]);
    csi.create("data", &[]).fails(125, &["during CreateVolume"]).check();
    csi.wait();
    csi.start();
    assert_eq!((csi.status("data")["State"].as_str(), csi.volumes().len()), (Some("creating"), 1));
    csi.call(&["volume", "rm", "data"]);
    csi.assert_clean();
}

#[test]
fn secrets_reach_the_driver_and_nobody_else() {
    require_driver!();
    const SECRET: &str = "hunter2-hunter2";
    let csi = Csi::without_driver(&["controller"]);
    csi.start_with(&[("CSI_TEST_SECRET", SECRET)]);
    let file = csi.dir.write("secrets", format!("key={SECRET}\n"));
    let option = format!("secrets={}", file.display());
    let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    let words = ["others may read them", "chmod 600"];
    csi.create("data", &["-o", &option]).fails(125, &words).check();
    assert_eq!(csi.names(), "");
    mode(0o600);
    csi.create("data", &["-o", &option]).check();
    csi.run("data:/d", "true").check();
    csi.call(&["volume", "snapshot", "data", "before"]);
    let shown = csi.call(&["volume", "inspect", "data", "before"]);
    assert!(shown.contains(file.to_str().unwrap()) && !shown.contains(SECRET), "{shown}");
    let store = csi.store.path().to_str().unwrap();
    let found = Command::new("grep").args(["-rl", SECRET, store]).output().unwrap();
    assert_eq!(text(&found.stdout), "");
    csi.call(&["volume", "rm", "before", "data"]);

    csi.configure(&format!("secrets = {:?}\nparameters = {{ pool = 'slow' }}\n", file.display()));
    csi.create("other", &[]).check();
    assert_eq!(csi.calls_of("CreateVolume").last().unwrap()["parameters"]["pool"], "slow");
    csi.call(&["volume", "rm", "other"]);
    csi.assert_clean();
}

#[test]
fn a_mount_that_cannot_be_seen_is_told() {
    require_driver!();
    let csi = Csi::without_driver(&["no-mount"]);
    csi.start_by(&[], &[]);
    csi.create("data", &[]).check();
    let output = csi.sandbox(&["run", "-v", "data:/d", &csi.image, "true"]).output();
    let (socket, mounts) = (csi.socket(), csi.store.path().join("csi/data"));
    let said = text(&output.stderr);
    let target = said.split(" has mounted at ").nth(1).unwrap().split(' ').next().unwrap();
    assert!(target.starts_with(mounts.to_str().unwrap()) && target.ends_with("-0/mount"), "{said}");
    let expected = format!(
        "error[E043]: what the CSI driver at {} has mounted at {target} cannot be seen from here\n\
         hint: a driver that runs by `sandbox domain exec -- DRIVER …` mounts where sandboxes of \
         yours see it\n",
        socket.display()
    );
    assert_eq!((said, output.status.code()), (expected, Some(125)));
    let undone = ["NodeUnpublishVolume", "NodeUnstageVolume"];
    assert!(csi.changes().ends_with(&undone.map(String::from)));
    csi.call(&["volume", "rm", "data"]);
    csi.assert_clean();
}

#[test]
fn several_sandboxes_share_a_volume() {
    require_driver!();
    let csi = Csi::new(&["controller"]);
    csi.create("data", &[]).check();
    for name in ["one", "two"] {
        csi.call(&["run", "-d", "--name", name, "-v", "data:/d", &csi.image, "sleep", "999"]);
    }
    csi.call(&["exec", "one", "sh", "-c", "echo hello > /d/f"]);
    assert_eq!(csi.call(&["exec", "two", "cat", "/d/f"]), "hello\n");
    assert_eq!(csi.status("data")["Published"].as_object().unwrap().len(), 2);
    let sized = csi.call(&["volume", "inspect", "-s", "-f", "{{.UsageData.Size}}", "data"]);
    assert_eq!(sized, "4096\n");
    csi.call(&["rm", "-f", "one"]);
    let settled =
        || (csi.status("data")["Published"].as_object().unwrap().len() == 1).then_some(());
    assert!(eventually(settled).is_some());
    assert!(csi.status("data")["Staged"].as_bool().unwrap());
    let shared = ["run", "--volumes-from", "two", &csi.image, "cat", "/d/f"];
    assert_eq!(csi.call(&shared), "hello\n");
    csi.call(&["rm", "-f", "two"]);
    let settled = || (!csi.status("data")["Staged"].as_bool().unwrap()).then_some(());
    assert!(eventually(settled).is_some());
    let sized = csi.call(&["volume", "inspect", "-s", "-f", "{{.UsageData.Size}}", "data"]);
    assert_eq!(sized, "-1\n");
    csi.call(&["volume", "rm", "data"]);
    csi.assert_clean();
}

#[test]
fn snapshots_and_clones_are_the_driver_s() {
    require_driver!();
    let csi = Csi::new(&[]);
    csi.create("data", &[]).check();
    csi.run("data:/d", "echo one > /d/f").check();
    assert_eq!(csi.call(&["volume", "snapshot", "data", "before"]), "before\n");
    assert_eq!(csi.calls_of("CreateSnapshot").len(), 2); // It was not ready at first.
    csi.run("data:/d", "echo two > /d/f").check();
    assert_eq!(csi.call(&["volume", "clone", "before", "old"]), "old\n");
    assert_eq!(csi.call(&["volume", "clone", "data", "new"]), "new\n");
    csi.run("old:/d", "cat /d/f").stdout("one\n").check();
    csi.run("new:/d", "cat /d/f").stdout("two\n").check();
    csi.run("before:/d", "true").fails(125, &["cannot mount a snapshot"]).check();
    csi.sandbox(&["volume", "snapshot", "before", "x1"]).fails(125, &["is a snapshot"]).check();
    csi.fault(&[fails("CreateVolume", "NOT_FOUND")]);
    csi.sandbox(&["volume", "clone", "data", "x2"]).fails(125, &["NOT_FOUND"]).check();
    let export = ["volume", "export", "data"];
    csi.sandbox(&export).fails(125, &["are a CSI driver's", "sandbox run -v data:/v"]).check();
    assert_eq!(csi.names(), "before\ndata\nnew\nold\n");
    csi.call(&["volume", "rm", "before", "old", "new", "data"]);
    assert_eq!(csi.calls_of("DeleteSnapshot").len(), 1);
    csi.assert_clean();
}

#[test]
fn what_a_driver_is_and_has_can_be_seen() {
    require_driver!();
    let csi = Csi::new(&["controller"]);
    let endpoint = format!("unix://{}", csi.socket().display());
    for name in ["test", "csi:test", &endpoint] {
        let shown: Value = serde_json::from_str(&csi.call(&["volume", "driver", name])).unwrap();
        assert_eq!((&shown["Name"], &shown["NodeId"]), (&json!("driver.test"), &json!("node-1")));
        assert_eq!(shown["PluginCapabilities"], json!(["CONTROLLER_SERVICE"]));
        let node = json!(["STAGE_UNSTAGE_VOLUME", "GET_VOLUME_STATS"]);
        assert_eq!(shown["NodeCapabilities"], node);
    }
    csi.sandbox(&["volume", "driver", "none"])
        .fails(125, &["config.toml has no CSI driver"])
        .check();
    let unreachable = "error[E054]: cannot reach the CSI driver at /none\n  caused by: No such file or \
                       directory (os error 2)\n";
    csi.sandbox(&["volume", "driver", "unix:///none"]).code(125).stderr(unreachable).check();
    for name in ["one", "two", "three"] {
        csi.create(name, &[]).check();
    }
    let three = csi.status("three")["VolumeId"].as_str().unwrap().to_owned();
    csi.call(&["volume", "rm", "--forget", "three"]);
    let format = "{{.VolumeId}} {{.Name}}";
    let listed = csi.call(&["volume", "ls", "--driver", "test", "--format", format]);
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.contains(&format!("{three} \n")) && listed.contains(" two\n"), "{listed}");
    assert!(csi.call(&["volume", "ls", "--driver", "test", "-q"]).contains(&three));

    // One that is there is adopted, and not deleted by us.
    let context = csi.calls_of("CreateVolume")[2]["name"].as_str().unwrap().to_owned();
    let (id, of) = (format!("id={three}"), format!("context:of={context}"));
    csi.create("mine", &["-o", &id, "-o", &of]).check();
    csi.run("mine:/d", "echo one > /d/f; cat /d/f").stdout("one\n").check();
    csi.call(&["volume", "rm", "mine", "one", "two"]);
    assert_eq!(csi.volumes(), [three]);

    csi.stop();
    csi.start_with(&[("CSI_TEST_NAME", "other.test")]);
    csi.create("four", &[]).check();
    csi.stop();
    csi.start();
    let wrong = ["is driver.test, and the volume is one of other.test"];
    csi.sandbox(&["volume", "rm", "four"]).fails(125, &wrong).check();
}

#[test]
fn a_volume_without_a_name_goes_with_its_sandbox() {
    require_driver!();
    let csi = Csi::new(&[]);
    let endpoint = csi.socket().display().to_string();
    let mount = format!("type=volume,dst=/d,volume-driver=csi:unix://{endpoint},volume-opt=a=b");
    let run = ["run", "--mount", &mount, &csi.image, "sh", "-c", "echo one > /d/f; cat /d/f"];
    assert_eq!(csi.call(&run), "one\n");
    assert_eq!(csi.calls_of("CreateVolume")[0]["parameters"], json!({"a": "b"}));
    csi.assert_clean();
}

#[test]
fn drivers_of_several_domains_do_not_go_together() {
    require_driver!();
    let (one, other) = (Csi::new(&[]), Csi::new(&[]));
    one.create("mine", &[]).check();
    let endpoint = format!("csi:unix://{}", other.socket().display());
    one.sandbox(&["volume", "create", "-d", &endpoint, "theirs"]).check();
    let run = ["run", "-v", "mine:/a", "-v", "theirs:/b", &one.image, "true"];
    one.sandbox(&run).fails(125, &["nothing in common", "start both by one"]).check();
    let run = ["run", "--pid", "host", "-v", "mine:/a", &one.image, "true"];
    one.sandbox(&run).fails(125, &["`--pid host` would show the CSI driver"]).check();
    one.call(&["volume", "rm", "mine", "theirs"]);
    assert_eq!(other.volumes(), [""; 0]);
    one.assert_clean();
}

/// Whoever shares something with a sandbox is in its domain, and so in the driver's.
#[test]
fn volumes_of_drivers_go_with_networks() {
    require_driver!();
    let csi = Csi::new(&[]);
    csi.create("data", &[]).check();
    csi.call(&["network", "create", "net1"]);
    let run = |name: &'static str, rest: &[&str]| {
        csi.sandbox(&[&["run", "--network", "net1", "--name", name][..], rest].concat())
    };
    run("first", &["-d", &csi.image, "sleep", "999"]).check();
    let words = ["another domain", "start the sandbox with the driver's volume first"];
    run("second", &["-v", "data:/d", &csi.image, "true"]).fails(125, &words).check();
    csi.call(&["rm", "-f", "first"]);
    run("second", &["-d", "-v", "data:/d", &csi.image, "sleep", "999"]).check();
    run("third", &["--rm", "-v", "data:/d", &csi.image, "ping", "-c1", "second"]).check();
    csi.call(&["rm", "-f", "second"]);
    csi.call(&["network", "rm", "net1"]);
    csi.call(&["volume", "rm", "data"]);
    csi.assert_clean();
}

#[test]
fn another_user_and_a_domain_in_a_domain_see_a_driver_s_volume() {
    require_driver!();
    let csi = Csi::new(&[]);
    csi.create("data", &[]).check();
    let own = csi.dir.path().join("own");
    fs::create_dir(&own).unwrap();
    let bind = format!("{}:/own", own.display());
    let script = "id -u; touch /d/f; stat -c %u /d/f";
    let run = ["run", "-u", "1000", "-v", "data:/d", "-v", &bind, &csi.image, "sh", "-c", script];
    assert_eq!(csi.call(&run), "1000\n1000\n");
    csi.stop();

    // The driver and the command that uses it, started by the same shell.
    let (dir, program) = (csi.dir.path(), binary());
    let script = format!(
        "/usr/bin/python3 {0}/driver.py {0}/csi.proto {0}/s {0}/state >{0}/out & \
         while ! grep -q ready {0}/out; do sleep 0.1; done; \
         {1} run -v data:/d {2} ls /d; {1} volume rm data; kill $!",
        dir.display(),
        program.display(),
        csi.image
    );
    let exec = ["domain", "exec", "--", "sh", "-c", &script];
    csi.sandbox(&exec).stdout("f\ndata\n").check();
    csi.assert_clean();
}

#[test]
fn a_program_in_a_domain_is_root_and_may_mount() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    let exec =
        |words: &[&str]| Test::sandbox(&[&["domain", "exec", "--"], words].concat()).store(&store);
    let script = "id -u; mount -t tmpfs none /mnt; touch /mnt/x; ls /mnt; exit 3";
    exec(&["sh", "-c", script]).code(3).stdout("0\nx\n").check();
    assert!(!PathBuf::from("/mnt/x").exists());
    exec(&["absent-program"]).fails(127, &["`absent-program`"]).check();
    exec(&["/etc/passwd"]).fails(126, &["/etc/passwd"]).check();
}

/// A volume that somebody else reads at the same time is never seen half.
#[test]
fn sandboxes_that_start_at_once_do_not_get_into_each_other_s_way() {
    require_driver!();
    let csi = Arc::new(Csi::new(&["controller"]));
    csi.create("data", &[]).check();
    std::thread::scope(|scope| {
        for number in 0..4 {
            let csi = &csi;
            scope.spawn(move || {
                let script = format!("echo {number} > /d/{number}; cat /d/{number}");
                csi.run("data:/d", &script).stdout(&format!("{number}\n")).check();
            });
        }
    });
    csi.run("data:/d", "ls /d").stdout("0\n1\n2\n3\n").check();
    csi.call(&["volume", "rm", "data"]);
    csi.assert_clean();
}
