//! Which distribution's habits a root follows: names of programs, of directories, of files.

use std::path::Path;

use crate::host::beneath::Beneath;

/// What decides how loader and initramfs are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Debian,
    Fedora,
    Suse,
    Arch,
    Other,
}

impl Family {
    /// By ID and ID_LIKE of os-release.
    pub fn detect(root: &Path) -> Self {
        let text = Beneath::open(root).ok().and_then(|root| {
            ["etc/os-release", "usr/lib/os-release"].iter().find_map(|p| root.text(p))
        });
        Self::parse(&text.unwrap_or_default())
    }

    /// By the text of an os-release file.
    pub fn parse(os_release: &str) -> Self {
        let value = |key: &str| {
            os_release
                .lines()
                .find_map(|l| l.strip_prefix(key))
                .unwrap_or_default()
                .trim_matches(['"', '\''])
                .to_owned()
        };
        let ids = format!("{} {}", value("ID="), value("ID_LIKE="));
        let family = ids.split_whitespace().find_map(|id| match id {
            "debian" | "ubuntu" => Some(Self::Debian),
            "fedora" | "rhel" | "centos" => Some(Self::Fedora),
            "arch" => Some(Self::Arch),
            s if s == "suse" || s == "sles" || s.starts_with("opensuse") => Some(Self::Suse),
            _ => None,
        });
        family.unwrap_or(Self::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families() {
        for (text, want) in [
            ("ID=debian\n", Family::Debian),
            ("NAME=x\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", Family::Debian),
            ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", Family::Fedora),
            ("ID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\n", Family::Suse),
            ("ID=arch\n", Family::Arch),
            ("ID=void\n", Family::Other),
            ("", Family::Other),
        ] {
            assert_eq!(Family::parse(text), want, "{text}");
        }
    }
}
