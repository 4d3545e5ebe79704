//! What the interface says by itself: help for what is not a panel, the keys, about.

use crossterm::event::KeyCode;

use crate::menu::model::Kind;
use crate::theme::Role;
use crate::tui::keys::{KeyNames, name};
use crate::tui::layer::{Layer, ListPurpose};
use crate::tui::model::Model;
use crate::tui::screens::form::Form;
use crate::tui::screens::text::{Text, TextKind};

/// Help for the list of themes.
pub const THEMES: &str = "A theme sets the colours, line characters and marks of the screens. Put the cursor on one and press Enter: the \
screens change at once, and altdisk keeps it for the next time. `serial` sends the fewest characters, for slow lines; `mono` needs no colours.";

/// Help for the list of jobs.
pub const JOBS: &str = "Everything that altdisk runs is a job. It keeps running when you leave its screen, leave altdisk, or lose the connection. Put \
the cursor on a job and press Enter to see how it goes, or how it ended.";

/// Shown when a pasted text ended in a line break.
pub const PASTED_LINE_BREAK: &str =
    "A pasted line break is not Enter. Check the text, then press Enter.";
/// Shown when a pasted text had several lines.
pub const PASTED_LINES: &str = "Only one line can be pasted here. Nothing was pasted.";
/// Shown when there is no field for a pasted text.
pub const PASTED_NOWHERE: &str = "Text cannot be pasted here.";

const LIST: &str = "Up and Down move the cursor, PageUp and PageDown a page, Home and End to the ends. / searches for text, n for its next occurrence. \
Lines that are grey cannot be chosen; put the cursor on one to see why. Enter takes what is chosen, Cancel changes nothing.";

const REVIEW: &str = "This screen says what will happen, and nothing has happened yet: what will be erased, the steps, the time that it may \
take, what the machine starts from afterwards, and how to go back.

If something on a disk would be lost, you are asked to type that disk's serial number or name. This is so that nothing is erased by a slip of the finger. \
When it is typed, press Enter: the command in the last line is run. Cancel goes back to the form; nothing is changed then.

Up, Down, PageUp and PageDown move through the text.";

const STATUS: &str = "This screen follows a command while it runs, and shows what it said when it has ended.

`Command:` says running, OK or failed. `stdout` and `stderr` say whether the command has written something there. Many programs write to stderr \
although nothing is wrong.

F3 leaves this screen, and the command keeps running. To see it again, choose \"Running and Finished Jobs\" in the first menu, or start altdisk again. \
The command also keeps running when you leave altdisk or lose the line. Ctrl-C stops it, after a question.

Its output is below. The arrow keys, PageUp, PageDown, Home and End move in it; at its end, new lines scroll in. / searches for text, n for its next occurrence. f shows \
other kinds of lines: everything, or only warnings and errors. w cuts long lines, which Left and Right then move, or wraps them.

A command with several steps has a list of them: Tab goes there and back. On a wide screen both are shown, and Tab says which one the keys move.";

const SURE: &str = "The command of this form may remove something for good, so you are asked once more. Enter runs it. Cancel goes back to \
the form, and nothing is changed.";

const ERROR: &str = "An error occurred. The message says what is wrong and usually how to fix it. Nothing was run that is not named in the text. \
If there is a number such as ALT-205, the panel \"What an Error Number Means\" in the first menu, or `altdisk explain ALT-205` at the shell prompt, shows what it means.";

const IMAGE: &str = "The screen below is written to two files in your home directory: as text, and as a picture that any web browser shows. Good to \
show somebody else, or to keep. The fast path is the name by which this panel can be opened at once: altdisk ui NAME.";

const EDIT: &str = "Left and Right move in the text, Home and End to its ends. Backspace and Delete remove a character, Ctrl-K everything up to \
the end, Ctrl-U everything. Enter takes the text, Cancel leaves the field as it was.";

/// F1 for what is on top; None where it means nothing.
pub fn help(model: &Model) -> Option<Text> {
    let join = |first: &str, second: String| {
        if second.trim().is_empty() {
            first.to_owned()
        } else {
            format!("{}\n\n{second}", first.trim_end())
        }
    };
    Some(match model.top()? {
        Layer::Menu(menu) => match menu.item() {
            Some(item) if !item.help.trim().is_empty() => {
                Text::help(item.text.trim(), &join(&item.help, menu.menu.help.clone()))
            }
            _ => Text::help(&menu.menu.title, &menu.menu.help),
        },
        Layer::Form(form) => of_form(form),
        Layer::List(list, ListPurpose::Field) => {
            Text::help(list.title(), &join(&list.help, LIST.to_owned()))
        }
        Layer::List(list, _) => Text::help(list.title(), &list.help),
        Layer::Edit(edit) => {
            Text::help(&edit.field().title(), &join(&edit.field().help, EDIT.to_owned()))
        }
        Layer::Review(_) => Text::help("What will happen", REVIEW),
        Layer::Status(_) => Text::help("COMMAND STATUS", STATUS),
        Layer::Wait(_) => return None,
        Layer::Text(text) => match text.kind {
            TextKind::Help => return None,
            TextKind::Sure => Text::help("ARE YOU SURE??", SURE),
            TextKind::Error => Text::help("ERROR MESSAGE", ERROR),
            TextKind::Image => Text::help("PRINT SCREEN", IMAGE),
            TextKind::Command => Text::help(
                "SHOW COMMAND STRING",
                "This is exactly the command line that Enter runs in the form. Typed at a shell prompt, it does the same.",
            ),
            TextKind::Note | TextKind::Page => {
                Text::help("This text", "Press Enter or Cancel to go back to the screen before.")
            }
        },
    })
}

fn of_form(form: &Form) -> Text {
    let mut text = String::new();
    let about = match form.field() {
        Some(field) => {
            text.push_str(field.help.trim_end());
            let how = match field.kind {
                _ if field.help.contains("F4") => "",
                Kind::Ring => "Tab and Backtab change this value; F4 shows all that there are.",
                _ if Form::has_list(field) => "F4 shows what can be chosen.",
                _ => "",
            };
            if !how.is_empty() {
                text.push_str(&format!("\n\n{how}"));
            }
            field.title()
        }
        None => form.dialog.title.clone(),
    };
    if form.field().is_some() && !form.dialog.help.trim().is_empty() {
        text.push_str(&format!("\n\n{}:\n\n", form.dialog.title));
    }
    text.push_str(&form.dialog.help);
    Text::help(&about, &text)
}

/// What F8 will do.
pub fn image(model: &Model) -> String {
    let (fastpath, home) = (model.fastpath(), &model.options.home);
    let path = match model.set.open(&fastpath) {
        _ if fastpath.is_empty() => String::new(),
        Ok(_) => format!(
            "Current fast path:\n    \"{fastpath}\"\n\nThis opens the same panel from a shell prompt:\n    {}\n\n",
            model.options.opens(&fastpath)
        ),
        Err(_) => "This panel needs the answers of the panel before it: no command opens it by itself.\n\n".to_owned(),
    };
    format!("{path}The files are written to:\n    {home}")
}

/// Which files F8 has written.
pub fn saved(files: &[String]) -> String {
    format!(
        "The screen was written to:\n{}",
        files.iter().map(|f| format!("    {f}\n")).collect::<String>()
    )
}

/// What every key does.
pub fn keys(key_names: KeyNames) -> Vec<(String, Role)> {
    let f = |n: u8| match key_names {
        KeyNames::Function => format!("{}, Esc {}", name(KeyCode::F(n), key_names), n % 10),
        KeyNames::Escape => name(KeyCode::F(n), key_names),
    };
    let mut rows: Vec<(String, &str)> = vec![
        ("Up, Down".into(), "Move the cursor."),
        ("Enter".into(), "Do: open, run, or take what is chosen."),
        (f(1), "Help for the line or field that the cursor is on."),
        (f(2), "Redraw the screen; also Ctrl-L."),
        (f(3), "Cancel: one screen back. Also Esc Esc."),
        (f(4), "List what can be chosen for a field marked +."),
        (f(5), "Restore the field's first value."),
        (f(6), "Show the command line that Enter would run."),
        (f(7), "Edit the field in a window; in a list: mark a line."),
        (f(8), "Image: the screen to files; shows the fast path."),
        (f(9), "Open a shell; `exit` returns."),
        (f(10), "Leave altdisk; jobs keep running."),
        ("Tab, Backtab".into(), "The next or previous value of a field not typed."),
        ("Tab in a status".into(), "The steps of the command, or what it says."),
        ("f, w in a status".into(), "f: other kinds of lines. w: cut or wrap long lines."),
        ("Ctrl-C in a status".into(), "Stop the command, after a question."),
        ("PageUp, PageDown".into(), "A page; also Ctrl-B and Ctrl-F, Esc v and Ctrl-V."),
        ("Home, End".into(), "The ends of a text; else the first or last line."),
        ("/ then a text".into(), "Find it in a list or in output; n: the next one."),
        ("Left, Right".into(), "Move in a field's text; scroll wide lines sideways."),
        ("Ctrl-A, Ctrl-E".into(), "The beginning or the end of a field's text."),
        ("Ctrl-X, Ctrl-K".into(), "Delete a character, the rest; Ctrl-U deletes all."),
        ("Ctrl-Z".into(), "Suspend altdisk; `fg` in the shell resumes it."),
    ];
    if key_names == KeyNames::Escape {
        rows.insert(
            2,
            ("Esc, then a digit".into(), "A function key: 1 is the first, 0 the tenth."),
        );
    }
    let mut text = vec![];
    text.extend(rows.into_iter().map(|(key, what)| (format!(" {key:<18} {what}"), Role::Text)));
    text.push((
        "\nMarks beside fields:\n\n *   must be filled in\n +   F4 lists what can be chosen\n #   a number\n X   a hexadecimal number\n /   a path name\n ?   not shown while it is typed".into(),
        Role::Text,
    ));
    text
}

/// The page "About and Help".
pub fn about() -> Vec<(String, Role)> {
    let head = format!("altdisk {}", env!("CARGO_PKG_VERSION"));
    let text = "
altdisk makes a bootable copy of the running system on another disk, while the machine keeps working. You can update and change the copy, then boot it. If something is wrong with it, the machine boots the old disk again, which was never changed.

Everything that these screens do is a command line. F6 shows it before Enter runs it, and smit.script in your home directory records it, \
so that you can run it again without the screens. smit.log records the output.

A command keeps running when you leave its screen, leave altdisk, or lose the connection. The jobs are in the first menu.

The first clone:

  1. Choose the clone in the first menu.
  2. Press F4 and choose the disk for the copy.
  3. Press Enter, read what will happen, answer the questions, press Enter.

Menus are text files, and you can add panels for other commands: `altdisk help menus` explains how, and `altdisk --check` finds the mistakes in a file.

altdisk follows alt_disk_install and SMIT of AIX. It is free software, under the MIT licence or the Apache licence 2.0.";
    vec![(head, Role::Heading), (text.to_owned(), Role::Text)]
}
