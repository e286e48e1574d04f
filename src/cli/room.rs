//! Room on the disk: looked at before a run and while it goes on, so that it ends
//! in good order before the disk is full, and not by an error after.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::history::LastBuild;
use crate::build::BuiltFile;
use crate::http::Stop;
use crate::observe::words::size;
use crate::observe::{Event, Observer};
use crate::report::Outcome;
use crate::store::{Store, file_bytes, free_bytes, store_bytes};

/// What stays free beside the outputs: more than a run writes between two looks,
/// the log of the store (64 MiB at most, and mostly far less), and the last
/// commits.
const MARGIN: u64 = 64 << 20;

/// How often the disk is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What a build writes for each byte of the store, at least and at most, before any
/// build has shown it. Real issues were measured at 1.1, synthetic ones, which
/// compress better, at 3.3. The most is kept free; the least is warned about.
const OUTPUTS_PER_STORE: (f64, f64) = (1.0, 3.5);

/// So many records show what one takes.
const TELLING: u64 = 1000;

/// What is known about sizes. Bytes and records of now.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sizes {
    /// Free on the disk.
    free: u64,
    /// Of the store, its log included.
    store: u64,
    /// Of its log, most of which is written over and over.
    log: u64,
    /// Records in the store.
    records: u64,
    /// Records that the server has and the store has not, as far as it is known.
    to_come: u64,
    /// What the last build wrote, of how many records.
    built: Option<(u64, u64)>,
}

impl Sizes {
    /// What a build of so many records with so many bytes in the store writes: as
    /// much for each as the last one did, else `ratio` times the bytes.
    fn outputs(&self, records: u64, store: f64, ratio: f64) -> f64 {
        match self.built {
            Some((bytes, of)) if of >= TELLING => bytes as f64 / of as f64 * records as f64,
            _ => store * ratio,
        }
    }

    /// What has to be free for a good end: a build writes all outputs beside the
    /// old ones before it takes those away.
    fn needed(&self) -> u64 {
        let most = OUTPUTS_PER_STORE.1;
        MARGIN + self.outputs(self.records, self.store as f64, most) as u64
    }

    /// What is still to be written until the end of the run, its build included;
    /// `None` as long as too few records show what one takes.
    fn until_the_end(&self) -> Option<u64> {
        if self.records < TELLING || self.to_come == 0 {
            return None;
        }
        let store = self.store.saturating_sub(self.log) as f64;
        let grows = store / self.records as f64 * self.to_come as f64;
        let least = OUTPUTS_PER_STORE.0;
        let outputs = self.outputs(self.records + self.to_come, store + grows, least);
        Some((grows + outputs) as u64 + MARGIN)
    }

    /// Why a run has to end, or must not begin.
    fn low(&self) -> Option<Low> {
        let (free, needed) = (self.free, self.needed());
        (free < needed).then_some(Low { free, needed })
    }
}

/// A disk with too little room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Low {
    free: u64,
    needed: u64,
}

impl Low {
    /// Why nothing is begun, one sentence.
    pub fn before(&self, shown: &str) -> String {
        format!(
            "the disk of {shown} has {} free, and a run needs {} for its outputs and its last \
             commits: free some space, or name a folder on another disk with --output-dir",
            size(self.free),
            size(self.needed)
        )
    }

    /// Why a run ends, one sentence.
    fn during(&self, shown: &str) -> String {
        format!(
            "the disk of {shown} has {} left, and {} of it are needed to end well: stopping here \
             and building; free some space, then go on with --resume",
            size(self.free),
            size(self.needed)
        )
    }
}

/// The disk of an output directory.
#[derive(Debug, Clone)]
pub struct Room {
    directory: PathBuf,
    /// As messages name it.
    shown: String,
    built: Option<(u64, u64)>,
    is_low: Arc<OnceLock<()>>,
}

impl Room {
    /// That of a directory, with what its last build wrote.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn of(directory: &Path, store: &dyn Store) -> Outcome<Self> {
        let built = LastBuild::read(|key| store.meta(key))?.map(|build| {
            let bytes = |file: &BuiltFile| file_bytes(&directory.join(&file.path));
            (build.files.iter().map(bytes).sum(), build.records)
        });
        Ok(Self {
            directory: directory.to_owned(),
            shown: directory.display().to_string(),
            built,
            is_low: Arc::default(),
        })
    }

    /// Whether there is room to begin, with so many records in the store.
    pub fn check(&self, records: u64) -> Result<(), Low> {
        let sizes = self.sizes(records, 0);
        sizes.and_then(|sizes| sizes.low()).map_or(Ok(()), Err)
    }

    /// Whether the run was ended for lack of room.
    pub fn is_low(&self) -> bool {
        self.is_low.get().is_some()
    }

    /// Looks at the disk until the run ends; ends it when there is too little room.
    pub async fn watch(self, stop: Stop, observer: Arc<Observer>) {
        let mut has_warned = false;
        while !stop.is_requested() {
            let tracks = observer.board.tracks();
            let records = tracks.iter().map(|track| track.got()).sum();
            let expected: u64 = tracks.iter().filter_map(|track| track.expected()).sum();
            let Some(sizes) = self.sizes(records, expected.saturating_sub(records)) else { return };
            if let Some(low) = sizes.low() {
                let reason = low.during(&self.shown);
                let _ = self.is_low.set(());
                observer.tell(&Event::DiskLow {
                    reason: &reason,
                    free: low.free,
                    needed: low.needed,
                });
                stop.request();
                return;
            }
            if let Some(needed) = sizes.until_the_end().filter(|needed| *needed > sizes.free)
                && !has_warned
            {
                has_warned = true;
                let (free, records) = (sizes.free, sizes.to_come);
                observer.tell(&Event::DiskShort { free, needed, records });
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = stop.requested() => {}
            }
        }
    }

    /// `None` where the system does not say what is free.
    fn sizes(&self, records: u64, to_come: u64) -> Option<Sizes> {
        let free = free_bytes(&self.directory)?;
        let (store, log) = store_bytes(&self.directory);
        let built = self.built;
        Some(Sizes { free, store: store + log, log, records, to_come, built })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn what_a_build_writes_has_to_fit_beside_what_is_there() {
        let sizes = Sizes { free: 100 * MIB, store: 10 * MIB, records: 1000, ..Sizes::default() };
        assert_eq!(sizes.needed(), 99 * MIB, "before the first build: 3.5 times the store");
        assert_eq!(sizes.low(), None);
        let grown = Sizes { store: 12 * MIB, ..sizes };
        assert_eq!(grown.low(), Some(Low { free: 100 * MIB, needed: 106 * MIB }));
        // A build has shown that a record takes 8 KiB.
        let built = Sizes { built: Some((8 * MIB, 1024)), records: 2048, ..grown };
        assert_eq!(built.needed(), 80 * MIB);
        // A handful of records shows nothing.
        assert_eq!(Sizes { built: Some((8 * MIB, 10)), ..grown }.needed(), 106 * MIB);
    }

    #[test]
    fn an_empty_directory_needs_the_margin_alone() {
        let empty = Sizes { free: MARGIN, ..Sizes::default() };
        assert_eq!(empty.low(), None);
        assert!(Sizes { free: MARGIN - 1, ..empty }.low().is_some());
    }

    #[test]
    fn what_is_to_come_is_known_once_some_records_are_there() {
        let (store, log) = (14 * MIB, 4 * MIB);
        let sizes = Sizes { store, log, records: 1000, to_come: 9000, ..Sizes::default() };
        // 90 MiB more of store, and as much as the whole of it for outputs.
        assert_eq!(sizes.until_the_end(), Some(190 * MIB + MARGIN));
        let built = Sizes { built: Some((20 * MIB, 1000)), ..sizes };
        assert_eq!(built.until_the_end(), Some(290 * MIB + MARGIN));
        assert_eq!(Sizes { records: 100, ..sizes }.until_the_end(), None);
        assert_eq!(Sizes { to_come: 0, ..sizes }.until_the_end(), None);
    }
}
