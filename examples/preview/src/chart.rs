//! The same as pictures, for a page: delays and herd.

use std::{fs, path::Path, time::Duration};

use anyhow::Context as _;
use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use requeue_policy::{Interval, Phase, RequeueConfig, RequeuePolicy};

use crate::{
    herd::{self, INTERVALS},
    human::{count, exact},
    simulate::capped_after,
};

const SIZE: (u32, u32) = (900, 380);
const LEFT: u32 = 70;
const RIGHT: u32 = 30;

const TEXT: RGBColor = RGBColor(0x33, 0x38, 0x40);
const GRID: RGBColor = RGBColor(0xe3, 0xe6, 0xea);
const TOGETHER: RGBColor = RGBColor(0xc9, 0x3a, 0x2e);
const SPREAD: RGBColor = RGBColor(0x1f, 0x5f, 0xbf);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const fn color(phase: Phase) -> RGBColor {
    match phase {
        Phase::Initializing => RGBColor(0xc8, 0x8a, 0x0a),
        Phase::Failed => TOGETHER,
        _ => RGBColor(0x3a, 0x8f, 0x45),
    }
}

/// Draws into a folder, and makes it; returns the names of the files.
pub(crate) fn draw(folder: &Path, policy: &RequeueConfig, objects: u32) -> anyhow::Result<Vec<&'static str>> {
    fs::create_dir_all(folder)?;
    let mut files = vec![];
    let intervals = Phase::ALL.map(|phase| (phase, policy.interval(phase)));
    let intervals: Vec<_> = intervals
        .into_iter()
        .filter(|(_, interval)| *interval != Interval::never())
        .collect();
    if !intervals.is_empty() {
        let drawn = svg("Delay by the time in the phase", |area| draw_delays(area, &intervals))?;
        files.push(("delays.svg", drawn));
    }
    if let Some(delay) = herd::settled_delay(policy) {
        let drawn = svg("Starts after a restart", |area| draw_herd(area, policy, delay, objects))?;
        files.push(("herd.svg", drawn));
    }
    for (name, svg) in &files {
        fs::write(folder.join(name), svg).with_context(|| format!("writing {name}"))?;
    }
    Ok(files.into_iter().map(|(name, _)| name).collect())
}

fn svg(label: &str, draw: impl FnOnce(&Area<'_>) -> anyhow::Result<()>) -> anyhow::Result<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        draw(&root)?;
        root.present()?;
    }
    // It stands in pages as markup: no wider than the page, and with a name for those who cannot see it.
    let page = format!(r#"<svg role="img" aria-label="{label}" style="max-width:100%;height:auto" "#);
    let svg = svg.replacen("<svg ", &page, 1);
    let lines: Vec<_> = svg.lines().filter(|line| !line.trim().is_empty()).collect();
    Ok(lines.join("\n") + "\n")
}

/// One step per reconcile, if only timers trigger the object. Both axes are logarithmic.
fn draw_delays(area: &Area<'_>, intervals: &[(Phase, Interval)]) -> anyhow::Result<()> {
    let shortest = intervals.iter().map(|(_, interval)| interval.initial().as_secs_f64());
    let shortest = shortest.fold(f64::MAX, f64::min);
    let ends = intervals.iter().map(|(_, interval)| end(interval));
    let (left, right) = (shortest / 2.0, ends.fold(shortest * 10.0, f64::max));
    let longest = intervals
        .iter()
        .map(|(_, interval)| delay(interval, right).max(shortest));
    let longest = longest.fold(shortest, f64::max);
    // Room for the legend, a quarter of the axis at least.
    let top = longest * (longest / shortest).powf(0.33).max(4.0);

    let axes = (left.ln()..right.ln(), left.ln()..top.ln());
    let mut chart = ChartBuilder::on(area)
        .margin_top(14)
        .margin_right(RIGHT)
        .margin_bottom(6)
        .caption(
            "Delay to the next run (both axes logarithmic)",
            ("sans-serif", 17, &TEXT),
        )
        .y_label_area_size(LEFT)
        .x_label_area_size(44)
        .build_cartesian_2d(axes.0.clone(), axes.1.clone())?;
    let (xs, ys) = (ticks(left, right, 18.0), ticks(left, top, 14.0));
    let vertical = xs.iter().map(|x| [(*x, axes.1.start), (*x, axes.1.end)]);
    let horizontal = ys.iter().map(|y| [(axes.0.start, *y), (axes.0.end, *y)]);
    chart.draw_series(vertical.chain(horizontal).map(|line| PathElement::new(line, GRID)))?;
    for x in xs {
        let (left, bottom) = chart.backend_coord(&(x, axes.1.start));
        area.draw(&Text::new(
            time(x),
            (left, bottom + 8),
            style(13, &TEXT, HPos::Center, VPos::Top),
        ))?;
    }
    for y in ys {
        let (left, bottom) = chart.backend_coord(&(axes.0.start, y));
        area.draw(&Text::new(
            time(y),
            (left - 8, bottom),
            style(13, &TEXT, HPos::Right, VPos::Center),
        ))?;
    }
    let middle = ((LEFT + SIZE.0 - RIGHT) / 2) as i32;
    let below = (middle, SIZE.1 as i32 - 10);
    area.draw(&Text::new(
        "time in the phase",
        below,
        style(13, &TEXT, HPos::Center, VPos::Bottom),
    ))?;

    for (phase, interval) in intervals {
        let color = color(*phase);
        let last = interval
            .deadline()
            .map_or(right, |deadline| deadline.as_secs_f64().min(right));
        let steps = steps(interval, left, last);
        if interval.jitter() > 0.0 {
            let less = (1.0 - interval.jitter()).ln();
            let lower = steps.iter().rev().map(|(x, y)| (*x, y + less));
            let band: Vec<_> = steps.iter().copied().chain(lower).collect();
            chart.draw_series([Polygon::new(band, color.mix(0.18))])?;
        }
        let end = *steps.last().context("a phase has a first delay")?;
        chart.draw_series([PathElement::new(steps, color.stroke_width(2))])?;
        if let Some(deadline) = interval.deadline() {
            chart.draw_series([Circle::new(end, 5, color.filled())])?;
            let text = format!("{phase} gives up after {}", exact(deadline));
            let (x, y) = chart.backend_coord(&end);
            let side = if x < middle { HPos::Left } else { HPos::Right };
            area.draw(&Text::new(text, (x, y - 9), style(14, &color, side, VPos::Bottom)))?;
        }
    }
    let mut entries: Vec<_> = intervals
        .iter()
        .map(|(phase, _)| (phase.to_string(), color(*phase).to_rgba()))
        .collect();
    if intervals.iter().any(|(_, interval)| interval.jitter() > 0.0) {
        entries.push(("what jitter may take off".into(), TEXT.mix(0.25)));
    }
    legend(area, &entries)
}

/// Starts in each part of the intervals after a restart.
fn draw_herd(area: &Area<'_>, policy: &RequeueConfig, delay: Duration, objects: u32) -> anyhow::Result<()> {
    let herds = herd::variants(policy).map(|(name, policy)| (name, herd::herd(&policy, delay, objects)));
    let herds: Vec<_> = herds.into_iter().zip([TOGETHER, SPREAD]).collect();
    // Four parts of the terminal's in one: one second of thirty.
    let in_one = 4;
    let per = |bins: &[u32]| {
        bins.chunks(in_one)
            .map(|bins| bins.iter().sum::<u32>())
            .collect::<Vec<_>>()
    };
    let highest = herds
        .iter()
        .flat_map(|((_, starts), _)| per(starts))
        .max()
        .unwrap_or_default();
    let parts = per(&herds[0].0.1).len();
    let part = delay.as_secs_f64() * (INTERVALS + 1) as f64 / parts as f64;

    let title = format!(
        "Starts per {} of {} objects after a restart",
        exact(Duration::from_secs_f64(part)),
        count(objects.into())
    );
    let mut chart = ChartBuilder::on(area)
        .margin_top(14)
        .margin_right(RIGHT)
        .margin_bottom(6)
        .caption(title, ("sans-serif", 17, &TEXT))
        .y_label_area_size(LEFT)
        .x_label_area_size(44)
        .build_cartesian_2d(0.0..(INTERVALS + 1) as f64, 0.0..f64::from(highest) * 1.2)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .x_labels(INTERVALS + 2)
        .x_label_formatter(&|intervals| exact(delay.mul_f64(*intervals)))
        .y_labels(6)
        .y_label_formatter(&|starts| count(*starts as u64))
        .x_desc("time since the restart")
        .label_style(("sans-serif", 13, &TEXT))
        .axis_desc_style(("sans-serif", 13, &TEXT))
        .draw()?;
    for ((_, starts), color) in &herds {
        let width = (INTERVALS + 1) as f64 / parts as f64;
        let steps = per(starts).into_iter().enumerate().flat_map(|(part, starts)| {
            let (from, starts) = (part as f64 * width, f64::from(starts));
            [(from, starts), (from + width, starts)]
        });
        chart.draw_series([PathElement::new(steps.collect::<Vec<_>>(), color.stroke_width(2))])?;
    }
    let entries: Vec<_> = herds
        .into_iter()
        .map(|((name, _), color)| (name, color.to_rgba()))
        .collect();
    legend(area, &entries)
}

/// Below the title.
fn legend(area: &Area<'_>, entries: &[(String, RGBAColor)]) -> anyhow::Result<()> {
    let (mut x, y) = (LEFT as i32 + 14, 52);
    for (name, color) in entries {
        area.draw(&Rectangle::new([(x, y - 5), (x + 18, y + 5)], color.filled()))?;
        area.draw(&Text::new(
            name.as_str(),
            (x + 25, y),
            style(14, &TEXT, HPos::Left, VPos::Center),
        ))?;
        x += 60 + 7 * name.len() as i32;
    }
    Ok(())
}

fn style<'a>(size: u32, color: &'a RGBColor, horizontal: HPos, vertical: VPos) -> TextStyle<'a> {
    ("sans-serif", size)
        .into_font()
        .color(color)
        .pos(Pos::new(horizontal, vertical))
}

/// Until when a phase is worth drawing, in seconds.
fn end(interval: &Interval) -> f64 {
    let settled = interval.longest().as_secs_f64() * 10.0 + capped_after(interval) * 3.0;
    let end = interval.deadline().map_or(settled, |deadline| deadline.as_secs_f64());
    end.min(Duration::from_secs(180 * 86_400).as_secs_f64())
}

/// The delay before jitter in seconds, also past the deadline.
fn delay(interval: &Interval, elapsed: f64) -> f64 {
    let growth = (interval.factor() - 1.0) * elapsed;
    (interval.initial().as_secs_f64() + growth).min(interval.longest().as_secs_f64())
}

/// The delays as a line of steps between two times in the phase, in logarithms; a smooth one where steps were too many
/// to be seen.
fn steps(interval: &Interval, left: f64, right: f64) -> Vec<(f64, f64)> {
    const MOST: usize = 100;
    let mut steps = Vec::new();
    let mut from = 0.0;
    while from < right && steps.len() < 2 * MOST {
        let step = delay(interval, from);
        let to = if step >= interval.longest().as_secs_f64() {
            right
        } else {
            right.min(from + step)
        };
        steps.extend([(from.max(left).ln(), step.ln()), (to.max(left).ln(), step.ln())]);
        from = to;
    }
    if from >= right {
        return steps;
    }
    (0..=MOST)
        .map(|n| left.ln() + (right.ln() - left.ln()) * n as f64 / MOST as f64)
        .map(|x| (x, delay(interval, x.exp()).ln()))
        .collect()
}

/// The times between two that an axis shows, at most so many, in logarithms.
fn ticks(from: f64, to: f64, most: f64) -> Vec<f64> {
    const MINUTE: f64 = 60.0;
    const HOUR: f64 = 60.0 * MINUTE;
    const DAY: f64 = 24.0 * HOUR;
    let seconds = [0.001, 0.01, 0.1, 1.0, 5.0, 10.0, 30.0];
    let minutes = [1.0, 5.0, 10.0, 30.0].map(|minutes| minutes * MINUTE);
    let hours = [1.0, 6.0].map(|hours| hours * HOUR);
    let days = [1.0, 5.0, 30.0, 180.0].map(|days| days * DAY);
    let mut ticks = Vec::<f64>::new();
    for time in seconds.into_iter().chain(minutes).chain(hours).chain(days) {
        let (tick, apart) = (time.ln(), (to / from).ln() / most);
        let has_room = ticks.last().is_none_or(|last| tick - last >= apart);
        if time >= from * 0.999 && time <= to * 1.001 && has_room {
            ticks.push(tick);
        }
    }
    ticks
}

fn time(logarithm: f64) -> String {
    exact(Duration::from_secs_f64(logarithm.exp()))
}
