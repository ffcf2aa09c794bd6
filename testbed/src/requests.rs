//! How many requests there were.

use std::ops::Sub;

use crate::call::Verb;

/// How many requests there were, by what they do. The difference of two counts tells what came between them.
///
/// A watch is a request each time it is opened: kube's watcher opens it anew every 290 seconds, 298 times a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Lists, each page a request.
    pub list: u64,
    /// Watches started.
    pub watch: u64,
    /// Reads of one object.
    pub get: u64,
    /// Creations.
    pub create: u64,
    /// Replacements of an object.
    pub replace: u64,
    /// Replacements of a status.
    pub replace_status: u64,
    /// Patches of an object.
    pub patch: u64,
    /// Patches of a status.
    pub patch_status: u64,
    /// Deletions, of an object or of a collection.
    pub delete: u64,
    /// All of these, those of discovery, and those that the server did not understand.
    pub total: u64,
}

impl Requests {
    pub(crate) fn count(&mut self, verb: Option<Verb>) {
        self.total += 1;
        let counter = match verb {
            Some(Verb::List) => &mut self.list,
            Some(Verb::Watch) => &mut self.watch,
            Some(Verb::Get) => &mut self.get,
            Some(Verb::Create) => &mut self.create,
            Some(Verb::Replace) => &mut self.replace,
            Some(Verb::ReplaceStatus) => &mut self.replace_status,
            Some(Verb::Patch) => &mut self.patch,
            Some(Verb::PatchStatus) => &mut self.patch_status,
            Some(Verb::Delete | Verb::DeleteCollection) => &mut self.delete,
            None => return,
        };
        *counter += 1;
    }
}

impl Sub for Requests {
    type Output = Self;

    /// Counts what came after `earlier`, a count of the same server. Panics if it is not the earlier one.
    fn sub(self, earlier: Self) -> Self {
        let less = |now: u64, before: u64| now.checked_sub(before).expect("the earlier count is subtracted");
        Self {
            list: less(self.list, earlier.list),
            watch: less(self.watch, earlier.watch),
            get: less(self.get, earlier.get),
            create: less(self.create, earlier.create),
            replace: less(self.replace, earlier.replace),
            replace_status: less(self.replace_status, earlier.replace_status),
            patch: less(self.patch, earlier.patch),
            patch_status: less(self.patch_status, earlier.patch_status),
            delete: less(self.delete, earlier.delete),
            total: less(self.total, earlier.total),
        }
    }
}
