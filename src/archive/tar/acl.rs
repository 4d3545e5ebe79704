//! ACLs: the text that archives hold and the kernel's binary form (linux/posix_acl_xattr.h, version
//! 2).
//!
//! The text is that of acl(5) with commas or newlines between entries; star and bsdtar add a named
//! user's number as a fourth field (`user:joe:rw-:1000`), GNU tar has names only, or numbers in
//! their place.

use crate::text::path::show_path;

const VERSION: u32 = 2;
const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;
/// Entries of the owner, the mask and others have no number.
const NOBODY: u32 = u32::MAX;

/// Whose number is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    User,
    Group,
}

/// The value of `system.posix_acl_access` or `system.posix_acl_default`. `number` knows numbers of
/// names.
///
/// # Errors
/// The reason, as the end of a sentence.
pub fn to_kernel(
    text: &[u8],
    number: impl Fn(Who, &[u8]) -> Option<u32>,
) -> Result<Vec<u8>, String> {
    let mut entries: Vec<(u16, u32, u16)> = vec![];
    for line in text.split(|b| matches!(b, b',' | b'\n')) {
        // `#effective:r--` may follow an entry.
        let line = line.split(|b| *b == b'#').next().unwrap_or_default().trim_ascii();
        if !line.is_empty() {
            entries
                .push(entry(line, &number).map_err(|why| {
                    format!("`{}` {why}", show_path(&line[..line.len().min(80)]))
                })?);
        }
    }
    if !entries.iter().any(|(tag, ..)| *tag == MASK)
        && entries.iter().any(|(tag, ..)| matches!(*tag, USER | GROUP))
    {
        // As acl_calc_mask(3): the kernel insists on one.
        let all = entries
            .iter()
            .filter(|(tag, ..)| matches!(*tag, USER | GROUP_OBJ | GROUP))
            .fold(0, |all, (.., perm)| all | perm);
        entries.push((MASK, NOBODY, all));
    }
    entries.sort_unstable();
    if entries.windows(2).any(|w| w[0].0 == w[1].0 && w[0].1 == w[1].1) {
        return Err("it names the same user or group twice".to_owned());
    }
    if ![USER_OBJ, GROUP_OBJ, OTHER].iter().all(|tag| entries.iter().any(|(t, ..)| t == tag)) {
        return Err("it has no entries for owner, group and others".to_owned());
    }
    let mut out = VERSION.to_le_bytes().to_vec();
    for (tag, id, perm) in entries {
        out.extend_from_slice(&tag.to_le_bytes());
        out.extend_from_slice(&perm.to_le_bytes());
        out.extend_from_slice(&id.to_le_bytes());
    }
    Ok(out)
}

/// The value of such an attribute as text, with numbers for users and groups; None for what is no
/// ACL.
pub fn to_text(value: &[u8]) -> Option<String> {
    let (entries, rest) = value.strip_prefix(&VERSION.to_le_bytes())?.as_chunks::<8>();
    if !rest.is_empty() {
        return None;
    }
    let mut out = Vec::new();
    for e in entries {
        let (tag, permissions, id) =
            (u16::from_le_bytes([e[0], e[1]]), e[2], u32::from_le_bytes([e[4], e[5], e[6], e[7]]));
        let who = match tag {
            USER_OBJ => "user:".to_owned(),
            USER => format!("user:{id}"),
            GROUP_OBJ => "group:".to_owned(),
            GROUP => format!("group:{id}"),
            MASK => "mask:".to_owned(),
            OTHER => "other:".to_owned(),
            _ => return None,
        };
        let letter = |bit: u8, c: char| if permissions & bit != 0 { c } else { '-' };
        out.push(format!("{who}:{}{}{}", letter(4, 'r'), letter(2, 'w'), letter(1, 'x')));
    }
    Some(out.join(","))
}

/// Tag, number and permissions of `user:joe:rw-:1000`.
fn entry(
    line: &[u8],
    number: &impl Fn(Who, &[u8]) -> Option<u32>,
) -> Result<(u16, u32, u16), String> {
    // The set says for which of the two it is; some programs say it again.
    let line = line.strip_prefix(b"default:").or_else(|| line.strip_prefix(b"d:")).unwrap_or(line);
    let fields: Vec<&[u8]> = line.split(|b| *b == b':').map(<[u8]>::trim_ascii).collect();
    let (word, name, perms, id) = match fields.as_slice() {
        // `mask:rwx` and `other:r--`
        [word @ (b"mask" | b"m" | b"other" | b"o"), perms] => (*word, &b""[..], *perms, None),
        [word, name, perms] => (*word, *name, *perms, None),
        [word, name, perms, id] => (*word, *name, *perms, Some(*id)),
        _ => return Err("is not an entry of an ACL".to_owned()),
    };
    let (tag, who) = match (word, name.is_empty()) {
        (b"user" | b"u", true) => (USER_OBJ, None),
        (b"user" | b"u", false) => (USER, Some(Who::User)),
        (b"group" | b"g", true) => (GROUP_OBJ, None),
        (b"group" | b"g", false) => (GROUP, Some(Who::Group)),
        (b"mask" | b"m", true) => (MASK, None),
        (b"other" | b"o", true) => (OTHER, None),
        _ => return Err("is not an entry of an ACL".to_owned()),
    };
    let digits =
        |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u32>().ok().filter(|n| *n != NOBODY);
    let id = match who {
        None => NOBODY,
        Some(who) => {
            id.and_then(digits).or_else(|| digits(name)).or_else(|| number(who, name)).ok_or_else(
                || "names a user or group whose number is not in the archive".to_owned(),
            )?
        }
    };
    let perm = perms.iter().try_fold(0, |all, c| match c {
        b'r' => Some(all | 4),
        b'w' => Some(all | 2),
        b'x' => Some(all | 1),
        b'-' => Some(all),
        _ => None,
    });
    Ok((tag, id, perm.ok_or_else(|| "grants what is unknown".to_owned())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(text: &str) -> Result<Vec<(u16, u16, u32)>, String> {
        let value = to_kernel(text.as_bytes(), |who, name| {
            (who == Who::Group && name == b"adm").then_some(4)
        })?;
        let (version, entries) = value.split_at(4);
        assert_eq!(version, [2, 0, 0, 0]);
        let two = |b: &[u8]| u16::from_le_bytes(b.try_into().unwrap());
        Ok(entries
            .chunks(8)
            .map(|e| (two(&e[..2]), two(&e[2..4]), u32::from_le_bytes(e[4..].try_into().unwrap())))
            .collect())
    }

    #[test]
    fn the_kernel_form() {
        let want = vec![
            (1, 7, NOBODY),
            (2, 6, 1000),
            (2, 4, 1001),
            (4, 5, NOBODY),
            (8, 4, 4),
            (16, 7, NOBODY),
            (32, 0, NOBODY),
        ];
        for text in [
            "user::rwx,user:x:r--:1001,user:joe:rw-:1000,group::r-x,group:adm:r--,mask::rwx,other::---",
            "user::rwx\nuser:1000:rw-\t#effective:rw-\nuser:1001:r--\ngroup::r-x\ngroup:4:r--\nmask::rwx\nother::---\n",
            "u::rwx,u:1000:rw,u:1001:r,g::rx,g:adm:r,m:rwx,o:-",
            "default:user::rwx,default:user:1000:rw-,d:user:1001:r--,d:g::r-x,d:g:4:r--,d:m::rwx,d:o::",
            // Without a mask it is what all of the group's class may.
            "user::rwx,user:1000:rw-,user:1001:r--,group::r-x,group:4:r--,other::---",
        ] {
            assert_eq!(kernel(text).unwrap(), want, "{text}");
        }
        assert_eq!(
            kernel("user::r--,group::r--,other::r--").unwrap(),
            [(1, 4, NOBODY), (4, 4, NOBODY), (32, 4, NOBODY)]
        );
    }

    #[test]
    fn the_text_form() {
        let text = "user::rw-,user:1234:rwx,group::r--,mask::r-x,other::---";
        let value = to_kernel(text.as_bytes(), |_, _| None).unwrap();
        assert_eq!(to_text(&value).as_deref(), Some(text));
        assert_eq!(to_text(&value[..9]), None);
        assert_eq!(to_text(b""), None);
    }

    #[test]
    fn what_is_no_acl() {
        for (text, why) in [
            ("user::rwx,user:joe:rw-,group::r-x,other::---", "whose number"),
            ("user::rwx,group::r-x", "others"),
            ("", "others"),
            ("user::rwz,group::r-x,other::---", "unknown"),
            ("user:rwx", "is not an entry"),
            ("mask:x:rwx", "is not an entry"),
            ("everyone@:rw::allow", "is not an entry"),
            ("user::rwx,user:5:r,user:6:r:5,group::r-x,other::---", "twice"),
            ("user:4294967295:r--,user::r,group::r-x,other::---", "whose number"),
        ] {
            let err = kernel(text).unwrap_err();
            assert!(err.contains(why), "{text}: {err}");
        }
    }
}
