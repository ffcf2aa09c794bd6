//! The public API of what is published, as a committed list: who changes it sees it, and so does a review.
//!
//! `UPDATE_PUBLIC_API=1` writes the lists anew. It needs a rustdoc whose JSON the crate `public-api` reads; with another
//! the tests show as ignored, and `E2E_REQUIRED=1` makes that a failure.

use anyhow::Context as _;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

const FEATURES: &str = "kube-runtime,conditions,schemars,testing,metrics,k8s-openapi/latest";

fn main() -> ExitCode {
    let trials = vec![
        trial("requeue-policy", &["--features", FEATURES]),
        trial("kube-testbed", &[]),
    ];
    // One after the other: both write into cargo's target folder.
    let arguments = Arguments {
        test_threads: Some(1),
        ..Arguments::from_args()
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(package: &'static str, arguments: &'static [&'static str]) -> Trial {
    let is_set = |variable: &str| env::var_os(variable).is_some_and(|value| value == "1");
    Trial::ignorable_test(package, move || {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("public-api");
        let json = rustdoc_json(package, arguments, &folder)?;
        let api = public_api::Builder::from_rustdoc_json(json)
            .omit_blanket_impls(true)
            .omit_auto_trait_impls(true)
            .build();
        let api = match api {
            Ok(api) => api.to_string(),
            Err(error) if is_set("E2E_REQUIRED") => return Err(error.into()),
            Err(error) => {
                return Ok(Completion::ignored_with(format!(
                    "needs the rustdoc of Rust 1.95: {error}"
                )));
            }
        };
        let file = folder.join(package).with_extension("txt");
        if is_set("UPDATE_PUBLIC_API") {
            fs::write(&file, &api)?;
        }
        compare(&fs::read_to_string(&file).unwrap_or_default(), &api)?;
        Ok(Completion::Completed)
    })
}

/// Has rustdoc describe a package, and returns where it did.
fn rustdoc_json(package: &str, arguments: &[&str], folder: &Path) -> anyhow::Result<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args(["rustdoc", "--quiet", "--lib", "--package", package])
        .args(arguments)
        .args(["--", "-Z", "unstable-options", "--output-format", "json"])
        .env("RUSTDOC", folder.join("rustdoc"))
        .output()
        .context("running cargo")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "cargo rustdoc: {}\n{errors}", output.status);
    let name = package.replace('-', "_");
    Ok(cluster::target_folder().join("doc").join(name).with_extension("json"))
}

fn compare(committed: &str, found: &str) -> Result<(), Failed> {
    let missing = |from: &str, other: &str, sign: char| {
        let lines = from.lines().filter(|line| !other.lines().any(|other| other == *line));
        lines.map(|line| format!("{sign} {line}\n")).collect::<String>()
    };
    let changes = missing(committed, found, '-') + &missing(found, committed, '+');
    if changes.is_empty() {
        return Ok(());
    }
    Err(format!("the public API has changed; UPDATE_PUBLIC_API=1 writes it anew:\n{changes}").into())
}
