//! Names of system calls, and their numbers on each architecture.
//!
//! The crate `syscalls` finds a name by comparing it with every other. At each
//! start six hundred names are looked up, for two architectures. So a hash
//! table is made of its lists at compile time, with the numbers of a name side
//! by side and, in place of the name, a second hash: a look-up reads one slot.
//! That names of calls do not collide is a test; that another word collides
//! with one is as likely as one in a billion, and then it is in a profile that
//! the user wrote.

use syscalls::{aarch64, x86, x86_64};

/// A kernel interface with numbers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Architecture {
    X86_64,
    X86,
    Aarch64,
}

#[cfg(target_arch = "x86_64")]
pub(super) const NATIVE: Architecture = Architecture::X86_64;
#[cfg(target_arch = "aarch64")]
pub(super) const NATIVE: Architecture = Architecture::Aarch64;

impl Architecture {
    /// Its token in `seccomp_data.arch` (`AUDIT_ARCH_…` of `linux/audit.h`).
    pub(super) fn token(self) -> u32 {
        match self {
            Self::X86_64 => 0xc000_003e,
            Self::X86 => 0x4000_0003,
            Self::Aarch64 => 0xc000_00b7,
        }
    }

    /// The name in profiles: `seccomp_arch_add(3)`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "SCMP_ARCH_X86_64",
            Self::X86 => "SCMP_ARCH_X86",
            Self::Aarch64 => "SCMP_ARCH_AARCH64",
        }
    }
}

/// The numbers of one call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers([u16; 3]);

impl Numbers {
    /// The number on an architecture, if that has the call.
    pub(super) fn on(self, architecture: Architecture) -> Option<usize> {
        let number = self.0[architecture as usize];
        (number != NONE).then_some(number.into())
    }
}

/// The numbers of the call with this name, if any architecture has it.
pub(super) fn numbers(name: &str) -> Option<Numbers> {
    let slot = TABLE[slot(&TABLE, name)];
    (slot.check != FREE.check).then_some(slot.numbers)
}

/// What the crate lacks: newer calls, which have one number everywhere.
const NEWER: &[(&str, usize)] = &[("listns", 470), ("rseq_slice_yield", 471)];

/// Twice the number of names, so that chains stay short.
const SLOTS: usize = 1024;

/// No call has this number.
const NONE: u16 = u16::MAX;

#[derive(Clone, Copy)]
struct Slot {
    /// Stands for the name; 0 if the slot is free.
    check: u32,
    numbers: Numbers,
}

const FREE: Slot = Slot { check: 0, numbers: Numbers([NONE; 3]) };

/// A hash table with open addressing.
static TABLE: [Slot; SLOTS] = table();

/// Puts every number of one of the crate's lists in the slot for its name.
macro_rules! put_all {
    ($table:ident, $architecture:expr, $list:ty) => {
        let mut number = 0;
        while number < <$list>::table_size() {
            if let Some(call) = <$list>::new(number) {
                put(&mut $table, call.name(), $architecture, number);
            }
            number += 1;
        }
    };
}

const fn table() -> [Slot; SLOTS] {
    let mut table = [FREE; SLOTS];
    put_all!(table, Architecture::X86_64, x86_64::Sysno);
    put_all!(table, Architecture::X86, x86::Sysno);
    put_all!(table, Architecture::Aarch64, aarch64::Sysno);
    // Profiles use the name of x86_64 for it.
    put(&mut table, "newfstatat", Architecture::Aarch64, aarch64::Sysno::fstatat as usize);
    let mut i = 0;
    while i < NEWER.len() {
        let (name, number) = NEWER[i];
        put(&mut table, name, Architecture::X86_64, number);
        put(&mut table, name, Architecture::X86, number);
        put(&mut table, name, Architecture::Aarch64, number);
        i += 1;
    }
    table
}

const fn put(table: &mut [Slot; SLOTS], name: &str, architecture: Architecture, number: usize) {
    let slot = &mut table[slot(table, name)];
    slot.check = hash(name).1;
    slot.numbers.0[architecture as usize] = number as u16;
}

/// The slot of a name, or the free one where it would be.
const fn slot(table: &[Slot; SLOTS], name: &str) -> usize {
    let (mut slot, check) = hash(name);
    while table[slot].check != check && table[slot].check != FREE.check {
        slot = (slot + 1) % SLOTS;
    }
    slot
}

/// Where to begin, and what stands for the name: two parts of a 64-bit FNV-1a.
const fn hash(name: &str) -> (usize, u32) {
    let bytes = name.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0100_0000_01b3);
        i += 1;
    }
    ((hash >> 32) as usize % SLOTS, hash as u32 | 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_call_is_found_by_its_name() {
        let native = x86_64::Sysno::iter().map(|it| (Architecture::X86_64, it.name(), it.id()));
        let compat = x86::Sysno::iter().map(|it| (Architecture::X86, it.name(), it.id()));
        let other = aarch64::Sysno::iter().map(|it| (Architecture::Aarch64, it.name(), it.id()));
        for (architecture, name, id) in native.chain(compat).chain(other) {
            let found = numbers(name).and_then(|numbers| numbers.on(architecture));
            assert_eq!(found, Some(id as usize), "{architecture:?} {name}");
        }
    }

    #[test]
    fn no_two_names_have_the_same_hash() {
        let names = x86_64::Sysno::iter().map(|it| it.name());
        let names = names.chain(x86::Sysno::iter().map(|it| it.name()));
        let names: BTreeSet<_> = names.chain(aarch64::Sysno::iter().map(|it| it.name())).collect();
        let hashes: BTreeSet<_> = names.iter().map(|name| hash(name)).collect();
        assert_eq!(hashes.len(), names.len());
    }

    #[test]
    fn names_have_the_number_of_their_architecture() {
        let cases = [
            (Architecture::X86_64, "read", Some(0)),
            (Architecture::X86_64, "mount", Some(165)),
            (Architecture::X86_64, "setuid32", None),
            (Architecture::X86, "mount", Some(21)),
            (Architecture::X86, "setuid32", Some(213)),
            (Architecture::Aarch64, "mount", Some(40)),
            (Architecture::Aarch64, "newfstatat", Some(79)),
            (Architecture::Aarch64, "open", None),
            (Architecture::Aarch64, "listns", Some(470)),
        ];
        for (architecture, name, number) in cases {
            let found = numbers(name).and_then(|numbers| numbers.on(architecture));
            assert_eq!(found, number, "{architecture:?} {name}");
        }
    }
}
