//! The lines of a job's event file by number, with bounded memory: an index of checkpoints and one block read when it is needed.
//!
//! The index grows by what a [`crate::job::follow::Follower`] reads; [`Log::whole`] builds it at once. Find goes through the file a
//! piece at a time, so that a screen stays awake meanwhile.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::job::index::{Checkpoint, Class, Counts, Filter, Growth, Indexer, each_line, parse};

/// How much a step of find reads.
const STEP: u64 = 1 << 20;

/// One line of the log. Nothing in it commands a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub class: Class,
    pub text: String,
}

/// The log of a job.
#[derive(Debug)]
pub struct Log {
    file: File,
    checkpoints: Vec<Checkpoint>,
    end: Checkpoint,
}

impl Log {
    /// A log of which nothing is known yet.
    ///
    /// # Errors
    /// If the event file cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
        Ok(Self { file, checkpoints: vec![Checkpoint::default()], end: Checkpoint::default() })
    }

    /// A log that is read to its end.
    ///
    /// # Errors
    /// If the event file cannot be read.
    pub fn whole(path: &Path) -> Result<Self> {
        let mut log = Self::open(path)?;
        let mut indexer = Indexer::default();
        let mut chunk = vec![0; 1 << 16];
        loop {
            match log.file.read_at(&mut chunk, indexer.offset())? {
                0 => return Ok(log),
                n => log.grow(indexer.feed(&chunk[..n], |_| ())),
            }
        }
    }

    /// Learns where what was appended stands.
    pub fn grow(&mut self, growth: Growth) {
        self.checkpoints.extend(growth.checkpoints);
        self.end = growth.end;
    }

    /// How many lines there are of each class.
    pub fn counts(&self) -> &Counts {
        &self.end.counts
    }

    /// How many lines a filter shows.
    pub fn count(&self, filter: Filter) -> u64 {
        self.end.counts.under(filter)
    }

    /// At most `n` lines under the filter, from number `first` on.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn lines(&self, filter: Filter, first: u64, n: usize) -> Result<Vec<Line>> {
        let mut found = Vec::with_capacity(n.min(1000));
        let mut block = self.block_of(filter, first);
        while found.len() < n && block < self.checkpoints.len() {
            let (from, to) = (self.checkpoints[block], self.after(block));
            // Blocks without a line under the filter are not read.
            if to.counts.under(filter) > from.counts.under(filter) {
                let mut number = from.counts.under(filter);
                self.read(from, to, &mut |class, text| {
                    if !filter.takes(class) {
                        return true;
                    }
                    if number >= first {
                        found.push(Line { class, text });
                    }
                    number += 1;
                    found.len() < n
                })?;
            }
            block += 1;
        }
        Ok(found)
    }

    /// The checkpoint before line `number`.
    fn block_of(&self, filter: Filter, number: u64) -> usize {
        self.checkpoints.partition_point(|c| c.counts.under(filter) <= number).saturating_sub(1)
    }

    fn after(&self, block: usize) -> Checkpoint {
        self.checkpoints.get(block + 1).copied().unwrap_or(self.end)
    }

    /// Reads the records between two checkpoints while `take` wants more.
    fn read(&self, from: Checkpoint, to: Checkpoint, take: &mut dyn FnMut(Class, String) -> bool) -> Result<()> {
        let mut reader = BufReader::new(At { file: &self.file, at: from.offset }.take(to.offset - from.offset));
        let (mut record, mut inside, mut wanted) = (Vec::new(), from.inside, true);
        while wanted {
            record.clear();
            if reader.read_until(b'\n', &mut record)? == 0 {
                break;
            }
            let Some(event) = parse(&record) else { continue };
            each_line(&event, &mut inside, &mut |class, text| wanted = wanted && take(class, text));
        }
        Ok(())
    }

    /// Goes on with a search; see [`Search`].
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn search(&self, search: &mut Search) -> Result<Hit> {
        let count = self.count(search.filter);
        if count == 0 || search.needle.is_empty() {
            return Ok(Hit::No);
        }
        let mut read = 0;
        while read < STEP {
            if search.left == Some(0) {
                return Ok(Hit::No);
            }
            let block = search.block.unwrap_or_else(|| self.block_of(search.filter, search.from.min(count - 1)));
            let (from, to) = (self.checkpoints[block], self.after(block));
            read += (to.offset - from.offset).max(1);
            let whole = search.left.is_some_and(|l| l == 1);
            let first = search.left.is_none();
            if let Some(line) = self.search_block(search, from, to, first, whole)? {
                return Ok(Hit::Line(line));
            }
            // Every block once, and the first one again at the end: the part of it that was on the other side.
            search.left = Some(search.left.map_or(self.checkpoints.len(), |l| l - 1));
            let all = self.checkpoints.len();
            search.block = Some(if search.forward { (block + 1) % all } else { (block + all - 1) % all });
        }
        Ok(Hit::NotYet)
    }

    /// The first match in a block (the last one backwards). In the `first` block only on this side of the start.
    fn search_block(&self, search: &Search, from: Checkpoint, to: Checkpoint, first: bool, _last: bool) -> Result<Option<u64>> {
        if to.counts.under(search.filter) == from.counts.under(search.filter) {
            return Ok(None);
        }
        let (mut number, mut hit) = (from.counts.under(search.filter), None);
        self.read(from, to, &mut |class, text| {
            if !search.filter.takes(class) {
                return true;
            }
            let side = !first || if search.forward { number >= search.from } else { number <= search.from };
            if side && matches(&text, &search.needle).is_some() {
                hit = Some(number);
            }
            number += 1;
            !(search.forward && hit.is_some())
        })?;
        Ok(hit)
    }
}

/// What find looks for, and how far it is. It wraps at the ends of the log.
#[derive(Clone, Debug)]
pub struct Search {
    needle: String,
    filter: Filter,
    from: u64,
    forward: bool,
    block: Option<usize>,
    left: Option<usize>,
}

impl Search {
    /// Looks for `text` in either case from line `from` on, that line included.
    pub fn new(text: &str, filter: Filter, from: u64, forward: bool) -> Self {
        Self { needle: text.to_lowercase(), filter, from, forward, block: None, left: None }
    }
}

/// How far find is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    Line(u64),
    /// Ask again.
    NotYet,
    No,
}

/// Where `needle` (lower case) stands in `text`, in either case: byte range of `text`.
pub fn matches(text: &str, needle: &str) -> Option<std::ops::Range<usize>> {
    if needle.is_empty() {
        return None;
    }
    text.char_indices().map(|(at, _)| at).find_map(|at| {
        let (mut wanted, mut end) = (needle, at);
        for c in text[at..].chars() {
            for low in c.to_lowercase() {
                wanted = wanted.strip_prefix(low)?;
            }
            end += c.len_utf8();
            if wanted.is_empty() {
                return Some(at..end);
            }
        }
        None
    })
}

/// A file read from a place of its own.
struct At<'a> {
    file: &'a File,
    at: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.file.read_at(buffer, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}
