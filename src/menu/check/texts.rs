//! Texts that fit on a screen of 80 columns, and that command no terminal.

use unicode_width::UnicodeWidthStr;

use super::Notes;
use crate::menu::draft::Drafted;
use crate::menu::model::{Field, Kind};
use crate::spot::reader::Where;

/// Columns of a line from column 2 on.
const LINE: usize = 76;
/// From column 2 to the value's bracket.
const LABEL: usize = 50;
const INDENT: usize = 4;
const SHOWN: usize = 60;
/// Characters.
const HELP: usize = 8000;
const CONFIRM: usize = 1000;
const MESSAGE: usize = 300;
const DEFAULT: usize = 4096;

pub(super) fn check(notes: &Notes, screen: &Drafted) {
    let at = screen.at();
    let (title, help) = match screen {
        Drafted::Menu(m) => (&m.menu.title, &m.menu.help),
        Drafted::Selector(s) => (&s.selector.title, &s.selector.help),
        Drafted::Dialog(d) => (&d.dialog.title, &d.dialog.help),
    };
    lines(notes, at, "title", title, LINE, 1);
    long(notes, at, "help", help, HELP);
    match screen {
        Drafted::Menu(m) => {
            for item in &m.items {
                lines(notes, &item.at, "text", &item.item.text, LINE, 3);
                long(notes, &item.at, "help", &item.item.help, HELP);
            }
        }
        Drafted::Selector(s) => field(notes, &s.selector.field, &s.field_at),
        Drafted::Dialog(d) => {
            if let Some(confirm) = &d.dialog.confirm {
                long(notes, at, "confirm", confirm, CONFIRM);
            }
            d.dialog.fields.iter().zip(&d.fields_at).for_each(|(f, at)| field(notes, f, at));
        }
    }
}

fn field(notes: &Notes, field: &Field, at: &Where) {
    let room = if field.kind == Kind::Heading { LINE } else { LABEL };
    lines(notes, at, "label", &field.label, room - INDENT * usize::from(field.indent), 3);
    long(notes, at, "help", &field.help, HELP);
    long(notes, at, "default", &field.default, DEFAULT);
    if field.default.contains('\n') {
        notes.key(at, "default", "`default` has more than one line", "");
    }
    if let Some(pattern) = &field.pattern {
        long(notes, at, "pattern_message", &pattern.message, MESSAGE);
    }
    for (n, choice) in field.choices.iter().enumerate() {
        if choice.shown.width() > SHOWN {
            notes.nth(
                at,
                "choices",
                n,
                format!("this choice is {} columns wide", choice.shown.width()),
                format!("allowed: at most {SHOWN}"),
            );
        } else if choice.shown.contains(char::is_control) {
            notes.nth(at, "choices", n, "a control character cannot be shown", "");
        }
    }
}

fn lines(notes: &Notes, at: &Where, key: &str, text: &str, columns: usize, most: usize) {
    let widest = text.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
    let count = text.lines().count();
    if widest > columns {
        notes.key(
            at,
            key,
            format!("`{key}` is {widest} columns wide"),
            format!("allowed: at most {columns} in a line"),
        );
    } else if count > most {
        notes.key(
            at,
            key,
            format!("`{key}` has {count} lines"),
            format!("allowed: at most {most}"),
        );
    }
    control(notes, at, key, text);
}

fn long(notes: &Notes, at: &Where, key: &str, text: &str, most: usize) {
    let count = text.chars().count();
    if count > most {
        notes.key(
            at,
            key,
            format!("`{key}` has {count} characters"),
            format!("allowed: at most {most}"),
        );
    }
    control(notes, at, key, text);
}

fn control(notes: &Notes, at: &Where, key: &str, text: &str) {
    if let Some(c) = text.chars().find(|c| c.is_control() && *c != '\n') {
        notes.key(
            at,
            key,
            format!("`{key}` has the control character {} in it", c.escape_unicode()),
            "",
        );
    }
}
