//! Questions to whoever sits at the terminal.

use std::io::{self, BufRead, IsTerminal};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::print_to_stderr;
use crate::oci::Secret;

/// What the keys send that a password does not contain (`termios(3)`).
const INTERRUPT: u8 = 3;
const END: u8 = 4;
const BACKSPACE: u8 = 8;
const KILL_LINE: u8 = 21;
const DELETE: u8 = 127;

/// Asks for a line; none if there is no terminal, or no answer.
pub fn ask(question: &str) -> Option<String> {
    let mut stdin = io::stdin().lock();
    if !stdin.is_terminal() {
        return None;
    }
    print_to_stderr(question);
    let mut answer = String::new();
    stdin.read_line(&mut answer).ok()?;
    Some(answer.trim().into())
}

/// Asks for a line that is not shown; none if there is no terminal, or no answer.
pub fn ask_hidden(question: &str) -> Option<Secret> {
    let stdin = io::stdin().lock();
    let _silence = Silence::begin()?;
    print_to_stderr(question);
    let answer = read_line(stdin);
    print_to_stderr("\n");
    answer.map(Secret::from)
}

/// Reads keys up to Enter; none if the user wants something else.
fn read_line(keys: impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    for key in keys.bytes() {
        match key.ok()? {
            b'\n' | b'\r' => break,
            INTERRUPT => return None,
            END if line.is_empty() => return None,
            END => break,
            KILL_LINE => line.clear(),
            BACKSPACE | DELETE => {
                // The continuation bytes of a character go with it.
                while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            key => line.push(key),
        }
    }
    String::from_utf8(line).ok()
}

/// A terminal that shows nothing and interrupts nobody, who would leave it so.
struct Silence(Termios);

impl Silence {
    fn begin() -> Option<Self> {
        let before = tcgetattr(io::stdin()).ok()?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(io::stdin(), OptionalActions::Now, &silent).ok()?;
        Some(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_make_a_line() {
        let cases: [(&str, Option<&str>); 8] = [
            ("secret\nmore", Some("secret")),
            ("pass word\r", Some("pass word")),
            ("secrex\u{7f}t\n", Some("secret")),
            ("aü\u{7f}\u{8}\u{8}b\n", Some("b")),
            ("wrong\u{15}right\n", Some("right")),
            ("secret\u{4}", Some("secret")),
            ("\u{4}", None),
            ("secret\u{3}\n", None),
        ];
        for (keys, line) in cases {
            assert_eq!(read_line(keys.as_bytes()).as_deref(), line, "{keys:?}");
        }
    }
}
