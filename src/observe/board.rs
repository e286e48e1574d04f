//! How far everything is: numbers that the work sets as it goes, and that
//! whoever shows them looks at when it is time.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use super::event::label;

/// A number of records that is not known.
const UNKNOWN: u64 = u64::MAX;

/// What there is to show. Setting a number never waits for who shows it.
#[derive(Debug, Default)]
pub struct Board {
    tracks: RwLock<Vec<Arc<Track>>>,
    lists: RwLock<Vec<Arc<AtomicU64>>>,
    hosts: RwLock<Vec<Arc<HostTrack>>>,
}

/// What a track is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It was not begun.
    Waiting,
    /// Its records come in.
    Working,
    /// Whether something is missing is being found out.
    Checking,
    /// It has ended, well or not.
    Ended,
}

impl Phase {
    const ALL: [Self; 4] = [Self::Waiting, Self::Working, Self::Checking, Self::Ended];
}

/// One thing that goes on, with the records that it has.
#[derive(Debug)]
pub struct Track {
    /// What it is about.
    pub subject: Subject,
    got: AtomicU64,
    expected: AtomicU64,
    phase: AtomicU8,
    wait: Mutex<Option<Wait>>,
}

/// What a track is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A partition of a stream; its id is empty where a stream has no partitions.
    Partition {
        /// The stream.
        stream: String,
        /// The partition's id.
        partition: String,
    },
    /// A build.
    Build,
}

impl Subject {
    fn partition(stream: &str, partition: &str) -> Self {
        Self::Partition { stream: stream.to_owned(), partition: partition.to_owned() }
    }
}

/// A wait, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// When it is over.
    pub until: SystemTime,
    /// A short word or two: `429`, `timeout`.
    pub reason: String,
    /// Whether the server named the time.
    pub as_asked: bool,
}

impl Track {
    /// The track of a partition that was not begun.
    pub fn of_partition(stream: &str, partition: &str) -> Self {
        Self::new(Subject::partition(stream, partition))
    }

    /// The track of a build that was not begun.
    pub fn of_build() -> Self {
        Self::new(Subject::Build)
    }

    fn new(subject: Subject) -> Self {
        Self {
            subject,
            got: AtomicU64::new(0),
            expected: AtomicU64::new(UNKNOWN),
            phase: AtomicU8::new(0),
            wait: Mutex::default(),
        }
    }

    /// What it is called: `issues KAFKA`.
    pub fn label(&self) -> String {
        match &self.subject {
            Subject::Partition { stream, partition } => label(stream, partition),
            Subject::Build => String::from("build"),
        }
    }

    /// It goes on from so many records.
    pub fn begin(&self, got: u64) {
        self.got.store(got, Relaxed);
        self.enter(Phase::Working);
    }

    /// It has so many records more.
    pub fn add(&self, records: u64) {
        self.got.fetch_add(records, Relaxed);
    }

    /// How many there are to be.
    pub fn expect(&self, records: u64) {
        self.expected.store(records.min(UNKNOWN - 1), Relaxed);
    }

    /// It does something else from now on.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
    }

    /// How many records it has.
    pub fn got(&self) -> u64 {
        self.got.load(Relaxed)
    }

    /// How many there are to be, where that is known.
    pub fn expected(&self) -> Option<u64> {
        Some(self.expected.load(Relaxed)).filter(|n| *n != UNKNOWN)
    }

    /// What it is doing.
    pub fn phase(&self) -> Phase {
        let at = usize::from(self.phase.load(Relaxed));
        Phase::ALL.get(at).copied().unwrap_or(Phase::Working)
    }

    /// One of its requests waits.
    pub fn wait(&self, wait: Wait) {
        put_wait(&self.wait, wait);
    }

    /// What it waits for at `now`.
    pub fn waits(&self, now: SystemTime) -> Option<Wait> {
        get_wait(&self.wait, now)
    }
}

/// What is known of a host: its pace, its budget, and whether it is left alone.
#[derive(Debug)]
pub struct HostTrack {
    /// `https://issues.apache.org`
    pub name: String,
    /// Microseconds between requests; 0 for no pace.
    spacing: AtomicU64,
    slowed: AtomicBool,
    budget: Mutex<Option<Budget>>,
    wait: Mutex<Option<Wait>>,
}

/// The pace of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spacing {
    /// The time between requests.
    pub between: Duration,
    /// Whether it is longer than it was set, since the server asked for less.
    pub slowed: bool,
}

/// A number of requests in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// How many are left.
    pub left: u64,
    /// How many there are.
    pub requests: u64,
    /// In which time.
    pub per: Duration,
}

impl HostTrack {
    /// The time between requests.
    pub fn set_spacing(&self, spacing: Spacing) {
        let micros = u64::try_from(spacing.between.as_micros()).unwrap_or(u64::MAX);
        self.spacing.store(micros, Relaxed);
        self.slowed.store(spacing.slowed, Relaxed);
    }

    /// The time between requests, where there is a pace.
    pub fn spacing(&self) -> Option<Spacing> {
        let between = Duration::from_micros(self.spacing.load(Relaxed));
        let slowed = self.slowed.load(Relaxed);
        (!between.is_zero()).then_some(Spacing { between, slowed })
    }

    /// What is left of the budget that ends first.
    pub fn set_budget(&self, budget: Budget) {
        *self.budget.lock().unwrap_or_else(PoisonError::into_inner) = Some(budget);
    }

    /// What is left of it.
    pub fn budget(&self) -> Option<Budget> {
        *self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is sent for a while.
    pub fn wait(&self, wait: Wait) {
        put_wait(&self.wait, wait);
    }

    /// What is waited for at `now`.
    pub fn waits(&self, now: SystemTime) -> Option<Wait> {
        get_wait(&self.wait, now)
    }
}

impl Board {
    /// What goes on from now on, in the order in which it is shown.
    pub fn begin(&self, tracks: Vec<Arc<Track>>) {
        *self.tracks.write().unwrap_or_else(PoisonError::into_inner) = tracks;
    }

    /// What goes on.
    pub fn tracks(&self) -> Vec<Arc<Track>> {
        self.tracks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The track of a stream's partition; one that nobody sees where it is not
    /// among those that were begun.
    pub fn track(&self, stream: &str, partition: &str) -> Arc<Track> {
        let tracks = self.tracks.read().unwrap_or_else(PoisonError::into_inner);
        let subject = Subject::partition(stream, partition);
        let found = tracks.iter().find(|track| track.subject == subject);
        found.cloned().unwrap_or_else(|| Arc::new(Track::new(subject)))
    }

    /// The track of that label.
    pub fn labelled(&self, label: &str) -> Option<Arc<Track>> {
        self.tracks().into_iter().find(|track| track.label() == label)
    }

    /// A new number of child lists that are still to be fetched.
    pub fn lists_of_stream(&self) -> Arc<AtomicU64> {
        let lists = Arc::new(AtomicU64::new(0));
        self.lists.write().unwrap_or_else(PoisonError::into_inner).push(lists.clone());
        lists
    }

    /// How many child lists are still to be fetched.
    pub fn lists_left(&self) -> u64 {
        let lists = self.lists.read().unwrap_or_else(PoisonError::into_inner);
        lists.iter().map(|n| n.load(Relaxed)).sum()
    }

    /// What is known of a host.
    pub fn host(&self, name: &str) -> Arc<HostTrack> {
        let mut hosts = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.iter().find(|host| host.name == name) {
            return host.clone();
        }
        let host = Arc::new(HostTrack {
            name: name.to_owned(),
            spacing: AtomicU64::new(0),
            slowed: AtomicBool::new(false),
            budget: Mutex::default(),
            wait: Mutex::default(),
        });
        hosts.push(host.clone());
        host
    }

    /// All hosts that were asked something.
    pub fn hosts(&self) -> Vec<Arc<HostTrack>> {
        self.hosts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Of several waits the one that ends last is shown.
fn put_wait(slot: &Mutex<Option<Wait>>, wait: Wait) {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if slot.as_ref().is_none_or(|old| old.until < wait.until) {
        *slot = Some(wait);
    }
}

fn get_wait(slot: &Mutex<Option<Wait>>, now: SystemTime) -> Option<Wait> {
    let slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    slot.clone().filter(|wait| wait.until > now)
}
