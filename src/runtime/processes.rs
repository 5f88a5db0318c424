//! The processes of a sandbox, as the host sees them.

use std::{collections::HashSet, fs, os::unix::fs::MetadataExt, path::Path};

use crate::oci::ProcessId;

/// Bytes of a page on every machine that we run on.
const PAGE: u64 = 4096;

/// One process.
#[derive(Debug, Clone)]
pub struct Entry {
    /// On the host.
    pub pid: i32,
    /// On the host.
    pub parent: i32,
    /// On the host.
    pub uid: u32,
    /// A letter of `proc_pid_stat(5)`.
    pub state: char,
    /// Bytes in memory.
    pub resident: u64,
    pub command: String,
}

/// Those in the process id namespace of `workload`, unless that is our own, and what
/// comes of them; none if it has gone.
///
/// Whose process belongs to another id does not show its namespace, but its
/// parent.
pub fn of(workload: ProcessId) -> Vec<Entry> {
    let namespace = |pid: i32| fs::metadata(format!("/proc/{pid}/ns/pid")).map(|it| it.ino()).ok();
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut all: Vec<Entry> = pids.filter_map(read).collect();
    all.sort_by_key(|entry| entry.pid);
    let ours = namespace(std::process::id() as i32);
    let wanted = namespace(workload.pid).filter(|it| Some(*it) != ours);
    let mut inside = HashSet::from([workload.pid]);
    inside.extend(
        all.iter().map(|it| it.pid).filter(|pid| wanted == namespace(*pid) && wanted.is_some()),
    );
    loop {
        let known = inside.len();
        inside.extend(
            all.iter()
                .filter(|it| inside.contains(&it.parent))
                .map(|it| it.pid)
                .collect::<Vec<_>>(),
        );
        if inside.len() == known {
            break;
        }
    }
    all.retain(|entry| inside.contains(&entry.pid));
    all
}

fn read(pid: i32) -> Option<Entry> {
    let directory = format!("/proc/{pid}");
    let stat = fs::read_to_string(format!("{directory}/stat")).ok()?;
    let (name, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let pages: u64 = fields.nth(19)?.parse().ok()?;
    let words = fs::read(format!("{directory}/cmdline")).unwrap_or_default();
    let words = String::from_utf8_lossy(&words).trim_end_matches('\0').replace('\0', " ");
    let command = match words.is_empty() {
        true => format!("[{}]", name.split_once('(')?.1),
        false => words,
    };
    let uid = fs::metadata(Path::new(&directory)).ok()?.uid();
    let resident = pages * PAGE;
    Some(Entry { pid, parent, uid, state, resident, command })
}
