//! The k8s-openapi of kube 1 with the newest one's names: its times are of chrono, and of jiff since kube 3.

pub use real::*;

pub mod jiff {
    pub type Timestamp = chrono::DateTime<chrono::Utc>;
}
