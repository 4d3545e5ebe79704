//! What LVM reports about its volumes: three questions that read the metadata and write nothing,
//! not even a lock.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::disk::model::{Lv, Lvm, Pv, Vg};
use crate::host::cmd::{Cmd, find_program};

/// Whether LVM is installed on this machine.
pub fn installed() -> bool {
    find_program(Path::new("/"), "lvm").is_some()
}

/// Whether this machine limits LVM to the devices of a file; then other devices must be named to
/// every command.
pub fn has_devices_file() -> bool {
    Path::new("/etc/lvm/devices/system.devices").exists()
}

/// Asks LVM for everything it sees, also on devices that the devices file leaves out.
///
/// # Errors
/// ALT-801, ALT-802 with what LVM said.
pub fn gather() -> Result<Lvm> {
    let ask = |command: &str, fields: &str| -> Result<String> {
        let mut cmd = Cmd::new("lvm", format!("ask LVM ({command})")).args([
            command,
            "--reportformat",
            "json",
            "--units",
            "b",
            "--nosuffix",
        ]);
        if command == "lvs" {
            cmd = cmd.arg("-a");
        }
        cmd = cmd.args(["--readonly", "-o", fields]).env("LVM_SUPPRESS_FD_WARNINGS", "1");
        if has_devices_file() {
            cmd = cmd.args(["--devicesfile", ""]);
        }
        // 5: some devices of a group are missing; what is there is still reported.
        Ok(cmd.accept(&[5]).read()?.text())
    };
    Ok(Lvm {
        pvs: parse_pvs(&ask("pvs", "pv_name,vg_name,pv_uuid,pv_size")?)?,
        vgs: parse_vgs(&ask("vgs", "vg_name,vg_uuid,vg_extent_size,vg_size,vg_free,vg_tags")?)?,
        lvs: parse_lvs(&ask("lvs", "lv_name,vg_name,lv_path,lv_dm_path,lv_uuid,lv_size,segtype")?)?,
    })
}

fn rows(json: &str, kind: &str) -> Result<Vec<Value>> {
    // Warnings may stand before the report.
    let json = json.find('{').map_or("", |at| &json[at..]);
    let value: Value = serde_json::from_str(json).context("reading LVM's report")?;
    let reports = value["report"].as_array().cloned().unwrap_or_default();
    Ok(reports.iter().flat_map(|r| r[kind].as_array().cloned().unwrap_or_default()).collect())
}

fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or_default().trim_matches(|c| c == '[' || c == ']').to_owned()
}

fn bytes(row: &Value, key: &str) -> u64 {
    text(row, key).parse().unwrap_or(0)
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Reads `pvs --reportformat json`. Devices that are no physical volume are left out.
///
/// # Errors
/// If it is not LVM's JSON.
pub fn parse_pvs(json: &str) -> Result<Vec<Pv>> {
    let pv = |r: &Value| Pv {
        path: PathBuf::from(text(r, "pv_name")),
        vg: some(text(r, "vg_name")),
        uuid: text(r, "pv_uuid"),
        size: bytes(r, "pv_size"),
    };
    Ok(rows(json, "pv")?.iter().map(pv).filter(|pv| !pv.uuid.is_empty()).collect())
}

/// Reads `vgs --reportformat json`.
///
/// # Errors
/// If it is not LVM's JSON.
pub fn parse_vgs(json: &str) -> Result<Vec<Vg>> {
    let vg = |r: &Value| Vg {
        name: text(r, "vg_name"),
        uuid: text(r, "vg_uuid"),
        extent_size: bytes(r, "vg_extent_size"),
        size: bytes(r, "vg_size"),
        free: bytes(r, "vg_free"),
        tags: text(r, "vg_tags").split(',').filter(|t| !t.is_empty()).map(str::to_owned).collect(),
    };
    Ok(rows(json, "vg")?.iter().map(vg).collect())
}

/// Reads `lvs --reportformat json`, one row a segment: a volume counts once. Which are active it
/// does not say.
///
/// # Errors
/// If it is not LVM's JSON.
pub fn parse_lvs(json: &str) -> Result<Vec<Lv>> {
    let lv = |r: &Value| Lv {
        name: text(r, "lv_name"),
        vg: text(r, "vg_name"),
        path: PathBuf::from(text(r, "lv_path")),
        dm_path: PathBuf::from(text(r, "lv_dm_path")),
        uuid: text(r, "lv_uuid"),
        size: bytes(r, "lv_size"),
        segtype: text(r, "segtype"),
        active: false,
    };
    let mut all: Vec<Lv> = rows(json, "lv")?.iter().map(lv).collect();
    all.dedup_by(|a, b| a.uuid == b.uuid);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports() {
        let pvs = parse_pvs(include_str!("../../tests/fixtures/disk/lvm-pvs.json")).unwrap();
        assert_eq!(pvs.len(), 2);
        assert_eq!(
            (pvs[0].path.as_path(), pvs[0].vg.as_deref(), pvs[0].size),
            (Path::new("/dev/loop3"), Some("vgtest"), 310_378_496)
        );
        assert_eq!(pvs[1].vg, None);
        let vgs = parse_vgs(include_str!("../../tests/fixtures/disk/lvm-vgs.json")).unwrap();
        assert_eq!(
            (vgs[0].name.as_str(), vgs[0].extent_size, vgs[0].tags.len()),
            ("vgtest", 4_194_304, 1)
        );
        let lvs = parse_lvs(include_str!("../../tests/fixtures/disk/lvm-lvs.json")).unwrap();
        let all: Vec<(&str, &str)> =
            lvs.iter().map(|l| (l.name.as_str(), l.segtype.as_str())).collect();
        assert_eq!(
            all,
            [
                ("lv-root", "linear"),
                ("pool", "thin-pool"),
                ("pool_tdata", "linear"),
                ("thin1", "thin")
            ]
        );
        assert_eq!(lvs[0].dm_path, Path::new("/dev/mapper/vg0-lv--root"));
        assert!(parse_lvs("").is_err());
    }
}
