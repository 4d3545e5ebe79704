//! A screen as a picture: a buffer becomes an SVG of text in a fixed grid. Used by F8 and for the
//! pictures in `screenshots/`.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// A cell's size.
const WIDE: u16 = 9;
const TALL: u16 = 18;
const MARGIN: u16 = 12;
/// Where the letters' line is within a cell.
const BASE: u16 = 14;
const INK: &str = "#d8d8d8";
const PAPER: &str = "#101418";

/// The sixteen colours, as xterm has them but a little softer.
const COLORS: [&str; 16] = [
    "#000000", "#cc4444", "#44aa44", "#c0a030", "#4a78d8", "#b050b0", "#3aa0a8", "#d8d8d8",
    "#808080", "#ff6b6b", "#6bdd6b", "#ffe066", "#7aa2ff", "#e080e0", "#66dde6", "#ffffff",
];

/// Draws `buf`; the cursor as an outlined cell.
pub fn svg(buf: &Buffer, cursor: Option<(u16, u16)>) -> String {
    let (columns, rows) = (buf.area.width, buf.area.height);
    let (width, height) = (columns * WIDE + 2 * MARGIN, rows * TALL + 2 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"15\">\n<rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{PAPER}\"/>\n"
    );
    for y in 0..rows {
        let mut x = 0;
        while x < columns {
            let looks = look(&buf[(x, y)]);
            let begin = x;
            let mut text = String::new();
            while x < columns && look(&buf[(x, y)]) == looks {
                text.push_str(buf[(x, y)].symbol());
                x += 1;
            }
            run(&mut out, begin, y, x - begin, &text, &looks);
        }
    }
    if let Some((x, y)) = cursor {
        let (left, top) = (MARGIN + x * WIDE, MARGIN + y * TALL);
        let _ = writeln!(
            out,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{WIDE}\" height=\"{TALL}\" fill=\"none\" stroke=\"{INK}\"/>"
        );
    }
    out.push_str("</svg>\n");
    out
}

/// The text alone, without blanks at the ends of lines.
pub fn text(buf: &Buffer) -> String {
    let rows = buf.content().chunks(usize::from(buf.area.width.max(1)));
    rows.map(|row| row.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned() + "\n")
        .collect()
}

#[derive(PartialEq, Eq)]
struct Look {
    ink: String,
    paper: String,
    bold: bool,
    underlined: bool,
}

fn look(cell: &Cell) -> Look {
    let (mut ink, mut paper) = (color(cell.fg, INK), color(cell.bg, PAPER));
    if cell.modifier.contains(Modifier::REVERSED) {
        std::mem::swap(&mut ink, &mut paper);
    }
    if cell.modifier.contains(Modifier::DIM) {
        "#909090".clone_into(&mut ink);
    }
    Look {
        ink,
        paper,
        bold: cell.modifier.contains(Modifier::BOLD),
        underlined: cell.modifier.contains(Modifier::UNDERLINED),
    }
}

fn color(color: Color, reset: &str) -> String {
    let basic = match color {
        Color::Reset => return reset.to_owned(),
        Color::Rgb(r, g, b) => return format!("#{r:02x}{g:02x}{b:02x}"),
        Color::Indexed(n) if n < 16 => usize::from(n),
        Color::Indexed(n @ 16..=231) => {
            let level = |v: u8| if v == 0 { 0 } else { 55 + 40 * v };
            let n = n - 16;
            return format!("#{:02x}{:02x}{:02x}", level(n / 36), level(n / 6 % 6), level(n % 6));
        }
        Color::Indexed(n) => {
            let grey = 8 + 10 * (n - 232);
            return format!("#{grey:02x}{grey:02x}{grey:02x}");
        }
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    COLORS[basic].to_owned()
}

fn run(out: &mut String, x: u16, y: u16, columns: u16, text: &str, look: &Look) {
    let (left, top, width) = (MARGIN + x * WIDE, MARGIN + y * TALL, columns * WIDE);
    if look.paper != PAPER {
        let _ = writeln!(
            out,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{TALL}\" fill=\"{}\"/>",
            look.paper
        );
    }
    let words = text.trim_end();
    if words.trim().is_empty() {
        return;
    }
    let lead = (words.len() - words.trim_start().len()) as u16;
    let words = words.trim_start();
    let bold = if look.bold { " font-weight=\"bold\"" } else { "" };
    let line = if look.underlined { " text-decoration=\"underline\"" } else { "" };
    let wide = unicode_width::UnicodeWidthStr::width(words) as u16 * WIDE;
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" fill=\"{}\"{bold}{line} textLength=\"{wide}\" lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\">{}</text>",
        left + lead * WIDE,
        top + BASE,
        look.ink,
        escaped(words)
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    #[test]
    fn a_small_picture() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 8, 2));
        buf.set_string(1, 0, "a<b &", Style::new().fg(Color::Red).add_modifier(Modifier::BOLD));
        buf.set_string(0, 1, " sel ", Style::new().add_modifier(Modifier::REVERSED));
        let picture = svg(&buf, Some((7, 1)));
        assert!(
            picture.contains("fill=\"#cc4444\" font-weight=\"bold\" textLength=\"45\""),
            "{picture}"
        );
        assert!(picture.contains(">a&lt;b &amp;</text>"));
        assert!(
            picture.contains(&format!(
                "<rect x=\"12\" y=\"30\" width=\"45\" height=\"18\" fill=\"{INK}\"/>"
            )),
            "{picture}"
        );
        assert_eq!(text(&buf), " a<b &\n sel\n");
    }
}
