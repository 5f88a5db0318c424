//! PAX records (`pax(1)`, "pax Header Block"): `LENGTH KEY=VALUE` and a newline.

use std::collections::BTreeMap;

use tar::{EntryType, Header};

use super::meter::BLOCK;

/// What the extension headers of one entry say, by key.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Records(BTreeMap<Vec<u8>, Vec<u8>>);

impl Records {
    /// Reads the headers that came before the entry's own; none if they are
    /// malformed.
    pub(super) fn read(mut headers: &[u8]) -> Option<Self> {
        let mut records = Self::default();
        while let Some((block, rest)) = headers.split_at_checked(BLOCK) {
            let header = Header::from_byte_slice(block);
            let size = usize::try_from(header.entry_size().ok()?).ok()?;
            let (content, _) = rest.split_at_checked(size)?;
            if header.entry_type() == EntryType::XHeader {
                records.extend(content)?;
            }
            headers = rest.get(size.next_multiple_of(BLOCK)..)?;
        }
        Some(records)
    }

    fn extend(&mut self, mut content: &[u8]) -> Option<()> {
        while !content.is_empty() {
            let digits = content.iter().position(|byte| *byte == b' ')?;
            let length = number(content.get(..digits)?)?;
            let (record, rest) = content.split_at_checked(usize::try_from(length).ok()?)?;
            let record = record.get(digits + 1..)?.strip_suffix(b"\n")?;
            let equals = record.iter().position(|byte| *byte == b'=')?;
            let (key, value) = record.split_at_checked(equals)?;
            self.add(key, value.get(1..)?);
            content = rest;
        }
        Some(())
    }

    /// Of two records with one key the later counts; only GNU tar's first way to
    /// list the parts of a sparse file repeats its keys, and is read as the
    /// second way.
    fn add(&mut self, key: &[u8], value: &[u8]) {
        if !matches!(key, b"GNU.sparse.offset" | b"GNU.sparse.numbytes") {
            self.0.insert(key.into(), value.into());
            return;
        }
        let list = self.0.entry(b"GNU.sparse.map".into()).or_default();
        if !list.is_empty() {
            list.push(b',');
        }
        list.extend(value);
    }

    pub(super) fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.get(key.as_bytes()).map(Vec::as_slice)
    }

    pub(super) fn number(&self, key: &str) -> Option<u64> {
        self.get(key).and_then(number)
    }

    /// The records whose key begins with `prefix`, without it.
    pub(super) fn with_prefix<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let rest = move |key: &'a Vec<u8>| key.strip_prefix(prefix.as_bytes());
        self.0.iter().filter_map(move |(key, value)| Some((rest(key)?, value.as_slice())))
    }
}

fn number(text: &[u8]) -> Option<u64> {
    str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records(content: &[u8]) -> Option<Records> {
        let mut records = Records::default();
        records.extend(content).map(|()| records)
    }

    #[test]
    fn a_value_may_hold_anything() {
        let records = records(b"11 a=b\n\n=c\n9 uid=42\n5 e=\n").unwrap();
        assert_eq!(records.get("a"), Some(b"b\n\n=c".as_slice()));
        assert_eq!(records.number("uid"), Some(42));
        assert_eq!(records.get("e"), Some(b"".as_slice()));
        assert_eq!(records.with_prefix("u").collect::<Vec<_>>(), [(&b"id"[..], &b"42"[..])]);
    }

    #[test]
    fn repeated_numbers_of_a_sparse_file_become_a_list() {
        let numbers = b"23 GNU.sparse.offset=0\n25 GNU.sparse.numbytes=5\n";
        let records = records(&numbers.repeat(2)).unwrap();
        assert_eq!(records.get("GNU.sparse.map"), Some(b"0,5,0,5".as_slice()));
    }

    #[test]
    fn a_length_that_lies_is_malformed() {
        for bad in ["5 a=b\n", "7 a=b\n", "6 abc\n", "6 a=bc", "-1 a=b\n", "0 \n", "\n", "9 x"] {
            assert_eq!(records(bad.as_bytes()), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_records_or_malformed(bytes: Vec<u8>, blocks in 0..4_usize) {
            let _ = records(&bytes);
            let mut padded = bytes;
            padded.resize(blocks * BLOCK, 0);
            let _ = Records::read(&padded);
        }

        #[test]
        fn what_was_written_is_read(
            written in prop::collection::btree_map("[a-zA-Z.]{1,20}", any::<Vec<u8>>(), 0..6)
        ) {
            let mut tar = tar::Builder::new(Vec::new());
            let pairs = written.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
            tar.append_pax_extensions(pairs).unwrap();
            let mut headers = tar.into_inner().unwrap();
            headers.truncate(headers.len() - 2 * BLOCK); // The end of the archive.
            let read = Records::read(&headers).unwrap();
            for (key, value) in &written {
                prop_assert_eq!(read.get(key), Some(value.as_slice()));
            }
        }
    }
}
