//! Words for a POSIX shell.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// One word for a POSIX shell: as it is when harmless, else in single quotes.
pub fn quote(word: &OsStr) -> String {
    let harmless = |b: &u8| b.is_ascii_alphanumeric() || b"%+,-./:=@_^".contains(b);
    let text = word.to_string_lossy();
    if !word.is_empty() && word.as_bytes().iter().all(harmless) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A command line as a shell would read it.
pub fn quoted<S: AsRef<OsStr>>(argv: &[S]) -> String {
    argv.iter().map(|w| quote(w.as_ref())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_for_a_shell() {
        for word in ["", "a b", "it's", "$x;`y`", "plain-1.2/x", "new\nline", "*"] {
            let out = std::process::Command::new("sh")
                .args(["-c", &format!("printf %s {}", quote(OsStr::new(word)))])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(out.stdout).unwrap(), word);
        }
        assert_eq!(quote(OsStr::new("plain-1.2/x")), "plain-1.2/x");
        assert_eq!(quoted(&["a", "b c"]), "a 'b c'");
    }
}
