//! What users of other systems know, row by row: theirs as a comment, ours below it.

mod client_go;
mod josdk;
mod kopf;
mod policies;
mod rules;
mod script;
