//! Commands in menu files: words or a line for a shell, and how long they may take.

use crate::diagnostic::reader::TableReader;
use crate::menu::model::Run;

/// Seconds that a command may take where the file does not set a limit.
pub(in crate::menu) const DEFAULT_TIMEOUT: u64 = 10;
/// The longest limit that a file can set, in seconds.
pub(in crate::menu) const MAX_TIMEOUT: i64 = 600;

/// `command` or `shell` and the like: one of the two, None if there is neither.
pub(in crate::menu) fn read_run(reader: &TableReader, words: &str, line: &str) -> Option<Run> {
    if reader.has(words) && reader.has(line) {
        reader.report_key(
            line,
            format!("`{words}` and `{line}` are both given"),
            "one of them is enough",
        );
    }
    if reader.has(words) {
        let all = reader.texts(words);
        if reader.is_list(words) && all.first().is_none_or(|w| w.trim().is_empty()) {
            reader.report_key(
                words,
                format!("`{words}` names no program"),
                format!("write {words} = [\"program\", \"word\"]"),
            );
        }
        if all.iter().any(|w| w.contains('\0')) {
            reader.report_key(words, "a zero byte cannot be part of a command", "");
        }
        return Some(Run::Argv(all));
    }
    reader.has(line).then(|| Run::Shell(reader.required_text(line)))
}

/// `timeout`, or the default.
pub(in crate::menu) fn read_timeout(reader: &TableReader) -> u64 {
    reader
        .number("timeout", 1..=MAX_TIMEOUT)
        .and_then(|n| u64::try_from(n).ok())
        .unwrap_or(DEFAULT_TIMEOUT)
}
