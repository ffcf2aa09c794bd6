//! Breaks one rule of the engine after the other and sees the exhaustive check fail: on request, `cargo test -p verify
//! --test breaks`, about an hour.
//!
//! It works on a copy of the sources in the target directory. `BREAKS_SECONDS` sets how long each search takes at most
//! (160 by default), `BREAKS_ONLY` words of the only rules to break, with commas between them.

mod list;

use list::{BREAKS, Break};
use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};
use verify::number_from_env;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let copy = root.join("target/breaks/tree");
    let _ = fs::remove_dir_all(&copy);
    for part in [
        "src",
        "verify",
        "testbed",
        "benches",
        "tests",
        "examples",
        "docs",
        "README.md",
        "Cargo.toml",
        "Cargo.lock",
    ] {
        copy_all(&root.join(part), &copy.join(part)).unwrap_or_else(|error| panic!("{part} cannot be copied: {error}"));
    }
    let only = env::var("BREAKS_ONLY").unwrap_or_default();
    let seconds = number_from_env("BREAKS_SECONDS").unwrap_or_else(|refused| panic!("{refused}"));
    let seconds = seconds.unwrap_or(160);
    let (mut missed, mut rows) = (vec![], vec![]);
    for rule in BREAKS
        .iter()
        .filter(|rule| only.split(',').any(|word| rule.name.contains(word)))
    {
        match search(&copy, rule, seconds) {
            Ok(found) => {
                println!("{}\n{found}\n", rule.name);
                rows.push(row(rule, &found));
            }
            Err(why) => {
                println!("{}: {why}\n", rule.name);
                missed.push(rule.name);
            }
        }
    }
    println!("| broken rule | search | actions | seconds | what is said |\n|---|---|---|---|---|");
    println!("{}", rows.join("\n"));
    if missed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("not found: {}", missed.join("; "));
    ExitCode::FAILURE
}

fn copy_all(from: &PathBuf, to: &PathBuf) -> io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_name() != "target" {
            copy_all(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Returns the counterexample.
fn search(copy: &Path, rule: &Break, seconds: u64) -> Result<String, String> {
    let mut before = vec![];
    for (file, from, to) in rule.edits {
        let path = copy.join("src").join(file);
        let text = fs::read_to_string(&path).map_err(|error| format!("{file}: {error}"))?;
        let found = text.matches(from).count();
        if found != 1 {
            restore(&before)?;
            return Err(format!("{file} has {found} times: {from}"));
        }
        fs::write(&path, text.replace(from, to)).map_err(|error| format!("{file}: {error}"))?;
        before.push((path, text));
    }
    let output = Command::new(env!("CARGO"))
        .args(["test", "--quiet", "-p", "verify", "--test", "exhaustive"])
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", copy.join("../target"))
        .env("EXHAUSTIVE_SECONDS", seconds.to_string())
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    restore(&before)?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.find(": broken by ") {
        Some(_) => Ok(text.trim().to_owned()),
        None if output.status.success() => Err("the search finds nothing".to_owned()),
        None => Err(String::from_utf8_lossy(&output.stderr).into_owned() + &text),
    }
}

/// A row of the table: which search found it, by how many actions, after how long, and what it said.
fn row(rule: &Break, found: &str) -> String {
    let line = found
        .lines()
        .find(|line| line.contains(": broken by "))
        .unwrap_or_default();
    let (search, rest) = line.split_once(": broken by ").unwrap_or_default();
    let (search, _) = search.split_once(':').unwrap_or((search, ""));
    let numbers: Vec<_> = rest
        .split(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .collect();
    let numbers: Vec<_> = numbers.into_iter().filter(|number| !number.is_empty()).collect();
    let said = found.lines().next_back().unwrap_or_default().trim();
    format!("| {} | {search} | {} | {said} |", rule.name, numbers.join(" | "))
}

fn restore(before: &[(PathBuf, String)]) -> Result<(), String> {
    // Of two edits of a file the first one knows what it was.
    for (path, text) in before.iter().rev() {
        fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
