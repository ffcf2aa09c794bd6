//! One source for every major version of kube: `src/kube/`, `src/conditions.rs` and `src/testing/` are compiled once for each.
//!
//! They name no crate of kube themselves, but ask `major!` for what differs. A major has crates of its own in
//! Cargo.toml, renamed, because an open range of versions would not unify with the application's kube.
#![allow(unused_macros)]

/// What the sources ask of their major: here that of the newest.
macro_rules! major {
    (kube) => {
        use ::{kube_client, kube_core, kube_runtime};

        mod status;
    };
    (k8s_openapi) => {
        use ::k8s_openapi;
    };
    (title) => {
        "The adapter for kube-runtime's `Controller`, for kube 5."
    };
    // A line of an example that names the module.
    (module $before:literal $after:literal) => {
        concat!($before, "kube", $after)
    };
    (conditions $before:literal $after:literal) => {
        concat!($before, "conditions", $after)
    };
    (example) => {
        "```"
    };
    (example no_run) => {
        "```no_run"
    };
    (example should_panic) => {
        "```should_panic"
    };
}

/// The first line of an example with an older kube. The doc tests have the newest one only, so `tests/compat/check` compiles
/// these.
#[cfg(doctest)]
macro_rules! older_example {
    () => {
        "```text"
    };
}

#[cfg(not(doctest))]
macro_rules! older_example {
    () => {
        "```"
    };
}

/// Declares the module of an older major; its errors have the details of a status, or do not.
macro_rules! older_major {
    (
        $module:ident, $major:literal, $kube_client:ident, $kube_core:ident, $kube_runtime:ident, $k8s_openapi:ident,
        $status:literal, newer: [$($newer:literal),*]
    ) => {
        macro_rules! major {
            (kube) => {
                use ::{$kube_client as kube_client, $kube_core as kube_core, $kube_runtime as kube_runtime};

                #[path = "../conditions.rs"]
                pub mod conditions;

                #[path = $status]
                mod status;
            };
            (k8s_openapi) => {
                use ::$k8s_openapi as k8s_openapi;
            };
            (title) => {
                concat!("The adapter for kube-runtime's `Controller`, for kube ", $major, ".")
            };
            (module $before:literal $after:literal) => {
                concat!($before, stringify!($module), $after)
            };
            (conditions $before:literal $after:literal) => {
                concat!($before, stringify!($module), "::conditions", $after)
            };
            (example) => {
                older_example!()
            };
            (example no_run) => {
                older_example!()
            };
            (example should_panic) => {
                older_example!()
            };
        }

        #[allow(clippy::duplicate_mod)]
        #[path = "kube/mod.rs"]
        pub mod $module;

        // Where it is the newest that is on, what all majors share links to it.
        #[cfg(all(doc, not(any($(feature = $newer),*))))]
        #[doc(hidden)]
        pub use $module as kube;

        #[cfg(all(doc, not(any(feature = "conditions", $(feature = $newer),*))))]
        #[doc(hidden)]
        pub use $module::conditions;

        #[cfg(all(doc, feature = "testing", not(any($(feature = $newer),*))))]
        #[doc(hidden)]
        pub use $module::testing;
    };
}
