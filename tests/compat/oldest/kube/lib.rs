//! kube 1 with what the tests use of the newest kube.

pub use real::*;

pub mod runtime {
    use futures::Stream;
    use real::{
        Resource,
        runtime::{
            self,
            reflector::store::Writer,
            utils::{EventDecode, PredicateFilter, Reflect, StreamBackoff},
            watcher::{DefaultBackoff, Event, Result},
        },
    };
    use std::hash::Hash;

    pub use real::runtime::*;

    /// The second argument of `predicate_filter` since kube 3.
    #[derive(Debug, Default)]
    pub struct PredicateConfig;

    /// The methods that the tests use.
    pub trait WatchStreamExt: runtime::WatchStreamExt + Sized {
        fn default_backoff<K>(self) -> StreamBackoff<Self, DefaultBackoff>
        where
            Self: Stream<Item = Result<Event<K>>>,
        {
            runtime::WatchStreamExt::default_backoff(self)
        }

        fn reflect<K>(self, writer: Writer<K>) -> Reflect<Self, K>
        where
            Self: Stream<Item = Result<Event<K>>>,
            K: Resource + Clone + 'static,
            K::DynamicType: Eq + Hash + Clone,
        {
            runtime::WatchStreamExt::reflect(self, writer)
        }

        fn applied_objects<K>(self) -> EventDecode<Self>
        where
            Self: Stream<Item = Result<Event<K>>>,
        {
            runtime::WatchStreamExt::applied_objects(self)
        }

        fn touched_objects<K>(self) -> EventDecode<Self>
        where
            Self: Stream<Item = Result<Event<K>>>,
        {
            runtime::WatchStreamExt::touched_objects(self)
        }

        fn predicate_filter<K, P>(self, predicate: P, _: PredicateConfig) -> PredicateFilter<Self, K, P>
        where
            Self: Stream<Item = Result<K>>,
            K: Resource + 'static,
            P: runtime::Predicate<K> + 'static,
        {
            runtime::WatchStreamExt::predicate_filter(self, predicate)
        }
    }

    impl<S: runtime::WatchStreamExt> WatchStreamExt for S {}
}
