//! What a client is made from.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::BodyExt;
use tower_service::Service;

use crate::BoxError;
use crate::body::ResponseBody;
use crate::call::{Call, Verb};
use crate::discovery;
use crate::fault::{Fault, RequestInfo};
use crate::object::to_json;
use crate::refusal::Refusal;
use crate::server::ApiServer;
use crate::shape::Shape;
use crate::store::Reply;
use crate::watch::Reader;

/// A connection to an [`ApiServer`]: a service of requests with any body, from which a client is made, such as
/// `kube::Client::new(server.connect(), "default")`.
#[derive(Clone, Debug)]
pub struct Connection {
    server: ApiServer,
    outside: bool,
}

impl<B> Service<Request<B>> for Connection
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let connection = self.clone();
        Box::pin(async move { connection.serve(request).await })
    }
}

impl Connection {
    pub(crate) fn new(server: ApiServer, outside: bool) -> Self {
        Self { server, outside }
    }

    async fn serve<B>(self, request: Request<B>) -> Result<Response<ResponseBody>, BoxError>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (request, body) = request.into_parts();
        let parse = || {
            self.server
                .with_store(|store| Call::parse(&store.resources, &request.method, &request.uri))
        };
        let fault = if self.outside {
            None
        } else {
            self.meet(parse().ok()).await
        };
        match fault {
            Some(Fault::Unreachable) => {
                let error = "the API server is unreachable";
                return Err(io::Error::new(io::ErrorKind::ConnectionRefused, error).into());
            }
            Some(Fault::Status {
                code,
                reason,
                retry_after,
            }) => {
                let mut refusal = Refusal::new(code, reason, "a fault that the test asked for");
                refusal.retry_after = retry_after.map(whole_seconds);
                return Ok(refuse(&refusal));
            }
            Some(Fault::LostResponse) | None => {}
        }
        let body = body.collect().await.map_err(Into::into)?.to_bytes();
        let path = request.uri.path();
        let discovered = self
            .server
            .with_store(|store| discovery::answer(&store.resources, &request.method, path));
        let answer = match discovered {
            Some(body) => Ok(whole(Reply::of(&body))),
            None => parse().and_then(|call| self.answer(call, &request.headers, &body)),
        };
        if fault.is_some() {
            let error = "the connection broke before the answer arrived";
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, error).into());
        }
        Ok(answer.unwrap_or_else(|refusal| refuse(&refusal)))
    }

    /// Counts and delays a request, and finds out what goes wrong with it.
    async fn meet(&self, call: Option<Call>) -> Option<Fault> {
        let latency = {
            let mut controls = self.server.controls();
            controls.requests.count(call.as_ref().map(|call| call.verb));
            controls.latency
        };
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        if !self.server.controls().reachable {
            return Some(Fault::Unreachable);
        }
        let call = call?;
        self.server.fault_of(&RequestInfo {
            verb: call.verb,
            plural: self
                .server
                .with_store(|store| store.resources[call.table].plural.clone()),
            namespace: call.namespace,
            name: call.name,
        })
    }

    fn answer(&self, mut call: Call, headers: &HeaderMap, body: &[u8]) -> Result<Response<ResponseBody>, Refusal> {
        let text = |name| headers.get(name).and_then(|text| text.to_str().ok());
        let api_version = self.server.with_store(|store| {
            let resource = &store.resources[call.table];
            (call.version != resource.version).then(|| resource.api_version_of(&call.version))
        });
        let metadata_only = match text(header::ACCEPT) {
            Some(accept) if accept.contains("as=PartialObjectMetadata") => true,
            Some(accept) if accept.contains("as=") => return Err(Refusal::unsupported(format_args!("{accept}"))),
            _ => false,
        };
        let shape = Shape {
            metadata_only,
            api_version,
        };
        if call.verb == Verb::Watch {
            let filter = call.filter();
            let outside = self.outside;
            let queue = self
                .server
                .with_store(|store| store.watch(filter, &call.query, outside))?;
            let reader = Reader::new(self.server.clone(), &call, queue, outside, shape);
            return Ok(respond(StatusCode::OK, ResponseBody::watch(reader)));
        }
        let content_type = text(header::CONTENT_TYPE).unwrap_or_default();
        let mut reply = self.server.with_store(|store| store.serve(call, content_type, body))?;
        reply.body = shape.of_answer(reply.body);
        if reply.status_changed && !self.outside {
            self.server.controls().status_writes += 1;
        }
        Ok(whole(reply))
    }
}

fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs() + u64::from(duration.subsec_nanos() > 0))
}

fn whole(reply: Reply) -> Response<ResponseBody> {
    let code = StatusCode::from_u16(reply.code).expect("a fault has a valid status code");
    respond(code, ResponseBody::whole(reply.body))
}

fn respond(code: StatusCode, body: ResponseBody) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn refuse(refusal: &Refusal) -> Response<ResponseBody> {
    let mut response = whole(Reply {
        code: refusal.code,
        body: to_json(&refusal.status()),
        status_changed: false,
    });
    if let Some(retry_after) = refusal.retry_after {
        let seconds = retry_after.as_secs().into();
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}
