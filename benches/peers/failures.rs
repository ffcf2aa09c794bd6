//! Failures of objects that come in a random order, and what else becomes of them.

use crate::{
    Size,
    client_go::{ClientGo, Request},
    table::{Line, Measure, Series},
};
use benches::{
    Backon, Governor, Oops, Rival, Tower, Workload, error_policy, failing, in_random_order, objects, per_call,
    requeuer, shares, succeeds, touch, triggers,
};
use futures::FutureExt as _;
use requeue_policy::kube::Requeuer;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Failing objects, and everybody's memory of them.
pub(crate) struct Fleet {
    objects: Vec<Arc<Workload>>,
    crews: Vec<Crew>,
    calls: usize,
    // For tower's timers.
    _runtime: Runtime,
}

/// Some of the objects.
struct Crew {
    order: Vec<Arc<Workload>>,
    requeue: Requeuer,
    rivals: Vec<(&'static str, Box<dyn Rival>)>,
}

impl Fleet {
    pub(crate) fn new(size: Size) -> anyhow::Result<Self> {
        let objects = objects(size.objects[2]);
        let runtime = Runtime::new()?;
        let crew = |count| {
            let order = in_random_order(&objects, count);
            let requeue = requeuer();
            let rivals: Vec<(_, Box<dyn Rival>)> = vec![
                ("backon, Mutex<HashMap>", Box::new(Backon::default())),
                ("tower, Mutex<HashMap>", Box::new(Tower::new(runtime.handle().clone()))),
                ("governor, keyed", Box::new(Governor::default())),
            ];
            // All of them are failing before anything is measured.
            let fail = failing(&requeue);
            for object in &order {
                fail((object.clone(), Arc::default()));
                for (_, rival) in &rivals {
                    rival.failed(object);
                }
            }
            drop(fail);
            assert_eq!(requeue.tracked(), count);
            Crew { order, requeue, rivals }
        };
        Ok(Self {
            crews: size.objects.map(crew).into(),
            objects,
            calls: size.calls,
            _runtime: runtime,
        })
    }

    pub(crate) fn into_objects(self) -> Vec<Arc<Workload>> {
        self.objects
    }

    pub(crate) fn lines<'a>(&'a self, client_go: &'a ClientGo) -> Vec<Line<'a>> {
        let mut lines = Vec::new();
        for crew in &self.crews {
            for threads in [1, 4] {
                let calls = self.calls;
                let bench = Bench {
                    crew,
                    client_go,
                    threads,
                    calls,
                };
                lines.extend(bench.lines(crew.order.len() == self.objects.len()));
            }
        }
        lines
    }
}

/// Some of the objects, some threads.
#[derive(Clone, Copy)]
struct Bench<'a> {
    crew: &'a Crew,
    client_go: &'a ClientGo,
    threads: usize,
    calls: usize,
}

impl<'a> Bench<'a> {
    /// One line beside client-go's exponential limiter, and all others for the largest crew.
    fn lines(self, is_largest: bool) -> Vec<Line<'a>> {
        let (ours, touch) = (Series::from(self.error_policy()), Series::from(self.touch()));
        let their_touch = self.ask("touch", "exponential", "string");
        let line = |what: &str, ours: &Series<'a>, peer: &str, theirs: Series<'a>| Line {
            what: self.what(what),
            ours: ours.clone(),
            touch: Some(touch.clone()),
            peer: peer.to_owned(),
            theirs,
            their_touch: Some(their_touch.clone()),
            required: None,
        };
        let exponential = self.ask("when", "exponential", "string");
        let mut lines = vec![line("error_policy", &ours, "client-go, exponential", exponential)];
        if !is_largest {
            return lines;
        }
        lines[0].required = Some(if self.threads == 1 { 3.0 } else { 10.0 });
        lines.push(Line {
            their_touch: Some(self.ask("touch", "exponential", "struct")),
            ..line(
                "error_policy",
                &ours,
                "client-go, exponential, struct keys",
                self.ask("when", "exponential", "struct"),
            )
        });
        lines.extend(self.crew.rivals.iter().map(|(name, rival)| Line {
            their_touch: Some(touch.clone()),
            ..line("error_policy", &ours, name, self.rival(&**rival).into())
        }));
        let (error, success) = (self.trigger_and_error().into(), self.trigger_and_success().into());
        let default = self.ask("when", "default", "string");
        lines.push(line("trigger and error", &error, "client-go, default limiter", default));
        let forget = self.ask("forget", "exponential", "string");
        lines.push(line("trigger and success", &success, "client-go, Forget", forget));
        if self.threads == 1 {
            let first = self.first_failure().into();
            let theirs = self.ask("first", "exponential", "string");
            lines.push(line("first failure", &first, "client-go, exponential", theirs));
        }
        lines
    }

    fn what(self, what: &str) -> String {
        let Self { crew, threads, .. } = self;
        let plural = |count| if count == 1 { "" } else { "s" };
        let objects = crew.order.len();
        format!(
            "{what}, {objects} object{}, {threads} thread{}",
            plural(objects),
            plural(threads)
        )
    }

    fn ask(self, what: &'static str, limiter: &'static str, keys: &'static str) -> Series<'a> {
        let count = self.crew.order.len();
        // What is first or last for an object is so once.
        let calls = if matches!(what, "first" | "forget") {
            count
        } else {
            self.calls
        };
        let request = Request {
            what,
            limiter,
            keys,
            count,
            threads: self.threads,
            calls,
        };
        let measure: Measure = Box::new(move || Ok(self.client_go.ask(request)?.value));
        measure.into()
    }

    fn error_policy(self) -> Measure<'a> {
        let error_policy = error_policy(&self.crew.requeue);
        self.measure(move |object, context| error_policy(object, &Oops, context))
    }

    /// The trigger of a failing object, and its next failure.
    fn trigger_and_error(self) -> Measure<'a> {
        let fail = failing(&self.crew.requeue);
        self.measure(move |object, context| fail((object, context)))
    }

    /// The trigger of a settled object.
    fn trigger_and_success(self) -> Measure<'a> {
        let reconcile = requeuer().reconciler(succeeds);
        self.measure(move |object, context| reconcile(object, context).now_or_never())
    }

    /// The growth of the memory included.
    fn first_failure(self) -> Measure<'a> {
        Box::new(move || {
            let error_policy = error_policy(&requeuer());
            let calls = triggers(&self.crew.order, self.crew.order.len(), self.threads);
            Ok(per_call(calls, |(object, context)| {
                error_policy(object, &Oops, context)
            }))
        })
    }

    fn rival(self, rival: &'a dyn Rival) -> Measure<'a> {
        self.measure(|object, _| rival.failed(&object))
    }

    fn touch(self) -> Measure<'a> {
        Box::new(move || {
            let calls = shares(&self.crew.order, self.calls, self.threads);
            Ok(per_call(calls, |object| touch(object)))
        })
    }

    fn measure<R>(self, call: impl Fn(Arc<Workload>, Arc<()>) -> R + Sync + 'a) -> Measure<'a> {
        Box::new(move || {
            let calls = triggers(&self.crew.order, self.calls, self.threads);
            Ok(per_call(calls, |(object, context)| call(object, context)))
        })
    }
}
