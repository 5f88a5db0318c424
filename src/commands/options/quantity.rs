//! Sizes and durations.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::sys::time::parse_rfc3339;

pub use crate::config::parse_size;

/// A duration: `90`, `90s`, `1m30s`, `1.5h`, `250ms`; seconds without a unit.
///
/// # Errors
/// What is wrong with `text`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    match parse_any_duration(text)? {
        Duration::ZERO => Err("must be longer than nothing".into()),
        duration => Ok(duration),
    }
}

/// The same; nothing at all is `0` or `0s`.
fn parse_any_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "not a duration such as 30s, 5m or 1h30m".to_owned();
    let mut rest = text;
    let mut total = Duration::ZERO;
    if text.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let split = |test: fn(char) -> bool, text: &str| text.find(test).unwrap_or(text.len());
        let (number, tail) = rest.split_at(split(|c| !c.is_ascii_digit() && c != '.', rest));
        let (unit, tail) = tail.split_at(split(|c| c.is_ascii_digit(), tail));
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "" if rest == text => 1.0,
            _ => return Err(wrong()),
        };
        let number: f64 = number.parse().map_err(|_| wrong())?;
        total += Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())?;
        rest = tail;
    }
    Ok(total)
}

/// A point in time: RFC 3339, a date, seconds since 1970, or how long ago it was
/// (`10m`).
///
/// # Errors
/// What is wrong with `text`.
pub fn parse_moment(text: &str) -> Result<SystemTime, String> {
    let midnight = || parse_rfc3339(&format!("{text}T00:00:00Z"));
    let local = || parse_rfc3339(&format!("{text}Z"));
    if let Some(seconds) = parse_rfc3339(text).or_else(local).or_else(midnight) {
        return Ok(UNIX_EPOCH + Duration::from_secs(seconds));
    }
    if let Ok(seconds) = text.parse::<f64>() {
        let since = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
        return Ok(UNIX_EPOCH + since);
    }
    let ago = parse_any_duration(text).map_err(|_| {
        "neither a time such as 2026-11-22T08:30:00Z nor a duration such as 5m".to_owned()
    })?;
    Ok(SystemTime::now().checked_sub(ago).unwrap_or(UNIX_EPOCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_up() {
        let cases =
            [("90", 90_000), ("1.5", 1_500), ("250ms", 250), ("2000us", 2), ("1h30m", 5_400_000)];
        for (text, milliseconds) in cases {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for bad in ["", "0", "s", "-1s", "5x", "1m30", "1e9", "inf"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
