//! The memory that the bodies of replies in flight share.
//!
//! A body takes its part while it is read and gives it back when what came in it
//! is committed. One that would take more than a quarter of the budget, or that
//! finds none left, may go on in a lane of its own, which holds one body at a
//! time: so no body waits for another that waits for it, and a great one leaves
//! the rest of the budget to the others. In all, bodies take no more than the
//! budget and one body of the greatest size.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use scrape_api::{BoxFuture, Grant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::observe::Observer;

/// Bytes of one unit of the budget.
const UNIT: u64 = 16 << 10;

/// The part of the budget that one body may take.
const SHARE: u64 = 4;

/// The budget of a client.
#[derive(Debug)]
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    /// The most units of one body.
    share: u64,
    lane: Arc<Semaphore>,
    observer: Arc<Observer>,
}

impl Budget {
    /// A budget of so many bytes; `observer` is told of what they take.
    pub(crate) fn new(bytes: u64, observer: Arc<Observer>) -> Self {
        let most = u64::from(u32::MAX >> 4);
        let units = (bytes / UNIT).clamp(SHARE, most);
        Self {
            units: Arc::new(Semaphore::new(usize::try_from(units).unwrap_or(usize::MAX >> 4))),
            share: units / SHARE,
            lane: Arc::new(Semaphore::new(1)),
            observer,
        }
    }

    /// The part of one body, nothing at first.
    pub(crate) fn hold(&self) -> Hold {
        Hold(Arc::new(Part {
            units: self.units.clone(),
            share: self.share,
            lane: self.lane.clone(),
            taken: Mutex::default(),
            bytes: AtomicU64::new(0),
            observer: self.observer.clone(),
        }))
    }
}

/// What a body takes of the budget, until the last handle is dropped.
#[derive(Debug, Clone)]
pub struct Hold(Arc<Part>);

impl Hold {
    /// For a transport, which may keep it for as long as it likes.
    pub(crate) fn grant(&self) -> Arc<dyn Grant> {
        Arc::new(Claim(Arc::downgrade(&self.0)))
    }

    /// Waits until there is room for a body of so many bytes.
    pub(crate) async fn grow(&self, total: u64) {
        if !self.0.has(total) {
            self.0.grow(total).await;
        }
    }
}

/// A part as a transport sees it, which it does not keep taken.
struct Claim(Weak<Part>);

impl Grant for Claim {
    fn has(&self, total: u64) -> bool {
        self.0.upgrade().is_none_or(|part| part.has(total))
    }

    fn grow(&self, total: u64) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(part) = self.0.upgrade() {
                part.grow(total).await;
            }
        })
    }
}

#[derive(Debug)]
struct Part {
    units: Arc<Semaphore>,
    share: u64,
    lane: Arc<Semaphore>,
    taken: Mutex<Taken>,
    /// The length of the body so far.
    bytes: AtomicU64,
    observer: Arc<Observer>,
}

#[derive(Debug, Default)]
enum Taken {
    #[default]
    Nothing,
    Units(OwnedSemaphorePermit),
    Lane(#[expect(dead_code, reason = "held until it is dropped")] OwnedSemaphorePermit),
}

impl Part {
    fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The units that a body has; `None` for one in the lane.
    fn units(&self) -> Option<u64> {
        match &*self.taken() {
            Taken::Nothing => Some(0),
            Taken::Units(permit) => Some(permit.num_permits() as u64),
            Taken::Lane(_) => None,
        }
    }

    /// The body has so many bytes.
    fn note(&self, total: u64) {
        let before = self.bytes.fetch_max(total, Relaxed);
        self.observer.counters.in_flight.grow(total.saturating_sub(before));
    }

    fn add(&self, more: OwnedSemaphorePermit) {
        let mut taken = self.taken();
        match &mut *taken {
            Taken::Units(permit) => permit.merge(more),
            _ => *taken = Taken::Units(more),
        }
    }

    fn has(&self, total: u64) -> bool {
        let has = self.units().is_none_or(|units| total <= units * UNIT);
        if has {
            self.note(total);
        }
        has
    }

    async fn grow(&self, total: u64) {
        let Some(units) = self.units() else { return };
        // More than is wanted at once, so that a long body asks seldom.
        let wanted = total.div_ceil(UNIT).max((units + units / 4).min(self.share));
        let more = u32::try_from(wanted - units).unwrap_or(u32::MAX);
        let fits = wanted <= self.share;
        tokio::select! {
            biased;
            Ok(permit) = self.units.clone().acquire_many_owned(more), if fits => {
                self.add(permit);
            }
            Ok(permit) = self.lane.clone().acquire_owned() => {
                // What it had goes to the others.
                *self.taken() = Taken::Lane(permit);
            }
            // Neither semaphore is ever closed.
            else => {}
        }
        self.note(total);
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.observer.counters.in_flight.shrink(*self.bytes.get_mut());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::observe::Voice;

    const MIB: u64 = 1 << 20;

    fn budget(bytes: u64) -> (Budget, Arc<Observer>) {
        let observer = Arc::new(Observer::new(Voice::Quiet));
        (Budget::new(bytes, observer.clone()), observer)
    }

    /// Whether there is room at once.
    async fn fits(hold: &Hold, total: u64) -> bool {
        tokio::time::timeout(Duration::from_millis(20), hold.grow(total)).await.is_ok()
    }

    #[tokio::test]
    async fn bodies_share_the_budget_and_one_great_one_comes_on_top() {
        let (budget, observer) = budget(8 * MIB);
        let holds: Vec<Hold> = (0..4).map(|_| budget.hold()).collect();
        for hold in &holds {
            assert!(fits(hold, 2 * MIB).await);
        }
        // All is taken: one more goes on in the lane, the next has to wait.
        let (lucky, late) = (budget.hold(), budget.hold());
        assert!(fits(&lucky, MIB).await);
        assert!(fits(&lucky, 64 * MIB).await);
        assert!(!fits(&late, MIB).await);
        drop(lucky);
        assert!(fits(&late, MIB).await);
        assert_eq!(observer.counters.in_flight.most(), 72 * MIB);
    }

    #[tokio::test]
    async fn a_great_body_leaves_the_budget_to_the_others() {
        let (budget, observer) = budget(8 * MIB);
        let great = budget.hold();
        for total in 1..=64 {
            assert!(fits(&great, total * MIB).await);
        }
        let others: Vec<Hold> = (0..4).map(|_| budget.hold()).collect();
        for hold in &others {
            assert!(fits(hold, 2 * MIB).await);
        }
        let second = budget.hold();
        assert!(!fits(&second, 3 * MIB).await);
        drop(great);
        assert!(fits(&second, 3 * MIB).await);
        assert_eq!(observer.counters.in_flight.most(), 72 * MIB);
    }

    #[tokio::test]
    async fn whoever_waits_gets_on() {
        let (budget, observer) = budget(4 * MIB);
        let all = (0..50).map(|n| {
            let hold = budget.hold();
            tokio::spawn(async move {
                // Some of the share, some above it, all growing side by side.
                for step in 1..=(1 + n % 4) {
                    hold.grow(step * MIB / 2).await;
                    tokio::task::yield_now().await;
                }
            })
        });
        for task in all.collect::<Vec<_>>() {
            tokio::time::timeout(Duration::from_secs(20), task).await.expect("hangs").unwrap();
        }
        assert!(observer.counters.in_flight.most() <= 6 * MIB);
    }
}
