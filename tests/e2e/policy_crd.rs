//! A policy in a custom resource, on the real API server: its schema, its defaults, and what it refuses.

mod bad;
mod policies;

use anyhow::Context as _;
use kube::{
    Api, Client, CustomResource, CustomResourceExt as _,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
};
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::TestRunner,
};
use requeue_policy::{Interval, MaxRate, RateLimit, RequeueConfig, RequeuePolicy as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

use cluster::{Cluster, install_crd};

use crate::report;
pub(crate) use bad::bad_policies_are_refused_by_the_api_server;

#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "e2e.example.com",
    version = "v1",
    kind = "OperatorConfig",
    namespaced,
    derive = "PartialEq"
)]
struct OperatorConfigSpec {
    #[serde(default)]
    requeue: RequeueConfig,
    /// For a second controller of the same operator, if it is to differ.
    other: Option<RequeueConfig>,
    /// For each of several.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    by_controller: BTreeMap<String, RequeueConfig>,
}

/// So many random policies are shown to the API server.
const RANDOM: usize = 400;

/// The kind as its author has it, and as whoever writes its objects by hand.
struct Configs {
    typed: Api<OperatorConfig>,
    written: Api<DynamicObject>,
}

impl Configs {
    async fn install(client: Client) -> anyhow::Result<Self> {
        install_crd(&client, &OperatorConfig::crd()).await?;
        let resource = ApiResource::erase::<OperatorConfig>(&());
        Ok(Self {
            typed: Api::default_namespaced(client.clone()),
            written: Api::default_namespaced_with(client, &resource),
        })
    }

    /// Creates an object.
    async fn create(&self, name: &str, spec: Value) -> Result<Value, kube::Error> {
        let kind = ApiResource::erase::<OperatorConfig>(&());
        let object = DynamicObject::new(name, &kind).data(json!({ "spec": spec }));
        let created = self.written.create(&PostParams::default(), &object).await;
        Ok(created?.data["spec"].take())
    }
}

/// What the server says is wrong with an object, by field; the error if it says something else.
fn refusal(error: kube::Error) -> anyhow::Result<Vec<(String, String)>> {
    let kube::Error::Api(status) = error else {
        return Err(error.into());
    };
    anyhow::ensure!(status.code == 422, "{status:?}");
    let causes = status.details.iter().flat_map(|details| &details.causes);
    // Left out: that further rules were not checked.
    let causes = causes.filter(|cause| cause.field != "<nil>");
    Ok(causes
        .map(|cause| (cause.field.clone(), cause.message.clone()))
        .collect())
}

pub(crate) async fn a_policy_in_a_crd_is_accepted_and_read_back(cluster: &mut Cluster) -> anyhow::Result<()> {
    let configs = Configs::install(cluster.client()).await?;
    ensure_defaults(&configs).await?;
    let count = ensure_round_trips(&configs).await?;
    ensure_null_means_no_limit_but_in_a_merge_patch(&configs).await?;
    ensure_a_typo_is_refused_only_where_the_client_is_strict(&configs).await?;
    report(format!("{count} policies were written and read back the same"));
    Ok(())
}

async fn ensure_defaults(configs: &Configs) -> anyhow::Result<()> {
    let filled = |default: &str| {
        json!({
            "default": { "initial": default },
            "error": { "initial": "10s" },
            "initialization": { "initial": "5s" },
            "rate_limit": { "burst": 30, "every": "1s" },
        })
    };
    let (all, some) = (filled("30s"), filled("1h30m"));
    let table = [
        ("nothing", json!({}), json!({ "requeue": all })),
        ("empty", json!({ "requeue": {} }), json!({ "requeue": all })),
        ("nulls", json!({ "requeue": null }), json!({ "requeue": all })),
        (
            "some",
            json!({ "requeue": { "default": { "initial": "1h30m" }, "error": null } }),
            json!({ "requeue": some }),
        ),
        ("other", json!({ "other": {} }), json!({ "requeue": all, "other": all })),
    ];
    for (name, spec, expected) in table {
        let filled = configs.create(name, spec).await.context(name)?;
        anyhow::ensure!(filled == expected, "{name}: {filled}");
        // The server's defaults are those of the crate.
        let read = configs.typed.get(name).await?;
        let is_default = read.spec.requeue == RequeueConfig::default();
        anyhow::ensure!(is_default == (name != "some"), "{name}: {:?}", read.spec);
    }
    Ok(())
}

async fn ensure_round_trips(configs: &Configs) -> anyhow::Result<usize> {
    let backoff = Interval::constant(Duration::from_secs(10))
        .with_factor(2.0)
        .with_max(Duration::from_secs(300))
        .with_jitter(0.2)
        .with_deadline(Duration::from_secs(21_600));
    let longest = Duration::from_secs(180 * 86_400);
    let policies = [
        RequeueConfig::default(),
        RequeueConfig::default().with_error(backoff).with_rate_limit(None),
        RequeueConfig::default()
            .with_default(Interval::constant(longest))
            .with_error(
                Interval::constant(Duration::from_millis(1))
                    .with_max(longest)
                    .with_factor(1e300),
            )
            .with_initialization(Interval::constant(longest - Duration::from_nanos(1)).with_jitter(0.5))
            .with_rate_limit(RateLimit::new(65_535, Duration::from_micros(1001)))
            .with_max_rate(MaxRate::new(0.5).with_burst(1_000_000)),
    ];
    let specs = policies.map(|requeue| OperatorConfigSpec {
        requeue,
        other: Some(requeue).filter(|policy| policy.rate_limit().is_some()),
        by_controller: BTreeMap::from([("site".into(), requeue)]),
    });
    // Each after another one, so that nothing is right because it was there before.
    for (number, spec) in specs.iter().enumerate() {
        let name = format!("typed-{number}");
        let object = OperatorConfig::new(&name, spec.clone());
        let created = configs.typed.create(&PostParams::default(), &object).await?;
        anyhow::ensure!(created.spec == *spec, "created: {:?}", created.spec);
        let mut object = created;
        for next in &specs {
            object.spec = next.clone();
            object = configs.typed.replace(&name, &PostParams::default(), &object).await?;
            anyhow::ensure!(object.spec == *next, "replaced: {:?}", object.spec);
        }
        for next in &specs {
            let object = OperatorConfig::new(&name, next.clone());
            let params = PatchParams::apply("e2e").force().validation_strict();
            let applied = configs.typed.patch(&name, &params, &Patch::Apply(&object)).await?;
            // A rate that is not written stays as its other field manager, who replaced the object, has it.
            let rate = next.requeue.max_rate().or(applied.spec.requeue.max_rate());
            let expected = next.requeue.with_max_rate(rate);
            anyhow::ensure!(applied.spec.requeue == expected, "applied: {:?}", applied.spec);
        }
    }
    Ok(specs.len())
}

/// `null` is off, but in a merge patch, where it brings the default back; that of a rate is off, too.
async fn ensure_null_means_no_limit_but_in_a_merge_patch(configs: &Configs) -> anyhow::Result<()> {
    let default = RequeueConfig::default();
    let unlimited = default.with_rate_limit(None);
    let rated = default.with_max_rate(MaxRate::new(50.0));
    let table = [
        ("unlimited", "rate_limit", Value::Null, unlimited),
        ("rate", "max_rate", json!({ "per_second": 50 }), rated),
        ("rate-null", "max_rate", Value::Null, default),
    ];
    for (name, field, value, expected) in table {
        let created = configs.create(name, json!({ "requeue": { field: value } })).await?;
        anyhow::ensure!(created["requeue"][field] == value, "{created}");
        let read = configs.typed.get(name).await?;
        anyhow::ensure!(read.spec.requeue == expected, "{:?}", read.spec);
        let merge = Patch::Merge(json!({ "spec": { "requeue": { field: null } } }));
        let patched = configs.typed.patch(name, &PatchParams::default(), &merge).await?;
        anyhow::ensure!(patched.spec.requeue == default, "{:?}", patched.spec);
    }
    Ok(())
}

async fn ensure_a_typo_is_refused_only_where_the_client_is_strict(configs: &Configs) -> anyhow::Result<()> {
    let typo = json!({ "requeue": { "error": { "initial": "20s", "jiter": 0.2 } } });
    let created = configs.create("typo", typo.clone()).await?;
    anyhow::ensure!(created["requeue"]["error"] == json!({ "initial": "20s" }), "{created}");
    let object = json!({ "apiVersion": "e2e.example.com/v1", "kind": "OperatorConfig", "spec": typo });
    let params = PatchParams::default().validation_strict();
    let patched = configs.typed.patch("typo", &params, &Patch::Merge(object)).await;
    let Err(kube::Error::Api(status)) = patched else {
        anyhow::bail!("not refused: {patched:?}");
    };
    let expected = r#"strict decoding error: unknown field "spec.requeue.error.jiter""#;
    anyhow::ensure!(status.message.contains(expected), "{}", status.message);
    Ok(())
}

pub(crate) async fn what_the_api_server_admits_serde_reads(cluster: &mut Cluster) -> anyhow::Result<()> {
    let configs = Configs::install(cluster.client()).await?;
    // The same in every run.
    let mut random = TestRunner::deterministic();
    let (mut admitted, mut refused) = (0, 0);
    for number in 0..RANDOM {
        let policy = policies::object().new_tree(&mut random).map_err(anyhow::Error::msg)?;
        let policy = policy.current();
        let name = format!("random-{number}");
        match configs.create(&name, json!({ "requeue": policy })).await {
            Ok(spec) => {
                admitted += 1;
                let read = configs.typed.get(&name).await;
                let read = read.with_context(|| format!("{policy} became {spec}"))?;
                read.spec
                    .requeue
                    .validate()
                    .with_context(|| format!("{policy} became {spec}"))?;
            }
            Err(error) => {
                refused += 1;
                let wrong = refusal(error).with_context(|| format!("{policy}"))?;
                let named = wrong.iter().any(|(field, _)| field.starts_with("spec.requeue."));
                anyhow::ensure!(named, "{policy}: {wrong:?}");
            }
        }
    }
    report(format!(
        "of {RANDOM} random policies {admitted} were admitted, and read by serde, and {refused} refused"
    ));
    anyhow::ensure!(
        admitted > RANDOM / 5 && refused > RANDOM / 5,
        "{admitted} admitted, {refused} refused"
    );
    Ok(())
}
