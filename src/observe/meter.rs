//! How fast a number grows.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A rate is that over this time: long enough that pages of a hundred records,
/// one a second, do not make it jump, short enough to show a change.
const WINDOW: Duration = Duration::from_secs(60);

/// Samples are at least so far apart.
const STEP: Duration = Duration::from_secs(1);

/// Less than this tells nothing of a rate.
const LEAST: Duration = Duration::from_secs(2);

/// Samples of a number that grows.
#[derive(Debug, Default)]
pub struct Meter {
    samples: VecDeque<(Instant, u64)>,
}

impl Meter {
    /// The number is `value` now; how much it grows a second, where that can be
    /// told.
    pub fn rate(&mut self, now: Instant, value: u64) -> Option<f64> {
        if self.samples.back().is_none_or(|(at, _)| now.duration_since(*at) >= STEP) {
            self.samples.push_back((now, value));
        }
        while self.samples.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.samples.pop_front();
        }
        let (since, before) = self.samples.front()?;
        let took = now.duration_since(*since);
        (took >= LEAST).then(|| value.saturating_sub(*before) as f64 / took.as_secs_f64())
    }
}

/// The time that is left at a rate, where there is an end and it comes nearer.
pub fn left(got: u64, expected: Option<u64>, per_second: Option<f64>) -> Option<Duration> {
    let rest = expected?.checked_sub(got).filter(|rest| *rest > 0)? as f64;
    let rate = per_second.filter(|rate| *rate > 0.0)?;
    Duration::try_from_secs_f64(rest / rate).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_minute() {
        let begun = Instant::now();
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let mut meter = Meter::default();
        assert_eq!(meter.rate(at(0), 500), None, "nothing has grown yet");
        assert_eq!(meter.rate(at(1), 600), None);
        assert_eq!(meter.rate(at(10), 1500), Some(100.0));
        for second in 11..=100 {
            meter.rate(at(second), 1500);
        }
        assert_eq!(meter.rate(at(101), 1500), Some(0.0), "it stands still");
    }

    #[test]
    fn what_is_left_needs_an_end_and_a_rate() {
        assert_eq!(left(500, Some(1500), Some(100.0)), Some(Duration::from_secs(10)));
        assert_eq!(left(500, None, Some(100.0)), None);
        assert_eq!(left(500, Some(1500), Some(0.0)), None);
        assert_eq!(left(1500, Some(1500), Some(1.0)), None);
        assert_eq!(left(1600, Some(1500), Some(1.0)), None, "more than was expected");
    }
}
