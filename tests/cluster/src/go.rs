//! Programs in Go.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command},
};

use anyhow::Context as _;

const LAST_LINES: usize = 20;

/// Cargo's target folder, wherever its settings put it: this program is in it.
pub fn target_folder() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let found = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    found.map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        Path::to_path_buf,
    )
}

/// Whether Go is installed.
pub fn go_runs() -> bool {
    let version = Command::new("go").arg("version").output();
    version.is_ok_and(|output| output.status.success())
}

/// Builds a package of a module, which may be read-only. Go knows what is up to date.
pub fn go_build(module: &Path, package: &str, linker_flags: &str, program: &Path) -> anyhow::Result<()> {
    let folder = program.parent().context("the program has no folder")?;
    fs::create_dir_all(folder).with_context(|| format!("creating {folder:?}"))?;
    // Two test programs may build it at once.
    let unfinished = program.with_extension(process::id().to_string());
    let output = Command::new("go")
        .args([
            "build",
            "-mod=readonly",
            "-buildvcs=false",
            "-trimpath",
            "-ldflags",
            linker_flags,
        ])
        // The linker drops it.
        .args(["-gcflags=all=-dwarf=false", "-o"])
        .args([&unfinished, Path::new(package)])
        .current_dir(module)
        // A workspace above this crate would bring versions of its own.
        .env("GOWORK", "off")
        // The released servers are built so, and it needs no C compiler.
        .env("CGO_ENABLED", "0")
        .output()
        .context("running go")?;
    anyhow::ensure!(
        output.status.success(),
        "go build {package}: {}\n{}",
        output.status,
        last_lines(&output.stderr, LAST_LINES),
    );
    // In one step, so that a build that is interrupted leaves no half program under this name.
    fs::rename(&unfinished, program).with_context(|| format!("renaming {unfinished:?}"))
}

/// What of a log fits an error message.
pub(crate) fn last_lines(log: &[u8], lines: usize) -> String {
    let log = String::from_utf8_lossy(log);
    let all: Vec<&str> = log.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
