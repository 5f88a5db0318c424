//! A terminal, with the test at its keyboard and before its screen.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    process::{Child, ExitStatus},
    sync::{Arc, Mutex},
    thread,
};

use rustix::{
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{Termios, Winsize, tcgetattr, tcsetwinsize},
};

use super::{Test, eventually, text};

/// A pseudo-terminal and the program that runs on it.
#[derive(Debug)]
pub(crate) struct Terminal {
    keyboard: File,
    /// Held open: the settings of a terminal that nobody has open are lost.
    line: OwnedFd,
    screen: Arc<Mutex<Vec<u8>>>,
    child: Child,
}

impl Terminal {
    /// Starts the program as a shell in a new terminal window would.
    pub(crate) fn start(test: &Test) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let line = ioctl_tiocgptpeer(
            &master,
            OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC,
        )
        .unwrap();
        // `--ctty` makes the terminal the controlling one, which Ctrl-C needs.
        let child = test
            .command(&["setsid".into(), "--ctty".into()])
            .stdin(line.try_clone().unwrap())
            .stdout(line.try_clone().unwrap())
            .stderr(line.try_clone().unwrap())
            .spawn()
            .unwrap();
        let keyboard = File::from(master);
        let screen = watch(keyboard.try_clone().unwrap());
        Self { keyboard, line, screen, child }
    }

    pub(crate) fn type_text(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.keyboard, size).unwrap();
    }

    /// Waits until the screen shows this.
    #[track_caller]
    pub(crate) fn wait_for(&self, expected: &str) {
        let seen = || text(&self.screen.lock().unwrap());
        let shows = || seen().contains(expected).then_some(());
        let found = eventually(shows);
        assert!(found.is_some(), "no `{expected}` on the screen:\n{}", seen());
    }

    /// All that was on the screen.
    pub(crate) fn seen(&self) -> String {
        text(&self.screen.lock().unwrap())
    }

    /// The settings of the terminal: echo, line discipline, signals.
    pub(crate) fn settings(&self) -> Termios {
        tcgetattr(&self.line).unwrap()
    }

    pub(crate) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// Waits until the program has exited.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let ended = eventually(|| self.child.try_wait().unwrap());
        ended.unwrap_or_else(|| panic!("still running:\n{}", self.seen()))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Collects all that is written to the terminal.
fn watch(mut output: File) -> Arc<Mutex<Vec<u8>>> {
    let screen = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&screen);
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = output.read(&mut buffer) {
            seen.lock().unwrap().extend_from_slice(&buffer[..count]);
        }
    });
    screen
}
