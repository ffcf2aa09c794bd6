//! The programs that make a cluster: where `kube-apiserver` and `etcd` come from.

use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use crate::go::{go_build, go_runs, target_folder};

const API_SERVER_PACKAGE: &str = "k8s.io/kubernetes/cmd/kube-apiserver";
const ETCD_PACKAGE: &str = "go.etcd.io/etcd/server/v3";

/// The programs of a cluster, by absolute path.
#[derive(Clone, Debug)]
pub(crate) struct Assets {
    /// The Kubernetes API server.
    pub(crate) kube_apiserver: PathBuf,
    /// Its database.
    pub(crate) etcd: PathBuf,
}

/// Why there are none.
pub(crate) const NO_SOURCE: &str = "needs kube-apiserver and etcd: set KUBEBUILDER_ASSETS to a folder that has them, \
    or install Go to have them built";

/// Finds the programs in `KUBEBUILDER_ASSETS`, or else builds them with Go, once; `None` where there is neither.
pub(crate) fn find() -> anyhow::Result<Option<Assets>> {
    // Set but empty counts as set: it is what a failed `$(setup-envtest use -p path)` leaves behind.
    let Some(folder) = env::var_os("KUBEBUILDER_ASSETS") else {
        return build_once().context("kube-apiserver and etcd could not be built");
    };
    let assets = Assets::in_folder(Path::new(&folder));
    for program in [&assets.kube_apiserver, &assets.etcd] {
        let is_there = program.is_file();
        anyhow::ensure!(is_there, "KUBEBUILDER_ASSETS is set, but there is no file {program:?}");
    }
    Ok(Some(assets))
}

impl Assets {
    fn in_folder(folder: &Path) -> Self {
        // It fails for an empty path, which has no files.
        let folder = std::path::absolute(folder).unwrap_or_default();
        Self {
            kube_apiserver: folder.join("kube-apiserver"),
            etcd: folder.join("etcd"),
        }
    }
}

/// Builds what is not built yet; `None` without Go.
fn build_once() -> anyhow::Result<Option<Assets>> {
    let folder = target_folder().join("e2e-assets");
    let assets = Assets::in_folder(&folder);
    // The Go module that pins the versions.
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let go_mod = fs::read_to_string(module.join("go.mod")).context("reading go.mod")?;
    let stamp = folder.join("built-from");
    fs::create_dir_all(&folder).with_context(|| format!("creating {folder:?}"))?;
    // Two test programs may get here at once. The lock goes with the process, however that ends.
    let lock = File::create(folder.join("lock")).context("creating the lock file")?;
    lock.lock().context("waiting for another build")?;

    let is_current = fs::read_to_string(&stamp).is_ok_and(|built_from| built_from == go_mod);
    if is_current && assets.kube_apiserver.is_file() && assets.etcd.is_file() {
        return Ok(Some(assets));
    }
    if !go_runs() {
        return Ok(None);
    }
    eprintln!("building kube-apiserver and etcd into {folder:?}: the first time takes some minutes");
    match fs::remove_file(&stamp) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).context("removing the stamp"),
        _ => {}
    }
    go_build(&module, ETCD_PACKAGE, "-s -w", &assets.etcd)?;
    // Without it the server says v0.0.0, which it and its clients take for a very old one.
    let version = version_of("k8s.io/kubernetes", &go_mod)?;
    let flags = format!("-s -w -X k8s.io/component-base/version.gitVersion={version}");
    go_build(&module, API_SERVER_PACKAGE, &flags, &assets.kube_apiserver)?;
    fs::write(&stamp, &go_mod).with_context(|| format!("writing {stamp:?}"))?;
    Ok(Some(assets))
}

fn version_of<'a>(module: &str, go_mod: &'a str) -> anyhow::Result<&'a str> {
    go_mod
        .lines()
        .filter_map(|line| line.trim().strip_prefix(module)?.strip_prefix(' '))
        .filter_map(|version| version.split_whitespace().next())
        .find(|version| version.starts_with('v'))
        .with_context(|| format!("go.mod has no version of {module}"))
}
