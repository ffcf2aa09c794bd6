//! What a simulation reports: its events, and what went against the rules.

use crate::behaviour::seconds;
use std::{
    collections::{HashMap, VecDeque},
    fmt::{self, Display},
    hash::{DefaultHasher, Hash, Hasher},
};
use verify::Micros;

/// How many events of an object a violation shows.
const EVENTS: usize = 25;

/// A rule that the simulation saw broken.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) at: Micros,
    pub(crate) rule: &'static str,
    pub(crate) object: String,
    pub(crate) expected: String,
    pub(crate) events: Vec<String>,
}

impl Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rule, at, object) = (self.rule, seconds(self.at), &self.object);
        writeln!(f, "{rule} at {at:.3}s, object {object}: {}", self.expected)?;
        self.events.iter().try_for_each(|event| writeln!(f, "    {event}"))
    }
}

/// The events of a simulation.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// Shows all of them.
    pub(crate) is_verbose: bool,
    pub(crate) last: HashMap<String, VecDeque<String>>,
    /// Equal for two simulations in which the same happened.
    pub(crate) sum: u64,
}

impl Trace {
    /// Notes what happens to an object; an empty name is the cluster.
    pub(crate) fn note(&mut self, at: Micros, object: &str, event: impl Display) {
        let line = format!("{:>12.3}s {event}", seconds(at));
        if self.is_verbose {
            println!("{object:>8} {line}");
        }
        let mut hasher = DefaultHasher::new();
        (object, &line).hash(&mut hasher);
        // What happens at the same time may come in another order: kube-runtime's hash maps decide which object is first.
        self.sum = self.sum.wrapping_add(hasher.finish());
        let last = self.last.entry(object.to_owned()).or_default();
        if last.len() == EVENTS {
            last.pop_front();
        }
        last.push_back(line);
    }

    /// The last events of an object and of the cluster, in order of time.
    pub(crate) fn events(&self, object: &str) -> Vec<String> {
        let of = |name: &str| self.last.get(name).into_iter().flatten().cloned();
        let mut events: Vec<_> = of(object).collect();
        // Lines begin with the time, right-aligned.
        let first = events.first().map(|line| line[..12].to_owned());
        let cluster = of("").filter(|line| first.as_ref().is_some_and(|first| line[..12] >= first[..]));
        events.extend(cluster.map(|line| format!("{line} (cluster)")));
        events.sort_by(|one, other| one[..12].cmp(&other[..12]));
        events
    }
}
