//! The Go program that asks client-go and apimachinery.

use anyhow::Context as _;
use cluster::{go_build, target_folder};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

/// Asks the program, in one of its modes, about cases; as many answers come back.
pub(crate) fn ask<Case: Serialize, Answer: DeserializeOwned>(
    mode: &str,
    cases: &[Case],
) -> anyhow::Result<Vec<Answer>> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    let program = program.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut child = Command::new(program)
        .arg(mode)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {program:?}"))?;
    // The program reads all before it writes, so neither waits for the other. Taken, so that it is closed at the end.
    let mut questions = child.stdin.take().context("the program's input is a pipe")?;
    let asked = questions.write_all(&serde_json::to_vec(cases)?);
    drop(questions);
    let output = child.wait_with_output().context("waiting for the program")?;
    anyhow::ensure!(output.status.success(), "{mode}: {}", output.status);
    asked.context("writing the cases")?;
    let answers: Vec<Answer> = serde_json::from_slice(&output.stdout).context("reading the answers")?;
    let (found, expected) = (answers.len(), cases.len());
    anyhow::ensure!(found == expected, "{found} answers to {expected} cases");
    Ok(answers)
}

/// Builds the program into cargo's target folder.
fn build() -> anyhow::Result<PathBuf> {
    let program = target_folder().join("differential/client-go");
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/client_go");
    go_build(&module, ".", "", &program)?;
    Ok(program)
}
