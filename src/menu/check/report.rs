//! Where the checks report what they find.

use std::ops::Range;

use crate::diagnostic::reader::{Diagnostics, Locations};
use crate::menu::draft::Draft;

/// Collects the problems, each at its place in its file.
pub(super) struct Reporter<'a> {
    /// All files.
    pub draft: &'a Draft,
    /// The problems found so far.
    pub found: &'a Diagnostics,
}

impl Reporter<'_> {
    /// At these bytes of the file.
    pub fn report_span(
        &self,
        at: &Locations,
        span: Range<usize>,
        wrong: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        if let Some(file) = self.draft.files.get(at.file) {
            self.found.borrow_mut().push(file.diagnostic(span, wrong, allowed));
        }
    }

    /// At the value of a key, or at the table where the key is missing.
    pub fn report_key(
        &self,
        at: &Locations,
        key: &str,
        wrong: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        self.report_span(at, at.value_span(key), wrong, allowed);
    }

    /// At the element number `n` of a key's list.
    pub fn report_element(
        &self,
        at: &Locations,
        key: &str,
        n: usize,
        wrong: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        self.report_span(at, at.element_span(key, n), wrong, allowed);
    }

    /// At `needle` within these bytes, where it is written as it is.
    pub fn report_within(
        &self,
        at: &Locations,
        span: Range<usize>,
        needle: &str,
        wrong: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        let text = self
            .draft
            .files
            .get(at.file)
            .and_then(|f| f.text.get(span.clone()))
            .unwrap_or_default();
        let begin = text.find(needle).map_or(span.start, |n| span.start + n);
        self.report_span(at, begin..span.end, wrong, allowed);
    }
}
