//! What a workload has written, as CRI has it: one line a line.
//!
//! ```text
//! 2026-11-22T08:30:00.125000000Z stdout F a whole line
//! 2026-11-22T08:30:00.127000000Z stderr P the beginning of a line that is
//! ```
//!
//! `P` marks a part of a line that goes on in the next entry of the stream. A
//! file that has grown to the limit becomes `log.1`, and `log.1` becomes `log.2`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{oci::LogOptions, sys::time::rfc3339_nanoseconds};

/// A line that is longer is written in parts, as containerd does.
const LONGEST_LINE: usize = 16 << 10;

/// Which of its two outputs a workload used; a terminal is its standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// One entry of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// RFC 3339.
    pub time: &'a str,
    pub stream: Stream,
    /// Whether the line ends here.
    pub is_whole: bool,
    pub text: &'a [u8],
}

impl Stream {
    fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

impl<'a> Entry<'a> {
    /// Reads a line of a log, without its end; none if it is damaged.
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let mut parts = line.splitn(4, |byte| *byte == b' ');
        let time = str::from_utf8(parts.next()?).ok()?;
        let stream = match parts.next()? {
            b"stdout" => Stream::Stdout,
            b"stderr" => Stream::Stderr,
            _ => return None,
        };
        let is_whole = match parts.next()? {
            b"F" => true,
            b"P" => false,
            _ => return None,
        };
        Some(Self { time, stream, is_whole, text: parts.next()? })
    }
}

/// The files of a log, oldest first.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let path = |number| numbered(directory, number);
    let count = (1..).take_while(|number| path(*number).exists()).count() as u32;
    (0..=count).rev().map(path).collect()
}

fn numbered(directory: &Path, number: u32) -> PathBuf {
    match number {
        0 => directory.join("log"),
        number => directory.join(format!("log.{number}")),
    }
}

/// A log that is being written.
#[derive(Debug)]
pub(super) struct Log {
    directory: PathBuf,
    options: LogOptions,
    /// None if nothing is kept.
    file: Option<File>,
    size: u64,
    /// Bytes of entries for which there was no room.
    lost: u64,
    /// Lines whose end has not come: of standard output, and of standard error.
    begun: [Vec<u8>; 2],
    entries: Vec<u8>,
}

impl Log {
    /// Goes on with the log in `directory`.
    pub(super) fn open(directory: &Path, options: LogOptions) -> io::Result<Self> {
        let open = || append(&numbered(directory, 0));
        let file = (!options.keeps_nothing()).then(open).transpose()?;
        let size = file.as_ref().map(File::metadata).transpose()?.map_or(0, |file| file.len());
        let directory = directory.into();
        let begun = Default::default();
        Ok(Self { directory, options, file, size, lost: 0, begun, entries: Vec::new() })
    }

    /// The workload has written `bytes`.
    ///
    /// A disk that is full must not stop a workload: what cannot be written is
    /// left out, whole entries at a time, and counted.
    pub(super) fn write(&mut self, stream: Stream, bytes: &[u8]) {
        if self.file.is_none() {
            return;
        }
        let now = rfc3339_nanoseconds(SystemTime::now());
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.add(&now, stream, line);
        }
        self.flush();
    }

    /// What has begun will not go on.
    pub(super) fn finish(&mut self) {
        let now = rfc3339_nanoseconds(SystemTime::now());
        for stream in [Stream::Stdout, Stream::Stderr] {
            let begun = std::mem::take(&mut self.begun[stream as usize]);
            if !begun.is_empty() {
                self.entry(&now, stream, false, &begun);
            }
        }
        self.flush();
    }

    fn add(&mut self, now: &str, stream: Stream, mut line: &[u8]) {
        let mut begun = std::mem::take(&mut self.begun[stream as usize]);
        loop {
            let (text, is_whole) = match line.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (line, false),
            };
            let room = LONGEST_LINE.saturating_sub(begun.len());
            if text.len() > room {
                begun.extend(&text[..room]);
                self.entry(now, stream, false, &begun);
                begun.clear();
                line = &line[room..];
                continue;
            }
            begun.extend(text);
            if is_whole {
                self.entry(now, stream, true, &begun);
                begun.clear();
            }
            break;
        }
        self.begun[stream as usize] = begun;
    }

    fn entry(&mut self, now: &str, stream: Stream, is_whole: bool, text: &[u8]) {
        let tag = if is_whole { "F" } else { "P" };
        for part in [now, " ", stream.name(), " ", tag, " "] {
            self.entries.extend(part.as_bytes());
        }
        self.entries.extend(text);
        self.entries.push(b'\n');
    }

    fn flush(&mut self) {
        let entries = std::mem::take(&mut self.entries);
        let mut rest = &entries[..];
        while !rest.is_empty() {
            let fitting = self.fitting(rest);
            if fitting == 0 {
                self.rotate();
            }
            // An entry that is longer than a file has one of its own.
            let end =
                if fitting == 0 { self.fitting(rest).max(first_entry(rest)) } else { fitting };
            self.append(&rest[..end]);
            rest = &rest[end..];
        }
        self.entries = entries;
        self.entries.clear();
    }

    /// How many bytes of whole entries the file has room for.
    fn fitting(&self, entries: &[u8]) -> usize {
        let Some(max) = self.options.max_size else { return entries.len() };
        let room = usize::try_from(max.saturating_sub(self.size)).unwrap_or(usize::MAX);
        let room = &entries[..room.min(entries.len())];
        room.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1)
    }

    fn append(&mut self, entries: &[u8]) {
        let Some(file) = &mut self.file else { return };
        match file.write_all(entries) {
            Ok(()) => self.size += entries.len() as u64,
            Err(_) => {
                // Half an entry would spoil the next one.
                let _ = file.set_len(self.size);
                self.lost += entries.len() as u64;
            }
        }
    }

    /// Bytes that could not be written.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// A log that cannot be put aside goes on growing.
    fn rotate(&mut self) {
        let last = self.options.max_file.max(1) - 1;
        for number in (0..last).rev() {
            let _ = fs::rename(
                numbered(&self.directory, number),
                numbered(&self.directory, number + 1),
            );
        }
        if last == 0 {
            let _ = fs::remove_file(numbered(&self.directory, 0));
        }
        if let Ok(file) = append(&numbered(&self.directory, 0)) {
            self.size = file.metadata().map_or(0, |metadata| metadata.len());
            self.file = Some(file);
        }
    }
}

fn first_entry(entries: &[u8]) -> usize {
    let end = entries.iter().position(|byte| *byte == b'\n');
    end.map_or(entries.len(), |last| last + 1)
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("sandbox-log-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        /// What the log says, without times.
        fn entries(&self, number: u32) -> Vec<String> {
            let bytes = fs::read(numbered(&self.0, number)).unwrap_or_default();
            let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            let entry = |line| {
                let entry = Entry::parse(line).unwrap();
                assert!(entry.time.ends_with('Z') && entry.time.len() == 30, "{}", entry.time);
                let text = String::from_utf8_lossy(entry.text).into_owned();
                format!("{} {} {text}", entry.stream.name(), if entry.is_whole { "F" } else { "P" })
            };
            lines.map(entry).collect()
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const UNLIMITED: LogOptions = LogOptions { max_size: None, max_file: 1 };

    #[test]
    fn lines_of_two_streams_stay_apart() {
        let directory = Directory::new("two");
        let mut log = Log::open(&directory.0, UNLIMITED).unwrap();
        log.write(Stream::Stdout, b"one\ntw");
        log.write(Stream::Stderr, b"error\n\n");
        log.write(Stream::Stdout, b"o\nend");
        log.finish();
        assert_eq!(
            directory.entries(0),
            ["stdout F one", "stderr F error", "stderr F ", "stdout F two", "stdout P end"]
        );
    }

    #[test]
    fn a_long_line_comes_in_parts() {
        let directory = Directory::new("long");
        let mut log = Log::open(&directory.0, UNLIMITED).unwrap();
        let line = "x".repeat(LONGEST_LINE + 3) + "\n";
        line.as_bytes().chunks(1000).for_each(|chunk| log.write(Stream::Stdout, chunk));
        let whole = format!("stdout P {}", &line[..LONGEST_LINE]);
        assert_eq!(directory.entries(0), [whole, "stdout F xxx".into()]);
    }

    #[test]
    fn a_log_that_is_full_is_put_aside() {
        let directory = Directory::new("full");
        let options = LogOptions { max_size: Some(100), max_file: 3 };
        for number in 0..8 {
            let mut log = Log::open(&directory.0, options).unwrap();
            log.write(Stream::Stdout, format!("{number}\n").as_bytes());
        }
        let all: Vec<_> = files(&directory.0).iter().map(|path| path.exists()).collect();
        assert!(all.iter().all(|exists| *exists));
        let texts: Vec<_> = (0..3).rev().flat_map(|number| directory.entries(number)).collect();
        assert!(texts.last().is_some_and(|last| last == "stdout F 7"), "{texts:?}");
        assert!(texts.len() < 8 && texts.len() >= 4, "{texts:?}");
    }

    #[test]
    fn what_comes_at_once_is_spread_over_files() {
        let directory = Directory::new("at-once");
        let options = LogOptions { max_size: Some(100), max_file: 50 };
        let mut log = Log::open(&directory.0, options).unwrap();
        let long = "x".repeat(200);
        log.write(Stream::Stdout, format!("{}{long}\nend\n", "line\n".repeat(20)).as_bytes());
        let files = files(&directory.0);
        let all: Vec<_> =
            (0..files.len() as u32).rev().flat_map(|n| directory.entries(n)).collect();
        assert_eq!(all.len(), 22);
        assert_eq!(all[20..], [format!("stdout F {long}"), "stdout F end".into()]);
        let sizes = files.iter().map(|path| fs::metadata(path).unwrap().len());
        assert_eq!(sizes.filter(|size| *size > 100).count(), 1);
    }

    #[test]
    fn what_is_no_entry_is_none() {
        for damaged in
            ["", "2026", "2026 stdout", "2026 stdout F", "2026 stdin F x", "2026 stdout X x"]
        {
            assert_eq!(Entry::parse(damaged.as_bytes()), None, "{damaged}");
        }
    }
}
