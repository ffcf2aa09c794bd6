//! Which types there are, for clients that ask at startup.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::object::to_json;
use crate::resource::Resource;

/// The version of Kubernetes that the server claims to be.
const MINOR: &str = "37";

/// The answer, if the path is one of discovery.
pub(crate) fn answer(resources: &[Resource], method: &Method, path: &str) -> Option<Bytes> {
    if method != Method::GET {
        return None;
    }
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let answer = match segments.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => return Some(Bytes::from_static(b"ok")),
        ["version"] => json!({
            "major": "1",
            "minor": MINOR,
            "gitVersion": format!("v1.{MINOR}.0"),
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "2030-01-01T00:00:00Z",
            "goVersion": "",
            "compiler": "",
            "platform": "",
        }),
        ["api"] => json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] }),
        ["apis"] => {
            let mut names: Vec<&str> = Vec::new();
            for resource in resources.iter().filter(|resource| !resource.group.is_empty()) {
                if !names.contains(&resource.group.as_str()) {
                    names.push(&resource.group);
                }
            }
            let groups: Vec<Value> = names.into_iter().filter_map(|name| group(resources, name)).collect();
            json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
        }
        ["apis", name] => group(resources, name)?,
        ["api", version] => types(resources, "", version)?,
        ["apis", group, version] => types(resources, group, version)?,
        _ => return None,
    };
    Some(to_json(&answer))
}

fn group(resources: &[Resource], name: &str) -> Option<Value> {
    let mut versions: Vec<Value> = Vec::new();
    for resource in resources.iter().filter(|resource| resource.group == name) {
        for version in &resource.served {
            let version = json!({ "groupVersion": format!("{name}/{version}"), "version": version });
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
    }
    let preferred = versions.first()?.clone();
    Some(json!({
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": name,
        "versions": versions,
        "preferredVersion": preferred,
    }))
}

fn types(resources: &[Resource], group: &str, version: &str) -> Option<Value> {
    let served = |resource: &&Resource| resource.group == group && resource.serves(version);
    let mut found = Vec::new();
    for resource in resources.iter().filter(served) {
        let mut add = |name: String, verbs: &[&str]| {
            found.push(json!({
                "name": name,
                "singularName": resource.kind.to_lowercase(),
                "namespaced": resource.namespaced,
                "kind": resource.kind,
                "verbs": verbs,
            }));
        };
        let verbs = [
            "create",
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "update",
            "watch",
        ];
        add(resource.plural.clone(), &verbs);
        if resource.status_subresource {
            add(format!("{}/status", resource.plural), &["get", "patch", "update"]);
        }
    }
    let group_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    let list = json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": found,
    });
    (!found.is_empty()).then_some(list)
}
