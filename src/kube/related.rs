//! What else wakes an object: its children, other objects, the application itself.

use super::Requeuer;
use super::kube_core::Resource;
use super::kube_runtime::reflector::{Lookup, ObjectRef};

impl<P, C> Requeuer<P, C> {
    /// Returns a mapper for `Controller::watches` that gives news to the owners of a child; use it in place of
    /// `Controller::owns`.
    ///
    /// kube-runtime hides why a run was triggered and merges triggers that arrive during a run. With `owns`, a child
    /// that changes during a run which then writes status looks like that write coming back, and waits until the
    /// object is due; with this it starts a run at once.
    ///
    /// It costs more than `owns`, which asks the API server for the metadata of the children only: `watches` reads them
    /// whole, though it keeps none. From kube 3.1 on it reads the metadata only where `children` is an
    /// `Api<PartialObjectMeta<Child>>`. With an older one, and its feature `unstable-runtime`, this does:
    /// `.watches_stream(metadata_watcher(children, config).touched_objects(), requeue.owned())`.
    pub fn owned<K, Child>(&self) -> impl Fn(Child) -> Vec<ObjectRef<K>> + Send + Sync + 'static + use<P, C, K, Child>
    where
        P: Send + Sync + 'static,
        K: Resource + 'static,
        K::DynamicType: Default + Clone + Send + Sync,
        Child: Resource,
    {
        self.owned_with(K::DynamicType::default())
    }

    /// Does what [`owned`](Self::owned) does for owners whose type is known at run time only.
    pub fn owned_with<K, Child>(
        &self,
        owner: K::DynamicType,
    ) -> impl Fn(Child) -> Vec<ObjectRef<K>> + Send + Sync + 'static + use<P, C, K, Child>
    where
        P: Send + Sync + 'static,
        K: Resource + 'static,
        K::DynamicType: Clone + Send + Sync,
        Child: Resource,
    {
        self.related(move |child: Child| {
            let meta = child.meta();
            let owners = meta.owner_references.iter().flatten();
            owners
                .filter_map(|reference| ObjectRef::from_owner_ref(meta.namespace.as_deref(), reference, owner.clone()))
                .collect::<Vec<_>>()
        })
    }

    /// Wraps a mapper for `Controller::watches`, so that the objects to which it maps have news: they run at once.
    pub fn related<K, Other, I, M>(
        &self,
        mapper: M,
    ) -> impl Fn(Other) -> Vec<ObjectRef<K>> + Send + Sync + 'static + use<P, C, K, Other, I, M>
    where
        P: Send + Sync + 'static,
        K: Lookup + 'static,
        M: Fn(Other) -> I + Send + Sync + 'static,
        I: IntoIterator<Item = ObjectRef<K>>,
    {
        let shared = self.shared.clone();
        move |other| {
            let related: Vec<_> = mapper(other).into_iter().collect();
            for object in &related {
                shared.news.tell(object, shared.clock.now());
            }
            related
        }
    }

    /// Gives news to an object by hand, for triggers that no mapper sees: a webhook, a channel into
    /// `Controller::reconcile_on`.
    ///
    /// Call it before the trigger is sent: it is the trigger that starts the run, and the news that lets it through.
    /// News is kept until a run starts after it.
    pub fn nudge<K: Lookup>(&self, object: &ObjectRef<K>) {
        self.shared.news.tell(object, self.shared.clock.now());
    }
}
