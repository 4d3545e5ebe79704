//! TOML read by hand, so that every mistake of a file is found in one run, each at its place, with
//! what is allowed there.
//!
//! A [`Reader`] looks at one table: it tells unknown keys at once, gives typed values, and notes
//! problems. [`Where`] keeps the places of a table's values for checks that come later, when all
//! files are read.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Spot;
use super::near::{allowed, nearest};

/// A file's name, as the user knows it, and its text.
#[derive(Clone, Debug, Default)]
pub struct File {
    pub name: String,
    pub text: String,
}

impl File {
    /// A problem at a place.
    pub fn spot(
        &self,
        span: Range<usize>,
        wrong: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Spot {
        Spot::at(&self.name, &self.text, span, wrong, allowed)
    }
}

/// The places of one table's values.
#[derive(Clone, Debug, Default)]
pub struct Where {
    /// Number of the file in the set.
    pub file: usize,
    head: Range<usize>,
    keys: Vec<Place>,
}

/// Key (`only_if.field` within tables), the value's place, the places of an array's elements.
type Place = (String, Range<usize>, Vec<Range<usize>>);

impl Where {
    fn of(file: usize, head: Range<usize>, table: &DeTable) -> Self {
        let mut keys = vec![];
        note(table, "", &mut keys);
        Self { file, head, keys }
    }

    /// Where the table begins.
    pub fn head(&self) -> Range<usize> {
        self.head.clone()
    }

    /// The place of a key's value, or of the table if it is not there.
    pub fn at(&self, key: &str) -> Range<usize> {
        self.keys
            .iter()
            .find(|(k, ..)| k == key)
            .map_or_else(|| self.head(), |(_, span, _)| span.clone())
    }

    /// The place of an array's element.
    pub fn nth(&self, key: &str, n: usize) -> Range<usize> {
        self.keys
            .iter()
            .find(|(k, ..)| k == key)
            .and_then(|(.., all)| all.get(n))
            .cloned()
            .unwrap_or_else(|| self.at(key))
    }

    pub fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|(k, ..)| k == key)
    }

    /// The keys that are there.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(k, ..)| k.as_str())
    }
}

fn note(table: &DeTable, within: &str, keys: &mut Vec<Place>) {
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

/// What is wrong, so far.
pub type Found = RefCell<Vec<Spot>>;

/// The tables of a file, or what is wrong with its syntax.
///
/// # Errors
/// Every place where it is not TOML.
pub fn parse(file: &File) -> Result<DeTable<'_>, Vec<Spot>> {
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    if errors.is_empty() {
        return Ok(table.into_inner());
    }
    let spot = |e: &toml::de::Error| {
        let message = e.message().lines().collect::<Vec<_>>().join("; ");
        file.spot(e.span().unwrap_or(0..0), format!("this is not TOML: {message}"), "")
    };
    let mut spots: Vec<Spot> = errors.iter().map(spot).collect();
    spots.sort_by_key(|s| (s.line, s.column));
    spots.dedup_by_key(|s| (s.line, s.column));
    Err(spots)
}

/// One table that is read.
pub struct Reader<'a> {
    file: &'a File,
    number: usize,
    table: &'a DeTable<'a>,
    head: Range<usize>,
    found: &'a Found,
    /// Keys that belong there and for which a misspelt one stands.
    misspelt: Vec<String>,
}

impl<'a> Reader<'a> {
    /// `what` is what the table describes (`a dialog`), `keys` are those that it may have.
    pub fn new(
        file: &'a File,
        number: usize,
        table: &'a DeTable<'a>,
        head: Range<usize>,
        found: &'a Found,
        what: &str,
        keys: &[&str],
    ) -> Self {
        let mut reader = Self { file, number, table, head, found, misspelt: vec![] };
        for (key, _) in table {
            if !keys.contains(&key.get_ref().as_ref()) {
                let wrong = format!("{what} has no key `{}`", key.get_ref());
                reader.tell(key.span(), wrong, allowed(key.get_ref(), keys.iter().copied()));
                reader
                    .misspelt
                    .extend(nearest(key.get_ref(), keys.iter().copied()).map(str::to_owned));
            }
        }
        reader
    }

    /// Notes a problem.
    pub fn tell(&self, span: Range<usize>, wrong: impl Into<String>, allowed: impl Into<String>) {
        self.found.borrow_mut().push(self.file.spot(span, wrong, allowed));
    }

    /// Notes a problem with a key's value (or with the table, if the key is not there).
    pub fn wrong(&self, key: &str, wrong: impl Into<String>, allowed: impl Into<String>) {
        self.tell(self.span(key), wrong, allowed);
    }

    pub fn places(&self) -> Where {
        Where::of(self.number, self.head.clone(), self.table)
    }

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
            self.tell(value.span(), format!("`{key}` must be {what}"), example(key, what));
        }
        read
    }

    pub fn text(&self, key: &str) -> Option<String> {
        self.typed(key, "a text", |v| v.as_str().map(str::to_owned))
    }

    /// A text that has to be there, and not empty.
    pub fn needed(&self, key: &str) -> String {
        let text = self.text(key);
        match &text {
            None if self.lacks(key) => {
                self.wrong(key, format!("`{key}` is missing"), format!("add {key} = \"...\""))
            }
            Some(text) if text.trim().is_empty() => {
                self.wrong(key, format!("`{key}` is empty"), "")
            }
            _ => {}
        }
        text.unwrap_or_default()
    }

    pub fn flag(&self, key: &str) -> bool {
        self.typed(key, "true or false", DeValue::as_bool).unwrap_or(false)
    }

    /// A whole number within `range`.
    pub fn number(&self, key: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let number = self.typed(key, "a whole number", |v| {
            v.as_integer().and_then(|n| i64::from_str_radix(n.as_str(), n.radix()).ok())
        })?;
        if !range.contains(&number) {
            self.wrong(
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
                self.tell(
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
    pub fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(w, _)| *w == text).map(|(_, t)| *t);
        if found.is_none() {
            self.wrong(
                key,
                format!("`{key}` cannot be `{text}`"),
                allowed(&text, words.iter().map(|(w, _)| *w)),
            );
        }
        found
    }

    /// The tables below `[[key]]`.
    pub fn tables(&self, key: &str, what: &str, keys: &[&str]) -> Vec<Reader<'a>> {
        let mut readers = vec![];
        let Some(value) = self.value(key) else { return readers };
        let Some(all) = value.get_ref().as_array() else {
            self.tell(
                value.span(),
                format!("`{key}` must be a list of tables"),
                format!("write [[{key}]] in double brackets"),
            );
            return readers;
        };
        for one in all {
            match one.get_ref().as_table() {
                Some(table) => readers.push(Reader::new(
                    self.file,
                    self.number,
                    table,
                    one.span(),
                    self.found,
                    what,
                    keys,
                )),
                None => self.tell(
                    one.span(),
                    format!("`{key}` must be a list of tables, and this is none"),
                    format!("write [[{key}]]"),
                ),
            }
        }
        readers
    }

    /// The table below `[key]`.
    pub fn table(&self, key: &str, what: &str, keys: &[&str]) -> Option<Reader<'a>> {
        let value = self.value(key)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.tell(
                value.span(),
                format!("`{key}` must be one table"),
                format!("write [{key}] or {key} = {{ ... }}"),
            );
        }
        table.map(|table| {
            Reader::new(self.file, self.number, table, value.span(), self.found, what, keys)
        })
    }

    /// A list whose elements are texts or tables.
    pub fn mixed<T>(
        &self,
        key: &str,
        what: &str,
        keys: &[&str],
        text: impl Fn(&str) -> T,
        table: impl Fn(&Reader<'a>) -> T,
    ) -> Vec<T> {
        let Some(all) = self.typed(key, "a list", DeValue::as_array) else { return vec![] };
        let one = |v: &'a Spanned<DeValue<'a>>| match v.get_ref() {
            DeValue::String(s) => Some(text(s)),
            DeValue::Table(t) => Some(table(&Reader::new(
                self.file,
                self.number,
                t,
                v.span(),
                self.found,
                what,
                keys,
            ))),
            _ => {
                self.tell(
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
