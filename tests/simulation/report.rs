//! What is told of a simulation: its events, and what went against the rules.

use crate::{behaviour::seconds, thing::Micros};
use std::{
    collections::{HashMap, VecDeque},
    fmt::{self, Display},
    hash::{DefaultHasher, Hash, Hasher},
};

/// How many events of an object a violation tells.
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
        writeln!(
            f,
            "{} at {:.3}s, object {}: {}",
            self.rule,
            seconds(self.at),
            self.object,
            self.expected
        )?;
        self.events.iter().try_for_each(|event| writeln!(f, "    {event}"))
    }
}

/// The events of a simulation.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// Prints all of them.
    prints: bool,
    last: HashMap<String, VecDeque<String>>,
    sum: u64,
}

impl Trace {
    pub(crate) fn new(prints: bool) -> Self {
        Self {
            prints,
            ..Self::default()
        }
    }

    /// Notes what happens to an object; an empty name is the cluster.
    pub(crate) fn note(&mut self, at: Micros, object: &str, event: impl Display) {
        let line = format!("{:>12.3}s {event}", seconds(at));
        if self.prints {
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
        let of = |name: &str| self.last.get(name).into_iter().flatten().cloned().collect::<Vec<_>>();
        let (own, cluster) = (of(object), of(""));
        let mut events = own.clone();
        if let Some(first) = own.first() {
            // Lines begin with the time, right-aligned.
            events.extend(
                cluster
                    .into_iter()
                    .filter(|line| line.as_str() >= &first[..12])
                    .map(|line| format!("{line} (cluster)")),
            );
        }
        events.sort_by(|one, other| one[..12].cmp(&other[..12]));
        events
    }

    /// Equal for two simulations in which the same happened.
    pub(crate) fn sum(&self) -> u64 {
        self.sum
    }
}
