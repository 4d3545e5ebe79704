//! Names that are made here: storage hosts give a disk to whichever machine has its name, so two
//! machines must never have the same one.

use uuid::Uuid;

/// /etc/iscsi/initiatorname.iscsi with another name: that of iscsi-iname(8), which is the
/// distribution's prefix, a colon, and what was drawn. Lines and comments stay. None where no name
/// is in it. Returns the text and the new name.
pub fn initiator_name(text: &str, random: Uuid) -> Option<(String, String)> {
    let key = "InitiatorName=";
    let old = text.lines().find_map(|l| l.trim_start().strip_prefix(key))?.trim();
    // A name of another form (eui.) or none gets open-iscsi's own prefix.
    let prefix = old.rsplit_once(':').map(|(prefix, _)| prefix).filter(|p| p.starts_with("iqn."));
    let drawn = &random.simple().to_string()[..12];
    let name = format!("{}:{drawn}", prefix.unwrap_or("iqn.2016-04.com.open-iscsi"));
    let line = |l: &str| {
        if l.trim_start().starts_with(key) { format!("{key}{name}\n") } else { format!("{l}\n") }
    };
    Some((text.lines().map(line).collect(), name))
}

/// /etc/nvme/hostnqn and /etc/nvme/hostid, as `nvme gen-hostnqn` makes them: one UUID in both.
pub fn nvme_host(random: Uuid) -> (String, String) {
    (format!("nqn.2014-08.org.nvmexpress:uuid:{random}\n"), format!("{random}\n"))
}

/// /etc/hostid, which gethostid(3) reads: four bytes, not zero.
pub fn host_id(random: Uuid) -> [u8; 4] {
    let bytes = random.into_bytes();
    [bytes[0] | 1, bytes[1], bytes[2], bytes[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWN: Uuid = Uuid::from_u128(0x0123_4567_89ab_4def_8123_4567_89ab_cdef);

    #[test]
    fn initiator_names() {
        let debian = "## DO NOT EDIT\nInitiatorName=iqn.1993-08.org.debian:01:9f8e7d6c5b4a\n";
        let (text, name) = initiator_name(debian, DRAWN).unwrap();
        assert_eq!(name, "iqn.1993-08.org.debian:01:0123456789ab");
        assert_eq!(text, format!("## DO NOT EDIT\nInitiatorName={name}\n"));
        let (_, name) = initiator_name(
            "InitiatorName=iqn.1994-05.com.redhat:web1\nInitiatorAlias=web\n",
            DRAWN,
        )
        .unwrap();
        assert_eq!(name, "iqn.1994-05.com.redhat:0123456789ab");
        for odd in ["InitiatorName=eui.02004567A425678D\n", "  InitiatorName=\n"] {
            assert_eq!(
                initiator_name(odd, DRAWN).unwrap().1,
                "iqn.2016-04.com.open-iscsi:0123456789ab",
                "{odd}"
            );
        }
        // Debian makes one at the first start where it says so.
        assert_eq!(initiator_name("GenerateName=yes\n", DRAWN), None);
    }

    #[test]
    fn nvme_and_hostid() {
        let (nqn, id) = nvme_host(DRAWN);
        assert_eq!(nqn, "nqn.2014-08.org.nvmexpress:uuid:01234567-89ab-4def-8123-456789abcdef\n");
        assert_eq!(id, "01234567-89ab-4def-8123-456789abcdef\n");
        assert_eq!((host_id(DRAWN), host_id(Uuid::nil())), ([1, 0x23, 0x45, 0x67], [1, 0, 0, 0]));
    }
}
