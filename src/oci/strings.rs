//! What JSON has no type for: arguments that need not be text, and capabilities.

use std::ffi::CString;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Text where it is text, else its bytes.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Word {
    Text(String),
    Bytes(Vec<u8>),
}

pub(super) fn serialize<S: Serializer>(words: &[CString], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(words.iter().map(|word| match word.to_str() {
        Ok(text) => Word::Text(text.into()),
        Err(_) => Word::Bytes(word.as_bytes().into()),
    }))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<CString>, D::Error> {
    let words = Vec::<Word>::deserialize(from)?.into_iter().map(|word| match word {
        Word::Text(text) => text.into_bytes(),
        Word::Bytes(bytes) => bytes,
    });
    words.map(|bytes| CString::new(bytes).map_err(D::Error::custom)).collect()
}

/// Capabilities by their names, such as `CAP_CHOWN`.
pub(super) mod names {
    use super::*;
    use crate::oci::Capability;

    pub(in crate::oci) fn serialize<S: Serializer>(
        capabilities: &[Capability],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(capabilities.iter().map(ToString::to_string))
    }

    pub(in crate::oci) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Capability>, D::Error> {
        let names = Vec::<String>::deserialize(from)?;
        let parse = |name: String| name.parse().map_err(|_| D::Error::custom(name));
        names.into_iter().map(parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Words(#[serde(with = "super")] Vec<CString>);

    #[test]
    fn an_argument_need_not_be_text() {
        let words = Words(vec![c"a b".into(), CString::new([255, 1]).unwrap()]);
        let json = serde_json::to_string(&words).unwrap();
        assert_eq!(json, r#"["a b",[255,1]]"#);
        assert_eq!(serde_json::from_str::<Words>(&json).unwrap(), words);
        assert!(serde_json::from_str::<Words>(r#"["\u0000"]"#).is_err());
    }
}
