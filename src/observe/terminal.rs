//! The terminal under the progress bars.
//!
//! indicatif's own target fills each line to the last column and leaves the
//! cursor there. Then a `^C` that the terminal echoes takes a line of its own, and
//! a terminal that becomes narrower makes two lines of each: both leave torn bars
//! behind. Here a frame is written at once, over the one before, with nothing
//! behind the last letter of a line, and the cursor waits at the beginning of the
//! last line.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use console::{Term, measure_text_width};
use indicatif::TermLike;

/// Standard error as indicatif draws on it.
#[derive(Debug)]
pub struct Terminal {
    term: Term,
    frame: Mutex<Frame>,
}

#[derive(Debug, Default)]
struct Frame {
    /// The lines that are to be on the screen.
    lines: Vec<String>,
    /// Whether the last of them goes on.
    open: bool,
    /// The widths of the lines that are on the screen.
    drawn: Vec<usize>,
}

impl Terminal {
    /// Standard error.
    pub fn stderr() -> Self {
        Self { term: Term::stderr(), frame: Mutex::default() }
    }

    fn frame(&self) -> MutexGuard<'_, Frame> {
        self.frame.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Frame {
    /// A part of a line, or the spaces that end one.
    fn push(&mut self, part: &str) {
        match (part.trim_matches(' ').is_empty(), self.open) {
            (true, _) => self.open = false,
            (false, true) => self.lines.last_mut().into_iter().for_each(|line| line.push_str(part)),
            (false, false) => {
                self.lines.push(part.to_owned());
                self.open = true;
            }
        }
    }

    /// What brings the lines to a screen of that width, in place of those that
    /// were there.
    fn render(&mut self, width: usize) -> String {
        // A terminal that became narrower has broken the lines that were too long.
        let rows: usize = self.drawn.iter().map(|line| line.div_ceil(width.max(1)).max(1)).sum();
        let mut text = match rows {
            0 | 1 => String::from("\r"),
            rows => format!("\r\x1b[{}A", rows - 1),
        };
        let lines: Vec<&str> = self.lines.iter().map(|line| line.trim_end()).collect();
        text.push_str(&lines.join("\x1b[K\r\n"));
        // All that is behind and below.
        text.push_str("\x1b[J\r");
        self.drawn = lines.iter().map(|line| measure_text_width(line)).collect();
        (self.lines, self.open) = (Vec::new(), false);
        text
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        self.term.size().1
    }

    fn height(&self) -> u16 {
        self.term.size().0
    }

    // A frame finds its place itself.

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        let mut frame = self.frame();
        frame.push(text);
        frame.push("");
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.frame().push(text);
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let text = self.frame().render(self.width().into());
        self.term.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(frame: &mut Frame, lines: &[&str], width: usize) -> String {
        for line in lines {
            frame.push(line);
            frame.push("  ");
        }
        frame.render(width)
    }

    #[test]
    fn a_frame_takes_the_place_of_the_one_before() {
        let mut screen = Frame::default();
        assert_eq!(frame(&mut screen, &["one", "two "], 20), "\rone\x1b[K\r\ntwo\x1b[J\r");
        assert_eq!(frame(&mut screen, &["1"], 20), "\r\x1b[1A1\x1b[J\r");
        assert_eq!(frame(&mut screen, &[], 20), "\r\x1b[J\r");
        assert_eq!(frame(&mut screen, &["x"], 20), "\rx\x1b[J\r");
    }

    #[test]
    fn lines_that_a_narrower_terminal_broke_go_too() {
        let mut screen = Frame::default();
        frame(&mut screen, &["\x1b[36mtwelve chars\x1b[0m", "five5", ""], 20);
        // Two rows and one.
        assert!(frame(&mut screen, &["x"], 10).starts_with("\r\x1b[2A"));
    }
}
