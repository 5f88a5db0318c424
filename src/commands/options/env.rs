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

/// `NAME:ADDRESS` or `NAME=ADDRESS`, as a line of `hosts(5)`.
///
/// # Errors
/// What is wrong with `text`.
pub fn host_entry(text: &str) -> Result<String, String> {
    let (name, address) = text.split_once(['=', ':']).ok_or("not of the form NAME:ADDRESS")?;
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(format!("`{name}` is not a host name"));
    }
    if address == "host-gateway" {
        return Err("there is no gateway to the host without a network of our own".into());
    }
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    let address: IpAddr = bare.parse().map_err(|_| format!("`{address}` is not an IP address"))?;
    Ok(format!("{address}\t{name}"))
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
        assert_eq!(host_entry("db:10.0.0.7"), Ok("10.0.0.7\tdb".into()));
        assert_eq!(host_entry("db:::1"), Ok("::1\tdb".into()));
        assert_eq!(host_entry("db=[::1]"), Ok("::1\tdb".into()));
        for bad in ["db", ":1.2.3.4", "a b:1.2.3.4", "db:localhost", "db:host-gateway"] {
            assert!(host_entry(bad).is_err(), "{bad}");
        }
    }
}
