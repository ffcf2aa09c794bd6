//! What the controller wrote, and what of it came back as an event.
//!
//! A watch of the test's own sees the same events as the controller's.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cluster::Things;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::{
    Resource, ResourceExt as _,
    runtime::{WatchStreamExt as _, watcher},
};
use tokio::task::JoinSet;

use crate::objects::{OBJECTS, number};

/// How many events and writes of an object are remembered.
const KEPT: usize = 16;

/// How many there were.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) of_status: u64,
    pub(crate) of_children: u64,
    /// Events that showed one of these.
    pub(crate) came_back: u64,
}

/// Of one object, by their versions.
#[derive(Debug, Default)]
struct Versions {
    written: VecDeque<String>,
    shown: VecDeque<String>,
}

#[derive(Debug)]
struct Pages {
    /// Of each object and of its child.
    versions: Vec<[Versions; 2]>,
    counts: Counts,
}

/// Shared by the reconciler that writes and the watch that sees what comes back.
#[derive(Clone, Debug)]
pub(crate) struct Echoes(Arc<Mutex<Pages>>);

impl Echoes {
    /// Watches until the set is dropped.
    pub(crate) fn watch(things: &Things) -> (Self, JoinSet<()>) {
        let versions = (0..OBJECTS).map(|_| Default::default()).collect();
        let echoes = Self(Arc::new(Mutex::new(Pages {
            versions,
            counts: Counts::default(),
        })));
        let of_things = watcher::watcher(things.api.clone(), watcher::Config::default());
        let of_children = watcher::watcher(things.children.clone(), watcher::Config::default());
        let of_things = of_things
            .default_backoff()
            .applied_objects()
            .map_ok(|thing| event(&thing, 0));
        let of_children = of_children
            .default_backoff()
            .applied_objects()
            .map_ok(|child| event(&child, 1));
        let (seen, mut watching) = (echoes.clone(), JoinSet::new());
        watching.spawn(async move {
            let mut events = stream::select(of_things.boxed(), of_children.boxed());
            while let Some(event) = events.next().await {
                // An error is tried again.
                if let Ok(Some((number, which, version))) = event {
                    seen.shown(number, which, version);
                }
            }
        });
        (echoes, watching)
    }

    /// The controller wrote an object's status, and got its answer.
    pub(crate) fn wrote_status(&self, written: &impl Resource<DynamicType = ()>) {
        self.lock().counts.of_status += 1;
        self.wrote(written, 0);
    }

    /// The same of a child.
    pub(crate) fn wrote_child(&self, written: &impl Resource<DynamicType = ()>) {
        self.lock().counts.of_children += 1;
        self.wrote(written, 1);
    }

    fn wrote(&self, written: &impl Resource<DynamicType = ()>, which: usize) {
        let Some((number, _, version)) = event(written, which) else {
            return;
        };
        let mut pages = self.lock();
        let Pages { versions, counts } = &mut *pages;
        let Versions { written, shown } = &mut versions[number][which];
        // It may have come back before the answer.
        match shown.contains(&version) {
            true => counts.came_back += 1,
            false => keep(written, version),
        }
    }

    fn shown(&self, number: usize, which: usize, version: String) {
        let mut pages = self.lock();
        let Pages { versions, counts } = &mut *pages;
        let Versions { written, shown } = &mut versions[number][which];
        let before = written.len();
        written.retain(|written| *written != version);
        counts.came_back += (before - written.len()) as u64;
        keep(shown, version);
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The object that a version belongs to; children have their owners' names, and there are others.
fn event(object: &impl Resource, which: usize) -> Option<(usize, usize, String)> {
    let name = object.name_any();
    let is_ours = name.starts_with("thing-");
    Some((is_ours.then(|| number(&name))?, which, object.resource_version()?))
}

fn keep(versions: &mut VecDeque<String>, version: String) {
    if versions.len() == KEPT {
        versions.pop_front();
    }
    versions.push_back(version);
}
