//! Sizes and durations.

use std::time::Duration;

/// Bytes: a number with `b`, `k`, `m`, `g` or `t`, of 1024, as in docker.
///
/// # Errors
/// What is wrong with `text`.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &lower[digits.len()..] {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        unit => return Err(format!("`{unit}` is not one of b, k, m, g, t")),
    };
    let number: u64 = digits.parse().map_err(|_| "not a size such as 64m or 1g".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "too large".into())
}

/// A duration: `90`, `90s`, `1m30s`, `1.5h`, `250ms`; seconds without a unit.
///
/// # Errors
/// What is wrong with `text`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "not a duration such as 30s, 5m or 1h30m".to_owned();
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let split = |test: fn(char) -> bool, text: &str| text.find(test).unwrap_or(text.len());
        let (number, tail) = rest.split_at(split(|c| !c.is_ascii_digit() && c != '.', rest));
        let (unit, tail) = tail.split_at(split(|c| c.is_ascii_digit(), tail));
        let seconds = match unit {
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
    if total.is_zero() { Err("must be longer than nothing".into()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        let cases = [("0", 0), ("64m", 64 << 20), ("1G", 1 << 30), ("10KB", 10 << 10), ("5b", 5)];
        for (text, size) in cases {
            assert_eq!(parse_size(text), Ok(size), "{text}");
        }
        for bad in ["", "m", "-1", "1.5g", "1x", "99999999999t"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_add_up() {
        let cases = [("90", 90_000), ("1.5", 1_500), ("250ms", 250), ("1h30m", 5_400_000)];
        for (text, milliseconds) in cases {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for bad in ["", "0", "s", "-1s", "5x", "1m30", "1e9", "inf"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
