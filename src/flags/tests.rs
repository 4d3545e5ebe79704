//! The tables themselves.

use super::*;

fn tables() -> impl Iterator<Item = &'static Command> {
    ALL.iter().copied().chain([&CHECK, &GENERATE])
}

#[test]
fn flags_are_unique_and_belong_to_a_form() {
    for command in tables() {
        for (i, flag) in command.flags.iter().enumerate() {
            let clash = |o: &Flag| {
                (o.short.is_some() && o.short == flag.short)
                    || (o.long.is_some() && o.long == flag.long)
            };
            let typed = flag.typed();
            assert!(!command.flags[i + 1..].iter().any(clash), "{} {typed}", command.name);
            let forms = (0..command.forms.len()).filter(|n| flag.forms.contain(*n)).count();
            assert!(forms > 0, "{} {typed} is in no form", command.name);
            let beyond = (command.forms.len()..8).any(|n| flag.forms.contain(n));
            assert!(flag.forms == Forms::ANY || !beyond, "{} {typed}: no such form", command.name);
            assert!(flag.help.ends_with('.'), "{} {typed}", command.name);
        }
    }
}

#[test]
fn what_tables_name_exists() {
    for command in tables() {
        for flag in command.flags {
            assert!(flag.phase.is_none_or(|p| (1..=3).contains(&p)), "{}", flag.typed());
            let needed = flag.requires.map(|name| command.flag(name));
            assert!(needed.is_none_or(|f| f.is_some()), "{} {}", command.name, flag.typed());
        }
        for other in command.see_also {
            assert!(
                *other != command.name && ALL.iter().any(|c| c.name == *other),
                "{}: {other}",
                command.name
            );
        }
    }
}

#[test]
fn descriptions_state_what_the_table_says() {
    let about =
        |command: &'static Command, name: &str| command.flag(name).unwrap().description(command);
    assert!(about(&ALT_DISK_INSTALL, "p").ends_with(" Only with -d."));
    assert!(about(&ALT_DISK_INSTALL, "w").ends_with(" Only with -C. Needs -l."));
    assert!(about(&PRACTICE, "size").starts_with("With create: the size"));
    assert_eq!(about(&DISKS, "json"), "Print the list as JSON.");
}

/// A synopsis without a flag that it has on AIX would be noticed by those who come from there.
#[test]
fn the_synopsis_of_aix_is_there() {
    for name in "iCdsRDBVrpLbIlfFewnP".chars() {
        let flag = ALT_DISK_INSTALL.flag(&name.to_string()).unwrap();
        assert!(flag.forms.contain(0), "-{name}");
    }
    assert!(ALT_DISK_INSTALL.flag("X").unwrap().forms.contain(1));
}
