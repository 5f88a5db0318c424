//! Exit codes: the command's own, 125 to 127 when it never ran, 128 + N.

use crate::{
    require,
    support::{Test, user_namespaces},
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
