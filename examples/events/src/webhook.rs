//! A webhook: `POST /namespace/name` triggers a reconcile of that object.

use std::convert::Infallible;

use futures::StreamExt as _;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::{body::Bytes, client, server, service::service_fn};
use hyper_util::rt::TokioIo;
use kube::{
    api::PostParams,
    runtime::{reflector::ObjectRef, watcher},
};
use requeue_policy::{RequeueConfig, kube::Requeuer};
use tokio::io::{AsyncRead, AsyncWrite, duplex};

use crate::{
    app::{App, AppSpec, reconcile},
    world::World,
};

type Error = Box<dyn std::error::Error>;

#[derive(Clone)]
struct Webhook {
    requeue: Requeuer,
}

impl Webhook {
    /// Starts a controller that the webhook triggers.
    fn start(world: &World) -> Result<Self, Error> {
        let requeue = Requeuer::new(RequeueConfig::default())?;
        let run = requeue
            .controller(world.api(), watcher::Config::default())
            .run(reconcile, world.context(&requeue));
        tokio::spawn(run.for_each(async |_| {}));
        Ok(Self { requeue })
    }

    /// Any number of calls before the reconcile starts are one reconcile; the caller does not wait for it.
    fn answer<B>(&self, request: &Request<B>) -> StatusCode {
        let path: Vec<_> = request.uri().path().split('/').collect();
        let (&Method::POST, &["", namespace, name]) = (request.method(), &*path) else {
            return StatusCode::NOT_FOUND;
        };
        self.requeue.nudge(&ObjectRef::<App>::new(name).within(namespace));
        StatusCode::ACCEPTED
    }

    /// Serves a connection: a `TcpStream` that a `TcpListener` has accepted, or here one in memory.
    async fn serve(self, connection: impl AsyncRead + AsyncWrite + Unpin) -> hyper::Result<()> {
        let answer = service_fn(async |request| {
            let mut response = Response::new(Empty::<Bytes>::new());
            *response.status_mut() = self.answer(&request);
            Ok::<_, Infallible>(response)
        });
        server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(connection), answer)
            .await
    }

    /// Somebody else posts to it; returns the answer.
    async fn post(&self, path: &str) -> Result<StatusCode, Error> {
        let (here, there) = duplex(1024);
        tokio::spawn(self.clone().serve(there));
        let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(here)).await?;
        tokio::spawn(connection);
        let request = Request::post(path).body(Empty::<Bytes>::new())?;
        Ok(sender.send_request(request).await?.status())
    }
}

/// Posts for one of two objects, for one that does not exist, and for none; returns the answers.
pub(crate) async fn play(world: &World) -> Result<Vec<StatusCode>, Error> {
    for name in ["called", "other"] {
        let app = App::new(name, AppSpec::default());
        world.outside().create(&PostParams::default(), &app).await?;
    }
    let webhook = Webhook::start(world)?;
    world.until(10.0).await;
    let mut answers = vec![];
    for path in ["/default/called", "/default/called", "/default/unknown", "/"] {
        answers.push(webhook.post(path).await?);
    }
    world.until(29.0).await;
    Ok(answers)
}
