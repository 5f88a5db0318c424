//! What the program says of itself.

use crate::{
    require,
    support::{Store, Test, text, user_namespaces},
};

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
fn the_version_is_where_scripts_look_for_it() {
    let version = env!("CARGO_PKG_VERSION");
    for (format, expected) in [
        ("{{.Client.Version}}", version.to_owned()),
        ("{{.Server.Version}} {{.Server.Os}}", format!("{version} linux")),
        ("{{json .Client.Version}}", format!("\"{version}\"")),
    ] {
        Test::sandbox(&["version", "-f", format]).stdout(&(expected + "\n")).check();
    }
    let all = Test::sandbox(&["version", "--format", "json"]).read();
    assert!(all.starts_with("{\"Client\":{\"") && all.ends_with("}}\n"), "{all}");
    let bad = ["version", "-f", "{{.Client.ApiVersion}}"];
    Test::sandbox(&bad).fails(125, &["there is no field `ApiVersion`"]).check();
}

#[test]
fn this_machine_is_told_by_docker_s_names() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    let told = |format: &str| Test::sandbox(&["info", "--format", format]).store(&store).read();
    let cpus = std::thread::available_parallelism().unwrap();
    for (format, expected) in [
        ("{{.ServerVersion}} {{.OSType}}", format!("{} linux", env!("CARGO_PKG_VERSION"))),
        ("{{.NCPU}} {{.DockerRootDir}}", format!("{cpus} {}", store.path().display())),
        ("{{.Containers}} {{.ContainersRunning}} {{.Images}}", "0 0 0".into()),
        ("{{json .SecurityOptions}}", r#"["name=seccomp,profile=builtin","name=rootless"]"#.into()),
        (
            "{{range .Findings}}{{if eq .name \"platform\"}}{{.name}}{{end}}{{end}}",
            "platform".into(),
        ),
    ] {
        assert_eq!(told(format), expected + "\n", "{format}");
    }
    assert!(told("json").starts_with("{\"Architecture\":\""));
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
