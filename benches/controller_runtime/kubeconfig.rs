//! How another process reaches the cluster.

use std::{fs, path::Path};

use anyhow::Context as _;
use kube::Config;
use serde_json::json;

/// Writes what a client is made with to a file.
pub(crate) fn write(config: &Config, path: &Path) -> anyhow::Result<()> {
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bench",
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
        "users": [{"name": "bench", "user": config.auth_info}],
        "clusters": [{"name": "bench", "cluster": {
            "server": config.cluster_url.to_string(),
            // The server listens on loopback, and made its certificate itself.
            "insecure-skip-tls-verify": true,
        }}],
    });
    // JSON is YAML.
    fs::write(path, kubeconfig.to_string()).with_context(|| format!("writing {path:?}"))
}
