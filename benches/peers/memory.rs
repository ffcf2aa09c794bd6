//! Bytes per failing object, from the allocator, and what of them stays when the objects are gone.

use crate::{
    HEAP, Size,
    client_go::{ClientGo, Request},
    table::print_rows,
};
use benches::{Backon, Governor, LONGEST, Rival, Tower, Workload, failing, in_random_order, requeuer};
use stats_alloc::Region;
use std::{sync::Arc, time::Duration};
use tokio::{runtime, time::advance};

/// Bytes per object.
struct Bytes {
    held: f64,
    /// Where they were measured while the memory grew: the most, from half of the objects on.
    most: Option<f64>,
    gone: Option<f64>,
}

pub(crate) fn print(objects: &[Arc<Workload>], client_go: &ClientGo, size: Size) -> anyhow::Result<()> {
    let order = in_random_order(objects, objects.len());
    let mut paused = runtime::Builder::new_current_thread();
    let runtime = paused.enable_time().start_paused(true).build()?;
    let rows = [
        ("requeue-policy", runtime.block_on(ours(&order))),
        (
            "client-go, exponential, string keys",
            theirs(client_go, "string", size)?,
        ),
        (
            "client-go, exponential, struct keys",
            theirs(client_go, "struct", size)?,
        ),
        ("backon, Mutex<HashMap>", rival(&Backon::default(), &order)),
        (
            "tower, Mutex<HashMap>",
            rival(&Tower::new(runtime.handle().clone()), &order),
        ),
        ("governor, keyed", rival(&Governor::default(), &order)),
    ];
    let count = format!("bytes per object, {} objects", order.len());
    let head = [
        count.as_str(),
        "held",
        "most while it grew",
        "",
        "left when all are gone",
    ];
    let whole = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.1}"));
    let cells = rows.iter().map(|(name, bytes)| {
        [
            (*name).to_owned(),
            whole(Some(bytes.held)),
            whole(bytes.most),
            String::new(),
            whole(bytes.gone),
        ]
    });
    println!();
    print_rows(&[head.map(str::to_owned)].into_iter().chain(cells).collect::<Vec<_>>());
    Ok(())
}

async fn ours(order: &[Arc<Workload>]) -> Bytes {
    let region = Region::new(HEAP);
    let requeue = requeuer();
    let fail = failing(&requeue);
    let (held, most) = fill(&region, order, |object| {
        fail((object.clone(), Arc::default()));
    });
    assert_eq!(requeue.tracked(), order.len());
    // One object lives on, and its triggers are what forgets the others.
    for _ in 0..1000 {
        advance(Duration::from_secs(10)).await;
        fail((order[0].clone(), Arc::default()));
    }
    assert_eq!(
        requeue.tracked(),
        1,
        "after {:?} all others are forgotten",
        LONGEST * 10
    );
    Bytes {
        held,
        most: Some(most),
        gone: Some(bytes(&region) / order.len() as f64),
    }
}

fn rival(rival: &dyn Rival, order: &[Arc<Workload>]) -> Bytes {
    let region = Region::new(HEAP);
    let (held, most) = fill(&region, order, |object| {
        rival.failed(object);
    });
    for object in order {
        rival.succeeded(object);
    }
    let left = bytes(&region) / order.len() as f64;
    Bytes {
        held,
        most: Some(most),
        gone: Some(left),
    }
}

/// Lets the objects fail one after the other; returns what is held per object at the end, and the most from half of
/// them on.
fn fill(region: &Region<std::alloc::System>, order: &[Arc<Workload>], fail: impl Fn(&Arc<Workload>)) -> (f64, f64) {
    let mut most = 0.0_f64;
    for (n, object) in order.iter().enumerate() {
        fail(object);
        if n >= order.len() / 2 {
            most = most.max(bytes(region) / (n + 1) as f64);
        }
    }
    (bytes(region) / order.len() as f64, most)
}

fn bytes(region: &Region<std::alloc::System>) -> f64 {
    let change = region.change();
    change.bytes_allocated as f64 - change.bytes_deallocated as f64
}

fn theirs(client_go: &ClientGo, keys: &'static str, size: Size) -> anyhow::Result<Bytes> {
    let count = size.objects[2];
    let answer = client_go.ask(Request {
        what: "memory",
        limiter: "exponential",
        keys,
        count,
        threads: 1,
        calls: count,
    })?;
    Ok(Bytes {
        held: answer.value,
        most: None,
        gone: Some(answer.forgotten),
    })
}
