//! The objects, and the rules by which they change.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use jiff::Timestamp;
use json_patch::PatchOperation;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::Instant;

use super::refusal::Refusal;
use super::request::{Call, Filter, Query, Verb};
use super::resource::Resource;
use super::watch::{self, Item, Watcher};

/// The instant at which every server starts, so that timestamps are the same in every run.
const START: &str = "2030-01-01T00:00:00Z";

/// How many changes are kept for watches that resume.
const HISTORY_LIMIT: usize = 10_000;

/// What the server sets, and keeps whatever a client sends.
const SERVER_OWNED: [&str; 5] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "uid",
];

/// A namespace, empty for a cluster-wide object, and a name.
pub(super) type Key = (String, String);

/// The answer to a request that was done.
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) body: Bytes,
    /// Whether the request changed the status of an object.
    pub(super) status_changed: bool,
}

/// The state of the server.
pub(super) struct Store {
    seed: u64,
    started: Instant,
    resources: Vec<Resource>,
    tables: Vec<BTreeMap<Key, Stored>>,
    /// The resource version of the latest change.
    version: u64,
    drawn: u64,
    history: VecDeque<Change>,
    history_limit: usize,
    /// The latest version that the history no longer leads on from.
    compacted: u64,
    watchers: Vec<Watcher>,
}

/// An object. Its JSON is made once per change and shared by answers, watches and the history.
struct Stored {
    value: Value,
    json: Bytes,
}

/// An object before or after a change.
struct Snapshot {
    json: Bytes,
    labels: Value,
}

/// A change, from which each watch makes its own event.
pub(super) struct Change {
    version: u64,
    table: usize,
    key: Key,
    before: Option<Snapshot>,
    after: Option<Snapshot>,
}

impl Store {
    pub(super) fn new(seed: u64, resources: Vec<Resource>) -> Self {
        Self {
            seed,
            started: Instant::now(),
            tables: resources.iter().map(|_| BTreeMap::new()).collect(),
            resources,
            version: 1,
            drawn: 0,
            history: VecDeque::new(),
            history_limit: HISTORY_LIMIT,
            compacted: 1,
            watchers: Vec::new(),
        }
    }

    pub(super) fn resources(&self) -> &[Resource] {
        &self.resources
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn now(&self) -> Timestamp {
        let start: Timestamp = START.parse().expect("the start is a valid timestamp");
        start + self.started.elapsed()
    }

    pub(super) fn object(&self, plural: &str, namespace: &str, name: &str) -> Option<&Value> {
        let key = (namespace.to_owned(), name.to_owned());
        let tables = self.resources.iter().zip(&self.tables);
        let mut tables = tables.filter(|(resource, _)| resource.plural == plural);
        tables.find_map(|(_, table)| Some(&table.get(&key)?.value))
    }

    /// Tells watches of an object once more.
    pub(super) fn repeat(&mut self, plural: &str, namespace: &str, name: &str) -> bool {
        let key = (namespace.to_owned(), name.to_owned());
        let Some(table) = self.resources.iter().position(|resource| resource.plural == plural) else {
            return false;
        };
        let Some(stored) = self.tables[table].get(&key) else {
            return false;
        };
        let change = Change {
            version: self.version,
            table,
            key,
            before: Some(stored.snapshot()),
            after: Some(stored.snapshot()),
        };
        // A watch resumes from what it saw last, and must not go back behind the latest change for a repeated one.
        let bookmark = watch::bookmark(&self.resources[table], self.version, false);
        self.watchers
            .retain(|watcher| watcher.send(&change) && watcher.note(table, &bookmark));
        true
    }

    pub(super) fn set_history_limit(&mut self, limit: usize) {
        self.history_limit = limit;
        self.trim_history();
    }

    /// Forgets the history. The version moves on as if something else had been written, so that even a client that
    /// has seen every change is too old.
    pub(super) fn expire(&mut self) {
        self.history.clear();
        self.version += 1;
        self.compacted = self.version;
    }

    /// Cuts watches: those of counted clients, and with `outside` those of the others too.
    pub(super) fn cut_watches(&mut self, outside: bool) {
        self.watchers
            .retain(|watcher| !watcher.cut_unless(watcher.outside && !outside));
    }

    /// Does everything but watch.
    pub(super) fn serve(&mut self, mut call: Call, content_type: &str, body: &[u8]) -> Result<Reply, Refusal> {
        match call.verb {
            Verb::List => self.list(&call.filter(), call.query.resource_version),
            Verb::Get => Ok(unchanged(&self.stored(&call)?.json)),
            Verb::Create => self.create(&call, parse(body)?),
            Verb::Replace | Verb::ReplaceStatus => {
                let proposed = object(parse(body)?)?;
                if proposed["metadata"]["resourceVersion"].is_null() {
                    let message = "metadata.resourceVersion must be specified for an update";
                    return Err(Refusal::invalid(message));
                }
                self.update(&call, proposed)
            }
            Verb::Patch | Verb::PatchStatus => self.patch(&call, content_type, body),
            Verb::Delete if body.is_empty() => self.delete(&call, &Value::Null),
            Verb::Delete => self.delete(&call, &parse(body)?),
            Verb::Watch => unreachable!("a watch is answered with a stream"),
        }
    }

    fn list(&self, filter: &Filter, at_least: u64) -> Result<Reply, Refusal> {
        if at_least > self.version {
            return Err(Refusal::unsupported("a resource version from the future"));
        }
        let resource = &self.resources[filter.table];
        let mut list = format!(
            r#"{{"apiVersion":"{}","kind":"{}List","metadata":{{"resourceVersion":"{}"}},"items":["#,
            resource.api_version(),
            resource.kind,
            self.version,
        )
        .into_bytes();
        for (position, stored) in self.selected(filter).enumerate() {
            if position > 0 {
                list.push(b',');
            }
            list.extend_from_slice(&stored.json);
        }
        list.extend_from_slice(b"]}");
        Ok(unchanged(&list.into()))
    }

    /// The objects that a filter selects; those of other namespaces are not even looked at.
    fn selected<'a>(&'a self, filter: &'a Filter) -> impl Iterator<Item = &'a Stored> {
        let first = (filter.namespace.clone().unwrap_or_default(), String::new());
        self.tables[filter.table]
            .range(first..)
            .take_while(|((namespace, _), _)| filter.namespace.as_ref().is_none_or(|only| only == namespace))
            .filter(|(key, stored)| filter.selects(filter.table, key, labels(&stored.value)))
            .map(|(_, stored)| stored)
    }

    /// Starts a watch: what it missed is already in the returned queue.
    pub(super) fn watch(
        &mut self,
        filter: Filter,
        query: &Query,
        outside: bool,
    ) -> Result<UnboundedReceiver<Item>, Refusal> {
        let from = query.resource_version;
        let (queue, receiver) = mpsc::unbounded_channel();
        let send = |line| drop(queue.send(Ok(line)));
        if from > self.version {
            return Err(Refusal::unsupported("a resource version from the future"));
        } else if from == 0 || query.initial_events {
            for stored in self.selected(&filter) {
                send(watch::line("ADDED", &stored.json));
            }
            if query.initial_events {
                let resource = &self.resources[filter.table];
                send(watch::bookmark(resource, self.version, true));
            }
        } else if from < self.compacted {
            let message = format!("too old resource version: {from} ({})", self.compacted);
            let status = Refusal::new(410, "Expired", message).status();
            send(watch::line("ERROR", &to_json(&status)));
            return Ok(receiver);
        } else {
            let missed = self.history.partition_point(|change| change.version <= from);
            let missed = self.history.range(missed..);
            missed.filter_map(|change| change.event(&filter)).for_each(send);
        }
        // A watch that nobody reads any more would otherwise stay until the next change.
        self.watchers.retain(Watcher::is_open);
        self.watchers.push(Watcher { filter, queue, outside });
        Ok(receiver)
    }

    fn create(&mut self, call: &Call, proposed: Value) -> Result<Reply, Refusal> {
        let mut value = object(proposed)?;
        let resource = self.resources[call.table].clone();
        if !value["metadata"]["resourceVersion"].is_null() {
            let message = "resourceVersion should not be set on objects to be created";
            return Err(Refusal::bad_request(message));
        }
        let prefix = value["metadata"]["generateName"].as_str();
        if let (Value::Null, Some(prefix)) = (&value["metadata"]["name"], prefix) {
            let name = format!("{prefix}{:05x}", self.draw() & 0xf_ffff);
            value["metadata"]["name"] = name.into();
        }
        let key = identify(&resource, call, &mut value)?;
        let name = &key.1;
        if self.tables[call.table].contains_key(&key) {
            let message = format!("{} already exists", resource.describe(name));
            return Err(Refusal::new(409, "AlreadyExists", message));
        }
        if resource.status_subresource {
            copy(&Value::Null, &mut value, "status");
        }
        for field in SERVER_OWNED {
            copy(&Value::Null, &mut value["metadata"], field);
        }
        value["metadata"]["uid"] = self.uid().into();
        value["metadata"]["creationTimestamp"] = self.timestamp().into();
        if resource.generation {
            value["metadata"]["generation"] = 1.into();
        }
        let status_changed = value.get("status").is_some();
        let body = self.put(call.table, key, value);
        Ok(Reply {
            code: 201,
            body,
            status_changed,
        })
    }

    fn patch(&mut self, call: &Call, content_type: &str, body: &[u8]) -> Result<Reply, Refusal> {
        let current = self.stored(call).map(|stored| stored.value.clone());
        match content_type {
            "application/merge-patch+json" => {
                let mut proposed = current?;
                json_patch::merge(&mut proposed, &parse(body)?);
                self.update(call, object(proposed)?)
            }
            "application/json-patch+json" => {
                let mut proposed = current?;
                let mut patch: Vec<PatchOperation> = serde_json::from_slice(body)
                    .map_err(|error| Refusal::bad_request(format!("no JSON patch: {error}")))?;
                // To the real one what is not there is null; that is how a first finalizer is added.
                patch.retain(|operation| match operation {
                    PatchOperation::Test(test) => {
                        !(test.value.is_null() && proposed.pointer(test.path.as_str()).is_none())
                    }
                    _ => true,
                });
                json_patch::patch(&mut proposed, &patch).map_err(|error| Refusal::invalid(error.to_string()))?;
                self.update(call, object(proposed)?)
            }
            "application/apply-patch+yaml" => self.apply(call, current.ok(), parse(body)?),
            other => {
                let message = format!("patches of type {other:?} are not accepted");
                Err(Refusal::new(415, "UnsupportedMediaType", message))
            }
        }
    }

    /// Server-side apply, simplified: the fields sent are merged into the object, and lists replace lists. Nobody owns
    /// a field, so there are no conflicts, and a field that is no longer sent stays.
    fn apply(&mut self, call: &Call, current: Option<Value>, sent: Value) -> Result<Reply, Refusal> {
        if call.query.field_manager.is_none() {
            return Err(Refusal::bad_request("apply needs a fieldManager"));
        }
        if sent["apiVersion"].is_null() || sent["kind"].is_null() {
            return Err(Refusal::bad_request("apply needs an apiVersion and a kind"));
        }
        // A null in an applied object is a field left out, while a merge patch would remove the field.
        let mut fields = json!({});
        json_patch::merge(&mut fields, &sent);
        let Some(mut proposed) = current else {
            if call.verb == Verb::PatchStatus {
                return Err(self.missing(call));
            }
            return self.create(call, fields);
        };
        json_patch::merge(&mut proposed, &fields);
        self.update(call, object(proposed)?)
    }

    /// Puts what a client proposes in the place of what is stored, as far as the client may change it.
    fn update(&mut self, call: &Call, mut proposed: Value) -> Result<Reply, Refusal> {
        let resource = &self.resources[call.table];
        let stored = self.stored(call)?;
        let current = &stored.value;
        let key = identify(resource, call, &mut proposed)?;
        check_basis(resource, &key.1, call.verb, current, &proposed)?;

        let mut next;
        if matches!(call.verb, Verb::PatchStatus | Verb::ReplaceStatus) {
            next = current.clone();
            copy(&proposed, &mut next, "status");
        } else {
            next = proposed;
            if resource.status_subresource {
                copy(current, &mut next, "status");
            }
            for field in SERVER_OWNED.into_iter().chain(["resourceVersion"]) {
                copy(&current["metadata"], &mut next["metadata"], field);
            }
        }
        if next == *current {
            return Ok(unchanged(&stored.json));
        }

        let deleting = !current["metadata"]["deletionTimestamp"].is_null();
        let (had, has) = (finalizers(current), finalizers(&next));
        if deleting && has.iter().any(|finalizer| !had.contains(finalizer)) {
            let message = "no new finalizers can be added if the object is being deleted";
            return Err(Refusal::invalid(message));
        }
        if deleting && has.is_empty() {
            // As the real server does it: watches get the object as it was stored last, this client as it sent it.
            let body = to_json(&next);
            self.remove(call.table, key);
            return Ok(unchanged(&body));
        }

        let status_changed = current.get("status") != next.get("status");
        if resource.generation && content_differs(resource, current, &next) {
            next_generation(&mut next);
        }
        let body = self.put(call.table, key, next);
        Ok(Reply {
            code: 200,
            body,
            status_changed,
        })
    }

    fn delete(&mut self, call: &Call, options: &Value) -> Result<Reply, Refusal> {
        if !options["dryRun"].is_null() {
            return Err(Refusal::unsupported("dryRun"));
        }
        let resource = &self.resources[call.table];
        let stored = self.stored(call)?;
        let current = &stored.value;
        for field in ["uid", "resourceVersion"] {
            let expected = &options["preconditions"][field];
            if !expected.is_null() && *expected != current["metadata"][field] {
                let message = format!("the precondition on {field} does not hold");
                return Err(Refusal::conflict(message));
            }
        }
        let key = key(call);
        if finalizers(current).is_empty() {
            let status = json!({
                "apiVersion": "v1",
                "kind": "Status",
                "metadata": {},
                "status": "Success",
                "details": {
                    "name": key.1,
                    "group": resource.group,
                    "kind": resource.plural,
                    "uid": current["metadata"]["uid"],
                },
            });
            self.remove(call.table, key);
            return Ok(unchanged(&to_json(&status)));
        }
        if !current["metadata"]["deletionTimestamp"].is_null() {
            return Ok(unchanged(&stored.json));
        }
        let mut next = current.clone();
        next["metadata"]["deletionTimestamp"] = self.timestamp().into();
        next["metadata"]["deletionGracePeriodSeconds"] = 0.into();
        if resource.generation {
            next_generation(&mut next);
        }
        Ok(unchanged(&self.put(call.table, key, next)))
    }

    /// Stores an object under the next resource version.
    fn put(&mut self, table: usize, key: Key, mut value: Value) -> Bytes {
        self.version += 1;
        value["metadata"]["resourceVersion"] = self.version.to_string().into();
        let json = to_json(&value);
        let stored = Stored {
            value,
            json: json.clone(),
        };
        let after = Some(stored.snapshot());
        let before = self.tables[table].insert(key.clone(), stored);
        let before = before.map(|stored| stored.snapshot());
        self.publish(table, key, before, after);
        json
    }

    fn remove(&mut self, table: usize, key: Key) {
        self.version += 1;
        let before = self.tables[table].remove(&key);
        let before = before.map(|stored| stored.snapshot());
        self.publish(table, key, before, None);
    }

    fn publish(&mut self, table: usize, key: Key, before: Option<Snapshot>, after: Option<Snapshot>) {
        let change = Change {
            version: self.version,
            table,
            key,
            before,
            after,
        };
        self.watchers.retain(|watcher| watcher.send(&change));
        self.history.push_back(change);
        self.trim_history();
    }

    fn trim_history(&mut self) {
        let excess = self.history.len().saturating_sub(self.history_limit);
        if let Some(last) = self.history.drain(..excess).next_back() {
            self.compacted = last.version;
        }
    }

    fn stored(&self, call: &Call) -> Result<&Stored, Refusal> {
        let stored = self.tables[call.table].get(&key(call));
        stored.ok_or_else(|| self.missing(call))
    }

    fn missing(&self, call: &Call) -> Refusal {
        Refusal::not_found(self.resources[call.table].describe(&key(call).1))
    }

    fn timestamp(&self) -> String {
        self.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The next of a sequence of well mixed numbers that the seed determines (SplitMix64).
    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        let step = self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed.wrapping_add(step);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A random (version 4) UUID.
    fn uid(&mut self) -> String {
        let (high, low) = (self.draw(), self.draw());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            (low >> 48) & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff,
        )
    }
}

impl Stored {
    fn snapshot(&self) -> Snapshot {
        Snapshot {
            json: self.json.clone(),
            labels: labels(&self.value).clone(),
        }
    }
}

impl Change {
    /// What a watch with this filter gets to see of this change, if anything.
    pub(super) fn event(&self, filter: &Filter) -> Option<Bytes> {
        let selects = |snapshot: &&Snapshot| filter.selects(self.table, &self.key, &snapshot.labels);
        let before = self.before.as_ref().filter(selects);
        let after = self.after.as_ref().filter(selects);
        match (before, after) {
            (None, None) => None,
            (None, Some(after)) => Some(watch::line("ADDED", &after.json)),
            (Some(_), Some(after)) => Some(watch::line("MODIFIED", &after.json)),
            (Some(before), None) => {
                let mut last: Value =
                    serde_json::from_slice(&before.json).expect("a stored object was written as JSON");
                last["metadata"]["resourceVersion"] = self.version.to_string().into();
                Some(watch::line("DELETED", &to_json(&last)))
            }
        }
    }
}

/// An answer that does not report a change of a status.
fn unchanged(body: &Bytes) -> Reply {
    Reply {
        code: 200,
        body: body.clone(),
        status_changed: false,
    }
}

fn parse(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::bad_request(format!("the body is no JSON: {error}")))
}

pub(super) fn to_json(value: &Value) -> Bytes {
    let json = serde_json::to_vec(value).expect("a JSON value has string keys only");
    json.into()
}

/// Brings what a client sent into the form in which objects are stored, in which absent, null and, in the metadata,
/// empty are the same.
fn object(mut value: Value) -> Result<Value, Refusal> {
    let refusal = || Refusal::bad_request("the body is no Kubernetes object");
    let fields = value.as_object_mut().ok_or_else(refusal)?;
    fields.retain(|_, field| !field.is_null());
    let metadata = fields.entry("metadata").or_insert_with(|| json!({}));
    let metadata = metadata.as_object_mut().ok_or_else(refusal)?;
    // Nobody owns a field here, and `selfLink` is history.
    metadata.retain(|name, field| !is_empty(field) && name != "managedFields" && name != "selfLink");
    Ok(value)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Makes one field of `to` what it is in `from`.
fn copy(from: &Value, to: &mut Value, field: &str) {
    let to = to.as_object_mut().expect("objects and their metadata are JSON objects");
    match from.get(field) {
        Some(value) => to.insert(field.to_owned(), value.clone()),
        None => to.remove(field),
    };
}

fn key(call: &Call) -> Key {
    let namespace = call.namespace.clone().unwrap_or_default();
    (namespace, call.name.clone().unwrap_or_default())
}

/// Checks that an object is the one that the path names, and fills in what it leaves out.
fn identify(resource: &Resource, call: &Call, value: &mut Value) -> Result<Key, Refusal> {
    let agree = |value: &mut Value, field: &str, expected: &str| {
        if value[field].is_null() {
            value[field] = expected.into();
        }
        if value[field] == expected {
            return Ok(());
        }
        let message = format!("{field} is {}, the path says {expected:?}", value[field]);
        Err(Refusal::bad_request(message))
    };
    agree(value, "apiVersion", &resource.api_version())?;
    agree(value, "kind", &resource.kind)?;
    let metadata = &mut value["metadata"];
    if let Some(namespace) = &call.namespace {
        agree(metadata, "namespace", namespace)?;
    } else if !metadata["namespace"].is_null() {
        return Err(Refusal::bad_request("this type has no namespaces"));
    }
    if let Some(name) = &call.name {
        agree(metadata, "name", name)?;
    }
    // Indexing has left a null where there was nothing.
    if let Some(fields) = metadata.as_object_mut() {
        fields.retain(|_, field| !field.is_null());
    }
    let name = metadata["name"].as_str().map(str::to_owned);
    let name = name.ok_or_else(|| Refusal::invalid("a name or generateName is required"))?;
    Ok((call.namespace.clone().unwrap_or_default(), name))
}

/// Refuses a write that was meant for another state, or another object, than the one stored.
fn check_basis(resource: &Resource, name: &str, verb: Verb, current: &Value, proposed: &Value) -> Result<(), Refusal> {
    let differs = |field: &str| {
        let sent = &proposed["metadata"][field];
        !sent.is_null() && *sent != current["metadata"][field]
    };
    let object = resource.describe(name);
    if differs("resourceVersion") {
        return Err(Refusal::conflict(format!(
            "{object}: the object has been modified; please apply your changes to the latest version"
        )));
    }
    match verb {
        _ if !differs("uid") => Ok(()),
        Verb::Replace | Verb::ReplaceStatus => Err(Refusal::conflict(format!("{object} has another uid"))),
        _ => Err(Refusal::invalid(format!("the uid of {object} is immutable"))),
    }
}

fn labels(value: &Value) -> &Value {
    &value["metadata"]["labels"]
}

fn finalizers(value: &Value) -> &[Value] {
    let finalizers = value["metadata"]["finalizers"].as_array();
    finalizers.map_or(&[], Vec::as_slice)
}

/// Whether two states of an object differ in what the generation counts.
fn content_differs(resource: &Resource, one: &Value, other: &Value) -> bool {
    let counts = |field: &str| field != "metadata" && !(field == "status" && resource.status_subresource);
    let lacks = |from: &Map<String, Value>, to: &Map<String, Value>| {
        from.iter()
            .any(|(field, value)| counts(field) && to.get(field) != Some(value))
    };
    match (one.as_object(), other.as_object()) {
        (Some(one), Some(other)) => lacks(one, other) || lacks(other, one),
        _ => one != other,
    }
}

fn next_generation(value: &mut Value) {
    let generation = value["metadata"]["generation"].as_u64().unwrap_or(0);
    value["metadata"]["generation"] = (generation + 1).into();
}
