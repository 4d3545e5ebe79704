//! GRUB's environment block: 1024 bytes, variables one a line, filled up with `#` (GRUB manual, "The GRUB environment block").
//!
//! What an administrator keeps there comes along: the entry that starts by default, kernel options, variables of their own. What GRUB itself counts
//! with does not: it is about one start of the source, and one of them is the address of a block in the source's file system.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use super::identify::Rules;
use crate::event::Events;
use crate::host::beneath::Beneath;

const SIZE: usize = 1024;
const HEADER: &str = "# GRUB Environment Block\n";
/// GRUB's own state, and that of the scripts of distributions around it.
const COUNTERS: [&str; 9] = [
    "next_entry",
    "prev_saved_entry",
    "prev_entry",
    "recordfail",
    "boot_success",
    "boot_indeterminate",
    "boot_counter",
    "env_block",
    "menu_show_once",
];
const SAVED: &str = "saved_entry";

/// The variables of a block. In a value a backslash stands before a newline or a backslash that belongs to it.
fn variables(block: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(block);
    let (mut all, mut line, mut escaped) = (vec![], String::new(), false);
    for c in text.chars() {
        match c {
            '\n' if !escaped => {
                all.extend(line.split_once('=').filter(|(k, _)| !k.starts_with('#')).map(|(k, v)| (k.to_owned(), v.to_owned())));
                line.clear();
                continue;
            }
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        line.push(c);
    }
    all
}

/// A block with these variables, and those that it has no room for.
fn block(variables: &[(String, String)]) -> (Vec<u8>, Vec<String>) {
    let (mut new, mut left_out) = (HEADER.as_bytes().to_vec(), vec![]);
    for (key, value) in variables {
        let line = format!("{key}={value}\n");
        if new.len() + line.len() <= SIZE {
            new.extend_from_slice(line.as_bytes());
        } else {
            left_out.push(key.clone());
        }
    }
    new.resize(SIZE, b'#');
    (new, left_out)
}

/// The copy's block, and the variables that have no room in it.
pub fn rewrite(old: &[u8], rules: &Rules) -> (Vec<u8>, Vec<String>) {
    let kept = variables(old).into_iter().filter(|(k, _)| !COUNTERS.contains(&k.as_str()));
    let kept: Vec<(String, String)> = kept.map(|(k, v)| (k, rules.command_line(&v))).collect();
    block(&kept)
}

/// Takes a saved entry out that the copy's new menu does not have, and says so: the first entry of the menu starts then.
///
/// # Errors
/// If a file of the copy cannot be read or written.
pub fn settle_saved(copy: &Beneath, events: &Events) -> Result<()> {
    let entries: Vec<String> =
        copy.read_dir("boot/loader/entries")?.iter().filter_map(|e| Some(e.name.to_str()?.strip_suffix(".conf")?.to_owned())).collect();
    for dir in ["boot/grub", "boot/grub2"].map(Path::new) {
        let Some(block) = copy.read(dir.join("grubenv"))? else { continue };
        let menu = ["grub.cfg", "custom.cfg"].map(|f| copy.read(dir.join(f)));
        let mut text = String::new();
        for file in menu {
            text.push_str(&String::from_utf8_lossy(&file?.unwrap_or_default()));
        }
        if let Err((saved, without)) = check_saved(&block, &text, &entries) {
            copy.replace(dir.join("grubenv"), &without, 0o644)?;
            events.warn(format!("GRUB starts `{saved}` by default (saved_entry in /{}/grubenv), and the menu of the copy has no such entry: it starts its first one", dir.display()));
        }
    }
    Ok(())
}

/// Looks whether a menu has the saved entry. Err: the entry that it does not have, and the block without it.
fn check_saved(block_: &[u8], menu: &str, entries: &[String]) -> Result<(), (String, Vec<u8>)> {
    let all = variables(block_);
    let Some((_, saved)) = all.iter().find(|(k, v)| k == SAVED && !v.is_empty()) else { return Ok(()) };
    // Boot loader entries are called by their files' names.
    if entries.iter().any(|e| e == saved) || has(menu, saved) {
        return Ok(());
    }
    let without: Vec<(String, String)> = all.iter().filter(|(k, _)| k != SAVED).cloned().collect();
    Err((saved.clone(), block(&without).0))
}

/// Whether a menu has an entry: by id, by title, or by number; `>` leads into a submenu.
fn has(menu: &str, saved: &str) -> bool {
    let known = entries(menu);
    let ids: BTreeSet<&str> = known.iter().flat_map(|e| [e.id.as_str(), e.title.as_str()]).filter(|w| !w.is_empty()).collect();
    if ids.contains(saved) {
        return true;
    }
    let mut level: Vec<&Item> = known.iter().filter(|e| e.depth == 0).collect();
    let parts: Vec<&str> = saved.split('>').collect();
    for (depth, part) in parts.iter().enumerate() {
        let found = level.iter().enumerate().find(|(i, e)| e.id == *part || e.title == *part || part.parse() == Ok(*i));
        let Some((_, entry)) = found else { return false };
        if depth + 1 == parts.len() {
            return true;
        }
        let after = known.iter().skip(entry.at + 1);
        level = after.take_while(|e| e.depth > entry.depth).filter(|e| e.depth == entry.depth + 1).collect();
    }
    false
}

struct Item {
    at: usize,
    depth: usize,
    title: String,
    id: String,
}

/// `menuentry 'Debian' --class debian $menuentry_id_option 'gnulinux-simple-UUID' {`
fn entries(menu: &str) -> Vec<Item> {
    let (mut all, mut submenus, mut braces) = (vec![], vec![], 0usize);
    for line in menu.lines().map(str::trim) {
        let is_submenu = line.starts_with("submenu ");
        if is_submenu || line.starts_with("menuentry ") {
            let id =
                line.split_once("$menuentry_id_option").or_else(|| line.split_once("--id")).map(|(_, l)| quoted(l)).unwrap_or_default();
            let title = line.split_once(' ').map(|(_, l)| quoted(l)).unwrap_or_default();
            all.push(Item { at: all.len(), depth: submenus.len(), title, id });
        }
        if line.starts_with('#') {
            continue;
        }
        if line.ends_with('{') {
            if is_submenu {
                submenus.push(braces);
            }
            braces += 1;
        } else if line == "}" {
            braces = braces.saturating_sub(1);
            if submenus.last() == Some(&braces) {
                submenus.pop();
            }
        }
    }
    all
}

/// The first word, with what quotes keep together.
fn quoted(text: &str) -> String {
    let text = text.trim_start_matches(['=', ' ', '\t']);
    match text.chars().next() {
        Some(q @ ('\'' | '"')) => text[1..].split(q).next().unwrap_or_default().to_owned(),
        _ => text.split_whitespace().next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::identify::tests::{NEW_ROOT, OLD_ROOT, map};

    /// As grub-mkconfig 2.06 of Debian 12 writes it.
    fn menu() -> String {
        format!(
            "menuentry 'Debian GNU/Linux' --class debian --class os $menuentry_id_option 'gnulinux-simple-{NEW_ROOT}' {{\n\tload_video\n\
             \tif [ x$grub_platform = xxen ]; then insmod xzio; fi\n}}\nsubmenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-{NEW_ROOT}' {{\n\
             \tmenuentry 'Debian GNU/Linux, with Linux 6.1.0-2' --class debian $menuentry_id_option 'gnulinux-6.1.0-2-advanced-{NEW_ROOT}' {{\n\t}}\n\
             \tmenuentry 'Debian GNU/Linux, with Linux 6.1.0-1' --class debian $menuentry_id_option 'gnulinux-6.1.0-1-advanced-{NEW_ROOT}' {{\n\t}}\n}}\n\
             menuentry \"Mine\" --id=mine {{\n}}\n"
        )
    }

    #[test]
    fn what_an_administrator_keeps_comes_along() {
        let rules = Rules::new(&map()).unwrap();
        let old = format!(
            "# GRUB Environment Block\n# WARNING: Do not edit\nsaved_entry=gnulinux-advanced-{OLD_ROOT}>gnulinux-6.1.0-1-advanced-{OLD_ROOT}\nmy_own=kept\n\
             path=a\\\\b\nkernelopts=root=/dev/vda2 ro quiet \nnext_entry=2\nrecordfail=1\nboot_success=0\nboot_counter=3\nenv_block=512+1\n####"
        );
        let (new, left_out) = rewrite(old.as_bytes(), &rules);
        assert_eq!((new.len(), left_out.len()), (1024, 0));
        let text = String::from_utf8(new.clone()).unwrap();
        let want = format!(
            "# GRUB Environment Block\nsaved_entry=gnulinux-advanced-{NEW_ROOT}>gnulinux-6.1.0-1-advanced-{NEW_ROOT}\nmy_own=kept\npath=a\\\\b\n\
             kernelopts=root=UUID={NEW_ROOT} ro quiet \n#"
        );
        assert!(text.starts_with(&want) && text.ends_with("####"), "{text}");
        assert_eq!(rewrite(&new, &rules), (new.clone(), vec![]), "twice is once");
        assert_eq!(check_saved(&new, &menu(), &[]), Ok(()));
        let much = format!("{HEADER}a={}\nb={}\n", "x".repeat(900), "y".repeat(200));
        assert_eq!(rewrite(much.as_bytes(), &rules).1, ["b"]);
    }

    #[test]
    fn the_saved_entry_is_looked_for() {
        let with = |saved: &str| block(&[("saved_entry".into(), saved.into()), ("x".into(), "y".into())]).0;
        let advanced = format!("gnulinux-advanced-{NEW_ROOT}");
        for saved in [
            "0",
            "1>1",
            "2",
            "mine",
            "Mine",
            "Debian GNU/Linux",
            "Advanced options for Debian GNU/Linux>1",
            &advanced,
            &format!("{advanced}>0"),
            &format!("gnulinux-6.1.0-2-advanced-{NEW_ROOT}"),
            "",
        ] {
            assert_eq!(check_saved(&with(saved), &menu(), &[]), Ok(()), "{saved}");
        }
        for saved in ["3", "1>2", "gone", &format!("{advanced}>gnulinux-5.10-advanced-{NEW_ROOT}"), "mine>0"] {
            let (name, block) = check_saved(&with(saved), &menu(), &[]).unwrap_err();
            assert_eq!((name.as_str(), variables(&block)), (saved, vec![("x".to_owned(), "y".to_owned())]));
        }
        let bls = "0123456789abcdef-6.5.6-300.fc39.x86_64".to_owned();
        assert_eq!(check_saved(&with(&bls), "blscfg\n", std::slice::from_ref(&bls)), Ok(()));
    }
}
