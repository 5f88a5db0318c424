//! Which names the sandbox knows addresses by: what our resolver has told it.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

/// Addresses that are remembered; those that expire first make room.
const MOST: usize = 4096;
/// Names of one address.
const MOST_NAMES: usize = 16;
/// A program may connect some time after it has asked.
const GRACE: Duration = Duration::from_secs(30);
const LEAST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_hours(1);

/// Addresses, and by which names they were asked for.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashMap<IpAddr, Vec<(String, Instant)>>,
}

impl Names {
    /// Remembers that `name` has `address` for about `ttl`.
    pub(super) fn learn(&mut self, name: &str, address: IpAddr, ttl: Duration, now: Instant) {
        let until = now + ttl.clamp(LEAST, LONGEST) + GRACE;
        if self.known.len() >= MOST && !self.known.contains_key(&address) {
            self.make_room(now);
        }
        let names = self.known.entry(address).or_default();
        names.retain(|(known, until)| known != name && *until > now);
        if names.len() >= MOST_NAMES {
            names.remove(0);
        }
        names.push((name.into(), until));
    }

    /// The names of an address that still hold, the latest first.
    pub(super) fn of(&self, address: IpAddr, now: Instant) -> impl Iterator<Item = &str> {
        let names = self.known.get(&address).into_iter().flatten().rev();
        names.filter(move |(_, until)| *until > now).map(|(name, _)| name.as_str())
    }

    fn make_room(&mut self, now: Instant) {
        let latest = |names: &Vec<(String, Instant)>| names.iter().map(|(_, until)| *until).max();
        self.known.retain(|_, names| latest(names) > Some(now));
        while self.known.len() >= MOST {
            let first = self.known.iter().min_by_key(|(_, names)| latest(names));
            let Some((&first, _)) = first else { return };
            self.known.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn a_name_is_forgotten_after_its_time() {
        let (mut names, now) = (Names::default(), Instant::now());
        names.learn("a.test", ADDRESS, Duration::ZERO, now);
        names.learn("b.test", ADDRESS, Duration::from_secs(600), now);
        let known = |names: &Names, after| {
            names
                .of(ADDRESS, now + Duration::from_secs(after))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(known(&names, 34), ["b.test", "a.test"]);
        assert_eq!(known(&names, 36), ["b.test"]);
        assert!(known(&names, 700).is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let (mut names, now) = (Names::default(), Instant::now());
        for number in 0..5000u32 {
            let ttl = Duration::from_secs(number.into());
            names.learn("a.test", IpAddr::V4(number.into()), ttl, now);
        }
        assert_eq!(names.known.len(), MOST);
        for number in 0..100 {
            names.learn(&format!("{number}.test"), ADDRESS, Duration::from_secs(9), now);
        }
        assert_eq!(names.known[&ADDRESS].len(), MOST_NAMES);
    }
}
