//! Waits that grow from one attempt to the next.

use std::time::Duration;

use crate::plan::{Backoff, Jitter};

/// The wait before the attempt that follows `failed` failed ones (at least 1):
/// `initial * 2^(failed - 1)`, at most `max`; under full jitter anywhere between
/// 0 and that, so that clients that failed together do not come back together.
pub(crate) fn wait(backoff: &Backoff, failed: u32, random: &mut fastrand::Rng) -> Duration {
    let doublings = if backoff.exponential { failed.saturating_sub(1).min(30) } else { 0 };
    let longest = backoff.initial.saturating_mul(1 << doublings);
    let longest = if backoff.exponential { longest.min(backoff.max) } else { longest };
    match backoff.jitter {
        Jitter::Full => longest.mul_f64(random.f64()),
        Jitter::None => longest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_jitter_only_shortens() {
        let seconds = Duration::from_secs;
        let mut plan = Backoff {
            initial: seconds(1),
            max: seconds(10),
            jitter: Jitter::None,
            exponential: true,
        };
        let mut random = fastrand::Rng::with_seed(7);
        let waits: Vec<u64> = (1..=6).map(|n| wait(&plan, n, &mut random).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
        assert_eq!(wait(&plan, u32::MAX, &mut random), seconds(10));
        plan.jitter = Jitter::Full;
        let jittered: Vec<Duration> = (0..200).map(|_| wait(&plan, 4, &mut random)).collect();
        assert!(jittered.iter().all(|w| *w <= seconds(8)));
        assert!(jittered.iter().any(|w| *w < seconds(2)));
        assert!(jittered.iter().any(|w| *w > seconds(6)));
        plan.exponential = false;
        plan.jitter = Jitter::None;
        assert_eq!(wait(&plan, 9, &mut random), seconds(1));
    }
}
