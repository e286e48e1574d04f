//! Leaves a host alone for a while when everything sent to it fails.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use crate::plan;

/// How soon to look again while another request tries whether the host is back.
const RECHECK: Duration = Duration::from_millis(200);

/// Counts failed attempts in a row at one host. Closed: all go. Open: none go
/// until the pause is over. Then one goes; its outcome closes or opens again.
#[derive(Debug)]
pub(crate) struct Breaker {
    plan: plan::Breaker,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<SystemTime>,
    trying: bool,
}

/// Leave to send one request. Dropped without an outcome it counts as nothing.
#[derive(Debug)]
pub(crate) struct Leave<'a> {
    breaker: &'a Breaker,
    trial: bool,
}

impl Breaker {
    pub(crate) fn new(plan: plan::Breaker) -> Self {
        Self { plan, state: Mutex::default() }
    }

    /// Leave to send, or when to ask again.
    pub(crate) fn enter(&self, now: SystemTime) -> Result<Leave<'_>, Duration> {
        let Ok(mut state) = self.state.lock() else { return Ok(self.leave(false)) };
        match state.open_until {
            None => Ok(self.leave(false)),
            Some(until) => match until.duration_since(now) {
                // The clock was set back: the pause begins anew, once.
                Ok(rest) if rest > self.plan.pause => {
                    state.open_until = Some(now + self.plan.pause);
                    Err(self.plan.pause)
                }
                Ok(rest) if !rest.is_zero() => Err(rest),
                _ if state.trying => Err(RECHECK),
                _ => {
                    state.trying = true;
                    Ok(self.leave(true))
                }
            },
        }
    }

    fn leave(&self, trial: bool) -> Leave<'_> {
        Leave { breaker: self, trial }
    }
}

impl Leave<'_> {
    /// Whether others have failed so often meanwhile that it no longer holds.
    pub(crate) fn is_void(&self) -> bool {
        !self.trial && self.breaker.state.lock().is_ok_and(|state| state.open_until.is_some())
    }

    /// The host answered as a host in good order does.
    pub(crate) fn succeeded(&self) {
        if let Ok(mut state) = self.breaker.state.lock() {
            state.failures = 0;
            state.open_until = None;
        }
    }

    /// The attempt failed in a way that the host is to blame for. Says for how
    /// long the host is left alone, when this was the failure that decided it.
    pub(crate) fn failed(&self, now: SystemTime) -> Option<Duration> {
        let mut state = self.breaker.state.lock().ok()?;
        state.failures = state.failures.saturating_add(1);
        let opens = if state.open_until.is_some() {
            self.trial
        } else {
            state.failures >= self.breaker.plan.failures
        };
        opens.then(|| {
            state.open_until = Some(now + self.breaker.plan.pause);
            self.breaker.plan.pause
        })
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.trial
            && let Ok(mut state) = self.breaker.state.lock()
        {
            state.trying = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(30);

    #[test]
    fn opens_after_failures_in_a_row_and_lets_one_try() {
        let breaker = Breaker::new(plan::Breaker { failures: 3, pause: PAUSE });
        let t = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let fail = |at| breaker.enter(at).expect("closed").failed(at);
        assert_eq!(fail(t), None);
        assert_eq!(fail(t), None);
        breaker.enter(t).expect("closed").succeeded();
        assert_eq!(fail(t), None);
        assert_eq!(fail(t), None);
        assert_eq!(fail(t), Some(PAUSE));
        assert_eq!(breaker.enter(t).err(), Some(PAUSE));
        let late = t + PAUSE;
        let trial = breaker.enter(late).expect("one may try");
        assert_eq!(breaker.enter(late).err(), Some(RECHECK));
        assert_eq!(trial.failed(late), Some(PAUSE));
        drop(trial);
        assert!(breaker.enter(late).is_err());
        let later = late + PAUSE;
        let trial = breaker.enter(later).expect("one may try");
        trial.succeeded();
        drop(trial);
        assert!(breaker.enter(later).is_ok());
        // An abandoned trial does not block the next.
        assert_eq!([fail(later), fail(later), fail(later)], [None, None, Some(PAUSE)]);
        let last = later + PAUSE;
        drop(breaker.enter(last));
        assert!(breaker.enter(last).is_ok());
    }

    #[test]
    fn a_clock_set_back_does_not_stall() {
        let breaker = Breaker::new(plan::Breaker { failures: 1, pause: PAUSE });
        let t = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        breaker.enter(t).expect("closed").failed(t);
        let back = t - Duration::from_secs(90_000);
        assert_eq!(breaker.enter(back).err(), Some(PAUSE));
        assert!(breaker.enter(back + PAUSE).is_ok());
    }
}
