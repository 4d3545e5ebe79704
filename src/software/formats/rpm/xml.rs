//! XML of repositories, element by element.
//!
//! `quick-xml` reads it: it streams (the package list of a distribution has some 200 MiB, a tree of
//! it would take a gigabyte), it is well kept, needs nothing but memchr, and resolves no entities
//! but XML's own five and characters by number, so that nothing can be fetched or blown up through
//! it. What is added here are limits: of depth, of the size of one element's tag or text, and names
//! without their prefixes.

use std::io::{self, BufRead, Read};

use quick_xml::events::{BytesStart, Event};

use crate::error;

/// The deepest nesting of elements.
const MAX_DEPTH: usize = 32;
/// The longest tag, or text between tags, in bytes.
const MAX_EVENT: usize = 8 << 20;

/// An event of the document.
pub enum Node<'a> {
    /// An element begins; it is the last of the path.
    Open(Attributes<'a>),
    /// Text, or a part of it, directly in the last element of the path.
    Text(&'a str),
    /// The last element of the path ends.
    Close,
}

/// The attributes of an element.
pub struct Attributes<'a>(&'a BytesStart<'a>);

impl Attributes<'_> {
    /// An attribute's value by its name, prefix included where it has one; None where it is absent
    /// or damaged.
    pub fn get(&self, name: &str) -> Option<String> {
        let found = self.0.attributes().with_checks(false).flatten().find(|a| a.key.0 == name)?;
        Some(quick_xml::escape::unescape(&found.value).ok()?.into_owned())
    }
}

/// A reader that brings no more than [`MAX_EVENT`] bytes between two events.
struct LimitedReader<R> {
    inner: R,
    left: usize,
}

impl<R: BufRead> Read for LimitedReader<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let some = self.fill_buf()?;
        let n = some.len().min(to.len());
        to[..n].copy_from_slice(&some[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for LimitedReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Err(io::Error::other("an element is too long"));
        }
        let some = self.inner.fill_buf()?;
        Ok(&some[..some.len().min(self.left)])
    }

    fn consume(&mut self, n: usize) {
        self.left = self.left.saturating_sub(n);
        self.inner.consume(n);
    }
}

/// Reads a document and calls `visit` for each event, with the names of the open elements (without
/// prefixes), the outermost first.
///
/// # Errors
/// If the document is damaged, too deep or too long; the error of `visit`.
pub fn visit(
    from: impl BufRead,
    mut visit: impl FnMut(&[String], Node) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = quick_xml::Reader::from_reader(LimitedReader { inner: from, left: MAX_EVENT });
    reader.config_mut().expand_empty_elements = true;
    let (mut path, mut buffer): (Vec<String>, Vec<u8>) = (vec![], vec![]);
    let mut met = false;
    loop {
        buffer.clear();
        reader.get_mut().left = MAX_EVENT;
        let event = reader
            .read_event_into(&mut buffer)
            .map_err(|e| format!("its XML is damaged: {}", error::text_of(&e)))?;
        match event {
            Event::Start(start) => {
                if path.len() >= MAX_DEPTH {
                    return Err("its elements are nested too deep".to_owned());
                }
                met = true;
                path.push(start.local_name().into_inner().to_owned());
                visit(&path, Node::Open(Attributes(&start)))?;
            }
            Event::End(_) => {
                visit(&path, Node::Close)?;
                path.pop();
            }
            Event::Text(t) => visit(&path, Node::Text(&t))?,
            Event::CData(t) => visit(&path, Node::Text(&t))?,
            Event::GeneralRef(r) => match r.resolve_char_ref() {
                Ok(Some(c)) => visit(&path, Node::Text(c.encode_utf8(&mut [0; 4])))?,
                _ => visit(
                    &path,
                    Node::Text(quick_xml::escape::resolve_predefined_entity(&r).unwrap_or("?")),
                )?,
            },
            Event::Eof if path.is_empty() => {
                return if met { Ok(()) } else { Err("it is empty".to_owned()) };
            }
            Event::Eof => return Err("it is cut off".to_owned()),
            _ => {}
        }
    }
}
