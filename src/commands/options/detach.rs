//! `--detach-keys`.

use std::str::FromStr;

/// What is to be typed to leave a sandbox running; nothing if it is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetachKeys(pub Vec<u8>);

impl FromStr for DetachKeys {
    type Err = String;

    /// As in docker: keys separated by commas, each a character or `ctrl-` and one
    /// of `a` to `z`, `@`, `[`, `\`, `]`, `^` and `_`.
    fn from_str(text: &str) -> Result<Self, String> {
        let key = |key: &str| match (key.strip_prefix("ctrl-").map(str::as_bytes), key.as_bytes()) {
            (Some([letter @ (b'a'..=b'z' | b'@' | b'['..=b'_')]), _) => Ok(letter & 0x1f),
            (None, [character]) => Ok(*character),
            _ => Err(format!("`{key}` is not a key such as ctrl-p or x")),
        };
        let keys = text.split(',').filter(|_| !text.is_empty()).map(key);
        keys.collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_in_docker() {
        let cases: [(&str, &[u8]); 4] =
            [("ctrl-p,ctrl-q", &[16, 17]), ("a", b"a"), ("ctrl-[,x", &[27, b'x']), ("", &[])];
        for (text, keys) in cases {
            assert_eq!(text.parse(), Ok(DetachKeys(keys.into())), "{text}");
        }
        for bad in ["ctrl-", "ctrl-1", "ab", "ctrl-p,", "ä"] {
            assert!(bad.parse::<DetachKeys>().is_err(), "{bad}");
        }
    }
}
