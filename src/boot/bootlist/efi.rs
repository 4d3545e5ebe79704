//! What `efibootmgr -v` prints, in its formats from version 12 to 18 and later.
//!
//! BootOrder: 0003,0000                       the list Boot0003*
//! debian<TAB>HD(1,GPT,...)/File(\EFI\debian\shimx64.efi)      up to 17 Boot0003*
//! debian<TAB>HD(1,GPT,...)/\EFI\debian\shimx64.efi            18 and later, then `dp:` and `data:`
//! lines

/// The machine's boot variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootVars {
    /// Entry numbers are four upper case hex digits everywhere.
    pub current: Option<String>,
    pub next: Option<String>,
    pub order: Vec<String>,
    pub entries: Vec<Entry>,
}

/// One `Boot####` variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub number: String,
    pub active: bool,
    pub label: String,
    /// The device path as printed, with optional data at its end.
    pub path: String,
    /// Where it names a file on a partition.
    pub file: Option<PartitionFile>,
}

/// `HD(n,GPT,uuid,...)/File(...)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionFile {
    pub partition: u32,
    /// PARTUUID, lower case, as blkid writes it (MBR: `1234abcd-01`).
    pub partuuid: String,
    /// `\EFI\debian\shimx64.efi`; empty where the entry names the partition alone.
    pub loader: String,
}

impl BootVars {
    /// The entry with this number.
    pub fn entry(&self, number: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.number == number)
    }

    /// Entries that start something on the partition with this PARTUUID, those in the boot order
    /// first.
    pub fn on_partition(&self, partuuid: &str) -> Vec<&Entry> {
        let rank =
            |e: &&Entry| self.order.iter().position(|n| *n == e.number).unwrap_or(usize::MAX);
        let here =
            |e: &&Entry| e.file.as_ref().is_some_and(|f| f.partuuid.eq_ignore_ascii_case(partuuid));
        let mut found: Vec<&Entry> = self.entries.iter().filter(here).collect();
        found.sort_by_key(rank);
        found
    }

    /// The entry that the firmware tries first at the next start.
    pub fn first(&self) -> Option<&Entry> {
        let next = self.next.iter().chain(&self.order);
        next.filter_map(|n| self.entry(n)).find(|e| e.active)
    }
}

/// Reads the output; lines of no known form are left out.
pub fn parse(text: &str) -> BootVars {
    let mut vars = BootVars::default();
    for line in text.lines() {
        if let Some(v) = line.strip_prefix("BootCurrent:") {
            vars.current = number(v.trim());
        } else if let Some(v) = line.strip_prefix("BootNext:") {
            vars.next = number(v.trim());
        } else if let Some(v) = line.strip_prefix("BootOrder:") {
            vars.order = v.split(',').filter_map(|n| number(n.trim())).collect();
        } else if let Some(entry) = line.strip_prefix("Boot").and_then(entry) {
            vars.entries.push(entry);
        }
    }
    vars
}

fn number(s: &str) -> Option<String> {
    (s.len() == 4 && s.bytes().all(|b| b.is_ascii_hexdigit())).then(|| s.to_ascii_uppercase())
}

fn entry(rest: &str) -> Option<Entry> {
    let number = number(rest.get(..4)?)?;
    let mark = rest.get(4..5)?;
    if mark != "*" && mark != " " {
        return None;
    }
    let (label, path) = rest.get(5..)?.split_once('\t').unwrap_or((rest.get(5..)?, ""));
    let file = partition_file(path);
    Some(Entry {
        number,
        active: mark == "*",
        label: label.trim().to_owned(),
        path: path.trim_end().to_owned(),
        file,
    })
}

fn partition_file(path: &str) -> Option<PartitionFile> {
    let start = path.find("HD(")? + 3;
    let (inside, after) = path.get(start..)?.split_once(')')?;
    let fields: Vec<&str> = inside.split(',').map(str::trim).collect();
    let partition: u32 = fields.first()?.parse().ok()?;
    let partuuid = match *fields.get(1)? {
        "GPT" => fields.get(2)?.replace(' ', "").to_lowercase(),
        "MBR" => {
            let id = u32::from_str_radix(fields.get(2)?.trim_start_matches("0x"), 16).ok()?;
            format!("{id:08x}-{partition:02x}")
        }
        _ => return None,
    };
    Some(PartitionFile { partition, partuuid, loader: loader(after) })
}

/// The file's path behind `HD(...)`: in `File(...)`, or bare up to the `.efi` (optional data
/// follows without a mark).
fn loader(after: &str) -> String {
    let after = after.trim_start_matches('/');
    let bare = match after.strip_prefix("File(") {
        Some(inside) => return inside.split(')').next().unwrap_or_default().to_owned(),
        None if after.starts_with('\\') => after,
        None => return String::new(),
    };
    match bare.to_ascii_lowercase().find(".efi") {
        Some(at) => bare.get(..at + 4).unwrap_or(bare).to_owned(),
        None => bare.trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V17: &str = include_str!("../../../tests/fixtures/efibootmgr/debian12-v17.txt");
    const V18: &str = include_str!("../../../tests/fixtures/efibootmgr/v18-verbose.txt");
    const ODD: &str = include_str!("../../../tests/fixtures/efibootmgr/odd.txt");

    #[test]
    fn version_17() {
        let v = parse(V17);
        assert_eq!(v.current.as_deref(), Some("0003"));
        assert_eq!(v.order, ["0003", "0000", "0001", "0002"]);
        assert_eq!(v.next, None);
        assert_eq!(v.entries.len(), 5);
        let debian = v.entry("0003").unwrap();
        assert_eq!((debian.label.as_str(), debian.active), ("debian", true));
        let file = debian.file.as_ref().unwrap();
        assert_eq!(file.partuuid, "0a8b6c4e-4d4d-4f0e-9a53-3e6f5a2c7d11");
        assert_eq!((file.partition, file.loader.as_str()), (1, "\\EFI\\debian\\shimx64.efi"));
        assert!(v.entry("0000").unwrap().file.is_none());
        assert!(!v.entry("0004").unwrap().active);
        assert_eq!(v.on_partition("0A8B6C4E-4D4D-4F0E-9A53-3E6F5A2C7D11").len(), 2);
        assert_eq!(v.first().unwrap().number, "0003");
    }

    #[test]
    fn version_18() {
        let v = parse(V18);
        assert_eq!(v.order.len(), 4);
        assert_eq!(v.next.as_deref(), Some("001D"));
        let linux = v.entry("0000").unwrap().file.clone().unwrap();
        assert_eq!(linux.loader, "\\EFI\\systemd\\systemd-bootx64.efi");
        let windows = v.entry("0001").unwrap();
        assert_eq!(windows.label, "Windows Boot Manager");
        assert_eq!(windows.file.as_ref().unwrap().loader, "\\EFI\\Microsoft\\Boot\\bootmgfw.efi");
        let ubuntu = v.entry("0002").unwrap().file.clone().unwrap();
        assert_eq!((ubuntu.partition, ubuntu.loader.as_str()), (2, "\\EFI\\ubuntu\\shimx64.efi"));
        assert_eq!(v.first().unwrap().number, "001D");
    }

    #[test]
    fn odd_machines() {
        let v = parse(ODD);
        assert!(v.order.is_empty());
        assert_eq!(v.current, None);
        // An MBR disk; a partition without a file; a kernel with its command line glued to the
        // path; an old format.
        assert_eq!(v.entry("0000").unwrap().file.as_ref().unwrap().partuuid, "0009f5a3-01");
        assert_eq!(v.entry("0001").unwrap().file.as_ref().unwrap().loader, "");
        assert_eq!(
            v.entry("0002").unwrap().file.as_ref().unwrap().loader,
            "\\EFI\\Linux\\arch.efi"
        );
        assert!(v.entry("0003").unwrap().file.is_none());
        assert_eq!(v.entry("0004").unwrap().label, "No path at all");
        assert_eq!(parse(""), BootVars::default());
        assert_eq!(parse("EFI variables are not supported on this system.\n"), BootVars::default());
    }
}
