//! The operator on kube 3.

#[path = "../../operator.rs"]
mod operator;

use requeue_policy::kube_3::{self as requeue, conditions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = kube::Client::try_default().await?;
    match std::env::args().nth(1).as_deref() {
        Some("from") => operator::run_from(client).await,
        Some("parts") => operator::run_parts(client).await,
        _ => operator::run(client).await,
    }
}
