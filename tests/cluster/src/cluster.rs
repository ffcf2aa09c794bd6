//! A real API server and its database, on loopback, for as long as tests need them.

use std::{
    ffi::OsString,
    fmt, fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context as _;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, Config,
    api::{ObjectMeta, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    assets::Assets,
    go::target_folder,
    server::{Exited, Server, until},
};

/// Not a secret: the server listens on loopback and lives as long as the tests.
const TOKEN: &str = "e2e-admin";
const START_ATTEMPTS: u32 = 3;
const START_PATIENCE: Duration = Duration::from_secs(90);
const PROBE_PATIENCE: Duration = Duration::from_secs(5);
const PORT_RELEASE_DELAY: Duration = Duration::from_secs(1);

/// A running etcd and kube-apiserver, which end when this is dropped.
pub struct Cluster {
    client: Client,
    namespaces: u32,
    plan: Plan,
    // Fields are dropped in this order: the API server before its database, the files last.
    api_server: Option<Server>,
    etcd: Option<Server>,
    _folder: TempDir,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// Starts both servers and waits until the API is ready and has the namespace `default`.
    pub(crate) async fn start(assets: &Assets) -> anyhow::Result<Self> {
        retry_taken_ports(async || {
            // What a killed test leaves there goes with `cargo clean`.
            let parent = target_folder().join("tmp");
            fs::create_dir_all(&parent).with_context(|| format!("creating {parent:?}"))?;
            let folder = tempfile::Builder::new().prefix("e2e-").tempdir_in(&parent);
            let folder = folder.with_context(|| format!("creating a folder in {parent:?}"))?;
            let plan = Plan {
                assets: assets.clone(),
                folder: folder.path().to_path_buf(),
                ports: free_ports()?,
            };
            let mut etcd = plan.run_etcd().await?;
            plan.write_files()?;
            let (api_server, client) = plan.run_api_server(&mut etcd).await?;
            Ok(Self {
                client,
                namespaces: 0,
                plan,
                api_server: Some(api_server),
                etcd: Some(etcd),
                _folder: folder,
            })
        })
        .await
    }

    /// Makes a namespace the default of the clients from now on.
    pub(crate) async fn enter_new_namespace(&mut self) -> anyhow::Result<()> {
        self.namespaces += 1;
        let name = format!("test-{}", self.namespaces);
        let namespace = Namespace {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        let created = Api::all(self.client.clone())
            .create(&PostParams::default(), &namespace)
            .await;
        created.context("creating a namespace")?;
        self.plan.write_kubeconfig(&name)?;
        self.client = self.plan.client().await?;
        Ok(())
    }

    /// A client of the test's namespace that all share; it works only in the test's runtime.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The settings of a client for other runtimes, to be changed before one is made; requests have no time limit.
    pub async fn config(&self) -> anyhow::Result<Config> {
        config(&self.kubeconfig()).await
    }

    /// The same as a file, for other processes.
    pub fn kubeconfig(&self) -> PathBuf {
        self.plan.kubeconfig()
    }

    /// Lets this happen for so long, and returns when the cluster works again; starting a server comes on top.
    pub async fn strike(&mut self, fault: Fault, lasts: Duration) -> anyhow::Result<()> {
        let Self { plan, etcd, .. } = self;
        match fault {
            Fault::Cut => {
                let server = self.api_server.as_ref().context("there is no API server")?;
                server.pause()?;
                sleep(lasts).await;
                server.resume()?;
            }
            Fault::Etcd => {
                *etcd = None;
                sleep(lasts).await;
                *etcd = Some(retry_taken_ports(async || plan.run_etcd().await).await?);
            }
            Fault::ApiServer => {
                self.api_server = None;
                sleep(lasts).await;
                let etcd = etcd.as_mut().context("there is no etcd")?;
                let started = retry_taken_ports(async || plan.run_api_server(&mut *etcd).await);
                self.api_server = Some(started.await?.0);
            }
        }
        Ok(())
    }
}

/// What goes wrong with a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The API server is stopped where it is (SIGSTOP), which is what a cut network looks like: connections stay open,
    /// nothing answers. Then it goes on (SIGCONT).
    Cut,
    /// The database is killed (SIGKILL) and started again: the API server answers, but can neither read nor write.
    Etcd,
    /// The API server is killed (SIGKILL) and started again: connections break, new ones are refused.
    ApiServer,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cut, Self::Etcd, Self::ApiServer];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cut => "network cut (SIGSTOP)",
            Self::Etcd => "etcd killed",
            Self::ApiServer => "kube-apiserver killed",
        })
    }
}

/// The settings of a client by this file, whatever the environment says.
pub async fn config(kubeconfig: &Path) -> anyhow::Result<Config> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).context("reading the kubeconfig")?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .context("using the kubeconfig")?;
    // It is taken from the environment, and no proxy reaches this machine's loopback.
    config.proxy_url = None;
    Ok(config)
}

/// What both servers are started with, each time anew.
#[derive(Debug)]
struct Plan {
    assets: Assets,
    folder: PathBuf,
    /// The API server's, and etcd's for clients and for peers.
    ports: [u16; 3],
}

impl Plan {
    fn certificates(&self) -> PathBuf {
        self.folder.join("certificates")
    }

    fn tokens(&self) -> PathBuf {
        self.folder.join("tokens.csv")
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// Writes the users, and the kubeconfig of the only one.
    fn write_files(&self) -> anyhow::Result<()> {
        let tokens = format!("{TOKEN},e2e,e2e,system:masters\n");
        fs::write(self.tokens(), tokens).context("writing the tokens")?;
        self.write_kubeconfig("default")
    }

    fn write_kubeconfig(&self, namespace: &str) -> anyhow::Result<()> {
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "e2e",
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "e2e", "namespace": namespace}}],
            "users": [{"name": "e2e", "user": {"token": TOKEN}}],
            "clusters": [{"name": "e2e", "cluster": {
                "server": format!("https://127.0.0.1:{}", self.ports[0]),
                "certificate-authority": self.certificates().join("apiserver.crt"),
            }}],
        });
        // JSON is YAML.
        fs::write(self.kubeconfig(), kubeconfig.to_string()).context("writing the kubeconfig")
    }

    async fn client(&self) -> anyhow::Result<Client> {
        Client::try_from(config(&self.kubeconfig()).await?).context("making a client")
    }

    /// Starts etcd and waits until its port is open.
    async fn run_etcd(&self) -> anyhow::Result<Server> {
        let [_, client, peer] = self.ports.map(|port| format!("http://127.0.0.1:{port}"));
        let mut command = Command::new(&self.assets.etcd);
        command
            .arg("--name=e2e")
            .arg(path_flag("--data-dir", &self.folder.join("etcd")))
            .arg(format!("--listen-client-urls={client}"))
            .arg(format!("--advertise-client-urls={client}"))
            .arg(format!("--listen-peer-urls={peer}"))
            .arg(format!("--initial-advertise-peer-urls={peer}"))
            .arg(format!("--initial-cluster=e2e={peer}"))
            // The data need not outlive the machine.
            .arg("--unsafe-no-fsync")
            .arg("--log-level=warn");
        let mut server = Server::spawn("etcd", &mut command, &self.folder)?;
        until(
            "the port of etcd is not open",
            START_PATIENCE,
            &mut [&mut server],
            async || Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, self.ports[1])).await?),
        )
        .await?;
        Ok(server)
    }

    /// Starts the API server and waits until it is ready; the client is the one that found it so.
    async fn run_api_server(&self, etcd: &mut Server) -> anyhow::Result<(Server, Client)> {
        let certificates = self.certificates();
        // The server makes this key for TLS before it reads the one for service accounts. That saves
        // making another one, and no test depends on who signs a service account's token.
        let key = certificates.join("apiserver.key");
        let mut command = Command::new(&self.assets.kube_apiserver);
        command
            .arg(format!("--etcd-servers=http://127.0.0.1:{}", self.ports[1]))
            .arg("--bind-address=127.0.0.1")
            .arg(format!("--secure-port={}", self.ports[0]))
            // Otherwise the server looks for the machine's own address, and fails if it has none.
            .arg("--advertise-address=127.0.0.1")
            // A service may not point to loopback; trying to fills the log.
            .arg("--endpoint-reconciler-type=none")
            .arg(path_flag("--cert-dir", &certificates))
            .arg(path_flag("--token-auth-file", &self.tokens()))
            .arg("--authorization-mode=RBAC")
            .arg("--service-account-issuer=https://127.0.0.1")
            .arg(path_flag("--service-account-key-file", &key))
            .arg(path_flag("--service-account-signing-key-file", &key))
            .arg("--service-cluster-ip-range=10.0.0.0/24")
            // No controller makes the account that pods are required to have.
            .arg("--disable-admission-plugins=ServiceAccount");
        let mut server = Server::spawn("kube-apiserver", &mut command, &self.folder)?;
        let servers = &mut [etcd, &mut server];
        let client = until("kube-apiserver is not ready", START_PATIENCE, servers, async || {
            timeout(PROBE_PATIENCE, self.probe()).await?
        })
        .await?;
        Ok((server, client))
    }

    async fn probe(&self) -> anyhow::Result<Client> {
        // A new client each time, because the server writes its certificate only as it starts.
        let client = self.client().await?;
        let request = http::Request::get("/readyz").body(Vec::new())?;
        client.request_text(request).await?;
        // Made after the server calls itself ready; what is created before that finds no namespace.
        Api::<Namespace>::all(client.clone()).get("default").await?;
        Ok(client)
    }
}

fn path_flag(name: &str, path: &Path) -> OsString {
    let mut flag = OsString::from(name);
    flag.push("=");
    flag.push(path);
    flag
}

fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    // All are held until all are known, so that they differ.
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a port")?;
        *port = listener.local_addr().context("reading the port")?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// Tries again when a port that was free is not any more.
async fn retry_taken_ports<T>(mut start: impl AsyncFnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
    for _ in 1..START_ATTEMPTS {
        match start().await {
            Err(error) if error.downcast_ref::<Exited>().is_some_and(Exited::port_was_taken) => {
                // Clients that try to connect again may hold the port for a moment.
                sleep(PORT_RELEASE_DELAY).await;
            }
            result => return result,
        }
    }
    start().await
}
