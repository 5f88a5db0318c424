//! Files with holes in PAX archives (GNU tar's manual, "Storing Sparse Files").
//!
//! Only the data is in the archive; where it belongs is a list of numbers,
//! offset and length in turn. Versions 0.0 and 0.1 have it in the headers, 1.0
//! in blocks before the data. The tar crate knows none of them, but GNU's older
//! way, which is a type of entry.

use std::io::{self, Read};

use super::{meter::BLOCK, pax::Records};

/// A longer list is refused.
const MAX_LIST: usize = 1 << 20;

/// How a file with holes is stored.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sparse {
    /// What the file has bytes, with its holes.
    pub(super) size: u64,
    /// None if it comes before the data.
    list: Option<Vec<u64>>,
}

/// Where some of the data belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) offset: u64,
    pub(super) length: u64,
}

impl Sparse {
    /// What the headers of an entry say of holes: nothing, most often. An error
    /// means that it makes no sense.
    pub(super) fn of(records: &Records) -> Option<Result<Self, ()>> {
        let number = |key| records.number(key).ok_or(());
        if records.number("GNU.sparse.major") == Some(1) {
            let size = number("GNU.sparse.realsize");
            return Some(size.map(|size| Self { size, list: None }));
        }
        let list = numbers(records.get("GNU.sparse.map")?, b',').ok_or(());
        let size = number("GNU.sparse.size").or_else(|()| number("GNU.sparse.realsize"));
        Some(list.and_then(|list| Ok(Self { size: size?, list: Some(list) })))
    }

    /// The regions in the order of their data, which is what `content` goes on
    /// with.
    ///
    /// # Errors
    /// `InvalidData` if they overlap, go back or lie beyond the file's end.
    pub(super) fn regions(&self, content: impl Read) -> io::Result<Vec<Region>> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let list = match &self.list {
            Some(list) => list.clone(),
            None => read_list(content)?.ok_or_else(invalid)?,
        };
        let mut end = 0;
        let mut region = |pair: &[u64; 2]| {
            let [offset, length] = *pair;
            let is_next = offset >= end;
            end = offset.checked_add(length)?;
            (is_next && end <= self.size).then_some(Region { offset, length })
        };
        let (pairs, rest) = list.as_chunks();
        let regions: Option<_> = pairs.iter().map(&mut region).collect();
        regions.filter(|_| rest.is_empty()).ok_or_else(invalid)
    }
}

/// Reads the list of version 1.0: how many regions there are, their numbers, a
/// line each, and zeros up to a whole block. None if it is no such list.
fn read_list(mut content: impl Read) -> io::Result<Option<Vec<u64>>> {
    let mut text = Vec::new();
    let mut lines = 0;
    loop {
        let mut block = [0; BLOCK];
        content.read_exact(&mut block)?;
        text.extend(block);
        lines += block.iter().filter(|byte| **byte == b'\n').count();
        let Some((first, rest)) = split(&text) else { return Ok(None) };
        let Some(count) = count(first) else { return Ok(None) };
        if lines > count {
            let end = rest.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
            let list = rest.get(..end).and_then(|list| numbers(list, b'\n'));
            return Ok(list.filter(|list| list.len() == count));
        }
        if text.len() > MAX_LIST {
            return Ok(None);
        }
    }
}

/// The first line, and what follows it.
fn split(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// How many numbers a list has that claims so many regions.
fn count(regions: &[u8]) -> Option<usize> {
    let regions: usize = str::from_utf8(regions).ok()?.parse().ok()?;
    regions.checked_mul(2).filter(|count| *count < MAX_LIST)
}

fn numbers(list: &[u8], separator: u8) -> Option<Vec<u64>> {
    if list.is_empty() {
        return Some(Vec::new());
    }
    let number = |text: &[u8]| str::from_utf8(text).ok()?.parse().ok();
    list.split(|byte| *byte == separator).map(number).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn listed(size: u64, list: &[u64]) -> io::Result<Vec<Region>> {
        Sparse { size, list: Some(list.into()) }.regions(io::empty())
    }

    fn before_data(text: &str) -> io::Result<Vec<Region>> {
        let mut content = text.as_bytes().to_vec();
        content.resize(content.len().next_multiple_of(BLOCK), 0);
        Sparse { size: 1 << 40, list: None }.regions(content.as_slice())
    }

    #[test]
    fn a_list_names_the_regions_in_their_order() {
        let regions = [Region { offset: 0, length: 5 }, Region { offset: 100, length: 0 }];
        assert_eq!(listed(100, &[0, 5, 100, 0]).unwrap(), regions);
        assert_eq!(before_data("2\n0\n5\n100\n0\n").unwrap(), regions);
        assert_eq!(before_data("0\n").unwrap(), []);
        assert_eq!(listed(0, &[]).unwrap(), []);
    }

    #[test]
    fn a_list_of_many_blocks_is_read_to_its_end() {
        let mut text = String::from("1000\n");
        (0..1000).for_each(|n| text.push_str(&format!("{}\n1\n", n * 1_000_000)));
        let regions = before_data(&text).unwrap();
        assert_eq!(regions.len(), 1000);
        assert_eq!(regions[999], Region { offset: 999_000_000, length: 1 });
    }

    #[test]
    fn regions_that_make_no_sense_are_refused() {
        for list in [&[0, 5, 4, 1][..], &[50, 1, 0, 1], &[0, 101], &[u64::MAX, 2], &[0]] {
            assert!(listed(100, list).is_err(), "{list:?}");
        }
        for text in ["", "x\n", "1\n0\n", "-1\n", "1\n0\nx\n", "1\n0\n1\n2\n", "99999999999\n"] {
            assert!(before_data(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_list_goes_forward_within_the_file_or_is_refused(
            text in "([0-9]{1,3}\n){0,9}|[-0-9a\n]{0,40}",
            list in prop::collection::vec(prop_oneof![0..99_u64, any::<u64>()], 0..7),
            size: u64,
        ) {
            let _ = before_data(&text);
            let mut end = 0;
            for Region { offset, length } in listed(size, &list).unwrap_or_default() {
                prop_assert!(offset >= end);
                end = offset + length;
                prop_assert!(end <= size);
            }
        }
    }

    #[test]
    fn an_endless_list_is_not_read() {
        let endless = io::repeat(b'1');
        assert!(Sparse { size: 1, list: None }.regions(endless).is_err());
    }
}
