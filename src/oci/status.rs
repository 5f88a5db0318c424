//! How a workload ended.

use serde::{Deserialize, Serialize};

/// How a process ended, as `waitid(2)` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExitStatus {
    /// It exited with this code.
    Exited(u8),
    /// This signal ended it.
    Signaled(i32),
    /// We ended it because its time was up (`--timeout`).
    TimedOut,
    /// It was ended because there was no memory left that it might have had.
    OutOfMemory,
}

impl ExitStatus {
    /// The code that a shell shows: 128 + N for signal N, 124 for a timeout as
    /// in `timeout(1)`, and that of SIGKILL for want of memory.
    pub fn code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Signaled(signal) => 128u8.saturating_add(u8::try_from(signal).unwrap_or(127)),
            Self::TimedOut => 124,
            Self::OutOfMemory => 137,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_reads_as_the_shell_reads_it() {
        let cases = [
            (ExitStatus::Exited(0), 0),
            (ExitStatus::Exited(42), 42),
            (ExitStatus::Signaled(9), 137),
            (ExitStatus::Signaled(15), 143),
            (ExitStatus::TimedOut, 124),
            (ExitStatus::OutOfMemory, 137),
        ];
        for (status, code) in cases {
            assert_eq!(status.code(), code, "{status:?}");
        }
    }
}
