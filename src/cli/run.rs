//! `scrape run`: collect, then build.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Arg, ArgAction, Command, value_parser};
use scrape_api::{Delivery, OutputDir};

use super::args::{output_dir, replay, with_pace, with_spec, with_voice};
use super::finish::End;
use super::history::LastRun;
use super::memory::{Memory, Source};
use super::room::Room;
use super::spec_args::SpecArgs;
use super::verb::{Run, Verb};
use super::{finish, signals, transport};
use crate::build::{self, BuildOptions};
use crate::collect::{self, CollectOptions, CollectReport};
use crate::http::{Cause, Client, ClientOptions, Stop};
use crate::observe::{Display, Event, Observer, Track};
use crate::plan::{Plan, SinkPlan};
use crate::report::{Ended, Exit, Outcome, STATS_FILE, diagnostics, failures};
use crate::spec::Diagnostic;
use crate::store::{
    Contents, Lock, LockKind, OutputState, PartitionState, STORE_FILE, SqliteReader, SqliteStore,
    Store, Writer,
};

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Spec(run) };

fn command() -> Command {
    let command = with_pace(with_spec(Command::new("run")).arg(output_dir()))
        .about("Collect, then build")
        .arg(
            Arg::new("limit")
                .short('l')
                .long("limit")
                .value_name("N")
                .value_parser(value_parser!(u64))
                .help("The first N records of each partition; 0 lifts a stored limit")
                .long_help(
                    "The first N records of each partition, in the order in which the server \
                     lists them. A later run with a higher limit goes on from there; 0 lifts a \
                     limit that was stored.",
                ),
        )
        .arg(
            Arg::new("resume")
                .long("resume")
                .action(ArgAction::SetTrue)
                .conflicts_with("fresh")
                .help("Go on: unfinished partitions, failed ones, and what is new since")
                .long_help(
                    "Go on in a directory of an earlier run: with partitions that are unfinished \
                     or failed, with child lists that are missing, and with what is new since. \
                     Params and limit are those of that run, but for what is given anew.",
                ),
        )
        .arg(
            Arg::new("fresh")
                .long("fresh")
                .action(ArgAction::SetTrue)
                .help("Throw away an earlier run in this directory")
                .long_help(
                    "Throw away an earlier run in this directory: the store and the files that \
                     its builds made, and nothing else. A directory that is no output of scrape \
                     is refused.",
                ),
        )
        .arg(
            Arg::new("record")
                .long("record")
                .value_name("FILE.har")
                .value_parser(value_parser!(PathBuf))
                .conflicts_with("replay")
                .help("Keep every exchange, secrets removed"),
        )
        .arg(replay())
        .after_help(
            "Examples:\n  scrape run specs/apache-jira.yaml -p KAFKA -p SPARK -o output\n  \
             scrape run specs/apache-jira.yaml -o output --resume\n  \
             scrape run specs/apache-jira.yaml --replay specs/recordings/apache-jira.har\n\n\
             `scrape run SPEC --help` also shows the flags that the spec adds.",
        );
    with_voice(command)
}

/// Runs the verb.
fn run(spec: &SpecArgs) -> Outcome {
    let observer = Arc::new(Observer::new(spec.voice()));
    let source = match spec.path("replay") {
        Some(_) => Source::Recording,
        None => Source::Live,
    };
    let dir = spec.output_dir(source == Source::Recording);
    let shown = dir.display().to_string();
    let fresh = spec.flag("fresh");

    let (earlier, remembered) = look(&dir, fresh)?;
    let resumed = remembered.as_ref().filter(|_| spec.flag("resume"));
    let plan = Arc::new(spec.compile(resumed.map(|m| &m.params))?);
    let limit = match spec.limit() {
        Some(0) => None,
        Some(limit) => Some(limit),
        None => resumed.and_then(|m| m.limit),
    };
    let memory = Memory::of(&plan, source, limit);
    let job = Job { spec, plan, memory, limit, shown };
    job.decide(&earlier, remembered.as_ref())?;

    scrape_api::make_folder(&dir).map_err(|e| {
        Ended::failed(format!("cannot make the output directory {}: {e}", job.shown))
    })?;
    let lock = Lock::acquire(&dir, LockKind::Collect)?;
    // Another run may have ended here between the first look and the lock.
    let (earlier, remembered) = look(&dir, fresh)?;
    let work = job.decide(&earlier, remembered.as_ref())?;

    let runtime = transport::runtime()?;
    let _inside = runtime.enter();
    let stop = Stop::default();
    // Before anything is thrown away: a recording or a secret may be missing.
    let client = match work {
        Work::Collect => Some(job.client(&dir, fresh, &stop, &observer)?),
        Work::BuildOnly => None,
    };
    if fresh {
        clear(&dir, &lock, &observer)?;
    }
    let file = dir.join(STORE_FILE);
    let opened = if file.exists() { SqliteStore::open(&file) } else { SqliteStore::create(&file) };
    let mut store: Box<dyn Store> = Box::new(opened?);

    let room = Room::of(&dir, &*store)?;
    let mut last_run = LastRun::begin(spec.again(&dir, "--resume"));
    let mut collected = None;
    if let Some(client) = client {
        let records = records(&job.plan, &*store)?;
        room.check(records).map_err(|low| Ended::failed(low.before(&job.shown)))?;
        job.memory.write(&mut *store)?;
        last_run.write(&mut *store)?;
        job.tell_start(&observer);
        let _display = Display::start(observer.clone(), true);
        let (back, report) = runtime.block_on(async {
            signals::listen(stop.clone(), observer.clone(), signals::finishing);
            tokio::spawn(room.clone().watch(stop.clone(), observer.clone()));
            job.collect(store, client, &stop, &observer).await
        })?;
        store = back;
        let found = failures::of_collecting(&report.findings);
        diagnostics::print_all(&found, &job.plan.sources, observer.voice().is_json());
        collected = Some(report);
    } else {
        // The limit of the records that are there stays.
        let limit = remembered.and_then(|m| m.limit);
        Memory { limit, ..job.memory.clone() }.write(&mut *store)?;
        let live = source == Source::Live;
        observer.tell(&Event::NothingToFetch { directory: &job.shown, live });
    }
    let built = build_into(&job.plan, &mut *store, &dir, &observer)?;
    drop(lock);
    let has_collected = collected.is_some();
    let collected = collected.unwrap_or_default();
    if let Some((back_at, reason)) = &collected.closed {
        observer.tell(&Event::Closed { reason, back_at: *back_at });
    }
    let end = match (room.is_low(), collected.interrupted) {
        (true, _) => End::NoRoom,
        (false, true) => End::Interrupted,
        (false, false) => End::Done,
    };
    let exit =
        finish::finish(&job.plan, &mut *store, &dir, &built, &observer, end, &last_run.next)?;
    if has_collected {
        last_run.end(exit);
        last_run.write(&mut *store)?;
    }
    Ok(exit)
}

/// What a call of the verb is about.
struct Job<'a> {
    spec: &'a SpecArgs,
    plan: Arc<Plan>,
    memory: Memory,
    limit: Option<u64>,
    shown: String,
}

/// What is to be done with a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Collect,
    BuildOnly,
}

impl Job<'_> {
    /// Whether there is something to collect.
    ///
    /// # Errors
    /// When the directory was collected from something else, or holds an
    /// unfinished run and nothing says what is to become of it.
    fn decide(&self, earlier: &Option<Contents>, remembered: Option<&Memory>) -> Outcome<Work> {
        // Where it ended before the first commit there is nothing that could be mixed.
        let Some(contents) = earlier.as_ref().filter(|contents| !contents.partitions.is_empty())
        else {
            return Ok(Work::Collect);
        };
        if let Some(remembered) = remembered {
            remembered.must_match(&self.memory, &self.shown)?;
        }
        if self.spec.flag("resume") {
            return Ok(Work::Collect);
        }
        let state = |stream: &str, partition: &str| {
            let mut rows = contents.partitions.iter().map(|(row, _)| row);
            rows.find(|row| row.stream == stream && row.partition == partition)
        };
        let mut more = false;
        let mut unfinished = !contents.lists.is_empty();
        for stream in &self.plan.streams {
            for partition in &stream.partitions {
                match state(&stream.name, &partition.id).map(|row| (row.state, row.limit)) {
                    None => more = true,
                    Some((PartitionState::Complete, _)) => {}
                    Some((PartitionState::Limited, had)) => {
                        more |= self.limit.is_none_or(|limit| had.is_none_or(|had| limit > had));
                    }
                    Some(_) => unfinished = true,
                }
            }
        }
        if unfinished {
            return Err(Ended::usage(self.unfinished(contents)));
        }
        Ok(if more { Work::Collect } else { Work::BuildOnly })
    }

    fn unfinished(&self, contents: &Contents) -> String {
        let held: u64 = contents.partitions.iter().map(|(_, records)| records).sum();
        let mut text = format!("{} holds an unfinished run with {held} records", self.shown);
        for (row, records) in &contents.partitions {
            let reason = row.reason.as_ref().map_or(String::new(), |r| format!(": {r}"));
            let (partition, state) = (&row.partition, row.state.as_str());
            text.push_str(&format!("\n  {partition:<12} {records:>8}  {state}{reason}"));
        }
        text.push_str("\ngo on with --resume, or throw it away with --fresh");
        text
    }

    /// Tells what is collected, from where, and where it goes.
    fn tell_start(&self, observer: &Observer) {
        let from = match self.spec.path("replay") {
            Some(recording) => recording.display().to_string(),
            None => crate::http::without_credentials(&self.plan.http.base_url),
        };
        observer.tell(&Event::Collecting {
            spec: &self.plan.name,
            from: &from,
            directory: &self.shown,
            partitions: self.plan.streams.iter().map(|stream| stream.partitions.len()).sum(),
        });
    }

    fn client(
        &self,
        dir: &Path,
        fresh: bool,
        stop: &Stop,
        observer: &Arc<Observer>,
    ) -> Outcome<Client> {
        let file = dir.join(STORE_FILE);
        let last = match SqliteStore::open(&file) {
            Ok(store) if !fresh => store.last_seq()?,
            Err(error) if !fresh && file.exists() => return Err(error.into()),
            _ => 0,
        };
        let options = ClientOptions {
            first_seq: last + 1,
            record: self.spec.path("record").cloned(),
            replay: self.spec.path("replay").cloned(),
            ..transport::options(self.spec)?
        };
        transport::client(&self.plan, options, stop, observer)
    }

    /// The end of a run that cannot go on; a finding about the spec is told here.
    fn ended(&self, error: &collect::Error) -> Ended {
        if let collect::Error::Failed(Cause { finding: Some(finding), .. }) = error {
            let json = self.spec.voice().is_json();
            diagnostics::print_all(std::slice::from_ref(&**finding), &self.plan.sources, json);
            return Ended::told(Exit::Failed);
        }
        Ended::failed(error.to_string())
    }

    async fn collect(
        &self,
        store: Box<dyn Store>,
        client: Client,
        stop: &Stop,
        observer: &Arc<Observer>,
    ) -> Outcome<(Box<dyn Store>, CollectReport)> {
        let writer = Writer::start(store)?;
        let options = CollectOptions {
            limit: self.limit,
            resume: self.spec.flag("resume"),
            concurrency: self.spec.concurrency().unwrap_or(self.plan.http.concurrency),
            offline: self.memory.source == Source::Recording,
        };
        let (plan, stop, observer) = (self.plan.clone(), stop.clone(), observer.clone());
        let report =
            collect::run(plan, writer.clone(), client.clone(), options, stop, observer).await;
        let recorded = client.finish();
        let store = writer.close().await?;
        let report = report.map_err(|error| self.ended(&error))?;
        recorded.map_err(|e| Ended::failed(e.to_string()))?;
        Ok((store, report))
    }
}

fn clear(dir: &Path, lock: &Lock, observer: &Observer) -> Outcome<()> {
    let build_lock = Lock::acquire(dir, LockKind::Build)?;
    let cleared = OutputState::clear(dir, [lock, &build_lock])?;
    if cleared.removed > 0 {
        let directory = dir.display().to_string();
        observer.tell(&Event::Cleared { directory: &directory, files: cleared.removed });
    }
    Ok(())
}

/// Builds under the build lock; also the whole of `scrape build`.
pub fn build_into(
    plan: &Plan,
    store: &mut dyn Store,
    dir: &Path,
    observer: &Arc<Observer>,
) -> Outcome<build::BuildReport> {
    let lock = Lock::acquire(dir, LockKind::Build)?;
    build_under(&lock, plan, store, dir, observer, |store, dir, options| {
        build::run(plan, store, dir, options)
    })
}

/// Builds in some way while the build lock is held, and shows how far it is.
pub fn build_under<T>(
    _lock: &Lock,
    plan: &Plan,
    store: &mut dyn Store,
    dir: &Path,
    observer: &Arc<Observer>,
    build: impl FnOnce(&mut dyn Store, &OutputDir, &BuildOptions) -> Result<T, build::Error>,
) -> Outcome<T> {
    let track = Arc::new(Track::of_build());
    track.begin(0);
    track.expect(records(plan, store)?);
    observer.board.begin(vec![track.clone()]);
    let _display = Display::start(observer.clone(), !prints(plan));
    let beside = vec![STATS_FILE.to_owned()];
    let options = BuildOptions { beside, track: Some(track), ..Default::default() };
    build(store, &OutputDir::new(dir), &options)
        .map_err(|error| build_ended(&error, plan, observer))
}

/// The end of a build that failed; where a sink is behind it, its place is told.
fn build_ended(error: &build::Error, plan: &Plan, observer: &Observer) -> Ended {
    let build::Error::Sink { name, source } = error else {
        return Ended::failed(error.to_string());
    };
    let place = plan.sinks.iter().find(|sink| sink.name == *name).map(|sink| sink.span);
    let hint = String::from("nothing is lost: put it right, then `scrape build`");
    let message = format!("the sink `{name}` cannot {source}");
    let found = Diagnostic { hint: Some(hint), ..Diagnostic::error(place, message) };
    diagnostics::print_all(&[found], &plan.sources, observer.voice().is_json());
    Ended::told(Exit::Failed)
}

/// How many records the partitions of a plan have.
fn records(plan: &Plan, store: &dyn Store) -> Outcome<u64> {
    let mut sum = 0;
    for stream in &plan.streams {
        for partition in &stream.partitions {
            sum += store.count_records(&stream.name, &partition.id)?;
        }
    }
    Ok(sum)
}

/// Whether a sink may write to the terminal that bars are drawn on.
fn prints(plan: &Plan) -> bool {
    let streams = |sink: &SinkPlan| (sink.make)().is_ok_and(|s| s.delivery() == Delivery::Stream);
    std::io::stdout().is_terminal() && plan.sinks.iter().any(streams)
}

fn look(dir: &Path, fresh: bool) -> Outcome<(Option<Contents>, Option<Memory>)> {
    let contents = match OutputState::inspect(dir) {
        Ok(OutputState::Empty) => return Ok((None, None)),
        Ok(OutputState::Foreign { file }) => {
            return Err(Ended::usage(format!(
                "{} holds {file} and is not an output of scrape: name another folder with --output-dir",
                dir.display()
            )));
        }
        Err(error) if !fresh => return Err(Ended::failed(error.to_string())),
        _ if fresh => return Ok((None, None)),
        Ok(OutputState::Unfinished(contents) | OutputState::Complete(contents)) => contents,
        Err(error) => return Err(Ended::failed(error.to_string())),
    };
    let memory = match SqliteReader::open(&dir.join(STORE_FILE)) {
        Ok(reader) => Memory::read(|key| crate::store::Reader::meta(&reader, key))?,
        Err(_) => None,
    };
    Ok((Some(contents), memory))
}
