//! Counters of a run, and the way to tell what happens in it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

use super::board::Board;
use super::event::{Event, Level};
use super::screen;
use super::words::printable;

/// How the progress of a run is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Voice {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
    /// Lines for people: only what is important.
    Quiet,
    /// One JSON object a line: only what is important.
    QuietJson,
}

impl Voice {
    /// What `--log-format` and `--quiet` ask for together.
    pub fn of(json: bool, quiet: bool) -> Self {
        match (json, quiet) {
            (false, false) => Self::Text,
            (true, false) => Self::Json,
            (false, true) => Self::Quiet,
            (true, true) => Self::QuietJson,
        }
    }

    /// Whether lines are JSON.
    pub fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::QuietJson)
    }

    /// Whether only what is important is told.
    pub fn is_quiet(self) -> bool {
        matches!(self, Self::Quiet | Self::QuietJson)
    }
}

/// Counters of one run. All are totals since its start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests sent, retries included.
    pub requests: AtomicU64,
    /// Requests sent again.
    pub retries: AtomicU64,
    /// Bytes of decoded bodies.
    pub bytes: AtomicU64,
    /// Milliseconds in which something waited on a server's word or a breaker
    /// (virtual ones under replay).
    pub waited_ms: AtomicU64,
    /// When the last of these waits ends, in milliseconds since 1970.
    waited_until: AtomicU64,
    /// Values in replies that had to be repaired.
    pub repairs: AtomicU64,
    /// Bytes of the bodies in flight: read, and not yet committed.
    pub in_flight: Gauge,
}

/// Something that grows and shrinks.
#[derive(Debug, Default)]
pub struct Gauge {
    now: AtomicU64,
    most: AtomicU64,
}

impl Gauge {
    /// So much more.
    pub fn grow(&self, by: u64) {
        let now = self.now.fetch_add(by, Relaxed) + by;
        self.most.fetch_max(now, Relaxed);
    }

    /// So much less, of what it has grown by.
    pub fn shrink(&self, by: u64) {
        self.now.fetch_sub(by, Relaxed);
    }

    /// The most that it was.
    pub fn most(&self) -> u64 {
        self.most.load(Relaxed)
    }
}

impl Counters {
    /// A wait begins. What several wait for at once counts once.
    pub fn wait(&self, from: SystemTime, wait: Duration) {
        let from = millis(from);
        let until = from.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let before = self.waited_until.fetch_max(until, Relaxed);
        self.waited_ms.fetch_add(until.saturating_sub(before.max(from)), Relaxed);
    }

    /// All waits end before their time.
    pub fn wait_no_more(&self, now: SystemTime) {
        let until = self.waited_until.fetch_min(millis(now), Relaxed);
        self.waited_ms.fetch_sub(until.saturating_sub(millis(now)), Relaxed);
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Tells about a run. Shared by everything that has something to tell.
#[derive(Debug)]
pub struct Observer {
    /// The counters.
    pub counters: Counters,
    /// How far everything is.
    pub board: Board,
    voice: Voice,
    started: Instant,
    reasons: Mutex<BTreeMap<String, u64>>,
}

/// An event as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    /// Since the start.
    seconds: f64,
    level: Level,
    #[serde(flatten)]
    event: &'a Event<'a>,
    message: &'a str,
}

impl Observer {
    /// A new one; its clock starts now.
    pub fn new(voice: Voice) -> Self {
        Self {
            counters: Counters::default(),
            board: Board::default(),
            voice,
            started: Instant::now(),
            reasons: Mutex::default(),
        }
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// How progress is told.
    pub fn voice(&self) -> Voice {
        self.voice
    }

    /// A request is sent again: counts it. `reason` is a short word (`429`,
    /// `timeout`).
    pub fn count_retry(&self, reason: &str) {
        self.counters.retries.fetch_add(1, Relaxed);
        if let Ok(mut reasons) = self.reasons.lock() {
            *reasons.entry(reason.to_owned()).or_default() += 1;
        }
    }

    /// How often each reason for a retry came.
    pub fn retry_reasons(&self) -> BTreeMap<String, u64> {
        self.reasons.lock().map(|r| r.clone()).unwrap_or_default()
    }

    /// Tells what happened, unless `--quiet` leaves it out.
    pub fn tell(&self, event: &Event<'_>) {
        if self.voice.is_quiet() && event.level() == Level::Info {
            return;
        }
        let text = event.text();
        if !self.voice.is_json() {
            screen::print(&format!("{}\n", printable(&text)));
            return;
        }
        let line = Line {
            time: format!("{:.3}", jiff::Timestamp::now()),
            seconds: self.elapsed().as_millis() as f64 / 1000.0,
            level: event.level(),
            event,
            message: &text,
        };
        // None of it can fail to be JSON.
        let line = serde_json::to_string(&line).unwrap_or_default();
        screen::print(&format!("{line}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_wait_for_at_once_counts_once() {
        let counters = Counters::default();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let waited = || counters.waited_ms.load(Relaxed) / 1000;
        for (from, wait, sum) in [(100, 10, 10), (100, 10, 10), (104, 8, 12), (105, 2, 12)] {
            counters.wait(at(from), Duration::from_secs(wait));
            assert_eq!(waited(), sum, "from {from} for {wait} s");
        }
        counters.wait(at(200), Duration::from_secs(60));
        counters.wait_no_more(at(210));
        counters.wait_no_more(at(210));
        assert_eq!(waited(), 22);
    }
}
