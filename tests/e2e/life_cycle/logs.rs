//! `logs`, word for word.

use std::fs;

use super::sandbox;
use crate::{
    require,
    support::{Store, Test, own, user_namespaces},
};

/// A log as CRI has it, with moments that are known.
const LOG: &str = "\
2001-02-03T04:05:06.000000001Z stdout F one
2001-02-03T04:05:07.000000002Z stderr F two
2001-02-03T04:05:08.000000003Z stdout P thr
2001-02-03T04:05:08.000000004Z stdout F ee
2001-02-03T04:05:09.000000005Z stdout F four
";

/// A sandbox called `web` that has written [`LOG`].
fn written() -> Store {
    with_log(LOG)
}

fn with_log(log: &str) -> Store {
    let store = Store::new();
    let id = sandbox(&store, &["create", "--name", "web", "host", "true"]);
    sandbox(&store, &["start", "-a", "web"]);
    fs::write(store.path().join("sandboxes").join(id.trim()).join("log"), log).unwrap();
    store
}

#[test]
fn a_log_is_shown_as_it_was_written() {
    require!(user_namespaces(), "user namespaces");
    let store = written();
    let at = |second: &str| format!("2001-02-03T04:05:{second}Z");
    let (seven, eight) = (at("07"), at("08"));
    for (options, stdout, stderr) in [
        (&[][..], "one\nthree\nfour\n", "two\n"),
        (&["-f"], "one\nthree\nfour\n", "two\n"),
        (&["--follow", "--tail", "1"], "four\n", ""),
        (&["--tail", "2"], "three\nfour\n", ""),
        (&["--tail=0"], "", ""),
        (&["-n", "3"], "three\nfour\n", "two\n"),
        (&["--tail", "all"], "one\nthree\nfour\n", "two\n"),
        (&["--tail", "-1"], "one\nthree\nfour\n", "two\n"),
        (&["--since", &eight], "three\nfour\n", ""),
        (&["--since", &seven, "--until", &eight], "", "two\n"),
        (&["--until", &seven], "one\n", ""),
        (&["--since", "5m"], "", ""),
    ] {
        let args = [&["logs"], options, &["web"]].concat();
        Test::sandbox(&args).store(&store).stdout(stdout).stderr(stderr).check();
    }
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

#[test]
fn a_line_without_an_end_is_one_of_the_last() {
    require!(user_namespaces(), "user namespaces");
    let ends = "\
2001-02-03T04:05:10.000000006Z stderr P bad
2001-02-03T04:05:10.000000007Z stdout P en
2001-02-03T04:05:10.000000008Z stdout P d
";
    let store = with_log(&format!("{LOG}{ends}"));
    for (tail, stdout, stderr) in
        [("0", "", ""), ("1", "end", ""), ("2", "end", "bad"), ("3", "four\nend", "bad")]
    {
        let args = ["logs", "--tail", tail, "web"];
        Test::sandbox(&args).store(&store).stdout(stdout).stderr(stderr).check();
    }
    Test::sandbox(&["logs", "-t", "--tail", "1", "web"])
        .store(&store)
        .stdout("2001-02-03T04:05:10.000000007Z end")
        .check();
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

#[test]
fn each_line_of_a_log_has_its_time() {
    require!(user_namespaces(), "user namespaces");
    let store = written();
    let stdout = "\
2001-02-03T04:05:06.000000001Z one
2001-02-03T04:05:08.000000003Z three
2001-02-03T04:05:09.000000005Z four
";
    for option in ["-t", "--timestamps"] {
        Test::sandbox(&["logs", option, "web"])
            .store(&store)
            .stdout(stdout)
            .stderr("2001-02-03T04:05:07.000000002Z two\n")
            .check();
    }
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

#[test]
fn a_log_is_followed_to_the_end_of_its_sandbox() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    let script = "echo up; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo last; echo bad >&2";
    sandbox(&store, &["run", "-d", "--name", "web", "host", "sh", "-c", script]);
    let mut follow = Test::sandbox(&["logs", "-f", "web"]).store(&store).spawn();
    follow.wait_for("up");
    sandbox(&store, &["exec", "web", "touch", "/tmp/go"]);
    follow.wait_for("last");
    assert_eq!(follow.wait().code(), Some(0));
    Test::sandbox(&["logs", "web"]).store(&store).stdout("up\nlast\n").stderr("bad\n").check();
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

#[test]
fn nothing_is_kept_of_a_log_that_is_not_wanted() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let script = "echo one; read line; echo $line";
    let words = ["run", "-i", "--name", "job", "--log-driver=none", &image, "sh", "-c", script];
    Test::sandbox(&words).store(&store).stdin("two\n").stdout("one\ntwo\n").check();
    let id = sandbox(&store, &["inspect", "-f", "{{.Id}}", "job"]);
    assert!(!store.path().join("sandboxes").join(id.trim()).join("log").exists());
    let driver = ["inspect", "-f", "{{.HostConfig.LogConfig.Type}}", "job"];
    assert_eq!(sandbox(&store, &driver), "none\n");
    let why = "error[E001]: job keeps no log: it was made with `--log-driver none`\n";
    Test::sandbox(&["logs", "job"]).store(&store).code(125).stderr(why).check();
    for kept in ["local", "json-file"] {
        sandbox(&store, &["rm", "job"]);
        let words = ["run", "--name", "job", "--log-driver", kept, &image, "echo", "kept"];
        Test::sandbox(&words).store(&store).check();
        assert_eq!(sandbox(&store, &["logs", "job"]), "kept\n");
    }
    sandbox(&store, &["rm", "job"]);
    store.assert_nothing_left();
}

#[test]
fn a_log_that_there_is_not_is_told() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    for (args, why) in [
        (&["logs", "web"][..], "error: there is no sandbox `web`"),
        (&["logs", "-n", "x", "web"], "not a number of lines, nor all"),
        (&["logs", "--since", "x", "web"], "neither a time such as"),
        (&["logs", "--until", "x", "web"], "neither a time such as"),
        (&["run", "--log-opt", "max-size=0", "host", "true"], "a log of no bytes keeps nothing"),
        (&["run", "--log-opt", "max-file=0", "host", "true"], "`0` is not a number of files"),
        (&["run", "--log-driver", "syslog", "host", "true"], "logs are sent nowhere; there are"),
        (&["run", "--log-opt", "tag=x", "host", "true"], "neither max-size=BYTES nor max-file="),
    ] {
        Test::sandbox(args).store(&store).fails(125, &[why]).check();
    }
}
