//! The guide claims nothing that no test holds.

use crate::pages::{Kind, Line, Page, anchor, name, pages, rules};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

#[test]
fn every_rule_of_the_guide_has_a_test_of_the_same_name() {
    let tests = Tests::read();
    let mut seen = BTreeSet::new();
    let mut missing = vec![];
    for (page, rule) in pages()
        .iter()
        .flat_map(|page| rules(page).into_iter().map(move |rule| (page, rule)))
    {
        let name = name(&rule.heading);
        assert!(seen.insert(name.clone()), "two rules have the name {name}");
        if !tests.all.contains(&name) {
            missing.push(format!("{}: {} needs a test {name}", page.name, rule.heading));
        } else if !rule.examples().is_empty() && !tests.played.contains(&name) {
            missing.push(format!("{}: the example of {name} is not played", page.name));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    let unknown: Vec<_> = tests.played.difference(&seen).collect();
    assert!(unknown.is_empty(), "played, but no rule of the guide: {unknown:?}");
    assert!(seen.len() > 80, "{} rules: the guide was not read", seen.len());
}

#[test]
fn every_example_in_text_is_part_of_a_rule() {
    for page in pages() {
        let in_rules: usize = rules(&page).iter().map(|rule| fences(&rule.lines)).sum();
        assert_eq!(
            fences(&page.lines),
            in_rules,
            "{}: an example in text that is in no rule is not played",
            page.name
        );
    }
}

#[test]
fn every_line_of_a_diff_is_added_removed_or_there() {
    for page in pages() {
        let mut in_diff = false;
        for line in &page.lines {
            match line.kind {
                Kind::Fence => in_diff = line.text == "diff",
                // A line that was wrapped into the one before it has its sign in the middle.
                Kind::Example if in_diff && !line.text.is_empty() => {
                    let is_sound = line.text.starts_with(['+', '-', ' ']) && !line.text[1..].contains(" +");
                    assert!(is_sound, "{}: {}", page.name, line.text);
                }
                _ => {}
            }
        }
    }
}

#[test]
fn every_link_to_a_heading_of_the_guide_leads_there() {
    let pages = pages();
    let headings: BTreeMap<_, BTreeSet<_>> = pages.iter().map(|page| (page.name.clone(), headings(page))).collect();
    let mut broken = vec![];
    for page in &pages {
        for (other, anchor) in page.lines.iter().flat_map(|line| anchors(&page.name, &line.text)) {
            if !headings.get(&other).is_some_and(|headings| headings.contains(&anchor)) {
                broken.push(format!("{} links to {other}#{anchor}", page.name));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The number of examples in plain text, which are those that are played.
fn fences(lines: &[Line]) -> usize {
    lines
        .iter()
        .filter(|line| line.kind == Kind::Fence && line.text == "text")
        .count()
}

/// The names of all tests of this crate.
struct Tests {
    all: BTreeSet<String>,
    /// Those that play the examples of the guide.
    played: BTreeSet<String>,
}

impl Tests {
    fn read() -> Self {
        let mut tests = Self {
            all: BTreeSet::new(),
            played: BTreeSet::new(),
        };
        for folder in ["src", "tests", "verify", "examples"] {
            tests.read_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
        }
        tests
    }

    fn read_folder(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).expect("the sources can be read") {
            let path = entry.expect("the sources can be read").path();
            if path.is_dir() {
                self.read_folder(&path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                self.read_source(&fs::read_to_string(&path).expect("the sources can be read"));
            }
        }
    }

    fn read_source(&mut self, source: &str) {
        let (mut is_test, mut list) = (false, None);
        for line in source.lines().map(str::trim) {
            if let Some(end) = list {
                // `module::name,` in a list of trials, `name` in a list of examples.
                let name = line.trim_end_matches(',').rsplit("::").next().unwrap_or_default();
                if line == end {
                    list = None;
                } else if end == "}" {
                    self.played.insert(name.to_owned());
                }
                self.all.insert(name.to_owned());
            } else if line == "played! {" {
                list = Some("}");
            } else if line == "let trials = trials!(" {
                list = Some(");");
            } else if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if let Some((_, rest)) = line.split_once("fn ") {
                if is_test {
                    self.all.extend(rest.split_once('(').map(|(name, _)| name.to_owned()));
                }
                is_test = false;
            }
        }
    }
}

/// The anchors of all headings.
fn headings(page: &Page) -> BTreeSet<String> {
    let headings = page.lines.iter().filter(|line| matches!(line.kind, Kind::Heading(_)));
    headings.map(|line| anchor(&line.text)).collect()
}

/// The pages and anchors to which a text links.
fn anchors<'a>(page: &'a str, text: &'a str) -> impl Iterator<Item = (String, String)> + 'a {
    text.split("](").skip(1).filter_map(move |rest| {
        let (link, _) = rest.split_once(')')?;
        let (path, anchor) = link.split_once('#')?;
        let page = match path.trim_start_matches("super::") {
            "" => page,
            other if !other.contains([':', '/']) => other,
            _ => return None,
        };
        Some((page.to_owned(), anchor.to_owned()))
    })
}
