//! A condition on an argument: 64 bits, compared as two halves.
//!
//! A filter sees the whole register, the call perhaps only its lower half. A
//! rule that refuses a value must compare no more bits than the kernel will
//! look at, or garbage in the upper half gets around it; such rules use
//! `SCMP_CMP_MASKED_EQ`.

use super::{
    Error,
    assembler::{Assembler, Label, Test},
};
use crate::oci::SeccompArg;

/// Offset of the arguments in `seccomp_data`, and the size of one.
const ARGUMENTS: u32 = 16;
const ARGUMENT: u32 = 8;

#[derive(Debug, Clone, Copy)]
pub(super) struct Condition {
    /// Offset of the lower half.
    low: u32,
    operator: Operator,
}

#[derive(Debug, Clone, Copy)]
enum Operator {
    /// Or its contrary.
    Equal(u64, bool),
    Greater(u64, bool),
    GreaterOrEqual(u64, bool),
    Masked {
        mask: u64,
        value: u64,
    },
}

impl Condition {
    pub(super) fn new(arg: &SeccompArg) -> Result<Self, Error> {
        if arg.index > 5 {
            return Err(Error::Argument(arg.index));
        }
        let operator = match arg.op.as_str() {
            "SCMP_CMP_EQ" => Operator::Equal(arg.value, true),
            "SCMP_CMP_NE" => Operator::Equal(arg.value, false),
            "SCMP_CMP_GT" => Operator::Greater(arg.value, true),
            "SCMP_CMP_LE" => Operator::Greater(arg.value, false),
            "SCMP_CMP_GE" => Operator::GreaterOrEqual(arg.value, true),
            "SCMP_CMP_LT" => Operator::GreaterOrEqual(arg.value, false),
            "SCMP_CMP_MASKED_EQ" => Operator::Masked { mask: arg.value, value: arg.value_two },
            _ => return Err(Error::Operator(arg.op.clone())),
        };
        Ok(Self { low: ARGUMENTS + ARGUMENT * u32::from(arg.index), operator })
    }

    /// Writes the comparison: goes on at `yes` or `no`.
    pub(super) fn write(&self, program: &mut Assembler, yes: Label, no: Label) -> Label {
        let (value, test, holds) = match self.operator {
            Operator::Masked { mask, value } => return self.masked(program, mask, value, yes, no),
            Operator::Equal(value, holds) => (value, Test::Equal, holds),
            Operator::Greater(value, holds) => (value, Test::Greater, holds),
            Operator::GreaterOrEqual(value, holds) => (value, Test::GreaterOrEqual, holds),
        };
        let (yes, no) = if holds { (yes, no) } else { (no, yes) };
        let [low, high] = halves(value);
        // The lower halves decide only if the upper ones are equal.
        let next = program.branch(self.low, test, low, yes, no);
        match (test, high) {
            (Test::Equal, _) => program.branch(self.high(), Test::Equal, high, next, no),
            (_, 0) => program.branch(self.high(), Test::Greater, 0, yes, next),
            _ => {
                let next = program.branch(self.high(), Test::Equal, high, next, no);
                program.branch(self.high(), Test::Greater, high, yes, next)
            }
        }
    }

    fn high(&self) -> u32 {
        self.low + 4
    }

    /// Writes `argument & mask == value`, without the halves that match anyway.
    fn masked(
        &self,
        program: &mut Assembler,
        mask: u64,
        value: u64,
        yes: Label,
        no: Label,
    ) -> Label {
        let mut next = yes;
        let words = [self.low, self.high()];
        for ((word, mask), value) in words.into_iter().zip(halves(mask)).zip(halves(value)) {
            next = match (mask, value) {
                (0, 0) => next,
                (u32::MAX, _) => program.branch(word, Test::Equal, value, next, no),
                _ => program.branch_masked(word, mask, value, next, no),
            };
        }
        next
    }
}

/// The lower and the upper half.
fn halves(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}
