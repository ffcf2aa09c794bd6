//! What the controller's own cache takes of the heap, beside which this crate's share is small.

use crate::{HEAP, held};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    ResourceExt,
    runtime::{reflector, watcher::Event},
};
use libtest_mimic::Failed;
use stats_alloc::Region;

const CHAPTER: &str = include_str!("../../../src/guide/choosing_intervals.rs");
/// As `kubectl get -o json` shows one with a single container.
const DEPLOYMENT: &str = include_str!("deployment.json");
const OBJECTS: usize = 1000;

pub(crate) fn the_cache_of_whole_objects_takes_far_more_memory_than_what_is_remembered() -> Result<(), Failed> {
    let whole = kilobytes_per_object(|_| {})?;
    let trimmed = kilobytes_per_object(|deployment| deployment.managed_fields_mut().clear())?;
    let json = serde_json::from_str::<serde_json::Value>(DEPLOYMENT)?.to_string();
    let claim = format!(
        "a Deployment of {} bytes of JSON takes {whole:.1} kB of heap there, {trimmed:.1} kB without its `managedFields`",
        json.len()
    );
    let lines = CHAPTER.lines().map(|line| line.trim_start_matches("//!"));
    let words: Vec<_> = lines.flat_map(str::split_whitespace).collect();
    if !words.join(" ").contains(&claim) {
        return Err(format!("the chapter does not say {claim:?}").into());
    }
    Ok(())
}

fn kilobytes_per_object(modify: impl Fn(&mut Deployment)) -> Result<f64, Failed> {
    let (_reader, mut writer) = reflector::store::<Deployment>();
    let mut put = |n: usize| -> Result<(), Failed> {
        let mut deployment: Deployment = serde_json::from_str(&DEPLOYMENT.replace("0000000", &format!("{n:07}")))?;
        modify(&mut deployment);
        writer.apply_watcher_event(&Event::Apply(deployment));
        Ok(())
    };
    // What is there once per kind is not an object's.
    put(0)?;
    let region = Region::new(HEAP);
    (1..=OBJECTS).try_for_each(put)?;
    Ok(held(&region) as f64 / OBJECTS as f64 / 1000.0)
}
