//! At a terminal: keys that leave a sandbox running, and the way back.

use super::sandbox;
use crate::{
    require,
    support::{Store, Terminal, Test, own, user_namespaces},
};

const SHELL: [&str; 4] = ["-it", "-e", "PS1=ready> ", "--name"];

/// Starts it at a terminal, types the keys, and it has returned.
#[track_caller]
fn leave(store: &Store, args: &[&str], keys: &str) {
    let mut terminal = Terminal::start(&Test::sandbox(args).store(store));
    terminal.type_text("echo he''re\n");
    terminal.wait_for("here");
    terminal.type_text(keys);
    assert_eq!(terminal.wait().code(), Some(0), "{args:?}");
    assert_eq!(sandbox(store, &["ps", "--format", "{{.Names}}"]), "web\n", "{args:?}");
}

#[test]
fn keys_leave_a_sandbox_running() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    leave(&store, &[&["run"], &SHELL[..], &["web", &image, "sh"]].concat(), "\x10\x11");
    leave(&store, &["attach", "web"], "\x10\x11");
    leave(&store, &["attach", "--detach-keys", "ctrl-a,d", "web"], "\x01d");
    leave(&store, &["attach", "--detach-keys=ctrl-]", "web"], "\x1d");
    sandbox(&store, &["kill", "web"]);
    sandbox(&store, &["wait", "web"]);
    leave(&store, &["start", "-ai", "--detach-keys", "ctrl-x,x", "web"], "\x18x");
    sandbox(&store, &["rm", "-f", "web"]);
    let keys = ["--detach-keys", "ctrl-e"];
    leave(&store, &[&["run"], &keys[..], &SHELL, &["web", &image, "sh"]].concat(), "\x05");
    sandbox(&store, &["rm", "-f", "web"]);
    for verb in ["run", "start", "attach"] {
        let bad = [verb, "--detach-keys", "ctrl-1", "web"];
        let why = "`ctrl-1` is not a key such as ctrl-p or x";
        Test::sandbox(&bad).store(&store).fails(125, &[why]).check();
    }
    store.assert_nothing_left();
}

#[test]
fn keys_that_are_none_are_typed() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let cat = ["run", "-it", "--name", "web", "--detach-keys", "", &image, "sh", "-c"];
    let script = "stty raw -echo; echo go; head -c 2 | od -An -tx1; exit 6";
    let run = [&cat[..], &[script]].concat();
    let mut terminal = Terminal::start(&Test::sandbox(&run).store(&store));
    terminal.wait_for("go");
    terminal.type_text("\x10\x11");
    terminal.wait_for("10 11");
    assert_eq!(terminal.wait().code(), Some(6));
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}
