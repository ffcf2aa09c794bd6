//! The application's client, which says what a reconcile writes.

use super::kube_client::{Client, Error, client::Body};
use crate::engine::scope::{Scope, Sending};
use http::{Method, Request, Response, StatusCode};
use serde::Deserialize;
use tower::service_fn;

/// Wraps a client, so that the writes of a reconcile are known to be its own.
pub(super) fn observed(client: Client) -> Client {
    let (namespace, valid_until) = (client.default_namespace().to_owned(), *client.valid_until());
    let service = service_fn(move |request| send(client.clone(), request));
    Client::new(service, namespace).with_valid_until(valid_until)
}

async fn send(client: Client, request: Request<Body>) -> Result<Response<Body>, Error> {
    let sending = sending(&request);
    let may_be_unchanged = request.method() != Method::POST;
    let response = client.send(request).await?;
    let Some(sending) = sending.filter(|_| response.status().is_success()) else {
        return Ok(response);
    };
    let is_created = response.status() == StatusCode::CREATED;
    let (head, body) = response.into_parts();
    let bytes = body.collect_bytes().await?;
    if let Ok(Stored { metadata }) = serde_json::from_slice(&bytes) {
        sending.answered(
            &metadata.uid,
            &metadata.resource_version,
            may_be_unchanged && !is_created,
        );
    }
    Ok(Response::from_parts(head, Body::from(bytes)))
}

/// All that is read of an answer.
#[derive(Deserialize)]
struct Stored {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    uid: String,
    resource_version: String,
}

/// A write of a reconcile to what its controller watches, or `None` for any other request.
fn sending(request: &Request<Body>) -> Option<Sending> {
    let scope = Scope::current()?;
    let (group, plural, of_status) = written(request)?;
    scope.sends(group, plural, of_status)
}

/// What a request writes: the group, the plural, and whether it is the status; `None` for one that stores nothing.
pub(crate) fn written<B>(request: &Request<B>) -> Option<(&str, &str, bool)> {
    if !matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH) {
        return None;
    }
    let is_dry = |query: &str| query.split('&').any(|pair| pair.starts_with("dryRun="));
    if request.uri().query().is_some_and(is_dry) {
        return None;
    }
    resource(request.uri().path())
}

/// What a path of the API is about: the group, the plural, and whether it is the status.
fn resource(path: &str) -> Option<(&str, &str, bool)> {
    let mut segments = path.split('/').skip(1);
    let group = match segments.next()? {
        "api" => "",
        "apis" => segments.next()?,
        _ => return None,
    };
    let _version = segments.next()?;
    let rest: Vec<_> = segments.collect();
    let (plural, subresource) = match rest[..] {
        ["namespaces", _, subresource @ ("status" | "finalize")] => ("namespaces", Some(subresource)),
        ["namespaces", _, plural] | ["namespaces", _, plural, _] | [plural] | [plural, _] => (plural, None),
        ["namespaces", _, plural, _, subresource, ..] | [plural, _, subresource, ..] => (plural, Some(subresource)),
        [] => return None,
    };
    // These are streams of the application's own, and none of them answers with an object.
    let is_stream = matches!(subresource, Some("proxy" | "exec" | "attach" | "portforward"));
    (!is_stream).then_some((group, plural, subresource == Some("status")))
}

#[cfg(test)]
mod tests {
    use super::resource;

    #[test]
    fn a_path_tells_the_resource_and_streams_are_left_alone() {
        let table = [
            ("/api/v1/namespaces/default/configmaps", Some(("", "configmaps", false))),
            (
                "/api/v1/namespaces/default/configmaps/a",
                Some(("", "configmaps", false)),
            ),
            ("/api/v1/namespaces/a", Some(("", "namespaces", false))),
            ("/api/v1/namespaces/a/status", Some(("", "namespaces", true))),
            ("/api/v1/nodes/a/status", Some(("", "nodes", true))),
            (
                "/apis/apps/v1/namespaces/default/deployments/a/scale",
                Some(("apps", "deployments", false)),
            ),
            ("/apis/example.com/v1/things/a", Some(("example.com", "things", false))),
            ("/api/v1/namespaces/default/pods/a/exec", None),
            ("/api/v1/namespaces/default/services/a/proxy/b/c", None),
            ("/api/v1/nodes/a/proxy/stats", None),
            ("/version", None),
            ("/api/v1", None),
            ("/", None),
            ("", None),
        ];
        for (path, expected) in table {
            assert_eq!(resource(path), expected, "{path}");
        }
    }
}
