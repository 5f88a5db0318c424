//! Signals by name or number.

use nix::sys::signal::Signal;

/// `TERM`, `SIGTERM`, `term` or `15`.
///
/// # Errors
/// If there is no such signal (`signal(7)`).
pub fn parse_signal(name: &str) -> Result<Signal, String> {
    let upper = name.to_ascii_uppercase();
    let long = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
    let by_number = name.parse().ok().and_then(|number: i32| Signal::try_from(number).ok());
    by_number.or_else(|| long.parse().ok()).ok_or_else(|| format!("`{name}` is not a signal"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_has_names_and_a_number() {
        for text in ["TERM", "SIGTERM", "term", "15"] {
            assert_eq!(parse_signal(text), Ok(Signal::SIGTERM), "{text}");
        }
        for bad in ["", "0", "99", "SIG", "NONE"] {
            assert!(parse_signal(bad).is_err(), "{bad}");
        }
    }
}
