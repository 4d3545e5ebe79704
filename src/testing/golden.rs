//! Golden screens: what a screen shows, and in which role each cell stands, compared with files
//! under tests/fixtures/screens. `UPDATE_GOLDEN=1 cargo test --bin altdisk tui` writes them anew; then
//! read the difference.

use std::path::{Path, PathBuf};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use crate::theme::{Role, Theme};
use crate::tui::canvas::Canvas;

/// The theme whose every role has a colour of its own, so that the roles can be read back. For
/// ASCII glyphs.
pub fn probe() -> Theme {
    let styles =
        Role::ALL.iter().map(|(role, ..)| Style::new().fg(Color::Indexed(*role as u8 + 1)));
    Theme { name: "probe".into(), styles: styles.collect(), ..Theme::mono() }
}

/// Draws at `width` x `height`; returns the text grid and the grid of role letters, and where the
/// cursor stands.
pub fn drawn(width: u16, height: u16, draw: impl Fn(&mut Canvas<'_>)) -> String {
    let (mut buf, theme) = (Buffer::empty(Rect::new(0, 0, width, height)), probe());
    let mut canvas = Canvas::new(&mut buf, &theme);
    draw(&mut canvas);
    let cursor = canvas.cursor;
    let rows = |cell: &dyn Fn(&ratatui::buffer::Cell) -> String| -> String {
        let rows = buf.content().chunks(usize::from(width));
        rows.map(|row| row.iter().map(cell).collect::<String>().trim_end().to_owned() + "\n")
            .collect()
    };
    let text = rows(&|cell| cell.symbol().to_owned());
    let roles = rows(&|cell| match cell.fg {
        Color::Indexed(n) => {
            Role::ALL.get(usize::from(n) - 1).map_or('?', |(_, letter, _)| *letter).to_string()
        }
        _ => " ".into(),
    });
    let cursor = cursor.map_or("none".to_owned(), |(x, y)| format!("column {x}, row {y}"));
    format!("{text}=== roles\n{roles}=== cursor: {cursor}\n")
}

/// Compares with the golden file `NAME-WxH.txt`, or writes it.
pub fn check(name: &str, width: u16, height: u16, draw: impl Fn(&mut Canvas<'_>)) {
    let shown = drawn(width, height, draw);
    let path = folder().join(format!("{name}-{width}x{height}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(folder()).unwrap();
        std::fs::write(&path, &shown).unwrap();
        return;
    }
    let golden = std::fs::read_to_string(&path)
        .unwrap_or_else(|e| panic!("{}: {e}; UPDATE_GOLDEN=1 writes it", path.display()));
    assert!(golden == shown, "{} differs; this is drawn now:\n{shown}", path.display());
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/screens")
}
