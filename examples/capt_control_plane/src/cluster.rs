//! Trials in a real cluster, in real time; everything that they create there is removed again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail};
use k8s_openapi::{
    api::core::v1::{ConfigMap, Namespace},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Config, CustomResourceExt as _, ResourceExt as _,
    api::{DeleteParams, ListParams, PostParams, Preconditions},
    runtime::{conditions::is_crd_established, wait::Condition as _},
};
use tokio::{
    runtime,
    time::{sleep, timeout},
};

use crate::{
    environment::Environment,
    options::Options,
    reconciler::{LABEL, SELECTOR},
    report::human,
    resource::CAPTControlPlane,
    scenario::Scenario,
    trial::{self, Contender, Trial},
};

/// Tells our own definition from one of the same name that another run made.
const RUN: &str = "capt-control-plane-example/run";

const DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(200);

/// The cluster, and what is ours in it.
struct Cluster {
    client: Client,
    namespace: String,
    run: String,
}

/// Runs the controllers one after the other. Cleans up afterwards, also after an error or Ctrl-C.
pub(crate) fn compare(
    options: &Options,
    scenario: &Scenario,
    contenders: [Contender<'_>; 2],
) -> anyhow::Result<[Trial; 2]> {
    // One thread, so that its log is the log of the controller.
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start tokio")?;
    runtime.block_on(compare_and_clean_up(options, scenario, contenders))
}

async fn compare_and_clean_up(
    options: &Options,
    scenario: &Scenario,
    contenders: [Contender<'_>; 2],
) -> anyhow::Result<[Trial; 2]> {
    let cluster = Cluster::connect(&options.namespace).await?;
    let trials = tokio::select! {
        // First, so that Ctrl-C is heard before there is anything to remove.
        biased;
        () = stopped() => Err(anyhow!("stopped")),
        trials = cluster.trials(options, scenario, contenders) => trials,
    };
    let removed = timeout(DEADLINE, cluster.remove()).await;
    let removed = removed.unwrap_or_else(|late| Err(late.into())).with_context(|| {
        format!(
            "cannot clean up; do it with: kubectl delete crd {}; kubectl delete configmap -n {} -l {SELECTOR}",
            CAPTControlPlane::crd_name(),
            options.namespace,
        )
    });
    match (trials, removed) {
        (Err(error), Err(unclean)) => Err(error.context(format!("{unclean:#}; and before that"))),
        (trials, Ok(())) => trials,
        (Ok(_), Err(unclean)) => Err(unclean),
    }
}

/// Waits until someone wants the program to end.
async fn stopped() {
    #[cfg(unix)]
    if let Ok(mut signal) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = signal.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        return;
    }
    // A program that cannot listen has been asked to do what it cannot.
    let _ = tokio::signal::ctrl_c().await;
}

impl Cluster {
    async fn connect(namespace: &str) -> anyhow::Result<Self> {
        let config = Config::infer()
            .await
            .context("there is no cluster to use: set KUBECONFIG, or leave out --cluster, which needs none")?;
        eprintln!("using namespace {namespace} of {}", config.cluster_url);
        let client = Client::try_from(config).context("cannot make a client")?;
        let cluster = Self {
            namespace: namespace.to_owned(),
            run: format!(
                "{}-{}",
                std::process::id(),
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default()
                    .as_nanos()
            ),
            client,
        };
        let found = Api::<Namespace>::all(cluster.client.clone()).get_opt(namespace).await;
        if found
            .map_err(|error| explain(error, "look for the namespace"))?
            .is_none()
        {
            bail!(
                "there is no namespace {namespace}: make it with `kubectl create namespace {namespace}`, or name \
                 another with --namespace"
            );
        }
        Ok(cluster)
    }

    async fn trials(
        &self,
        options: &Options,
        scenario: &Scenario,
        [looped, paced]: [Contender<'_>; 2],
    ) -> anyhow::Result<[Trial; 2]> {
        self.install().await?;
        Ok([
            self.trial(options, scenario, looped).await?,
            self.trial(options, scenario, paced).await?,
        ])
    }

    async fn trial(&self, options: &Options, scenario: &Scenario, contender: Contender<'_>) -> anyhow::Result<Trial> {
        eprintln!("{} for {}", contender.name(), human(scenario.length));
        let environment = Environment {
            controller: self.client.clone(),
            others: self.client.clone(),
            namespace: self.namespace.clone(),
        };
        let trial = trial::run(&environment, scenario, contender, options.verbose).await?;
        self.remove_objects().await?;
        Ok(trial)
    }

    /// Installs the definition, and waits until the API server serves the type.
    async fn install(&self) -> anyhow::Result<()> {
        let mut crd = CAPTControlPlane::crd();
        crd.labels_mut().insert(LABEL.0.to_owned(), LABEL.1.to_owned());
        crd.annotations_mut().insert(RUN.to_owned(), self.run.clone());
        match self.definitions().create(&PostParams::default(), &crd).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => return Err(self.refuse().await),
            created => created.map_err(|error| explain(error, "install a custom resource definition"))?,
        };
        let served = timeout(DEADLINE, self.wait_until_served()).await;
        served.context("the API server does not serve the new type in time")?
    }

    async fn wait_until_served(&self) -> anyhow::Result<()> {
        let name = CAPTControlPlane::crd_name();
        loop {
            let crd = self.definitions().get(name).await?;
            // It may take a moment more until the type can be used.
            let one = ListParams::default().limit(1);
            if is_crd_established().matches_object(Some(&crd)) && self.planes().list(&one).await.is_ok() {
                return Ok(());
            }
            sleep(POLL).await;
        }
    }

    /// Says why a definition that is not ours stays as it is.
    async fn refuse(&self) -> anyhow::Error {
        let name = CAPTControlPlane::crd_name();
        let found = self.definitions().get_opt(name).await.ok().flatten();
        if found.is_some_and(|crd| crd.labels().get(LABEL.0).is_some_and(|value| value == LABEL.1)) {
            anyhow!(
                "the definition {name} is there already: another run of this example is under way, or one was \
                 killed. In the second case remove what it left, with `kubectl delete crd {name}`"
            )
        } else {
            anyhow!(
                "the definition {name} is there already, and this example did not make it: the cluster may be \
                 in use by a real CAPT. Use another cluster"
            )
        }
    }

    /// Removes everything that is ours.
    async fn remove(&self) -> anyhow::Result<()> {
        let name = CAPTControlPlane::crd_name();
        let Some(crd) = self.definitions().get_opt(name).await? else {
            return Ok(());
        };
        if crd.annotations().get(RUN) != Some(&self.run) {
            return Ok(());
        }
        eprintln!("cleaning up");
        self.remove_objects().await?;
        let ours = Preconditions {
            uid: crd.uid(),
            resource_version: None,
        };
        self.definitions()
            .delete(name, &DeleteParams::default().preconditions(ours))
            .await?;
        while self.definitions().get_opt(name).await?.is_some() {
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Removes the control planes and their outputs. It tries again while there are any: a controller that was stopped
    /// may have had a request under way.
    async fn remove_objects(&self) -> anyhow::Result<()> {
        let (planes, outputs) = (
            self.planes(),
            Api::<ConfigMap>::namespaced(self.client.clone(), &self.namespace),
        );
        let (all, ours) = (DeleteParams::default(), ListParams::default().labels(SELECTOR));
        loop {
            planes
                .delete_collection(&all, &ours)
                .await
                .context("cannot remove the control planes")?;
            outputs
                .delete_collection(&all, &ours)
                .await
                .context("cannot remove the outputs")?;
            sleep(POLL).await;
            if planes.list(&ours).await?.items.is_empty() && outputs.list(&ours).await?.items.is_empty() {
                return Ok(());
            }
        }
    }

    fn definitions(&self) -> Api<CustomResourceDefinition> {
        Api::all(self.client.clone())
    }

    fn planes(&self) -> Api<CAPTControlPlane> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

/// Says what to do about a request that failed.
fn explain(error: kube::Error, what: &str) -> anyhow::Error {
    match error {
        kube::Error::Api(status) if matches!(status.code, 401 | 403) => anyhow!(
            "cannot {what}: {}. Use a context whose user may manage definitions and objects, such as the cluster's \
             admin",
            status.message
        ),
        kube::Error::Api(status) => anyhow!("cannot {what}: {}", status.message),
        error => {
            // What is above it says "service error" in several ways.
            let error = anyhow::Error::new(error);
            let cause = error.root_cause();
            anyhow!("cannot {what}: {cause}. See whether `kubectl get namespaces` works, or leave out --cluster")
        }
    }
}
