//! `sandbox run -it`: a terminal of its own, and ours as it was before.

use rustix::{
    process::{Signal, kill_process},
    termios::LocalModes,
};

use crate::{
    require,
    support::{Terminal, Test, user_namespaces},
};

fn shell() -> Terminal {
    Terminal::start(&Test::run_with(&["-it", "-e", "PS1=ready> "], &["sh"]))
}

#[test]
fn a_shell_has_a_prompt_and_follows_the_size_of_the_window() {
    require!(user_namespaces(), "user namespaces");
    let mut terminal = shell();
    terminal.wait_for("ready> ");
    terminal.resize(33, 77);
    terminal.type_text("sleep 0.2; stty size; tty; test -t 0 && echo term''inal\n");
    terminal.wait_for("33 77");
    terminal.wait_for("/dev/pts/0");
    terminal.wait_for("terminal");
    terminal.resize(44, 88);
    terminal.type_text("sleep 0.2; stty size\n");
    terminal.wait_for("44 88");
    terminal.type_text("exit 6\n");
    assert_eq!(terminal.wait().code(), Some(6));
}

#[test]
fn the_size_is_right_from_the_start() {
    require!(user_namespaces(), "user namespaces");
    let test = Test::run_with(&["-it"], &["sh", "-c", "read go; stty size"]);
    let mut terminal = Terminal::start(&test);
    terminal.resize(12, 34);
    terminal.type_text("go\n");
    terminal.wait_for("12 34");
    assert!(terminal.wait().success());
}

#[test]
fn the_terminal_is_sane_after_every_way_out() {
    require!(user_namespaces(), "user namespaces");
    for way in ["exit\n", "kill -9 $$\n", "exec false\n", "\u{4}"] {
        let mut terminal = shell();
        terminal.wait_for("ready> ");
        assert!(!terminal.settings().local_modes.contains(LocalModes::ICANON), "raw while it runs");
        terminal.type_text(way);
        if way.starts_with("kill") {
            // Pid 1 is deaf to itself; the shell is still there.
            terminal.type_text("exit\n");
        }
        terminal.wait();
        let modes = terminal.settings().local_modes;
        let sane = LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        assert!(modes.contains(sane), "after {way:?}: {modes:?}");
    }
}

#[test]
fn the_terminal_is_sane_after_a_termination() {
    require!(user_namespaces(), "user namespaces");
    let mut terminal = shell();
    terminal.wait_for("ready> ");
    kill_process(terminal.pid(), Signal::HUP).unwrap();
    terminal.wait();
    assert!(terminal.settings().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO));
}

#[test]
fn control_c_goes_to_the_command_in_the_terminal() {
    require!(user_namespaces(), "user namespaces");
    let mut terminal = shell();
    terminal.wait_for("ready> ");
    terminal.type_text("sleep 1000\n");
    std::thread::sleep(std::time::Duration::from_millis(300));
    terminal.type_text("\u{3}");
    terminal.type_text("echo after $((40 + 2))\n");
    terminal.wait_for("after 42");
    terminal.type_text("exit 0\n");
    assert!(terminal.wait().success());
}

#[test]
fn a_command_types_nothing_into_the_terminal_of_the_caller() {
    require!(user_namespaces(), "user namespaces");
    require!(std::path::Path::new("/usr/bin/perl").exists(), "perl on the host");
    // TIOCSTI, and TIOCLINUX of a console: what they insert, our shell would run.
    let script = "for (0x5412, 0x541c) { my $c = 'x'; print ioctl(STDIN, $_, $c) ? 'typed' : 'refused', qq(\\n) }";
    let test = Test::sandbox(&["run", "-i", "host", "perl", "-e", script]);
    let mut terminal = Terminal::start(&test);
    terminal.wait_for("refused\r\nrefused");
    assert!(terminal.wait().success());
}

#[test]
fn a_terminal_is_there_even_if_ours_is_a_pipe() {
    require!(user_namespaces(), "user namespaces");
    Test::run_with(&["-t"], &["sh", "-c", "test -t 1 && echo terminal"])
        .stdout("terminal\r\n")
        .check();
}
