//! Texts that fit on a screen of 80 columns, and that command no terminal.

use unicode_width::UnicodeWidthStr;

use super::report::Reporter;
use crate::diagnostic::reader::Locations;
use crate::menu::draft::DraftScreen;
use crate::menu::model::{Field, Kind};

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

/// Checks the texts of one screen.
pub(super) fn check(reporter: &Reporter, screen: &DraftScreen) {
    let at = screen.locations();
    let (title, help) = match screen {
        DraftScreen::Menu(m) => (&m.menu.title, &m.menu.help),
        DraftScreen::Selector(s) => (&s.selector.title, &s.selector.help),
        DraftScreen::Dialog(d) => (&d.dialog.title, &d.dialog.help),
    };
    lines(reporter, at, "title", title, LINE, 1);
    long(reporter, at, "help", help, HELP);
    match screen {
        DraftScreen::Menu(m) => {
            for item in &m.items {
                lines(reporter, &item.at, "text", &item.item.text, LINE, 3);
                long(reporter, &item.at, "help", &item.item.help, HELP);
            }
        }
        DraftScreen::Selector(s) => field(reporter, &s.selector.field, &s.field_at),
        DraftScreen::Dialog(d) => {
            if let Some(confirm) = &d.dialog.confirm {
                long(reporter, at, "confirm", confirm, CONFIRM);
            }
            d.dialog.fields.iter().zip(&d.fields_at).for_each(|(f, at)| field(reporter, f, at));
        }
    }
}

fn field(reporter: &Reporter, field: &Field, at: &Locations) {
    let room = if field.kind == Kind::Heading { LINE } else { LABEL };
    lines(reporter, at, "label", &field.label, room - INDENT * usize::from(field.indent), 3);
    long(reporter, at, "help", &field.help, HELP);
    long(reporter, at, "default", &field.default, DEFAULT);
    if field.default.contains('\n') {
        reporter.report_key(at, "default", "`default` has more than one line", "");
    }
    if let Some(pattern) = &field.pattern {
        long(reporter, at, "pattern_message", &pattern.message, MESSAGE);
    }
    for (n, choice) in field.choices.iter().enumerate() {
        if choice.shown.width() > SHOWN {
            reporter.report_element(
                at,
                "choices",
                n,
                format!("this choice is {} columns wide", choice.shown.width()),
                format!("allowed: at most {SHOWN}"),
            );
        } else if choice.shown.contains(char::is_control) {
            reporter.report_element(at, "choices", n, "a control character cannot be shown", "");
        }
    }
}

fn lines(reporter: &Reporter, at: &Locations, key: &str, text: &str, columns: usize, most: usize) {
    let widest = text.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
    let count = text.lines().count();
    if widest > columns {
        reporter.report_key(
            at,
            key,
            format!("`{key}` is {widest} columns wide"),
            format!("allowed: at most {columns} in a line"),
        );
    } else if count > most {
        reporter.report_key(
            at,
            key,
            format!("`{key}` has {count} lines"),
            format!("allowed: at most {most}"),
        );
    }
    control(reporter, at, key, text);
}

fn long(reporter: &Reporter, at: &Locations, key: &str, text: &str, most: usize) {
    let count = text.chars().count();
    if count > most {
        reporter.report_key(
            at,
            key,
            format!("`{key}` has {count} characters"),
            format!("allowed: at most {most}"),
        );
    }
    control(reporter, at, key, text);
}

fn control(reporter: &Reporter, at: &Locations, key: &str, text: &str) {
    if let Some(c) = text.chars().find(|c| c.is_control() && *c != '\n') {
        reporter.report_key(
            at,
            key,
            format!("`{key}` has the control character {} in it", c.escape_unicode()),
            "",
        );
    }
}
