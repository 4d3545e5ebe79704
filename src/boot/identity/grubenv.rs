//! GRUB's environment block: 1024 bytes, variables one a line, filled up with `#` (GRUB manual,
//! "The GRUB environment block").
//!
//! What an administrator keeps there comes along: the entry that starts by default, kernel options,
//! variables of their own. What GRUB itself counts with does not: it is about one start of the
//! source, and one of them is the address of a block in the source's file system.

use std::path::Path;

use anyhow::Result;

use super::rules::Rules;
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

/// The variables of a block. In a value a backslash stands before a newline or a backslash that
/// belongs to it.
fn variables(block: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(block);
    let (mut all, mut line, mut escaped) = (vec![], String::new(), false);
    for c in text.chars() {
        if c == '\n' && !escaped {
            all.extend(
                line.split_once('=')
                    .filter(|(k, _)| !k.starts_with('#'))
                    .map(|(k, v)| (k.to_owned(), v.to_owned())),
            );
            line.clear();
            continue;
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

/// Takes a saved entry out that the copy's new menu does not have, and says so: the first entry of
/// the menu starts then. Only of the blocks that `is_meant`, by where they are: on Fedora's family
/// the path in /boot is a link to one on the ESP, which is filled later.
///
/// # Errors
/// If a file of the copy cannot be read or written.
pub fn settle_saved(
    copy: &Beneath,
    is_meant: &dyn Fn(&Path) -> bool,
    events: &Events,
) -> Result<()> {
    for dir in ["boot/grub", "boot/grub2"].map(Path::new) {
        let env = copy.leads_to(dir.join("grubenv"))?;
        let Some(block) = (if is_meant(&env) { copy.read(&env)? } else { None }) else { continue };
        let saved = |saved: &str| {
            format!("GRUB starts `{saved}` by default (saved_entry in {})", env.display())
        };
        match check_saved(&block, &Menu::read(copy, &[dir, env.parent().unwrap_or(dir)])?) {
            Saved::There => {}
            Saved::Unknown(name) => {
                events.warn(format!(
                    "{}, and whether the menu of the copy has that entry cannot be told: look at it when it starts",
                    saved(&name)
                ));
            }
            Saved::Gone(name, without) => {
                copy.replace(&env, &without, 0o644)?;
                events.warn(format!(
                    "{}, and the menu of the copy has no such entry: it starts its first one",
                    saved(&name)
                ));
            }
        }
    }
    Ok(())
}

/// What became of the entry that starts by default.
#[derive(Debug, PartialEq, Eq)]
enum Saved {
    /// It is there, or none was saved.
    There,
    /// The menu has parts that cannot be seen.
    Unknown(String),
    /// The entry, and the block without it.
    Gone(String, Vec<u8>),
}

fn check_saved(block_: &[u8], menu: &Menu) -> Saved {
    let all = variables(block_);
    let Some((_, saved)) = all.iter().find(|(k, v)| k == SAVED && !v.is_empty()) else {
        return Saved::There;
    };
    if menu.has_entry(saved) {
        return Saved::There;
    }
    if !menu.is_whole {
        return Saved::Unknown(saved.clone());
    }
    let without: Vec<(String, String)> = all.iter().filter(|(k, _)| k != SAVED).cloned().collect();
    Saved::Gone(saved.clone(), block(&without).0)
}

/// A menu as GRUB shows it.
#[derive(Default)]
struct Menu {
    items: Vec<Item>,
    /// All of it is known.
    is_whole: bool,
}

impl Menu {
    /// The menu of one of these directories: of two, one may have only a stub that leads to the
    /// other.
    fn read(copy: &Beneath, dirs: &[&Path]) -> Result<Self> {
        let mut entries = vec![];
        for file in copy.read_dir("boot/loader/entries")? {
            let Some(id) = file.name.to_str().and_then(|n| n.strip_suffix(".conf")) else {
                continue;
            };
            let text =
                copy.read(Path::new("boot/loader/entries").join(&file.name))?.unwrap_or_default();
            entries.extend(loader_entry(id, &String::from_utf8_lossy(&text)));
        }
        let text = |path: &Path| {
            Ok::<_, anyhow::Error>(
                String::from_utf8_lossy(&copy.read(path)?.unwrap_or_default()).into_owned(),
            )
        };
        for dir in dirs {
            let main = text(&dir.join("grub.cfg"))?;
            if main.contains("blscfg") || !Self::parse(&main, &entries).items.is_empty() {
                return Ok(Self::parse(&(main + "\n" + &text(&dir.join("custom.cfg"))?), &entries));
            }
        }
        Ok(Self::default())
    }

    /// Whether it has an entry: by id, by title, or by number; `>` leads into a submenu.
    fn has_entry(&self, saved: &str) -> bool {
        let known = &self.items;
        if known.iter().any(|e| e.id == saved || e.title == saved) {
            return true;
        }
        let mut level: Vec<&Item> = known.iter().filter(|e| e.depth == 0).collect();
        let parts: Vec<&str> = saved.split('>').collect();
        for (depth, part) in parts.iter().enumerate() {
            let found = level
                .iter()
                .enumerate()
                .find(|(i, e)| e.id == *part || e.title == *part || part.parse() == Ok(*i));
            let Some((_, entry)) = found else { return false };
            if depth + 1 == parts.len() {
                return true;
            }
            let after = known.iter().skip(entry.at + 1);
            level = after
                .take_while(|e| e.depth > entry.depth)
                .filter(|e| e.depth == entry.depth + 1)
                .collect();
        }
        false
    }

    /// `menuentry 'Debian' --class debian $menuentry_id_option 'gnulinux-simple-UUID' {`; `blscfg`
    /// stands for all loader `entries`.
    fn parse(text: &str, entries: &[(String, String)]) -> Self {
        let (mut all, mut submenus, mut braces) =
            (Self { items: vec![], is_whole: true }, vec![], 0usize);
        for line in text.lines().map(str::trim) {
            let word = line.split([' ', '\t']).next().unwrap_or_default();
            let is_submenu = word == "submenu";
            if is_submenu || word == "menuentry" {
                let id = line
                    .split_once("$menuentry_id_option")
                    .or_else(|| line.split_once("--id"))
                    .map(|(_, l)| quoted(l))
                    .unwrap_or_default();
                let title =
                    line.split_once([' ', '\t']).map(|(_, l)| quoted(l)).unwrap_or_default();
                all.add(submenus.len(), title, id);
            }
            if braces == submenus.len() {
                all.command(word, line, submenus.len(), entries);
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

    fn add(&mut self, depth: usize, title: String, id: String) {
        self.items.push(Item { at: self.items.len(), depth, title, id });
    }

    /// A command between the entries of a menu that may bring others.
    fn command(&mut self, word: &str, line: &str, depth: usize, entries: &[(String, String)]) {
        match word {
            // Fedora's GRUB shows the highest version first. For whether there is an entry of a
            // number their order is all one.
            "blscfg" => {
                entries.iter().for_each(|(id, title)| self.add(depth, title.clone(), id.clone()));
                self.is_whole &= line == "blscfg" && !entries.is_empty();
            }
            "source" | "." | "configfile" | "extract_entries_source" => {
                // The first was read, the second holds passwords.
                let known = ["/custom.cfg", "/user.cfg"];
                self.is_whole &=
                    known.iter().any(|k| line.trim_end_matches(['"', '\'']).ends_with(k));
            }
            _ => {}
        }
    }
}

/// The id and the title of a boot loader entry (the Boot Loader Specification); None for one that
/// Fedora's GRUB passes over.
fn loader_entry(id: &str, text: &str) -> Option<(String, String)> {
    let value = |key: &str| {
        text.lines().find_map(|l| {
            Some(l.trim().strip_prefix(key)?.strip_prefix([' ', '\t'])?.trim().to_owned())
        })
    };
    value("linux")?;
    Some((id.to_owned(), value("title").unwrap_or_else(|| id.to_owned())))
}

struct Item {
    at: usize,
    depth: usize,
    title: String,
    id: String,
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
    use crate::testing::identity::{NEW_ROOT, OLD_ROOT, map};

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
        assert_eq!(check_saved(&new, &Menu::parse(&menu(), &[])), Saved::There);
        let much = format!("{HEADER}a={}\nb={}\n", "x".repeat(900), "y".repeat(200));
        assert_eq!(rewrite(much.as_bytes(), &rules).1, ["b"]);
    }

    #[test]
    fn the_saved_entry_is_looked_for() {
        let with = |saved: &str| {
            block(&[("saved_entry".into(), saved.into()), ("x".into(), "y".into())]).0
        };
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
            assert_eq!(
                check_saved(&with(saved), &Menu::parse(&menu(), &[])),
                Saved::There,
                "{saved}"
            );
        }
        for saved in
            ["3", "1>2", "gone", &format!("{advanced}>gnulinux-5.10-advanced-{NEW_ROOT}"), "mine>0"]
        {
            let Saved::Gone(name, block) = check_saved(&with(saved), &Menu::parse(&menu(), &[]))
            else {
                panic!("{saved}")
            };
            assert_eq!(
                (name.as_str(), variables(&block)),
                (saved, vec![("x".to_owned(), "y".to_owned())])
            );
        }
        let more = menu() + "source $prefix/more.cfg\n";
        assert_eq!(check_saved(&with("3"), &Menu::parse(&more, &[])), Saved::Unknown("3".into()));
        let custom =
            menu() + "if [ -f $prefix/custom.cfg ]; then\n\tsource $prefix/custom.cfg\nfi\n";
        assert!(matches!(check_saved(&with("3"), &Menu::parse(&custom, &[])), Saved::Gone(..)));
    }

    /// grub.cfg of Fedora 39 and RHEL 9, in short, with entries as kernel-install writes them.
    const BLS: &str = "insmod part_gpt\nif [ x = y ]; then\n  set kernelopts=\"root=/dev/x\"\nfi\ninsmod blscfg\nblscfg\nif [ -f ${prefix}/user.cfg ]; then\n  source ${prefix}/user.cfg\nfi\n\
        if [ \"$grub_platform\" = \"efi\" ]; then\n\tmenuentry 'UEFI Firmware Settings' $menuentry_id_option 'uefi-firmware' {\n\t\tfwsetup\n\t}\nfi\n";
    const ENTRY: &str = "title Fedora Linux (6.5.6-300.fc39.x86_64) 39\nversion 6.5.6-300.fc39.x86_64\nlinux /vmlinuz-6.5.6-300.fc39.x86_64\n";

    #[test]
    fn loader_entries_are_entries_of_the_menu() {
        let known = |id: &str, text: &str| loader_entry(id, text);
        let entries = [
            known("m-6.5.6", ENTRY),
            known("m-0-rescue", "title Rescue\nlinux\t/v\n"),
            known("no-kernel", "title x\nlinuxefi /x\n"),
        ];
        let entries: Vec<(String, String)> = entries.into_iter().flatten().collect();
        let menu = Menu::parse(BLS, &entries);
        let with = |saved: &str| block(&[("saved_entry".into(), saved.into())]).0;
        for saved in [
            "m-6.5.6",
            "Fedora Linux (6.5.6-300.fc39.x86_64) 39",
            "0",
            "1",
            "2",
            "Rescue",
            "uefi-firmware",
        ] {
            assert_eq!(check_saved(&with(saved), &menu), Saved::There, "{saved}");
        }
        for saved in ["3", "no-kernel", "m-6.4", "0>1"] {
            assert!(matches!(check_saved(&with(saved), &menu), Saved::Gone(..)), "{saved}");
        }
        for (text, entries) in [(BLS, &[][..]), ("blscfg /elsewhere\n", &entries)] {
            assert_eq!(
                check_saved(&with("7"), &Menu::parse(text, entries)),
                Saved::Unknown("7".into())
            );
        }
    }

    /// RHEL 8: the block is on the ESP, and so is the menu.
    #[test]
    fn a_block_on_the_esp_is_settled_when_it_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for path in ["boot/grub2", "boot/efi", "boot/loader/entries"] {
            std::fs::create_dir_all(at(path)).unwrap();
        }
        std::os::unix::fs::symlink("../efi/EFI/redhat/grubenv", at("boot/grub2/grubenv")).unwrap();
        std::fs::write(at("boot/loader/entries/m-1.conf"), ENTRY).unwrap();
        let copy = Beneath::open(dir.path()).unwrap();
        let on_esp = |p: &Path| p.starts_with("/boot/efi");
        let settled = |saved: &str| {
            std::fs::write(
                at("boot/efi/EFI/redhat/grubenv"),
                block(&[("saved_entry".into(), saved.into())]).0,
            )
            .unwrap();
            settle_saved(&copy, &|p| !on_esp(p), &Events::new()).unwrap();
            assert_eq!(
                variables(&std::fs::read(at("boot/efi/EFI/redhat/grubenv")).unwrap()).len(),
                1
            );
            settle_saved(&copy, &on_esp, &Events::new()).unwrap();
            variables(&std::fs::read(at("boot/grub2/grubenv")).unwrap()).len()
        };
        settle_saved(&copy, &on_esp, &Events::new()).unwrap();
        std::fs::create_dir_all(at("boot/efi/EFI/redhat")).unwrap();
        assert_eq!(settled("9"), 1, "no menu is known yet");
        std::fs::write(at("boot/efi/EFI/redhat/grub.cfg"), BLS).unwrap();
        assert_eq!((settled("1"), settled("m-1"), settled("9"), settled("gone")), (1, 1, 0, 0));
        assert!(at("boot/grub2/grubenv").symlink_metadata().unwrap().is_symlink());
        // A stub there leads to the menu in /boot.
        std::fs::write(at("boot/efi/EFI/redhat/grub.cfg"), "configfile $prefix/grub.cfg\n")
            .unwrap();
        std::fs::write(at("boot/grub2/grub.cfg"), BLS).unwrap();
        assert_eq!((settled("1"), settled("9")), (1, 0));
    }
}
