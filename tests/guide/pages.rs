//! The guide as text: its pages, and the rules that they state.

use std::{fs, path::Path};

/// A module of the guide.
pub(crate) struct Page {
    /// The module's name.
    pub(crate) name: String,
    /// Its documentation, line by line, without what makes it a comment.
    pub(crate) lines: Vec<String>,
}

/// A rule: a heading of the third level and what follows it.
pub(crate) struct Rule {
    pub(crate) heading: String,
    pub(crate) lines: Vec<String>,
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
                lines: source.lines().filter_map(documentation).collect(),
            }
        })
        .collect();
    pages.sort_by(|a, b| a.name.cmp(&b.name));
    pages
}

/// What rustdoc makes of a line; the attributes that it knows begin and end an example.
fn documentation(line: &str) -> Option<String> {
    if let Some(text) = line.strip_prefix("//!") {
        return Some(text.strip_prefix(' ').unwrap_or(text).to_owned());
    }
    // The same fence stands there once for each feature.
    let is_fence = line.starts_with("#![cfg_attr(") && line.contains("```") && !line.contains("not(");
    is_fence.then(|| "```".to_owned())
}

pub(crate) fn rules(page: &Page) -> Vec<Rule> {
    let mut rules: Vec<Rule> = vec![];
    let (mut in_rule, mut in_example) = (false, false);
    for line in &page.lines {
        in_example ^= line.starts_with("```");
        match line.split_once(' ') {
            Some(("###", heading)) if !in_example => {
                rules.push(Rule {
                    heading: heading.to_owned(),
                    lines: vec![],
                });
                in_rule = true;
            }
            Some(("#" | "##", _)) if !in_example => in_rule = false,
            _ => {
                if let (true, Some(rule)) = (in_rule, rules.last_mut()) {
                    rule.lines.push(line.clone());
                }
            }
        }
    }
    rules
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
    /// The examples that are fenced as `language`.
    pub(crate) fn examples(&self, language: &str) -> Vec<String> {
        let fence = format!("```{language}");
        let mut examples = vec![];
        let mut lines = self.lines.iter();
        while lines.by_ref().any(|line| *line == fence) {
            let example: Vec<_> = lines.by_ref().take_while(|line| *line != "```").cloned().collect();
            examples.push(example.join("\n"));
        }
        examples
    }
}
