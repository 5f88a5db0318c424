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
    sys::{time::rfc3339_nanoseconds, watch::Watcher},
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
    if found.config.log.keeps_nothing() {
        let what = format!("{} keeps no log: it was made with `--log-driver none`", args.sandbox);
        return Err(Error::usage(what));
    }
    if !directory.join("log").exists() && found.state()?.0.started.is_some() {
        return Err(Error::usage_with_hint(
            format!("{} keeps no log: it writes to the terminal that runs it", args.sandbox),
            "sandboxes that have a name, or run in the background, keep one",
        ));
    }
    let mut shown = Shown::new(args, lines_to_skip(args, directory)?);
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
        if !shown.pass_on()? {
            return Ok(());
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

/// How many lines come before the ones that are wanted; the last may lack its end.
fn lines_to_skip(args: &Args, directory: &Path) -> Result<usize, Error> {
    let Some(tail) = args.tail else { return Ok(0) };
    let mut reader = Reader::open(directory);
    let (mut lines, mut goes_on) = (0_usize, [false; 2]);
    while let Some(line) = reader.line()? {
        let Some(entry) = Entry::parse(line) else { continue };
        let goes_on = &mut goes_on[entry.stream as usize];
        lines += usize::from(!std::mem::replace(goes_on, !entry.is_whole));
    }
    Ok(lines.saturating_sub(tail))
}

/// What is shown of a log, in the pieces in which it is passed on: a system call for
/// each line would take longer than all the rest.
struct Shown<'a> {
    args: &'a Args,
    /// The times between which it must be, as they are written in logs.
    since: Option<String>,
    until: Option<String>,
    skip: usize,
    /// Of each stream: whether the line that has no end yet is shown.
    begun: [Option<bool>; 2],
    /// What waits to be passed on, all of one stream.
    waiting: Vec<u8>,
    to_stderr: bool,
}

/// As much as waits at most, but for one line.
const PIECE: usize = 64 << 10;

impl<'a> Shown<'a> {
    fn new(args: &'a Args, skip: usize) -> Self {
        let text = |moment: Option<SystemTime>| moment.map(rfc3339_nanoseconds);
        let (since, until) = (text(args.since), text(args.until));
        let (begun, waiting) = ([None; 2], Vec::new());
        Self { args, since, until, skip, begun, waiting, to_stderr: false }
    }

    /// False if nobody reads it any more.
    fn show(&mut self, entry: &Entry<'_>) -> Result<bool, Error> {
        let begun = self.begun[entry.stream as usize];
        let is_shown = begun.unwrap_or(self.skip == 0);
        if begun.is_none() {
            self.skip = self.skip.saturating_sub(1);
        }
        self.begun[entry.stream as usize] = (!entry.is_whole).then_some(is_shown);
        if !is_shown || !self.is_wanted(entry.time) {
            return Ok(true);
        }
        let to_stderr = entry.stream == Stream::Stderr;
        let is_full = self.waiting.len() >= PIECE;
        if (is_full || to_stderr != self.to_stderr) && !self.pass_on()? {
            return Ok(false);
        }
        self.to_stderr = to_stderr;
        if self.args.timestamps && begun.is_none() {
            self.waiting.extend(entry.time.as_bytes());
            self.waiting.push(b' ');
        }
        self.waiting.extend(entry.text);
        self.waiting.extend(entry.is_whole.then_some(b'\n'));
        Ok(true)
    }

    /// False if nobody reads it any more.
    fn pass_on(&mut self) -> Result<bool, Error> {
        let is_read = self.waiting.is_empty() || ui::pass_on(&self.waiting, self.to_stderr)?;
        self.waiting.clear();
        Ok(is_read)
    }

    /// Times are compared as text: all have one form.
    fn is_wanted(&self, time: &str) -> bool {
        self.since.as_deref().is_none_or(|since| time >= since)
            && self.until.as_deref().is_none_or(|until| time <= until)
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
            self.file = Some(BufReader::with_capacity(PIECE, next));
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
