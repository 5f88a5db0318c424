//! What the program says of itself.

use crate::support::{Test, text};

const COMMANDS: &[&str] = &["run", "pull", "images", "rmi", "inspect", "info", "version"];

#[test]
fn every_command_has_help() {
    let help = Test::sandbox(&["--help"]).stderr("").read();
    for command in COMMANDS {
        assert!(help.contains(command), "`{command}` in {help}");
        let own = Test::sandbox(&[command, "--help"]).read();
        assert!(own.contains(&format!("sandbox {command}")), "{own}");
    }
}

#[test]
fn the_version_is_data() {
    let version = format!("sandbox {}", env!("CARGO_PKG_VERSION"));
    for form in ["version", "--version"] {
        let shown = Test::sandbox(&[form]).stderr("").read();
        assert!(shown.starts_with(&version), "{shown}");
    }
}

#[test]
fn without_a_command_the_help_is_an_error() {
    let output = Test::sandbox::<&str>(&[]).output();
    assert_eq!(output.status.code(), Some(125));
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).contains("Usage: sandbox"));
}

#[test]
fn colours_are_for_terminals_only() {
    let plain = Test::sandbox(&["rmi", "127.0.0.1:1/x"]).output();
    assert!(!text(&plain.stderr).contains('\x1b'));
    let colour = Test::sandbox(&["--color", "always", "rmi", "127.0.0.1:1/x"]).output();
    assert!(text(&colour.stderr).contains('\x1b'));
    let never = Test::sandbox(&["--color", "never", "rmi", "127.0.0.1:1/x"]).output();
    assert_eq!(never.stderr, plain.stderr);
}
