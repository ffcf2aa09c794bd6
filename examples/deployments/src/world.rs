//! What the controller runs in: an API server in memory, and the status of Deployments as Kubernetes writes it.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use futures::StreamExt as _;
use k8s_openapi::{api::apps::v1::Deployment, jiff::Timestamp};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use kube_testbed::ApiServer;
use serde_json::{Value, from_value, json};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};

use crate::reminder::controller;

type Error = Box<dyn std::error::Error>;

const REPLICAS: u32 = 10;

pub(crate) struct World {
    pub(crate) server: ApiServer,
    outside: Api<Deployment>,
    reminders: Reminders,
    started_at: SystemTime,
}

/// What was sent, and when: here to a list, elsewhere to a pager.
#[derive(Clone)]
pub(crate) struct Reminders {
    start: Instant,
    sent: Arc<Mutex<Vec<(Duration, String, String)>>>,
}

impl Reminders {
    pub(crate) fn send(&self, name: &str, message: &str) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.push((self.start.elapsed(), name.to_owned(), message.to_owned()));
    }
}

fn name(number: u32) -> String {
    format!("app-{number:02}")
}

impl World {
    pub(crate) async fn new() -> Result<Self, Error> {
        let server = ApiServer::new([]);
        let outside = Api::<Deployment>::default_namespaced(Client::new(server.connect_outside(), "default"));
        for number in 0..40 {
            let labels = json!({ "app": name(number) });
            let deployment = from_value(json!({
                "metadata": { "name": name(number) },
                "spec": {
                    "replicas": REPLICAS,
                    "selector": { "matchLabels": labels },
                    "template": { "metadata": { "labels": labels } },
                },
            }))?;
            outside.create(&PostParams::default(), &deployment).await?;
        }
        let (start, sent) = (Instant::now(), Arc::default());
        Ok(Self {
            server,
            outside,
            reminders: Reminders { start, sent },
            started_at: SystemTime::now(),
        })
    }

    /// The rollouts, the restart, and a rollout that is mended.
    pub(crate) async fn play(&self) -> Result<(), Error> {
        let first = self.start()?;
        for available in 0..=REPLICAS {
            for number in (0..40).filter(|number| available <= 4 || ![7, 23].contains(number)) {
                self.rolls_out(number, available).await?;
            }
            sleep(Duration::from_secs(1)).await;
        }
        self.until(10).await;
        for stuck in [7, 23] {
            self.progresses(stuck, "False", "ProgressDeadlineExceeded", 4).await?;
        }
        self.until(20).await;
        first.abort();
        let _second = self.start()?;
        self.until(120).await;
        self.rolls_out(23, REPLICAS).await?;
        self.until(24 * 60).await;
        Ok(())
    }

    fn start(&self) -> Result<JoinHandle<()>, Error> {
        let client = Client::new(self.server.connect(), "default");
        let controller = controller(client, self.reminders.clone())?;
        Ok(tokio::spawn(controller.for_each(async |()| {})))
    }

    async fn rolls_out(&self, number: u32, available: u32) -> Result<(), Error> {
        let reason = match available == REPLICAS {
            true => "NewReplicaSetAvailable",
            false => "ReplicaSetUpdated",
        };
        self.progresses(number, "True", reason, available).await
    }

    /// Writes a status as Kubernetes does.
    async fn progresses(&self, number: u32, status: &str, reason: &str, available: u32) -> Result<(), Error> {
        let now = Timestamp::try_from(self.started_at + self.reminders.start.elapsed())?;
        let message = format!("{available} of {REPLICAS} replicas are available");
        let condition: Value = json!({
            "type": "Progressing",
            "status": status,
            "reason": reason,
            "message": message,
            "lastTransitionTime": now.to_string(),
        });
        let status = json!({ "status": { "availableReplicas": available, "conditions": [condition] } });
        let (params, patch) = (PatchParams::default(), Patch::Merge(status));
        self.outside.patch_status(&name(number), &params, &patch).await?;
        Ok(())
    }

    async fn until(&self, minutes: u64) {
        sleep_until(self.reminders.start + Duration::from_secs(60 * minutes)).await;
    }

    /// When each Deployment's reminders were sent, in minutes since the start.
    pub(crate) fn reminders(&self) -> BTreeMap<String, Vec<u64>> {
        let sent = self.reminders.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut minutes = BTreeMap::<_, Vec<_>>::new();
        for (at, name, _) in &*sent {
            let at = (at.as_secs_f64() / 60.0).round();
            minutes.entry(name.clone()).or_default().push(at as u64);
        }
        minutes
    }

    /// The Deployments that are labelled as stuck.
    #[cfg(test)]
    pub(crate) async fn stuck(&self) -> kube::Result<Vec<String>> {
        let labelled = kube::api::ListParams::default().labels("example.com/stuck=true");
        let deployments = self.outside.list(&labelled).await?;
        Ok(deployments.iter().map(kube::ResourceExt::name_any).collect())
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, minutes) in self.reminders() {
            write!(f, "\n{name}: reminders after {minutes:?} min")?;
        }
        let requests = self.server.requests();
        write!(
            f,
            "\nin 24 h the controllers sent {} PATCH and {} GET requests",
            requests.patch, requests.get
        )
    }
}
