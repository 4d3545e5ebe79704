use super::*;
use ratatui::layout::Rect;
use ratatui::style::Style;
#[test]
fn tmp() {
    let mut p = Painter::new(Terminal::of("xterm-256color"), true);
    let mut b = Buffer::empty(Rect::new(0, 0, 80, 24));
    b.set_string(0, 11, "Change / Show Characteristics of a Disk", Style::new());
    println!("{:?}", String::from_utf8_lossy(&p.frame(&b, None)));
    let mut b = Buffer::empty(Rect::new(0, 0, 80, 24));
    b.set_string(0, 13, "Change / Show Characteristics of a Disk", Style::new());
    b.set_string(0, 0, "Install", Style::new());
    println!("{:?}", String::from_utf8_lossy(&p.frame(&b, None)));
}
