//! This process's own command line as others see it (`ps`, /proc/PID/cmdline): without the
//! passwords in it.
//!
//! Linux shows what lies in the process's memory between two addresses (proc_pid_stat(5),
//! `arg_start` and `arg_end`), so a word that is overwritten there is not shown any more. Between
//! the start of the process and this moment it is.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;

use crate::secret::masked_words;

/// Overwrites the words of `argv` that hold secrets; `argv` must be all words of this process.
/// Where the kernel does not let it, nothing happens.
pub fn hide_secrets(argv: &[OsString]) {
    let words: Vec<String> = argv.iter().map(|w| w.to_string_lossy().into_owned()).collect();
    let hidden = masked_words(&words);
    if hidden != words {
        // Nothing depends on it, and nobody could do anything about it.
        let _ = overwrite(argv, &hidden);
    }
}

fn overwrite(argv: &[OsString], hidden: &[String]) -> std::io::Result<()> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let Some((start, end)) = place(&stat) else { return Ok(()) };
    let (mut old, mut new) = (vec![], vec![]);
    for (word, hidden) in argv.iter().zip(hidden) {
        let word = word.as_bytes();
        let masked = if hidden.as_bytes() == word { word } else { hidden.as_bytes() };
        new.extend((0..word.len()).map(|n| masked.get(n).copied().unwrap_or(b' ')));
        new.push(0);
        old.extend_from_slice(word);
        old.push(0);
    }
    let memory = OpenOptions::new().read(true).write(true).open("/proc/self/mem")?;
    let mut there = vec![0; old.len()];
    if end.checked_sub(start) != u64::try_from(old.len()).ok() {
        return Ok(());
    }
    memory.read_exact_at(&mut there, start)?;
    if there == old { memory.write_all_at(&new, start) } else { Ok(()) }
}

/// `arg_start` and `arg_end`, fields 48 and 49; the second field, a name in parentheses, may hold
/// anything.
fn place(stat: &str) -> Option<(u64, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(48 - 3).map(|f| f.parse().ok());
    Some((fields.next()??, fields.next()??)).filter(|(start, _)| *start > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_words_are() {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let (start, end) = place(&stat).unwrap();
        let mut there = vec![0; usize::try_from(end - start).unwrap()];
        OpenOptions::new()
            .read(true)
            .open("/proc/self/mem")
            .unwrap()
            .read_exact_at(&mut there, start)
            .unwrap();
        assert_eq!(there, std::fs::read("/proc/self/cmdline").unwrap());
        assert_eq!(place("1 (a) b) S 1"), None);
    }
}
