//! apt_auth.conf(5): the password of a repository at a URL, in a file that only root reads.
//!
//! apt gets the URL without the password, so that it appears neither in the process list, nor in
//! the output of apt, nor in its logs in the copy.

use anyhow::Result;

use super::work::work_path;
use crate::secret::{self, SecretText};
use crate::software::managers::manager::Job;

/// Below the job's directory.
const FILE: &str = "auth.conf";

/// The URL without user and password. What apt needs to know of them is written down.
///
/// # Errors
/// If the file cannot be written.
pub fn write(job: &Job, url: &SecretText) -> Result<String> {
    let (plain, line) = split(url.expose());
    if let Some(line) = line {
        job.copy()?.replace(work_path(job, FILE), line.as_bytes(), 0o600)?;
    }
    Ok(plain)
}

/// The option with the path of the file, if it was written. Otherwise apt uses that of the copy.
pub fn option(job: &Job) -> Option<String> {
    let file = work_path(job, FILE);
    job.copy()
        .is_ok_and(|copy| copy.exists(&file))
        .then(|| format!("Dir::Etc::netrc={}", file.display()))
}

/// Splits a URL into the one without user and password, and the line of auth.conf for its host.
/// Like apt, it takes both for percent-encoded.
fn split(url: &str) -> (String, Option<String>) {
    let Some((scheme, rest)) = url.split_once("://") else { return (url.to_owned(), None) };
    // A `/` in a password should have been encoded; the last `@` is what ends it all the same.
    let Some((user, place)) = rest.rsplit_once('@') else { return (url.to_owned(), None) };
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let (name, password) = (secret::decoded(name), secret::decoded(password));
    let plain = format!("{scheme}://{place}");
    let host = place.split('/').next().unwrap_or_default();
    // The file has no quotes, so it cannot contain such a password; the server will ask for one.
    let word = |text: &str| !text.contains(|c: char| c.is_whitespace() || c.is_control());
    if name.is_empty() || !word(&name) || !word(&password) {
        return (plain, None);
    }
    let password =
        if password.is_empty() { String::new() } else { format!(" password {password}") };
    let line = format!("machine {}://{host} login {name}{password}\n", scheme.to_ascii_lowercase());
    (plain, Some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_apart() {
        for (url, plain, line) in [
            ("http://h/debian", "http://h/debian", None),
            (
                "HTTP://u:p%40w@h:80/d/",
                "HTTP://h:80/d/",
                Some("machine http://h:80 login u password p@w\n"),
            ),
            (
                "https://u:p/w@x@h/d",
                "https://h/d",
                Some("machine https://h login u password p/w@x\n"),
            ),
            ("https://TOKEN:@h/d", "https://h/d", Some("machine https://h login TOKEN\n")),
            ("https://u:a%20b@h/d", "https://h/d", None),
        ] {
            assert_eq!(split(url), (plain.to_owned(), line.map(str::to_owned)), "{url}");
        }
    }
}
