//! The types that every API server has.

use crate::resource::Resource;

/// Whether the objects live in namespaces.
const NAMESPACED: u8 = 1;
/// Whether the status is a subresource.
const STATUS: u8 = 2;
/// Whether the server counts the generation.
const GENERATION: u8 = 4;

/// Types that have all of it.
const WORKLOAD: u8 = NAMESPACED | STATUS | GENERATION;

/// The kind, the plural and what it has.
type Type = (&'static str, &'static str, u8);

/// By group and version.
const TYPES: &[(&str, &str, &[Type])] = &[
    (
        "",
        "v1",
        &[
            ("ConfigMap", "configmaps", NAMESPACED),
            ("Endpoints", "endpoints", NAMESPACED),
            ("Event", "events", NAMESPACED),
            ("LimitRange", "limitranges", NAMESPACED),
            ("Namespace", "namespaces", STATUS),
            ("Node", "nodes", STATUS),
            ("PersistentVolume", "persistentvolumes", STATUS),
            ("PersistentVolumeClaim", "persistentvolumeclaims", NAMESPACED | STATUS),
            ("Pod", "pods", WORKLOAD),
            ("PodTemplate", "podtemplates", NAMESPACED | GENERATION),
            ("ReplicationController", "replicationcontrollers", WORKLOAD),
            ("ResourceQuota", "resourcequotas", NAMESPACED | STATUS),
            ("Secret", "secrets", NAMESPACED),
            ("Service", "services", NAMESPACED | STATUS),
            ("ServiceAccount", "serviceaccounts", NAMESPACED),
        ],
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        &[
            (
                "MutatingWebhookConfiguration",
                "mutatingwebhookconfigurations",
                GENERATION,
            ),
            (
                "ValidatingWebhookConfiguration",
                "validatingwebhookconfigurations",
                GENERATION,
            ),
        ],
    ),
    (
        "apiextensions.k8s.io",
        "v1",
        &[(
            "CustomResourceDefinition",
            "customresourcedefinitions",
            STATUS | GENERATION,
        )],
    ),
    (
        "apps",
        "v1",
        &[
            ("ControllerRevision", "controllerrevisions", NAMESPACED),
            ("DaemonSet", "daemonsets", WORKLOAD),
            ("Deployment", "deployments", WORKLOAD),
            ("ReplicaSet", "replicasets", WORKLOAD),
            ("StatefulSet", "statefulsets", WORKLOAD),
        ],
    ),
    (
        "autoscaling",
        "v2",
        &[(
            "HorizontalPodAutoscaler",
            "horizontalpodautoscalers",
            NAMESPACED | STATUS,
        )],
    ),
    (
        "batch",
        "v1",
        &[("CronJob", "cronjobs", WORKLOAD), ("Job", "jobs", WORKLOAD)],
    ),
    ("coordination.k8s.io", "v1", &[("Lease", "leases", NAMESPACED)]),
    (
        "discovery.k8s.io",
        "v1",
        &[("EndpointSlice", "endpointslices", NAMESPACED | GENERATION)],
    ),
    ("events.k8s.io", "v1", &[("Event", "events", NAMESPACED)]),
    (
        "networking.k8s.io",
        "v1",
        &[
            ("Ingress", "ingresses", WORKLOAD),
            ("IngressClass", "ingressclasses", GENERATION),
            ("NetworkPolicy", "networkpolicies", NAMESPACED | GENERATION),
        ],
    ),
    (
        "policy",
        "v1",
        &[("PodDisruptionBudget", "poddisruptionbudgets", WORKLOAD)],
    ),
    (
        "rbac.authorization.k8s.io",
        "v1",
        &[
            ("ClusterRole", "clusterroles", 0),
            ("ClusterRoleBinding", "clusterrolebindings", 0),
            ("Role", "roles", NAMESPACED),
            ("RoleBinding", "rolebindings", NAMESPACED),
        ],
    ),
    (
        "scheduling.k8s.io",
        "v1",
        &[("PriorityClass", "priorityclasses", GENERATION)],
    ),
    ("storage.k8s.io", "v1", &[("StorageClass", "storageclasses", 0)]),
];

pub(crate) fn resources() -> Vec<Resource> {
    let mut resources = Vec::new();
    for &(group, version, types) in TYPES {
        resources.extend(types.iter().map(|&(kind, plural, has)| Resource {
            namespaced: has & NAMESPACED != 0,
            status_subresource: has & STATUS != 0,
            generation: has & GENERATION != 0,
            built_in: true,
            ..Resource::namespaced(group, version, kind, plural)
        }));
    }
    resources
}
