//! Classic BPF, written from the end to the beginning.
//!
//! A jump of classic BPF goes forward only, by at most 255 instructions. Who
//! writes the last instruction first knows the distance of every jump when he
//! writes it, can let any number of jumps end at the same `RET`, and sees when
//! a target is out of reach and needs a stepping stone (`JA`, 32 bits wide).
//!
//! Words are loaded as late as possible. A comparison does not load its word;
//! its label *wants* it, and who jumps there loads it unless it is already in
//! the accumulator. So ten comparisons of one argument load it once. It counts:
//! the kernel needs a third of a microsecond for each instruction of a filter.

use crate::sys::seccomp::Instruction;

/// A place in the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label {
    /// How many instructions are behind it, with its own.
    behind: usize,
    /// The offset of the word that must be in the accumulator.
    wants: Option<u32>,
}

/// How the accumulator is compared with a constant.
#[derive(Debug, Clone, Copy)]
pub(super) enum Test {
    Equal,
    Greater,
    GreaterOrEqual,
}

/// A program of which the end is written.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// The last instruction comes first.
    reversed: Vec<Instruction>,
    /// The latest `RET` of each value.
    returns: Vec<(u32, Label)>,
}

/// The reach of a jump, less one stepping stone for the other branch.
const REACH: usize = 254;

impl Assembler {
    /// The program, if it begins at `start`: the last label that was made.
    pub(super) fn finish(mut self, start: Label) -> Vec<Instruction> {
        let start = self.loaded(start, None);
        self.fall_into(start);
        self.reversed.reverse();
        self.reversed
    }

    /// Ends the filter with `value`, by a `RET` that is there already if near.
    pub(super) fn ret(&mut self, value: u32) -> Label {
        let known = self.returns.iter().position(|(known, _)| *known == value);
        if let Some(label) = known.map(|i| self.returns[i].1)
            && self.distance(label) < REACH / 2
        {
            return label;
        }
        let label = self.push(libc::BPF_RET | libc::BPF_K, 0, 0, value);
        match known {
            Some(i) => self.returns[i].1 = label,
            None => self.returns.push((value, label)),
        }
        label
    }

    /// Goes on at `then` if the word at an offset passes the test, else at
    /// `otherwise`.
    pub(super) fn branch(
        &mut self,
        word: u32,
        test: Test,
        k: u32,
        then: Label,
        otherwise: Label,
    ) -> Label {
        let behind = self.compare(Some(word), test, k, then, otherwise);
        Label { wants: Some(word), ..behind }
    }

    /// The same for some bits of the word, which are then all that is left of
    /// it in the accumulator.
    pub(super) fn branch_masked(
        &mut self,
        word: u32,
        mask: u32,
        k: u32,
        then: Label,
        otherwise: Label,
    ) -> Label {
        self.compare(None, Test::Equal, k, then, otherwise);
        let behind = self.push(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0, 0, mask);
        Label { wants: Some(word), ..behind }
    }

    /// Writes a comparison, with `held` in the accumulator after it.
    fn compare(
        &mut self,
        held: Option<u32>,
        test: Test,
        k: u32,
        then: Label,
        otherwise: Label,
    ) -> Label {
        let code = match test {
            Test::Equal => libc::BPF_JEQ,
            Test::Greater => libc::BPF_JGT,
            Test::GreaterOrEqual => libc::BPF_JGE,
        };
        let then = self.loaded(then, held);
        let otherwise = self.loaded(otherwise, held);
        let then = self.within_reach(then);
        let otherwise = self.within_reach(otherwise);
        let (jt, jf) = (self.distance(then) as u8, self.distance(otherwise) as u8);
        self.push(libc::BPF_JMP | code | libc::BPF_K, jt, jf, k)
    }

    /// Where to go to reach `label` with its word, if there is `held` now.
    fn loaded(&mut self, label: Label, held: Option<u32>) -> Label {
        match label.wants {
            Some(word) if held != label.wants => {
                self.fall_into(label);
                self.push(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, word)
            }
            _ => label,
        }
    }

    /// Makes `next` what follows the instruction about to be written.
    fn fall_into(&mut self, next: Label) {
        if self.distance(next) > 0 {
            self.stepping_stone(next);
        }
    }

    fn within_reach(&mut self, label: Label) -> Label {
        if self.distance(label) < REACH { label } else { self.stepping_stone(label) }
    }

    fn stepping_stone(&mut self, label: Label) -> Label {
        let distance = self.distance(label) as u32;
        self.push(libc::BPF_JMP | libc::BPF_JA, 0, 0, distance)
    }

    /// How many instructions the next one to be written has to skip.
    fn distance(&self, label: Label) -> usize {
        self.reversed.len() - label.behind
    }

    fn push(&mut self, code: u32, jt: u8, jf: u8, k: u32) -> Label {
        self.reversed.push(Instruction { code: code as u16, jt, jf, k });
        Label { behind: self.reversed.len(), wants: None }
    }
}
