//! What is shared by all requests to one host: scheme, name and port.

use std::sync::Mutex;
use std::time::SystemTime;

use url::Url;

use super::breaker::Breaker;
use super::pace::Pace;
use super::robots::Robots;
use crate::observe::Wait;

/// One host.
pub(crate) struct Host {
    /// `https://issues.apache.org`, with the port where it is not the usual one.
    pub(crate) name: String,
    /// Its pace; `None` under replay.
    pub(crate) pace: Option<Pace>,
    pub(crate) breaker: Breaker,
    /// Its robots.txt, once it was read.
    pub(crate) robots: tokio::sync::OnceCell<Robots>,
    /// The pause that was told about last: one line is enough for all tasks.
    told: Mutex<Option<SystemTime>>,
}

impl Host {
    pub(crate) fn new(name: String, pace: Option<Pace>, breaker: Breaker) -> Self {
        let robots = tokio::sync::OnceCell::new();
        Self { name, pace, breaker, robots, told: Mutex::default() }
    }

    /// What a URL's host is called.
    pub(crate) fn name_of(url: &Url) -> String {
        url.origin().ascii_serialization()
    }

    /// Shows a wait for the host, where waits take time at all.
    pub(crate) fn show_wait(&self, wait: Wait) {
        if let Some(pace) = &self.pace {
            pace.track().wait(wait);
        }
    }

    /// Whether a pause until then has not been told about; it has afterwards.
    pub(crate) fn is_news(&self, until: SystemTime) -> bool {
        self.told.lock().is_ok_and(|mut told| told.replace(until) != Some(until))
    }
}
