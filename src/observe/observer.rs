//! Counters of a run, and the one place that prints its progress.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

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

    fn is_quiet(self) -> bool {
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
    /// Milliseconds waited on a server's word or a breaker, all tasks together
    /// (virtual ones under replay).
    pub waited_ms: AtomicU64,
    /// Values in replies that had to be repaired.
    pub repairs: AtomicU64,
}

/// Tells about a run. Shared by everything that has something to tell.
#[derive(Debug)]
pub struct Observer {
    /// The counters.
    pub counters: Counters,
    voice: Voice,
    started: Instant,
    reasons: Mutex<BTreeMap<String, u64>>,
}

impl Observer {
    /// A new one; its clock starts now.
    pub fn new(voice: Voice) -> Self {
        Self {
            counters: Counters::default(),
            voice,
            started: Instant::now(),
            reasons: Mutex::default(),
        }
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// A request is sent again, or waited for: `reason` is a short word that is
    /// counted (`429`, `timeout`), `text` a line for people.
    pub fn retry(&self, reason: &str, text: &str) {
        self.counters.retries.fetch_add(1, Relaxed);
        if let Ok(mut reasons) = self.reasons.lock() {
            *reasons.entry(reason.to_owned()).or_default() += 1;
        }
        self.line("retry", text);
    }

    /// How often each reason for a retry came.
    pub fn retry_reasons(&self) -> BTreeMap<String, u64> {
        self.reasons.lock().map(|r| r.clone()).unwrap_or_default()
    }

    /// One line of progress. `event` names its kind for machines.
    pub fn line(&self, event: &str, text: &str) {
        if !self.voice.is_quiet() {
            self.important(event, text);
        }
    }

    /// A line that is also told with `--quiet`.
    pub fn important(&self, event: &str, text: &str) {
        if self.voice.is_json() {
            self.print_json(event, text);
        } else {
            self.print(text);
        }
    }

    fn print_json(&self, event: &str, text: &str) {
        let seconds = self.elapsed().as_millis() as f64 / 1000.0;
        self.print(
            &serde_json::json!({ "seconds": seconds, "event": event, "message": text }).to_string(),
        );
    }

    fn print(&self, text: &str) {
        // A closed standard error must not end a run.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}
