//! Lists of names in sentences.

use std::collections::BTreeSet;

/// A sentence lists this many names.
const MAX_LISTED: usize = 12;

/// `a, b, c`, of many names the first and the number of the others.
pub fn join_names(names: BTreeSet<String>) -> String {
    let more = names.len().saturating_sub(MAX_LISTED);
    let shown = names.into_iter().take(MAX_LISTED).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}
