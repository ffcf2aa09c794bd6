//! A webhook: `POST /namespace/name` triggers a reconcile of that object.

use std::convert::Infallible;

use futures::channel::mpsc::UnboundedSender;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::{body::Bytes, client, server, service::service_fn};
use hyper_util::rt::TokioIo;
use kube::{api::PostParams, runtime::reflector::ObjectRef};
use requeue_policy::{RequeueConfig, kube::Requeuer};
use tokio::io::{AsyncRead, AsyncWrite, duplex};

use crate::{
    app::{App, AppSpec},
    channel,
    world::World,
};

type Error = Box<dyn std::error::Error>;

#[derive(Clone)]
struct Webhook {
    requeue: Requeuer<RequeueConfig>,
    triggers: UnboundedSender<ObjectRef<App>>,
}

impl Webhook {
    /// Any number of calls before the reconcile starts are one reconcile; the caller does not wait for it.
    fn answer<B>(&self, request: &Request<B>) -> StatusCode {
        let path: Vec<_> = request.uri().path().split('/').collect();
        let (&Method::POST, &["", namespace, name]) = (request.method(), &*path) else {
            return StatusCode::NOT_FOUND;
        };
        let app = ObjectRef::new(name).within(namespace);
        // The nudge first: it is what lets the trigger through.
        self.requeue.nudge(&app);
        match self.triggers.unbounded_send(app) {
            Ok(()) => StatusCode::ACCEPTED,
            Err(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
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
    let (requeue, triggers) = channel::start(world)?;
    let webhook = Webhook { requeue, triggers };
    world.until(10.0).await;
    let mut answers = vec![];
    for path in ["/default/called", "/default/called", "/default/unknown", "/"] {
        answers.push(webhook.post(path).await?);
    }
    world.until(29.0).await;
    Ok(answers)
}
