//! Progress bars on a terminal.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::layout::Line;
use super::screen;
use super::terminal::Terminal;

/// How often the screen is drawn, at most, in a second.
pub const HERTZ: u8 = 10;

/// Bars on standard error, one for each line of a layout.
pub struct Bars {
    multi: MultiProgress,
    shown: Vec<(ProgressBar, Kind)>,
    chars: &'static str,
}

/// What a line is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    has_bar: bool,
    has_name: bool,
    waits: bool,
}

impl Bars {
    /// Bars that show nothing yet.
    pub fn new() -> Self {
        // Whether to colour is decided for standard error, and by indicatif for
        // what it takes for standard output.
        console::set_colors_enabled(screen::has_color());
        let terminal = Box::new(Terminal::stderr());
        let target = ProgressDrawTarget::term_like_with_hz(terminal, HERTZ);
        let multi = MultiProgress::with_draw_target(target);
        screen::set_bars(multi.clone());
        let chars = match (screen::has_unicode(), screen::has_color()) {
            (true, true) => "━╸━",
            (true, false) => "━╸ ",
            (false, _) => "=> ",
        };
        Self { multi, shown: Vec::new(), chars }
    }

    /// Shows these lines.
    pub fn draw(&mut self, lines: &[Line]) {
        while self.shown.len() > lines.len() {
            if let Some((bar, _)) = self.shown.pop() {
                self.multi.remove(&bar);
            }
        }
        for (at, line) in lines.iter().enumerate() {
            let kind = Kind {
                has_bar: line.bar.is_some(),
                has_name: !line.name.is_empty(),
                waits: line.waits,
            };
            if self.shown.len() <= at {
                let bar = self.multi.add(ProgressBar::no_length());
                bar.set_style(style(kind, self.chars));
                self.shown.push((bar, kind));
            }
            let Some((bar, had)) = self.shown.get_mut(at) else { continue };
            if *had != kind {
                bar.set_style(style(kind, self.chars));
                *had = kind;
            }
            if let Some((got, expected)) = line.bar {
                bar.set_length(expected.max(1));
                bar.set_position(got);
            }
            bar.set_prefix(line.name.clone());
            bar.set_message(line.text.clone());
        }
    }
}

fn style(kind: Kind, chars: &str) -> ProgressStyle {
    let name = if kind.has_name { "{prefix} " } else { "" };
    let color = if kind.waits { ":.yellow" } else { "" };
    let template = match kind.has_bar {
        true => format!("{name}{{wide_bar:.cyan/black.bright}} {{msg{color}}}"),
        false => format!("{name}{{msg{color}}}"),
    };
    // The templates above are good ones.
    let style = ProgressStyle::with_template(&template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars(chars)
}
