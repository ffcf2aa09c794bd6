//! The operator on kube 4.

/// Takes a second argument since kube 3.
macro_rules! predicate_filter {
    ($stream:expr, $predicate:expr) => {
        $stream.predicate_filter($predicate, kube::runtime::PredicateConfig::default())
    };
}

#[path = "../../operator.rs"]
mod operator;

use requeue_policy::kube_4::{self as requeue, conditions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = kube::Client::try_default().await?;
    match std::env::args().nth(1).as_deref() {
        Some("filtered") => operator::run_filtered(client).await,
        _ => operator::run(client).await,
    }
}
