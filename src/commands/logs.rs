//! `sandbox logs`: what a sandbox has written.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, SystemTime},
};

use super::{
    Context,
    find::{Condition, Found},
    options::parse_moment,
};
use crate::{
    error::Error,
    oci::SandboxState,
    runtime::log::{self, Entry, Stream},
    sys::watch::Watcher,
    ui,
};

/// Show what a sandbox has written
///
/// One that ran in the foreground without a name has no log.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Go on until it has ended
    #[arg(short, long)]
    follow: bool,

    /// Only what is newer: a time (RFC 3339), or how long ago, such as 5m
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    since: Option<SystemTime>,

    /// Only what is older
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    until: Option<SystemTime>,

    /// Only so many lines from the end, or all
    #[arg(
        short = 'n',
        long,
        value_name = "COUNT",
        default_value = "all",
        value_parser = parse_count,
        allow_negative_numbers = true
    )]
    tail: Count,

    /// Begin each line with its time
    #[arg(short, long)]
    timestamps: bool,

    /// Sandbox whose log it is, by name or id
    #[arg(value_name = "SANDBOX")]
    sandbox: String,
}

/// A number of lines; none for all.
type Count = Option<usize>;

fn parse_count(text: &str) -> Result<Count, String> {
    match text {
        "all" | "-1" => Ok(None),
        text => text.parse().map(Some).map_err(|_| "not a number of lines, nor all".into()),
    }
}

/// How long to sleep when there is nothing new: a supervisor that is killed says
/// nothing.
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let found = Found::look(&args.sandbox, context)?;
    let directory = found.stored.path();
    if !directory.join("log").exists() && found.state()?.0.started.is_some() {
        return Err(Error::usage_with_hint(
            format!("{} keeps no log: it writes to the terminal that runs it", args.sandbox),
            "sandboxes that have a name, or run in the background, keep one",
        ));
    }
    let skip = lines_to_skip(args, directory)?;
    let mut shown = Shown { args, skip, goes_on: [false; 2] };
    let mut reader = Reader::open(directory);
    let watcher = args.follow.then(|| watch(directory)).transpose()?;
    loop {
        // In this order: what it wrote last must not be missed.
        let is_alive = found.state().is_ok_and(|state| state.is_alive());
        while let Some(line) = reader.line()? {
            if let Some(entry) = Entry::parse(line)
                && !shown.show(&entry)?
            {
                return Ok(()); // Nobody reads it any more.
            }
        }
        match &watcher {
            Some(watcher) if is_alive => drop(watcher.wait(PAUSE)),
            _ => break,
        }
    }
    if let Ok(Condition(SandboxState { log_lost: lost @ 1.., .. })) = found.state() {
        context.ui.note(&format!("{lost} bytes of this log were lost: there was no room for them"));
    }
    Ok(())
}

fn watch(directory: &Path) -> Result<Watcher, Error> {
    let failed = |source| Error::System { step: "watch the log", source };
    let watcher = Watcher::new().map_err(failed)?;
    watcher.add_with_files(directory).map_err(failed)?;
    Ok(watcher)
}

/// How many whole lines come before the ones that are wanted.
fn lines_to_skip(args: &Args, directory: &Path) -> Result<usize, Error> {
    let Some(tail) = args.tail else { return Ok(0) };
    let mut reader = Reader::open(directory);
    let mut lines = 0;
    while let Some(line) = reader.line()? {
        lines += usize::from(Entry::parse(line).is_some_and(|entry| entry.is_whole));
    }
    Ok(lines.saturating_sub(tail))
}

struct Shown<'a> {
    args: &'a Args,
    skip: usize,
    /// Whether the last line of each stream was shown in part only.
    goes_on: [bool; 2],
}

impl Shown<'_> {
    fn show(&mut self, entry: &Entry<'_>) -> Result<bool, Error> {
        if self.skip > 0 {
            self.skip -= usize::from(entry.is_whole);
            return Ok(true);
        }
        if !self.is_wanted(entry.time) {
            return Ok(true);
        }
        let mut line = Vec::with_capacity(entry.text.len() + 32);
        let to_stderr = entry.stream == Stream::Stderr;
        let goes_on = std::mem::replace(&mut self.goes_on[usize::from(to_stderr)], !entry.is_whole);
        if self.args.timestamps && !goes_on {
            line.extend(entry.time.as_bytes());
            line.push(b' ');
        }
        line.extend(entry.text);
        line.extend(entry.is_whole.then_some(b'\n'));
        ui::pass_on(&line, to_stderr)
    }

    /// Times are compared as text: all have one form.
    fn is_wanted(&self, time: &str) -> bool {
        let text = |moment: SystemTime| crate::sys::time::rfc3339_nanoseconds(moment);
        self.args.since.is_none_or(|since| time >= text(since).as_str())
            && self.args.until.is_none_or(|until| time <= text(until).as_str())
    }
}

/// Reads a log to its present end, over all of its files, however they are
/// renamed meanwhile.
struct Reader<'a> {
    directory: &'a Path,
    file: Option<BufReader<File>>,
    line: Vec<u8>,
    is_whole: bool,
}

impl<'a> Reader<'a> {
    fn open(directory: &'a Path) -> Self {
        Self { directory, file: None, line: Vec::new(), is_whole: true }
    }

    /// The next line, without its end; none if there is none yet.
    fn line(&mut self) -> Result<Option<&[u8]>, Error> {
        if self.is_whole {
            self.line.clear();
            self.is_whole = false;
        }
        while !self.read()? {
            let Some(next) = self.newer() else { return Ok(None) };
            // What was written before the file was put aside.
            if self.read()? {
                break;
            }
            self.file = Some(BufReader::new(next));
            self.line.clear();
        }
        self.is_whole = true;
        Ok(self.line.strip_suffix(b"\n"))
    }

    /// Whether a line has come to its end.
    fn read(&mut self) -> Result<bool, Error> {
        let Some(file) = &mut self.file else { return Ok(false) };
        file.read_until(b'\n', &mut self.line).map_err(Error::Log)?;
        Ok(self.line.ends_with(b"\n"))
    }

    /// The file that comes after the one that is being read.
    fn newer(&self) -> Option<File> {
        let inode = |file: &File| file.metadata().map(|metadata| metadata.ino()).ok();
        let current = self.file.as_ref().and_then(|file| inode(file.get_ref()));
        let files = log::files(self.directory).into_iter();
        let files: Vec<File> = files.filter_map(|path| File::open(path).ok()).collect();
        let position = files.iter().position(|file| inode(file) == current);
        // One that has gone was the oldest.
        files.into_iter().nth(position.map_or(0, |position| position + 1))
    }
}
