//! The log of `-v`: every request, for those who look for what went wrong.

use std::io::stderr;

use tracing::level_filters::LevelFilter;

/// Sends the log to standard error: nothing, requests (`-v`), or requests with
/// their headers (`-vv`), as text or as JSON. A second call changes nothing.
pub fn init(verbosity: u8, json: bool) {
    let level = match verbosity {
        0 => return,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(stderr)
        .with_ansi(false)
        .with_target(false);
    // A second subscriber is refused, which is what is wanted.
    let _ = if json { builder.json().try_init() } else { builder.try_init() };
}
