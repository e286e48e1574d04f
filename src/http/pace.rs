//! When the next request to a host may be sent: one pace for everything that
//! goes to it, from all tasks and all processes of the user.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::clock::{Clock, micros, span_micros, time_of};
use super::state::{BUCKET, HostState, Seen, StateFile};
use super::{Stop, Stopped};
use crate::observe::{Budget, Event, HostTrack, Observer, Spacing};
use crate::plan::RateLimit;

/// Requests are spaced wider than configured by this part, so that a network
/// that delays one and not the next does not make us exceed the rate.
const MARGIN: u64 = 50;

/// The longest time for which send times are reserved at once. A kill, or
/// another process, loses no more than that.
const RESERVED_SPAN: u64 = 50_000;

/// What a timer may be late on any machine: a patience below that would give up
/// every send time.
const COARSE: u64 = 5_000;

/// The most requests that are reserved from a budget at once.
const RESERVED_MOST: u64 = 32;

/// How often to see what other processes wrote: the time that a reply needs to
/// reach them anyway.
const LOOK: u64 = 2_000;

/// From half the rate to the whole it takes this many good replies, about: each
/// adds this part of the configured rate (additive increase, multiplicative
/// decrease as TCP does it, RFC 5681).
const RECOVERY: f64 = 50.0;

/// The longest time between requests that slowing down leads to.
const SLOWEST: u64 = 60_000_000;

/// The pace of one host.
pub(crate) struct Pace {
    clock: Arc<dyn Clock>,
    observer: Arc<Observer>,
    track: Arc<HostTrack>,
    host: String,
    /// Microseconds between requests by configuration; 0 for none.
    interval: u64,
    /// A reserved send time that is missed by more than this is given up: another
    /// process has the one after it, and a request that goes out late comes too
    /// close before that one for the rate to hold in every window.
    patience: u64,
    /// What robots.txt asks for, as a floor.
    crawl_delay: AtomicU64,
    budgets: Vec<RateLimit>,
    file: Option<StateFile>,
    failed: AtomicBool,
    /// When the file was last looked at.
    looked: AtomicU64,
    state: Mutex<HostState>,
    /// Good replies since the state was last written.
    good: AtomicU32,
    /// Held by the one task that waits for its time; the others queue, in order.
    gate: tokio::sync::Mutex<Gate>,
}

#[derive(Default)]
struct Gate {
    /// Reserved send times: the next, and when they end.
    next: u64,
    end: u64,
    /// Requests reserved from the budget, and the span in which they count.
    tokens: u64,
    bucket: u64,
    /// When the last requests were sent.
    sent: VecDeque<u64>,
}

/// Why nothing may be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// The host is to be left alone until then.
    Paused(SystemTime),
    /// A budget is used up until then.
    Budget(RateLimit, SystemTime),
    /// The run is ending.
    Stopped,
}

impl From<Stopped> for Held {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl Pace {
    /// The pace of a host (`https://issues.apache.org`). `folder` is where the
    /// user's hosts are kept; without it the pace is this process's own.
    pub(crate) fn new(
        host: &str,
        limits: &[RateLimit],
        rate_limit: Option<f64>,
        folder: Option<&Path>,
        clock: Arc<dyn Clock>,
        observer: Arc<Observer>,
    ) -> Self {
        let (budgets, rates): (Vec<RateLimit>, Vec<RateLimit>) =
            limits.iter().partition(|limit| limit.is_budget());
        let strictest = match rate_limit {
            Some(seconds) => {
                let spacing = Duration::try_from_secs_f64(seconds).unwrap_or_default();
                (spacing, spacing.max(Duration::from_secs(1)))
            }
            None => {
                let spaced = rates.iter().map(|l| (l.per / l.requests.max(1), l.per));
                spaced.max().unwrap_or_default()
            }
        };
        let (spacing, window) = (span_micros(strictest.0), span_micros(strictest.1));
        let track = observer.board.host(host);
        let mut pace = Self {
            clock,
            observer,
            track,
            host: host.to_owned(),
            interval: spacing + spacing / MARGIN,
            patience: (window / (MARGIN + 1)).max(COARSE),
            crawl_delay: AtomicU64::new(0),
            budgets,
            file: None,
            failed: AtomicBool::new(false),
            looked: AtomicU64::new(0),
            state: Mutex::default(),
            good: AtomicU32::new(0),
            gate: tokio::sync::Mutex::default(),
        };
        if let Some(folder) = folder {
            match StateFile::open(folder, host) {
                Ok(file) => pace.file = Some(file),
                Err(e) => pace.unshared(&folder.display().to_string(), &e),
            }
        }
        pace.refresh();
        pace.show(micros(pace.clock.now()));
        pace
    }

    /// What is shown of the host.
    pub(crate) fn track(&self) -> &HostTrack {
        &self.track
    }

    /// What robots.txt asks for. Never makes requests come faster.
    pub(crate) fn set_crawl_delay(&self, delay: Duration) {
        self.crawl_delay.store(span_micros(delay), Relaxed);
    }

    /// Until when the host is to be left alone, if it is.
    pub(crate) fn paused(&self) -> Option<SystemTime> {
        self.refresh();
        let until = self.state().paused_until;
        (until > micros(self.clock.now())).then(|| time_of(until))
    }

    /// Leaves the host alone until then, in all processes.
    pub(crate) fn pause(&self, until: SystemTime) {
        self.update(|state| state.paused_until = state.paused_until.max(micros(until)));
    }

    /// Waits for the moment at which one request may be sent, and counts it.
    pub(crate) async fn slot(&self, stop: &Stop) -> Result<(), Held> {
        let mut gate = tokio::select! {
            gate = self.gate.lock() => gate,
            () = stop.requested() => return Err(Held::Stopped),
        };
        loop {
            if let Some(until) = self.paused() {
                return Err(Held::Paused(until));
            }
            let now = micros(self.clock.now());
            let interval = self.spacing(&self.state());
            self.track.set_spacing(Spacing {
                between: Duration::from_micros(interval),
                slowed: interval > self.floor(),
            });
            self.reserve(&mut gate, now, interval)?;
            let at = match gate.sent.back() {
                // A task that was woken late must not make the next too early.
                // (After a clock was set back the last one may lie ahead.)
                Some(last) if *last <= now => gate.next.max(last + interval),
                _ => gate.next,
            };
            if at <= now || interval == 0 {
                gate.next = at + interval;
                gate.tokens -= 1;
                if gate.sent.len() == 16 {
                    gate.sent.pop_front();
                }
                gate.sent.push_back(now);
                return Ok(());
            }
            tokio::select! {
                () = self.clock.sleep(Duration::from_micros(at - now)) => {}
                () = stop.requested() => return Err(Held::Stopped),
            }
        }
    }

    /// Makes sure that a send time and a request of the budget are reserved.
    fn reserve(&self, gate: &mut Gate, now: u64, interval: u64) -> Result<(), Held> {
        let bucket = now / BUCKET;
        let late = gate.next + self.patience < now || gate.next > now + 2 * SLOWEST.max(interval);
        let slots = interval == 0 || (gate.next < gate.end && !late);
        let tokens = gate.tokens > 0 && gate.bucket == bucket;
        if slots && tokens {
            return Ok(());
        }
        let returned = (gate.bucket, if tokens { 0 } else { gate.tokens });
        if !tokens {
            gate.tokens = 0;
        }
        let reserved = self.update(|state| {
            state.give_back(returned.0, returned.1);
            if !tokens {
                let wanted = self.affordable(state, now)?;
                state.spend(now, wanted);
                (gate.tokens, gate.bucket) = (wanted, bucket);
            }
            if !slots {
                let count = (RESERVED_SPAN / interval).max(1);
                // Missed send times are moved where nobody has any after them: a
                // machine that is always late would otherwise never send.
                let last = state.next == gate.end && gate.next < now;
                gate.next = if last { now } else { state.next.max(now) };
                gate.end = gate.next + count * interval;
                state.next = gate.end;
            }
            Ok(())
        });
        self.show(now);
        reserved
    }

    /// Shows what is left of the budget that is nearest to its end.
    fn show(&self, now: u64) {
        let state = self.state();
        let left = |limit: &RateLimit| {
            let requests = u64::from(limit.requests);
            let spent = state.spent_within(now, span_micros(limit.per));
            Budget { left: requests.saturating_sub(spent), requests, per: limit.per }
        };
        if let Some(budget) = self.budgets.iter().map(left).min_by_key(|budget| budget.left) {
            self.track.set_budget(budget);
        }
    }

    /// How many requests to reserve: a small part of the smallest budget.
    fn affordable(&self, state: &HostState, now: u64) -> Result<u64, Held> {
        let mut wanted = RESERVED_MOST;
        for budget in &self.budgets {
            let (per, all) = (span_micros(budget.per), u64::from(budget.requests));
            let left = all.saturating_sub(state.spent_within(now, per));
            if left == 0 {
                return Err(Held::Budget(*budget, time_of(state.free_at(now, per, all))));
            }
            wanted = wanted.min(left).min((all / 1000).max(1));
        }
        Ok(wanted)
    }

    /// The host asked us to slow down, in reply to a request sent at `sent`:
    /// half the rate. Replies to requests from before the last time do not count.
    pub(crate) fn slow_down(&self, sent: SystemTime) {
        let observed = self.observed();
        let now = micros(self.clock.now());
        let sent = micros(sent);
        self.update(|state| {
            if sent < state.slowed_at {
                return;
            }
            state.slowed = match self.spacing(state) {
                // No pace was set: twice the time that was between requests.
                0 => (2 * observed).clamp(10_000, 1_000_000),
                interval => (2 * interval).min(SLOWEST.max(interval)),
            };
            state.slowed_at = now;
        });
    }

    /// A good reply came.
    pub(crate) fn speed_up(&self) {
        if self.state().slowed > 0 {
            self.good.fetch_add(1, Relaxed);
        }
    }

    /// The time between the last requests of this process.
    fn observed(&self) -> u64 {
        let Ok(gate) = self.gate.try_lock() else { return self.interval };
        match (gate.sent.front(), gate.sent.back()) {
            (Some(first), Some(last)) if gate.sent.len() > 1 => {
                last.saturating_sub(*first) / (gate.sent.len() as u64 - 1)
            }
            _ => 0,
        }
    }

    /// The time between requests as it was set.
    fn floor(&self) -> u64 {
        self.interval.max(self.crawl_delay.load(Relaxed))
    }

    /// The time between requests as it is now.
    fn spacing(&self, state: &HostState) -> u64 {
        let floor = self.floor();
        floor.max(recovered(state.slowed, floor, self.good.load(Relaxed)))
    }

    /// Takes over what other processes wrote.
    fn refresh(&self) {
        let Some(file) = self.shared() else { return };
        let now = micros(self.clock.now());
        // A clock that was set back makes this wrap around.
        if now.wrapping_sub(self.looked.load(Relaxed)) < LOOK {
            return;
        }
        self.looked.store(now, Relaxed);
        match file.peek(now) {
            Seen::Same => {}
            // One of our own tasks may have written since.
            Seen::Changed(new) => {
                let mut state = self.state();
                if new.written >= state.written || state.written > now {
                    *state = new;
                }
            }
            Seen::Corrupt => self.update(|_| ()),
        }
    }

    fn update<R>(&self, change: impl FnOnce(&mut HostState) -> R) -> R {
        let good = self.good.swap(0, Relaxed);
        let floor = self.interval.max(self.crawl_delay.load(Relaxed));
        let change = |state: &mut HostState| {
            state.slowed = recovered(state.slowed, floor, good);
            change(state)
        };
        let now = micros(self.clock.now());
        if let Some(file) = self.shared() {
            let path = file.path().display();
            match file.begin(now) {
                Ok(mut open) => {
                    if open.was_corrupt {
                        let file = path.to_string();
                        self.observer.tell(&Event::PaceDamaged { file: &file, host: &self.host });
                    }
                    let result = change(&mut open.state);
                    if let Err(e) = open.commit(now) {
                        self.unshared(&path.to_string(), &e);
                    }
                    self.state().clone_from(&open.state);
                    return result;
                }
                Err(e) => self.unshared(&path.to_string(), &e),
            }
        }
        let mut state = self.state();
        state.settle(now);
        state.written = now;
        change(&mut state)
    }

    fn shared(&self) -> Option<&StateFile> {
        self.file.as_ref().filter(|_| !self.failed.load(Relaxed))
    }

    fn unshared(&self, what: &str, error: &io::Error) {
        self.failed.store(true, Relaxed);
        let reason = error.to_string();
        self.observer.tell(&Event::PaceUnshared { file: what, host: &self.host, reason: &reason });
    }

    fn state(&self) -> MutexGuard<'_, HostState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pace {
    /// Gives back what was reserved from the budget.
    fn drop(&mut self) {
        let gate = self.gate.get_mut();
        let (bucket, tokens) = (gate.bucket, gate.tokens);
        if tokens > 0 {
            self.update(|state| state.give_back(bucket, tokens));
        }
    }
}

/// The time between requests after `good` good replies, when it was `slowed`
/// and `floor` is the configured one; 0 when there is nothing to recover.
fn recovered(slowed: u64, floor: u64, good: u32) -> u64 {
    let mut slowed = slowed as f64;
    for _ in 0..good.min(1000) {
        if slowed <= 0.0 {
            break;
        }
        slowed = if floor > 0 {
            1.0 / (1.0 / slowed + 1.0 / (RECOVERY * floor as f64))
        } else {
            slowed * 0.9
        };
        if slowed <= (floor as f64).max(5_000.0) {
            slowed = 0.0;
        }
    }
    slowed as u64
}
