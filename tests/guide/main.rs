//! The guide claims nothing that no test holds.

mod pages;

use pages::{Kind, Line, Page, anchor, name, pages, rules};
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
fn what_stands_outside_of_rules_leads_to_one() {
    let mut loose = vec![];
    for page in pages() {
        let (all, played) = (
            fences(&page.lines),
            rules(&page).iter().map(|rule| fences(&rule.lines)).sum(),
        );
        assert_eq!(
            all, played,
            "{}: an example in text that is in no rule is not played",
            page.name
        );
        let blocks = blocks(&page);
        for (n, block) in blocks.iter().enumerate() {
            let next = blocks.get(n + 1);
            let leads_in = block.text.ends_with(':')
                && next.is_some_and(|next| next.is_example || next.is_row() || is_item(&next.text));
            let is_bound = block.is_example
                || block.is_head(next)
                || block.is_rule_of_a_table()
                || leads_in
                || anchors(&page.name, &block.text).next().is_some();
            if !is_bound {
                loose.push(format!("{}: {}", page.name, block.text));
            }
        }
    }
    assert!(loose.is_empty(), "no link to a rule in\n{}", loose.join("\n"));
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
        for folder in ["src", "tests"] {
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
        let (mut is_test, mut is_list) = (false, false);
        for line in source.lines().map(str::trim) {
            if is_list {
                is_list = line != "}";
                if is_list {
                    self.played.insert(line.to_owned());
                    self.all.insert(line.to_owned());
                }
            } else if line == "played! {" {
                is_list = true;
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

/// A paragraph, an item of a list, a row of a table or an example.
struct Block {
    text: String,
    is_example: bool,
}

impl Block {
    /// The head of a table claims nothing.
    fn is_head(&self, next: Option<&Block>) -> bool {
        self.text.starts_with('|') && next.is_some_and(|next| next.is_rule_of_a_table())
    }

    fn is_rule_of_a_table(&self) -> bool {
        self.text.starts_with('|') && self.text.trim_matches(['|', '-', ':', ' ']).is_empty()
    }

    fn is_row(&self) -> bool {
        self.text.starts_with('|')
    }
}

/// What a page says outside of its rules and below its opening.
fn blocks(page: &Page) -> Vec<Block> {
    let mut blocks: Vec<Block> = vec![];
    let (mut is_outside, mut continues) = (false, false);
    for line in &page.lines {
        if let Kind::Heading(level) = line.kind {
            (is_outside, continues) = (level < 3, false);
            continue;
        }
        let (is_example, text) = (line.kind != Kind::Text, line.text.trim());
        if !is_outside || text.is_empty() && !is_example {
            continues = false;
            continue;
        }
        let is_new = is_item(text) || text.starts_with('|');
        match blocks
            .last_mut()
            .filter(|block| continues && !is_new && block.is_example == is_example)
        {
            Some(block) => block.text = format!("{} {text}", block.text),
            None => blocks.push(Block {
                text: text.to_owned(),
                is_example,
            }),
        }
        continues = true;
    }
    blocks
}

fn is_item(line: &str) -> bool {
    line.starts_with("- ")
        || line
            .split_once(". ")
            .is_some_and(|(number, _)| number.parse::<u8>().is_ok())
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
