//! One test: a run from a recording into a folder of its own, then a look at what
//! came of it.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use scrape_api::{Delivery, OutputDir, Sink};
use serde_json::Value;

use super::compare::{Finding, compare, differ, near};
use super::file::TestFile;
use crate::build::{self, Attempt, BuildOptions, Fate, show};
use crate::collect::{self, CollectOptions};
use crate::http::{Client, ClientOptions};
use crate::observe::{Observer, Voice};
use crate::plan::{LeakPolicy, Plan, compile};
use crate::report::Stats;
use crate::spec::lang::{CaseSpec, CountsSpec, Number};
use crate::spec::{self, Data, Diagnostics, ParamValues, Sources, Yaml, params};
use crate::store::{Reader, STORE_FILE, SqliteStore, Store, Writer};

/// Makes the client of a plan.
pub type Connect<'c> =
    &'c dyn Fn(&Arc<Plan>, ClientOptions, &Arc<Observer>) -> Result<Client, String>;

/// What came of a test.
pub struct Verdict {
    /// What is not as expected, each a sentence with its place; none where all is.
    pub findings: Vec<String>,
    /// What was not looked at, and why.
    pub notes: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// Runs one test of a spec. Sinks that write elsewhere than into files are left
/// alone.
///
/// # Errors
/// When the spec itself is wrong: its findings.
pub fn run(
    runtime: &tokio::runtime::Runtime,
    spec: &Path,
    file: &TestFile,
    case: &CaseSpec,
    connect: Connect,
) -> Result<Verdict, (Diagnostics, Arc<Sources>)> {
    let begun = Instant::now();
    let place = |f: &Finding| format!("{}: {}", file.sources.display(f.span), f.message);
    let findings =
        match plan(spec, &file.allowed, case, |sink| sink.delivery() == Delivery::Replace) {
            Ok(plan) => judge(runtime, &Arc::new(plan), file, case, connect)
                .unwrap_or_else(|message| vec![Finding { span: case.span, message }]),
            Err(Unfit::Params(findings)) => findings,
            Err(Unfit::Spec(diagnostics, sources)) => return Err((diagnostics, sources)),
        };
    let findings = findings.iter().map(place).collect();
    Ok(Verdict { findings, notes: Vec::new(), took: begun.elapsed() })
}

/// Why there is nothing to be tested.
pub(super) enum Unfit {
    /// The spec is wrong.
    Spec(Diagnostics, Arc<Sources>),
    /// The test gives it params that it does not take.
    Params(Vec<Finding>),
}

/// The spec with the params of a test, and of its sinks those that are `kept`.
pub(super) fn plan(
    spec: &Path,
    allowed: &[PathBuf],
    case: &CaseSpec,
    kept: impl Fn(&dyn Sink) -> bool,
) -> Result<Plan, Unfit> {
    let mut loaded =
        spec::load(spec, allowed).map_err(|error| Unfit::Spec(error.diagnostics, error.sources))?;
    // What is wrong with them is found once more when the spec is compiled.
    let declared = params::declarations(&loaded, &mut Diagnostics::default());
    let mut values = ParamValues::stand_ins();
    let mut findings = Vec::new();
    for (key, node) in &case.params.0 {
        let set =
            params::find(&declared, &key.text).and_then(|param| values.set(param, &texts(node)));
        if let Err(message) = set {
            findings.push(Finding { span: key.span, message });
        }
    }
    // A file that cannot be read may declare them.
    if !findings.is_empty() && !loaded.partial {
        return Err(Unfit::Params(findings));
    }
    let mut diagnostics = Diagnostics::default();
    let Some(mut plan) = compile(&mut loaded, &values, &mut diagnostics) else {
        return Err(Unfit::Spec(diagnostics, loaded.sources));
    };
    plan.sinks.retain(|sink| (sink.make)().is_ok_and(|sink| kept(&*sink)));
    Ok(plan)
}

/// The texts of a param's value, as the command line would give them.
fn texts(node: &Yaml) -> Vec<String> {
    match &node.data {
        Data::List(items) => items.iter().flat_map(texts).collect(),
        Data::Scalar(scalar) => vec![scalar.text.clone()],
        Data::Map(_) | Data::Broken => Vec::new(),
    }
}

/// Collects and builds in a folder of its own, and looks at the result.
fn judge(
    runtime: &tokio::runtime::Runtime,
    plan: &Arc<Plan>,
    file: &TestFile,
    case: &CaseSpec,
    connect: Connect,
) -> Result<Vec<Finding>, String> {
    let folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    let observer = Arc::new(Observer::new(Voice::Quiet));
    let replay = file.folder.join(&case.replay);
    let options = ClientOptions { first_seq: 1, replay: Some(replay), ..Default::default() };
    let _inside = runtime.enter();
    let client = connect(plan, options, &observer)?;
    let store = SqliteStore::create(&folder.path().join(STORE_FILE)).map_err(|e| e.to_string())?;
    let mut store =
        runtime.block_on(collect(plan, Box::new(store), client, (case.limit, false), &observer))?;
    let dir = OutputDir::new(folder.path());
    let built =
        build::run(plan, &mut *store, &dir, &BuildOptions::default()).map_err(|e| e.to_string())?;
    let reader = store.reader().map_err(|e| e.to_string())?;
    let stats = Stats::gather(plan, &*reader, &built, &observer).map_err(|e| e.to_string())?;

    let mut findings = Vec::new();
    if case.complete {
        for partition in stats.counts.partitions.iter().filter(|p| !p.is_done()) {
            let reason = partition.reason.as_deref().unwrap_or(partition.state);
            let message = format!("{} is not complete: {reason}", partition.partition);
            findings.push(Finding { span: case.span, message });
        }
    }
    counts(&case.expect.counts, &stats, &mut findings);
    looks(plan, &*reader, case, &mut findings)?;
    Ok(findings)
}

/// Collects from the recording, alone or after another that was killed.
pub(super) async fn collect(
    plan: &Arc<Plan>,
    store: Box<dyn Store>,
    client: Client,
    (limit, resume): (Option<u64>, bool),
    observer: &Arc<Observer>,
) -> Result<Box<dyn Store>, String> {
    let writer = Writer::start(store).map_err(|e| e.to_string())?;
    let options = CollectOptions { limit, concurrency: 1, offline: true, resume };
    let (plan, stop) = (plan.clone(), Default::default());
    let report = collect::run(plan, writer.clone(), client, options, stop, observer.clone()).await;
    let store = writer.close().await.map_err(|e| e.to_string())?;
    report.map_err(|e| e.to_string())?;
    Ok(store)
}

/// Compares numbers.
fn counts(expected: &CountsSpec, stats: &Stats, findings: &mut Vec<Finding>) {
    let counts = &stats.counts;
    let streams = counts.build.streams.values();
    let single = [
        ("records", &expected.records, counts.partitions.iter().map(|p| p.got).sum::<u64>()),
        ("mapped", &expected.mapped, streams.map(|s| s.mapped).sum()),
    ];
    for (name, number, got) in single {
        number.iter().for_each(|number| check(name, *number, got, findings));
    }
    let mut rejects = BTreeMap::<String, u64>::new();
    for (reason, count) in counts.build.rejects.values().flatten() {
        *rejects.entry(reason.clone()).or_default() += count;
    }
    let partitions = counts.partitions.iter().map(|p| (p.partition.clone(), p.got));
    let tasks = counts.build.tasks.iter().map(|(name, task)| (name.clone(), task.examples));
    let sinks = counts.build.sinks.iter().map(|(name, sink)| (name.clone(), sink.rows));
    let named: [(_, _, HashMap<String, u64>); 4] = [
        ("partition", &expected.partitions, partitions.collect()),
        ("task", &expected.tasks, tasks.collect()),
        ("sink", &expected.sinks, sinks.collect()),
        ("rejects for", &expected.rejects, rejects.into_iter().collect()),
    ];
    for (what, expected, got) in named {
        for (key, number) in &expected.0 {
            let name = format!("{what} {}", key.text);
            match got.get(&key.text) {
                Some(got) => check(&name, *number, *got, findings),
                // A reason that never came up.
                None if what == "rejects for" => check(&name, *number, 0, findings),
                None => findings.push(Finding {
                    span: key.span,
                    message: format!("there is no {name}{}", near(&key.text, got.keys())),
                }),
            }
        }
    }
}

fn check(name: &str, number: Number, got: u64, findings: &mut Vec<Finding>) {
    if number.value != got {
        let message = differ(name, &number.value.into(), &got.into());
        findings.push(Finding { span: number.span, message });
    }
}

/// Compares single records and examples.
fn looks(
    plan: &Plan,
    reader: &dyn Reader,
    case: &CaseSpec,
    findings: &mut Vec<Finding>,
) -> Result<(), String> {
    let examples = case.expect.examples.0.iter().flat_map(|(_, keys)| &keys.0);
    let keys = case.expect.records.0.iter().chain(examples);
    let mut wanted: HashMap<String, Option<Looked>> =
        keys.map(|(key, _)| (key.text.clone(), None)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    show(plan, |show| {
        for (number, stream) in plan.streams.iter().enumerate() {
            let ids: Vec<String> = stream.partitions.iter().map(|p| p.id.clone()).collect();
            reader.records(&stream.name, &ids, &mut |record| {
                for key in [show.key(number, &record), record.primary_key.clone()] {
                    if let Some(place @ None) = wanted.get_mut(&key) {
                        let fields = show.record(number, &record);
                        let make = |task| Some(show.task(task, fields.as_ref().ok()?));
                        let attempts = plan.tasks.iter().filter_map(make).collect();
                        *place = Some(Looked { fields, attempts });
                        break;
                    }
                }
                ControlFlow::Continue(())
            })?;
        }
        Ok(())
    })
    .map_err(|e: crate::store::Error| e.to_string())?;

    for (key, expected) in &case.expect.records.0 {
        let found = wanted.get(&key.text).and_then(Option::as_ref).map(|looked| &looked.fields);
        let name = format!("record {}", key.text);
        match found {
            Some(Ok(record)) => compare(expected, record, &name, findings),
            Some(Err(reason)) => {
                findings.push(Finding { span: key.span, message: format!("{name}: {reason}") });
            }
            None => {
                findings.push(Finding { span: key.span, message: format!("there is no {name}") })
            }
        }
    }
    for (task, keys) in &case.expect.examples.0 {
        let Some(number) = plan.tasks.iter().position(|t| t.name == task.text) else {
            let names: Vec<String> = plan.tasks.iter().map(|t| t.name.clone()).collect();
            let message =
                format!("there is no task {}{}", task.text, near(&task.text, names.iter()));
            findings.push(Finding { span: task.span, message });
            continue;
        };
        for (key, expected) in &keys.0 {
            let name = format!("{} {}", task.text, key.text);
            match wanted.get(&key.text).and_then(Option::as_ref) {
                Some(looked) => match made(plan, looked.attempts.get(number)) {
                    Ok(example) => compare(expected, &example, &name, findings),
                    Err(reason) => findings
                        .push(Finding { span: key.span, message: format!("{name}: {reason}") }),
                },
                None => {
                    let message = format!("there is no record {}", key.text);
                    findings.push(Finding { span: key.span, message });
                }
            }
        }
    }
    Ok(())
}

/// A record that something is expected of.
struct Looked {
    fields: Result<Value, String>,
    /// By task; empty without fields.
    attempts: Vec<Attempt>,
}

/// What a task made of a record, as its file has it: the example, all of them in a
/// list where there are several, null where there is none.
fn made(plan: &Plan, attempt: Option<&Attempt>) -> Result<Value, String> {
    let mut examples = Vec::new();
    for fate in attempt.into_iter().flat_map(|attempt| &attempt.fates) {
        match fate {
            Fate::Made { leak: Some(leak), .. } if leak.policy == LeakPolicy::Drop => {}
            Fate::NotApplicable { .. } => {}
            Fate::Made { example, .. } => examples.push(example.clone()),
            Fate::Failed(error) => return Err(error.told(&plan.sources)),
        }
    }
    Ok(match examples.len() {
        0 => Value::Null,
        1 => examples.remove(0),
        _ => Value::Array(examples),
    })
}
