//! The cluster and the controllers of one simulation.

use crate::{
    behaviour::{Behaviour, Turn, micros},
    clock::{self, Timed},
    controllers::controllers,
    lines::Lines,
    model::{Memory, Model},
    plan::{Change, MOST_RUNS, Plan},
    record::Duty,
    sight::version,
    things::{PLURALS, Things, gadget, kind},
};
use futures::channel::mpsc::UnboundedSender;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client, CustomResourceExt as _, ResourceExt, api::DynamicObject, runtime::reflector::ObjectRef};
use kube_testbed::{ApiServer, Fault, RequestInfo, Resource, Verb};
use requeue_policy::{
    RequeueConfig,
    kube::{Overrides, Requeuer},
};
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep, sleep_until},
};
use verify::{Micros, Random, Thing, observe_panics, starts_at};

/// The annotations by which an object is paused, and has an interval.
pub(crate) const PAUSED: &str = "example.com/paused";
pub(crate) const INTERVAL: &str = "example.com/every";

pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) server: ApiServer,
    /// The API as somebody else sees it.
    pub(crate) things: Things,
    pub(crate) children: Api<ConfigMap>,
    pub(crate) lines: Lines,
    start: Instant,
    /// What the crate's wall clock said then.
    wall: SystemTime,
    model: Mutex<Model>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    requeuers: Vec<Requeuer>,
    tasks: HashMap<usize, JoinHandle<()>>,
    /// By which the application asks for all objects.
    requests: Vec<UnboundedSender<()>>,
    /// How often each memory has reconciled each object.
    turns: HashMap<(usize, String), u64>,
    changes: HashMap<String, u64>,
    ahead: Micros,
    /// One write in so many fails, until then.
    failing: Option<(u64, Micros)>,
}

impl World {
    pub(crate) fn new(plan: Plan, lines: Lines) -> Arc<Self> {
        let second = gadget();
        let kinds = [
            Resource::from_crd(&Thing::crd()).expect("the definition of a thing"),
            Resource::namespaced(second.group, second.version, second.kind, second.plural),
        ];
        let kinds = kinds.map(|mut kind| {
            if !plan.status_subresource {
                kind = kind.without_status_subresource();
            }
            if !plan.generation {
                kind = kind.without_generation();
            }
            kind
        });
        let server = ApiServer::with_seed(plan.seed, kinds);
        server.set_latency(plan.latency);
        server.set_watch_lag(plan.lag);
        let wall = clock::now();
        starts_at(wall);
        let outside = Client::new(server.connect_outside(), "default");
        let world = Arc::new(Self {
            things: Things::new(&outside, plan.features.kinds),
            children: Api::default_namespaced(outside),
            start: Instant::now(),
            wall,
            model: Mutex::new(Model::new(&plan, lines.is_verbose())),
            lines,
            state: Mutex::default(),
            server,
            plan,
        });
        let hooked = Arc::downgrade(&world);
        world.server.on_request(move |request| hooked.upgrade()?.meet(request));
        world
    }

    pub(crate) fn now(&self) -> Micros {
        micros(self.start.elapsed())
    }

    pub(crate) fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.model().runs >= MOST_RUNS
    }

    pub(crate) async fn until(&self, at: Micros) {
        sleep_until(self.start + Duration::from_micros(at.unsigned_abs())).await;
    }

    /// A memory that no controller uses yet.
    pub(crate) fn new_memory(&self) -> usize {
        let policy = self.timed(self.model().policy);
        let requeuer = Requeuer::new(policy).expect("the plan draws valid policies");
        let requeuer = requeuer.overrides(Overrides::new().paused(PAUSED).interval(INTERVAL));
        self.state().requeuers.push(requeuer);
        let mut model = self.model();
        model.memories.push(Memory::default());
        model.memories.len() - 1
    }

    fn timed(&self, config: RequeueConfig) -> Timed {
        Timed {
            config,
            start: self.wall,
        }
    }

    /// All go on by another policy.
    pub(crate) fn set_policy(&self, policy: RequeueConfig) {
        for requeuer in &self.state().requeuers {
            let replaced = requeuer.set_policy(self.timed(policy));
            replaced.expect("the plan draws valid policies");
        }
        self.model().policy_changes(policy, self.now());
    }

    pub(crate) fn hears_requests(&self, requests: UnboundedSender<()>) {
        let mut state = self.state();
        state.requests.retain(|requests| !requests.is_closed());
        state.requests.push(requests);
    }

    /// The application asks for an object, of every controller.
    pub(crate) fn request(&self, name: &str) {
        self.model().requested(Some(name), self.now());
        for requeuer in &self.state().requeuers {
            if self.plural(name) == PLURALS[0] {
                requeuer.nudge(&ObjectRef::<Thing>::new(name).within("default"));
            } else {
                requeuer.nudge(&ObjectRef::<DynamicObject>::new_with(name, gadget()).within("default"));
            }
        }
    }

    /// The application asks for all objects, of every controller.
    pub(crate) fn request_all(&self) {
        self.model().requested(None, self.now());
        for requests in &self.state().requests {
            // It may have ended.
            let _ = requests.unbounded_send(());
        }
    }

    pub(crate) fn tracked(&self) -> Vec<usize> {
        self.state().requeuers.iter().map(Requeuer::tracked).collect()
    }

    /// Starts a controller with this memory; if it panics, its process is started again.
    pub(crate) fn start_controller(self: &Arc<Self>, memory: usize) {
        let world = self.clone();
        let task = tokio::spawn(async move {
            let mut memory = memory;
            for panics in 0_u64.. {
                let requeue = world.state().requeuers[memory].clone();
                world.model().starts(memory, world.now());
                // It ends with its handle.
                let mut running = JoinSet::from_iter([controllers(world.clone(), memory, &requeue)]);
                let ended = running.join_next().await;
                let now = world.now();
                world.model().stops(memory, now);
                if ended.is_some_and(|ended| ended.is_ok()) {
                    return;
                }
                observe_panics(None);
                world.model().trace.note(now, "", "the controller panicked");
                world.model().cover("the controller panicked");
                sleep(Duration::from_millis(10 + 700 * (panics % 7))).await;
                // Whether the process had the memory with it: a thread that is started again, or a container.
                if panics % 2 == 1 {
                    let new = world.new_memory();
                    let mut state = world.state();
                    if let Some(task) = state.tasks.remove(&memory) {
                        state.tasks.insert(new, task);
                    }
                    memory = new;
                }
            }
        });
        self.state().tasks.insert(memory, task);
    }

    /// The controllers that there are, by their memories.
    pub(crate) fn active(&self) -> Vec<usize> {
        let mut active: Vec<_> = self.state().tasks.keys().copied().collect();
        active.sort_unstable();
        active
    }

    pub(crate) async fn stop_controller(&self, memory: usize) {
        let task = self.state().tasks.remove(&memory);
        if let Some(task) = task {
            task.abort();
            // Its runs are dropped with it, in tasks of their own.
            drop(task.await);
            self.model().stops(memory, self.now());
            sleep(Duration::from_millis(1)).await;
        }
    }

    pub(crate) fn next_turn(&self, memory: usize, thing: &Thing) -> (Behaviour, Turn) {
        let name = thing.name_any();
        let behaviour = self.plan.objects[number(&name)].clone();
        let mut state = self.state();
        let turns = state.turns.entry((memory, name)).or_default();
        *turns += 1;
        let turn = behaviour.turn(*turns);
        (behaviour, turn)
    }

    /// Numbers that the seed, the object and the time determine, so that two replicas that do the same at the same time
    /// meet the same, whichever comes first.
    fn draw(&self, name: &str) -> Random {
        let mixed = Random::new(self.plan.seed ^ number(name) as u64).next();
        Random::new(mixed.wrapping_add(self.now().unsigned_abs()))
    }

    fn failing(&self) -> Option<u64> {
        let failing = self.state().failing.filter(|(_, until)| *until > self.now());
        failing.map(|(one_in, _)| one_in)
    }

    pub(crate) fn fail_writes(&self, one_in: u64, until: Micros) {
        self.state().failing = Some((one_in, until));
    }

    pub(crate) fn request_hangs(&self, thing: &Thing) -> bool {
        let failing = self.failing();
        failing.is_some_and(|one_in| self.draw(&thing.name_any()).one_in(one_in * 6))
    }

    fn meet(&self, request: &RequestInfo) -> Option<Fault> {
        if request.verb == Verb::List {
            self.model().listed(&request.plural, self.now());
        }
        if !matches!(request.verb, Verb::Create | Verb::Patch | Verb::PatchStatus) {
            return None;
        }
        let one_in = self.failing()?;
        // A child is created by the name in its body, which is not shown; it has no faults of its own.
        let mut random = self.draw(request.name.as_ref()?);
        let (code, reason) = random.pick(&[(409, "Conflict"), (429, "TooManyRequests"), (500, "InternalError")]);
        if !random.one_in(one_in) {
            return None;
        }
        if random.one_in(6) {
            return Some(Fault::LostResponse);
        }
        Some(Fault::Status {
            code,
            reason,
            retry_after: (code == 429).then(|| Duration::from_secs(1 + random.below(30))),
        })
    }

    pub(crate) fn clock_is_ahead_by(&self) -> Micros {
        self.state().ahead
    }

    pub(crate) fn jump_clock(&self, by: Micros) {
        self.state().ahead += by;
    }

    /// Another value each time for this object.
    pub(crate) fn fresh(&self, name: &str) -> u64 {
        let mut state = self.state();
        let changes = state.changes.entry(name.to_owned()).or_default();
        *changes += 1;
        *changes
    }

    pub(crate) async fn create(&self, object: usize) {
        if let Ok(created) = self.things.create(object).await {
            self.model().created(&created, self.now());
        }
    }

    /// Somebody writes to the object while it runs.
    pub(crate) fn meet_change(self: &Arc<Self>, thing: &Thing, after: Duration) {
        let (world, object) = (self.clone(), number(&thing.name_any()));
        let mut random = self.draw(&thing.name_any());
        let change = Change::draw(&mut random);
        let is_request = random.one_in(6);
        tokio::spawn(async move {
            sleep(after).await;
            match is_request {
                true => world.request(&name(object)),
                false => world.change(object, change).await,
            }
        });
    }

    /// A child was written, by a reconcile of this memory or by somebody else.
    pub(crate) fn child_changed(&self, name: &str, by: Option<usize>) {
        self.model().child_written(name, by, self.now());
    }

    /// The watch delivers an object once more.
    pub(crate) fn repeat(&self, name: &str) {
        // It may have been deleted meanwhile.
        let _ = self.server.repeat(self.plural(name), "default", name);
    }

    /// A status was written, by a controller or by somebody else.
    pub(crate) fn status_written(&self, written: &Thing, by: Option<usize>) {
        self.model().status_written(written, by, self.now());
    }

    /// A request to an object of this name, or to its child, had no answer: what it did counts as somebody else's.
    pub(crate) fn unanswered(&self, name: &str) {
        let now = self.now();
        self.model().unanswered(name, now);
        let stored = self.stored(name);
        let stored: Option<Thing> = stored.and_then(|stored| serde_json::from_value(stored).ok());
        if let Some(stored) = stored.filter(|stored| !self.model().knows(stored)) {
            self.model().status_written(&stored, None, now);
        }
    }

    /// After a deletion: the object may be gone, and its child with it.
    pub(crate) fn look_whether_gone(&self, name: &str, uid: &str) {
        if self.uid_of(name).as_deref() != Some(uid) {
            self.model().gone(uid, self.now());
            self.child_changed(name, None);
        }
    }

    /// Merges this into a status, as the plan's type has it.
    pub(crate) async fn patch_status(&self, things: &Things, name: &str, patch: Value) -> kube::Result<Thing> {
        if self.plan.status_subresource {
            things.patch_status(name, patch).await
        } else {
            things.patch(name, patch).await
        }
    }

    fn stored(&self, name: &str) -> Option<Value> {
        self.server.object(self.plural(name), "default", name)
    }

    fn plural(&self, name: &str) -> &'static str {
        PLURALS[kind(self.plan.features.kinds, name)]
    }

    pub(crate) fn uid_of(&self, name: &str) -> Option<String> {
        let object = self.stored(name)?;
        object["metadata"]["uid"].as_str().map(str::to_owned)
    }

    pub(crate) fn owe(&self, written: &Thing, what: &'static str) {
        let (at, version) = (self.now(), version(written));
        let duty = Duty { at, version, what };
        self.model().owe(&written.uid().unwrap_or_default(), duty, |_| true);
    }
}

pub(crate) fn name(object: usize) -> String {
    format!("t{object}")
}

pub(crate) fn number(name: &str) -> usize {
    let number = name.strip_prefix('t').and_then(|number| number.parse().ok());
    number.expect("every object is named by its number")
}
