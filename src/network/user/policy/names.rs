//! Which names have led to which addresses.
//!
//! A rule about a name can only be held against an address if we know how the
//! program came by it: by asking our own name server, which calls
//! [`Names::learn`] with the name that was *asked for*, whatever aliases led on
//! from there.
//!
//! What is learnt never ends of itself but grows *stale* with its TTL. A rule that
//! allows wants a fresh name, one that denies takes a stale one as well. Only
//! want of room forgets: the pair that was learnt first goes first.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    time::{Duration, Instant},
};

use super::hostname::normal;

/// How many pairs of name and address are kept.
const LIMIT: usize = 4096;
/// How many of them may be of one address, which bounds the time of a look-up.
const LIMIT_OF_ADDRESS: usize = 64;

const SHORTEST_TTL: Duration = Duration::from_secs(5);
const LONGEST_TTL: Duration = Duration::from_secs(3600);
/// Programs keep answers for longer than they may: a JVM 30 seconds, browsers
/// a minute, whatever the TTL.
const GRACE: Duration = Duration::from_secs(60);

/// The addresses that our name server has given out, and for which names.
#[derive(Debug, Default)]
pub(in super::super) struct Names {
    /// The names of each address, the one that was learnt last at the end.
    known: HashMap<IpAddr, Vec<Known>>,
    /// Which address has the pair of each age.
    ages: BTreeMap<u64, IpAddr>,
    /// The age of the next pair.
    next: u64,
}

#[derive(Debug)]
struct Known {
    name: Box<str>,
    fresh_until: Instant,
    age: u64,
}

impl Names {
    /// Notes that `name` was answered with `address`, for the `ttl` of the answer.
    pub(in super::super) fn learn(
        &mut self,
        name: &str,
        address: IpAddr,
        ttl: Duration,
        now: Instant,
    ) {
        let name = normal(name);
        let address = address.to_canonical();
        let fresh_until = now + ttl.clamp(SHORTEST_TTL, LONGEST_TTL) + GRACE;
        let age = self.next;
        self.next += 1;

        let names = self.known.entry(address).or_default();
        let again = names.iter().position(|known| *known.name == *name);
        let before = again.or((names.len() >= LIMIT_OF_ADDRESS).then_some(0));
        let before = before.map(|index| names.remove(index));
        // An answer that ends sooner must not cut short one that was given before.
        let fresh_until = match (&before, again) {
            (Some(before), Some(_)) => fresh_until.max(before.fresh_until),
            _ => fresh_until,
        };
        names.push(Known { name: name.into(), fresh_until, age });
        if let Some(before) = before {
            self.ages.remove(&before.age);
        }
        self.ages.insert(age, address);
        if self.ages.len() > LIMIT {
            self.forget_oldest();
        }
    }

    /// The names that lead to `address` now.
    pub(in super::super) fn fresh(
        &self,
        address: IpAddr,
        now: Instant,
    ) -> impl Iterator<Item = &str> {
        let known = self.known.get(&address).into_iter().flatten();
        known.filter(move |known| now <= known.fresh_until).map(|known| &*known.name)
    }

    /// The names that have ever led to `address`, as far as we remember.
    pub(in super::super) fn all(&self, address: IpAddr) -> impl Iterator<Item = &str> {
        self.known.get(&address).into_iter().flatten().map(|known| &*known.name)
    }

    /// The name that most likely is meant by `address`.
    pub(in super::super) fn name(&self, address: IpAddr, now: Instant) -> Option<&str> {
        self.fresh(address, now).last().or_else(|| self.all(address).last())
    }

    fn forget_oldest(&mut self) {
        let Some((age, address)) = self.ages.pop_first() else { return };
        let Some(names) = self.known.get_mut(&address) else { return };
        names.retain(|known| known.age != age);
        if names.is_empty() {
            self.known.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn number(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn a_name_is_fresh_for_its_ttl_and_known_beyond() {
        let start = Instant::now();
        let cases = [(0, 65), (5, 65), (300, 360), (3600, 3660), (1 << 31, 3660)];
        for (ttl, end) in cases {
            let mut names = Names::default();
            names.learn("Example.COM.", ADDRESS, seconds(ttl), start);
            let fresh = |at| names.fresh(ADDRESS, start + seconds(at)).collect::<Vec<_>>();
            assert_eq!(fresh(end), ["example.com"], "{ttl}");
            assert_eq!(fresh(end + 1), [""; 0], "{ttl}");
            assert_eq!(names.all(ADDRESS).collect::<Vec<_>>(), ["example.com"]);
            assert_eq!(names.name(ADDRESS, start + seconds(end + 1)), Some("example.com"));
        }
    }

    #[test]
    fn one_address_may_have_several_names() {
        let now = Instant::now();
        let mut names = Names::default();
        for name in ["a.test", "b.test", "a.test"] {
            names.learn(name, ADDRESS, seconds(60), now);
        }
        assert_eq!(names.fresh(ADDRESS, now).collect::<Vec<_>>(), ["b.test", "a.test"]);
        assert_eq!(names.name(ADDRESS, now), Some("a.test"));
        assert_eq!(names.name(number(7), now), None);
    }

    #[test]
    fn a_shorter_answer_does_not_shorten_the_one_before() {
        let now = Instant::now();
        let mut names = Names::default();
        names.learn("a.test", ADDRESS, seconds(600), now);
        names.learn("a.test", ADDRESS, seconds(1), now);
        assert_eq!(names.fresh(ADDRESS, now + seconds(600)).count(), 1);
    }

    #[test]
    fn the_oldest_pair_goes_when_there_is_no_room() {
        let now = Instant::now();
        let mut names = Names::default();
        for i in 0..LIMIT as u32 {
            names.learn("a.test", number(i), seconds(60), now);
        }
        names.learn("a.test", number(0), seconds(60), now); // The youngest again.
        names.learn("b.test", number(0), seconds(60), now);
        assert_eq!(names.all(number(0)).count(), 2);
        assert_eq!(names.all(number(1)).count(), 0);
        assert_eq!(names.all(number(2)).count(), 1);
        assert_eq!((names.ages.len(), names.known.len()), (LIMIT, LIMIT - 1));
    }

    #[test]
    fn one_address_cannot_take_all_the_room() {
        let now = Instant::now();
        let mut names = Names::default();
        names.learn("a.test", number(1), seconds(60), now);
        for i in 0..10 * LIMIT {
            names.learn(&format!("{i}.test"), ADDRESS, seconds(60), now);
        }
        assert_eq!(names.all(ADDRESS).count(), LIMIT_OF_ADDRESS);
        assert_eq!(names.all(number(1)).count(), 1);
        assert_eq!(names.ages.len(), LIMIT_OF_ADDRESS + 1);
    }
}
