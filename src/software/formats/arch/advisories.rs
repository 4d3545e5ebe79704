//! Advisories of Arch Linux: a copy of `all.json` of security.archlinux.org in the location.
//!
//! An array of objects: `name` (AVG-1), `packages`, `fixed` (the version that mends it, or null),
//! `issues` (CVE numbers), `advisories` (ASA-...), `type`, `severity`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use crate::software::model::Fix;

/// Reading stops after this many bytes. The list of Arch has 2 MiB, and takes ten times as much in
/// memory.
const MAX_LIST: u64 = 16 << 20;

#[derive(Deserialize)]
struct Group {
    name: String,
    packages: Vec<String>,
    fixed: Option<String>,
    #[serde(default)]
    issues: Vec<String>,
    #[serde(default)]
    advisories: Vec<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    severity: Option<String>,
}

/// The fixes in every list in `dir` itself.
pub fn read(dir: &Path) -> Vec<Fix> {
    let Ok(entries) = std::fs::read_dir(dir) else { return vec![] };
    let lists = entries
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "json") && p.is_file());
    let mut all: Vec<Fix> =
        lists.filter_map(|p| parse(File::open(p).ok()?.take(MAX_LIST))).flatten().collect();
    all.sort_by(|a, b| b.id.len().cmp(&a.id.len()).then_with(|| b.id.cmp(&a.id)));
    all
}

fn parse(from: impl Read) -> Option<Vec<Fix>> {
    let groups: Vec<Group> = serde_json::from_reader(std::io::BufReader::new(from)).ok()?;
    let fix = |g: Group| {
        // An issue without a fixed version is not a fix.
        let fixed = g.fixed?;
        let title = [g.kind, g.severity.map(|s| format!("({})", s.to_lowercase()))]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ");
        Some(Fix {
            id: g.name,
            names: g.advisories.into_iter().chain(g.issues).collect(),
            title,
            packages: g.packages.into_iter().map(|p| (p, fixed.clone())).collect(),
        })
    };
    Some(groups.into_iter().filter_map(fix).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_arch_has_them() {
        let text = r#"[{"name":"AVG-2850","packages":["zlib","lib32-zlib"],"status":"Fixed","severity":"High","type":"arbitrary code execution",
            "affected":"1:1.2.12-1","fixed":"1:1.2.12-3","ticket":null,"issues":["CVE-2022-37434"],"advisories":["ASA-202208-1"]},
            {"name":"AVG-2851","packages":["x"],"fixed":null,"issues":["CVE-1"]}]"#;
        let fixes = parse(text.as_bytes()).unwrap();
        assert_eq!(fixes.len(), 1);
        assert_eq!(
            (fixes[0].id.as_str(), fixes[0].names.join(" ")),
            ("AVG-2850", "ASA-202208-1 CVE-2022-37434".into())
        );
        assert_eq!(fixes[0].title, "arbitrary code execution (high)");
        assert_eq!(fixes[0].packages[1], ("lib32-zlib".into(), "1:1.2.12-3".into()));
        assert!(parse(&b"{}"[..]).is_none() && parse(&b"[[["[..]).is_none());
    }
}
