//! Questions to the machine.

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use super::text;

pub(crate) fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// Whether whoever runs the tests may make user namespaces.
pub(crate) fn user_namespaces() -> bool {
    succeeds("unshare", &["-U", "true"])
}

/// Whether `newuidmap` will give us more than one id.
fn has_id_ranges() -> bool {
    !is_root() && succeeds("unshare", &["--map-auto", "-r", "true"])
}

/// Whether files inside can belong to somebody else than root.
pub(crate) fn chown_is_real() -> bool {
    is_root() || has_id_ranges()
}

fn succeeds(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
}

/// How long a test waits for what then will not come any more. Far from how long
/// it takes: on a busy disk a process that is killed in `syncfs(2)` dies late.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer or [`PATIENCE`] is at its end.
pub(crate) fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        let answer = ask();
        if answer.is_some() || start.elapsed() > PATIENCE {
            return answer;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The processes whose command line or environment holds `marker`, living.
pub(crate) fn processes_naming(marker: &str) -> Vec<String> {
    naming(marker).into_iter().map(|(_, command)| command).collect()
}

/// The numbers of these processes.
pub(crate) fn pids_naming(marker: &str) -> Vec<i32> {
    naming(marker).into_iter().map(|(pid, _)| pid).collect()
}

fn naming(marker: &str) -> Vec<(i32, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let names = |file| fs::read(entry.path().join(file)).map(|b| text(&b)).unwrap_or_default();
        let command = names("cmdline");
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(pid) = pid.filter(|pid| *pid != std::process::id().cast_signed()) else {
            continue;
        };
        if command.contains(marker) || names("environ").contains(marker) {
            found.push((pid, command.replace('\0', " ")));
        }
    }
    found
}

/// How often to do what is done over and over: more often if one has the time.
pub(crate) fn rounds(default: u32) -> u32 {
    let rounds = std::env::var("SANDBOX_TEST_ROUNDS");
    rounds.ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(default)
}

/// The mount points at or below a directory.
pub(crate) fn mounts_below(dir: &Path) -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let dir = dir.to_str().unwrap();
    table.lines().filter(|line| line.contains(dir)).map(Into::into).collect()
}
