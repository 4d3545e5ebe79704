//! The architecture that programs are made for, from the headers of some of them (ELF, System V
//! ABI, "ELF Header").

/// Bytes of a header that tell it.
pub const HEADER: usize = 20;
/// At most this many programs are examined; the most frequent machine counts.
const ENOUGH: usize = 8;

/// Programs before libraries: of those a system may have some of another machine.
pub fn rank(parts: &[&[u8]]) -> Option<usize> {
    match parts {
        [b"usr", b"bin" | b"sbin", _] | [b"bin" | b"sbin", _] => Some(0),
        [b"usr", b"lib" | b"lib64", ..] | [b"lib" | b"lib64", ..] => Some(1),
        _ => None,
    }
}

/// The machines found, by rank.
#[derive(Debug, Default)]
pub struct Machines([Vec<&'static str>; 2]);

impl Machines {
    /// True if another program of this rank should be examined.
    pub fn wants(&self, rank: usize) -> bool {
        self.0.get(rank).is_some_and(|seen| seen.len() < ENOUGH)
            && (rank == 0 || self.0[0].is_empty())
    }

    /// Counts the machine of a program.
    pub fn look(&mut self, rank: usize, header: &[u8]) {
        if let (Some(seen), Some(machine)) = (self.0.get_mut(rank), machine(header)) {
            seen.push(machine);
        }
    }

    /// The machine of most programs.
    pub fn best(&self) -> Option<&'static str> {
        let seen = self.0.iter().find(|seen| !seen.is_empty())?;
        // The first of equals.
        seen.iter().rev().copied().max_by_key(|m| seen.iter().filter(|s| s == &m).count())
    }
}

/// As `uname -m` says it.
fn machine(header: &[u8]) -> Option<&'static str> {
    let [0x7f, b'E', b'L', b'F', class, order, ..] = header else { return None };
    let code = header.get(18..20)?.first_chunk::<2>()?;
    let little = *order == 1;
    let code = if little { u16::from_le_bytes(*code) } else { u16::from_be_bytes(*code) };
    Some(match (code, class, little) {
        // x32 programs have the class of 32 bits; the system is x86_64 all the same.
        (62, ..) => "x86_64",
        (3, ..) => "i686",
        (183, ..) => "aarch64",
        (40, ..) => "armv7l",
        (243, 2, _) => "riscv64",
        (243, ..) => "riscv32",
        (21, _, true) => "ppc64le",
        (21, ..) => "ppc64",
        (22, ..) => "s390x",
        (258, ..) => "loongarch64",
        (8, 2, _) => "mips64",
        (8, ..) => "mips",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(code: u8, class: u8, order: u8) -> Vec<u8> {
        let mut h = vec![0; HEADER];
        h[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, order]);
        h[if order == 1 { 18 } else { 19 }] = code;
        h
    }

    #[test]
    fn machines() {
        for (code, class, order, want) in [
            (62, 2, 1, Some("x86_64")),
            (183, 2, 1, Some("aarch64")),
            (21, 2, 1, Some("ppc64le")),
            (21, 2, 2, Some("ppc64")),
            (22, 2, 2, Some("s390x")),
            (3, 1, 1, Some("i686")),
            (0, 2, 1, None),
        ] {
            assert_eq!(machine(&header(code, class, order)), want);
        }
        assert_eq!((machine(b"#!/bin/sh"), machine(b"\x7fELF\x02\x01")), (None, None));
    }

    #[test]
    fn programs_and_the_many_count() {
        let mut seen = Machines::default();
        seen.look(1, &header(3, 1, 1));
        assert_eq!(seen.best(), Some("i686"));
        seen.look(0, b"#!/bin/sh");
        for code in [3, 62, 62] {
            seen.look(0, &header(code, 2, 1));
        }
        assert_eq!(seen.best(), Some("x86_64"));
        assert!(!seen.wants(1) && seen.wants(0));
        assert_eq!(
            (rank(&[b"usr", b"bin", b"sh"]), rank(&[b"lib64", b"ld.so"]), rank(&[b"opt", b"x"])),
            (Some(0), Some(1), None)
        );
    }
}
