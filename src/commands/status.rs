//! `--status-fd`: what happens, for programs.

use std::{cell::RefCell, fs::File, io::Write, rc::Rc};

use serde::Serialize;

use crate::{
    error::{Cause, Error},
    oci::ExitStatus,
    sys,
};

/// Where the phases of a sandbox are told; nowhere, unless somebody asked.
#[derive(Debug, Clone, Default)]
pub struct StatusLines(Option<Rc<RefCell<File>>>);

/// What has happened.
#[derive(Debug, Serialize)]
#[serde(tag = "phase", rename_all = "lowercase")]
pub(super) enum Phase<'a> {
    /// The image is there.
    Pulled {
        image: &'a str,
    },
    /// The sandbox has an id.
    Created {
        id: &'a str,
    },
    /// Its command runs, as this process of the host.
    Started {
        id: &'a str,
        pid: i32,
    },
    Exited {
        id: &'a str,
        code: u8,
        cause: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
    },
    Failed {
        code: u8,
        cause: &'static str,
        message: String,
    },
}

impl StatusLines {
    /// Takes over the descriptor `number`, which the caller has opened for us.
    ///
    /// # Errors
    /// If it is not open.
    pub fn open(number: Option<i32>) -> Result<Self, Error> {
        let Some(number) = number else { return Ok(Self::default()) };
        let file = sys::process::inherited_descriptor(number).map_err(|_| {
            Error::usage_with_hint(
                format!("the descriptor {number} is not open"),
                format!("`{number}>FILE` opens it in a shell"),
            )
        })?;
        Ok(Self(Some(Rc::new(RefCell::new(file.into())))))
    }

    /// Whoever asked may have gone: no reason to fail.
    pub(super) fn tell(&self, phase: &Phase<'_>) {
        if let (Some(file), Ok(json)) = (&self.0, serde_json::to_string(phase)) {
            let _ = writeln!(file.borrow_mut(), "{json}");
        }
    }

    /// The command has ended.
    pub(super) fn exited(&self, id: &str, status: ExitStatus) {
        let (cause, signal) = match status {
            ExitStatus::Exited(_) => ("exit", None),
            ExitStatus::Signaled(signal) => ("signal", Some(signal)),
            ExitStatus::TimedOut => ("timeout", None),
            ExitStatus::OutOfMemory => ("memory", None),
        };
        self.tell(&Phase::Exited { id, code: status.code(), cause, signal });
    }

    /// We have failed.
    pub fn failed(&self, error: &Error) {
        let (cause, message) = (Cause::from(error).code, error.to_string());
        self.tell(&Phase::Failed { code: error.code(), cause, message });
    }
}
