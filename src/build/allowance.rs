//! The memory that the batches of a build share.
//!
//! A batch takes its share before it is read by a worker: what its records unpack to,
//! what is made of them on the way, and the rows of them. Once built it keeps what its
//! rows take, until each sink has written its own. A batch that is greater than all
//! there is waits until it is alone. Shares are taken in build order, so that the batch
//! which the sinks wait for never waits for one behind it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes that are there whatever the number of workers.
const BASE: u64 = 32 << 20;

/// Bytes more for each worker.
const EACH: u64 = 24 << 20;

/// Batches in work for each worker, and more: the next ones, and those that wait for
/// one before them.
const BATCHES: (usize, usize) = (2, 2);

/// Bytes that the rows of a record are reckoned to take, for each of its own: as it
/// came, as a training row, as examples. Shipped templates make 2 of an issue of 17 KB.
const ROWS: u64 = 4;

/// Bytes that are reckoned for each byte of the record in hand beside its rows: as
/// JSON, as fields, as values of templates, as texts that are rendered.
const IN_HAND: u64 = 12;

/// What a batch weighs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// Unpacked bytes of all its records.
    pub(super) all: u64,
    /// Of the greatest.
    pub(super) greatest: u64,
}

impl Weight {
    /// That of one more record.
    pub(super) fn add(&mut self, bytes: u64) {
        self.all = self.all.saturating_add(bytes);
        self.greatest = self.greatest.max(bytes);
    }

    /// Bytes while it is built: its rows add up, and one record at a time is in hand.
    fn reckoned(self) -> u64 {
        let rows = self.all.saturating_mul(ROWS);
        // What a damaged store says of a size may be anything.
        rows.saturating_add(self.greatest.saturating_mul(IN_HAND)).min(u64::MAX >> 8)
    }
}

/// What the batches of one build share.
#[derive(Debug, Clone)]
pub(super) struct Allowance(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bytes: u64,
    batches: usize,
    taken: Mutex<Taken>,
    /// Something was given back.
    less: Condvar,
}

#[derive(Debug, Default)]
struct Taken {
    bytes: u64,
    batches: usize,
    most: u64,
    closed: bool,
    /// What the batch takes that waits for room: batches come from one thread.
    waits: Option<u64>,
}

impl Allowance {
    /// That of a build with so many workers.
    pub(super) fn new(workers: usize) -> Self {
        Self::of(BASE + EACH * workers as u64, BATCHES.0 * workers + BATCHES.1)
    }

    fn of(bytes: u64, batches: usize) -> Self {
        let (taken, less) = (Mutex::default(), Condvar::new());
        Self(Arc::new(Shared { bytes, batches, taken, less }))
    }

    /// The share of a batch, once there is room for it; `None` when the build is over.
    pub(super) fn take(&self, weight: Weight) -> Option<Share> {
        let less = &self.0.less;
        let wanted = weight.reckoned();
        let has_no_room = |taken: &mut Taken| {
            let waits = !taken.closed && !self.0.has_room(taken, wanted);
            taken.waits = waits.then_some(wanted);
            waits
        };
        let mut taken =
            less.wait_while(self.0.taken(), has_no_room).unwrap_or_else(PoisonError::into_inner);
        if taken.closed {
            return None;
        }
        taken.batches += 1;
        taken.add(wanted);
        Some(Share { of: self.0.clone(), bytes: wanted, batches: 1 })
    }

    /// The build goes on until this is dropped, in whatever way: then whoever waits waits
    /// no longer.
    pub(super) fn open(&self) -> Open<'_> {
        Open(self)
    }

    /// The most that was taken at a time.
    pub(super) fn most(&self) -> u64 {
        self.0.taken().most
    }
}

/// See [`Allowance::open`].
#[must_use]
pub(super) struct Open<'a>(&'a Allowance);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let shared = &self.0.0;
        shared.taken().closed = true;
        shared.less.notify_all();
    }
}

impl Shared {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_room(&self, taken: &Taken, wanted: u64) -> bool {
        let fits = taken.bytes == 0 || taken.bytes.saturating_add(wanted) <= self.bytes;
        taken.batches < self.batches && fits
    }

    /// Something is given back. Whoever waits is woken only if it has room now: a batch is
    /// given back in parts, and to wake a thread costs more than to reckon.
    fn give_back(&self, less: impl FnOnce(&mut Taken)) {
        let mut taken = self.taken();
        less(&mut taken);
        if taken.waits.is_some_and(|wanted| self.has_room(&taken, wanted)) {
            drop(taken);
            self.less.notify_all();
        }
    }
}

impl Taken {
    fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.most = self.most.max(self.bytes);
    }
}

/// What a batch takes, until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    of: Arc<Shared>,
    bytes: u64,
    batches: usize,
}

impl Share {
    /// It is built: from now on it takes so many bytes.
    pub(super) fn keep(&mut self, bytes: u64) {
        self.of.give_back(|taken| {
            taken.bytes -= self.bytes;
            taken.add(bytes);
        });
        self.bytes = bytes;
    }

    /// A share of some of its bytes, which lasts longer than the batch.
    pub(super) fn split(&mut self, bytes: u64) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self { of: self.of.clone(), bytes, batches: 0 }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.give_back(|taken| {
            taken.bytes -= self.bytes;
            taken.batches -= self.batches;
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::thread;
    use std::time::Duration;

    use super::*;

    const MIB: u64 = 1 << 20;

    /// A batch of which a number of MiB is reckoned.
    fn weight(mib: u64) -> Weight {
        let mut weight = Weight::default();
        weight.add(mib * MIB / (ROWS + IN_HAND));
        weight
    }

    /// Takes shares of so many MiB in turn, on a thread of its own, while `look` is
    /// called with what it gets.
    fn taking(
        allowance: &Allowance,
        mib: &[u64],
        look: impl FnOnce(&dyn Fn() -> Option<Option<Share>>),
    ) {
        let (given, got) = channel();
        thread::scope(|scope| {
            scope.spawn(move || {
                for mib in mib {
                    let _ = given.send(allowance.take(weight(*mib)));
                }
            });
            look(&|| match got.recv_timeout(Duration::from_millis(50)) {
                Ok(share) => Some(share),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => Some(None),
            });
        });
    }

    #[test]
    fn batches_wait_for_room_in_turn() {
        let allowance = Allowance::of(100 * MIB, 9);
        taking(&allowance, &[60, 40, 16], |next| {
            let first = next().flatten().expect("room");
            let mut second = next().flatten().expect("room");
            assert!(next().is_none(), "all is taken");
            second.keep(30 * MIB);
            assert!(next().is_none(), "10 MiB are there");
            second.keep(24 * MIB);
            let third = next().flatten().expect("room again");
            drop((first, second, third));
        });
        assert_eq!(allowance.most(), 100 * MIB);
        assert_eq!(allowance.0.taken().bytes, 0);
    }

    #[test]
    fn a_batch_that_is_greater_than_all_goes_alone() {
        let allowance = Allowance::of(100 * MIB, 9);
        taking(&allowance, &[16, 400, 16], |next| {
            let small = next().flatten().expect("room");
            assert!(next().is_none(), "the great one waits");
            drop(small);
            let great = next().flatten().expect("alone");
            assert!(next().is_none(), "and the one behind it");
            drop(great);
            assert!(next().flatten().is_some());
        });
        assert_eq!(allowance.most(), 400 * MIB);
    }

    #[test]
    fn rows_take_their_share_until_each_is_written() {
        let allowance = Allowance::of(100 * MIB, 1);
        taking(&allowance, &[16, 16], |next| {
            let mut batch = next().flatten().expect("room");
            batch.keep(95 * MIB);
            let rows = [batch.split(90 * MIB), batch.split(90 * MIB)];
            assert_eq!(rows.each_ref().map(|rows| rows.bytes / MIB), [90, 5]);
            assert!(next().is_none(), "one batch is in work");
            drop(batch);
            assert!(next().is_none(), "and its rows are not yet written");
            drop(rows);
            assert!(next().flatten().is_some());
        });
    }

    #[test]
    fn nobody_waits_when_the_build_is_over() {
        let allowance = Allowance::of(100 * MIB, 9);
        let open = allowance.open();
        taking(&allowance, &[80, 80], |next| {
            let _first = next().flatten().expect("room");
            assert!(next().is_none());
            drop(open);
            assert!(matches!(next(), Some(None)));
        });
    }
}
