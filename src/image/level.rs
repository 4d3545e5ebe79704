//! The level of a system, as AIX counts it: version, release, modification.

/// V.R.M of a distribution by its os-release, and of Debian by /etc/debian_version, which tells
/// more: `12.11.0`, `24.4.0`, `40.0.0`. Empty where there is no version (Arch, Debian testing).
pub fn level(os_release: &str, debian_version: Option<&str>) -> String {
    let mut version = numbers(&value(os_release, "VERSION_ID"));
    if value(os_release, "ID") == "debian" {
        let more = numbers(debian_version.unwrap_or_default());
        if !more.is_empty() && (version.is_empty() || more.starts_with(&version)) {
            version = more;
        }
    }
    if version.is_empty() {
        return String::new();
    }
    version.resize(3, "0".to_owned());
    version.join(".")
}

/// The value of `key` in os-release, without quotes; empty if it says nothing.
pub fn value(os_release: &str, key: &str) -> String {
    let raw = os_release.lines().rev().find_map(|l| l.trim().strip_prefix(key)?.strip_prefix('='));
    raw.unwrap_or_default().trim().trim_matches(['"', '\'']).to_owned()
}

/// The numbers of `12.11`, as written but without leading zeros; none if it begins with anything
/// else (`trixie/sid`, `rolling`).
fn numbers(version: &str) -> Vec<String> {
    let mut all = vec![];
    for part in version.trim().split('.') {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        if digits.is_empty() {
            break;
        }
        let bare = digits.trim_start_matches('0');
        all.push(if bare.is_empty() { "0".to_owned() } else { bare.to_owned() });
        if digits.len() != part.len() {
            break;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        for (os_release, debian, want) in [
            ("ID=debian\nVERSION_ID=\"12\"\n", Some("12.11\n"), "12.11.0"),
            ("ID=debian\nVERSION_ID=\"12\"\n", None, "12.0.0"),
            ("ID=debian\n", Some("trixie/sid\n"), ""),
            ("ID=debian\n", Some("13.0"), "13.0.0"),
            // Ubuntu has debian_version too, of the Debian that it was made of.
            ("ID=ubuntu\nVERSION_ID='22.04'\n", Some("bookworm/sid"), "22.4.0"),
            ("NAME=x\nID=ubuntu\nVERSION_ID=\"24.10\"\n", Some("12.1"), "24.10.0"),
            // One of another version is not believed.
            ("ID=debian\nVERSION_ID=12\n", Some("11.4"), "12.0.0"),
            ("ID=fedora\nVERSION_ID=40\n", None, "40.0.0"),
            ("ID=\"rocky\"\nVERSION_ID=\"9.4\"\n", None, "9.4.0"),
            ("ID=opensuse-leap\nVERSION_ID=\"15.6\"\n", None, "15.6.0"),
            ("ID=alpine\nVERSION_ID=3.20.3\n", None, "3.20.3"),
            ("ID=x\nVERSION_ID=1.2.3.4\n", None, "1.2.3"),
            ("ID=x\nVERSION_ID=1.2rc3.4\n", None, "1.2.0"),
            ("ID=x\nVERSION_ID=00.010\n", None, "0.10.0"),
            ("ID=arch\nBUILD_ID=rolling\n", None, ""),
            ("MYVERSION_ID=3\n", None, ""),
            ("", None, ""),
        ] {
            assert_eq!(level(os_release, debian), want, "{os_release:?} {debian:?}");
        }
    }
}
