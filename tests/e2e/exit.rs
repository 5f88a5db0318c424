//! Exit codes: the command's own, 125 to 127 when it never ran, 128 + N.

use std::process::Command;

use serde_json::json;

use crate::{
    require,
    support::{Test, binary, text, user_namespaces, warm},
};

#[test]
fn the_code_of_the_command_is_ours() {
    require!(user_namespaces(), "user namespaces");
    for code in [0, 1, 42, 125, 255] {
        Test::shell(&format!("exit {code}")).code(code).stderr("").check();
    }
}

#[test]
fn a_signal_that_ends_the_command_is_128_more() {
    require!(user_namespaces(), "user namespaces");
    // With an init, because the kernel keeps pid 1 from harming itself.
    Test::run_with(&["--init"], &["sh", "-c", "kill -TERM $$"]).code(143).check();
    Test::run_with(&["--init"], &["sh", "-c", "kill -KILL $$"]).code(137).check();
}

#[test]
fn a_missing_command_is_127() {
    require!(user_namespaces(), "user namespaces");
    Test::run(&["no-such-command"]).fails(127, &["no-such-command"]).stdout("").check();
    Test::run(&["/no/such/command"]).fails(127, &["/no/such/command", "hint: "]).check();
}

#[test]
fn a_missing_interpreter_is_127() {
    require!(user_namespaces(), "user namespaces");
    let dir = crate::support::Dir::new("script");
    let script = dir.script("script", "");
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    let mount = format!("{}:/script", script.display());
    Test::run_with(&["-v", &mount], &["/script"]).fails(127, &["/script", "interpreter"]).check();
}

#[test]
fn what_cannot_be_executed_is_126() {
    require!(user_namespaces(), "user namespaces");
    Test::run(&["/etc/passwd"]).fails(126, &["/etc/passwd"]).check();
    Test::run(&["/etc"]).fails(126, &["/etc"]).check();
}

#[test]
fn a_bad_command_line_is_125() {
    Test::sandbox(&["run", "--no-such-flag", "x"]).fails(125, &["--no-such-flag"]).check();
    Test::sandbox(&["no-such-command"]).fails(125, &["no-such-command"]).check();
    Test::sandbox(&["run"]).code(125).stdout("").check();
}

#[test]
fn programs_are_told_each_phase_and_whose_fault_a_failure_was() {
    require!(user_namespaces(), "user namespaces");
    let phases = |options: &str, command: &str| -> Vec<serde_json::Value> {
        let (store, image) = warm();
        let script = format!(
            "{} run --status-fd 3 {options} {image} {command} 3>&1 >/dev/null 2>&1",
            binary().display()
        );
        let mut shell = Command::new("sh");
        let output = shell.args(["-c", &script]).env("SANDBOX_ROOT", store.path()).output();
        let lines = text(&output.unwrap().stdout);
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let names = |phases: &[serde_json::Value]| -> Vec<String> {
        phases.iter().map(|phase| phase["phase"].as_str().unwrap().to_owned()).collect()
    };
    let ended = phases("", "sh -c 'exit 4'");
    assert_eq!(names(&ended), ["pulled", "created", "started", "exited"]);
    assert_eq!((&ended[3]["code"], &ended[3]["cause"]), (&json!(4), &json!("exit")));
    let killed = phases("--timeout 0.1", "sleep 9");
    assert_eq!((&killed[3]["code"], &killed[3]["cause"]), (&json!(124), &json!("timeout")));
    let failed = phases("", "no-such-command");
    assert_eq!(names(&failed), ["pulled", "created", "failed"]);
    assert_eq!((&failed[2]["code"], &failed[2]["cause"]), (&json!(127), &json!("E050")));
    Test::sandbox(&["run", "--status-fd", "9", "host", "true"])
        .fails(125, &["error: the descriptor 9 is not open", "hint: `9>FILE` opens it in a shell"])
        .check();
}

#[test]
fn a_failure_has_a_code_for_programs() {
    require!(user_namespaces(), "user namespaces");
    let cases: [(&[&str], &str); 4] = [
        (&["run", "--network-log", "/", "host", "true"], "error[E001]: "),
        (&["stop", "none-such"], "error[E024]: there is no sandbox `none-such`\n"),
        (&["run", "-u", "none-such", "host", "true"], "error[E044]: "),
        (&["run", "host", "none-such"], "error[E050]: cannot run the command `none-such`\n"),
    ];
    for (args, expected) in cases {
        let stderr = text(&Test::sandbox(args).output().stderr);
        assert!(stderr.starts_with(expected), "{args:?}: {stderr}");
    }
}
