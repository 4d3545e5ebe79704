//! An archive read member by member, in one pass.
//!
//! A member is what one header says together with the extended headers and long names before it.
//! The data collected for one member is bounded, and every number is checked before it is used: an
//! archive may say anything.

use anyhow::Result;

use super::header::Header;
use super::member::{self, Before};
use super::pax::{MAX_RECORDS, Pax};
use super::sparse::{self, Lines};
use super::{BLOCK, Bad, Kind, Member, padding};
use crate::archive::input::stream::{SharedBytes, Source};
use crate::error;
use crate::host::signals;
use crate::text::path::show_path;
use crate::text::printable::Message;

/// The most that all extended headers of one member may hold, bytes.
const BEFORE: u64 = 2 * MAX_RECORDS;
/// At most this many notes are kept between two calls of [`Reader::notes`].
const NOTES: usize = 50;
/// At most this many bytes of a name are shown in one.
const SHOWN: usize = 1000;

/// Takes an uncompressed archive apart.
pub struct Reader {
    source: Box<dyn Source>,
    /// The unused rest of the source's last piece.
    piece: SharedBytes,
    /// Comes behind that, before the source goes on: what was looked at too early.
    back: SharedBytes,
    /// Bytes used so far.
    offset: u64,
    /// Of the current member: stored bytes not yet used, and the padding behind them.
    left: u64,
    padding: u64,
    /// The member that is read, for errors: its path, and where it begins.
    at: (Vec<u8>, u64),
    /// The one before it.
    last: Vec<u8>,
    global: Pax,
    names: member::Names,
    ended: bool,
    notes: Vec<String>,
}

impl Reader {
    /// Nothing is read yet.
    pub fn new(source: Box<dyn Source>) -> Self {
        Self {
            source,
            piece: SharedBytes::default(),
            back: SharedBytes::default(),
            offset: 0,
            left: 0,
            padding: 0,
            at: (vec![], 0),
            last: vec![],
            global: Pax::default(),
            names: member::Names::default(),
            ended: false,
            notes: vec![],
        }
    }

    /// The next member; None at the end of the archive, and then everything is read and whole. What
    /// was not read of the member before is skipped.
    ///
    /// # Errors
    /// ALT-631 if it does not begin as a tar archive, ALT-633 to 636 and 638 with name and
    /// offset of the member.
    pub fn next(&mut self) -> Result<Option<Member>> {
        if self.ended {
            return Ok(None);
        }
        self.skip(self.left.saturating_add(self.padding))?;
        (self.left, self.padding) = (0, 0);
        let last = std::mem::replace(&mut self.at, (vec![], self.offset)).0;
        if !last.is_empty() {
            self.last = last;
        }
        let mut before = Before::default();
        let mut gathered = 0u64;
        loop {
            let start = self.offset;
            let Some(header) = self.header()? else {
                if start != self.at.1 {
                    return Err(self.bad(Bad::damaged(
                        "it ends between a member's extended header and the member",
                    )));
                }
                self.end()?;
                return Ok(None);
            };
            let size = header.size().map_err(|why| self.bad(Bad::damaged(why)))?;
            let typeflag = header.typeflag();
            if !matches!(typeflag, b'L' | b'K' | b'x' | b'X' | b'g' | b'V') {
                return self.member(&header, &before).map(Some);
            }
            if typeflag == b'V' {
                // A label of the volume; some programs count what is not there.
                self.skip_odd(size)?;
                continue;
            }
            gathered = gathered.saturating_add(size).saturating_add(BLOCK as u64);
            if size > MAX_RECORDS || gathered > BEFORE {
                let text = format!(
                    "its extended header has {size} bytes (at most {MAX_RECORDS} are read, {BEFORE} for one member)"
                );
                return Err(self.bad(Bad { entry: &error::IMAGE_LIMIT, text }));
            }
            let text = self.text(size)?;
            let taken = match typeflag {
                b'L' => before.long_name(text),
                b'K' => before.long_link(text),
                b'g' => self.global.take(&text, true),
                _ => before.pax.get_or_insert_with(|| self.global.clone()).take(&text, false),
            };
            taken.map_err(|bad| self.bad(bad))?;
        }
    }

    /// The member described by one header and everything before it, and the offset of its content.
    fn member(&mut self, header: &Header, before: &Before) -> Result<Member> {
        self.names.learn(header, before);
        let made = member::make(header, before, &self.global, &self.names);
        let (mut member, notes, form) = made.map_err(|(path, bad)| {
            self.at.0 = path;
            self.bad(bad)
        })?;
        member.offset = self.at.1;
        self.at.0.clone_from(&member.path);
        for note in notes {
            let path = &member.path[..member.path.len().min(SHOWN)];
            self.note(|| format!("{}: {note}", show_path(path)));
        }
        self.left = member.stored;
        match form {
            member::Form::Plain => {}
            member::Form::Map(map) => member.map = Some(map),
            member::Form::OldGnu(map, more) => member.map = Some(self.more_blocks(map, more)?),
            member::Form::InContent => {
                member.map = Some(self.map_in_content()?);
                member.stored = self.left;
            }
            member::Form::Nothing(size) => {
                (self.left, self.padding) = (0, 0);
                self.skip_odd(size)?;
                return Ok(member);
            }
        }
        if let Some(map) = member.map.take() {
            member.map = Some(
                sparse::checked(map, member.size, member.stored).map_err(|bad| self.bad(bad))?,
            );
        }
        self.padding = padding(self.left);
        Ok(member)
    }

    /// The blocks of map entries behind a header of GNU's old sparse form.
    fn more_blocks(&mut self, mut map: Vec<(u64, u64)>, more: bool) -> Result<Vec<(u64, u64)>> {
        let mut more = more;
        while more {
            let block = self.block()?.ok_or_else(|| self.cut())?;
            let (entries, follows) =
                Header(block).map(true).map_err(|why| self.bad(Bad::damaged(why)))?;
            map.extend(entries);
            more = follows;
            if map.len() > sparse::MAX_RANGES {
                return Err(self.bad(sparse::too_many()));
            }
        }
        Ok(map)
    }

    /// The map before the content of GNU's form 1.0.
    fn map_in_content(&mut self) -> Result<Vec<(u64, u64)>> {
        let mut lines = Lines::default();
        loop {
            if self.left < BLOCK as u64 {
                return Err(self.bad(Bad::damaged("its map of holes is damaged")));
            }
            let block = self.block()?.ok_or_else(|| self.cut())?;
            self.left -= BLOCK as u64;
            if lines.take(&block).map_err(|bad| self.bad(bad))? {
                return Ok(lines.map());
            }
        }
    }

    /// The next stored bytes of the current member, not copied; None at its end.
    ///
    /// # Errors
    /// ALT-634 if the archive ends in it, ALT-638 where it cannot be read.
    pub fn piece(&mut self) -> Result<Option<SharedBytes>> {
        if self.left == 0 {
            return Ok(None);
        }
        if !self.fetch()? {
            return Err(self.cut());
        }
        let piece = self.piece.split(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.used(piece.len());
        self.left -= piece.len() as u64;
        Ok(Some(piece))
    }

    /// Bytes of the uncompressed archive so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Things worth a warning that were met since the last call.
    pub fn notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        if self.notes.len() < NOTES {
            self.notes.push(text());
        }
    }

    /// An error with where it was met.
    pub fn bad(&self, bad: Bad) -> anyhow::Error {
        bad.entry.with_cause(format!("{}: {}", self.place(), bad.text))
    }

    fn place(&self) -> String {
        match self.at.0.as_slice() {
            b"" if self.last.is_empty() => {
                format!("at byte {} of the uncompressed archive", self.offset)
            }
            b"" => format!(
                "behind {}, at byte {} of the uncompressed archive",
                show_path(&self.last),
                self.offset
            ),
            path => {
                format!("{} (at byte {} of the uncompressed archive)", show_path(path), self.at.1)
            }
        }
    }

    fn cut(&self) -> anyhow::Error {
        let place = if self.at.0.is_empty() { "a header".to_owned() } else { self.place() };
        error::IMAGE_CUT
            .with_cause(format!("the archive ends after {} bytes, in {place}", self.offset))
    }

    fn used(&mut self, n: usize) {
        self.offset = self.offset.saturating_add(n as u64);
    }

    /// Makes sure that some bytes are there; false at the end of the source.
    fn fetch(&mut self) -> Result<bool> {
        while self.piece.is_empty() {
            if signals::interrupted() {
                return Err(
                    error::INTERRUPTED.with_cause("stopped by a signal while an image was read")
                );
            }
            // Given back before the next is waited for.
            self.piece = std::mem::take(&mut self.back);
            if !self.piece.is_empty() {
                break;
            }
            match self.source.next() {
                Ok(Some(piece)) => self.piece = piece,
                Ok(None) => return Ok(false),
                Err(_) if signals::interrupted() => {
                    return Err(error::INTERRUPTED
                        .with_cause("stopped by a signal while an image was read"));
                }
                // What reading met is told with the member that was read.
                Err(e) => {
                    return Err(match error::find(&e) {
                        Some(alt) => alt.entry.with_remedy(
                            format!("{} ({})", error::cause(&e), self.place()),
                            Message::with_lines(&alt.remedy),
                        ),
                        None => e.context(self.place()),
                    });
                }
            }
        }
        Ok(true)
    }

    /// Uses up `n` bytes.
    fn skip(&mut self, n: u64) -> Result<()> {
        let mut left = n;
        while left > 0 {
            if !self.fetch()? {
                return Err(self.cut());
            }
            let some = self.piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.piece.skip(some);
            self.used(some);
            left -= some as u64;
        }
        Ok(())
    }

    /// The next block; None if the source ends before it.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        let mut have = 0;
        while have < BLOCK {
            if !self.fetch()? {
                return if have == 0 { Ok(None) } else { Err(self.cut()) };
            }
            let n = self.piece.len().min(BLOCK - have);
            block[have..have + n].copy_from_slice(&self.piece[..n]);
            self.piece.skip(n);
            self.used(n);
            have += n;
        }
        Ok(Some(block))
    }

    /// The next header; None for the block of zeros that ends the archive.
    fn header(&mut self) -> Result<Option<Header>> {
        let start = self.offset;
        let Some(block) = self.block()? else {
            return Err(match start {
                0 => error::IMAGE_NOT_TAR.with_cause("the image is empty"),
                _ => error::IMAGE_CUT.with_cause(format!(
                    "the archive ends after {start} bytes without the mark of its end"
                )),
            });
        };
        let header = Header(block);
        if header.is_zero() {
            return if start == 0 {
                Err(error::IMAGE_NOT_TAR
                    .with_cause("the image starts with zeros, as an empty archive does"))
            } else {
                Ok(None)
            };
        }
        if header.is_sound() {
            return Ok(Some(header));
        }
        Err(match start {
            0 => error::IMAGE_NOT_TAR.with_cause("the image does not start with the header of a tar archive"),
            _ => error::IMAGE_DAMAGED
                .with_cause(format!("there is no header at byte {start} of the uncompressed archive, where one is expected")),
        })
    }

    /// Text of an extended header, and the padding behind it.
    fn text(&mut self, size: u64) -> Result<Vec<u8>> {
        let mut text = vec![];
        let mut left = usize::try_from(size).unwrap_or(usize::MAX);
        while left > 0 {
            if !self.fetch()? {
                return Err(self.cut());
            }
            let n = self.piece.len().min(left);
            text.extend_from_slice(&self.piece[..n]);
            self.piece.skip(n);
            self.used(n);
            left -= n;
        }
        self.skip(padding(size))?;
        Ok(text)
    }

    /// Behind a header whose kind has no content, and which yet tells a size: programs differ on
    /// whether content follows. It does not if the next block is a header.
    fn skip_odd(&mut self, size: u64) -> Result<()> {
        if size == 0 {
            return Ok(());
        }
        if self.fetch()?
            && let Some(block) = self.piece.first_chunk::<BLOCK>()
        {
            let next = Header(*block);
            if next.is_zero() || next.is_sound() {
                return Ok(());
            }
            return self.skip(size.saturating_add(padding(size)));
        }
        // The block is in two pieces.
        let mut next = [0; BLOCK];
        let mut have = 0;
        while have < BLOCK && self.fetch()? {
            let piece = self.piece.split(BLOCK - have);
            next[have..have + piece.len()].copy_from_slice(&piece);
            have += piece.len();
        }
        let header = Header(next);
        if have == BLOCK && !header.is_zero() && !header.is_sound() {
            self.used(BLOCK);
            return self.skip(size.saturating_add(padding(size)).saturating_sub(BLOCK as u64));
        }
        // Back before what was looked at; only that is copied, however much there is behind it.
        self.back =
            std::mem::replace(&mut self.piece, SharedBytes::new(next[..have].to_vec().into()));
        Ok(())
    }

    /// Behind the first block of zeros: reads to the end of the source, which tells that nothing is
    /// missing.
    fn end(&mut self) -> Result<()> {
        self.ended = true;
        if !self.source.ends() {
            return Ok(());
        }
        let second = self.block()?;
        if second.is_some_and(|b| b.iter().any(|b| *b != 0)) {
            self.note(|| {
                "the archive continues after a block of zeros; tar stops there, and so does altdisk"
                    .to_owned()
            });
        }
        let start = self.offset;
        let mut odd = false;
        while self.fetch()? {
            odd |= self.piece.iter().any(|b| *b != 0);
            let n = self.piece.len();
            self.used(n);
            self.piece = SharedBytes::default();
        }
        if odd {
            self.note(|| format!("data after the end of the archive (byte {start}) is ignored"));
        }
        Ok(())
    }
}

impl Member {
    /// True if it is a file with content (of which an image of ours holds a checksum).
    pub fn is_regular(&self) -> bool {
        self.kind == Kind::Regular
    }
}
