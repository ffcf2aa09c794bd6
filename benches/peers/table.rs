//! Lines of measurements, and the table that they make.

use std::{cell::RefCell, rc::Rc};

/// Measures once; nanoseconds per call.
pub(crate) type Measure<'a> = Box<dyn FnMut() -> anyhow::Result<f64> + 'a>;

/// A measurement and what it gave, round by round; lines share it.
#[derive(Clone)]
pub(crate) struct Series<'a>(Rc<RefCell<Shared<'a>>>);

struct Shared<'a> {
    measure: Measure<'a>,
    values: Vec<f64>,
}

impl<'a> From<Measure<'a>> for Series<'a> {
    fn from(measure: Measure<'a>) -> Self {
        Self(Rc::new(RefCell::new(Shared {
            measure,
            values: Vec::new(),
        })))
    }
}

impl Series<'_> {
    /// Measures, unless that was done in this round for another line.
    fn measure(&self, round: usize) -> anyhow::Result<()> {
        let mut shared = self.0.borrow_mut();
        if shared.values.len() < round {
            let value = (shared.measure)()?;
            anyhow::ensure!(value.is_finite() && value > 0.0, "{value} is not a time");
            shared.values.push(value);
        }
        Ok(())
    }

    fn median(&self) -> f64 {
        let mut values = self.0.borrow().values.clone();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }
}

/// The same work, done by this crate and by a peer.
#[derive(Clone)]
pub(crate) struct Line<'a> {
    pub(crate) what: String,
    pub(crate) ours: Series<'a>,
    /// What reading the objects alone costs.
    pub(crate) touch: Option<Series<'a>>,
    pub(crate) peer: String,
    pub(crate) theirs: Series<'a>,
    /// What reading their keys alone costs.
    pub(crate) their_touch: Option<Series<'a>>,
    /// How many times faster than the peer this crate is to be.
    pub(crate) required: Option<f64>,
}

impl Line<'_> {
    /// Ours directly before theirs.
    pub(crate) fn measure(&self, round: usize) -> anyhow::Result<()> {
        let touches = [&self.touch, &self.their_touch].into_iter().flatten();
        let mut all = [&self.ours, &self.theirs].into_iter().chain(touches);
        all.try_for_each(|series| series.measure(round))
    }

    fn cells(&self) -> [String; 9] {
        let (ours, theirs) = (self.ours.median(), self.theirs.median());
        let [touch, their_touch] = [&self.touch, &self.their_touch].map(|touch| touch.as_ref().map(Series::median));
        let net = touch.map(|touch| ours - touch);
        let faster = theirs / net.unwrap_or(ours);
        let both_net = net
            .zip(their_touch)
            .map(|(net, their_touch)| (theirs - their_touch) / net);
        let optional = |value: Option<f64>, write: fn(f64) -> String| value.map(write).unwrap_or_default();
        [
            self.what.clone(),
            nanos(ours),
            optional(net, nanos),
            self.peer.clone(),
            nanos(theirs),
            times(theirs / ours),
            times(faster),
            optional(both_net, times),
            self.required.map_or_else(String::new, |required| {
                let verdict = if faster >= required { "holds" } else { "missed" };
                format!("{required:.0}x {verdict}")
            }),
        ]
    }
}

fn nanos(value: f64) -> String {
    format!("{value:.1}")
}

fn times(value: f64) -> String {
    format!("{value:.1}x")
}

pub(crate) fn print(lines: &[Line]) {
    let head = [
        "ns per call",
        "ours",
        "net",
        "peer",
        "theirs",
        "gross",
        "faster",
        "both net",
        "required",
    ];
    let cells = lines.iter().map(Line::cells);
    let rows: Vec<_> = [head.map(str::to_owned)].into_iter().chain(cells).collect();
    print_rows(&rows);
    println!(
        "
net: ours less a loop that only reads uid and resource version of the same objects in the same order.
gross: theirs / ours. faster: theirs / net, or / ours where nothing is subtracted. both net: theirs less a loop that only
reads their keys, / net. Threads: wall time over the calls of all."
    );
    // A busy machine makes all of it slower, and not all of it alike.
    if let Ok(load) = std::fs::read_to_string("/proc/loadavg") {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        println!("Load of the machine: {} on {processors} processors.", load.trim());
    }
}

/// Texts to the left, numbers to the right.
pub(crate) fn print_rows<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) {
    let widths: [usize; COLUMNS] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0));
    for row in rows {
        let mut text = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            text += &match column {
                0 | 3 => format!("{cell:<width$}  "),
                _ => format!("{cell:>width$}  "),
            };
        }
        println!("{}", text.trim_end());
    }
}
