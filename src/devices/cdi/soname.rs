//! The name by which programs look for a shared library (`DT_SONAME`, `elf(5)`).

use std::{fs::File, os::unix::fs::FileExt, path::Path};

const PT_LOAD: u64 = 1;
const PT_DYNAMIC: u64 = 2;
const DT_STRTAB: u64 = 5;
const DT_SONAME: u64 = 14;

/// More program headers, and entries of the dynamic section, no library has.
const MOST: usize = 4096;
/// No name is longer, in bytes (`NAME_MAX`).
const LONGEST: usize = 255;

/// A part of the file, and where it is in memory.
struct Segment {
    kind: u64,
    offset: u64,
    address: u64,
    length: u64,
}

/// The name that the library says is its own; none of what is no library of 64 bits.
pub(super) fn of(path: &Path) -> Option<String> {
    let file = File::open(path).ok().filter(|file| file.metadata().is_ok_and(|is| is.is_file()))?;
    let segments = segments(&file)?;
    let dynamic = segments.iter().find(|segment| segment.kind == PT_DYNAMIC)?;
    let entries =
        read(&file, dynamic.offset, usize::try_from(dynamic.length).ok()?.min(16 * MOST))?;
    let value = |tag| entries.chunks_exact(16).find(|entry| number(entry, 0, 8) == Some(tag));
    let value = |tag| value(tag).and_then(|entry| number(entry, 8, 8));
    let (table, name) = (value(DT_STRTAB)?, value(DT_SONAME)?);
    let is_around = |segment: &&Segment| {
        segment.kind == PT_LOAD
            && table.checked_sub(segment.address).is_some_and(|at| at < segment.length)
    };
    let segment = segments.iter().find(is_around)?;
    text(&file, (table - segment.address).checked_add(segment.offset)?.checked_add(name)?)
}

fn segments(file: &File) -> Option<Vec<Segment>> {
    let header = read(file, 0, 64)?;
    // 64 bits, the lowest byte first: what we run on.
    if !header.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (start, size, count) =
        (number(&header, 32, 8)?, number(&header, 54, 2)?, number(&header, 56, 2)?);
    if size != 56 || count > MOST as u64 {
        return None;
    }
    let table = read(file, start, (size * count) as usize)?;
    let segment = |entry: &[u8]| {
        Some(Segment {
            kind: number(entry, 0, 4)?,
            offset: number(entry, 8, 8)?,
            address: number(entry, 16, 8)?,
            length: number(entry, 32, 8)?,
        })
    };
    table.chunks_exact(56).map(segment).collect()
}

/// The text that begins there: a name, and no path.
fn text(file: &File, offset: u64) -> Option<String> {
    let mut bytes = vec![0; LONGEST + 1];
    let length = file.read_at(&mut bytes, offset).ok()?;
    bytes.truncate(length);
    let end = bytes.iter().position(|&byte| byte == 0)?;
    bytes.truncate(end);
    let name = String::from_utf8(bytes).ok()?;
    let is_name = !name.is_empty() && name != "." && name != ".." && !name.contains('/');
    is_name.then_some(name)
}

fn read(file: &File, offset: u64, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, offset).ok().map(|()| bytes)
}

fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let mut full = [0; 8];
    full[..width].copy_from_slice(bytes.get(at..at + width)?);
    Some(u64::from_le_bytes(full))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One segment, and in it the dynamic section and the names.
    fn library(name: &str) -> Vec<u8> {
        let header = |kind: u32, offset: u64, address: u64, length: u64| {
            let words = [offset, address, address, length, length, 8];
            let mut bytes = [kind.to_le_bytes(), 0u32.to_le_bytes()].concat();
            bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            bytes
        };
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(64, 0);
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = 2;
        bytes.extend(header(1, 64, 0x1040, 1024));
        bytes.extend(header(2, 176, 0x10b0, 32));
        let entries = [DT_STRTAB, 0x10b0 + 32, DT_SONAME, 1];
        bytes.extend(entries.iter().flat_map(|word| word.to_le_bytes()));
        bytes.push(0);
        bytes.extend(name.as_bytes());
        bytes.push(0);
        bytes
    }

    fn soname(bytes: &[u8], name: &str) -> Option<String> {
        let path =
            std::env::temp_dir().join(format!("sandbox-soname-{name}-{}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        let soname = of(&path);
        std::fs::remove_file(&path).unwrap();
        soname
    }

    #[test]
    fn a_library_says_its_name() {
        assert_eq!(soname(&library("libx.so.1"), "good"), Some("libx.so.1".into()));
        assert_eq!(soname(&library("../libx.so.1"), "path"), None);
        assert_eq!(soname(&library(&"x".repeat(300)), "long"), None);
        assert_eq!(soname(b"#!/bin/sh\n", "script"), None);
        assert_eq!(of(Path::new("/dev/zero")), None);
    }

    proptest! {
        #[test]
        fn a_damaged_library_has_a_name_or_none(
            changes in proptest::collection::vec((0usize..220, any::<u8>()), 0..6)
        ) {
            let mut bytes = library("libx.so.1");
            for (at, byte) in changes {
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
            let _ = soname(&bytes, "damaged");
        }
    }
}
