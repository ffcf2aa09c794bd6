//! Clients that change objects all the time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use cluster::{Kind, Things};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use crate::{
    book::Book,
    objects::{OBJECTS, has_child, is_silent},
};

const CLIENTS: usize = 8;
const SHARE: usize = OBJECTS / CLIENTS;
/// All clients together begin 40 times a second.
const PAUSE: Duration = Duration::from_millis(200);
const DURING_RUN: Duration = Duration::from_millis(60);
const PATIENCE: Duration = Duration::from_secs(30);
const PROBE_INTERVAL: Duration = Duration::from_millis(200);

/// Clients at work, each with objects of its own, so that the changes of one object come in order.
pub(crate) struct Churn {
    stopped: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Churn {
    pub(crate) fn start(things: &Things, book: &Arc<Book>) -> Self {
        let (stopped, values) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(1)));
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let client = Client {
                first: client * SHARE,
                dice: client as u64 + 1,
                things: things.clone(),
                book: book.clone(),
                values: values.clone(),
            };
            clients.spawn(client.work(stopped.clone()));
        }
        Self { stopped, clients }
    }

    /// Lets every client end what it has begun.
    pub(crate) async fn stop(self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.clients.join_all().await;
    }
}

struct Client {
    first: usize,
    dice: u64,
    things: Things,
    book: Arc<Book>,
    /// Every change has a value of its own.
    values: Arc<AtomicI64>,
}

impl Client {
    async fn work(mut self, stopped: Arc<AtomicBool>) {
        let mut ticks = interval(PAUSE);
        // What was missed while there was no server is not made up for.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stopped.load(Ordering::Relaxed) {
            ticks.tick().await;
            self.step().await;
        }
    }

    async fn step(&mut self) {
        let number = self.first + self.roll(SHARE);
        let parent = number - number % 4;
        match self.roll(10) {
            0..3 => self.change(number, Kind::Spec).await,
            3 => self.change(number, Kind::Label).await,
            4 => self.change(number, Kind::Annotation).await,
            5 => self.change(parent, Kind::Child).await,
            6 | 7 => {
                self.change(parent, Kind::Spec).await;
                // By now the owner runs, and has looked at its child.
                sleep(DURING_RUN).await;
                self.change(parent, Kind::Child).await;
            }
            // Nothing else starts a reconcile that would see it.
            8 if is_silent(number) => self.change(number, Kind::Spec).await,
            8 => self.change(number, Kind::Status).await,
            _ => self.recreate(number).await,
        }
    }

    async fn change(&self, number: usize, kind: Kind) {
        let value = self.value();
        self.book.sent(number, kind, Some(value));
        let answer = timeout(PATIENCE, self.things.change(&self.things.names[number], kind, value)).await;
        let acknowledged = matches!(answer, Ok(Ok(_)));
        self.book.answered(number, kind, value, acknowledged);
        if !acknowledged {
            self.wait_for_server().await;
        }
    }

    /// Deletes an object and its child, as the garbage collector would, and creates them anew.
    async fn recreate(&self, number: usize) {
        // A change that the controller has not seen yet could not be seen any more.
        if !self.book.is_settled(number) {
            return;
        }
        let (things, name) = (&self.things, &self.things.names[number]);
        self.persist(number, Kind::Creation, None, || things.delete_thing(name))
            .await;
        if has_child(number) {
            self.persist(number, Kind::Child, None, || things.delete_child(name))
                .await;
        }
        let value = self.value();
        self.persist(number, Kind::Creation, Some(value), || things.create_thing(name, value))
            .await;
        if has_child(number) {
            let value = self.value();
            self.persist(number, Kind::Child, Some(value), || things.create_child(name, value))
                .await;
        }
    }

    /// Sends a request until it is acknowledged; it makes something of this value, or makes it go.
    async fn persist<F>(&self, number: usize, kind: Kind, value: Option<i64>, request: impl Fn() -> F)
    where
        F: Future<Output = anyhow::Result<()>>,
    {
        loop {
            self.book.sent(number, kind, value);
            if matches!(timeout(PATIENCE, request()).await, Ok(Ok(()))) {
                break;
            }
            self.wait_for_server().await;
        }
        if let Some(value) = value {
            self.book.answered(number, kind, value, true);
        }
    }

    /// Waits until the server says that it and its database work.
    async fn wait_for_server(&self) {
        let client = self.things.api.clone().into_client();
        let request = || http::Request::get("/readyz").body(Vec::new()).expect("the path is one");
        while !matches!(timeout(PATIENCE, client.request_text(request())).await, Ok(Ok(_))) {
            sleep(PROBE_INTERVAL).await;
        }
    }

    fn value(&self) -> i64 {
        self.values.fetch_add(1, Ordering::Relaxed)
    }

    /// A number below this one; the same ones in every soak (xorshift64).
    fn roll(&mut self, below: usize) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice >> 33) as usize % below
    }
}
