//! A finalizer: an object is cleaned up after before it is gone.

use super::{
    errors,
    kube_client::{
        Api, Error,
        api::{Patch, PatchParams},
    },
    kube_core::{ObjectMeta, Resource},
};
use crate::{Outcome, Requeue};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{fmt, sync::Arc};

/// What a clean-up returns; `()` is [`Done`](Self::Done).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    /// Nothing is left: the finalizer is removed, and the object may go.
    Done,
    /// Something is left, and that is no failure: the finalizer stays, and the object is reconciled again by the outcome.
    ///
    /// `().into()` is by the policy's initialization interval, counted from the object's deletion.
    NotYet(Outcome),
}

impl From<()> for Cleanup {
    fn from((): ()) -> Self {
        Self::Done
    }
}

/// Reconciles an object that must be cleaned up after: adds a finalizer before `apply` is first called, and removes it when
/// `cleanup` is done.
///
/// It does what `kube::runtime::finalizer` does, for a reconciler that returns an [`Outcome`]. The errors of `apply` and
/// `cleanup` stay what they are.
///
/// # Expected flow
///
/// 1. The object is new: the finalizer is added. That is a change, so the next reconcile starts at once.
/// 2. `apply` is called, in this reconcile and in each after it, and its outcome is returned.
/// 3. The object is deleted: `cleanup` is called instead. An error or [`Cleanup::NotYet`] keeps the finalizer, and `cleanup`
///    is called again.
/// 4. `cleanup` returns [`Cleanup::Done`]: the finalizer is removed. If it was the last one, the object is gone.
///
/// # Guarantees
///
/// If `apply` is ever called, the object does not go before `cleanup` is done, unless someone else removes the finalizer.
/// Neither the finalizer of another controller nor that of another object of the same name is ever removed.
///
/// # Assumptions
///
/// - The name is used by this controller only.
/// - `api` is made with [`Requeuer::client`](super::Requeuer::client).
/// - `apply` and `cleanup` may be called again after they were cut off, and `cleanup` even if `apply` never was called.
/// - The controller may `patch` the object. It needs `get` only where another controller changes the finalizers at the same
///   time.
///
/// # Caveats
///
/// When it has returned for an object that is deleted, the object may be gone, so a write after it may meet a 404. The guide
/// has [what to do](crate::guide::embedding#a-404-after-the-last-finalizer-went-is-no-failure).
///
/// # Errors
///
/// Those of `apply` and `cleanup`, and kube's if the finalizer cannot be added or removed. An object that is gone is no
/// error.
///
/// # Examples
///
#[doc = major!(example no_run)]
/// # use kube::{Api, Client, ResourceExt};
/// # #[derive(kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// # #[kube(group = "example.com", version = "v1", kind = "Site", namespaced)]
/// # struct SiteSpec {}
/// # async fn upload(_: &Site) -> Result<(), kube::Error> { Ok(()) }
/// # async fn is_drained(_: &Site) -> Result<bool, kube::Error> { Ok(true) }
#[doc = major!(module "use requeue_policy::{Outcome, Phase, " "::{Cleanup, finalizer}};")]
/// use std::{sync::Arc, time::Duration};
///
/// async fn apply(site: Arc<Site>) -> Result<Phase, kube::Error> {
///     upload(&site).await?;
///     Ok(Phase::Ready)
/// }
///
/// async fn cleanup(site: Arc<Site>) -> Result<Cleanup, kube::Error> {
///     Ok(match is_drained(&site).await? {
///         true => Cleanup::Done,
///         false => Cleanup::NotYet(Phase::Ready.after(Duration::from_secs(5))),
///     })
/// }
///
/// async fn reconcile(site: Arc<Site>, client: Arc<Client>) -> Result<Outcome, kube::Error> {
///     let sites = Api::<Site>::namespaced((*client).clone(), &site.namespace().unwrap_or_default());
///     finalizer(&sites, "example.com/site", site, apply, cleanup).await
/// }
/// # fn run(client: Arc<Client>, site: Arc<Site>) { drop(reconcile(site, client)); }
/// ```
pub async fn finalizer<K, A, O, C, D, E>(
    api: &Api<K>,
    name: &str,
    object: Arc<K>,
    apply: impl FnOnce(Arc<K>) -> A,
    cleanup: impl FnOnce(Arc<K>) -> C,
) -> Result<Outcome, E>
where
    K: Resource + Clone + DeserializeOwned + fmt::Debug,
    A: Future<Output = Result<O, E>>,
    O: Into<Outcome>,
    C: Future<Output = Result<D, E>>,
    D: Into<Cleanup>,
    E: From<Error>,
{
    // What is written is a change, and that starts the next reconcile; without the finalizer nothing is left to do.
    let done = Ok(Requeue::AwaitChange.into());
    let meta = object.meta().clone();
    match (position(&meta, name), is_deleted(&meta)) {
        (Some(_), false) => apply(object).await.map(Into::into),
        (None, false) => {
            write(api, &meta, |meta| to_add(meta, name)).await?;
            done
        }
        (Some(_), true) => match cleanup(object).await?.into() {
            Cleanup::NotYet(outcome) => Ok(outcome),
            Cleanup::Done => {
                write(api, &meta, |meta| to_remove(meta, name)).await?;
                done
            }
        },
        (None, true) => done,
    }
}

fn position(meta: &ObjectMeta, name: &str) -> Option<usize> {
    let mut finalizers = meta.finalizers.iter().flatten();
    finalizers.position(|finalizer| finalizer == name)
}

fn is_deleted(meta: &ObjectMeta) -> bool {
    meta.deletion_timestamp.is_some()
}

/// The patch that adds the finalizer, unless it is there or may not be added any more.
///
/// The API server does not deduplicate finalizers, and all that write them do so at the same time.
fn to_add(meta: &ObjectMeta, name: &str) -> Option<Value> {
    if position(meta, name).is_some() || is_deleted(meta) {
        return None;
    }
    let present = meta.finalizers.as_deref().unwrap_or_default();
    let (present, path, value) = match present {
        [] => (Value::Null, "/metadata/finalizers", json!([name])),
        present => (json!(present), "/metadata/finalizers/-", json!(name)),
    };
    Some(json!([
        { "op": "test", "path": "/metadata/uid", "value": meta.uid },
        { "op": "test", "path": "/metadata/finalizers", "value": present },
        { "op": "add", "path": path, "value": value },
    ]))
}

/// The patch that removes the finalizer and no other, unless it is gone.
fn to_remove(meta: &ObjectMeta, name: &str) -> Option<Value> {
    let path = format!("/metadata/finalizers/{}", position(meta, name)?);
    Some(json!([
        { "op": "test", "path": "/metadata/uid", "value": meta.uid },
        { "op": "test", "path": path, "value": name },
        { "op": "remove", "path": path },
    ]))
}

/// Patches the object as long as there is something to patch; one that is gone, or is another by now, has nothing.
async fn write<K>(api: &Api<K>, meta: &ObjectMeta, patch: impl Fn(&ObjectMeta) -> Option<Value>) -> Result<(), Error>
where
    K: Clone + DeserializeOwned + fmt::Debug,
{
    let name = meta.name.as_deref().unwrap_or_default();
    let mut next = patch(meta);
    while let Some(operations) = next {
        // By way of serde, because each major of kube has another version of the crate of these patches.
        let json = serde_json::from_value(operations.clone()).map_err(Error::SerdeError)?;
        let (params, json) = (PatchParams::default(), Patch::<()>::Json(json));
        let error = match api.patch_metadata(name, &params, &json).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        match errors::code(&error) {
            Some(404) => return Ok(()),
            // A test failed, or the object as a whole is not valid, and the answer does not tell.
            Some(422) => {}
            _ => return Err(error),
        }
        next = match api.get_metadata(name).await {
            Ok(found) if found.metadata.uid == meta.uid => patch(&found.metadata),
            Ok(_) => None,
            Err(refused) if errors::code(&refused) == Some(404) => None,
            Err(_) => return Err(error),
        };
        if next.as_ref() == Some(&operations) {
            return Err(error);
        }
    }
    Ok(())
}
