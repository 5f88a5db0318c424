//! Turns the rules of a profile into a filter.
//!
//! # Theory of operation
//!
//! The kernel runs a new filter once for each system call number, to learn
//! which ones are always allowed, and translates it to machine code; both are
//! part of our start. So the program is short and every path through it too.
//!
//! For each architecture, `treatments` makes a table from call number to what
//! happens to it; `coalesce` joins neighbours with the same fate to ranges; and
//! `search` writes a balanced binary search over the ranges, whose leaves are
//! an answer, or `alternatives`: the checks of arguments, one rule after the
//! other. In front of it all the architecture is told from the token, because
//! the same number is another call on another one.
//!
//! Rules mean what they mean to libseccomp: those for one call are tried in
//! their order, all arguments of a rule must match, and a call that no rule
//! matches gets the default action. Names that an architecture does not have
//! are no error, since profiles are written for all of them.

use super::{
    Error,
    action::{action, errno},
    assembler::{Assembler, Label, Test},
    condition::Condition,
    numbers::{Architecture, NATIVE, Numbers, numbers},
};
use crate::{
    oci::{Seccomp, SeccompRule},
    sys::seccomp::Instruction,
};

/// Offsets in `seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// Set in the number of calls of x32: 32-bit pointers in 64-bit mode.
const X32: u32 = 0x4000_0000;

/// The filter for a profile; `elsewhere` is what other architectures get.
pub(super) fn compile(seccomp: &Seccomp, elsewhere: u32) -> Result<Vec<Instruction>, Error> {
    let rules = Rules::new(seccomp)?;
    let mut program = Assembler::default();
    let mut next = program.ret(elsewhere);
    for architecture in architectures(seccomp) {
        let tree = rules.tree(architecture, &mut program);
        next = program.branch(ARCHITECTURE, Test::Equal, architecture.token(), tree, next);
    }
    Ok(program.finish(next))
}

/// The architectures of the filter; the last one is asked for first.
fn architectures(seccomp: &Seccomp) -> impl Iterator<Item = Architecture> {
    let listed = |name| seccomp.architectures.iter().any(|listed| listed == name);
    let x86 = NATIVE == Architecture::X86_64 && listed(Architecture::X86.name());
    x86.then_some(Architecture::X86).into_iter().chain([NATIVE])
}

/// A profile whose words are understood.
struct Rules {
    rules: Vec<Rule>,
    default: u32,
}

struct Rule {
    calls: Vec<Numbers>,
    action: u32,
    conditions: Vec<Condition>,
}

/// What happens to a call: rules with conditions in their order, then the
/// answer if none matched (`None`: the default action).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Treatment {
    alternatives: Vec<usize>,
    otherwise: Option<u32>,
}

/// Treatment of all numbers from `first` to the next range.
struct Range<'a> {
    first: u32,
    treatment: &'a Treatment,
}

impl Rules {
    fn new(seccomp: &Seccomp) -> Result<Self, Error> {
        Ok(Self {
            rules: seccomp.syscalls.iter().map(Rule::new).collect::<Result<_, _>>()?,
            default: action(&seccomp.default_action, seccomp.default_errno_ret)?,
        })
    }

    /// Writes everything that is to be done for one architecture.
    fn tree(&self, architecture: Architecture, program: &mut Assembler) -> Label {
        let treatments = self.treatments(architecture);
        let mut start = self.search(&coalesce(&treatments), treatments.len() as u32, program);
        if architecture == Architecture::X86_64 {
            let x32 = program.ret(errno(libc::ENOSYS as u32));
            start = program.branch(NUMBER, Test::GreaterOrEqual, X32, x32, start);
        }
        start
    }

    /// What happens to each number; the last one stands for all above it.
    fn treatments(&self, architecture: Architecture) -> Vec<Treatment> {
        let mut treatments = Vec::with_capacity(512);
        for (index, rule) in self.rules.iter().enumerate() {
            for number in rule.calls.iter().filter_map(|call| call.on(architecture)) {
                if treatments.len() <= number + 1 {
                    treatments.resize(number + 2, Treatment::default());
                }
                treatments[number].add(index, rule);
            }
        }
        treatments
    }

    /// Writes a binary search over the numbers before `end`.
    ///
    /// It halves the numbers and not the ranges, so that large ranges are found
    /// early: the kernel tries every number.
    fn search(&self, ranges: &[Range<'_>], end: u32, program: &mut Assembler) -> Label {
        match ranges {
            [] => program.ret(self.default),
            [one] => self.answer(one.treatment, program),
            // One number that differs from its neighbours needs one comparison.
            [before, one, after]
                if after.first == one.first + 1 && before.treatment == after.treatment =>
            {
                let otherwise = self.answer(before.treatment, program);
                let then = self.answer(one.treatment, program);
                program.branch(NUMBER, Test::Equal, one.first, then, otherwise)
            }
            _ => {
                let middle = ranges[0].first.midpoint(end);
                let below = ranges.partition_point(|range| range.first <= middle);
                let (low, high) = ranges.split_at(below.clamp(1, ranges.len() - 1));
                let then = self.search(high, end, program);
                let otherwise = self.search(low, high[0].first, program);
                program.branch(NUMBER, Test::GreaterOrEqual, high[0].first, then, otherwise)
            }
        }
    }

    /// Writes the rules with conditions, and what happens if none matches.
    fn answer(&self, treatment: &Treatment, program: &mut Assembler) -> Label {
        let mut next = program.ret(treatment.otherwise.unwrap_or(self.default));
        for rule in treatment.alternatives.iter().rev().map(|index| &self.rules[*index]) {
            let mut matched = program.ret(rule.action);
            for condition in rule.conditions.iter().rev() {
                matched = condition.write(program, matched, next);
            }
            next = matched;
        }
        next
    }
}

impl Rule {
    fn new(rule: &SeccompRule) -> Result<Self, Error> {
        Ok(Self {
            calls: rule.names.iter().filter_map(|name| numbers(name)).collect(),
            action: action(&rule.action, rule.errno_ret)?,
            conditions: rule.args.iter().map(Condition::new).collect::<Result<_, _>>()?,
        })
    }
}

impl Treatment {
    /// Adds a rule, unless an earlier one leaves nothing to it.
    fn add(&mut self, index: usize, rule: &Rule) {
        if self.otherwise.is_some() {
            return;
        }
        if rule.conditions.is_empty() {
            self.otherwise = Some(rule.action);
        } else {
            self.alternatives.push(index);
        }
    }
}

/// Joins neighbours with the same treatment.
fn coalesce(treatments: &[Treatment]) -> Vec<Range<'_>> {
    let mut ranges: Vec<Range<'_>> = Vec::with_capacity(128);
    for (first, treatment) in (0..).zip(treatments) {
        if ranges.last().is_none_or(|last| last.treatment != treatment) {
            ranges.push(Range { first, treatment });
        }
    }
    ranges
}
