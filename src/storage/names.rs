//! Names of images as names of files.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::oci::Digest;

/// Names of files end at 255 bytes; room is left for what others may append.
const MAX_LENGTH: usize = 200;

/// What a file in `refs` says: a manifest, and the name that stands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ref {
    pub(super) digest: Digest,
    pub(super) name: String,
}

impl Ref {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (digest, name) = text.strip_suffix('\n')?.split_once('\n')?;
        Some(Self { digest: digest.parse().ok()?, name: name.into() })
    }

    pub(super) fn write(&self) -> String {
        format!("{}\n{}\n", self.digest, self.name)
    }
}

/// The file for a name: readable where that is possible, never the same for
/// two names.
///
/// After `%` come two digits, or for a hash a second `%`.
pub(super) fn file_name(name: &str) -> PathBuf {
    let mut file = String::new();
    for (position, byte) in name.bytes().enumerate() {
        match byte {
            b'.' if position > 0 => file.push('.'),
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'-' | b':' | b'@' => {
                file.push(char::from(byte));
            }
            _ => file.push_str(&format!("%{byte:02x}")),
        }
    }
    if file.len() > MAX_LENGTH || file.is_empty() {
        let hash = Digest::from_sha256(&Sha256::digest(name).into());
        file = format!("%%{}", hash.hex());
    }
    Path::new(&file).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_safe_component() {
        let cases = [
            ("docker.io/library/alpine:latest", "docker.io%2flibrary%2falpine:latest"),
            ("127.0.0.1:5000/a_b@sha256:0a", "127.0.0.1:5000%2fa_b@sha256:0a"),
            (".", "%2e"),
            ("..", "%2e."),
            ("100%", "100%25"),
            ("a\nb", "a%0ab"),
        ];
        for (name, file) in cases {
            assert_eq!(file_name(name), Path::new(file), "{name}");
        }
        let long = "a/".repeat(1000);
        assert_eq!(file_name(&long).as_os_str().len(), 66);
        assert_ne!(file_name(&long), file_name(&long[2..]));
    }

    #[test]
    fn a_ref_says_its_name() {
        let digest = Digest::from_sha256(&[7; 32]);
        for name in ["docker.io/library/alpine:latest", "", "with\nnewline\n"] {
            let stored = Ref { digest: digest.clone(), name: name.into() };
            assert_eq!(Ref::parse(&stored.write()), Some(stored), "{name:?}");
        }
        for damaged in ["", "\n", "sha256:0a\nname\n", &digest.to_string()] {
            assert_eq!(Ref::parse(damaged), None, "{damaged:?}");
        }
    }
}
