//! What goes wrong with the cluster.

use std::{fmt, time::Duration};

use tokio::time::sleep;

use crate::cluster::Cluster;

const HANGS: Duration = Duration::from_secs(6);
/// Starting the server takes the rest of an outage.
const STOPPED: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The API server is stopped where it is (SIGSTOP), which is what a cut network looks like, and goes on (SIGCONT).
    Cut,
    /// The API server is killed (SIGKILL) and started again.
    ApiServer,
    /// The database is killed (SIGKILL) and started again.
    Etcd,
}

impl Fault {
    pub(crate) const ALL: [Self; 3] = [Self::Cut, Self::Etcd, Self::ApiServer];

    /// Lets it happen, and returns when the cluster works again.
    pub(crate) async fn strike(self, cluster: &mut Cluster) -> anyhow::Result<()> {
        match self {
            Self::Cut => {
                cluster.pause_api_server()?;
                sleep(HANGS).await;
                cluster.resume_api_server()
            }
            Self::ApiServer => {
                cluster.stop_api_server();
                sleep(STOPPED).await;
                cluster.start_api_server().await
            }
            Self::Etcd => {
                cluster.stop_etcd();
                sleep(STOPPED).await;
                cluster.start_etcd().await
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cut => "network cut (SIGSTOP)",
            Self::ApiServer => "kube-apiserver killed",
            Self::Etcd => "etcd killed",
        })
    }
}
