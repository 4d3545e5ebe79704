//! debconf's database: where the package of GRUB writes its loader at the next upgrade. Never again
//! to the source's disk.

/// The database, inside a root.
pub const DATABASE: &str = "/var/cache/debconf/config.dat";

/// What the debconf database is told: each question that it has and that is answered otherwise.
pub fn selections(known: &str, links: &[&str]) -> String {
    let mut all: Vec<&str> = links.to_vec();
    all.sort_unstable();
    all.dedup();
    let value = all.join(", ");
    let mut out = String::new();
    for (package, question) in [
        ("grub-pc", "grub-pc/install_devices"),
        ("grub-pc", "grub-pc/install_devices_disks_changed"),
        ("grub-efi-amd64", "grub-efi/install_devices"),
        ("grub-efi-amd64", "grub-efi/install_devices_disks_changed"),
    ] {
        let stanza =
            known.split("\n\n").find(|s| s.lines().any(|l| l == format!("Name: {question}")));
        let Some(stanza) = stanza else { continue };
        let now = stanza.lines().find_map(|l| l.strip_prefix("Value:")).unwrap_or_default().trim();
        if now != value {
            out.push_str(format!("{package} {question} multiselect {value}").trim_end());
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debconf_is_told_what_it_asks() {
        let known = "Name: grub-pc/install_devices\nTemplate: grub-pc/install_devices\nValue: /dev/disk/by-id/virtio-OLD\n\nName: other\nValue: x\n";
        assert_eq!(
            selections(known, &["/dev/disk/by-id/virtio-NEW"]),
            "grub-pc grub-pc/install_devices multiselect /dev/disk/by-id/virtio-NEW\n"
        );
        assert_eq!(selections(known, &[]), "grub-pc grub-pc/install_devices multiselect\n");
        assert_eq!(selections(known, &["/dev/disk/by-id/virtio-OLD"]), "");
        assert_eq!(selections("Name: x\n", &["y"]), "");
    }
}
