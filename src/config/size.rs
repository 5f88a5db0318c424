//! Sizes as people write them.

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
}
