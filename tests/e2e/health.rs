//! Health checks: made, told, and out of the way.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    require,
    support::{Image, Registry, Store, Test, eventually, own, user_namespaces},
};

fn sandbox(store: &Store, args: &[&str]) -> String {
    Test::sandbox(args).store(store).read()
}

/// Waits until `ps` shows this after the time that the sandbox is up.
#[track_caller]
fn is(store: &Store, condition: &str) {
    let status = || sandbox(store, &["ps", "--format", "{{.Status}}"]);
    let shown = || status().trim_end().ends_with(condition).then_some(());
    assert!(eventually(shown).is_some(), "{condition}: {}", status());
}

fn health(store: &Store) -> Value {
    let text = sandbox(store, &["inspect", "-f", "{{json .State.Health}}", "web"]);
    serde_json::from_str(&text).unwrap()
}

#[test]
fn what_a_check_finds_is_shown() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let check = "echo looked; [ -e /well ]";
    let options = ["--health-cmd", check, "--health-interval", "200ms", "--health-retries", "2"];
    let command = [&image, "sh", "-c", "while :; do sleep 0.05; done"];
    sandbox(&store, &[&["run", "-d", "--name", "web"], &options[..], &command].concat());
    is(&store, "(unhealthy)");
    assert_eq!(sandbox(&store, &["ps", "-q", "--filter", "health=healthy"]), "");
    sandbox(&store, &["exec", "web", "touch", "/well"]);
    is(&store, "(healthy)");
    assert_ne!(sandbox(&store, &["ps", "-q", "--filter", "health=healthy"]), "");
    let health = health(&store);
    assert_eq!((&health["Status"], &health["FailingStreak"]), (&json!("healthy"), &json!(0)));
    let last = health["Log"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["ExitCode"], &last["Output"]), (&json!(0), &json!("looked\n")));
    let since = ["events", "--since", "10m", "--until", "0.1s", "--format", "{{.Action}}"];
    assert!(sandbox(&store, &since).contains("health_status: healthy"));
    let filter = [&since[..], &["--filter", "event=health_status"]].concat();
    assert_eq!(sandbox(&store, &filter), "health_status: healthy\n");
    sandbox(&store, &["rm", "-f", "web"]);
    store.assert_nothing_left();
}

#[test]
fn the_check_of_an_image_is_made_unless_it_is_not_wanted() {
    require!(user_namespaces(), "user namespaces");
    let check = json!({"Test": ["CMD", "test", "-e", "/bin/sh"], "Interval": 100_000_000});
    let name = Image::busybox()
        .config("Healthcheck", check)
        .push(Registry::shared(), "health/of-an-image");
    let store = Store::new();
    let command = [&name, "sleep", "1000"];
    sandbox(&store, &[&["run", "-d", "--name", "web"], &command[..]].concat());
    is(&store, "(healthy)");
    sandbox(&store, &["rm", "-f", "web"]);
    sandbox(&store, &[&["run", "-d", "--name", "web", "--no-healthcheck"], &command[..]].concat());
    assert_eq!(health(&store), Value::Null);
    sandbox(&store, &["rm", "-f", "web"]);
    store.assert_nothing_left();
}

#[test]
fn a_check_that_hangs_is_ended_and_holds_nothing_up() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let options = ["--health-cmd", "echo in; sleep 1000", "--health-timeout", "300ms"];
    let more = ["--health-interval", "100ms", "--health-retries", "1"];
    let run = ["run", "-d", "--name", "web"];
    sandbox(&store, &[&run[..], &options, &more, &[&image, "sleep", "2000"]].concat());
    is(&store, "(unhealthy)");
    let health = health(&store);
    let last = &health["Log"][0];
    let expected = (json!(-1), json!("in\nit took longer than 300ms"));
    assert_eq!((last["ExitCode"].clone(), last["Output"].clone()), expected);
    // One at a time, with all that it has started.
    let running = sandbox(&store, &["top", "web"]);
    assert!(running.matches("sleep 1000").count() <= 2, "{running}");
    // Also while one is on its way.
    assert_eq!(sandbox(&store, &["kill", "-s", "KILL", "web"]), "web\n");
    assert_eq!(sandbox(&store, &["wait", "web"]), "137\n");
    sandbox(&store, &["rm", "web"]);
    store.assert_nothing_left();
}

#[test]
fn what_fails_while_it_starts_does_not_count() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let options = ["--health-cmd", "false", "--health-retries", "1", "--health-start-period", "1h"];
    let more = ["--health-start-interval", "50ms"];
    let run = ["run", "-d", "--name", "web"];
    sandbox(&store, &[&run[..], &options, &more, &[&image, "sleep", "1000"]].concat());
    let some = || (health(&store)["Log"].as_array()?.len() >= 3).then_some(());
    assert!(eventually(some).is_some());
    is(&store, "(health: starting)");
    sandbox(&store, &["rm", "-f", "web"]);
    store.assert_nothing_left();
}

#[test]
fn what_is_held_is_not_checked() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = own();
    let options = ["--health-cmd", "true", "--health-interval", "100ms", "--health-retries", "1"];
    let run = ["run", "-d", "--name", "web"];
    sandbox(&store, &[&run[..], &options, &[&image, "sleep", "1000"]].concat());
    is(&store, "(healthy)");
    sandbox(&store, &["pause", "web"]);
    let before = health(&store);
    std::thread::sleep(Duration::from_millis(500));
    assert!(sandbox(&store, &["ps", "--format", "{{.Status}}"]).contains("(Paused)"));
    // One may have been on its way.
    let after = health(&store);
    assert_eq!(after["Status"], before["Status"]);
    sandbox(&store, &["unpause", "web"]);
    is(&store, "(healthy)");
    sandbox(&store, &["rm", "-f", "web"]);
    store.assert_nothing_left();
}
