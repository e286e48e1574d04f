//! Shows how far everything is, from time to time: as bars on a terminal, else as
//! lines. A thread of its own looks at the board, so that the work never waits.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::bars::{Bars, HERTZ};
use super::board::{Phase, Subject, Track, Wait};
use super::event::{Event, Progress, Total};
use super::layout::{self, HostStatus, Row, Slots, Status};
use super::meter::{Meter, left};
use super::observer::{Observer, Voice};
use super::screen;

/// The shortest time between two lines about one partition.
const TRACK_EVERY: Duration = Duration::from_secs(5);

/// The shortest time between two lines about any.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// The time between two lines about all together.
const TOTAL_EVERY: Duration = Duration::from_secs(30);

/// How often lines are thought about.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Shows the board of an observer until it is dropped; then the screen is as if
/// there had been no bars.
#[derive(Debug)]
pub struct Display {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Display {
    /// Begins to show it, as the observer's voice and the terminal want it;
    /// nothing with `--quiet`. `bars` is false where something else writes to the
    /// terminal.
    pub fn start(observer: Arc<Observer>, bars: bool) -> Self {
        if observer.voice().is_quiet() {
            return Self { stop: None, thread: None };
        }
        let bars = bars && observer.voice() == Voice::Text && screen::can_draw();
        let (stop, stopped) = channel();
        let show = move || {
            let mut watch = Watch::new(observer);
            let mut bars = bars.then(Bars::new);
            let pause = match bars {
                Some(_) => Duration::from_secs(1) / u32::from(HERTZ),
                None => LOOK_EVERY,
            };
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                watch.look();
                match &mut bars {
                    Some(bars) => watch.draw(bars),
                    None => watch.tell(),
                }
            }
        };
        // Without a thread there is no progress to be seen, and nothing else is lost.
        let thread = std::thread::Builder::new().name(String::from("progress")).spawn(show).ok();
        Self { stop: Some(stop), thread }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        screen::clear();
    }
}

/// What the thread remembers from one look to the next.
struct Watch {
    observer: Arc<Observer>,
    tracks: Vec<Arc<Track>>,
    watched: Vec<Watched>,
    all: Meter,
    rows: Vec<Row>,
    status: Status,
    slots: Slots,
    told: Instant,
    told_total: Instant,
}

/// What is remembered of a track.
struct Watched {
    meter: Meter,
    got: u64,
    moved: Instant,
    told: Instant,
    told_got: u64,
}

impl Watch {
    fn new(observer: Arc<Observer>) -> Self {
        let now = Instant::now();
        Self {
            observer,
            tracks: Vec::new(),
            watched: Vec::new(),
            all: Meter::default(),
            rows: Vec::new(),
            status: Status::default(),
            slots: Slots::default(),
            told: now,
            told_total: now,
        }
    }

    /// Takes over what the board says.
    fn look(&mut self) {
        let (now, clock) = (Instant::now(), SystemTime::now());
        let tracks = self.observer.board.tracks();
        let same = |(a, b): (&Arc<Track>, &Arc<Track>)| Arc::ptr_eq(a, b);
        if tracks.len() != self.tracks.len() || !tracks.iter().zip(&self.tracks).all(same) {
            // Something else goes on: from collecting to building.
            *self = Self::new(self.observer.clone());
            self.watched = tracks.iter().map(|track| Watched::new(track, now)).collect();
            self.tracks = tracks;
        }
        let rest = |wait: Wait| {
            let rest = wait.until.duration_since(clock).unwrap_or_default();
            (wait, rest)
        };
        let rows = self.tracks.iter().zip(&mut self.watched);
        self.rows = rows
            .map(|(track, watched)| {
                let (got, phase, expected) = (track.got(), track.phase(), track.expected());
                if phase == Phase::Waiting || watched.got != got {
                    (watched.got, watched.moved) = (got, now);
                }
                let per_second = match phase {
                    Phase::Waiting => None,
                    _ => watched.meter.rate(now, got),
                };
                let left = left(got, expected, per_second);
                let wait = track.waits(clock).map(rest);
                let (name, moved) = (name(track), watched.moved);
                Row { name, phase, got, expected, per_second, left, wait, moved }
            })
            .collect();
        let board = &self.observer.board;
        let hosts = board.hosts().into_iter().map(|host| HostStatus {
            name: host.name.clone(),
            spacing: host.spacing(),
            budget: host.budget(),
            wait: host.waits(clock).map(rest),
        });
        // What was there when it began is not what comes in now.
        let begun = self.rows.iter().all(|row| row.phase != Phase::Waiting);
        let got = self.rows.iter().map(|row| row.got).sum();
        let per_second = if begun { self.all.rate(now, got) } else { None };
        let expected: Option<u64> = self.rows.iter().map(|row| row.expected).sum();
        self.status = Status {
            per_second,
            left: left(got, expected, per_second),
            lists_left: board.lists_left(),
            hosts: hosts.collect(),
        };
        if self.tracks.iter().all(|track| track.subject == Subject::Build) {
            self.status.hosts.clear();
        }
    }

    fn draw(&mut self, bars: &mut Bars) {
        let (width, height) = screen::size();
        let shown = self.slots.update(&self.rows, height);
        // The last column stays free: some terminals go to the next line after it.
        bars.draw(&layout::lines(&self.rows, shown, &self.status, width.saturating_sub(1)));
    }

    /// Tells one line, if one is due.
    fn tell(&mut self) {
        let now = Instant::now();
        if self.rows.len() > 1 && now.duration_since(self.told_total) >= TOTAL_EVERY {
            (self.told_total, self.told) = (now, now);
            self.observer.tell(&Event::Total(self.total()));
            return;
        }
        if now.duration_since(self.told) < LINE_EVERY {
            return;
        }
        let is_due = |(at, watched): &(usize, &Watched)| {
            let row = &self.rows[*at];
            matches!(row.phase, Phase::Working | Phase::Checking)
                && row.got != watched.told_got
                && now.duration_since(watched.told) >= TRACK_EVERY
        };
        let due = self.watched.iter().enumerate().filter(is_due).min_by_key(|(_, w)| w.told);
        let Some((at, _)) = due else { return };
        let row = &self.rows[at];
        let (stream, partition) = match &self.tracks[at].subject {
            Subject::Partition { stream, partition } => {
                (Some(stream.as_str()), Some(partition.as_str()))
            }
            Subject::Build => (None, None),
        };
        self.observer.tell(&Event::Progress(Progress {
            stream,
            partition,
            got: row.got,
            expected: row.expected,
            per_second: row.per_second,
            left: row.left,
        }));
        self.told = now;
        (self.watched[at].told, self.watched[at].told_got) = (now, row.got);
    }

    fn total(&self) -> Total {
        let host = self.status.hosts.first();
        Total {
            partitions_ended: self.rows.iter().filter(|row| row.phase == Phase::Ended).count(),
            partitions: self.rows.len(),
            got: self.rows.iter().map(|row| row.got).sum(),
            expected: self.rows.iter().filter_map(|row| row.expected).sum(),
            per_second: self.status.per_second,
            left: self.status.left,
            lists_left: self.status.lists_left,
            spacing: host.and_then(|host| host.spacing),
            budget_left: host.and_then(|host| host.budget).map(|budget| budget.left),
        }
    }
}

impl Watched {
    fn new(track: &Track, now: Instant) -> Self {
        let got = track.got();
        Self { meter: Meter::default(), got, moved: now, told: now, told_got: got }
    }
}

/// What a track is called on the screen: the partition alone, where it has a name.
fn name(track: &Track) -> String {
    match &track.subject {
        Subject::Partition { partition, .. } if !partition.is_empty() => partition.clone(),
        _ => track.label(),
    }
}
