//! One menu file: its tables become drafts. Every mistake is noted and reading goes on.

use crate::menu::draft::{
    DraftAlias, DraftDialog, DraftItem, DraftMenu, DraftSelector, Drafted, Parsed,
};
use crate::menu::model::{
    Alias, Builtin, Dialog, How, Item, Menu, Mode, Next, Run, Selector, Target,
};
use crate::menu::read_field::{self, Owner};
use crate::spot::near;
use crate::spot::reader::{self, File, Found, Reader};

/// Screens that are code.
const BUILTINS: &[(&str, Builtin)] = &[
    ("@jobs", Builtin::Jobs),
    ("@themes", Builtin::Themes),
    ("@keys", Builtin::Keys),
    ("@about", Builtin::About),
];
/// SMIT's execution modes.
const MODES: &[(&str, Mode)] = &[
    ("p", Mode { how: How::Pipe, back: false }),
    ("n", Mode { how: How::Still, back: false }),
    ("i", Mode { how: How::Inherit, back: false }),
    ("e", Mode { how: How::Exec, back: false }),
    ("P", Mode { how: How::Pipe, back: true }),
    ("N", Mode { how: How::Still, back: true }),
    ("I", Mode { how: How::Inherit, back: true }),
    ("E", Mode { how: How::Exec, back: true }),
];
/// Seconds that a command may take if the file does not say it, and the most that it can say.
pub(super) const TIMEOUT: u64 = 10;
pub(super) const LONGEST: i64 = 600;
/// Characters of an id.
const ID: usize = 64;

const ITEM: &[&str] = &["text", "goto", "help", "order"];
const ADDED: &[&str] = &["menu", "text", "goto", "help", "order"];
const MENU: &[&str] = &["id", "title", "help", "item"];
const SELECTOR: &[&str] = &[
    "id",
    "title",
    "help",
    "field",
    "goto",
    "goto_prefix",
    "classify",
    "classify_shell",
    "timeout",
    "ghost",
    "after_selector",
];
const DIALOG: &[&str] = &[
    "id",
    "title",
    "help",
    "field",
    "command",
    "shell",
    "mode",
    "confirm",
    "review",
    "ghost",
    "discover",
    "discover_shell",
    "timeout",
    "root",
    "after_selector",
];

/// What a file says, and whether all of it could be read: false if it is not TOML.
pub fn read(file: &File, number: usize, found: &Found) -> (Parsed, bool) {
    let table = match reader::parse(file) {
        Ok(table) => table,
        Err(spots) => {
            found.borrow_mut().extend(spots);
            return (Parsed::default(), false);
        }
    };
    // What is read owns its texts; the table goes with this function.
    let top = Reader::new(
        file,
        number,
        &table,
        0..0,
        found,
        "a menu file",
        &["menu", "item", "alias", "selector", "dialog"],
    );
    let mut parsed = Parsed::default();
    parsed.screens.extend(top.tables("menu", "a menu", MENU).iter().map(menu));
    parsed.items.extend(top.tables("item", "an item", ADDED).iter().map(|r| item(r, added_to(r))));
    parsed.aliases.extend(top.tables("alias", "an alias", &["name", "goto"]).iter().map(alias));
    parsed
        .screens
        .extend(top.tables("selector", "a selector", SELECTOR).iter().filter_map(selector));
    parsed.screens.extend(top.tables("dialog", "a dialog", DIALOG).iter().map(dialog));
    (parsed, true)
}

/// An id, with only characters that are no trouble on a command line.
fn id(reader: &Reader, key: &str) -> String {
    let id = reader.needed(key);
    if let Some(c) = id.chars().find(|c| !(c.is_ascii_alphanumeric() || "_-.".contains(*c))) {
        reader.wrong(
            key,
            format!("`{}` cannot be part of an id", c.escape_debug()),
            "allowed: letters, digits, _ - .",
        );
    } else if id.starts_with(['-', '.']) {
        reader.wrong(key, "an id begins with a letter or digit", "");
    } else if id.chars().count() > ID {
        reader.wrong(
            key,
            format!("this id has {} characters", id.chars().count()),
            format!("allowed: at most {ID}"),
        );
    }
    id
}

fn menu(reader: &Reader) -> Drafted {
    let menu = Menu {
        id: id(reader, "id"),
        title: reader.needed("title"),
        help: reader.needed("help"),
        items: vec![],
    };
    let items = reader.tables("item", "an item of a menu", ITEM);
    let items = items.iter().zip(1..).map(|(r, n)| {
        let mut item = item(r, menu.id.clone());
        item.order = item.order.or(Some(n * 10));
        item
    });
    Drafted::Menu(DraftMenu { at: reader.places(), items: items.collect(), menu })
}

fn added_to(reader: &Reader) -> String {
    reader.needed("menu")
}

fn item(reader: &Reader, menu: String) -> DraftItem {
    let goto = reader.has("goto").then(|| target(reader)).flatten();
    let item =
        Item { text: reader.needed("text"), help: reader.text("help").unwrap_or_default(), goto };
    DraftItem {
        menu,
        item,
        order: reader.number("order", -1_000_000..=1_000_000),
        at: reader.places(),
    }
}

/// `goto`: an id, or one of the screens that are code.
fn target(reader: &Reader) -> Option<Target> {
    let text = reader.needed("goto");
    if !text.starts_with('@') {
        return (!text.is_empty()).then_some(Target::Screen(text));
    }
    let found = BUILTINS.iter().find(|(name, _)| *name == text).map(|(_, b)| Target::Builtin(*b));
    if found.is_none() {
        let names = BUILTINS.iter().map(|(name, _)| *name);
        reader.wrong("goto", format!("there is no screen `{text}`"), near::allowed(&text, names));
    }
    found
}

fn alias(reader: &Reader) -> DraftAlias {
    DraftAlias {
        alias: Alias { name: id(reader, "name"), goto: reader.needed("goto") },
        at: reader.places(),
    }
}

/// `command` or `shell` and the like: one of the two, None if there is neither.
pub(super) fn run(reader: &Reader, words: &str, line: &str) -> Option<Run> {
    if reader.has(words) && reader.has(line) {
        reader.wrong(
            line,
            format!("`{words}` and `{line}` are both given"),
            "one of them is enough",
        );
    }
    if reader.has(words) {
        let all = reader.texts(words);
        if reader.is_list(words) && all.first().is_none_or(|w| w.trim().is_empty()) {
            reader.wrong(
                words,
                format!("`{words}` names no program"),
                format!("write {words} = [\"program\", \"word\"]"),
            );
        }
        if all.iter().any(|w| w.contains('\0')) {
            reader.wrong(words, "a zero byte cannot be part of a command", "");
        }
        return Some(Run::Argv(all));
    }
    reader.has(line).then(|| Run::Shell(reader.needed(line)))
}

fn timeout(reader: &Reader) -> u64 {
    reader.number("timeout", 1..=LONGEST).and_then(|n| u64::try_from(n).ok()).unwrap_or(TIMEOUT)
}

fn selector(reader: &Reader) -> Option<Drafted> {
    let (id, title, help) = (id(reader, "id"), reader.needed("title"), reader.needed("help"));
    let next = next(reader);
    let Some(field) = reader.table("field", "a field", read_field::KEYS) else {
        if reader.lacks("field") {
            reader.wrong("field", "a selector needs a field", "add [selector.field]");
        }
        return None;
    };
    let selector = Selector {
        id,
        title,
        help,
        field: read_field::field(&field, Owner::Selector),
        next,
        ghost: reader.flag("ghost"),
        after_selector: reader.flag("after_selector"),
    };
    Some(Drafted::Selector(DraftSelector {
        selector,
        at: reader.places(),
        field_at: field.places(),
    }))
}

fn next(reader: &Reader) -> Next {
    let classify = run(reader, "classify", "classify_shell");
    let timeout = timeout(reader);
    let prefix = reader.text("goto_prefix");
    match (reader.has("goto"), prefix, classify) {
        (true, Some(_), _) => reader.wrong(
            "goto_prefix",
            "`goto` and `goto_prefix` are both given",
            "one of them is enough",
        ),
        (true, None, Some(_)) => reader.wrong(
            "goto",
            "`classify` needs `goto_prefix`",
            "write goto_prefix = \"\" instead of `goto`",
        ),
        (false, None, Some(_)) => reader.tell(
            reader.places().head(),
            "`classify` needs `goto_prefix`",
            "add goto_prefix = \"\"",
        ),
        (false, None, None) if !reader.lacks("goto") || !reader.lacks("goto_prefix") => {}
        (false, None, None) => {
            reader.tell(
                reader.places().head(),
                "nothing says what follows this selector",
                "add goto = \"id\" or goto_prefix = \"\"",
            );
        }
        (false, Some(prefix), Some(command)) => {
            return Next::Classified { prefix, command, timeout };
        }
        (false, Some(prefix), None) => return Next::Value { prefix },
        (true, None, None) => {}
    }
    // Without a target there is an error already; the empty id is never reached.
    Next::To(
        reader
            .has("goto")
            .then(|| target(reader))
            .flatten()
            .unwrap_or(Target::Screen(String::new())),
    )
}

fn dialog(reader: &Reader) -> Drafted {
    let command = run(reader, "command", "shell").unwrap_or_else(|| {
        if reader.lacks("command") && reader.lacks("shell") {
            reader.tell(
                reader.places().head(),
                "a dialog needs a command",
                "add command = [\"program\", \"word\"] or shell = \"...\"",
            );
        }
        Run::Argv(vec![])
    });
    let fields = reader.tables("field", "a field", read_field::KEYS);
    let dialog = Dialog {
        id: id(reader, "id"),
        title: reader.needed("title"),
        help: reader.needed("help"),
        fields: fields.iter().map(|r| read_field::field(r, Owner::Dialog)).collect(),
        command,
        mode: reader.word("mode", MODES).unwrap_or(MODES[0].1),
        confirm: reader.has("confirm").then(|| reader.needed("confirm")),
        review: reader.has("review").then(|| reader.texts("review")),
        ghost: reader.flag("ghost"),
        discover: run(reader, "discover", "discover_shell"),
        timeout: timeout(reader),
        root: reader.flag("root"),
        after_selector: reader.flag("after_selector"),
    };
    Drafted::Dialog(DraftDialog {
        dialog,
        at: reader.places(),
        fields_at: fields.iter().map(Reader::places).collect(),
    })
}
