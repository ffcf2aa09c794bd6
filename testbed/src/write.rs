//! Creation, replacement and what every write has in common.

use bytes::Bytes;
use serde_json::Value;

use crate::apply::{self, Managers};
use crate::call::Call;
use crate::change::Key;
use crate::definition;
use crate::garbage;
use crate::object::{
    check_basis, content_differs, copy, finalizers, identify, is_deleting, next_generation, normal, parse, to_json,
};
use crate::refusal::Refusal;
use crate::resource::Resource;
use crate::secret;
use crate::store::{Reply, Store};

/// What the server sets, and keeps whatever a client sends.
const SERVER_OWNED: [&str; 5] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "uid",
];

impl Store {
    pub(crate) fn create(&mut self, call: &Call, body: &[u8]) -> Result<Reply, Refusal> {
        self.create_managed(call, parse(body)?, Managers::new())
    }

    pub(crate) fn create_managed(
        &mut self,
        call: &Call,
        proposed: Value,
        managers: Managers,
    ) -> Result<Reply, Refusal> {
        let mut value = normal(proposed)?;
        let resource = self.resources[call.table].clone();
        if !value["metadata"]["resourceVersion"].is_null() {
            let message = "resourceVersion should not be set on objects to be created";
            return Err(Refusal::new(500, "", message));
        }
        let prefix = value["metadata"]["generateName"].as_str();
        if let (Value::Null, Some(prefix)) = (&value["metadata"]["name"], prefix) {
            let name = format!("{prefix}{}", self.random.suffix());
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
        value["metadata"]["uid"] = self.random.uid().into();
        value["metadata"]["creationTimestamp"] = self.clock.timestamp().into();
        if resource.generation {
            value["metadata"]["generation"] = 1.into();
        }
        self.prepare(&resource, &mut value)?;
        let status_changed = value.get("status").is_some();
        let body = self.write(call, key, value, managers);
        Ok(Reply {
            code: 201,
            body,
            status_changed: status_changed && !call.query.dry_run,
        })
    }

    pub(crate) fn replace(&mut self, call: &Call, body: &[u8]) -> Result<Reply, Refusal> {
        let proposed = normal(parse(body)?)?;
        if proposed["metadata"]["resourceVersion"].is_null() {
            let message = "metadata.resourceVersion must be specified for an update";
            return Err(Refusal::invalid(message));
        }
        self.update(call, proposed, None)
    }

    /// Replaces what is stored by what a client proposes, as far as the client may change it. Without managers, who
    /// applied which field follows from the change.
    pub(crate) fn update(
        &mut self,
        call: &Call,
        mut proposed: Value,
        managers: Option<Managers>,
    ) -> Result<Reply, Refusal> {
        let resource = &self.resources[call.table];
        let stored = self.stored(call)?;
        let current = &stored.value;
        let key = identify(resource, call, &mut proposed)?;
        check_basis(resource, &key.1, call.verb, current, &proposed)?;

        let mut next;
        if call.is_of_status() {
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
        self.prepare(resource, &mut next)?;
        let managers = managers.unwrap_or_else(|| apply::after_change(resource, &stored.managers, current, &next));
        if next == *current && managers == stored.managers {
            return Ok(Reply::of(&stored.json));
        }

        let (had, has) = (finalizers(current), finalizers(&next));
        if is_deleting(current) && has.iter().any(|finalizer| !had.contains(finalizer)) {
            let message = "no new finalizers can be added if the object is being deleted";
            return Err(Refusal::invalid(message));
        }
        if is_deleting(current) && has.is_empty() {
            // As the real server does it: watches get the object as it was stored last, this client as it sent it.
            let body = to_json(&next);
            if !call.query.dry_run {
                self.remove(call.table, key);
            }
            return Ok(Reply::of(&body));
        }

        let status_changed = current.get("status") != next.get("status");
        if resource.generation && content_differs(resource, current, &next) {
            next_generation(&mut next);
        }
        let body = self.write(call, key, next, managers);
        Ok(Reply {
            code: 200,
            body,
            status_changed: status_changed && !call.query.dry_run,
        })
    }

    /// Checks and completes an object that is about to be stored.
    fn prepare(&self, resource: &Resource, value: &mut Value) -> Result<(), Refusal> {
        garbage::check_references(value)?;
        if definition::is_crd(resource) {
            definition::establish(value, &self.clock.timestamp())?;
        }
        if secret::is_secret(resource) {
            secret::encode(value);
        }
        Ok(())
    }

    /// Stores an object, or in a dry run only shows it.
    fn write(&mut self, call: &Call, key: Key, value: Value, managers: Managers) -> Bytes {
        if call.query.dry_run {
            return to_json(&value);
        }
        if definition::is_crd(&self.resources[call.table]) {
            // It is checked already.
            Resource::from_crd_value(&value)
                .into_iter()
                .for_each(|it| self.define(it));
        }
        self.put(call.table, key, value, managers)
    }
}
