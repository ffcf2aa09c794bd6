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

/// Declares the module of an older major; its errors have the details of a status, or do not.
macro_rules! older_major {
    (
        $module:ident, $major:literal, $kube_client:ident, $kube_core:ident, $kube_runtime:ident, $k8s_openapi:ident,
        $status:literal
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
                concat!(
                    "The adapter for kube-runtime's `Controller`, for kube ",
                    $major,
                    "; write `requeue_policy::",
                    stringify!($module),
                    "` where examples, written for the newest kube, say `requeue_policy::kube`."
                )
            };
            // Examples are compiled with the newest kube only.
            (example) => {
                "```text"
            };
            (example no_run) => {
                "```text"
            };
            (example should_panic) => {
                "```text"
            };
        }

        #[allow(clippy::duplicate_mod)]
        #[path = "kube/mod.rs"]
        pub mod $module;
    };
}
