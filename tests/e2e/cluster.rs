//! A real API server and its database, on loopback, for as long as a test needs them.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, Config,
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
    server::{Exited, Server},
};

/// Not a secret: the server listens on loopback and lives as long as a test.
const TOKEN: &str = "e2e-admin";
const START_ATTEMPTS: u32 = 3;
const START_DEADLINE: Duration = Duration::from_secs(90);
const PROBE_DEADLINE: Duration = Duration::from_secs(5);
const PROBE_INTERVAL: Duration = Duration::from_millis(50);
const PORT_RELEASE_DELAY: Duration = Duration::from_secs(1);

/// A running etcd and kube-apiserver, which end when this is dropped.
pub(crate) struct Cluster {
    client: Client,
    api: ApiServer,
    database: Etcd,
    // Fields are dropped in this order: the API server before its database, the files last.
    api_server: Option<Server>,
    etcd: Option<Server>,
    _folder: TempDir,
}

impl Cluster {
    /// Starts both servers and waits until the API is ready and has the namespace `default`.
    pub(crate) async fn start(assets: &Assets) -> anyhow::Result<Self> {
        retry_taken_ports(Duration::ZERO, async || Self::start_once(assets).await).await
    }

    async fn start_once(assets: &Assets) -> anyhow::Result<Self> {
        let folder = temporary_folder()?;
        let [client_port, peer_port, api_port] = free_ports()?;

        let database = Etcd {
            program: assets.etcd.clone(),
            folder: folder.path().to_path_buf(),
            client_port,
            peer_port,
        };
        let mut etcd = database.run().await?;

        let api = ApiServer {
            program: assets.kube_apiserver.clone(),
            folder: folder.path().to_path_buf(),
            port: api_port,
            etcd_port: client_port,
        };
        api.write_files()?;
        let (api_server, client) = api.run(&mut etcd).await?;
        Ok(Self {
            client,
            api,
            database,
            api_server: Some(api_server),
            etcd: Some(etcd),
            _folder: folder,
        })
    }

    /// The client that all who ask share; it works only in the runtime that the cluster was started in.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// The settings of a client for other runtimes, to be changed before one is made; requests have no time limit.
    pub(crate) async fn config(&self) -> anyhow::Result<Config> {
        self.api.client_config().await
    }

    /// Ends the API server at once (SIGKILL): connections break, new ones are refused.
    pub(crate) fn stop_api_server(&mut self) {
        self.api_server = None;
    }

    /// Starts the API server again on the same port and data, and waits until it is ready.
    pub(crate) async fn start_api_server(&mut self) -> anyhow::Result<()> {
        anyhow::ensure!(self.api_server.is_none(), "the API server runs already");
        let etcd = self.etcd.as_mut().context("etcd is stopped")?;
        // Clients that try to reconnect may hold the port for a moment.
        let (api_server, _) = retry_taken_ports(PORT_RELEASE_DELAY, async || self.api.run(&mut *etcd).await).await?;
        self.api_server = Some(api_server);
        Ok(())
    }

    /// Ends etcd at once (SIGKILL): the API server answers, but can neither read nor write.
    pub(crate) fn stop_etcd(&mut self) {
        self.etcd = None;
    }

    /// Starts etcd again on the same port and data, and waits until its port is open.
    pub(crate) async fn start_etcd(&mut self) -> anyhow::Result<()> {
        anyhow::ensure!(self.etcd.is_none(), "etcd runs already");
        let etcd = retry_taken_ports(PORT_RELEASE_DELAY, async || self.database.run().await).await?;
        self.etcd = Some(etcd);
        Ok(())
    }

    /// Stops the API server where it is (SIGSTOP): connections stay open, nothing answers.
    pub(crate) fn pause_api_server(&self) -> anyhow::Result<()> {
        self.running_api_server()?.pause()
    }

    /// Lets a paused API server go on (SIGCONT).
    pub(crate) fn resume_api_server(&self) -> anyhow::Result<()> {
        self.running_api_server()?.resume()
    }

    fn running_api_server(&self) -> anyhow::Result<&Server> {
        self.api_server.as_ref().context("the API server is stopped")
    }
}

/// What the API server is started with, each time anew.
#[derive(Debug)]
struct ApiServer {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    etcd_port: u16,
}

impl ApiServer {
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

        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "e2e",
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "e2e"}}],
            "users": [{"name": "e2e", "user": {"token": TOKEN}}],
            "clusters": [{"name": "e2e", "cluster": {
                "server": format!("https://127.0.0.1:{}", self.port),
                "certificate-authority": self.certificates().join("apiserver.crt"),
            }}],
        });
        // JSON is YAML.
        fs::write(self.kubeconfig(), kubeconfig.to_string()).context("writing the kubeconfig")
    }

    /// Starts the server and waits until it is ready; the client is the one that found it so.
    async fn run(&self, etcd: &mut Server) -> anyhow::Result<(Server, Client)> {
        let mut server = Server::spawn("kube-apiserver", &mut self.command(), &self.folder)?;
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            etcd.check_running()?;
            server.check_running()?;
            let probe = timeout(PROBE_DEADLINE, self.probe()).await;
            let error = match probe.map_err(anyhow::Error::from).flatten() {
                Ok(client) => return Ok((server, client)),
                Err(error) => error,
            };
            anyhow::ensure!(
                Instant::now() < deadline,
                "kube-apiserver is not ready after {START_DEADLINE:?}: {error:#}\n\
                 the end of its log:\n{}\nthe end of etcd's log:\n{}",
                server.log_tail(),
                etcd.log_tail(),
            );
            sleep(PROBE_INTERVAL).await;
        }
    }

    async fn probe(&self) -> anyhow::Result<Client> {
        // A new client each time, because the server writes its certificate only as it starts.
        let client = self.new_client().await?;
        let request = http::Request::get("/readyz").body(Vec::new())?;
        client.request_text(request).await?;
        // Made after the server calls itself ready; what is created before that finds no namespace.
        Api::<Namespace>::all(client.clone()).get("default").await?;
        Ok(client)
    }

    async fn new_client(&self) -> anyhow::Result<Client> {
        Client::try_from(self.client_config().await?).context("making a client")
    }

    async fn client_config(&self) -> anyhow::Result<Config> {
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig()).context("reading the kubeconfig")?;
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .context("using the kubeconfig")?;
        // It is taken from the environment, and no proxy reaches this machine's loopback.
        config.proxy_url = None;
        Ok(config)
    }

    fn command(&self) -> Command {
        let certificates = self.certificates();
        // The server makes this key for TLS before it reads the one for service accounts. That saves
        // making another one, and no test depends on who signs a service account's token.
        let key = certificates.join("apiserver.key");
        let mut command = Command::new(&self.program);
        command
            .arg(format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port))
            .arg("--bind-address=127.0.0.1")
            .arg(format!("--secure-port={}", self.port))
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
        command
    }
}

/// What the database is started with, each time anew.
#[derive(Debug)]
struct Etcd {
    program: PathBuf,
    folder: PathBuf,
    client_port: u16,
    peer_port: u16,
}

impl Etcd {
    /// Starts it and waits until its port is open.
    async fn run(&self) -> anyhow::Result<Server> {
        let mut server = Server::spawn("etcd", &mut self.command(), &self.folder)?;
        wait_for_port(&mut server, self.client_port).await?;
        Ok(server)
    }

    fn command(&self) -> Command {
        let clients = format!("http://127.0.0.1:{}", self.client_port);
        let peers = format!("http://127.0.0.1:{}", self.peer_port);
        let mut command = Command::new(&self.program);
        command
            .arg("--name=e2e")
            .arg(path_flag("--data-dir", &self.folder.join("etcd")))
            .arg(format!("--listen-client-urls={clients}"))
            .arg(format!("--advertise-client-urls={clients}"))
            .arg(format!("--listen-peer-urls={peers}"))
            .arg(format!("--initial-advertise-peer-urls={peers}"))
            .arg(format!("--initial-cluster=e2e={peers}"))
            // The data need not outlive the machine.
            .arg("--unsafe-no-fsync")
            .arg("--log-level=warn");
        command
    }
}

fn path_flag(name: &str, path: &Path) -> std::ffi::OsString {
    let mut flag = std::ffi::OsString::from(name);
    flag.push("=");
    flag.push(path);
    flag
}

/// In Cargo's own folder if there is one: what a killed test leaves there goes with `cargo clean`.
fn temporary_folder() -> anyhow::Result<TempDir> {
    let parent = option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
    fs::create_dir_all(&parent).with_context(|| format!("creating {parent:?}"))?;
    tempfile::Builder::new()
        .prefix("e2e-")
        .tempdir_in(&parent)
        .with_context(|| format!("creating a folder in {parent:?}"))
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

async fn wait_for_port(server: &mut Server, port: u16) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_DEADLINE;
    loop {
        server.check_running()?;
        let Err(error) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
            return Ok(());
        };
        anyhow::ensure!(
            Instant::now() < deadline,
            "port {port} is not open after {START_DEADLINE:?}: {error}; the end of the log:\n{}",
            server.log_tail(),
        );
        sleep(PROBE_INTERVAL).await;
    }
}

/// Tries again when a port that was free is not any more.
async fn retry_taken_ports<T>(delay: Duration, mut start: impl AsyncFnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
    for _ in 1..START_ATTEMPTS {
        match start().await {
            Err(error) if error.downcast_ref::<Exited>().is_some_and(Exited::port_was_taken) => {
                sleep(delay).await;
            }
            result => return result,
        }
    }
    start().await
}
