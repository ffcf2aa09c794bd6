//! What is remembered and decided, without kube: compiled once, whatever the majors.
//!
//! Events and own writes come in by [`Engine`]'s methods, which take the locks and read the clocks; the decisions are pure
//! functions: [`event`] says what follows from an event, [`echo`] what is the controller's own write, [`trigger`] when an object is reconciled, [`conclusion`] what
//! the end of a reconcile means.

pub(crate) mod clock;
pub(crate) mod conclusion;
pub(crate) mod decision;
pub(crate) mod dispatch;
pub(crate) mod echo;
mod end;
pub(crate) mod event;
mod guess;
pub(crate) mod log;
pub(crate) mod memory;
pub(crate) mod objects;
pub(crate) mod others;
pub(crate) mod outage;
pub(crate) mod overrides;
pub(crate) mod places;
pub(crate) mod rate;
pub(crate) mod reason;
mod requests;
pub(crate) mod scope;
pub(crate) mod sight;
mod telemetry;
#[cfg(test)]
mod tests;
pub(crate) mod trigger;
pub(crate) mod version;
pub(crate) mod wakes;
mod watched;
pub(crate) mod written;

use crate::{
    ConfigError, MaxRate, Phase, RequeueConfig, RequeuePolicy,
    policy::config,
    sync::{AtomicU64, Mutex, Ordering, PoisonError, RwLock},
};
use clock::Clock;
use conclusion::Terms;
use decision::Hook;
use memory::{Key, Memory, Tick};
use overrides::Overrides;
use places::Places;
use rate::{Limit, micros};
use requests::Requests;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use telemetry::Telemetry;
use version::Version;
use wakes::{Listener, Wake};

/// A policy as the engine holds it.
pub(crate) type Policy = Arc<dyn RequeuePolicy + Send + Sync>;

/// A policy at work: what the clones of a `Requeuer` share.
pub(crate) struct Engine {
    pub(crate) policy: RwLock<(Policy, u32)>,
    overrides: RwLock<Arc<Overrides>>,
    hook: RwLock<Option<Arc<Hook>>>,
    pub(crate) clock: Clock,
    pub(crate) memory: Memory,
    requests: Requests,
    pub(crate) places: Places,
    telemetry: Telemetry,
    listeners: RwLock<Vec<Listener>>,
    /// How many watches show a resource, by group and plural.
    watches: RwLock<HashMap<(String, String), u32>>,
    /// The latest version of each object that is watched beside the controller's own, and the number of its delivery.
    pub(crate) others: Mutex<HashMap<Key, (Version, u64)>>,
    /// What existed when a controller of this kind ended: the next one finds out what does no more.
    pub(crate) left: Mutex<HashMap<String, HashSet<Key>>>,
    /// How many events the watches have delivered.
    pub(crate) deliveries: AtomicU64,
    /// Until when timers wait for their places in the fleet's rate; 0 once none has to.
    stretched: AtomicU64,
    /// Until when the log has it that the cache is stale.
    stale: AtomicU64,
    /// 1 once the log has it that an error never reached the error policy.
    warned: AtomicU64,
    /// Of two policies at once one comes whole after the other.
    replacing: Mutex<()>,
}

const SHORTEST_GRACE: Tick = 60_000_000;

/// Stands for the longest interval of a policy whose intervals never come.
const WITHOUT_INTERVALS: Duration = Duration::from_secs(30);

/// The longest interval of a policy, of those that come at all.
fn longest(policy: &dyn RequeuePolicy) -> Duration {
    Phase::ALL
        .into_iter()
        .map(|phase| policy.interval(phase))
        .filter(|interval| !interval.is_never())
        .map(|interval| interval.longest())
        .max()
        .unwrap_or(WITHOUT_INTERVALS)
}

/// For how long an object that does not come back is remembered after it was due.
fn grace(policy: &dyn RequeuePolicy) -> Tick {
    let limit = policy
        .rate_limit()
        .map(|limit| limit.every().saturating_mul(limit.burst()));
    let longest = longest(policy).max(limit.unwrap_or_default());
    micros(longest).max(SHORTEST_GRACE)
}

impl Engine {
    /// Begins with an empty memory.
    pub(crate) fn new(policy: Policy, clock: Clock) -> Result<Arc<Self>, ConfigError> {
        config::validate(&*policy)?;
        Ok(Self::begin(policy, clock))
    }

    fn begin(policy: Policy, clock: Clock) -> Arc<Self> {
        let grace = grace(&*policy);
        Arc::new(Self {
            policy: RwLock::new((policy, 0)),
            overrides: RwLock::default(),
            hook: RwLock::default(),
            clock,
            memory: Memory::new(grace),
            requests: Requests::new(grace),
            places: Places::default(),
            telemetry: Telemetry::default(),
            listeners: RwLock::default(),
            watches: RwLock::default(),
            others: Mutex::default(),
            left: Mutex::default(),
            deliveries: AtomicU64::new(0),
            stretched: AtomicU64::new(0),
            stale: AtomicU64::new(0),
            warned: AtomicU64::new(0),
            replacing: Mutex::new(()),
        })
    }

    /// Begins with a config, or with the defaults if it is refused.
    pub(crate) fn by_config(config: RequeueConfig, clock: Clock) -> Arc<Self> {
        Self::begin(
            match config.validate() {
                Ok(()) => Arc::new(config),
                Err(refused) => {
                    log::config_refused(&refused);
                    Arc::new(RequeueConfig::default())
                }
            },
            clock,
        )
    }

    /// Goes on by another policy; the old one stays if it is refused.
    pub(crate) fn replace(&self, policy: Policy) -> Result<(), ConfigError> {
        if let Err(refused) = config::validate(&*policy) {
            log::policy_refused(&refused);
            return Err(refused);
        }
        let line = log::Policy::of(&*policy);
        let (grace, max_rate, limit) = (grace(&*policy), policy.max_rate(), policy.rate_limit());
        let is_another_limit = {
            let _one_at_a_time = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
            // Where a decision has begun by the old rate, the places find out for themselves.
            if self.places.go_by(max_rate) {
                // Of another rate the log is to hear anew.
                self.stretched.store(0, Ordering::Relaxed);
            }
            let mut in_force = self.policy.write().unwrap_or_else(PoisonError::into_inner);
            let is_another_limit = in_force.0.rate_limit() != limit;
            *in_force = (policy, in_force.1.wrapping_add(u32::from(is_another_limit)));
            self.memory.set_grace(grace);
            self.requests.set_grace(grace);
            is_another_limit
        };
        log::policy_replaced(&line);
        if is_another_limit {
            self.wake(None, &Wake::Throttled);
        }
        Ok(())
    }

    /// Returns the policy in force.
    pub(crate) fn policy(&self) -> Policy {
        self.in_force().0
    }

    fn in_force(&self) -> (Policy, u32) {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_overrides(&self, overrides: Overrides) {
        *self.overrides.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(overrides);
    }

    pub(crate) fn set_hook(&self, hook: Hook) {
        *self.hook.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(hook));
    }

    fn overrides(&self) -> Arc<Overrides> {
        self.overrides.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What these annotations of an object override: whether they pause it, and its interval. What is refused does nothing.
    pub(crate) fn overridden(&self, annotations: Option<&BTreeMap<String, String>>) -> (bool, Option<Duration>) {
        let overrides = self.overrides();
        let interval = overrides.own_interval(annotations, || self.policy().rate_limit());
        (overrides.is_paused(annotations) == Ok(true), interval.ok().flatten())
    }

    /// How long a timer that fires now waits for its place in the fleet's rate.
    pub(crate) fn max_rate_wait(&self) -> Duration {
        let wait = |rate: MaxRate| Duration::from_micros(self.places.wait(rate, self.clock.now()));
        self.policy().max_rate().map_or(Duration::ZERO, wait)
    }

    fn terms<'a>(&self, policy: &'a Policy, number: u32, now: Tick) -> Terms<'a> {
        Terms {
            policy: &**policy,
            limit: policy.rate_limit().map(|limit| Limit { limit, number }),
            longest: longest(&**policy),
            wall: self.clock.wall(now),
        }
    }
}
