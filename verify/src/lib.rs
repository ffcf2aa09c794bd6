//! What the programs of this package share: a kind, random numbers, virtual time, and a controller's calls without a
//! controller.

mod caller;
mod number;
mod random;
mod thing;

pub use caller::{Caller, delay};
pub use number::number_from_env;
pub use random::Random;
pub use thing::{Micros, Thing, ThingSpec, ThingStatus, observe_panics, starts_at, wall};

/// Plays this in a runtime of its own, whose time passes only while nothing else is to be done.
pub fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("a runtime without I/O starts").block_on(future)
}

/// A list of test functions of modules, each with its name: `trials![trial: module::function, ..]`, made by `trial(name, function)`.
#[macro_export]
macro_rules! trials {
    ($trial:path: $($module:ident::$function:ident),* $(,)?) => {
        vec![$($trial(stringify!($function), $module::$function)),*]
    };
}
