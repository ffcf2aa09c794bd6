//! A webhook: `POST /namespace/name` from elsewhere starts a run of that object.

use std::convert::Infallible;

use futures::{
    StreamExt as _,
    channel::mpsc::{UnboundedSender, unbounded},
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::{body::Bytes, client, server, service::service_fn};
use hyper_util::rt::TokioIo;
use kube::runtime::{Controller, reflector::ObjectRef, watcher};
use requeue_policy::{RequeueConfig, kube::Requeuer};
use tokio::io::{AsyncRead, AsyncWrite, duplex};

use crate::{
    app::{App, AppSpec, reconcile},
    stage::Stage,
};

type Error = Box<dyn std::error::Error>;

/// What a request does.
#[derive(Clone)]
struct Webhook {
    requeue: Requeuer<RequeueConfig>,
    triggers: UnboundedSender<ObjectRef<App>>,
}

impl Webhook {
    /// Any number of calls that come before the run starts are one run; the caller does not wait for it.
    fn answer<B>(&self, request: &Request<B>) -> StatusCode {
        let path: Vec<_> = request.uri().path().split('/').collect();
        let (&Method::POST, &["", namespace, name]) = (request.method(), &*path) else {
            return StatusCode::NOT_FOUND;
        };
        let app = ObjectRef::new(name).within(namespace);
        // The news first: it is what lets the trigger through.
        self.requeue.nudge(&app);
        match self.triggers.unbounded_send(app) {
            Ok(()) => StatusCode::ACCEPTED,
            Err(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Serves a connection, which is a `TcpStream` that a `TcpListener` has accepted, or here one in memory.
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
}

fn start(stage: &Stage) -> Result<Webhook, Error> {
    let requeue = Requeuer::new(RequeueConfig::default())?;
    let (triggers, triggered) = unbounded();
    let run = Controller::new(stage.api(), watcher::Config::default())
        .reconcile_on(triggered)
        .run(requeue.reconciler(reconcile), requeue.error_policy(), stage.context());
    tokio::spawn(run.for_each(async |_| {}));
    Ok(Webhook { requeue, triggers })
}

/// Somebody else calls for an object; returns the answer.
async fn post(webhook: &Webhook, path: &str) -> Result<StatusCode, Error> {
    let (here, there) = duplex(1024);
    tokio::spawn(webhook.clone().serve(there));
    let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(here)).await?;
    tokio::spawn(connection);
    let request = Request::post(path).body(Empty::<Bytes>::new())?;
    Ok(sender.send_request(request).await?.status())
}

/// Calls for one of two objects, for one that does not exist, and for none.
pub(crate) async fn play(stage: &Stage) -> Result<Vec<StatusCode>, Error> {
    for name in ["called", "other"] {
        stage.create(&App::new(name, AppSpec::default())).await?;
    }
    let webhook = start(stage)?;
    stage.until(10.0).await;
    let mut answers = vec![];
    for path in ["/default/called", "/default/called", "/default/unknown", "/"] {
        answers.push(post(&webhook, path).await?);
    }
    stage.until(29.0).await;
    Ok(answers)
}
