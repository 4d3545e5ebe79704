//! One line of a list, and the list as text.

use crate::text::wrap;

/// Columns of a line: a pop-up list on a terminal with 80 has so many.
pub const WIDTH: usize = 72;

/// One choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub text: String,
    /// It cannot be chosen; the notes say why.
    pub refused: bool,
    pub notes: Vec<String>,
}

/// The whole list as text.
pub fn format_list(heading: &str, rows: &[Row]) -> String {
    let mut text = format!("#{heading}\n");
    for row in rows {
        // The mark is not shown: the columns stay where they are.
        text.push_str(&format!("{}{}\n", if row.refused { "!" } else { "" }, row.text.trim_end()));
        for note in &row.notes {
            for line in wrap(note, WIDTH - 5, 0, 0).lines() {
                text.push_str(&format!("#    {line}\n"));
            }
        }
    }
    text
}

/// `text` in at most `width` columns; what does not fit ends with two points.
pub fn truncate_text(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        text.to_owned()
    } else {
        text.chars().take(width.saturating_sub(2)).chain("..".chars()).collect()
    }
}
