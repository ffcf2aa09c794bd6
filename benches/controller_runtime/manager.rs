//! The controller-runtime side of the comparison, a Go program.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

use crate::text::tail;

const TAIL_LINES: usize = 20;

/// Builds the program into Cargo's target folder. Go knows what is up to date.
pub(crate) fn build() -> anyhow::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("controller-runtime");
    fs::create_dir_all(&folder).with_context(|| format!("creating {folder:?}"))?;
    let program = folder.join("manager");
    let output = Command::new("go")
        // So it writes nothing to the module's folder, which may be read-only.
        .args(["build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/controller_runtime/manager"))
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
        tail(&String::from_utf8_lossy(&output.stderr), TAIL_LINES),
    );
    Ok(program)
}
