//! The lines of a job's event file by number, with bounded memory: an index of checkpoints and one
//! block read when it is needed.
//!
//! The index grows by what a [`crate::job::follow::Follower`] reads; the tests build it at once.
//! Find goes through the file a piece at a time, so that a screen stays awake meanwhile.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};

#[cfg(test)]
use crate::job::index::Indexer;
use crate::job::index::{Checkpoint, Class, Counts, Filter, Growth, each_line, parse};

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
    #[cfg(test)]
    pub fn open_whole(path: &Path) -> Result<Self> {
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
        self.end.counts.count_shown(filter)
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
            if to.counts.count_shown(filter) > from.counts.count_shown(filter) {
                let mut number = from.counts.count_shown(filter);
                self.read(from, to, &mut |class, text| {
                    if !filter.shows(class) {
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
        self.checkpoints
            .partition_point(|c| c.counts.count_shown(filter) <= number)
            .saturating_sub(1)
    }

    fn after(&self, block: usize) -> Checkpoint {
        self.checkpoints.get(block + 1).copied().unwrap_or(self.end)
    }

    /// Reads the records between two checkpoints while `take` wants more.
    fn read(
        &self,
        from: Checkpoint,
        to: Checkpoint,
        take: &mut dyn FnMut(Class, String) -> bool,
    ) -> Result<()> {
        let mut reader =
            BufReader::new(At { file: &self.file, at: from.offset }.take(to.offset - from.offset));
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
        let (start, blocks) = *search.start.get_or_insert((
            self.block_of(search.filter, search.from.min(count - 1)),
            self.checkpoints.len(),
        ));
        let mut read = 0;
        while read < STEP {
            // Every block once, and the first one again at the end, for its part on the other side
            // of the start.
            if search.visited > blocks {
                return Ok(Hit::No);
            }
            let steps = if search.forward { search.visited } else { blocks * 2 - search.visited };
            let block = (start + steps) % blocks;
            let (from, to) = (self.checkpoints[block], self.after(block));
            read += (to.offset - from.offset).max(1);
            if let Some(line) = self.search_block(search, from, to)? {
                return Ok(Hit::Line(line));
            }
            search.visited += 1;
        }
        Ok(Hit::NotYet)
    }

    /// The first match in a block (the last one backwards); at first only on this side of the
    /// start.
    fn search_block(
        &self,
        search: &Search,
        from: Checkpoint,
        to: Checkpoint,
    ) -> Result<Option<u64>> {
        if to.counts.count_shown(search.filter) == from.counts.count_shown(search.filter) {
            return Ok(None);
        }
        let (mut number, mut hit) = (from.counts.count_shown(search.filter), None);
        self.read(from, to, &mut |class, text| {
            if !search.filter.shows(class) {
                return true;
            }
            let side = search.visited > 0
                || if search.forward { number >= search.from } else { number <= search.from };
            if side && matches(&text, &search.needle).is_some() {
                hit = Some(number);
            }
            number += 1;
            !(search.forward && hit.is_some())
        })?;
        Ok(hit)
    }
}

/// A search and its progress. It wraps at the ends of the log.
#[derive(Clone, Debug)]
pub struct Search {
    needle: String,
    filter: Filter,
    from: u64,
    forward: bool,
    /// The block of `from`, and how many blocks there are.
    start: Option<(usize, usize)>,
    visited: usize,
}

impl Search {
    /// Looks for `text` in either case from line `from` on, that line included.
    pub fn new(text: &str, filter: Filter, from: u64, forward: bool) -> Self {
        Self { needle: text.to_lowercase(), filter, from, forward, start: None, visited: 0 }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, StepStatus, Stream};
    use std::io::Write;

    fn output(stream: Stream, line: String) -> Event {
        Event::Output { stream, line }
    }

    fn written(events: impl Iterator<Item = Event>) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut to = std::io::BufWriter::new(&file);
        for event in events {
            writeln!(to, "{}", serde_json::to_string(&event).unwrap()).unwrap();
        }
        to.flush().unwrap();
        drop(to);
        file
    }

    fn numbered(n: u32) -> Event {
        match n {
            n if n % 1000 == 999 => Event::Warning { text: format!("odd {n}") },
            n if n % 10 == 3 => output(Stream::Stderr, format!("err {n}")),
            n => output(Stream::Stdout, format!("line number {n} \u{1b}[2J")),
        }
    }

    fn texts(log: &Log, filter: Filter, first: u64, n: usize) -> Vec<String> {
        log.lines(filter, first, n).unwrap().into_iter().map(|l| l.text).collect()
    }

    #[test]
    fn any_line_under_any_filter() {
        let file = written((0..20_000).map(numbered));
        let log = Log::open_whole(file.path()).unwrap();
        assert!(log.checkpoints.len() > 10);
        assert_eq!(
            (log.count(Filter::All), log.count(Filter::Trouble), log.count(Filter::Errors)),
            (20_000, 2_020, 0)
        );
        for first in [0, 1, 777, 12_345, 19_998] {
            assert_eq!(
                texts(&log, Filter::All, first, 1),
                [format!("line number {first} \\x1b[2J")],
                "{first}"
            );
        }
        assert_eq!(texts(&log, Filter::All, 19_999, 5), ["warning: odd 19999"]);
        assert_eq!(texts(&log, Filter::All, 20_000, 5), [""; 0]);
        assert_eq!(
            texts(&log, Filter::Trouble, 99, 3),
            ["err 993", "warning: odd 999", "err 1003"]
        );
        assert_eq!(texts(&log, Filter::All, 5000, 3000).len(), 3000);
    }

    #[test]
    fn pieces_make_the_same_index() {
        let file = written((0..3_000).map(numbered));
        let bytes = std::fs::read(file.path()).unwrap();
        let whole = Log::open_whole(file.path()).unwrap();
        for size in [1, 7, 1000, 65_536] {
            let (mut log, mut indexer) = (Log::open(file.path()).unwrap(), Indexer::default());
            for piece in bytes.chunks(size) {
                log.grow(indexer.feed(piece, |_| ()));
            }
            assert_eq!((&log.checkpoints, log.end), (&whole.checkpoints, whole.end), "{size}");
        }
    }

    #[test]
    fn what_a_program_says_is_not_what_the_command_says() {
        let command =
            || Event::Command { sentence: "s".into(), argv: vec!["mkfs".into(), "a b".into()] };
        let step = |state| Event::Step {
            id: "p1".into(),
            phase: 1,
            index: 1,
            of: 2,
            title: "Making.".into(),
            state,
            ms: Some(1),
        };
        let file = written(
            [
                step(StepStatus::Begin),
                command(),
                output(Stream::Stdout, "inner".into()),
                output(Stream::Stderr, "inner err".into()),
                Event::CommandEnd { argv0: "mkfs".into(), code: Some(0), ms: 7 },
                output(Stream::Stdout, "own".into()),
                step(StepStatus::Failed),
                Event::Error {
                    id: "ALT-802".into(),
                    cause: "first\nsecond".into(),
                    remedy: "mend it".into(),
                },
            ]
            .into_iter(),
        );
        let log = Log::open_whole(file.path()).unwrap();
        let end = ["failed: Making.", "ALT-802 first", "second", "  what to do: mend it"];
        assert_eq!(texts(&log, Filter::Own, 0, 99), [["Making.", "own"].as_slice(), &end].concat());
        assert_eq!(
            texts(&log, Filter::All, 0, 5),
            ["Making.", "+ mkfs 'a b'", "inner", "inner err", "+ mkfs: exit 0, 0.00 s"]
        );
        assert_eq!(texts(&log, Filter::Trouble, 0, 99), [["inner err"].as_slice(), &end].concat());
        assert_eq!(texts(&log, Filter::Errors, 0, 99), end);
        assert_eq!(log.count(Filter::All), 10);
    }

    #[test]
    fn broken_records_are_shown() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"{\"event\":\"note\",\"text\":\"one\"}\n{\"event\":\"no\n\n{\"event\":\"note\",\"text\":\"two\"}\n{\"ev").unwrap();
        let log = Log::open_whole(file.path()).unwrap();
        assert_eq!(texts(&log, Filter::All, 0, 9), ["one", "{\"event\":\"no", "two"]);
    }

    #[test]
    fn find_goes_both_ways_and_round() {
        let file = written((0..20_000).map(numbered));
        let log = Log::open_whole(file.path()).unwrap();
        let find = |text: &str, filter, from, forward| {
            let mut search = Search::new(text, filter, from, forward);
            for _ in 0..1000 {
                match log.search(&mut search).unwrap() {
                    Hit::NotYet => {}
                    Hit::Line(n) => return Some(n),
                    Hit::No => return None,
                }
            }
            panic!("never ends");
        };
        for (text, from, forward, want) in [
            ("NUMBER 15000 ", 0, true, Some(15_000)),
            ("number 15000 ", 15_000, true, Some(15_000)),
            ("number 15000 ", 15_001, true, Some(15_000)),
            ("number 15000 ", 14_999, false, Some(15_000)),
            ("odd", 5_000, true, Some(5_999)),
            ("odd", 5_000, false, Some(4_999)),
            ("odd", 998, false, Some(19_999)),
            ("\\x1b", 19_999, true, Some(0)),
            ("not there", 77, true, None),
            ("", 0, true, None),
        ] {
            assert_eq!(find(text, Filter::All, from, forward), want, "{text} {from} {forward}");
        }
        assert_eq!(find("odd", Filter::Trouble, 0, true), Some(100));
        assert_eq!(find("odd", Filter::Errors, 0, true), None);
    }

    #[test]
    fn either_case() {
        assert_eq!(matches("The \u{c9}nd", "\u{e9}n"), Some(4..7));
        assert_eq!(matches("abab", "abb"), None);
        assert_eq!(matches("aab", "ab"), Some(1..3));
    }

    /// Resident memory of this process in KiB.
    fn resident() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        status
            .lines()
            .find_map(|l| l.strip_prefix("VmRSS:"))
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// Memory is counted for the whole process, in which other tests run: this one starts a process
    /// of its own.
    #[test]
    fn a_hundred_megabytes_stay_in_the_file() {
        const NAME: &str = "job::log::tests::a_hundred_megabytes_stay_in_the_file";
        const ALONE: &str = "ALTDISK_TEST_ALONE";
        if std::env::var_os(ALONE).is_some() {
            return measure_memory();
        }
        let done = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && said.contains("1 passed"), "{said}{done:?}");
    }

    fn measure_memory() {
        let text = "x".repeat(64);
        let file = written((0..1_000_000).map(|n| output(Stream::Stdout, format!("{n} {text}"))));
        assert!(file.as_file().metadata().unwrap().len() > 100 << 20);
        let before = resident();
        let begun = std::time::Instant::now();
        let log = Log::open_whole(file.path()).unwrap();
        let count = log.count(Filter::Own);
        let whole = begun.elapsed();
        let mut slowest = std::time::Duration::ZERO;
        for step in 0..50 {
            let begun = std::time::Instant::now();
            let lines = log.lines(Filter::Own, count * step / 50, 19).unwrap();
            slowest = slowest.max(begun.elapsed());
            assert_eq!(lines[0].text, format!("{} {text}", count * step / 50));
        }
        let grown = resident().saturating_sub(before);
        println!("a million lines: {grown} KiB more, slowest access {slowest:?}");
        assert_eq!(count, 1_000_000);
        assert!(grown < 8 << 10, "{grown} KiB");
        // As long as that on any machine: lines are found by their place, and the file is not read
        // again.
        assert!(slowest * 5 < whole, "{slowest:?} of {whole:?}");
    }
}
