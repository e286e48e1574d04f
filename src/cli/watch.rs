//! `scrape build --watch`: the outputs again on every save.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::to_value;

use super::finish::{self, End};
use super::run::build_under;
use super::spec_args::SpecArgs;
use super::watched::Watched;
use super::{build, signals, transport};
use crate::build::{BuildReport, Changes, Kept, rebuild};
use crate::http::Stop;
use crate::observe::{Event, Observer, Voice, screen};
use crate::plan::Plan;
use crate::report::{Exit, Outcome, Rebuilt};
use crate::spec::{Sources, simplify, text_hash};
use crate::store::{self, Lock, LockKind, SqliteStore};

/// The time between two looks at the files.
const LOOK: Duration = Duration::from_millis(100);

/// Several files are often saved at once: a build begins when two looks in a row, so
/// far apart, have found the same.
const SETTLE: Duration = Duration::from_millis(25);

/// How long a build waits for a file that is gone.
const VANISHED: Duration = Duration::from_millis(500);

/// Builds, and again on every save, until somebody ends it.
///
/// # Errors
/// When there is nothing to build from.
pub fn run(spec: &SpecArgs, dir: &Path, observer: Arc<Observer>) -> Outcome {
    build::open(spec, dir)?;
    let runtime = transport::runtime()?;
    let _inside = runtime.enter();
    let stop = Stop::default();
    let building = Arc::new(AtomicBool::new(false));
    let busy = building.clone();
    signals::listen(stop.clone(), observer.clone(), move |observer| {
        if busy.load(Relaxed) {
            observer.tell(&Event::EndsAfterBuild);
        }
    });
    let watch = Watch {
        runtime: &runtime,
        observer,
        dir,
        shown: dir.display().to_string(),
        stop,
        building,
        kept: Kept::default(),
        watched: Watched::default(),
        broken: false,
    };
    watch.until_the_end(spec);
    Ok(Exit::Complete)
}

struct Watch<'w> {
    runtime: &'w tokio::runtime::Runtime,
    observer: Arc<Observer>,
    dir: &'w Path,
    shown: String,
    stop: Stop,
    building: Arc<AtomicBool>,
    kept: Kept,
    watched: Watched,
    /// Whether the last build came to nothing.
    broken: bool,
}

impl Watch<'_> {
    fn until_the_end(mut self, spec: &SpecArgs) {
        self.attempt(|watch| watch.build(spec, true));
        self.observer.tell(&Event::Watching { directory: &self.shown, files: self.watched.len() });
        while let Some(saved) = self.saved() {
            let files: Vec<_> = saved.iter().map(|file| file.display().to_string()).collect();
            self.observer.tell(&Event::Saved { files: &files });
            self.attempt(|watch| {
                let spec = spec.reload(build::command())?;
                watch.build(&spec, false)
            });
        }
    }

    /// Builds; what hinders it is told, and the watch goes on.
    fn attempt(&mut self, build: impl FnOnce(&mut Self) -> Outcome<()>) {
        self.building.store(true, Relaxed);
        let built = build(self);
        self.building.store(false, Relaxed);
        self.broken = built.is_err();
        if let Err(ended) = built
            && !self.stop.is_requested()
        {
            let reason = (!ended.message.is_empty()).then_some(ended.message.as_str());
            self.observer.tell(&Event::NotBuilt { directory: &self.shown, reason });
        }
    }

    fn build(&mut self, spec: &SpecArgs, first: bool) -> Outcome<()> {
        let started = Instant::now();
        let mut store = build::open(spec, self.dir)?;
        let plan = build::compile(spec, &store, self.dir);
        // Also of a spec that is wrong the files are known that it names.
        self.watched.add(read_by(&spec.sources()));
        let plan = Arc::new(plan?);
        let built = self.built(&plan, &mut store);
        let mut files = read_by(&plan.sources);
        for (file, hash) in plan.env.texts() {
            files.entry(simplify(&file)).or_insert(hash);
        }
        self.watched.set(files);
        let (report, changes) = built?;
        if first {
            let again = spec.again(self.dir, "--resume");
            let end = End::Done;
            finish::finish(&plan, &mut store, self.dir, &report, &self.observer, end, &again)?;
        } else {
            finish::settle(&plan, &mut store, self.dir, &report, &self.observer)?;
            self.tell(changes, started.elapsed());
        }
        Ok(())
    }

    fn built(
        &mut self,
        plan: &Arc<Plan>,
        store: &mut SqliteStore,
    ) -> Outcome<(BuildReport, Option<Changes>)> {
        let lock = self.lock()?;
        let kept = &mut self.kept;
        build_under(&lock, plan, store, self.dir, &self.observer, |store, dir, options| {
            rebuild(plan, store, dir, options, kept)
        })
    }

    /// The build lock; waits for another process that has it.
    fn lock(&self) -> Outcome<Lock> {
        let mut told = false;
        loop {
            match Lock::acquire(self.dir, LockKind::Build) {
                Err(error @ store::Error::Locked { .. }) if !self.stop.is_requested() => {
                    if !told {
                        let reason = error.to_string();
                        self.observer.tell(&Event::BuildElsewhere { reason: &reason });
                        told = true;
                    }
                    self.pause(LOOK);
                }
                lock => return Ok(lock?),
            }
        }
    }

    fn tell(&self, changes: Option<Changes>, took: Duration) {
        let rebuilt = changes.map(Rebuilt::new);
        let mut text = match &rebuilt {
            Some(rebuilt) => rebuilt.counts(),
            None => String::from("built anew, with nothing to compare it with\n"),
        };
        if let Some(rebuilt) = &rebuilt
            && self.observer.voice() == Voice::Text
        {
            screen::print(&rebuilt.shown(screen::has_color()));
        }
        text.push_str(&format!("built in {:.2} s", took.as_secs_f64()));
        let changes = rebuilt.and_then(|rebuilt| to_value(rebuilt).ok());
        let (directory, changes) = (&*self.shown, changes.as_ref());
        self.observer.tell(&Event::Rebuilt { directory, changes, took, text: &text });
    }

    /// Waits until files were saved, which count as read then; `None` when somebody
    /// ends the watch.
    fn saved(&mut self) -> Option<Vec<PathBuf>> {
        loop {
            self.pause(LOOK);
            let mut look = self.watched.look();
            if self.stop.is_requested() {
                return None;
            }
            let begun = Instant::now();
            while !self.watched.changed(&look, self.broken).is_empty() {
                self.pause(SETTLE);
                let next = self.watched.look();
                let waiting = self.watched.lacks_some(&next) && begun.elapsed() < VANISHED;
                let settled = next == look && !waiting;
                look = next;
                if settled {
                    let saved = self.watched.changed(&look, self.broken);
                    self.watched.accept(look);
                    return Some(saved);
                }
                if self.stop.is_requested() {
                    return None;
                }
            }
        }
    }

    /// A pause that the end of the watch cuts short.
    fn pause(&self, time: Duration) {
        let _ = self
            .runtime
            .block_on(async { tokio::time::timeout(time, self.stop.requested()).await });
    }
}

/// Files, with what was read of each.
fn read_by(sources: &Sources) -> BTreeMap<PathBuf, Option<u64>> {
    let hashed =
        |file: &crate::spec::Source| (file.path.clone(), Some(text_hash(file.text.as_bytes())));
    sources.iter().map(hashed).collect()
}
