//! The log of `-v`: every request, for those who look for what went wrong.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use super::screen;
use super::words::printable;

/// Sends the log to standard error: nothing, requests (`-v`), or requests with
/// their headers (`-vv`), as text or as JSON. A second call changes nothing.
pub fn init(verbosity: u8, json: bool) {
    let level = match verbosity {
        0 => return,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    // Libraries are left out: what they log of a request may hold credentials.
    let ours = Targets::new().with_target(env!("CARGO_PKG_NAME"), level);
    let layer = fmt::layer().with_writer(|| Above).with_ansi(false).with_target(false);
    let layer = if json { layer.json().boxed() } else { layer.boxed() };
    // A second subscriber is refused, which is what is wanted.
    let _ = tracing_subscriber::registry().with(layer.with_filter(ours)).try_init();
}

/// Writes above the progress bars. It is given whole lines.
struct Above;

impl io::Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        screen::print(&printable(&String::from_utf8_lossy(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
