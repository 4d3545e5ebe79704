//! Text for roff: escaped, so that nothing in it is a request, an escape or a typographic quote.

/// Plain text. A line that begins with a dot or an apostrophe stays text.
pub fn escape(text: &str) -> String {
    let mut out = String::new();
    for (n, line) in text.split('\n').enumerate() {
        if n > 0 {
            out.push('\n');
        }
        if line.starts_with(['.', '\'']) {
            out.push_str("\\&");
        }
        for c in line.chars() {
            match c {
                '\\' => out.push_str("\\(rs"),
                '-' => out.push_str("\\-"),
                '\'' => out.push_str("\\(aq"),
                '`' => out.push_str("\\(ga"),
                '^' => out.push_str("\\(ha"),
                '~' => out.push_str("\\(ti"),
                c => out.push(c),
            }
        }
    }
    out
}

/// Bold text.
pub fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", escape(text))
}

/// Italic text.
pub fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", escape(text))
}

/// A paragraph: commands between backticks are bold.
pub fn paragraph(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let set = parts.map(|(n, part)| if n % 2 == 0 { escape(part) } else { bold(part) });
    let line: String = set.collect();
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}

/// An argument of a macro, in quotes.
pub fn argument(text: &str) -> String {
    format!("\"{}\"", escape(text).replace('"', "\\(dq"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_a_request_or_an_escape() {
        assert_eq!(escape(".TH a\\b\n'x-y"), "\\&.TH a\\(rsb\n\\&\\(aqx\\-y");
        assert_eq!(
            paragraph("see `altdisk disks`; ~/a^"),
            "see \\fBaltdisk disks\\fR; \\(ti/a\\(ha"
        );
        assert_eq!(argument("a \"b\""), "\"a \\(dqb\\(dq\"");
    }
}
