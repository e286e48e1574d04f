//! Standard error, which lines and progress bars share.

use std::env;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use console::Term;
use indicatif::{MultiProgress, ProgressDrawTarget};

/// The bars that are on the screen now. There is one standard error, and one of
/// this.
static BARS: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// Whether bars can be drawn: standard error is a terminal that can move its
/// cursor.
pub fn can_draw() -> bool {
    let able = env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    Term::stderr().is_term() && (able || cfg!(windows))
}

/// Whether the terminal shows more than ASCII, by its locale.
pub fn has_unicode() -> bool {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
    locale.is_some_and(|locale| locale.to_lowercase().replace('-', "").ends_with("utf8"))
}

/// Whether lines on standard error are coloured: it is a terminal that can, and
/// `NO_COLOR` does not stand against it.
pub fn has_color() -> bool {
    console::colors_enabled_stderr()
}

/// Columns of the terminal, where standard error is one.
pub fn columns() -> Option<usize> {
    Term::stderr().is_term().then(|| size().0)
}

/// Columns of the terminal, where standard output is one.
pub fn stdout_columns() -> Option<usize> {
    let term = Term::stdout();
    term.is_term().then(|| term.size().1.into())
}

/// Columns and rows of the terminal; 80 and 24 where there is none.
pub fn size() -> (usize, usize) {
    let (rows, columns) = Term::stderr().size();
    (columns.into(), rows.into())
}

/// Writes whole lines, above the bars if there are any.
pub fn print(text: &str) {
    let write = || {
        // A closed standard error must not end a run.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    };
    match &*bars() {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}

/// Does something while nothing else is written.
pub fn alone(work: impl FnOnce()) {
    let _bars = bars();
    work();
}

/// Puts bars on the screen, in place of others.
pub fn set_bars(bars: MultiProgress) {
    *self::bars() = Some(bars);
}

/// Takes the bars away.
pub fn clear() {
    let mut bars = bars();
    if let Some(bars) = bars.take() {
        // Nothing is lost if it fails.
        let _ = bars.clear();
        // Whoever still has them draws no more.
        bars.set_draw_target(ProgressDrawTarget::hidden());
    }
}

fn bars() -> MutexGuard<'static, Option<MultiProgress>> {
    BARS.lock().unwrap_or_else(PoisonError::into_inner)
}
