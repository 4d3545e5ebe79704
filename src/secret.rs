//! Secrets in texts: passwords and tokens of URLs, of options and of proxies.
//!
//! Everything that is shown, logged, or stored where others can read it goes through [`masked`]. It
//! finds secrets by their place in a text: the part before the last `@` of a URL, the values of its
//! query, the value of an option whose name says that it is a password. Those of this process's own
//! command line and of its stored plan are known by value too ([`learn`]), so that no program's
//! output repeats them. A secret that is a part of a path (`https://host/TOKEN/debian`) cannot be
//! recognised, and is not masked.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// Replaces a secret.
pub const MASK: &str = "***";

/// A text that may hold secrets: shown masked, whether by `{}` or by `{:?}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for a file that only root reads, or a program's standard input.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(&self.0))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", masked(&self.0))
    }
}

/// Secrets that are known by value.
static KNOWN: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// A shorter password is masked only where its place identifies it: it may be a part of any word.
const MIN_KNOWN_LEN: usize = 6;
/// Parts of names of options, variables or parameters whose value is a secret; compared
/// without `-` and `_`.
const SECRET_NAMES: [&str; 9] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "credential",
    "authorization",
];
/// Endings of such names.
const SECRET_ENDS: [&str; 5] = ["pass", "auth", "pw", "pwd", "cookie"];
/// The shell's working directory, which ends like one of them.
const NO_SECRET: &str = "pwd";
/// Options of curl and others whose value is `user:password`.
const USERS: [&str; 2] = ["--user", "--proxy-user"];
/// Parameters of a URL's query that say nothing secret. Every other value is masked.
const PLAIN_PARAMETERS: [&str; 14] = [
    "repo",
    "arch",
    "basearch",
    "release",
    "releasever",
    "infra",
    "country",
    "cc",
    "protocol",
    "dist",
    "channel",
    "version",
    "lang",
    "format",
];

/// `text` with its recognisable secrets masked.
pub fn masked(text: &str) -> String {
    let text = without_known(text);
    let mut out = String::with_capacity(text.len());
    let mut next = Next::Plain;
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end_matches(char::is_whitespace);
        if next == Next::Secret && is_scheme(word) {
            out.push_str(word);
        } else if next.hides(word) {
            out.push_str(&in_place_of(word));
            // `Cookie: a=b; c=d`
            if !word.ends_with(';') {
                next = Next::Plain;
            }
        } else {
            out.push_str(&masked_word(word));
            if !word.is_empty() {
                next = next_after(word);
            }
        }
        out.push_str(&piece[word.len()..]);
    }
    out
}

/// What a word says of the one that follows it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Plain,
    /// It is a secret.
    Secret,
    /// It has a secret in it if it is `user:password`.
    User,
}

impl Next {
    fn hides(self, word: &str) -> bool {
        match self {
            Self::Plain => false,
            Self::Secret => !word.is_empty(),
            Self::User => word.contains(':'),
        }
    }
}

/// The mask of a whole word; one that is nothing but stars and quotes is a mask already.
fn in_place_of(word: &str) -> String {
    if word.chars().all(|c| "*'\"".contains(c)) { word.to_owned() } else { MASK.to_owned() }
}

/// The words of a command line, each masked.
pub fn masked_words(words: &[String]) -> Vec<String> {
    let mut next = Next::Plain;
    let mut one = |word: &String| {
        let now = std::mem::replace(&mut next, next_after(word));
        if now.hides(word) { in_place_of(word) } else { masked(word) }
    };
    words.iter().map(&mut one).collect()
}

/// A JSON text whose strings are masked; everything else in it, also the order of its fields, stays
/// as it is.
pub fn masked_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('"') {
        let (before, string) = rest.split_at(start);
        out.push_str(before);
        let mut escaped = false;
        let end = string.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        let (string, after) = string.split_at(end.map_or(string.len(), |(at, _)| at + 1));
        let hidden = serde_json::from_str::<String>(string)
            .ok()
            .map(|plain| (masked(&plain), plain))
            .filter(|(hidden, plain)| hidden != plain);
        match hidden.and_then(|(hidden, _)| serde_json::to_string(&hidden).ok()) {
            Some(hidden) => out.push_str(&hidden),
            None => out.push_str(string),
        }
        rest = after;
    }
    out + rest
}

/// Remembers the secrets of these words: from now on they are masked by value too.
pub fn learn<'a>(words: impl IntoIterator<Item = &'a str>) {
    let mut found: Vec<String> = words.into_iter().flat_map(secrets_of).collect();
    found.retain(|s| s != MASK && !s.is_empty());
    if found.is_empty() {
        return;
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.extend(found);
    // The longest first: a password may hold another one.
    known.sort_by_key(|s| std::cmp::Reverse(s.len()));
    known.dedup();
}

fn without_known(text: &str) -> Cow<'_, str> {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known
        .iter()
        .filter(|k| text.contains(k.as_str()))
        .fold(Cow::Borrowed(text), |text, secret| text.replace(secret, MASK).into())
}

/// The secrets of one word of a command line, which may have blanks in it.
fn secrets_of(word: &str) -> Vec<String> {
    let mut found = vec![];
    let mut add = |secret: &str| {
        for text in [secret.to_owned(), decoded(secret)] {
            if text.len() >= MIN_KNOWN_LEN {
                found.push(text);
            }
        }
    };
    for piece in std::iter::once(word).chain(word.split_whitespace()) {
        for (at, mark) in piece.match_indices("://") {
            let rest = &piece[at + mark.len()..];
            let Some(end) = rest.rfind('@') else { continue };
            let user = &rest[..end];
            add(user.split_once(':').map_or(user, |(_, password)| password));
        }
        for (at, _) in piece.match_indices('=') {
            if is_secret_name(name_before(&piece[..at])) {
                add(piece[at + 1..].trim_matches(['"', '\'']));
            }
        }
        let parameters = piece
            .split_once('?')
            .map(|(_, query)| query)
            .into_iter()
            .flat_map(|q| q.split(['&', ';', '#']));
        for value in parameters
            .filter_map(|p| p.split_once('='))
            .filter(|(name, _)| !is_plain_parameter(name))
            .map(|(_, value)| value)
        {
            add(value);
        }
    }
    found
}

/// `%40` as `@`.
pub fn decoded(text: &str) -> String {
    let hex = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while at < bytes.len() {
        match bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%').and_then(hex) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Words between `Authorization:` and the secret (RFC 9110, 11.6.2).
fn is_scheme(word: &str) -> bool {
    ["basic", "bearer", "token"].iter().any(|s| word.eq_ignore_ascii_case(s))
}

/// `--password`, `X-Auth-Token:`, `"password":`: what follows is one.
fn next_after(word: &str) -> Next {
    let bare = word.trim_matches(['"', '\'', '{', '[', '(', ',']);
    let flag = bare.starts_with("--") && !bare.contains('=') && is_secret_name(bare);
    let header = bare.strip_suffix(':').is_some_and(|name| {
        let key = name.ends_with(['"', '\'']);
        let name = name.trim_end_matches(['"', '\'']);
        // A word of a sentence (`wrong password: ...`) is neither.
        (key || is_header(name)) && is_secret_name(name)
    });
    match bare {
        _ if flag || header => Next::Secret,
        _ if USERS.contains(&bare) => Next::User,
        _ => Next::Plain,
    }
}

/// The name of a field of HTTP that may hold a secret.
fn is_header(name: &str) -> bool {
    let short = ["authorization", "cookie"];
    name.contains('-') || short.iter().any(|s| name.eq_ignore_ascii_case(s))
}

fn masked_word(word: &str) -> Cow<'_, str> {
    let lower = word.to_ascii_lowercase();
    let url = ["://", "%3a%2f%2f"].iter().filter_map(|mark| Some((lower.find(mark)?, *mark))).min();
    let before = url.map_or(word, |(at, _)| &word[..at]);
    for (at, _) in before.match_indices('=') {
        let value = word[at + 1..].trim_matches(['"', '\'']);
        // Passwords of panels are hidden with stars already.
        let name = name_before(&word[..at]);
        if (is_secret_name(name) || USERS.contains(&name) && value.contains(':'))
            && !value.is_empty()
            && !value.chars().all(|c| c == '*')
        {
            return format!("{}={MASK}", &word[..at]).into();
        }
    }
    if let (None, Some((name, value))) = (url, word.split_once(':'))
        && !value.trim_matches(['"', '\'', '*']).is_empty()
        && is_header(name)
        && is_secret_name(name)
    {
        return format!("{name}:{MASK}").into();
    }
    let Some((at, mark)) = url else { return masked_value(word) };
    let (head, rest) = word.split_at(at + mark.len());
    // In a URL that is itself encoded, so is the `@`; in any other `%40` is a part of the password.
    let (rest_lower, sign) = (&lower[head.len()..], if mark == "://" { "@" } else { "%40" });
    let (user, rest) = match rest_lower.rfind(sign) {
        Some(end) => (MASK, &rest[end..]),
        // The beginning of a password with a blank in it.
        None if is_cut_password(rest) => (MASK, ""),
        None => ("", rest),
    };
    format!("{head}{user}{}", masked_query(rest)).into()
}

/// `user:pass`, which is not a host with a port.
fn is_cut_password(rest: &str) -> bool {
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let port = |text: &str| {
        text.trim_end_matches(|c: char| !c.is_ascii_alphanumeric())
            .chars()
            .all(|c| c.is_ascii_digit())
    };
    !host.starts_with(['[', '*', '$', '{'])
        && host.split_once(':').is_some_and(|(_, after)| !port(after))
}

/// `proxy=user:password@host`, a URL without its scheme; or `user:password@host` alone.
fn masked_value(word: &str) -> Cow<'_, str> {
    let start = word.rfind('=').map_or(0, |at| at + 1);
    let start =
        start + word[start..].len() - word[start..].trim_start_matches(['"', '\'', '(']).len();
    let (name, value) = word.split_at(start);
    match (value.find(':'), value.rfind('@')) {
        (Some(colon), Some(at)) if colon < at => format!("{name}{MASK}{}", &value[at..]).into(),
        _ => word.into(),
    }
}

/// The values of a URL's query and fragment masked, but for those of parameters that are known to
/// be harmless.
fn masked_query(rest: &str) -> Cow<'_, str> {
    let start = rest.find(['?', '#']).unwrap_or(rest.len());
    let (path, query) = rest.split_at(start);
    let mut out = String::with_capacity(rest.len());
    // Parameters of a path: `/x;token=abc/y`.
    for part in path.split_inclusive(['/', ';']) {
        let text = part.trim_end_matches(['/', ';']);
        match text.split_once('=') {
            Some((name, value)) if !value.is_empty() && is_secret_name(name) => {
                out.push_str(&format!("{name}={MASK}{}", &part[text.len()..]));
            }
            _ => out.push_str(part),
        }
    }
    for part in query.split_inclusive(['?', '&', ';', '#']) {
        let part_text = part.trim_end_matches(['?', '&', ';', '#']);
        // The closing quote of a URL is not a part of it.
        let text = part_text.trim_end_matches(['"', '\'', ')', '>', ',']);
        match text.split_once('=') {
            Some((name, value)) if !value.is_empty() && !is_plain_parameter(name) => {
                out.push_str(&format!("{name}={MASK}{}", &part[text.len()..]));
            }
            // A query without names may be a token as a whole.
            None if text.len() >= MIN_KNOWN_LEN => {
                out.push_str(&format!("{MASK}{}", &part[text.len()..]))
            }
            _ => out.push_str(part),
        }
    }
    out.into()
}

fn is_plain_parameter(name: &str) -> bool {
    PLAIN_PARAMETERS.iter().any(|p| name.eq_ignore_ascii_case(p))
}

/// The name that ends here: `Acquire::http::Proxy`, `proxy_password`.
fn name_before(text: &str) -> &str {
    let part = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
    &text[text.trim_end_matches(part).len()..]
}

fn is_secret_name(name: &str) -> bool {
    let bare: String = name.to_ascii_lowercase().chars().filter(|c| !"-_".contains(*c)).collect();
    // Only the last part counts: `Acquire::http::Proxy-Password`.
    let last = bare.rsplit([':', '.']).next().unwrap_or_default();
    SECRET_NAMES.iter().any(|n| last.contains(n))
        || (last != NO_SECRET && SECRET_ENDS.iter().any(|n| last.ends_with(n)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_by_place() {
        for (text, want) in [
            ("https://joe:geheim@host/deb bookworm main", "https://***@host/deb bookworm main"),
            ("-l https://u:p@w@h x http://y:z@h/", "-l https://***@h x http://***@h/"),
            ("http://u:p/w?x#y@h/d", "http://***@h/d"),
            ("http://u:p%40w@h", "http://***@h"),
            ("http%3A%2F%2Fu%3Apw%40h%2Fd", "http%3A%2F%2F***%40h%2Fd"),
            ("https://TOKEN@host/", "https://***@host/"),
            ("http://u:pass word@h/", "http://*** word@h/"),
            ("see http://host:80, http://[::1]:80/x", "see http://host:80, http://[::1]:80/x"),
            ("http://host/debian bookworm", "http://host/debian bookworm"),
            (
                "https://h/metalink?repo=fedora-41&arch=x86_64",
                "https://h/metalink?repo=fedora-41&arch=x86_64",
            ),
            (
                "https://h/d?token=abc&arch=x86_64&sig=Zm9v",
                "https://h/d?token=***&arch=x86_64&sig=***",
            ),
            ("'https://h/d?k=abc', then", "'https://h/d?k=***', then"),
            ("https://h/d?0123456789abcdef", "https://h/d?***"),
            (
                "-o Acquire::http::Proxy=http://pu:pw@h:3128/",
                "-o Acquire::http::Proxy=http://***@h:3128/",
            ),
            ("--setopt=proxy=pu:pw@h:3128", "--setopt=proxy=***@h:3128"),
            ("--setopt=proxy_password=pw --setopt=x=y", "--setopt=proxy_password=*** --setopt=x=y"),
            ("-o Acquire::http::Proxy-Auth=a:b x", "-o Acquire::http::Proxy-Auth=*** x"),
            (
                "curl --password pw --header 'Authorization: Bearer abc' h",
                "curl --password *** --header 'Authorization: Bearer *** h",
            ),
            ("curl --user joe:pw --proxy-user=joe:pw h", "curl --user *** --proxy-user=*** h"),
            ("systemctl --user start x:y", "systemctl --user start x:y"),
            ("curl --proxy joe:pw@h:3128 x", "curl --proxy ***@h:3128 x"),
            ("> X-Auth-Token: abc", "> X-Auth-Token: ***"),
            (
                "'X-Api-Key:abc' Cookie: sid=abc; b=c Set-Cookie: a=b x",
                "'X-Api-Key:*** Cookie: *** *** Set-Cookie: *** x",
            ),
            ("wrong password: file not found", "wrong password: file not found"),
            (r#"{"user": "joe", "password": "pw"}"#, r#"{"user": "joe", "password": ***"#),
            ("MYSQL_PWD=pw PWD=/root PGPASSWORD=pw", "MYSQL_PWD=*** PWD=/root PGPASSWORD=***"),
            (
                "mirror+https://u:p@h/x;token=abc/y?z=abc",
                "mirror+https://***@h/x;token=***/y?z=***",
            ),
            ("http://h/x=1/secret_key=abc/", "http://h/x=1/secret_key=***/"),
            (
                "Get:1 http://user:pw@h/debian bookworm InRelease [1 kB]",
                "Get:1 http://***@h/debian bookworm InRelease [1 kB]",
            ),
            ("a\n  http://u:p@h/x\n", "a\n  http://***@h/x\n"),
            (
                "a basic example, its bearer token and a password",
                "a basic example, its bearer token and a password",
            ),
            ("/updates user@host x=1 -o a::b=c", "/updates user@host x=1 -o a::b=c"),
            ("", ""),
        ] {
            assert_eq!(masked(text), want, "{text}");
            assert_eq!(masked(want), want, "twice");
        }
        let words = ["x", "--token", "abc", "http://a:b@c"].map(str::to_owned);
        assert_eq!(masked_words(&words), ["x", "--token", "***", "http://***@c"]);
    }

    #[test]
    fn masked_by_value() {
        learn([
            "-o Acquire::http::Proxy=http://learnt-user:learnt pass@h",
            "http://u:le%61rnt-too@h",
            "http://u:short@h",
        ]);
        assert_eq!(
            masked("401 for learnt pass, learnt-too and le%61rnt-too"),
            "401 for ***, *** and ***"
        );
        assert_eq!(masked("short learnt-user"), "short learnt-user");
    }

    #[test]
    fn shown_masked() {
        let text = SecretText::new("http://a:b@c");
        assert_eq!(
            (format!("{text}"), format!("{text:?}"), text.expose()),
            ("http://***@c".into(), "\"http://***@c\"".into(), "http://a:b@c")
        );
        let text = r#"{"z": ["-l", "http://a:\"b\\@c"], "a": "\\", "e": {"n": 1}}"#;
        assert_eq!(masked_json(text), r#"{"z": ["-l", "http://***@c"], "a": "\\", "e": {"n": 1}}"#);
    }
}
