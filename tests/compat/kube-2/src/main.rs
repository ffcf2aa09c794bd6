//! The operator on kube 2.

/// Takes one argument before kube 3.
macro_rules! predicate_filter {
    ($stream:expr, $predicate:expr) => {
        $stream.predicate_filter($predicate)
    };
}

#[path = "../../operator.rs"]
mod operator;

use requeue_policy::kube_2::{self as requeue, conditions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = kube::Client::try_default().await?;
    match std::env::args().nth(1).as_deref() {
        Some("filtered") => operator::run_filtered(client).await,
        _ => operator::run(client).await,
    }
}
