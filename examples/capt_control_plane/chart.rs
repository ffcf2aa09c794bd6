//! The picture: reconciles over time, and what happened to the control planes meanwhile.

use std::{fs, path::Path, time::Duration};

use anyhow::Context as _;
use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{
    meter::Run,
    scenario::{Plane, Scenario, Step},
    trial::{Contender, Trial},
};

const SIZE: (u32, u32) = (900, 500);
const CURVES_HEIGHT: i32 = 320;
const LEFT: u32 = 70;
const RIGHT: u32 = 30;

/// How many points a curve has.
const BINS: usize = 20;

/// The bottom of the logarithmic axis, where a bin without a reconcile lies.
const FLOOR: f64 = 0.1;

const TEXT: RGBColor = RGBColor(0x33, 0x38, 0x40);
const GRID: RGBColor = RGBColor(0xe3, 0xe6, 0xea);
const LOOPED: RGBColor = RGBColor(0xc9, 0x3a, 0x2e);
const PACED: RGBColor = RGBColor(0x1f, 0x5f, 0xbf);
const INITIALIZING: RGBColor = RGBColor(0xf4, 0xcf, 0x73);
const FAILED: RGBColor = RGBColor(0xe8, 0x94, 0x8c);
const READY: RGBColor = RGBColor(0xa9, 0xd4, 0xac);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws both trials into one SVG file, and makes its folder.
pub(crate) fn draw(file: &Path, scenario: &Scenario, looped: &Trial, paced: &Trial) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let (upper, lower) = root.split_vertically(CURVES_HEIGHT);
        draw_curves(&upper, scenario, looped, paced)?;
        draw_timelines(&lower, scenario)?;
        root.present()?;
    }
    fs::write(file, svg).context("writing the file")
}

/// Reconciles per second of both controllers, on a logarithmic axis.
fn draw_curves(area: &Area, scenario: &Scenario, looped: &Trial, paced: &Trial) -> anyhow::Result<()> {
    let minutes = minutes(scenario.length);
    let trials = [(looped, LOOPED), (paced, PACED)];
    let curves = trials.map(|(trial, color)| (rates(&trial.runs, scenario.length), color));
    let highest = curves
        .iter()
        .flat_map(|(rates, _)| rates)
        .fold(1.0, |a: f64, b| a.max(*b));
    let top = 10_f64.powf((2.0 * highest).log10().ceil());

    let title = format!(
        "Reconciles per second of {} control planes (logarithmic)",
        scenario.planes.len()
    );
    let mut chart = ChartBuilder::on(area)
        .margin_top(14)
        .margin_right(RIGHT)
        .caption(title, ("sans-serif", 17, &TEXT))
        .y_label_area_size(LEFT)
        .x_label_area_size(12)
        .build_cartesian_2d(0.0..minutes, (FLOOR..top).log_scale())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .x_labels(0)
        .y_labels(6)
        .y_label_formatter(&|rate| rate.to_string())
        .label_style(("sans-serif", 13, &TEXT))
        .draw()?;

    for ((rates, color), name) in curves.into_iter().zip(Contender::NAMES) {
        let width = minutes / BINS as f64;
        let steps = rates.iter().enumerate().flat_map(|(bin, rate)| {
            let rate = rate.max(FLOOR);
            [(bin as f64 * width, rate), ((bin + 1) as f64 * width, rate)]
        });
        chart.draw_series(LineSeries::new(steps, color.stroke_width(2)))?;
        // Above the curve's end.
        let last = rates[BINS * 3 / 4..].iter().fold(FLOOR, |a, b| a.max(*b));
        let style = ("sans-serif", 15)
            .into_font()
            .color(&color)
            .pos(Pos::new(HPos::Right, VPos::Bottom));
        chart.draw_series([Text::new(name, (minutes, last * 1.2), style)])?;
    }
    Ok(())
}

/// One line for each control plane: its phases, and when someone changed something.
fn draw_timelines(area: &Area, scenario: &Scenario) -> anyhow::Result<()> {
    let (minutes, planes) = (minutes(scenario.length), scenario.planes.len());
    let mut chart = ChartBuilder::on(area)
        .margin_right(RIGHT)
        .margin_bottom(34)
        .y_label_area_size(LEFT)
        .x_label_area_size(38)
        .build_cartesian_2d(0.0..minutes, 0.0..planes as f64)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .axis_style(GRID)
        .x_labels(11)
        .x_label_formatter(&|minute| ((minute * 10.0).round() / 10.0).to_string())
        .x_desc("minutes")
        .y_labels(0)
        .label_style(("sans-serif", 13, &TEXT))
        .axis_desc_style(("sans-serif", 13, &TEXT))
        .draw()?;
    for (row, plane) in scenario.planes.iter().enumerate() {
        chart.draw_series(phases(plane, scenario.length, row as f64))?;
        chart.draw_series(marks(plane, row as f64))?;
    }
    draw_legend(area)
}

fn phases(plane: &Plane, length: Duration, row: f64) -> impl Iterator<Item = Rectangle<(f64, f64)>> {
    let created = plane.steps.iter().find(|(_, step)| *step == Step::Create);
    let created = created.map_or(Duration::ZERO, |(at, _)| *at);
    let workspace = plane.workspace;
    let spans = [
        (created, workspace.initialized, INITIALIZING),
        (workspace.initialized, workspace.fails, READY),
        (workspace.fails, workspace.recovers, FAILED),
        (workspace.recovers, length, READY),
    ];
    spans.into_iter().map(move |(from, to, color)| {
        let corners = [(minutes(from), row + 0.1), (minutes(to), row + 0.9)];
        Rectangle::new(corners, color.filled())
    })
}

fn marks(plane: &Plane, row: f64) -> impl Iterator<Item = PathElement<(f64, f64)>> {
    let steps = plane.steps.iter().filter(|(_, step)| *step != Step::Create);
    steps.map(move |(at, _)| {
        let at = minutes(*at);
        PathElement::new([(at, row + 0.1), (at, row + 0.9)], TEXT.stroke_width(2))
    })
}

fn draw_legend(area: &Area) -> anyhow::Result<()> {
    let (_, height) = area.dim_in_pixel();
    let (mut x, y) = (LEFT as i32, height as i32 - 20);
    let style = ("sans-serif", 13)
        .into_font()
        .color(&TEXT)
        .pos(Pos::new(HPos::Left, VPos::Center));
    for (name, color) in [("Initializing", INITIALIZING), ("Failed", FAILED), ("Ready", READY)] {
        area.draw(&Rectangle::new([(x, y - 6), (x + 18, y + 6)], color.filled()))?;
        area.draw(&Text::new(name, (x + 25, y), style.clone()))?;
        x += 125;
    }
    area.draw(&PathElement::new(
        [(x + 8, y - 6), (x + 8, y + 6)],
        TEXT.stroke_width(2),
    ))?;
    let marks = "spec changed, or outputs edited, by someone else";
    area.draw(&Text::new(marks, (x + 18, y), style))?;
    Ok(())
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

fn minutes(duration: Duration) -> f64 {
    duration.as_secs_f64() / 60.0
}
