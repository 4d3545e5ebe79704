//! From a menu file to an argv: the file with every feature, the example for an administrator,
//! SMIT's rules in tables.

mod bad_files;
mod field_sets;
mod top_menu;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use crate::diagnostic::reader::SourceFile;
use crate::menu::command::{self, HIDDEN};
use crate::menu::load::{built_in_layer, merge_layers};
use crate::menu::model::{Dialog, Field, How, Run, Screen, Selector, Set, Target};
use crate::menu::rules;
use crate::menu::values::{Context, Values};
use crate::text::shell::quoted;
use bad_files::{file, fixtures};

pub(super) fn set_of(text: &str) -> Set {
    let (set, wrong) =
        merge_layers(vec![vec![SourceFile { name: "test".into(), text: text.into() }]]);
    let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    set
}

fn argv(dialog: &Dialog, values: &Values, context: &Context) -> Vec<String> {
    command::build_line(dialog, values, context).argv
}

fn everything() -> Set {
    set_of(&file(&fixtures("good")[0]).text)
}

pub(super) fn dialog<'a>(set: &'a Set, id: &str) -> &'a Dialog {
    match set.find(id) {
        Some(Screen::Dialog(dialog)) => dialog,
        other => panic!("{id}: {other:?}"),
    }
}

fn selector<'a>(set: &'a Set, id: &str) -> &'a Selector {
    match set.find(id) {
        Some(Screen::Selector(selector)) => selector,
        other => panic!("{id}: {other:?}"),
    }
}

/// The values of a dialog, some of them set by name.
pub(super) fn filled(dialog: &Dialog, context: &Context, set: &[(&str, &str)]) -> Values {
    let mut values = Values::new(dialog, context);
    for (name, text) in set {
        values.set(dialog.fields.iter().position(|f| f.name == *name).unwrap(), *text);
    }
    values
}

pub(super) fn context(pairs: &[(&str, &str)]) -> Context {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// A dialog with one field `f` described by `body`; `echo` is its command.
fn one_field(body: &str) -> Dialog {
    let text = format!(
        "[[dialog]]\nid = \"d\"\ntitle = \"D\"\nhelp = \"h\"\ncommand = [\"echo\"]\n[[dialog.field]]\nname = \"f\"\nlabel = \"The field\"\nhelp = \"h\"\n{body}\n"
    );
    dialog(&set_of(&text), "d").clone()
}

#[test]
fn the_built_in_panels_are_right() {
    let (_, wrong) = merge_layers(vec![built_in_layer()]);
    assert!(wrong.is_empty(), "{}", wrong.iter().map(|s| format!("{s}\n")).collect::<String>());
    assert!(matches!(
        crate::menu::load::built_in().unwrap().find(crate::menu::model::TOP),
        Some(Screen::Menu(_))
    ));
}

#[test]
fn items_have_their_order() {
    let set = everything();
    let Some(Screen::Menu(menu)) = set.find("altdisk") else { panic!() };
    let texts: Vec<&str> = menu.items.iter().map(|i| i.text.as_str()).collect();
    let want = [
        "Looks",
        "-- a heading --",
        "In between",
        "Everything in a dialog",
        "Two\nlines",
        "Super-ghost",
        "Last by its order",
        "At the end",
    ];
    assert_eq!(texts, want);
    assert_eq!(set.find("all.of-it").unwrap().id(), "everything");
}

#[test]
fn later_layers_replace_and_add() {
    let text = |title: &str, more: &str| {
        let menu = format!("[[menu]]\nid = \"m\"\ntitle = \"{title}\"\nhelp = \"h\"\n");
        SourceFile {
            name: title.into(),
            text: menu
                + "[[menu.item]]\ntext = \"a\"\ngoto = \"@jobs\"\n[[menu.item]]\ntext = \"b\"\ngoto = \"@keys\"\n"
                + more,
        }
    };
    let added = "[[item]]\nmenu = \"m\"\ntext = \"new a\"\ngoto = \"@jobs\"\n[[item]]\nmenu = \"m\"\ntext = \"c\"\ngoto = \"@about\"\n";
    let (set, wrong) = merge_layers(vec![
        vec![text("one", "")],
        vec![SourceFile { name: "x".into(), text: added.into() }],
        vec![text("two", "")],
    ]);
    assert!(wrong.is_empty(), "{wrong:?}");
    let Some(Screen::Menu(menu)) = set.find("m") else { panic!() };
    assert_eq!(
        (menu.title.as_str(), menu.items.iter().map(|i| i.text.as_str()).collect::<Vec<_>>()),
        ("two", vec!["new a", "b", "c"])
    );
}

#[test]
fn fast_paths() {
    let set = everything();
    assert_eq!(set.open("pick").unwrap().title(), "Pick One");
    assert!(set.open("pik").unwrap_err().to_string().starts_with("ALT-902"));
    assert!(set.open("do_block").unwrap_err().to_string().starts_with("ALT-903"));
}

#[test]
fn selectors_lead_on() {
    let set = everything();
    let mut c = Context::new();
    let mut after = |id: &str, real: &str, class: Option<&str>| {
        let classified = class.map(|c| crate::menu::discover::classified(c).unwrap());
        set.screen_after(selector(&set, id), real, classified, &mut c).map_err(|e| e.to_string())
    };
    let to = |id: &str| Ok(Target::Screen(id.to_owned()));
    assert_eq!(after("pick", "vda", None), to("pick_class"));
    assert_eq!(
        after("pick_class", "vda1", Some("block\n#size:serial\n10:a#!:b\n")),
        to("do_block")
    );
    assert_eq!(after("by_value", "run_Linux", None), to("run_Linux"));
    assert!(after("super_ghost", "", Some("Plan9\n")).unwrap_err().starts_with("ALT-904"));
    let want = [
        ("disk", "vda"),
        ("what", "vda1"),
        ("what_class", "block"),
        ("size", "10"),
        ("serial", "a:b"),
        ("panel", "run_Linux"),
        ("system", ""),
        ("system_class", "Plan9"),
    ];
    assert_eq!(c, context(&want));
}

#[test]
fn everything_becomes_an_argv() {
    let set = everything();
    let d = dialog(&set, "everything");
    assert_eq!((d.mode.how, d.mode.back, d.root, d.timeout), (How::Pipe, true, true, 7));
    let c = context(&[("host", "alpha"), ("size", "10")]);
    let line = |set: &[(&str, &str)]| argv(d, &filled(d, &c, set), &c).join("|");
    assert_eq!(line(&[]), "prog|sub|at=alpha|-d||-Pall|-z|10");
    assert_eq!(
        line(&[("target", "vda,vdb"), ("phase", "2"), ("size", ""), ("boot", "no")]),
        "prog|sub|at=alpha|-d|vda,vdb|-P2|-z||-B"
    );
    assert_eq!(
        line(&[
            ("words", "x  y"),
            ("number", "7"),
            ("hex", "ff"),
            ("path", " /a b "),
            ("raw", " r "),
            ("blank", "a b"),
            ("repeat", "one two")
        ]),
        "prog|sub|at=alpha|x|y|-d||-Pall|-n7|--hex=ff|-p|/a b| r |-z|10|-b|a b|-r|1|-r|2"
    );
    // Not shown, not sent.
    assert_eq!(line(&[("blank", "a"), ("phase", "2")]), "prog|sub|at=alpha|-d||-P2|-z|10");
    let values = filled(d, &c, &[("secret", "pa ss"), ("target", "vda")]);
    let made = command::build_line(d, &values, &c);
    assert!(made.argv.contains(&"--password=pa ss".to_owned()) && made.hides());
    assert_eq!(made.shown(), format!("prog sub at=alpha -d vda -Pall '--password={HIDDEN}' -z 10"));
    let add = ["--erase".to_owned(), "S 1".to_owned()];
    assert_eq!(
        made.with_words(&add).shown(),
        format!("prog sub at=alpha --erase 'S 1' -d vda -Pall '--password={HIDDEN}' -z 10")
    );
    assert_eq!(made.with_words(d.review.as_ref().unwrap()).argv[3], "--review");
}

#[test]
fn smits_four_kinds_of_required() {
    // required, prefix, default, what the user types (None: nothing), the words after `echo`.
    type Row<'a> = (&'a str, &'a str, &'a str, Option<&'a str>, &'a [&'a str]);
    let table: &[Row] = &[
        ("n", "-x ", "a", None, &[]),
        ("n", "-x ", "a", Some("b"), &["-x", "b"]),
        ("n", "-x ", "a", Some("a"), &[]),
        ("n", "-x ", "a", Some(""), &["-x", ""]),
        ("n", "", "a", Some(""), &[]),
        ("y", "-x ", "", None, &["-x", ""]),
        ("y", "-x", "", None, &["-x"]),
        ("y", "-x", "a", None, &["-xa"]),
        ("y", "--x=", "", None, &["--x="]),
        ("y", "x=", "", None, &[]),
        ("y", "", "", None, &[]),
        ("y", "", "a", None, &["a"]),
        ("+", "-x ", "a", None, &["-x", "a"]),
        ("+", "", "", Some(" a  b "), &["a  b"]),
        ("?", "-x ", "", None, &[]),
        ("?", "-x ", "a", None, &["-x", "a"]),
        ("?", "-x ", "a", Some("  "), &[]),
        ("?", "-a -x ", "a", None, &["-a", "-x", "a"]),
        ("?", "-a -x", "a", None, &["-a", "-xa"]),
    ];
    for (required, prefix, default, typed, want) in table {
        let d = one_field(&format!(
            "required = \"{required}\"\nprefix = \"{prefix}\"\ndefault = \"{default}\""
        ));
        let values =
            filled(&d, &Context::new(), &typed.map(|t| ("f", t)).into_iter().collect::<Vec<_>>());
        assert_eq!(
            argv(&d, &values, &Context::new())[1..],
            **want,
            "{required} {prefix} {default} {typed:?}"
        );
    }
}

#[test]
fn discovered_values_are_defaults() {
    let text = "[[dialog]]\nid = \"d\"\ntitle = \"D\"\nhelp = \"h\"\ncommand = [\"echo\"]\ndiscover = [\"true\"]\n[[dialog.field]]\nname = \"f\"\nlabel = \"F\"\nhelp = \"h\"\nfrom = \"x\"\nkind = \"ring\"\nchoices = [{ shown = \"no\", real = \"0\" }, { shown = \"yes\", real = \"1\" }]\n";
    let set = set_of(text);
    let (d, c) = (dialog(&set, "d"), context(&[("x", "1")]));
    let mut values = Values::new(d, &c);
    assert_eq!((values.get(0), values.changed(0)), ("yes", false));
    assert_eq!(argv(d, &values, &c), ["echo"]);
    values.cycle_choice(0, &d.fields[0], false);
    assert_eq!(
        (values.get(0), argv(d, &values, &c)),
        ("no", vec!["echo".to_owned(), "0".to_owned()])
    );
    values.cycle_choice(0, &d.fields[0], true);
    assert!(!values.changed(0));
    values.set(0, "no");
    values.reset(0);
    assert_eq!(values.get(0), "yes");
}

/// What a field refuses: its keys, what stands there, the message ("" if it is fine).
#[test]
fn refusals_in_plain_words() {
    let table = [
        ("required = \"+\"", "", "The field: this field must be filled in; type a value."),
        ("required = \"+\"", "   ", "The field: this field must be filled in; type a value."),
        (
            "required = \"+\"\nlist = [\"ls\"]",
            "",
            "The field: this field must be filled in; choose something from its list.",
        ),
        (
            "kind = \"number\"",
            "1a",
            "The field: `1a` is not a number; use digits only, with + or - before them if needed.",
        ),
        ("kind = \"number\"", "-12", ""),
        ("kind = \"hex\"", "0xAf", ""),
        (
            "kind = \"hex\"",
            "0x",
            "The field: `0x` is not a hexadecimal number; use the digits 0 to 9 and a to f.",
        ),
        ("size = 3", "four", "The field: at most 3 characters are allowed; these are 4."),
        (
            "",
            "-rf",
            "The field: `-rf` begins with a dash, and the command would take it for an option.",
        ),
        ("prefix = \"-x \"", "-rf", ""),
        ("kind = \"raw\"", "-rf", ""),
        ("prefix = \"-x \"\nmany = \"words\"", "-a b", ""),
        (
            "prefix = \"-x \"\nmany = \"words\"",
            "a -b",
            "The field: `-b` begins with a dash, and the command would take it for an option.",
        ),
        ("prefix = \"-x \"\nmany = \"repeat\"", "a -b", ""),
        (
            "many = \"words\"",
            "a -b",
            "The field: `-b` begins with a dash, and the command would take it for an option.",
        ),
        (
            "pattern = \"/.*\"\npattern_message = \"give a full path name.\"",
            "tmp",
            "The field: give a full path name.",
        ),
        ("pattern = \"a|b\"\npattern_message = \"a or b.\"", "ab", "The field: a or b."),
        ("pattern = \"a|b\"\npattern_message = \"a or b.\"", "", ""),
        (
            "kind = \"ring\"\nchoices = [\"yes\", \"no\"]",
            "maybe",
            "The field: `maybe` is not one of yes, no.",
        ),
        ("kind = \"ring\"\nchoices = [{ shown = \"yes\", real = \"-B\" }]", "yes", ""),
    ];
    for (body, text, want) in table {
        let d = one_field(body);
        let refusal = rules::validate(&d, &filled(&d, &Context::new(), &[("f", text)]));
        assert_eq!(refusal.map(|r| r.message).unwrap_or_default(), want, "{body} {text:?}");
    }
}

#[test]
fn fields_that_go_together_or_not() {
    let set = everything();
    let d = dialog(&set, "everything");
    let says = |set: &[(&str, &str)]| {
        rules::validate(d, &filled(d, &Context::new(), &[&[("target", "a")], set].concat()))
            .map(|r| (r.field, r.message))
    };
    assert_eq!(says(&[]), None);
    // The refusal leads to what is missing.
    let needs = "A path needs A number too: fill that in, or empty A path.";
    assert_eq!(says(&[("path", "/x"), ("number", "")]), Some(("number".into(), needs.into())));
    let against = "A path and A hexadecimal number do not go together: give only one of them.";
    assert_eq!(says(&[("path", "/x"), ("hex", "1")]), Some(("path".into(), against.into())));
    let hidden = filled(d, &Context::new(), &[("phase", "2")]);
    let blank = d.fields.iter().position(|f| f.name == "blank").unwrap();
    assert!(
        !rules::visible(d, &hidden).contains(&blank)
            && rules::visible(d, &Values::new(d, &Context::new())).contains(&blank)
    );
}

#[test]
fn one_of_several_is_enough() {
    let text = "[[dialog]]\nid = \"d\"\ntitle = \"D\"\nhelp = \"h\"\ncommand = [\"true\"]\n"
        .to_owned()
        + &["from", "a", "b"]
            .map(|n| {
                format!(
                    "[[dialog.field]]\nname = \"{n}\"\nlabel = \"Label {n}\"\nhelp = \"h\"\n{}",
                    if n == "from" { "requires_one = [\"a\", \"b\"]\n" } else { "" }
                )
            })
            .concat();
    let set = set_of(&text.replace("Label a\"", "Label a\\n(a remark)\""));
    let d = dialog(&set, "d");
    let says = |set: &[(&str, &str)]| {
        rules::validate(d, &filled(d, &Context::new(), set)).map(|r| (r.field, r.message))
    };
    let needs =
        "Label from needs one of these too: Label a; Label b. Fill one in, or empty Label from.";
    assert_eq!(says(&[("from", "x")]), Some(("a".into(), needs.into())));
    assert_eq!((says(&[("from", "x"), ("b", "y")]), says(&[("b", "y")])), (None, None));
    let text = text.replace("\"a\", \"b\"", "\"a\", \"c\"");
    let (_, wrong) = merge_layers(vec![vec![SourceFile { name: "test".into(), text }]]);
    assert!(format!("{wrong:?}").contains("`requires_one` names no other field: `c`"), "{wrong:?}");
}

#[test]
fn cleared_after_success() {
    let d = one_field("clear = true\ndefault = \"x\"");
    let mut values = filled(&d, &Context::new(), &[("f", "typed")]);
    values.clear_after_success(&d.fields);
    assert_eq!((values.get(0), values.changed(0)), ("", false));
}

#[test]
fn the_example_for_administrators() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("menus/examples/service.toml");
    let (set, wrong) = merge_layers(vec![built_in_layer(), vec![file(&path)]]);
    assert!(wrong.is_empty(), "{}", wrong.iter().map(|s| format!("{s}\n")).collect::<String>());
    assert_eq!(set.open("svc").unwrap().id(), "services");
    let mut c = Context::new();
    assert_eq!(
        set.screen_after(selector(&set, "service"), "cron.service", None, &mut c).unwrap(),
        Target::Screen("service_what".into())
    );
    assert_eq!(
        set.screen_after(selector(&set, "service_what"), "change", None, &mut c).unwrap(),
        Target::Screen("service_change".into())
    );
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);
    let table: &[Row] = &[
        ("services_failed", &[], "systemctl --failed --type=service --no-pager"),
        ("service_show", &[], "systemctl status --no-pager --full -- cron.service"),
        ("service_change", &[], "systemctl restart -- cron.service"),
        (
            "service_change",
            &[("action", "enable"), ("at_boot", "yes")],
            "systemctl enable --now -- cron.service",
        ),
        (
            "service_change",
            &[("action", "stop"), ("at_boot", "yes")],
            "systemctl stop -- cron.service",
        ),
        ("service_log", &[], "journalctl --no-pager --unit=cron.service --lines=100"),
        (
            "service_log",
            &[("since", "today"), ("worst", "yes")],
            "journalctl --no-pager --unit=cron.service --lines=100 --since=today --priority=err",
        ),
        ("service_edit", &[], "systemctl edit -- cron.service"),
    ];
    for (id, set_to, want) in table {
        let d = dialog(&set, id);
        let values = filled(d, &c, set_to);
        assert_eq!(rules::validate(d, &values), None);
        assert_eq!(command::build_line(d, &values, &c).shown(), *want);
    }
    let d = dialog(&set, "service_change");
    let Some(discover) = &d.discover else { panic!() };
    let unit = context(&[("unit", "x'; rm -rf /")]);
    assert!(command::build_argv(discover, &unit)[2].contains("is-active -- 'x'\\''; rm -rf /')"));
}

/// Runs the lines in one shell: the argv of each, as the shell sees it.
fn through_sh(lines: &[String]) -> Vec<Vec<String>> {
    let script: String = lines.iter().map(|l| format!("show {l}\n")).collect();
    let script = format!("show() {{ printf '%s\\0' \"$@\"; printf '\\n\\0'; }}\n{script}");
    let out = Command::new("/bin/sh").args(["-c", &script]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let mut all = vec![vec![]];
    for word in text.split_terminator('\0') {
        match word {
            "\n" => all.push(vec![]),
            word => all.last_mut().unwrap().push(word.to_owned()),
        }
    }
    all.pop();
    all
}

fn a_value() -> impl Strategy<Value = String> {
    // Not a lone line break, which parts the answers here, and no zero byte, which no argv can
    // have.
    prop_oneof!["[ -~]{0,12}", "[a'\"$`;|&<>(){}*?~#!\\\\\\n\\t ]{0,12}", "\\PC{0,8}"]
        .prop_filter("a line break alone", |v| v != "\n" && !v.contains('\0'))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    /// The previewed line, run through a shell, gives the argv that is run. Many values in one
    /// shell.
    #[test]
    fn the_shown_line_is_the_argv(all in proptest::collection::vec((a_value(), a_value(), a_value()), 40)) {
        let set = everything();
        let d = dialog(&set, "everything");
        let argvs: Vec<Vec<String>> = all.iter().map(|(a, b, c)| {
            let context = context(&[("host", a), ("size", b)]);
            argv(d, &filled(d, &context, &[("target", b), ("raw", c), ("blank", a), ("words", c), ("boot", "no")]), &context)
        }).collect();
        let lines: Vec<String> = argvs.iter().map(|argv| quoted(argv)).collect();
        prop_assert_eq!(through_sh(&lines), argvs);
    }

    /// A value in a shell line is one word there, whatever it is.
    #[test]
    fn values_in_shell_lines_are_words(all in proptest::collection::vec(a_value(), 60)) {
        let run = Run::Shell("{v} end$(printf %s {v})end x{v}y".into());
        let lines: Vec<String> = all.iter().map(|v| command::build_argv(&run, &context(&[("v", v)]))[2].clone()).collect();
        let seen = through_sh(&lines);
        for (value, words) in all.iter().zip(seen) {
            prop_assert_eq!(&words[0], value);
            prop_assert_eq!(words.last().unwrap(), &format!("x{value}y"));
        }
    }
}

#[test]
fn names_in_lists_are_other_fields() {
    let set = everything();
    let d = dialog(&set, "everything");
    let values = filled(d, &Context::new(), &[("path", " /dev ")]);
    let list: &Field = &d.fields[1];
    let given = values.context(&d.fields, &context(&[("outer", "o")]));
    assert_eq!(command::build_argv(&list.list.as_ref().unwrap().command, &given), ["ls", "/dev"]);
    let names: BTreeMap<&str, &str> = given.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!((names["outer"], names["boot"], names["phase"]), ("o", "", "all"));
}
