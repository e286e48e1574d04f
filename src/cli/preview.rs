//! `scrape preview`: a few records, or the examples of a task beside the fields
//! that went in. Nothing is written.

use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;

use clap::{Arg, ArgAction, Command, value_parser};
use serde_json::{Value, json};

use super::args::{format, replay, with_pace, with_spec, with_voice};
use super::memory::Memory;
use super::run::{state_dir, store_error};
use super::spec_args::SpecArgs;
use super::transport;
use super::verb::{Run, Verb};
use crate::build::{Fate, Shown, show};
use crate::collect;
use crate::http::{ClientOptions, Stop};
use crate::observe::Observer;
use crate::plan::{LeakPolicy, Plan};
use crate::report::outline::{Extent, outline};
use crate::report::{Ended, Exit, Outcome};
use crate::spec::suggest_hint;
use crate::store::{OutputState, Reader, STORE_FILE, SqliteReader, StoredRecord};

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Spec(run) };

fn command() -> Command {
    let command = with_pace(with_spec(Command::new("preview")))
        .about("A few records, or examples of a task beside the fields that went in")
        .long_about(
            "A few records, or examples of a task beside the fields that went in.\n\n\
             Records come from the output directory where it holds a run, else from the recording \
             of --replay, else one page of each partition is asked for. Nothing is written.",
        )
        .arg(
            Arg::new("records")
                .short('n')
                .long("records")
                .value_name("N")
                .value_parser(value_parser!(u32).range(1..))
                .default_value("3")
                .help("How many records, or examples, are shown"),
        )
        .arg(
            Arg::new("task")
                .long("task")
                .value_name("TASK")
                .help("Shows what this task makes of them"),
        )
        .arg(
            Arg::new("key")
                .long("key")
                .value_name("KEY")
                .help("Shows the record of this key alone"),
        )
        .arg(
            Arg::new("full")
                .long("full")
                .action(ArgAction::SetTrue)
                .help("Shows long texts and lists whole"),
        )
        .arg(replay())
        .arg(format())
        .after_help(
            "Example:\n  scrape preview specs/apache-jira.yaml --task summarization -n 2\n  \
             scrape preview specs/apache-jira.yaml --task qa --key KAFKA-12",
        );
    with_voice(command)
}

/// Runs the verb.
fn run(spec: &SpecArgs) -> Outcome {
    let dir = spec.output_dir(false);
    let held = match (spec.path("replay"), OutputState::inspect(&dir)) {
        (None, Ok(OutputState::Complete(_) | OutputState::Unfinished(_))) => {
            Some(SqliteReader::open(&dir.join(STORE_FILE)).map_err(store_error)?)
        }
        _ => None,
    };
    let remembered = match &held {
        Some(reader) => Memory::read(|key| reader.meta(key))?,
        None => None,
    };
    let plan = Arc::new(spec.compile(remembered.as_ref().map(|m| &m.params))?);
    let task = spec.text("task").map(|name| task(&plan, name)).transpose()?;
    let mut view = View::new(spec, &plan, task);
    let from = match &held {
        Some(reader) => {
            view.stored(reader)?;
            dir.display().to_string()
        }
        None => view.sampled(spec)?,
    };
    view.end(&from)
}

/// The place of a task.
fn task(plan: &Plan, name: &str) -> Outcome<usize> {
    plan.tasks.iter().position(|task| task.name == name).ok_or_else(|| {
        let hint = suggest_hint(name, plan.tasks.iter().map(|task| task.name.as_str()));
        Ended::usage(format!("the spec has no task `{name}`; {hint}"))
    })
}

/// What is to be shown, and how far it is.
struct View<'a> {
    plan: &'a Arc<Plan>,
    task: Option<usize>,
    key: Option<&'a str>,
    most: usize,
    extent: Extent,
    json: bool,
    shown: usize,
    /// Records of which the task makes nothing, and the first of them.
    passed: usize,
    first_passed: Option<String>,
}

impl<'a> View<'a> {
    fn new(spec: &'a SpecArgs, plan: &'a Arc<Plan>, task: Option<usize>) -> Self {
        Self {
            plan,
            task,
            key: spec.text("key"),
            most: spec.number("records").unwrap_or(3),
            extent: if spec.flag("full") { Extent::Full } else { Extent::Brief },
            json: spec.text("format") == Some("json"),
            shown: 0,
            passed: 0,
            first_passed: None,
        }
    }

    /// Shows records of a store, in build order.
    fn stored(&mut self, reader: &dyn Reader) -> Outcome<()> {
        let plan = self.plan.clone();
        show(&plan, |show| {
            for (number, stream) in plan.streams.iter().enumerate() {
                let ids: Vec<String> = stream.partitions.iter().map(|p| p.id.clone()).collect();
                let mut going = true;
                reader
                    .records(&stream.name, &ids, &mut |record| {
                        going = self.take(number, &record, &show.record(number, &record));
                        if going { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                    })
                    .map_err(store_error)?;
                if !going {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Shows records of first pages; says where they come from.
    fn sampled(&mut self, spec: &SpecArgs) -> Outcome<String> {
        let observer = Arc::new(Observer::new(spec.voice()));
        let replay = spec.path("replay").cloned();
        let from = match &replay {
            Some(recording) => recording.display().to_string(),
            None => crate::http::without_credentials(&self.plan.http.base_url),
        };
        let options = ClientOptions {
            concurrency: spec.concurrency(),
            rate_limit: spec.rate_limit(),
            state_dir: state_dir()?,
            first_seq: 1,
            replay,
            ..ClientOptions::default()
        };
        let runtime = transport::runtime()?;
        let _inside = runtime.enter();
        let client = transport::client(self.plan, options, &Stop::default(), &observer)?;
        let looks = runtime
            .block_on(collect::sample(self.plan, &client))
            .map_err(|e| Ended::failed(e.to_string()))?;
        let plan = self.plan.clone();
        show(&plan, |show| {
            let mut going = true;
            for look in looks {
                match look.found {
                    Ok(records) => {
                        for record in &records {
                            going = going
                                && self.take(
                                    look.stream,
                                    record,
                                    &show.record(look.stream, record),
                                );
                        }
                    }
                    Err(reason) => {
                        let stream = &plan.streams[look.stream];
                        let partition = &stream.partitions[look.partition].id;
                        let mut stderr = std::io::stderr().lock();
                        let _ = writeln!(stderr, "{} {partition}: {reason}", stream.name);
                    }
                }
            }
        });
        Ok(from)
    }

    /// Shows a record if it is wanted; whether more are.
    fn take(&mut self, stream: usize, record: &StoredRecord, shown: &Shown) -> bool {
        if let Some(key) = self.key
            && key != shown.key
            && key != record.primary_key
        {
            return true;
        }
        let made = |fate: &Fate| !matches!(fate, Fate::NotApplicable { .. });
        let applies = self.task.is_none_or(|task| match shown.tasks.get(task) {
            Some(fates) => fates.iter().any(made),
            None => true,
        });
        let text = if self.json {
            self.as_json(stream, record, shown)
        } else {
            self.as_text(stream, record, shown)
        };
        if !applies && self.key.is_none() {
            self.passed += 1;
            self.first_passed.get_or_insert(text);
            return true;
        }
        self.shown += 1;
        // A closed pipe is no error, and nobody is left to read more.
        let written = std::io::stdout().lock().write_all(text.as_bytes()).is_ok();
        written && self.key.is_none() && self.shown < self.most
    }

    fn as_text(&self, stream: usize, record: &StoredRecord, shown: &Shown) -> String {
        let stream = &self.plan.streams[stream].name;
        let place = format!("{stream} {}", record.partition);
        let mut out = format!("── {} · {}\n", shown.key, place.trim_end());
        match &shown.record {
            Ok(fields) => out.push_str(&outline(fields, 2, self.extent)),
            Err(reason) => {
                let _ = writeln!(out, "  not used: {reason}");
            }
        }
        if let Some(task) = self.task {
            let name = &self.plan.tasks[task].name;
            for fate in shown.tasks.get(task).into_iter().flatten() {
                let _ = writeln!(out, "  → {name}{}", self.verdict(fate));
                if let Fate::Made { example, .. } = fate {
                    out.push_str(&outline(example, 4, self.extent));
                }
                if let Fate::NotApplicable { looked_at, .. } = fate {
                    for (value, found) in looked_at {
                        out.push_str(&outline(&json!({ value: found }), 4, self.extent));
                    }
                }
            }
        }
        out.push('\n');
        out
    }

    /// What became of an example, on one line.
    fn verdict(&self, fate: &Fate) -> String {
        match fate {
            Fate::Made { leak: None, .. } => String::new(),
            Fate::Made { leak: Some(LeakPolicy::Drop), .. } => {
                String::from(": left out, its target stands in its input (leak: drop)")
            }
            Fate::Made { leak: Some(_), .. } => {
                String::from(": its target stands in its input; it stays, and is counted")
            }
            Fate::NotApplicable { when: Some(when), .. } => {
                format!(": not made, this is false or empty: {when}")
            }
            Fate::NotApplicable { when: None, .. } => String::from(": not made: it is null"),
            Fate::Failed(reason) => format!(": failed: {reason}"),
        }
    }

    fn as_json(&self, stream: usize, record: &StoredRecord, shown: &Shown) -> String {
        let tasks = self.plan.tasks.iter().zip(&shown.tasks).enumerate();
        let tasks: serde_json::Map<String, Value> = tasks
            .filter(|(number, _)| self.task.is_none_or(|task| task == *number))
            .map(|(_, (task, fates))| (task.name.clone(), fates.iter().map(fate).collect()))
            .collect();
        let mut line = json!({
            "key": shown.key,
            "primary_key": record.primary_key,
            "stream": self.plan.streams[stream].name,
            "partition": record.partition,
            "record": shown.record.as_ref().ok(),
            "error": shown.record.as_ref().err(),
            "tasks": tasks,
        })
        .to_string();
        line.push('\n');
        line
    }

    /// Says what was not shown; how the verb ends.
    fn end(self, from: &str) -> Outcome {
        let mut said = String::new();
        if let Some(task) = self.task.filter(|_| self.passed > 0) {
            let name = &self.plan.tasks[task].name;
            let records = crate::observe::words::counted(self.passed as u64, "record");
            let _ = writeln!(said, "task {name} makes nothing of {records} before");
        }
        match (self.shown, self.key, self.first_passed) {
            (0, Some(key), _) => {
                return Err(Ended::failed(format!(
                    "{from}: no record with the key {key} (of those that are at hand)"
                )));
            }
            (0, None, Some(first)) => {
                let _ = std::io::stdout().lock().write_all(first.as_bytes());
            }
            (0, None, None) => return Err(Ended::failed(format!("{from}: no records"))),
            _ => {}
        }
        let _ = writeln!(said, "from {from}");
        let _ = std::io::stderr().lock().write_all(said.as_bytes());
        Ok(Exit::Complete)
    }
}

fn fate(fate: &Fate) -> Value {
    match fate {
        Fate::Made { example, leak } => {
            let leak = leak.map(|leak| match leak {
                LeakPolicy::Drop => "dropped",
                LeakPolicy::Report => "reported",
                LeakPolicy::Allow => "allowed",
            });
            json!({ "example": example, "leak": leak })
        }
        Fate::NotApplicable { when, looked_at } => {
            let looked_at: serde_json::Map<String, Value> = looked_at.iter().cloned().collect();
            json!({ "example": null, "when": when, "looked_at": looked_at })
        }
        Fate::Failed(error) => json!({ "example": null, "error": error }),
    }
}
