//! The Go program that asks client-go and apimachinery.

use anyhow::Context as _;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

/// Why the program cannot be built on this machine, if it merely lacks something.
pub(crate) fn missing() -> Option<&'static str> {
    let go_runs = Command::new("go")
        .arg("version")
        .output()
        .is_ok_and(|output| output.status.success());
    (!go_runs).then_some("needs client-go: install Go to have a program built that asks it")
}

/// Asks the program, in one of its modes, about cases; as many answers come back.
pub(crate) fn ask<Case: Serialize, Answer: DeserializeOwned>(
    mode: &str,
    cases: &[Case],
) -> anyhow::Result<Vec<Answer>> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let program = PROGRAM
        .get_or_init(|| build().map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(|error| anyhow::anyhow!("{error}"))?;
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
    anyhow::ensure!(
        answers.len() == cases.len(),
        "{} answers to {} cases",
        answers.len(),
        cases.len()
    );
    Ok(answers)
}

/// Builds the program into cargo's target folder. Go knows what is up to date.
fn build() -> anyhow::Result<PathBuf> {
    let folder = target_folder().join("differential");
    let module = folder.join("module");
    fs::create_dir_all(&module).with_context(|| format!("creating {module:?}"))?;
    // Two test programs may get here at once. The lock goes with the process, however that ends.
    let lock = File::create(folder.join("lock")).context("creating the lock file")?;
    lock.lock().context("waiting for another build")?;

    // A copy, because the crate may lie in a folder that is read-only.
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/client_go");
    for name in ["go.mod", "go.sum", "main.go"] {
        let copy = || -> io::Result<()> { fs::write(module.join(name), fs::read(source.join(name))?) };
        copy().with_context(|| format!("copying {name} from {source:?}"))?;
    }
    let program = folder.join("client-go");
    let output = Command::new("go")
        .args(["build", "-mod=readonly", "-trimpath", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(&module)
        // A workspace above this crate would bring versions of its own.
        .env("GOWORK", "off")
        // Needs no C compiler.
        .env("CGO_ENABLED", "0")
        .output()
        .context("running go")?;
    anyhow::ensure!(
        output.status.success(),
        "go build: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(program)
}

/// Cargo's target folder, wherever its settings put it.
fn target_folder() -> PathBuf {
    option_env!("CARGO_TARGET_TMPDIR")
        .and_then(|temporary| Path::new(temporary).parent())
        .map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
            Path::to_path_buf,
        )
}
