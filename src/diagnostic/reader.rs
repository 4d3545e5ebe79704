//! TOML read by hand, so that every mistake of a file is found in one run, each at its place, with
//! what is allowed there.
//!
//! A [`TableReader`] reads one table: it reports unknown keys at once, returns typed values, and
//! collects problems. [`Locations`] keeps the places of a table's values for the checks that follow
//! when all files are read.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Diagnostic;
use super::suggest::{allowed_values, nearest};

/// A file's name, as the user knows it, and its text.
#[derive(Clone, Debug, Default)]
pub struct SourceFile {
    /// A path, or `built in: menus/clone.toml`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl SourceFile {
    /// A problem at a place.
    pub fn diagnostic(
        &self,
        span: Range<usize>,
        wrong: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::at_span(&self.name, &self.text, span, wrong, allowed)
    }
}

/// The places of one table's values.
#[derive(Clone, Debug, Default)]
pub struct Locations {
    /// Number of the file in the set.
    pub file: usize,
    head: Range<usize>,
    keys: Vec<KeySpans>,
}

/// Key (`only_if.field` within tables), the value's place, the places of an array's elements.
type KeySpans = (String, Range<usize>, Vec<Range<usize>>);

impl Locations {
    fn new(file: usize, head: Range<usize>, table: &DeTable) -> Self {
        let mut keys = vec![];
        note(table, "", &mut keys);
        Self { file, head, keys }
    }

    /// The place of the table itself.
    pub fn table_span(&self) -> Range<usize> {
        self.head.clone()
    }

    /// The place of a key's value, or of the table if it is not there.
    pub fn value_span(&self, key: &str) -> Range<usize> {
        self.keys
            .iter()
            .find(|(k, ..)| k == key)
            .map_or_else(|| self.table_span(), |(_, span, _)| span.clone())
    }

    /// The place of an array's element.
    pub fn element_span(&self, key: &str, n: usize) -> Range<usize> {
        self.keys
            .iter()
            .find(|(k, ..)| k == key)
            .and_then(|(.., all)| all.get(n))
            .cloned()
            .unwrap_or_else(|| self.value_span(key))
    }

    /// Whether the key is there.
    pub fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|(k, ..)| k == key)
    }

    /// The keys that are there.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(k, ..)| k.as_str())
    }
}

fn note(table: &DeTable, within: &str, keys: &mut Vec<KeySpans>) {
    for (key, value) in table {
        let name = format!("{within}{}", key.get_ref());
        let elements = value
            .get_ref()
            .as_array()
            .map(|all| all.iter().map(Spanned::span).collect())
            .unwrap_or_default();
        keys.push((name.clone(), value.span(), elements));
        if let (Some(inner), true) = (value.get_ref().as_table(), within.is_empty()) {
            note(inner, &format!("{name}."), keys);
        }
    }
}

/// The problems found so far.
pub type Diagnostics = RefCell<Vec<Diagnostic>>;

/// The tables of a file, or what is wrong with its syntax.
///
/// # Errors
/// Every place where it is not TOML.
pub fn parse(file: &SourceFile) -> Result<DeTable<'_>, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    if errors.is_empty() {
        return Ok(table.into_inner());
    }
    let diagnostic = |e: &toml::de::Error| {
        let message = e.message().lines().collect::<Vec<_>>().join("; ");
        file.diagnostic(e.span().unwrap_or(0..0), format!("this is not TOML: {message}"), "")
    };
    let mut diagnostics: Vec<Diagnostic> = errors.iter().map(diagnostic).collect();
    diagnostics.sort_by_key(|s| (s.line, s.column));
    diagnostics.dedup_by_key(|s| (s.line, s.column));
    Err(diagnostics)
}

/// One table that is read.
pub struct TableReader<'a> {
    file: &'a SourceFile,
    number: usize,
    table: &'a DeTable<'a>,
    head: Range<usize>,
    found: &'a Diagnostics,
    /// Keys that belong there and for which a misspelt one stands.
    misspelt: Vec<String>,
}

impl<'a> TableReader<'a> {
    /// `what` is what the table describes (`a dialog`), `keys` are those that it may have.
    pub fn new(
        file: &'a SourceFile,
        number: usize,
        table: &'a DeTable<'a>,
        head: Range<usize>,
        found: &'a Diagnostics,
        what: &str,
        keys: &[&str],
    ) -> Self {
        let mut reader = Self { file, number, table, head, found, misspelt: vec![] };
        for (key, _) in table {
            if !keys.contains(&key.get_ref().as_ref()) {
                let wrong = format!("{what} has no key `{}`", key.get_ref());
                reader.report_at(
                    key.span(),
                    wrong,
                    allowed_values(key.get_ref(), keys.iter().copied()),
                );
                reader
                    .misspelt
                    .extend(nearest(key.get_ref(), keys.iter().copied()).map(str::to_owned));
            }
        }
        reader
    }

    /// Reports a problem at these bytes of the file.
    pub fn report_at(
        &self,
        span: Range<usize>,
        wrong: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        self.found.borrow_mut().push(self.file.diagnostic(span, wrong, allowed));
    }

    /// Reports a problem with a key's value, or with the table where the key is missing.
    pub fn report_key(&self, key: &str, wrong: impl Into<String>, allowed: impl Into<String>) {
        self.report_at(self.span(key), wrong, allowed);
    }

    /// The places of the table's values.
    pub fn locations(&self) -> Locations {
        Locations::new(self.number, self.head.clone(), self.table)
    }

    /// Whether the key is there.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Whether a text stands there.
    pub fn is_text(&self, key: &str) -> bool {
        self.value(key).is_some_and(|v| v.get_ref().is_str())
    }

    /// Whether it is not there, not even misspelt: that is an error of its own.
    pub fn lacks(&self, key: &str) -> bool {
        !self.has(key) && !self.misspelt.iter().any(|m| m == key)
    }

    /// Whether a list stands there.
    pub fn is_list(&self, key: &str) -> bool {
        self.value(key).is_some_and(|v| v.get_ref().is_array())
    }

    fn span(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or_else(|| self.head.clone(), Spanned::span)
    }

    fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    fn typed<T>(
        &self,
        key: &str,
        what: &str,
        read: impl Fn(&'a DeValue<'a>) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(key)?;
        let read = read(value.get_ref());
        if read.is_none() {
            self.report_at(value.span(), format!("`{key}` must be {what}"), example(key, what));
        }
        read
    }

    /// A text.
    pub fn text(&self, key: &str) -> Option<String> {
        self.typed(key, "a text", |v| v.as_str().map(str::to_owned))
    }

    /// A text that has to be there, and not empty.
    pub fn required_text(&self, key: &str) -> String {
        let text = self.text(key);
        match &text {
            None if self.lacks(key) => {
                self.report_key(key, format!("`{key}` is missing"), format!("add {key} = \"...\""))
            }
            Some(text) if text.trim().is_empty() => {
                self.report_key(key, format!("`{key}` is empty"), "")
            }
            _ => {}
        }
        text.unwrap_or_default()
    }

    /// True or false; false where the key is missing.
    pub fn boolean(&self, key: &str) -> bool {
        self.typed(key, "true or false", DeValue::as_bool).unwrap_or(false)
    }

    /// A whole number within `range`.
    pub fn number(&self, key: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let number = self.typed(key, "a whole number", |v| {
            v.as_integer().and_then(|n| i64::from_str_radix(n.as_str(), n.radix()).ok())
        })?;
        if !range.contains(&number) {
            self.report_key(
                key,
                format!("`{key}` is {number}"),
                format!("allowed: {} to {}", range.start(), range.end()),
            );
            return None;
        }
        Some(number)
    }

    /// Texts in brackets.
    pub fn texts(&self, key: &str) -> Vec<String> {
        let Some(all) = self.typed(key, "a list of texts", DeValue::as_array) else {
            return vec![];
        };
        let text = |v: &Spanned<DeValue>| {
            let text = v.get_ref().as_str().map(str::to_owned);
            if text.is_none() {
                self.report_at(
                    v.span(),
                    format!("`{key}` must be a list of texts, and this is none"),
                    example(key, "a list of texts"),
                );
            }
            text
        };
        all.iter().filter_map(text).collect()
    }

    /// One of several words, each with what it stands for.
    pub fn one_of<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(w, _)| *w == text).map(|(_, t)| *t);
        if found.is_none() {
            self.report_key(
                key,
                format!("`{key}` cannot be `{text}`"),
                allowed_values(&text, words.iter().map(|(w, _)| *w)),
            );
        }
        found
    }

    /// The tables below `[[key]]`.
    pub fn tables(&self, key: &str, what: &str, keys: &[&str]) -> Vec<TableReader<'a>> {
        let mut readers = vec![];
        let Some(value) = self.value(key) else { return readers };
        let Some(all) = value.get_ref().as_array() else {
            self.report_at(
                value.span(),
                format!("`{key}` must be a list of tables"),
                format!("write [[{key}]] in double brackets"),
            );
            return readers;
        };
        for one in all {
            match one.get_ref().as_table() {
                Some(table) => readers.push(TableReader::new(
                    self.file,
                    self.number,
                    table,
                    one.span(),
                    self.found,
                    what,
                    keys,
                )),
                None => self.report_at(
                    one.span(),
                    format!("`{key}` must be a list of tables, and this is none"),
                    format!("write [[{key}]]"),
                ),
            }
        }
        readers
    }

    /// The table below `[key]`.
    pub fn table(&self, key: &str, what: &str, keys: &[&str]) -> Option<TableReader<'a>> {
        let value = self.value(key)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.report_at(
                value.span(),
                format!("`{key}` must be one table"),
                format!("write [{key}] or {key} = {{ ... }}"),
            );
        }
        table.map(|table| {
            TableReader::new(self.file, self.number, table, value.span(), self.found, what, keys)
        })
    }

    /// A list whose elements are texts or tables.
    pub fn mixed<T>(
        &self,
        key: &str,
        what: &str,
        keys: &[&str],
        text: impl Fn(&str) -> T,
        table: impl Fn(&TableReader<'a>) -> T,
    ) -> Vec<T> {
        let Some(all) = self.typed(key, "a list", DeValue::as_array) else { return vec![] };
        let one = |v: &'a Spanned<DeValue<'a>>| match v.get_ref() {
            DeValue::String(s) => Some(text(s)),
            DeValue::Table(t) => Some(table(&TableReader::new(
                self.file,
                self.number,
                t,
                v.span(),
                self.found,
                what,
                keys,
            ))),
            _ => {
                self.report_at(
                    v.span(),
                    format!("this is not {what}"),
                    format!("a text, or {{ {} = \"...\" }}", keys.join(" = \"...\", ")),
                );
                None
            }
        };
        all.iter().filter_map(one).collect()
    }
}

fn example(key: &str, what: &str) -> String {
    match what {
        "a text" => format!("write {key} = \"...\""),
        "a list of texts" => format!("write {key} = [\"...\", \"...\"]"),
        "true or false" => format!("write {key} = true"),
        "a whole number" => format!("write {key} = 8, without quotes"),
        _ => format!("write {key} = [ ... ]"),
    }
}
