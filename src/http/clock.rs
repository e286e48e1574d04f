//! Time, so that waits can be virtual.

use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use scrape_api::BoxFuture;

/// What the layers of the client ask for the time, and wait by.
pub(crate) trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> SystemTime;
    /// Returns after a while.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock on which waits take no time: each moves it forward. For replays.
pub(crate) struct VirtualClock {
    now: Mutex<SystemTime>,
}

impl VirtualClock {
    /// Starts at the present.
    pub(crate) fn new() -> Self {
        Self { now: Mutex::new(SystemTime::now()) }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> SystemTime {
        self.now.lock().map_or_else(|_| SystemTime::now(), |now| *now)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if let Ok(mut now) = self.now.lock() {
            *now += duration;
        }
        Box::pin(std::future::ready(()))
    }
}

/// Microseconds since 1970; 0 for what is before.
pub(crate) fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// The time of a number of microseconds since 1970.
pub(crate) fn time_of(micros: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(micros)
}

/// A duration as a number of microseconds.
pub(crate) fn span_micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
