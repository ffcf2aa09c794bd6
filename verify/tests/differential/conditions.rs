//! `meta.SetStatusCondition` of apimachinery against `conditions::set`.

use crate::go;
use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use requeue_policy::conditions;
use serde::{Deserialize, Serialize};
use verify::Random;

#[derive(Debug, Serialize)]
struct Case {
    conditions: Vec<Condition>,
    /// To be set one after the other.
    set: Vec<Condition>,
}

/// What the conditions are after one of them was set.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Step {
    changed: bool,
    conditions: Vec<Condition>,
}

impl Case {
    fn random(random: &mut Random) -> Self {
        // Each type at most once: the API server refuses a list that has one twice.
        let mut conditions = Vec::new();
        for type_ in TYPES {
            if random.one_in(2) {
                conditions.push(condition(random, type_));
            }
        }
        let mut set: Vec<Condition> = Vec::new();
        for _ in 0..1 + random.below(20) {
            let type_ = random.pick(&TYPES);
            let mut condition = condition(random, type_);
            let last = set.iter().rev().find(|last| last.type_ == type_);
            if let Some(last) = last.filter(|_| random.one_in(2)) {
                // What it is already, with another time.
                condition = Condition {
                    last_transition_time: condition.last_transition_time,
                    ..last.clone()
                };
            }
            set.push(condition);
        }
        Self { conditions, set }
    }
}

const TYPES: [&str; 4] = ["Ready", "Stalled", "Reconciling", "Synced"];

/// Of few values, so that some of them are set again and others not.
fn condition(random: &mut Random, type_: &str) -> Condition {
    // Whole seconds, which is what both write.
    let second = 1_767_225_600 + random.below(4) as i64;
    let last_transition_time = Timestamp::from_second(second).expect("a time in 2026");
    Condition {
        type_: type_.into(),
        status: random.pick(&["True", "False", "Unknown"]).into(),
        reason: random.pick(&["Available", "Progressing"]).into(),
        message: random.pick(&["", "no quota"]).into(),
        // Zero is not among them: in Go it is the same as none.
        observed_generation: (!random.one_in(3)).then(|| 1 + random.below(2) as i64),
        last_transition_time: Time(last_transition_time),
    }
}

pub(crate) fn conditions_are_apimachinerys(random: &mut Random) -> anyhow::Result<String> {
    let cases: Vec<_> = (0..1000).map(|_| Case::random(random)).collect();
    let theirs: Vec<Vec<Step>> = go::ask("conditions", &cases)?;
    let (mut compared, mut changed) = (0, 0);
    for (case, theirs) in cases.iter().zip(theirs) {
        anyhow::ensure!(theirs.len() == case.set.len(), "{} steps", theirs.len());
        let mut conditions = case.conditions.clone();
        for (condition, theirs) in case.set.iter().zip(theirs) {
            let before = conditions.clone();
            let ours = Step {
                changed: conditions::set(&mut conditions, condition.clone()),
                conditions: conditions.clone(),
            };
            anyhow::ensure!(
                ours == theirs,
                "{}\nset in {}\nours         {}\napimachinery {}",
                serde_json::to_string(condition)?,
                serde_json::to_string(&before)?,
                serde_json::to_string(&ours)?,
                serde_json::to_string(&theirs)?,
            );
            compared += 1;
            changed += usize::from(ours.changed);
        }
    }
    Ok(format!(
        "{compared} conditions set, {changed} of them changed something"
    ))
}
