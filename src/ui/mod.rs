//! The only writer to the terminal.
//!
//! Data goes to standard output, everything else to standard error. No colour
//! carries a meaning of its own.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod progress;
mod prompt;
mod table;
mod template;

use std::{
    error::Error as _,
    io::{self, BufRead, IsTerminal, Write},
};

use rustix::termios::OutputModes;
use serde::Serialize;

pub use progress::{LayerProgress, Progress};
pub use prompt::{ask, ask_hidden};
pub use table::{age, bytes, table};
pub use template::{Template, TemplateError};

use crate::{
    error::{Cause, Error},
    hint::Hint,
};

/// How talkative and how colourful to be.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ui {
    pub quiet: bool,
    pub verbose: bool,
    /// Whether standard error takes colour.
    pub color: bool,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    Always,
    Never,
}

impl Color {
    /// Whether standard error is to be coloured.
    pub fn on_stderr(self, no_color: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => !no_color && io::stderr().is_terminal(),
        }
    }
}

impl Ui {
    /// Prints what happened, why, and what to do about it.
    pub fn report(self, error: &Error) {
        let title = format!("error[{}]:", Cause::from(error).code);
        let mut text = format!("{} {}\n", self.paint(&title, "1;31"), plain(&error.to_string()));
        let mut cause = error.source();
        while let Some(error) = cause {
            text += &format!("  caused by: {}\n", plain(&error.to_string()));
            cause = error.source();
        }
        if let Some(hint) = error.hint() {
            text += &format!("{} {}\n", self.paint("hint:", "1;36"), plain(&hint));
        }
        print_to_stderr(&text);
    }

    /// Something that the user should know, unless they asked for quiet.
    pub fn note(self, text: &str) {
        if !self.quiet {
            print_to_stderr(&format!("{} {text}\n", self.paint("note:", "1")));
        }
    }

    /// Something that the user asked to be told.
    pub fn detail(self, text: &str) {
        if self.verbose {
            print_to_stderr(&format!("{text}\n"));
        }
    }

    fn paint(self, word: &str, code: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word.into() }
    }
}

/// Writes data to standard output; a reader that has gone away is no error.
///
/// # Errors
/// [`Error::Output`], say on a full disk.
pub fn print(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Output(error)),
        _ => Ok(()),
    }
}

/// Writes text to standard output in place of all that a terminal shows; false if
/// nobody reads it any more.
///
/// # Errors
/// As [`print()`].
pub fn print_over(text: &str) -> Result<bool, Error> {
    let mut stdout = io::stdout().lock();
    // Home, then what is left of the old (`console_codes(4)`).
    let text = match stdout.is_terminal() {
        true => format!("\u{1b}[H\u{1b}[J{text}"),
        false => text.into(),
    };
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::Output(error)),
    }
}

/// Writes what a sandbox wrote; false if nobody reads it any more.
///
/// # Errors
/// As [`print()`].
pub fn pass_on(bytes: &[u8], to_stderr: bool) -> Result<bool, Error> {
    let written = match to_stderr {
        true => io::stderr().write_all(bytes),
        false => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes).and_then(|()| stdout.flush())
        }
    };
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::Output(error)),
    }
}

/// Writes what is no text to standard output, unless that is a terminal: then none. A
/// reader that has gone away is no error, whatever `write` makes of it.
pub fn write_data(
    write: impl FnOnce(&mut dyn Write) -> Result<(), Error>,
) -> Option<Result<(), Error>> {
    let stdout = io::stdout();
    if stdout.is_terminal() {
        return None;
    }
    let mut gone = false;
    let output = Watched { inner: stdout.lock(), gone: &mut gone };
    // A line is nothing in such data, and nothing to flush after.
    let mut output = io::BufWriter::with_capacity(1 << 20, output);
    let written = write(&mut output).and_then(|()| output.flush().map_err(Error::Output));
    drop(output);
    Some(if gone { Ok(()) } else { written })
}

/// A writer that remembers whether its reader has gone.
#[derive(Debug)]
struct Watched<'a, W> {
    inner: W,
    gone: &'a mut bool,
}

impl<W: Write> Watched<'_, W> {
    fn noting<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        *self.gone |= result.as_ref().is_err_and(is_gone);
        result
    }
}

impl<W: Write> Write for Watched<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes);
        self.noting(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.inner.flush();
        self.noting(flushed)
    }
}

/// Writes `value` to standard output as JSON.
///
/// # Errors
/// As [`print()`].
pub fn print_json(value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::Output(error.into()))?;
    print(&(plain_json(&text) + "\n"))
}

/// JSON escapes the control characters of ASCII; terminals know some more, which
/// like those are only in strings.
fn plain_json(text: &str) -> String {
    let escape = |c: char| match c {
        '\u{7f}'..='\u{9f}' => format!("\\u{:04x}", u32::from(c)),
        _ => c.to_string(),
    };
    text.chars().map(escape).collect()
}

/// Writes a line for `value`: as JSON, or by a template.
///
/// # Errors
/// If the template asks for what `value` has not, else as [`print()`].
pub fn print_line(value: &impl Serialize, template: Option<&Template>) -> Result<(), Error> {
    print(&line(value, template)?)
}

/// The line that [`print_line`] writes.
///
/// # Errors
/// If the template asks for what `value` has not.
pub fn line(value: &impl Serialize, template: Option<&Template>) -> Result<String, Error> {
    let value = serde_json::to_value(value).map_err(|error| Error::Output(error.into()))?;
    let line = match template {
        Some(template) => template.render(&value).map_err(|e| Error::usage(e.to_string()))?,
        None => plain_json(&value.to_string()),
    };
    Ok(line + "\n")
}

/// Asks whether what `warning` says is wanted; none if there is no answer.
pub fn confirm(warning: &str) -> Option<bool> {
    print_to_stderr(&format!("{warning}\ncontinue? [y/N] "));
    let mut stdin = io::stdin().lock();
    let mut answer = String::new();
    let read = stdin.read_line(&mut answer).unwrap_or(0);
    if read == 0 || !stdin.is_terminal() {
        print_to_stderr("\n"); // Nobody has typed one.
    }
    let answer = answer.trim().to_ascii_lowercase();
    (read > 0).then_some(matches!(answer.as_str(), "y" | "yes"))
}

/// What a registry or an image says may be quoted, but must neither command the
/// terminal nor add lines that look like ours.
fn plain(text: &str) -> String {
    let escape = |c: char| if c.is_control() { c.escape_debug().collect() } else { c.to_string() };
    text.trim_end().chars().map(escape).collect()
}

fn print_to_stderr(text: &str) {
    let text = if is_raw() { text.replace('\n', "\r\n") } else { text.into() };
    let _ = io::stderr().write_all(text.as_bytes()); // There is nobody left to tell.
}

/// Whether a sandbox has the terminal, so that it no longer turns the end of a
/// line into the beginning of the next (`OPOST` of `termios(3)`).
fn is_raw() -> bool {
    let modes = rustix::termios::tcgetattr(io::stderr());
    modes.is_ok_and(|modes| !modes.output_modes.contains(OutputModes::OPOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_reaches_a_terminal() {
        let all: String = ('\0'..'\u{a0}').collect();
        let written = [plain(&all), line(&all, None).unwrap().trim_end().into()];
        for text in written {
            assert!(!text.contains(char::is_control), "{text:?}");
        }
        let back: String = serde_json::from_str(&line(&all, None).unwrap()).unwrap();
        assert_eq!(back, all);
    }
}
