//! The programs that make a cluster: where `kube-apiserver` and `etcd` come from.

use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

use crate::text::tail;

const VARIABLE: &str = "KUBEBUILDER_ASSETS";
const API_SERVER: &str = "kube-apiserver";
const API_SERVER_PACKAGE: &str = "k8s.io/kubernetes/cmd/kube-apiserver";
const ETCD: &str = "etcd";
const ETCD_PACKAGE: &str = "go.etcd.io/etcd/server/v3";
const TAIL_LINES: usize = 20;

/// The programs of a cluster, by absolute path.
#[derive(Clone, Debug)]
pub(crate) struct Assets {
    /// The Kubernetes API server.
    pub(crate) kube_apiserver: PathBuf,
    /// Its database.
    pub(crate) etcd: PathBuf,
}

/// Why there is no cluster to test against.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Missing {
    /// Nothing says where to find the programs, and nothing can build them.
    #[error(
        "needs kube-apiserver and etcd: set KUBEBUILDER_ASSETS to a folder that has them, \
         or install Go to have them built"
    )]
    NoSource,
    /// `KUBEBUILDER_ASSETS` promises a program that is not there.
    #[error("KUBEBUILDER_ASSETS is set, but there is no file {0:?}")]
    File(PathBuf),
    /// Go is installed, and the build failed.
    #[error("kube-apiserver and etcd could not be built: {0:#}")]
    Build(anyhow::Error),
}

impl Missing {
    /// Whether the machine merely lacks the programs; anything else is broken and wants to be seen.
    pub(crate) fn can_be_skipped(&self) -> bool {
        matches!(self, Missing::NoSource)
    }
}

/// Finds the programs in `KUBEBUILDER_ASSETS`, or else builds them with Go, once.
pub(crate) fn find() -> Result<Assets, Missing> {
    // Set but empty counts as set: it is what a failed `$(setup-envtest use -p path)` leaves behind.
    if let Some(folder) = env::var_os(VARIABLE) {
        return given(Path::new(&folder));
    }
    match build_once() {
        Ok(Some(assets)) => Ok(assets),
        Ok(None) => Err(Missing::NoSource),
        Err(error) => Err(Missing::Build(error)),
    }
}

fn given(folder: &Path) -> Result<Assets, Missing> {
    let program = |name: &str| {
        let path = folder.join(name);
        if path.is_file() {
            std::path::absolute(&path).map_err(|_| Missing::File(path))
        } else {
            Err(Missing::File(path))
        }
    };
    Ok(Assets {
        kube_apiserver: program(API_SERVER)?,
        etcd: program(ETCD)?,
    })
}

/// Builds what is not built yet; `None` without Go.
fn build_once() -> anyhow::Result<Option<Assets>> {
    let folder = target_folder().join("e2e-assets");
    fs::create_dir_all(&folder).with_context(|| format!("creating {folder:?}"))?;
    let assets = Assets {
        kube_apiserver: folder.join(API_SERVER),
        etcd: folder.join(ETCD),
    };
    let module = Module::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/assets"))?;

    // Two test programs may get here at once. The lock goes with the process, however that ends.
    let lock = File::create(folder.join("lock")).context("creating the lock file")?;
    lock.lock().context("waiting for another build")?;

    let stamp = folder.join("built-from");
    if assets.kube_apiserver.is_file() && assets.etcd.is_file() && module.is_in(&stamp) {
        return Ok(Some(assets));
    }
    if !go_runs() {
        return Ok(None);
    }
    eprintln!("building kube-apiserver and etcd into {folder:?}: the first time takes some minutes");
    remove_if_present(&stamp)?;
    let copy = folder.join("module");
    module.write(&copy)?;
    build(&copy, ETCD_PACKAGE, "-s -w", &assets.etcd)?;
    // Without it the server says v0.0.0, which it and its clients take for a very old one.
    let version = module.version_of("k8s.io/kubernetes")?;
    let flags = format!("-s -w -X k8s.io/component-base/version.gitVersion={version}");
    build(&copy, API_SERVER_PACKAGE, &flags, &assets.kube_apiserver)?;
    fs::write(&stamp, &module.go_mod).with_context(|| format!("writing {stamp:?}"))?;
    Ok(Some(assets))
}

/// The Go module that pins the versions.
struct Module {
    go_mod: String,
    /// The published crate leaves it out, for its size.
    go_sum: Option<String>,
}

impl Module {
    fn read(folder: &Path) -> anyhow::Result<Self> {
        let go_mod = folder.join("go.mod");
        let go_sum = folder.join("go.sum");
        Ok(Self {
            go_mod: fs::read_to_string(&go_mod).with_context(|| format!("reading {go_mod:?}"))?,
            go_sum: if_present(fs::read_to_string(&go_sum)).with_context(|| format!("reading {go_sum:?}"))?,
        })
    }

    /// Copies the module, because Go writes to the folder when it has to make up the sums.
    fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let write = || -> io::Result<()> {
            fs::create_dir_all(folder)?;
            fs::write(folder.join("go.mod"), &self.go_mod)?;
            match &self.go_sum {
                Some(go_sum) => fs::write(folder.join("go.sum"), go_sum),
                None => if_present(fs::remove_file(folder.join("go.sum"))).map(drop),
            }
        };
        write().with_context(|| format!("copying the Go module to {folder:?}"))
    }

    fn is_in(&self, stamp: &Path) -> bool {
        fs::read_to_string(stamp).is_ok_and(|built_from| built_from == self.go_mod)
    }

    fn version_of(&self, module: &str) -> anyhow::Result<&str> {
        self.go_mod
            .lines()
            .filter_map(|line| line.trim().strip_prefix(module)?.strip_prefix(' '))
            .filter_map(|rest| rest.split_whitespace().next())
            .find(|version| version.starts_with('v'))
            .with_context(|| format!("go.mod has no version of {module}"))
    }
}

fn build(module: &Path, package: &str, linker_flags: &str, program: &Path) -> anyhow::Result<()> {
    let unfinished = program.with_extension("unfinished");
    let sums = if module.join("go.sum").is_file() {
        "-mod=readonly"
    } else {
        "-mod=mod"
    };
    let output = Command::new("go")
        .args(["build", sums, "-trimpath", "-ldflags", linker_flags])
        // The linker drops it.
        .args(["-gcflags=all=-dwarf=false", "-o"])
        .arg(&unfinished)
        .arg(package)
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
        tail(&String::from_utf8_lossy(&output.stderr), TAIL_LINES),
    );
    // In one step, so that a build that is interrupted leaves no half program under this name.
    fs::rename(&unfinished, program).with_context(|| format!("renaming {unfinished:?}"))
}

fn go_runs() -> bool {
    Command::new("go")
        .arg("version")
        .output()
        .is_ok_and(|output| output.status.success())
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

fn remove_if_present(path: &Path) -> anyhow::Result<()> {
    if_present(fs::remove_file(path))
        .map(drop)
        .with_context(|| format!("removing {path:?}"))
}

fn if_present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
