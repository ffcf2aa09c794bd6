//! The guide as text: its pages, and the rules that they state.

use std::{fs, path::Path};

/// A module of the guide.
pub(crate) struct Page {
    /// The module's name.
    pub(crate) name: String,
    /// Its documentation, without what makes it a comment.
    pub(crate) lines: Vec<Line>,
}

#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) kind: Kind,
    pub(crate) text: String,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// With its level; the text is without the marks.
    Heading(usize),
    /// The first line of an example; the text is its language.
    Fence,
    /// A line of an example, or the one that ends it.
    Example,
    Text,
}

/// A rule: a heading of the third level and what follows it.
pub(crate) struct Rule {
    pub(crate) heading: String,
    pub(crate) lines: Vec<Line>,
}

/// All pages, by name.
pub(crate) fn pages() -> Vec<Page> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guide");
    let mut pages: Vec<_> = fs::read_dir(&folder)
        .expect("the guide is there")
        .map(|entry| {
            let path = entry.expect("the guide can be read").path();
            let source = fs::read_to_string(&path).expect("the guide can be read");
            Page {
                name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
                lines: lines(source.lines().filter_map(documentation)),
            }
        })
        .collect();
    pages.sort_by(|a, b| a.name.cmp(&b.name));
    pages
}

/// What rustdoc makes of a line of source. The same fence may stand there once for each feature.
fn documentation(line: &str) -> Option<&str> {
    if let Some(text) = line.strip_prefix("//!") {
        return Some(text.strip_prefix(' ').unwrap_or(text));
    }
    let is_fence = line.starts_with("#![cfg_attr(") && line.contains("```") && !line.contains("not(");
    is_fence.then_some("```")
}

fn lines<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Line> {
    let mut in_example = false;
    let line = |text: &str| {
        let marks = text.len() - text.trim_start_matches('#').len();
        let (kind, text) = match text.strip_prefix("```") {
            Some(language) => {
                in_example = !in_example;
                (if in_example { Kind::Fence } else { Kind::Example }, language)
            }
            None if in_example => (Kind::Example, text),
            None if marks > 0 && text[marks..].starts_with(' ') => (Kind::Heading(marks), &text[marks + 1..]),
            None => (Kind::Text, text),
        };
        Line {
            kind,
            text: text.to_owned(),
        }
    };
    texts.map(line).collect()
}

pub(crate) fn rules(page: &Page) -> Vec<Rule> {
    let is_heading = |line: &Line| matches!(line.kind, Kind::Heading(_));
    let starts = page
        .lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.kind == Kind::Heading(3));
    let rule = |(start, line): (usize, &Line)| Rule {
        heading: line.text.clone(),
        lines: page.lines[start + 1..]
            .iter()
            .take_while(|line| !is_heading(line))
            .cloned()
            .collect(),
    };
    starts.map(rule).collect()
}

/// The name of a rule's test: what rustdoc makes the heading's anchor, as an identifier.
pub(crate) fn name(heading: &str) -> String {
    anchor(heading).replace('-', "_")
}

/// What rustdoc makes the heading's anchor.
pub(crate) fn anchor(heading: &str) -> String {
    heading
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            _ if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

impl Rule {
    /// The examples that are played: those in plain text.
    pub(crate) fn examples(&self) -> Vec<String> {
        let starts = self
            .lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.kind == Kind::Fence && line.text == "text");
        let example = |(start, _)| -> String {
            let lines = self.lines[start + 1..]
                .iter()
                .take_while(|line| line.kind == Kind::Example);
            lines.map(|line| format!("{}\n", line.text)).collect()
        };
        starts.map(example).collect()
    }
}
