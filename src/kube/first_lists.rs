//! The first lists of the watches beside the controller's own: the first reconciles wait for them.

use crate::sync::{Mutex, MutexGuard, PoisonError};
use futures::{channel::oneshot, future};
use std::{sync::Arc, time::Duration};

/// For how long the first reconciles wait for the other watches' first lists.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The first lists of the watches beside the controller's own.
#[derive(Clone, Default)]
pub(super) struct FirstLists(Arc<Mutex<Vec<oneshot::Receiver<()>>>>);

impl FirstLists {
    /// One more watch, which says when its first list is there.
    pub(super) fn one_more(&self) -> oneshot::Sender<()> {
        let (there, first) = oneshot::channel();
        self.lock().push(first);
        there
    }

    /// Waits until all are there, or for a while: a watch that fails stops nothing.
    pub(super) async fn wait(self) {
        let all = std::mem::take(&mut *self.lock());
        // Too late is as good as in time.
        let _ = tokio::time::timeout(LONGEST_WAIT, future::join_all(all)).await;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<oneshot::Receiver<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
