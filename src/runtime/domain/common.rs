//! One domain for many sandboxes.
//!
//! To have ranges of ids mapped takes `newuidmap(1)` and `newgidmap(1)`, which need more of
//! the processor than bubblewrap does for all of a sandbox. A domain is nothing but ids, and
//! each sandbox has all other namespaces of its own in it; so who comes while somebody
//! is in a domain with the same ids enters that one, as podman's containers all do.
//!
//! A file, the *note*, says who made the last one. It is locked as long as the two programs
//! write their maps, by a descriptor that they inherit: who comes meanwhile waits for them
//! instead of starting two more, and whatever happens to anybody, the lock is free when
//! they have ended.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::{Domain, Error, Kind, Plan, enter, enter_that_of};
use crate::{
    oci::ProcessId,
    sys::{
        self,
        fs::{Lock, flock},
    },
};

/// Enters the domain of whoever is named in `note`, or makes one and writes us down there.
///
/// # Errors
/// Those of [`enter`]; a note that cannot be had is no error.
pub fn enter_common(plan: Plan, note: &Path) -> Result<Domain, Error> {
    let note = match plan.kind {
        Kind::Ranges { .. } => lock(note),
        Kind::Root | Kind::OneId => None,
    };
    let Some(mut note) = note else { return enter(plan) };
    let maker = read(&mut note);
    if let Some(domain) = maker.and_then(|maker| enter_that_of(plan.clone(), maker).ok()) {
        return Ok(domain);
    }
    let _ = write(&note);
    let _ = sys::process::survive_exec(&note);
    enter(plan)
}

/// None where there is no store yet, or nothing can be written.
fn lock(note: &Path) -> Option<File> {
    let mut how = OpenOptions::new();
    let file = how.read(true).write(true).create(true).truncate(false).mode(0o600).open(note);
    let file = file.ok()?;
    flock(&file, Lock::Exclusive).ok()?;
    Some(file)
}

fn read(note: &mut File) -> Option<ProcessId> {
    let mut text = String::new();
    note.take(LONGEST).read_to_string(&mut text).ok()?;
    let mut words = text.split_whitespace();
    let pid = words.next()?.parse().ok()?;
    let start_time = words.next()?.parse().ok()?;
    Some(ProcessId { pid, start_time })
}

/// Over what was there: of one length, so that nothing of that remains.
fn write(mut note: &File) -> std::io::Result<()> {
    let (pid, start_time) = sys::process::identity();
    std::io::Seek::rewind(&mut note)?;
    note.write_all(format!("{pid:10} {start_time:20}\n").as_bytes())
}

/// In bytes; ours are shorter.
const LONGEST: u64 = 64;

#[cfg(test)]
mod tests {
    use std::io::Seek;

    use super::*;

    #[test]
    fn a_note_says_who_wrote_it_last() {
        let directory = std::env::temp_dir().join(format!("note-{}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        let path = directory.join("domain");
        let mut note = lock(&path).unwrap();
        assert_eq!(read(&mut note), None);
        for text in ["", "12", "x y", "a longer text than we ever write, with no numbers in it"] {
            std::fs::write(&path, text).unwrap();
            note.rewind().unwrap();
            assert_eq!(read(&mut note), None, "{text}");
        }
        write(&note).unwrap();
        note.rewind().unwrap();
        let written = read(&mut note).unwrap();
        assert_eq!(written.pid, nix::unistd::getpid().as_raw());
        assert!(sys::process::is_alive(written.pid, written.start_time));
        assert!(lock(&directory.join("nowhere/domain")).is_none());
        std::fs::remove_dir_all(directory).unwrap();
    }
}
