//! The words for actions: `SCMP_ACT_…`, as `seccomp_init(3)` explains them.

use super::Error;

/// The largest errno that the kernel gives back (`MAX_ERRNO`).
const MAX_ERRNO: u32 = 4095;

/// The answer of a filter for an action.
pub(super) fn action(name: &str, errno_ret: Option<u32>) -> Result<u32, Error> {
    Ok(match name {
        "SCMP_ACT_ALLOW" => libc::SECCOMP_RET_ALLOW,
        "SCMP_ACT_LOG" => libc::SECCOMP_RET_LOG,
        "SCMP_ACT_TRAP" => libc::SECCOMP_RET_TRAP,
        "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => libc::SECCOMP_RET_KILL_THREAD,
        "SCMP_ACT_KILL_PROCESS" => libc::SECCOMP_RET_KILL_PROCESS,
        "SCMP_ACT_ERRNO" => errno(errno_ret.unwrap_or(libc::EPERM as u32)),
        "SCMP_ACT_TRACE" => libc::SECCOMP_RET_TRACE | low(errno_ret.unwrap_or(libc::EPERM as u32)),
        _ => return Err(Error::Action(name.into())),
    })
}

/// The answer that makes the call fail with an errno, or succeed if it is 0.
pub(super) fn errno(errno: u32) -> u32 {
    libc::SECCOMP_RET_ERRNO | low(errno.min(MAX_ERRNO))
}

/// The part of an answer that is data.
fn low(data: u32) -> u32 {
    data & libc::SECCOMP_RET_DATA
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_those_of_the_kernel() {
        let cases = [
            ("SCMP_ACT_ALLOW", None, 0x7fff_0000),
            ("SCMP_ACT_ERRNO", None, 0x0005_0001),
            ("SCMP_ACT_ERRNO", Some(0), 0x0005_0000),
            ("SCMP_ACT_ERRNO", Some(38), 0x0005_0026),
            ("SCMP_ACT_ERRNO", Some(70000), 0x0005_0fff),
            ("SCMP_ACT_KILL", None, 0),
            ("SCMP_ACT_KILL_PROCESS", None, 0x8000_0000),
            ("SCMP_ACT_TRACE", Some(7), 0x7ff0_0007),
        ];
        for (name, errno, answer) in cases {
            assert_eq!(action(name, errno).unwrap(), answer, "{name} {errno:?}");
        }
    }

    #[test]
    fn a_listener_is_not_supported() {
        let error = action("SCMP_ACT_NOTIFY", None).unwrap_err();
        assert_eq!(error.to_string(), "seccomp action `SCMP_ACT_NOTIFY` is not supported");
    }
}
