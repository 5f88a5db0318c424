//! `install.sh`: it puts what it says where it says, and takes all of it away.

#![allow(clippy::unwrap_used)] // The way for a test to fail.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn install(args: &[&str]) -> Output {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh"))
        .args(args)
        .env("PATH", "/usr/bin:/bin")
        .env_remove("HOME")
        .output()
        .unwrap()
}

/// A directory for a test which does not exist yet.
fn prefix(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    dir
}

fn files(dir: &Path) -> Vec<String> {
    let output = Command::new("find").arg(dir).args(["-type", "f", "-printf", "%P %m\n"]).output();
    let list = String::from_utf8(output.unwrap().stdout).unwrap();
    let mut files: Vec<String> = list.lines().map(Into::into).collect();
    files.sort();
    files
}

#[test]
fn what_is_installed_can_be_removed_again() {
    let prefix = prefix("install");
    let option = format!("--prefix={}", prefix.display());
    let installed = install(&[&option, "--binary", env!("CARGO_BIN_EXE_sandbox")]);
    assert!(installed.status.success(), "{installed:?}");
    let note = String::from_utf8(installed.stderr).unwrap();
    assert_eq!(note, format!("note: {}/bin is not on your PATH\n", prefix.display()));

    let found = files(&prefix);
    for file in [
        "bin/sandbox 755",
        "share/bash-completion/completions/sandbox 644",
        "share/fish/vendor_completions.d/sandbox.fish 644",
        "share/man/man1/sandbox-run.1 644",
        "share/man/man1/sandbox.1 644",
        "share/zsh/site-functions/_sandbox 644",
    ] {
        assert!(found.iter().any(|found| found == file), "no {file} in {found:#?}");
    }

    assert!(install(&[&option, "--uninstall"]).status.success());
    assert_eq!(files(&prefix), [""; 0]);
    assert_eq!(fs::read_dir(&prefix).unwrap().count(), 0);
    fs::remove_dir(&prefix).unwrap();
}

#[test]
fn what_belongs_to_others_stays() {
    let prefix = prefix("shared");
    fs::create_dir_all(prefix.join("bin")).unwrap();
    fs::write(prefix.join("bin/other"), "").unwrap();
    let option = format!("--prefix={}", prefix.display());
    assert!(install(&[&option, "--uninstall"]).status.success());
    assert_eq!(files(&prefix), ["bin/other 644"]);
    fs::remove_dir_all(&prefix).unwrap();
}

#[test]
fn mistakes_are_named() {
    let cases = [
        (&["--what"][..], "error: unknown option `--what`; see ./install.sh --help\n"),
        (&["--prefix"], "error: --prefix needs a value\n"),
        (&["--binary", "/no/such"], "error: there is no home directory; name one with --prefix\n"),
        (&["--prefix=/tmp", "--binary=/no/such"], "error: there is no file /no/such\n"),
    ];
    for (args, message) in cases {
        let output = install(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), message);
    }
}
