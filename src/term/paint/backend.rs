//! The painter as ratatui's backend.
//!
//! It only collects what ratatui draws: a slow line does not take a frame at once, so the loop asks
//! for bytes when the line has room ([`Painter::render_within`]). The terminal is never asked where
//! its cursor is.

use std::convert::Infallible;

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

use crate::term::paint::Painter;

impl Backend for Painter {
    type Error = Infallible;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Infallible>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        for (x, y, cell) in content {
            if let Some(drawn) = self.drawn.cell_mut((x, y)) {
                drawn.clone_from(cell);
            }
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        self.cursor.visible = false;
        Ok(())
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        self.cursor.visible = true;
        Ok(())
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        Ok(self.cursor.position.into())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        let Position { x, y } = position.into();
        self.cursor.position = (x, y);
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, clear_type: ClearType) -> Result<(), Infallible> {
        let (x, y) = self.cursor.position;
        let width = usize::from(self.drawn.area.width);
        let (row, all) = (usize::from(y) * width, self.drawn.content.len());
        let at = row + usize::from(x);
        let cells = match clear_type {
            ClearType::All => 0..all,
            ClearType::AfterCursor => at..all,
            ClearType::BeforeCursor => 0..at,
            ClearType::CurrentLine => row..row + width,
            ClearType::UntilNewLine => at..row + width,
        };
        if let Some(cells) = self.drawn.content.get_mut(cells) {
            cells.iter_mut().for_each(Cell::reset);
        }
        Ok(())
    }

    fn size(&self) -> Result<Size, Infallible> {
        Ok(self.drawn.area.as_size())
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        // No terminal is asked for pixels.
        Ok(WindowSize { columns_rows: self.drawn.area.as_size(), pixels: Size::default() })
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
