//! What happens in a trial, the same for both controllers.

use std::time::Duration;

use crate::workspace::Workspace;

/// What happens to every control plane, and when.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// How long a trial lasts.
    pub(crate) length: Duration,
    /// The control planes.
    pub(crate) planes: Vec<Plane>,
}

/// What happens to one control plane.
#[derive(Clone, Debug)]
pub(crate) struct Plane {
    /// Its name.
    pub(crate) name: String,
    /// What its workspace does by itself; only polling reveals it.
    pub(crate) workspace: Workspace,
    /// What others do in the cluster, in order; the watch reports it.
    pub(crate) steps: Vec<(Duration, Step)>,
}

/// What someone else does to a control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Creates it.
    Create,
    /// Asks for another version of Kubernetes, this far above the first.
    Upgrade(u32),
    /// Edits the ConfigMap with its outputs, which is the controller's own.
    EditOutputs,
}

impl Scenario {
    /// Lays out what happens; the same in every run.
    ///
    /// Even in a trial of two minutes the outage, which follows the phase Ready, is longer than the proposal's 30 s. The
    /// two states after it follow the phase Failed and are longer than its 10 s. So a controller that looks that often
    /// sees each of them, and the last recovery, too.
    pub(crate) fn new(objects: usize, length: Duration) -> Self {
        let planes = (0..objects).map(|index| Plane::new(index, length)).collect();
        Self { length, planes }
    }

    /// Returns everything that others do, in order, with the control plane that they do it to.
    pub(crate) fn steps(&self) -> Vec<(Duration, &Plane, Step)> {
        let planes = self.planes.iter();
        let mut steps: Vec<_> = planes
            .flat_map(|plane| plane.steps.iter().map(move |(at, step)| (*at, plane, *step)))
            .collect();
        steps.sort_by_key(|(at, ..)| *at);
        steps
    }
}

impl Plane {
    fn new(index: usize, length: Duration) -> Self {
        let mut chance = Chance(index as u64);
        let mut within = |from, to| length.mul_f64(chance.between(from, to));
        let created = within(0.0, 0.01);
        let initialized = within(0.08, 0.12);
        let fails = within(0.22, 0.28);
        let gone = fails + within(0.28, 0.31);
        let without_ca = gone + within(0.13, 0.15);
        Self {
            name: format!("capt-example-{index:03}"),
            workspace: Workspace {
                initialized,
                fails,
                gone,
                without_ca,
                recovers: without_ca + within(0.13, 0.15),
            },
            steps: vec![
                (created, Step::Create),
                (within(0.17, 0.20), Step::Upgrade(1)),
                // One in the middle of each trouble.
                (within(0.38, 0.42), Step::Upgrade(2)),
                (gone + within(0.05, 0.08), Step::Upgrade(3)),
                (without_ca + within(0.05, 0.08), Step::Upgrade(4)),
                (within(0.91, 0.94), Step::EditOutputs),
                (within(0.95, 0.97), Step::Upgrade(5)),
            ],
        }
    }
}

/// A short sequence of well mixed numbers (SplitMix64), so that the objects do not do everything at once.
struct Chance(u64);

impl Chance {
    fn between(&mut self, from: f64, to: f64) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // 53 bits are what a float holds.
        let fraction = (mixed >> 11) as f64 / (1_u64 << 53) as f64;
        from + (to - from) * fraction
    }
}
