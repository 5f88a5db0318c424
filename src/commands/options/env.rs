//! `-e`, `--env-file`, `-h`, `--add-host`.

use std::{fs, net::IpAddr, path::Path, str::FromStr};

/// `KEY=VALUE`, or `KEY` for the host's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    /// None for the host's value.
    pub value: Option<String>,
}

impl FromStr for Variable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if name.is_empty() {
            return Err("a variable needs a name".into());
        }
        if text.contains('\0') {
            return Err("it holds a NUL character".into());
        }
        Ok(Self { name: name.into(), value })
    }
}

/// One variable a line; empty lines and those that begin with `#` are passed
/// over, quotes are kept, as in docker.
///
/// # Errors
/// What cannot be read, with the number of the line.
pub fn read_file(path: &Path) -> Result<Vec<Variable>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let lines = text.lines().enumerate();
    lines
        .map(|(number, line)| (number + 1, line.trim_start()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| {
            let wrong = |why| format!("{}: line {number}: {why}", path.display());
            line.parse().map_err(wrong)
        })
        .collect()
}

/// The name of a host: what `hostname(7)` allows, and an underscore.
///
/// # Errors
/// What is wrong with `text`.
pub fn parse_hostname(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let good = text.chars().all(allowed) && !text.starts_with(['-', '.']);
    match text.len() {
        1..=64 if good => Ok(text.into()),
        1..=64 => Err("a host name consists of letters, digits, `-` and `.`".into()),
        _ => Err("a host name has 1 to 64 characters".into()),
    }
}

/// `NAME:ADDRESS` or `NAME=ADDRESS`; `host-gateway` stands for the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostEntry {
    pub name: String,
    /// None for the address by which the sandbox reaches the host.
    pub address: Option<IpAddr>,
}

impl FromStr for HostEntry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, address) = text.split_once(['=', ':']).ok_or("not of the form NAME:ADDRESS")?;
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(format!("`{name}` is not a host name"));
        }
        let name = name.into();
        if address == "host-gateway" {
            return Ok(Self { name, address: None });
        }
        let bare = address.trim_start_matches('[').trim_end_matches(']');
        let address = bare.parse().map_err(|_| format!("`{address}` is not an IP address"))?;
        Ok(Self { name, address: Some(address) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_has_a_name_and_perhaps_a_value() {
        let variable = |name: &str, value: Option<&str>| {
            Ok(Variable { name: name.into(), value: value.map(Into::into) })
        };
        assert_eq!("A=b=c".parse(), variable("A", Some("b=c")));
        assert_eq!("A=".parse(), variable("A", Some("")));
        assert_eq!("A".parse(), variable("A", None));
        assert!("=b".parse::<Variable>().is_err());
        assert!("A=b\0c".parse::<Variable>().is_err());
    }

    #[test]
    fn a_host_name_is_short_and_plain() {
        assert_eq!(parse_hostname("web-1.test"), Ok("web-1.test".into()));
        for bad in ["", "a/b", "-a", ".a", "a b", &"a".repeat(65)] {
            assert!(parse_hostname(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_host_entry_takes_both_families() {
        let entry = |address: &str| {
            let address = address.parse().ok();
            Ok(HostEntry { name: "db".into(), address })
        };
        assert_eq!("db:10.0.0.7".parse(), entry("10.0.0.7"));
        assert_eq!("db:::1".parse(), entry("::1"));
        assert_eq!("db=[::1]".parse(), entry("::1"));
        assert_eq!("db:host-gateway".parse(), entry("the host"));
        for bad in ["db", ":1.2.3.4", "a b:1.2.3.4", "db:localhost"] {
            assert!(bad.parse::<HostEntry>().is_err(), "{bad}");
        }
    }
}
