//! What the kernel says about processes and threads. Linux only: it is read from `/proc`.

use std::{fs, path::Path, time::Duration};

/// The unit of `/proc/*/stat`, the same on every Linux that Rust builds for.
const TICK: Duration = Duration::from_millis(10);
/// What the kernel keeps of a thread's name.
const THREAD_NAME_BYTES: usize = 15;

/// The processor time that a process has used so far, all its threads and the system's part included.
pub fn cpu_of_process(process_id: u32) -> Option<Duration> {
    Some(stat(Path::new(&format!("/proc/{process_id}")))?.1)
}

/// The processor time that the running threads with this prefix have used so far.
///
/// `None` if there is no such thread. A thread that has ended is not counted any more, so this is to be
/// read while the runtime that owns the threads still exists. Give that runtime a name of its own with
/// `tokio::runtime::Builder::thread_name`; the kernel keeps 15 bytes of it.
pub fn cpu_of_threads(prefix: &str) -> Option<Duration> {
    let prefix = &prefix.as_bytes()[..prefix.len().min(THREAD_NAME_BYTES)];
    fs::read_dir("/proc/self/task")
        .expect("/proc/self/task lists the threads")
        .flatten()
        // A thread that ends in between has no files any more.
        .filter_map(|thread| thread_cpu(&thread.path(), prefix))
        .reduce(|sum, cpu| sum + cpu)
}

/// Whether every thread of a process is stopped by a signal.
pub(crate) fn is_stopped(process_id: u32) -> bool {
    fs::read_dir(format!("/proc/{process_id}/task")).is_ok_and(|threads| {
        threads
            .flatten()
            .all(|thread| stat(&thread.path()).is_none_or(|(state, _)| state == 'T'))
    })
}

fn thread_cpu(thread: &Path, prefix: &[u8]) -> Option<Duration> {
    let name = fs::read(thread.join("comm")).ok()?;
    name.starts_with(prefix).then_some(())?;
    // In nanoseconds, which some kernels leave out.
    let finer = fs::read_to_string(thread.join("schedstat")).ok();
    let on_cpu = finer.and_then(|times| times.split_whitespace().next()?.parse().ok());
    on_cpu.map(Duration::from_nanos).or_else(|| Some(stat(thread)?.1))
}

/// The state of a process or thread, and its processor time.
fn stat(folder: &Path) -> Option<(char, Duration)> {
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    // The name before it, in parentheses, may contain anything.
    let mut fields = stat.rsplit_once(") ")?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    // Fields 14 and 15, after the state, which is field 3.
    let mut times = fields.skip(10).map(str::parse::<u32>);
    let ticks = times.next()?.ok()? + times.next()?.ok()?;
    Some((state, TICK * ticks))
}
