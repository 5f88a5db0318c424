//! What only a driver may know: it is read when it is told, and kept nowhere.

use std::{collections::BTreeMap, fs::File, io::Read, os::unix::fs::MetadataExt, path::Path};

use super::{Error, error::OPEN_TO_OTHERS};

/// In bytes.
const LONGEST: u64 = 1 << 20;

/// Reads a file that is nobody else's: an object of strings in JSON, or lines
/// `KEY=VALUE`.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, String>, Error> {
    let wrong = |why: String| Error::Secrets { path: path.into(), why };
    let failed = |error: std::io::Error| wrong(error.to_string());
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.mode() & 0o077 != 0 {
        return Err(wrong(OPEN_TO_OTHERS.into()));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(failed)?;
    parse(&text).ok_or_else(|| wrong("they are neither lines KEY=VALUE nor JSON".into()))
}

fn parse(text: &str) -> Option<BTreeMap<String, String>> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).ok();
    }
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once('=').map(|(key, value)| (key.into(), value.into()))).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::storage::testing::TempDir;

    #[test]
    fn secrets_are_lines_or_json() {
        let both = BTreeMap::from([("a".into(), "b=c".into()), ("d".into(), String::new())]);
        assert_eq!(parse("# x\na=b=c\n\nd=\n"), Some(both.clone()));
        assert_eq!(parse(" {\"a\": \"b=c\", \"d\": \"\"}\n"), Some(both));
        assert_eq!((parse("a"), parse("{\"a\": 1}")), (None, None));
    }

    #[test]
    fn what_others_may_read_is_no_secret() {
        let temp = TempDir::new();
        let path = temp.path().join("secrets");
        fs::write(&path, "a=b\n").unwrap();
        for (mode, is_secret) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&path).is_ok(), is_secret, "{mode:o}");
        }
    }
}
