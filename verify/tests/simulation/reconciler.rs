//! The simulated reconciler: does what the object's behaviour says, and tells the model.

use crate::{
    behaviour::{Behaviour, Child, Panic, Since, StatusWrites, Style, Turn},
    delay::{End, Explicit},
    features::Kinds,
    things::{Things, gadget, kind},
    world::World,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Resource as _, ResourceExt,
    api::{Patch, PatchParams, PostParams},
    core::ObjectMeta,
};
use requeue_policy::{Outcome, Phase, Requeue, Retry};
use serde_json::json;
use std::{panic, sync::Arc, time::Duration};
use tokio::time::sleep;
use verify::{Micros, Thing, observe_panics};

/// The context of one controller.
pub(crate) struct Context {
    pub(crate) world: Arc<World>,
    /// The number of its memory in the model.
    pub(crate) memory: usize,
    pub(crate) things: Things,
    pub(crate) children: Api<ConfigMap>,
}

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct Oops {
    what: &'static str,
    pub(crate) retry: Retry,
}

/// A run that is in progress; dropped without an end, it was cut off.
struct Run {
    context: Arc<Context>,
    uid: String,
    ended: bool,
}

impl Drop for Run {
    fn drop(&mut self) {
        if !self.ended {
            let world = &self.context.world;
            let cut = world.model().run_is_cut(self.context.memory, &self.uid, world.now());
            if let Some(name) = cut {
                // It may have written something.
                world.unanswered(&name);
            }
        }
    }
}

/// Called in the controller's own task; what it returns runs in a task of its own.
pub(crate) fn reconcile(
    thing: Arc<Thing>,
    context: Arc<Context>,
) -> impl Future<Output = Result<Outcome, Oops>> + Send + 'static {
    let world = context.world.clone();
    world.model().run_starts(context.memory, &thing, world.now());
    let run = Run {
        uid: thing.uid().unwrap_or_default(),
        context: context.clone(),
        ended: false,
    };
    let (behaviour, turn) = world.next_turn(context.memory, &thing);
    // One that is over must not go on with controllers that panic and start again.
    if turn.panics == Some(Panic::AtOnce) && !world.is_over() {
        panic::resume_unwind(Box::new("the reconciler panics at once"));
    }
    async move {
        // All of it, to be dropped with the future.
        let mut run = run;
        if world.is_over() {
            std::future::pending::<()>().await;
        }
        let result = context.work(&thing, &behaviour, turn).await;
        if turn.panics == Some(Panic::Later) {
            panic::resume_unwind(Box::new("the reconciler panics later"));
        }
        run.ended = true;
        // What an error means is decided by the error policy, which a controller that panics meanwhile never asks.
        if result.is_ok() {
            let (end, now) = (end(&result), world.now());
            world.model().run_ends(context.memory, &thing, end, now);
            if turn.panics == Some(Panic::Observe) && !world.is_over() {
                let name = thing.name_any();
                observe_panics(Some((name.clone(), world.fresh(&name) % 2)));
                world.repeat(&name);
            }
        }
        result
    }
}

/// Called when the controller asks its error policy.
pub(crate) fn fails(thing: &Thing, oops: &Oops, context: &Context) {
    let (end, now) = (end(&Err(*oops)), context.world.now());
    context.world.model().run_ends(context.memory, thing, end, now);
}

/// The end that the guide reads from a result.
fn end(result: &Result<Outcome, Oops>) -> End {
    let exactly = |requeue| Some(Explicit::Exactly(requeue));
    let failed = Some(Phase::Failed);
    let (phase, explicit) = match result {
        Ok(Outcome::Phase(phase)) => (Some(*phase), None),
        Ok(Outcome::PhaseAndRequeue(phase, requeue)) => (Some(*phase), exactly(*requeue)),
        Ok(Outcome::PhaseWithin(phase, delay)) => (Some(*phase), Some(Explicit::Within(*delay))),
        Ok(Outcome::Requeue(requeue)) => (None, exactly(*requeue)),
        Ok(_) => (None, None),
        Err(Oops { retry, .. }) => match retry {
            Retry::After(delay) => (failed, exactly(Requeue::After(*delay))),
            Retry::Later(delay) => (None, exactly(Requeue::After(*delay))),
            Retry::Never => (failed, exactly(Requeue::AwaitChange)),
            _ => (failed, None),
        },
    };
    End {
        phase,
        explicit,
        is_later: phase.is_none() && result.is_err(),
    }
}

impl Context {
    async fn work(&self, thing: &Thing, behaviour: &Behaviour, turn: Turn) -> Result<Outcome, Oops> {
        if turn.meets_change {
            self.world.meet_change(thing, turn.takes / 2);
        }
        if !turn.takes.is_zero() {
            sleep(turn.takes).await;
        }
        if thing.metadata.deletion_timestamp.is_some() {
            if turn.lingers {
                return Ok(Outcome::Phase(thing.phase_in_status()));
            }
            self.request(thing).await?;
            let (name, finalizers) = (thing.name_any(), json!({ "metadata": { "finalizers": null } }));
            match self.things.patch(&name, finalizers).await {
                Ok(written) => self
                    .world
                    .model()
                    .written(&written, Some(self.memory), self.world.now()),
                Err(error) => return Err(self.refused(&name, error)),
            }
            self.world.look_whether_gone(&name, &thing.uid().unwrap_or_default());
            return Ok(Outcome::Phase(thing.phase_in_status()));
        }
        self.keep_child(thing, behaviour.child).await?;
        if turn.style == Style::Disagrees && behaviour.status == StatusWrites::InEveryRun {
            let other = if turn.phase == Phase::Ready {
                Phase::Failed
            } else {
                Phase::Ready
            };
            self.write_status(thing, behaviour, other).await?;
        }
        self.write_status(thing, behaviour, turn.phase).await?;
        let is_lenient = turn.style == Style::Lenient;
        match (turn.phase, turn.requeue) {
            (_, None) if turn.unit => Ok(Outcome::Unchanged),
            (_, Some(requeue)) if turn.unit => Ok(Outcome::Requeue(requeue)),
            (Phase::Failed, requeue) if !behaviour.fails_as_ok => Err(Oops {
                what: "it fails",
                retry: match requeue {
                    None => Retry::Backoff,
                    Some(Requeue::After(delay)) if is_lenient => Retry::Later(delay),
                    Some(Requeue::After(delay)) => Retry::After(delay),
                    Some(Requeue::AwaitChange) => Retry::Never,
                },
            }),
            (phase, Some(Requeue::After(delay))) if is_lenient => Ok(phase.within(delay)),
            (phase, Some(requeue)) => Ok(Outcome::PhaseAndRequeue(phase, requeue)),
            (phase, None) => Ok(Outcome::Phase(phase)),
        }
    }

    /// What a request may meet on its way, apart from what the server answers: it hangs until the client gives up.
    async fn request(&self, thing: &Thing) -> Result<(), Oops> {
        if self.world.request_hangs(thing) {
            sleep(Duration::from_secs(30)).await;
            return Err(Oops {
                what: "timed out",
                retry: Retry::Backoff,
            });
        }
        Ok(())
    }

    /// A request has failed; perhaps only its answer is lost.
    fn refused(&self, name: &str, error: kube::Error) -> Oops {
        if !matches!(error, kube::Error::Api(_)) {
            self.world.unanswered(name);
        }
        failed(error)
    }

    async fn keep_child(&self, thing: &Thing, child: Child) -> Result<(), Oops> {
        if child == Child::None {
            return Ok(());
        }
        let name = thing.name_any();
        self.request(thing).await?;
        let value = format!("{:?}", self.world.now());
        let new = new_child(thing, self.world.plan.features.kinds);
        // Others may see it before the answer.
        let written = || self.world.child_changed(&name, Some(self.memory));
        written();
        match self.children.create(&PostParams::default(), &new).await {
            Ok(_) => written(),
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {
                if child == Child::RewrittenInEveryRun {
                    let owners = &new.metadata.owner_references;
                    let patch = json!({ "data": { "value": value }, "metadata": { "ownerReferences": owners } });
                    let (patch, how) = (Patch::Merge(patch), PatchParams::default());
                    let patched = self.children.patch(&name, &how, &patch).await;
                    patched.map_err(|error| self.refused(&name, error))?;
                    written();
                }
            }
            Err(error) => return Err(self.refused(&name, error)),
        }
        if self.world.uid_of(&name) != thing.uid() {
            // The garbage collector deletes what belongs to nobody.
            self.world.child_changed(&name, None);
        }
        Ok(())
    }

    async fn write_status(&self, thing: &Thing, behaviour: &Behaviour, phase: Phase) -> Result<(), Oops> {
        let (before, now) = (thing.phase_in_status(), self.world.now());
        let changes = before != phase || thing.status.as_ref().and_then(|status| status.phase).is_none();
        match behaviour.status {
            StatusWrites::Never => return Ok(()),
            StatusWrites::WhenThePhaseChanges if !changes => return Ok(()),
            _ => {}
        }
        let before = thing.status.as_ref().and_then(|status| status.since);
        let since: Option<Micros> = match (behaviour.since, before) {
            (Since::Missing, _) => None,
            (Since::Right, Some(since)) if !changes => Some(since),
            _ => Some(now + self.world.clock_is_ahead_by()),
        };
        self.request(thing).await?;
        let status = json!({ "status": { "phase": phase, "since": since, "message": format!("at {now}") } });
        let name = thing.name_any();
        let written = self.world.patch_status(&self.things, &name, status).await;
        let written = written.map_err(|error| self.refused(&name, error))?;
        self.world.status_written(&written, Some(self.memory));
        Ok(())
    }
}

/// A child of the same name, before it is created.
pub(crate) fn new_child(owner: &Thing, kinds: Kinds) -> ConfigMap {
    let mut reference = owner.owner_ref(&());
    if kind(kinds, &owner.name_any()) == 1 {
        reference
            .iter_mut()
            .for_each(|reference| reference.kind = gadget().kind);
    }
    ConfigMap {
        metadata: ObjectMeta {
            name: owner.metadata.name.clone(),
            owner_references: reference.map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    }
}

/// A 429 says when to come back.
fn failed(error: kube::Error) -> Oops {
    let retry = match &error {
        kube::Error::Api(status) if status.code == 429 => {
            let seconds = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
            Retry::After(Duration::from_secs(u64::from(seconds.max(1))))
        }
        _ => Retry::Backoff,
    };
    Oops {
        what: "the API server refuses",
        retry,
    }
}
