//! The review protocol of `docs/menus.md`: a command reports what it would do, before it does it.

use anyhow::Result;
use serde::Deserialize;

use crate::error;
use crate::text::printable;

/// The page that is read before a command runs. Nothing in it commands a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Review {
    /// The title of the page.
    pub title: String,
    /// Its paragraphs.
    pub text: Vec<String>,
    /// Warnings, shown first.
    pub warnings: Vec<String>,
    /// The words that the user has to type, in this order.
    pub questions: Vec<Question>,
}

/// One thing to type.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The question.
    pub prompt: String,
    /// Any of these will do.
    pub words: Vec<String>,
    /// Added to the command then.
    pub add: Vec<String>,
}

impl Question {
    /// Whether `typed` is one of the words; blanks around it do not count.
    pub fn takes(&self, typed: &str) -> bool {
        let typed = typed.trim();
        !typed.is_empty() && self.words.iter().any(|w| w == typed)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    version: u32,
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: Vec<String>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default, rename = "type")]
    questions: Vec<Question>,
}

/// Reads what a command printed.
///
/// # Errors
/// ALT-919 if it is not a review, or of a version that is not known.
pub fn parse(text: &str) -> Result<Review> {
    let bad = |why: String| error::BAD_REVIEW.with_cause(why);
    let json: Json = serde_json::from_str(text).map_err(|e| {
        bad(format!("what the command says it would do cannot be read: {}", error::text_of(&e)))
    })?;
    if json.version != 1 {
        return Err(bad(format!(
            "what the command says it would do has version {}; this altdisk knows version 1",
            json.version
        )));
    }
    if let Some(q) = json.questions.iter().find(|q| q.words.iter().all(|w| w.trim().is_empty())) {
        return Err(bad(format!(
            "it asks for a word to be typed, but no word would do: {}",
            q.prompt
        )));
    }
    let clean = |lines: Vec<String>| lines.iter().map(|l| printable(l, false)).collect();
    let question = |q: Question| Question { prompt: printable(&q.prompt, false), ..q };
    Ok(Review {
        title: printable(&json.title, false),
        text: clean(json.text),
        warnings: clean(json.warnings),
        questions: json.questions.into_iter().map(question).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_protocol() {
        let text = r#"{"version":1,"title":"T","text":["a\u001b[2J"],"type":[{"prompt":"Type it","words":["S1","vdb"],"add":["--erase","S1"]}]}"#;
        let review = parse(text).unwrap();
        assert_eq!((review.title.as_str(), review.text[0].as_str()), ("T", "a\\x1b[2J"));
        let q = &review.questions[0];
        assert!(q.takes(" vdb ") && q.takes("S1") && !q.takes("") && !q.takes("vda"));
        assert_eq!(q.add, ["--erase", "S1"]);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for (text, said) in [
            ("Usage: who", "cannot be read"),
            (r#"{"version":2}"#, "version 2"),
            (r#"{"version":1,"type":[{"prompt":"p","words":[""],"add":[]}]}"#, "no word would do"),
            (r#"{"version":1,"erase":true}"#, "erase"),
        ] {
            let err = parse(text).unwrap_err();
            assert_eq!(error::find(&err).unwrap().entry.id, "ALT-919");
            assert!(err.to_string().contains(said), "{err}");
        }
    }
}
