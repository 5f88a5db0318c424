//! One port, or several in a row.

use std::{fmt, ops::RangeInclusive, str::FromStr};

/// Ports from 1 to 65535: `80`, `8000-8010`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// None if it would be empty, or begin with 0.
    pub fn new(first: u16, last: u16) -> Option<Self> {
        (0 < first && first <= last).then_some(Self { first, last })
    }

    /// Whether `port` is one of them.
    pub fn contains(&self, port: u16) -> bool {
        self.iter().contains(&port)
    }

    /// How many they are: at least one.
    pub fn count(&self) -> u32 {
        u32::from(self.last - self.first) + 1
    }

    /// All of them, in order.
    pub fn iter(&self) -> RangeInclusive<u16> {
        self.first..=self.last
    }
}

impl FromStr for PortRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (port(first)?, port(last)?);
        if first == 0 {
            return Err("there is no port 0".into());
        }
        Self::new(first, last).ok_or_else(|| format!("the ports `{text}` run backwards"))
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => self.first.fmt(f),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

/// Digits alone, 0 to 65535.
fn port(text: &str) -> Result<u16, String> {
    let wrong = || format!("`{text}` is not a port: a number from 1 to 65535");
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse().map_err(|_| wrong()),
        false => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_one_number_or_two() {
        let cases = [("1", 1, 1), ("65535", 65535, 65535), ("8000-8010", 8000, 8010)];
        for (text, first, last) in cases {
            assert_eq!(text.parse(), Ok(PortRange { first, last }));
            assert_eq!(PortRange { first, last }.to_string(), text);
        }
        assert_eq!("80-80".parse(), Ok(PortRange { first: 80, last: 80 }));
    }

    #[test]
    fn a_range_holds_both_its_ends() {
        let range = PortRange::new(10, 12).unwrap();
        let held = (9..14).filter(|port| range.contains(*port));
        assert_eq!(held.collect::<Vec<_>>(), [10, 11, 12]);
    }

    #[test]
    fn what_is_not_a_port_is_refused_with_a_reason() {
        let cases = [
            ("", "`` is not a port"),
            ("0", "no port 0"),
            ("0-5", "no port 0"),
            ("65536", "not a port"),
            ("+80", "not a port"),
            ("0x50", "not a port"),
            ("80-", "`` is not a port"),
            ("-80", "`` is not a port"),
            ("80-90-95", "`90-95` is not a port"),
            ("90-80", "run backwards"),
            ("http", "not a port"),
        ];
        for (text, why) in cases {
            let error = text.parse::<PortRange>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
