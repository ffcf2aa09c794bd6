//! The guide claims nothing that no test holds.

mod pages;

use pages::{Page, anchor, name, pages, rules};
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
        } else if !rule.examples("text").is_empty() && !tests.played.contains(&name) {
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
        let blocks = blocks(&page);
        for (block, next) in blocks.iter().zip(blocks.iter().skip(1).map(Some).chain([None])) {
            let leads_in =
                block.text.ends_with(':') && next.is_some_and(|next| next.kind != Kind::Prose || is_item(&next.text));
            let is_bound = match block.kind {
                Kind::Prose | Kind::Row => anchors(&page.name, &block.text).next().is_some() || leads_in,
                Kind::Example | Kind::Head => true,
            };
            if !is_bound {
                loose.push(format!("{}: {}", page.name, block.text));
            }
        }
    }
    assert!(loose.is_empty(), "no link to a rule in\n{}", loose.join("\n"));
}

#[test]
fn every_link_to_a_heading_of_the_guide_leads_there() {
    let pages = pages();
    let headings: BTreeMap<_, BTreeSet<_>> = pages.iter().map(|page| (page.name.clone(), headings(page))).collect();
    let mut broken = vec![];
    for page in &pages {
        for (other, anchor) in page.lines.iter().flat_map(|line| anchors(&page.name, line)) {
            if !headings.get(&other).is_some_and(|headings| headings.contains(&anchor)) {
                broken.push(format!("{} links to {other}#{anchor}", page.name));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
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

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A paragraph or an item of a list.
    Prose,
    /// A row of a table below its head.
    Row,
    Head,
    Example,
}

struct Block {
    kind: Kind,
    text: String,
}

/// What a page says outside of its rules and below its opening.
fn blocks(page: &Page) -> Vec<Block> {
    let mut blocks: Vec<Block> = vec![];
    let (mut in_rule, mut in_example, mut continues) = (true, false, false);
    for line in &page.lines {
        let is_fence = line.starts_with("```");
        if !in_example
            && let Some((marks, _)) = line
                .split_once(' ')
                .filter(|(marks, _)| marks.trim_matches('#').is_empty())
        {
            if !marks.is_empty() {
                in_rule = marks.len() > 2;
                continues = false;
                continue;
            }
        }
        if is_fence {
            in_example = !in_example;
        }
        if in_rule {
            continue;
        }
        let kind = match line.chars().next() {
            _ if is_fence || in_example => Kind::Example,
            Some('|') => match blocks.last() {
                Some(Block {
                    kind: Kind::Head | Kind::Row,
                    ..
                }) if continues => Kind::Row,
                _ => Kind::Head,
            },
            _ => Kind::Prose,
        };
        if line.is_empty() {
            continues = false;
        } else if line.starts_with("|--") || line.starts_with("| --") || line.starts_with("|:") {
            // Neither head nor row.
        } else if let (true, Kind::Prose, false, Some(block)) = (continues, kind, is_item(line), blocks.last_mut()) {
            block.text = format!("{} {}", block.text, line.trim());
        } else {
            blocks.push(Block {
                kind,
                text: line.trim().to_owned(),
            });
            continues = true;
        }
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
    let mut in_example = false;
    let headings = page.lines.iter().filter_map(|line| {
        in_example ^= line.starts_with("```");
        let (marks, heading) = line.split_once(' ')?;
        let is_heading = !in_example && !marks.is_empty() && marks.trim_matches('#').is_empty();
        is_heading.then(|| anchor(heading))
    });
    headings.collect()
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
