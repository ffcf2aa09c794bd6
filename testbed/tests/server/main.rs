//! The server behaves as the real one does, in what a controller can notice.

mod applying;
mod deletion;
mod faults;
mod lists;
#[path = "../../examples/own_reconciler.rs"]
#[allow(dead_code)]
mod own_reconciler;
mod owners;
mod patches;
mod refusals;
mod types;
mod watchers;
mod watches;
mod writes;

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use kube::CustomResourceExt;
use kube_testbed::{ApiServer, Connection, Resource, ResponseBody};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower_service::Service;

#[derive(kube::CustomResource, Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "example.com", version = "v1", kind = "Widget", namespaced)]
#[kube(status = "WidgetStatus", derive = "Default")]
struct WidgetSpec {
    #[serde(default)]
    size: u32,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
struct WidgetStatus {
    phase: Option<String>,
}

const WIDGETS: &str = "/apis/example.com/v1/namespaces/default/widgets";
const METADATA_ONLY: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

fn server() -> ApiServer {
    ApiServer::new([Resource::from_crd(&Widget::crd()).expect("the definition of a widget")])
}

/// A server, and requests to it.
struct Bed {
    server: ApiServer,
    connection: Connection,
}

/// The status code, and the object or the `metav1.Status`.
struct Answer {
    code: u16,
    body: Value,
}

impl Answer {
    /// The code, with the reason of a refusal.
    fn verdict(&self) -> (u16, &str) {
        (self.code, self.body["reason"].as_str().unwrap_or_default())
    }

    /// The body of a request that was done.
    fn done(self) -> Value {
        assert!(self.code < 300, "{}", self.body);
        self.body
    }

    /// The names of the items of a list.
    fn names(&self) -> Vec<&str> {
        let items = self.body["items"].as_array().expect("a list");
        items
            .iter()
            .filter_map(|item| item["metadata"]["name"].as_str())
            .collect()
    }
}

impl Bed {
    fn new() -> Self {
        Self::of(server())
    }

    fn of(server: ApiServer) -> Self {
        let connection = server.connect();
        Self { server, connection }
    }

    /// A request with a method of HTTP, or with one of the types of patches as its method. A path without a leading
    /// slash is in the collection of the widgets in the namespace `default`, or `?` starts its query.
    fn request(method: &str, path: &str, accept: &str, body: &Value) -> Request<Full<bytes::Bytes>> {
        let (method, content_type) = match method {
            "MERGE" => ("PATCH", "application/merge-patch+json"),
            "JSON" => ("PATCH", "application/json-patch+json"),
            "APPLY" => ("PATCH", "application/apply-patch+yaml"),
            "STRATEGIC" => ("PATCH", "application/strategic-merge-patch+json"),
            other => (other, "application/json"),
        };
        let uri = match path.chars().next() {
            Some('/') => path.to_owned(),
            Some('?') | None => format!("{WIDGETS}{path}"),
            Some(_) => format!("{WIDGETS}/{path}"),
        };
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = Request::builder().method(method).uri(uri).header("accept", accept);
        let request = request.header("content-type", content_type).body(Full::from(body));
        request.expect("the request is valid")
    }

    async fn try_send(&self, method: &str, path: &str, body: &Value) -> Result<Answer, kube_testbed::BoxError> {
        self.try_accept(method, path, "", body).await
    }

    async fn try_accept(
        &self,
        method: &str,
        path: &str,
        accept: &str,
        body: &Value,
    ) -> Result<Answer, kube_testbed::BoxError> {
        let mut connection = self.connection.clone();
        let response = connection.call(Self::request(method, path, accept, body)).await?;
        let code = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Ok(Answer { code, body })
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        let answer = self.try_send(method, path, &body).await;
        answer.expect("the connection holds")
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, Value::Null).await
    }

    /// Creates a widget, with these fields beside its name.
    async fn create_with(&self, name: &str, mut fields: Value) -> Value {
        fields["metadata"]["name"] = name.into();
        self.send("POST", "", fields).await.done()
    }

    async fn create(&self, name: &str) -> Value {
        self.create_with(name, json!({ "spec": { "size": 0 } })).await
    }

    async fn merge(&self, path: &str, patch: Value) -> Value {
        self.send("MERGE", path, patch).await.done()
    }

    async fn label(&self, name: &str, color: &str) {
        self.merge(name, json!({ "metadata": { "labels": { "color": color } } }))
            .await;
    }

    async fn set_phase(&self, name: &str, phase: &str) {
        let status = json!({ "status": { "phase": phase } });
        self.merge(&format!("{name}/status"), status).await;
    }

    /// A watch of the widgets in `default`, with this query beside `watch=1`.
    async fn watch(&self, query: &str) -> Events {
        let request = Self::request("GET", &format!("?watch=1&{query}"), "", &Value::Null);
        let response: Response<ResponseBody> = self.connection.clone().call(request).await.expect("an answer");
        assert_eq!(response.status(), 200);
        Events(response.into_body())
    }

    fn widget(&self, name: &str) -> Option<Value> {
        self.server.object("widgets", "default", name)
    }
}

/// An open watch.
struct Events(ResponseBody);

impl Events {
    /// The next event as `TYPE name@version`, `end`, or `cut`.
    async fn next(&mut self) -> String {
        let frame = match self.0.frame().await {
            None => return "end".to_owned(),
            Some(Err(_)) => return "cut".to_owned(),
            Some(Ok(frame)) => frame.into_data().expect("a line"),
        };
        let event: Value = serde_json::from_slice(&frame).expect("a line is JSON");
        let (kind, object) = (event["type"].as_str().expect("a type"), &event["object"]);
        if kind == "ERROR" {
            return format!("ERROR {}", object["code"]);
        }
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        format!("{kind} {}@{}", text("name"), text("resourceVersion"))
    }

    /// What comes within a second.
    async fn soon(&mut self) -> Vec<String> {
        let mut events = Vec::new();
        let second = tokio::time::sleep(std::time::Duration::from_secs(1));
        let mut second = std::pin::pin!(second);
        loop {
            tokio::select! {
                event = self.next() => {
                    let last = ["end", "cut"].contains(&event.as_str());
                    events.push(event);
                    if last {
                        return events;
                    }
                }
                () = &mut second => return events,
            }
        }
    }
}
