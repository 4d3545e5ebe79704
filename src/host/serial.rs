//! Serial numbers of disks, as sysfs has them.

use std::fs;
use std::path::Path;

use crate::host::files;

/// The serial number of the disk whose directory in sysfs is `dir`: virtio has `serial`, nvme and
/// mmc `device/serial`, scsi and ata vital product data.
pub fn of_disk(dir: &Path) -> Option<String> {
    let text = |file: &str| {
        files::line(dir.join(file)).map(|t| t.trim().to_owned()).filter(|t| !t.is_empty())
    };
    ["serial", "device/serial"]
        .into_iter()
        .find_map(text)
        .or_else(|| unit_serial(&fs::read(dir.join("device/vpd_pg80")).ok()?))
}

/// The serial in SCSI vital product data page 0x80: four bytes of header, then the text.
fn unit_serial(page: &[u8]) -> Option<String> {
    let length = usize::from(u16::from_be_bytes([*page.get(2)?, *page.get(3)?]));
    let text = page.get(4..)?;
    let text = String::from_utf8_lossy(&text[..length.min(text.len())]);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vital_product_data() {
        assert_eq!(unit_serial(b"\x00\x80\x00\x08  AB12 \0junk").as_deref(), Some("AB12"));
        assert_eq!(unit_serial(b"\x00\x80"), None);
    }
}
