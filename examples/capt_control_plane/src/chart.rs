//! The picture: reconciles over time, and what happened to the control planes meanwhile.

use std::{
    fmt::{Display, Write as _},
    fs,
    path::Path,
    time::Duration,
};

use anyhow::Context as _;

use crate::{
    meter::Run,
    scenario::{Plane, Scenario, Step},
    trial::{Contender, Trial},
    workspace::State,
};

/// How many points a curve has.
const BINS: usize = 20;

/// The bottom of the logarithmic axis, where a bin without a reconcile lies.
const FLOOR: f64 = 0.1;

const TEXT: &str = "#333840";
const GRID: &str = "#e3e6ea";
const CURVES: [&str; 2] = ["#c93a2e", "#1f5fbf"];
const INITIALIZING: &str = "#f4cf73";
const READY: &str = "#a9d4ac";
const FAILED: &str = "#e8948c";
const GONE: &str = "#b39bc8";
const WITHOUT_CA: &str = "#f0b07c";

// Where things are, in pixels: both diagrams have the same time axis.
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 500.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 870.0;
const CURVES_TOP: f64 = 38.0;
const CURVES_BOTTOM: f64 = 308.0;
const PLANES_TOP: f64 = 320.0;
const PLANES_BOTTOM: f64 = 428.0;

/// Draws both trials into one SVG file, and creates its folder.
pub(crate) fn draw(file: &Path, scenario: &Scenario, looped: &Trial, paced: &Trial) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut svg = Svg::default();
    draw_curves(&mut svg, scenario, [looped, paced]);
    draw_planes(&mut svg, scenario);
    draw_legend(&mut svg);
    fs::write(file, svg.finish()).context("cannot write the file")
}

/// Reconciles per second of both controllers, on a logarithmic axis.
fn draw_curves(svg: &mut Svg, scenario: &Scenario, trials: [&Trial; 2]) {
    let curves = trials.map(|trial| rates(&trial.runs, scenario.length));
    let highest = curves.iter().flatten().fold(1.0, |a: f64, b| a.max(*b));
    let decades = (2.0 * highest / FLOOR).log10().ceil();
    let y = |rate: f64| CURVES_BOTTOM - (CURVES_BOTTOM - CURVES_TOP) * (rate.max(FLOOR) / FLOOR).log10() / decades;

    let objects = scenario.planes.len();
    let title = format!("Reconciles per second of {objects} control planes (logarithmic)");
    svg.text((WIDTH / 2.0, 25.0), Anchor::Middle, 15, TEXT, title);
    for decade in 0..=decades as i32 {
        let rate = FLOOR * 10_f64.powi(decade);
        svg.line(&[(LEFT, y(rate)), (RIGHT, y(rate))], GRID, 1);
        if decade > 0 {
            svg.text((LEFT - 8.0, y(rate) + 4.0), Anchor::End, 12, TEXT, rate.round());
        }
    }
    for ((rates, color), name) in curves.into_iter().zip(CURVES).zip(Contender::NAMES) {
        let width = (RIGHT - LEFT) / BINS as f64;
        let steps = rates.iter().enumerate().flat_map(|(bin, rate)| {
            let x = LEFT + bin as f64 * width;
            [(x, y(*rate)), (x + width, y(*rate))]
        });
        svg.line(&steps.collect::<Vec<_>>(), color, 2);
        let last = rates[BINS * 3 / 4..].iter().fold(FLOOR, |a, b| a.max(*b));
        svg.text((RIGHT, y(last) - 7.0), Anchor::End, 14, color, name);
    }
}

/// One line for each control plane: its states, and when someone changed something.
fn draw_planes(svg: &mut Svg, scenario: &Scenario) {
    let x = |at: Duration| LEFT + (RIGHT - LEFT) * at.as_secs_f64() / scenario.length.as_secs_f64();
    let height = (PLANES_BOTTOM - PLANES_TOP) / scenario.planes.len() as f64;
    for (row, plane) in scenario.planes.iter().enumerate() {
        let (top, bottom) = (height * (row as f64 + 0.1), height * (row as f64 + 0.9));
        let (top, bottom) = (PLANES_TOP + top, PLANES_TOP + bottom);
        for (from, to, color) in states(plane, scenario.length) {
            svg.rect((x(from), top), (x(to), bottom), color);
        }
        for (at, _) in plane.steps.iter().filter(|(_, step)| *step != Step::Create) {
            svg.line(&[(x(*at), top), (x(*at), bottom)], TEXT, 2);
        }
    }
    svg.line(&[(LEFT, PLANES_BOTTOM), (RIGHT, PLANES_BOTTOM)], GRID, 1);
    let minutes = scenario.length.as_secs() / 60;
    let steps = [1, 2, 5, 10, 20, 30, 60];
    let step = steps.into_iter().find(|step| minutes / step <= 12).unwrap_or(120);
    for minute in (0..=minutes).step_by(step as usize) {
        let x = x(Duration::from_secs(60 * minute));
        svg.line(&[(x, PLANES_BOTTOM), (x, PLANES_BOTTOM + 5.0)], GRID, 1);
        svg.text((x, PLANES_BOTTOM + 19.0), Anchor::Middle, 12, TEXT, minute);
    }
    let middle = (LEFT + RIGHT) / 2.0;
    svg.text((middle, PLANES_BOTTOM + 36.0), Anchor::Middle, 12, TEXT, "minutes");
}

fn states(plane: &Plane, length: Duration) -> impl Iterator<Item = (Duration, Duration, &'static str)> {
    let created = plane.steps.iter().find(|(_, step)| *step == Step::Create);
    let created = created.map_or(Duration::ZERO, |(at, _)| *at);
    let changes = plane.workspace.changes();
    let ends = changes.map(|(at, _)| at).into_iter().chain([length]);
    let starts = [(created, State::Creating)].into_iter().chain(changes);
    starts.zip(ends).map(|((from, state), to)| (from, to, color(state)))
}

const fn color(state: State) -> &'static str {
    match state {
        State::Creating => INITIALIZING,
        State::Applied => READY,
        State::Failed(_) => FAILED,
        State::Gone => GONE,
        State::WithoutCa => WITHOUT_CA,
    }
}

fn draw_legend(svg: &mut Svg) {
    let (mut x, y) = (LEFT, HEIGHT - 20.0);
    for (name, color) in [
        ("Initializing", INITIALIZING),
        ("Ready", READY),
        ("Failed", FAILED),
        ("Workspace gone", GONE),
        ("Outputs without a CA", WITHOUT_CA),
    ] {
        svg.rect((x, y - 6.0), (x + 18.0, y + 6.0), color);
        svg.text((x + 25.0, y + 4.0), Anchor::Start, 12, TEXT, name);
        x += 50.0 + 6.5 * name.len() as f64;
    }
    svg.line(&[(x + 8.0, y - 6.0), (x + 8.0, y + 6.0)], TEXT, 2);
    let marks = "changed by someone else";
    svg.text((x + 18.0, y + 4.0), Anchor::Start, 12, TEXT, marks);
}

/// Reconciles per second in equal parts of the trial.
fn rates(runs: &[Run], length: Duration) -> [f64; BINS] {
    let mut rates = [0.0; BINS];
    let bin = length.as_secs_f64() / BINS as f64;
    for run in runs {
        let index = (run.started.as_secs_f64() / bin) as usize;
        rates[index.min(BINS - 1)] += 1.0 / bin;
    }
    rates
}

/// The elements of a picture.
#[derive(Default)]
struct Svg(String);

/// Which part of a text is at its position.
enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    fn rect(&mut self, (left, top): (f64, f64), (right, bottom): (f64, f64), color: &str) {
        let (width, height) = (right - left, bottom - top);
        self.add(format_args!(
            r#"<rect x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}" fill="{color}"/>"#
        ));
    }

    fn line(&mut self, points: &[(f64, f64)], color: &str, width: u32) {
        let points: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let points = points.join(" ");
        self.add(format_args!(
            r#"<polyline points="{points}" fill="none" stroke="{color}" stroke-width="{width}"/>"#
        ));
    }

    fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, size: u32, color: &str, text: impl Display) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" font-size="{size}" fill="{color}">{text}</text>"#
        ));
    }

    fn add(&mut self, element: impl Display) {
        // A string takes whatever is written to it.
        let _ = writeln!(self.0, "{element}");
    }

    fn finish(self) -> String {
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>
{}</svg>
"##,
            self.0
        )
    }
}
