//! XML of repositories, element by element.
//!
//! `quick-xml` reads it: it streams (the package list of a distribution has some 200 MiB, a tree of
//! it would take a gigabyte), it is well kept, needs nothing but memchr, and resolves no entities
//! but XML's own five and characters by number, so that nothing can be fetched or blown up through
//! it. What is added here are limits: of depth, of the size of one element's tag or text, and names
//! without their prefixes.

use std::io::{self, BufRead, Read};

use quick_xml::events::{BytesStart, Event};

/// Elements within elements.
const DEEPEST: usize = 32;
/// Bytes of one tag or of one text without a tag.
const LONGEST: usize = 8 << 20;

/// What is met, one after the other.
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

/// A reader that brings no more than [`LONGEST`] bytes between two events.
struct Fenced<R> {
    inner: R,
    left: usize,
}

impl<R: BufRead> Read for Fenced<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let some = self.fill_buf()?;
        let n = some.len().min(to.len());
        to[..n].copy_from_slice(&some[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Fenced<R> {
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

/// Reads a document and tells `each` what it meets, with the names of the open elements (without
/// prefixes), the outermost first.
///
/// # Errors
/// Where the document is damaged, too deep or too long, or what `each` says.
pub fn each(
    from: impl BufRead,
    mut each: impl FnMut(&[String], Node) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = quick_xml::Reader::from_reader(Fenced { inner: from, left: LONGEST });
    reader.config_mut().expand_empty_elements = true;
    let (mut path, mut buffer): (Vec<String>, Vec<u8>) = (vec![], vec![]);
    let mut met = false;
    loop {
        buffer.clear();
        reader.get_mut().left = LONGEST;
        let event =
            reader.read_event_into(&mut buffer).map_err(|e| format!("its XML is damaged: {e}"))?;
        match event {
            Event::Start(start) => {
                if path.len() >= DEEPEST {
                    return Err("its elements are too deep within each other".to_owned());
                }
                met = true;
                path.push(start.local_name().into_inner().to_owned());
                each(&path, Node::Open(Attributes(&start)))?;
            }
            Event::End(_) => {
                each(&path, Node::Close)?;
                path.pop();
            }
            Event::Text(t) => each(&path, Node::Text(&t))?,
            Event::CData(t) => each(&path, Node::Text(&t))?,
            Event::GeneralRef(r) => match r.resolve_char_ref() {
                Ok(Some(c)) => each(&path, Node::Text(c.encode_utf8(&mut [0; 4])))?,
                _ => each(
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
