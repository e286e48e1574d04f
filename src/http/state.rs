//! What all processes of a user know about a host, in a small file.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::kill;

/// Requests are counted in spans of this length (microseconds).
pub(crate) const BUCKET: u64 = 300_000_000;

/// How long counts are kept: longer than any budget that makes sense.
const KEPT: u64 = 32 * 86_400 * 1_000_000;

/// How far ahead of our clock a file may be before the clock counts as set back.
const TOLERANCE: u64 = 2_000_000;

/// How long to wait for another process that has the file.
const PATIENCE: Duration = Duration::from_secs(2);

/// A host's pace and budget. All times in microseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct HostState {
    /// When this was written.
    pub(crate) written: u64,
    /// The next moment at which a request may be sent.
    pub(crate) next: u64,
    /// Nothing is sent before this.
    pub(crate) paused_until: u64,
    /// The time between requests since the host asked us to slow down; 0 when
    /// the configured pace holds.
    pub(crate) slowed: u64,
    /// When it last did.
    pub(crate) slowed_at: u64,
    /// Requests by the span in which they were sent (its number), in order.
    pub(crate) spent: Vec<(u64, u64)>,
}

impl HostState {
    /// Adds requests to the count.
    pub(crate) fn spend(&mut self, now: u64, requests: u64) {
        let bucket = now / BUCKET;
        match self.spent.last_mut() {
            Some((last, count)) if *last == bucket => *count += requests,
            _ => self.spent.push((bucket, requests)),
        }
    }

    /// Takes requests back that were counted in a span but not sent.
    pub(crate) fn give_back(&mut self, bucket: u64, requests: u64) {
        if let Some((_, count)) = self.spent.iter_mut().find(|(b, _)| *b == bucket) {
            *count = count.saturating_sub(requests);
        }
    }

    /// How many requests were sent in the last `per` microseconds. A span counts
    /// whole for as long as any of it does.
    pub(crate) fn spent_within(&self, now: u64, per: u64) -> u64 {
        self.recent(now, per).map(|(_, count)| count).sum()
    }

    /// When fewer than `requests` will have been sent within `per`.
    pub(crate) fn free_at(&self, now: u64, per: u64, requests: u64) -> u64 {
        let mut sum = self.spent_within(now, per);
        for (bucket, count) in self.recent(now, per) {
            sum -= count;
            if sum < requests {
                return (bucket + 1) * BUCKET + per;
            }
        }
        now + per
    }

    fn recent(&self, now: u64, per: u64) -> impl Iterator<Item = (u64, u64)> {
        let since = now.saturating_sub(per);
        self.spent.iter().copied().filter(move |(bucket, _)| (bucket + 1) * BUCKET > since)
    }

    /// Undoes a clock that was set back since this was written: everything moves
    /// with it, so that waits keep their length and counts expire in time.
    pub(crate) fn settle(&mut self, now: u64) {
        if self.written > now + TOLERANCE {
            let back = self.written - now;
            self.next = self.next.saturating_sub(back);
            self.paused_until = self.paused_until.saturating_sub(back);
            self.slowed_at = self.slowed_at.saturating_sub(back);
            for (bucket, _) in &mut self.spent {
                *bucket = bucket.saturating_sub(back / BUCKET);
            }
            self.written = now;
        }
        // What still lies ahead is counted as now.
        let bucket = now / BUCKET;
        self.spent.iter_mut().for_each(|(b, _)| *b = (*b).min(bucket));
        let oldest = bucket.saturating_sub(KEPT / BUCKET);
        self.spent.retain(|(b, count)| *b >= oldest && *count > 0);
        self.spent.dedup_by(|from, into| {
            let same = from.0 == into.0;
            if same {
                into.1 += from.1;
            }
            same
        });
    }
}

/// The file of one host. It is replaced whole, under a lock of its own, so that
/// a reader never sees half of it.
pub(crate) struct StateFile {
    path: PathBuf,
    lock: File,
    seen: Mutex<Vec<u8>>,
}

/// What was read.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    /// As it was when it was last read or written here.
    Same,
    /// Another process changed it.
    Changed(HostState),
    /// There was something, but not the state of a host.
    Corrupt,
}

impl StateFile {
    /// The file of a host (`https://issues.apache.org`) below a folder, which is
    /// made if need be.
    pub(crate) fn open(folder: &Path, host: &str) -> io::Result<Self> {
        let folder = folder.join("hosts");
        scrape_api::make_folder(&folder)?;
        let name: String = host
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' })
            .collect();
        let path = folder.join(format!("{name}.json"));
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join(format!("{name}.lock")))?;
        Ok(Self { path, lock, seen: Mutex::default() })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What other processes have written since, without waiting for any.
    pub(crate) fn peek(&self, now: u64) -> Seen {
        // Locked first, so that what is read is not older than what it replaces.
        let Ok(mut seen) = self.seen.lock() else { return Seen::Same };
        let Ok(bytes) = fs::read(&self.path) else { return Seen::Same };
        if *seen == bytes {
            return Seen::Same;
        }
        let state = parse(&bytes, now);
        *seen = bytes;
        state.map_or(Seen::Corrupt, Seen::Changed)
    }

    /// Reads the state; until the result is dropped, no other task and no other
    /// process changes it.
    pub(crate) fn begin(&self, now: u64) -> io::Result<Change<'_>> {
        // A file lock belongs to the open file: it does not keep out our own tasks.
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.lock()?;
        let mut change =
            Change { file: self, seen, state: HostState::default(), was_corrupt: false };
        match fs::read(&self.path) {
            Ok(bytes) => match parse(&bytes, now) {
                Some(state) => change.state = state,
                None => change.was_corrupt = true,
            },
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        Ok(change)
    }

    fn lock(&self) -> io::Result<()> {
        let begun = Instant::now();
        loop {
            match self.lock.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::Error(e)) => return Err(e),
                // It is held for some ten microseconds; a process that was
                // stopped while it had it must not stop all others.
                Err(TryLockError::WouldBlock) if begun.elapsed() > PATIENCE => {
                    return Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "another process does not let go of it",
                    ));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_micros(200)),
            }
        }
    }
}

/// The state while nobody else can change it.
pub(crate) struct Change<'a> {
    file: &'a StateFile,
    seen: MutexGuard<'a, Vec<u8>>,
    /// As it was read; what [`Change::commit`] writes.
    pub(crate) state: HostState,
    /// There was something, but not the state of a host.
    pub(crate) was_corrupt: bool,
}

impl Change<'_> {
    /// Writes the state.
    pub(crate) fn commit(&mut self, now: u64) -> io::Result<()> {
        self.state.written = now;
        let bytes = serde_json::to_vec(&self.state)?;
        let new = self.file.path.with_extension("new");
        let mut file = File::create(&new)?;
        kill::point("pace file begun");
        file.write_all(&bytes)?;
        // Before the rename: after a power cut there would be an empty file
        // otherwise, and with it no budget that was spent.
        file.sync_data()?;
        kill::point("pace file written");
        fs::rename(&new, &self.file.path)?;
        kill::point("pace file renamed");
        // The rename itself need not outlive a power cut: the file before it says
        // nearly the same.
        *self.seen = bytes;
        Ok(())
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        // Should this fail, closing the file unlocks it too.
        let _ = self.file.lock.unlock();
    }
}

fn parse(bytes: &[u8], now: u64) -> Option<HostState> {
    let mut state: HostState = serde_json::from_slice(bytes).ok()?;
    state.settle(now);
    Some(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000;
    const T: u64 = 1_000_000 * BUCKET;

    #[test]
    fn counts_slide_out_of_the_window_span_by_span() {
        let mut state = HostState::default();
        state.spend(T, 3);
        state.spend(T + 1, 2);
        state.spend(T + BUCKET, 4);
        assert_eq!(state.spent_within(T + BUCKET, HOUR), 9);
        // The first span is over at T + BUCKET, and counts for an hour from then.
        assert_eq!(state.spent_within(T + BUCKET + HOUR - 1, HOUR), 9);
        assert_eq!(state.spent_within(T + BUCKET + HOUR, HOUR), 4);
        assert_eq!(state.free_at(T + BUCKET, HOUR, 9), T + BUCKET + HOUR);
        assert_eq!(state.free_at(T + BUCKET, HOUR, 4), T + 2 * BUCKET + HOUR);
        state.give_back(T / BUCKET, 4);
        assert_eq!(state.spent_within(T + BUCKET, HOUR), 5);
    }

    #[test]
    fn a_clock_set_back_keeps_waits_and_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::open(folder.path(), "https://h:1").unwrap();
        let mut change = file.begin(T).unwrap();
        change.state.next = T + 5;
        change.state.paused_until = T + HOUR;
        change.state.spend(T, 7);
        change.commit(T).unwrap();
        drop(change);
        let earlier = T - 100 * HOUR;
        let other = StateFile::open(folder.path(), "https://h:1").unwrap();
        let Seen::Changed(state) = other.peek(earlier) else { panic!("changed") };
        assert_eq!(state.next, earlier + 5);
        assert_eq!(state.paused_until, earlier + HOUR);
        assert_eq!(state.spent_within(earlier, 24 * HOUR), 7);
        assert_eq!(state.spent_within(earlier + 25 * HOUR, 24 * HOUR), 0);
        assert_eq!(other.peek(earlier), Seen::Same);
    }

    #[test]
    fn a_corrupt_file_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::open(folder.path(), "http://h").unwrap();
        fs::write(file.path(), b"{\"next\":").unwrap();
        assert_eq!(file.peek(T), Seen::Corrupt);
        let mut change = file.begin(T).unwrap();
        assert!(change.was_corrupt);
        change.state.spend(T, 1);
        change.commit(T).unwrap();
        drop(change);
        let change = file.begin(T).unwrap();
        assert!(!change.was_corrupt);
        assert_eq!(change.state.spent, [(T / BUCKET, 1)]);
    }
}
