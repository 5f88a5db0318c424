//! Names of hosts as people write them in rules.

use std::{borrow::Cow, fmt, str::FromStr};

/// A name in the DNS, in lower case and without the final dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostName(Box<str>);

impl HostName {
    /// The name itself, such as `example.com`.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `name`, as [`normal`] makes it, is below this one, at any depth.
    ///
    /// A name with unusual letters is not: its dots may not be where they seem
    /// (RFC 4343, section 2.1, escapes a dot inside a label).
    pub(super) fn is_above(&self, name: &str) -> bool {
        let below = name.strip_suffix(self.as_str()).and_then(|name| name.strip_suffix('.'));
        below.is_some_and(|labels| labels.split('.').all(|label| check_label(label).is_ok()))
    }
}

impl FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        check(&normal(text)).map_err(|why| format!("`{text}` {why}"))?;
        Ok(Self(normal(text).into()))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name in the form in which names are compared: lower case, no final dot.
pub(super) fn normal(name: &str) -> Cow<'_, str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => name.to_ascii_lowercase().into(),
        false => name.into(),
    }
}

fn check(name: &str) -> Result<(), &'static str> {
    if !name.is_ascii() {
        return Err("is not ASCII: write the name as the DNS has it, with xn--");
    }
    if name.len() > 253 {
        return Err("is longer than the 253 characters of a host name");
    }
    name.split('.').try_for_each(check_label)?;
    let last = name.rsplit('.').next().unwrap_or(name);
    if is_number(last) {
        return Err("is a number, not a name: an IPv4 address has four parts, such as 192.0.2.1");
    }
    if last == "localhost" {
        return Err("is the sandbox itself in there: `--host-loopback PORT` is for the host's");
    }
    Ok(())
}

/// RFC 1123, section 2.1, and the underscore that service names have.
fn check_label(label: &str) -> Result<(), &'static str> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if label.is_empty() {
        return Err("has an empty part");
    }
    if label.len() > 63 {
        return Err("has a part of more than 63 characters");
    }
    if !label.bytes().all(known) {
        return Err("is not a host name: those have letters, digits, `-`, `_` and dots");
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err("has a part that begins or ends with `-`");
    }
    Ok(())
}

/// Whether programs take a name that ends so for an IPv4 address in an odd
/// notation: `127.1`, `2130706433`, `0x7f.1` (WHATWG URL, "ends in a number").
fn is_number(label: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits(label) || label.strip_prefix("0x").is_some_and(hexadecimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> HostName {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn case_and_a_final_dot_do_not_matter() {
        for text in ["example.com", "EXAMPLE.com", "example.com.", "Example.Com."] {
            assert_eq!(name(text).as_str(), "example.com");
        }
        for text in ["a", "db", "_dmarc.example.com", "xn--bcher-kva.example", "1.example", "0x1g"]
        {
            assert_eq!(name(text).as_str(), text);
        }
    }

    #[test]
    fn only_whole_labels_make_a_subdomain() {
        let cases = [
            ("a.example.com", true),
            ("a.b.c.example.com", true),
            ("example.com", false),
            (".example.com", false),
            ("a..example.com", false),
            ("notexample.com", false),
            ("example.com.evil.test", false),
            ("a.example.com.evil.test", false),
            ("a\\.example.com", false),
            ("a b.example.com", false),
            ("com", false),
            ("", false),
        ];
        for (below, expected) in cases {
            assert_eq!(name("example.com").is_above(below), expected, "{below}");
        }
    }

    #[test]
    fn what_is_not_a_name_is_refused_with_a_reason() {
        let (label, long) = ("a".repeat(64), "a.".repeat(127) + "com");
        let cases = [
            ("", "empty part"),
            (".", "empty part"),
            ("a..b", "empty part"),
            (".a", "empty part"),
            ("a..", "empty part"),
            (&label, "63"),
            (&long, "253"),
            ("bücher.example", "xn--"),
            ("-a.example", "`-`"),
            ("a-.example", "`-`"),
            ("a b", "letters"),
            ("a\0b", "letters"),
            ("a*.example", "letters"),
            ("1.2", "a number"),
            ("127.1", "a number"),
            ("2130706433", "a number"),
            ("0x7f.1", "a number"),
            ("0x7f000001", "a number"),
            ("0X7F000001", "a number"),
            ("0177.0.0.1", "a number"),
            ("192.0.2.1.", "a number"),
            ("192.0.2.0x1", "a number"),
            ("192.0.2.0x", "a number"),
            ("example.1", "a number"),
            ("localhost", "--host-loopback"),
            ("a.LOCALHOST.", "--host-loopback"),
        ];
        for (text, why) in cases {
            let error = text.parse::<HostName>().unwrap_err();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }
}
