//! One menu file: its tables become drafts. Every mistake is noted and reading goes on.

mod command;
mod field;

use command::{read_run, read_timeout};
use field::Owner;

use crate::diagnostic::reader::{self, Diagnostics, SourceFile, TableReader};
use crate::diagnostic::suggest;
use crate::menu::draft::{
    DraftAlias, DraftDialog, DraftFieldSet, DraftInclude, DraftItem, DraftMenu, DraftScreen,
    DraftSelector, Parsed,
};
use crate::menu::model::{
    Alias, Builtin, Dialog, How, Item, Menu, Mode, Next, Run, Selector, Target,
};

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
/// The longest id, in characters.
const MAX_ID: usize = 64;

const ITEM: &[&str] = &["text", "goto", "help", "order"];
const ADDED: &[&str] = &["menu", "text", "goto", "help", "order"];
const MENU: &[&str] = &["id", "title", "help", "item"];
/// Keys of an included field set.
const INCLUDE: &[&str] = &["include", "only_if", "only_if.field", "only_if.is"];
const FIELD_SET: &[&str] = &["name", "field"];
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

/// The content of a file, and whether all of it could be read: false if it is not TOML.
pub fn read(file: &SourceFile, number: usize, found: &Diagnostics) -> (Parsed, bool) {
    let table = match reader::parse(file) {
        Ok(table) => table,
        Err(diagnostics) => {
            found.borrow_mut().extend(diagnostics);
            return (Parsed::default(), false);
        }
    };
    // The drafts own their texts; the table is dropped at the end.
    let top = TableReader::new(
        file,
        number,
        &table,
        0..0,
        found,
        "a menu file",
        &["menu", "item", "alias", "fieldset", "selector", "dialog"],
    );
    let mut parsed = Parsed::default();
    parsed.screens.extend(top.tables("menu", "a menu", MENU).iter().map(menu));
    parsed.items.extend(top.tables("item", "an item", ADDED).iter().map(|r| item(r, added_to(r))));
    parsed.aliases.extend(top.tables("alias", "an alias", &["name", "goto"]).iter().map(alias));
    parsed
        .screens
        .extend(top.tables("selector", "a selector", SELECTOR).iter().filter_map(selector));
    parsed.sets.extend(top.tables("fieldset", "a field set", FIELD_SET).iter().map(field_set));
    parsed.screens.extend(top.tables("dialog", "a dialog", DIALOG).iter().map(dialog));
    (parsed, true)
}

/// An id, with only characters that are no trouble on a command line.
fn id(reader: &TableReader, key: &str) -> String {
    let id = reader.required_text(key);
    if let Some(c) = id.chars().find(|c| !(c.is_ascii_alphanumeric() || "_-.".contains(*c))) {
        reader.report_key(
            key,
            format!("`{}` cannot be part of an id", c.escape_debug()),
            "allowed: letters, digits, _ - .",
        );
    } else if id.starts_with(['-', '.']) {
        reader.report_key(key, "an id begins with a letter or digit", "");
    } else if id.chars().count() > MAX_ID {
        reader.report_key(
            key,
            format!("this id has {} characters", id.chars().count()),
            format!("allowed: at most {MAX_ID}"),
        );
    }
    id
}

fn menu(reader: &TableReader) -> DraftScreen {
    let menu = Menu {
        id: id(reader, "id"),
        title: reader.required_text("title"),
        help: reader.required_text("help"),
        items: vec![],
    };
    let items = reader.tables("item", "an item of a menu", ITEM);
    let items = items.iter().zip(1..).map(|(r, n)| {
        let mut item = item(r, menu.id.clone());
        item.order = item.order.or(Some(n * 10));
        item
    });
    DraftScreen::Menu(DraftMenu { at: reader.locations(), items: items.collect(), menu })
}

fn added_to(reader: &TableReader) -> String {
    reader.required_text("menu")
}

fn item(reader: &TableReader, menu: String) -> DraftItem {
    let goto = reader.has("goto").then(|| target(reader)).flatten();
    let item = Item {
        text: reader.required_text("text"),
        help: reader.text("help").unwrap_or_default(),
        goto,
    };
    DraftItem {
        menu,
        item,
        order: reader.number("order", -1_000_000..=1_000_000),
        at: reader.locations(),
    }
}

/// `goto`: an id, or one of the screens that are code.
fn target(reader: &TableReader) -> Option<Target> {
    let text = reader.required_text("goto");
    if !text.starts_with('@') {
        return (!text.is_empty()).then_some(Target::Screen(text));
    }
    let found = BUILTINS.iter().find(|(name, _)| *name == text).map(|(_, b)| Target::Builtin(*b));
    if found.is_none() {
        let names = BUILTINS.iter().map(|(name, _)| *name);
        reader.report_key(
            "goto",
            format!("there is no screen `{text}`"),
            suggest::allowed_values(&text, names),
        );
    }
    found
}

fn alias(reader: &TableReader) -> DraftAlias {
    DraftAlias {
        alias: Alias { name: id(reader, "name"), goto: reader.required_text("goto") },
        at: reader.locations(),
    }
}

fn selector(reader: &TableReader) -> Option<DraftScreen> {
    let (id, title, help) =
        (id(reader, "id"), reader.required_text("title"), reader.required_text("help"));
    let next = next(reader);
    let Some(field) = reader.table("field", "a field", field::KEYS) else {
        if reader.lacks("field") {
            reader.report_key("field", "a selector needs a field", "add [selector.field]");
        }
        return None;
    };
    let selector = Selector {
        id,
        title,
        help,
        field: field::read_field(&field, Owner::Selector),
        next,
        ghost: reader.boolean("ghost"),
        after_selector: reader.boolean("after_selector"),
    };
    Some(DraftScreen::Selector(DraftSelector {
        selector,
        at: reader.locations(),
        field_at: field.locations(),
    }))
}

fn next(reader: &TableReader) -> Next {
    let classify = read_run(reader, "classify", "classify_shell");
    let timeout = read_timeout(reader);
    let prefix = reader.text("goto_prefix");
    match (reader.has("goto"), prefix, classify) {
        (true, Some(_), _) => reader.report_key(
            "goto_prefix",
            "`goto` and `goto_prefix` are both given",
            "one of them is enough",
        ),
        (true, None, Some(_)) => reader.report_key(
            "goto",
            "`classify` needs `goto_prefix`",
            "write goto_prefix = \"\" instead of `goto`",
        ),
        (false, None, Some(_)) => reader.report_at(
            reader.locations().table_span(),
            "`classify` needs `goto_prefix`",
            "add goto_prefix = \"\"",
        ),
        (false, None, None) if !reader.lacks("goto") || !reader.lacks("goto_prefix") => {}
        (false, None, None) => {
            reader.report_at(
                reader.locations().table_span(),
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

fn dialog(reader: &TableReader) -> DraftScreen {
    let command = read_run(reader, "command", "shell").unwrap_or_else(|| {
        if reader.lacks("command") && reader.lacks("shell") {
            reader.report_at(
                reader.locations().table_span(),
                "a dialog needs a command",
                "add command = [\"program\", \"word\"] or shell = \"...\"",
            );
        }
        Run::Argv(vec![])
    });
    let tables = reader.tables("field", "a field", field::KEYS);
    let (mut fields, mut includes) = (vec![], vec![]);
    for table in tables {
        if table.has("include") {
            includes.push(include(&table, fields.len()));
        } else {
            fields.push(table);
        }
    }
    let dialog = Dialog {
        id: id(reader, "id"),
        title: reader.required_text("title"),
        help: reader.required_text("help"),
        fields: fields.iter().map(|r| field::read_field(r, Owner::Dialog)).collect(),
        command,
        mode: reader.one_of("mode", MODES).unwrap_or(MODES[0].1),
        confirm: reader.has("confirm").then(|| reader.required_text("confirm")),
        review: reader.has("review").then(|| reader.texts("review")),
        ghost: reader.boolean("ghost"),
        discover: read_run(reader, "discover", "discover_shell"),
        timeout: read_timeout(reader),
        root: reader.boolean("root"),
        after_selector: reader.boolean("after_selector"),
    };
    DraftScreen::Dialog(DraftDialog {
        dialog,
        at: reader.locations(),
        fields_at: fields.iter().map(TableReader::locations).collect(),
        includes,
    })
}

/// `include = "name"` in place of a field.
fn include(reader: &TableReader, position: usize) -> DraftInclude {
    let at = reader.locations();
    for key in at.keys().filter(|key| !INCLUDE.contains(key) && field::KEYS.contains(key)) {
        reader.report_key(
            key,
            format!("an included field set has no `{key}`"),
            "allowed: include, only_if",
        );
    }
    let only_if = field::read_only_if(reader);
    DraftInclude { set: reader.required_text("include"), position, only_if, at }
}

fn field_set(reader: &TableReader) -> DraftFieldSet {
    let fields = reader.tables("field", "a field", field::KEYS);
    if fields.is_empty() && reader.lacks("field") {
        reader.report_at(
            reader.locations().table_span(),
            "a field set needs fields",
            "add [[fieldset.field]]",
        );
    }
    DraftFieldSet {
        name: id(reader, "name"),
        at: reader.locations(),
        fields_at: fields.iter().map(TableReader::locations).collect(),
        fields: fields.iter().map(|r| field::read_field(r, Owner::FieldSet)).collect(),
    }
}
