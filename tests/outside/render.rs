//! Documents as text, in each format.

use crate::document::Document;
use proptest::{prelude::*, sample::Index};

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is written")
}

pub(crate) fn json(document: &Document) -> String {
    match document {
        Document::Bare(text) => text.clone(),
        Document::Text(text) => quoted(text),
        Document::List(list) => format!("[{}]", list.iter().map(json).collect::<Vec<_>>().join(", ")),
        Document::Map(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| format!("{}: {}", quoted(key), json(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// In blocks; the scalars quoted or, where that looks harmless, plain.
pub(crate) fn yaml(document: &Document, plain: bool) -> String {
    match document {
        Document::Map(map) if !map.is_empty() => {
            let mut text = String::new();
            block(map, 0, plain, &mut text);
            text
        }
        other => flow(other, plain),
    }
}

fn block(map: &[(String, Document)], indent: usize, plain: bool, text: &mut String) {
    for (key, value) in map {
        text.push_str(&format!("{:indent$}{}:", "", scalar(key, plain)));
        match value {
            Document::Map(map) if !map.is_empty() => {
                text.push('\n');
                block(map, indent + 2, plain, text);
            }
            value => text.push_str(&format!(" {}\n", flow(value, plain))),
        }
    }
}

fn flow(document: &Document, plain: bool) -> String {
    match document {
        Document::Bare(text) => text.clone(),
        Document::Text(text) => scalar(text, plain),
        Document::List(list) => format!(
            "[{}]",
            list.iter()
                .map(|value| flow(value, plain))
                .collect::<Vec<_>>()
                .join(", ")
        ),
        Document::Map(map) => {
            let entries = map.iter();
            let entries = entries.map(|(key, value)| format!("{}: {}", scalar(key, plain), flow(value, plain)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

fn scalar(text: &str, plain: bool) -> String {
    let is_harmless = text.starts_with(char::is_alphanumeric) && text.chars().all(|c| c.is_alphanumeric() || c == '_');
    if plain && is_harmless {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// How the maps of a TOML document are written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Style {
    Inline,
    Dotted,
    Table,
    ArrayOfTables,
}

pub(crate) fn toml(document: &Document, style: Style) -> String {
    let Document::Map(map) = document else {
        return format!("default = {}", inline(document));
    };
    let (mut values, mut tables) = (String::new(), String::new());
    for (key, value) in map {
        let key = toml_key(key);
        match (value, style) {
            (Document::Map(map), Style::Dotted) if !map.is_empty() => {
                for (name, value) in map {
                    values.push_str(&format!("{key}.{} = {}\n", toml_key(name), inline(value)));
                }
            }
            (Document::Map(map), Style::Table | Style::ArrayOfTables) => {
                let header = if matches!(style, Style::Table) {
                    format!("[{key}]\n")
                } else {
                    format!("[[{key}]]\n")
                };
                tables.push_str(&header);
                for (name, value) in map {
                    tables.push_str(&format!("{} = {}\n", toml_key(name), inline(value)));
                }
            }
            (value, _) => values.push_str(&format!("{key} = {}\n", inline(value))),
        }
    }
    values + &tables
}

fn toml_key(key: &str) -> String {
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_bare { key.to_owned() } else { quoted(key) }
}

fn inline(document: &Document) -> String {
    match document {
        Document::Bare(text) => text.clone(),
        Document::Text(text) => quoted(text),
        Document::List(list) => format!("[{}]", list.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Document::Map(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| format!("{} = {}", toml_key(key), inline(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// What happens to a document once it is text.
#[derive(Clone, Debug)]
pub(crate) enum Slip {
    Insert(String),
    Flip(u8),
    Delete(usize),
    Repeat(usize),
    CarriageReturns,
}

const FRAGMENTS: [&str; 54] = [
    "&a ",
    "*a",
    "*b ",
    "!!str ",
    "!!float ",
    "!!int ",
    "!!null ",
    "!!binary ",
    "!!map ",
    "!x ",
    "<<: *a\n",
    "<<: {max: 5m}\n",
    "|\n",
    ">-\n",
    "# c\n",
    "\t",
    "? ",
    "- ",
    "~",
    "{",
    "}",
    "[",
    "]",
    ": ",
    ", ",
    "%YAML 1.1\n",
    "\n---\n",
    "\n...\n",
    "---\n",
    "\0",
    "\u{feff}",
    "\u{2028}",
    "\u{85}",
    "yes",
    "0o7",
    "\"",
    "'",
    "\\uD800",
    "\\uD83D\\uDE00",
    "\\u0000",
    "\\",
    "\"\"\"",
    "'''",
    "[[error]]\n",
    "[error]\n",
    "error.max = '5m'\n",
    "= ",
    "null",
    "\x1b[31m",
    "\r",
    "\n",
    " ",
    "default: 7s\n",
    "${HOME}",
];

pub(crate) fn slips() -> impl Strategy<Value = Vec<(Index, Slip)>> {
    let slip = prop_oneof![
        6 => prop::sample::select(&FRAGMENTS[..]).prop_map(|text| Slip::Insert(text.to_owned())),
        1 => any::<String>().prop_map(Slip::Insert),
        2 => any::<u8>().prop_map(Slip::Flip),
        2 => (1_usize..12).prop_map(Slip::Delete),
        1 => (1_usize..40).prop_map(Slip::Repeat),
        1 => Just(Slip::CarriageReturns),
    ];
    prop_oneof![Just(vec![]), prop::collection::vec((any::<Index>(), slip), 0..4),]
}

pub(crate) fn slip(text: String, slips: &[(Index, Slip)]) -> String {
    let mut bytes = text.into_bytes();
    for (place, slip) in slips {
        let at = place.index(bytes.len() + 1);
        let rest = bytes.len() - at;
        match slip {
            Slip::Insert(text) => drop(bytes.splice(at..at, text.bytes())),
            Slip::Flip(mask) if rest > 0 => bytes[at] ^= mask,
            Slip::Flip(_) => {}
            Slip::Delete(len) => drop(bytes.drain(at..at + rest.min(*len))),
            Slip::Repeat(len) => {
                let copy = bytes[at..at + rest.min(*len)].to_vec();
                drop(bytes.splice(at..at, copy));
            }
            Slip::CarriageReturns => {
                bytes = String::from_utf8_lossy(&bytes).replace('\n', "\r\n").into_bytes();
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
