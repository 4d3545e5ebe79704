//! Themes: what each role of text looks like, which glyphs draw frames and marks, how many colours
//! there are.

pub mod choose;
pub mod load;

use ratatui::style::{Modifier, Style};

/// What a piece of the screen is for; a theme says how each looks. The golden screens show the
/// letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// `.` Text that is nothing special.
    Text,
    /// `T` A screen's title.
    Title,
    /// `I` What to do on this screen.
    Instruction,
    /// `S` The item or field that the cursor is on.
    Selected,
    /// `M` Marks: `*`, `+`, `#`, `>`.
    Mark,
    /// `L` A field's label.
    Label,
    /// `V` A field's value.
    Value,
    /// `D` What cannot be chosen, and why.
    Disabled,
    /// `H` Headings and separators.
    Heading,
    /// `K` A key in the legend.
    Key,
    /// `k` What that key does.
    KeyText,
    /// `B` Frames.
    Border,
    /// `W` Warnings.
    Warning,
    /// `E` Errors and what failed.
    Error,
    /// `O` What went well.
    Ok,
    /// `R` What runs now; progress.
    Running,
    /// `e` A program's standard error.
    Stderr,
    /// `C` Command lines.
    Command,
    /// `F` What find has found.
    Found,
    /// `N` Notes; less important text.
    Note,
}

impl Role {
    /// All of them, with the letter that golden screens show.
    pub const ALL: [(Role, char, &str); 20] = [
        (Role::Text, '.', "text"),
        (Role::Title, 'T', "title"),
        (Role::Instruction, 'I', "instruction"),
        (Role::Selected, 'S', "selected"),
        (Role::Mark, 'M', "mark"),
        (Role::Label, 'L', "label"),
        (Role::Value, 'V', "value"),
        (Role::Disabled, 'D', "disabled"),
        (Role::Heading, 'H', "heading"),
        (Role::Key, 'K', "key"),
        (Role::KeyText, 'k', "key_text"),
        (Role::Border, 'B', "border"),
        (Role::Warning, 'W', "warning"),
        (Role::Error, 'E', "error"),
        (Role::Ok, 'O', "ok"),
        (Role::Running, 'R', "running"),
        (Role::Stderr, 'e', "stderr"),
        (Role::Command, 'C', "command"),
        (Role::Found, 'F', "found"),
        (Role::Note, 'N', "note"),
    ];
}

/// How the item under the cursor is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Highlight {
    /// Its label has the look of [`Role::Selected`].
    Label,
    /// The whole row has.
    Row,
    /// A `>` stands before it, nothing else changes: fewest bytes on a slow line.
    Marker,
}

/// Which characters draw frames and marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyphs {
    /// Box drawing, bars, check marks.
    Unicode,
    /// Box drawing alone, which the terminal's own line-drawing set has too.
    Line,
    /// `+-|` and `[##..]`.
    Ascii,
}

/// A theme.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    pub name: String,
    pub about: String,
    pub highlight: Highlight,
    pub glyphs: Glyphs,
    /// 0 (reverse, bold, underline only), 8, 16 or 256.
    pub colors: u16,
    /// In the order of [`Role::ALL`].
    pub styles: Vec<Style>,
}

impl Theme {
    /// The style of a role; the plain one if the theme has none for it.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// Reverse video for the selection and the title in bold: what every terminal can show.
    pub fn mono() -> Self {
        let styles = Role::ALL.iter().map(|(role, ..)| match role {
            Role::Selected => Style::new().add_modifier(Modifier::REVERSED),
            Role::Title | Role::Error | Role::Warning => Style::new().add_modifier(Modifier::BOLD),
            _ => Style::new(),
        });
        Self {
            name: "mono".into(),
            about: "reverse video and bold, for terminals without colour".into(),
            highlight: Highlight::Label,
            glyphs: Glyphs::Ascii,
            colors: 0,
            styles: styles.collect(),
        }
    }
}

#[cfg(test)]
mod tests;
