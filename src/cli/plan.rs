//! `scrape plan`: what a run would ask for, and how long that takes.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use clap::Command;
use serde_json::json;

use super::args::{format, replay, with_pace, with_spec, with_voice};
use super::memory::Memory;
use super::run::{state_dir, store_error};
use super::spec_args::SpecArgs;
use super::transport;
use super::verb::{Run, Verb};
use crate::collect::{self, Look, Outline};
use crate::http::{ClientOptions, Stop};
use crate::observe::Observer;
use crate::observe::words::{about, count, counted, pace};
use crate::plan::{Plan, Robots};
use crate::report::{Ended, Exit, Outcome};
use crate::store::{OutputState, STORE_FILE, SqliteReader};

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Spec(run) };

fn command() -> Command {
    let command = with_pace(with_spec(Command::new("plan")))
        .about("What would be requested, how many requests, and how long at this pace")
        .long_about(
            "What would be requested, how many requests, and how long at this pace.\n\n\
             Asks for one number for each partition, through the same pace and budget as a run. \
             Nothing is written.",
        )
        .arg(replay())
        .arg(format())
        .after_help("Example:\n  scrape plan specs/apache-jira.yaml -p KAFKA -p SPARK");
    with_voice(command)
}

/// Runs the verb. A partition that cannot be counted is exit code 3.
fn run(spec: &SpecArgs) -> Outcome {
    let observer = Arc::new(Observer::new(spec.voice()));
    let dir = spec.output_dir(spec.path("replay").is_some());
    let held = match OutputState::inspect(&dir) {
        Ok(OutputState::Complete(contents) | OutputState::Unfinished(contents)) => Some(contents),
        _ => None,
    };
    let remembered = match &held {
        Some(_) => {
            let reader = SqliteReader::open(&dir.join(STORE_FILE)).map_err(store_error)?;
            Memory::read(|key| crate::store::Reader::meta(&reader, key))?
        }
        None => None,
    };
    let plan = Arc::new(spec.compile(remembered.as_ref().map(|m| &m.params))?);
    let concurrency = spec.concurrency().unwrap_or(plan.http.concurrency);
    let options = ClientOptions {
        concurrency: spec.concurrency(),
        rate_limit: spec.rate_limit(),
        state_dir: state_dir()?,
        first_seq: 1,
        replay: spec.path("replay").cloned(),
        ..ClientOptions::default()
    };
    let runtime = transport::runtime()?;
    let _inside = runtime.enter();
    let client = transport::client(&plan, options, &Stop::default(), &observer)?;
    let looks = runtime
        .block_on(collect::outline(&plan, &client, concurrency))
        .map_err(|e| Ended::failed(e.to_string()))?;
    let host = observer.board.hosts().into_iter().next();
    let forecast = Forecast {
        plan: &plan,
        rows: looks
            .into_iter()
            .map(|look| {
                let stream = &plan.streams[look.stream];
                let partition = &stream.partitions[look.partition].id;
                let rows = held.iter().flat_map(|held| &held.partitions);
                let here = rows
                    .filter(|(row, _)| row.stream == stream.name && row.partition == *partition)
                    .map(|(_, records)| *records);
                (look, here.sum())
            })
            .collect(),
        concurrency,
        spacing: host.as_ref().and_then(|host| host.spacing()),
        budget: host.and_then(|host| host.budget()),
        directory: held.map(|_| dir.display().to_string()),
    };
    let text = match spec.text("format") {
        Some("json") => forecast.json(),
        _ => forecast.text(),
    };
    // A closed pipe is no error.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    let known = forecast.rows.iter().all(|(look, _)| look.found.is_ok());
    Ok(if known { Exit::Complete } else { Exit::Incomplete })
}

/// What a run takes.
struct Forecast<'p> {
    plan: &'p Plan,
    /// Each partition, with the number of its records that are here.
    rows: Vec<(Look<Option<Outline>>, u64)>,
    concurrency: usize,
    spacing: Option<Duration>,
    budget: Option<crate::observe::Budget>,
    directory: Option<String>,
}

impl Forecast<'_> {
    fn outlines(&self) -> impl Iterator<Item = Outline> {
        self.rows.iter().filter_map(|(look, _)| look.found.as_ref().ok().copied().flatten())
    }

    /// Requests of all partitions, the checks before the first page included.
    fn requests(&self) -> u64 {
        let robots = u64::from(self.plan.http.robots == Robots::Obey);
        // Those that end before the last are counted once more at the end.
        let again: u64 = self
            .plan
            .streams
            .iter()
            .filter(|stream| stream.pagination.count.is_some())
            .map(|stream| stream.partitions.len() as u64 - 1)
            .sum();
        let pages: u64 = self.outlines().map(|outline| outline.requests).sum();
        robots + self.plan.preflight.len() as u64 + pages + again
    }

    /// The least time that the pace allows.
    fn least(&self) -> Option<Duration> {
        let requests = u32::try_from(self.requests()).unwrap_or(u32::MAX);
        Some(self.spacing?.saturating_mul(requests))
    }

    /// Whole spans of the budget that a run has to wait for.
    fn spans(&self) -> Option<u64> {
        let budget = self.budget?;
        let over = self.requests().saturating_sub(budget.left);
        Some(over.div_ceil(budget.requests.max(1)))
    }

    fn lists(&self) -> Vec<String> {
        let names = self.plan.streams.iter().flat_map(|stream| {
            stream.children.iter().map(move |child| format!("{}.{}", stream.name, child.name))
        });
        names.collect()
    }

    fn text(&self) -> String {
        let mut out = String::new();
        let from = crate::http::without_credentials(&self.plan.http.base_url);
        let flight = counted(self.concurrency as u64, "request");
        let _ = writeln!(out, "{from}, {flight} in flight at most\n");
        let name = |look: &Look<_>| {
            let stream = &self.plan.streams[look.stream];
            format!("{} {}", stream.name, stream.partitions[look.partition].id).trim().to_owned()
        };
        let width = self.rows.iter().map(|(look, _)| name(look).chars().count()).max();
        let width = width.unwrap_or(0).max("in all".len());
        let here = |n: u64| match &self.directory {
            Some(_) => format!("{:>10}", count(n)),
            None => String::new(),
        };
        let head = if self.directory.is_some() { format!("{:>10}", "here") } else { String::new() };
        let _ = writeln!(
            out,
            "{:width$}{:>10}{head}{:>8}{:>8}{:>10}",
            "", "records", "pages", "ranges", "requests"
        );
        for (look, records) in &self.rows {
            let name = name(look);
            let _ = match &look.found {
                Ok(Some(o)) => writeln!(
                    out,
                    "{name:width$}{:>10}{}{:>8}{:>8}{:>10}",
                    count(o.records),
                    here(*records),
                    count(o.pages),
                    o.ranges,
                    count(o.requests)
                ),
                Ok(None) => writeln!(out, "{name:width$}  the server does not say how many"),
                Err(reason) => {
                    let own = reason.strip_prefix(&format!("{name}: ")).unwrap_or(reason);
                    writeln!(out, "{name:width$}  {own}")
                }
            };
        }
        let records: u64 = self.outlines().map(|o| o.records).sum();
        let pages: u64 = self.outlines().map(|o| o.pages).sum();
        let all: u64 = self.rows.iter().map(|(_, records)| records).sum();
        let _ = writeln!(
            out,
            "{:width$}{:>10}{}{:>8}{:>8}{:>10}",
            "in all",
            count(records),
            here(all),
            count(pages),
            "",
            count(self.requests())
        );
        let checks = self.requests() - self.outlines().map(|o| o.requests).sum::<u64>();
        let _ = writeln!(out, "\nthat includes {} around the pages", counted(checks, "check"));
        for list in self.lists() {
            let _ = writeln!(out, "and one more for each record whose {list} did not all come");
        }
        if let (Some(spacing), Some(least)) = (self.spacing, self.least()) {
            let _ = writeln!(out, "at {}: {} at least", pace(spacing), about(least));
        }
        if let Some(budget) = self.budget {
            let left = format!("{} of {} are left", count(budget.left), count(budget.requests));
            let per = about(budget.per);
            let _ = match self.spans().unwrap_or(0) {
                0 => writeln!(out, "the budget allows it: {left} in {per}"),
                n => writeln!(
                    out,
                    "the budget does not allow it at once: {left} in {per}; go on with --resume \
                     {}",
                    counted(n, "time")
                ),
            };
        }
        if let Some(directory) = &self.directory {
            let _ = writeln!(out, "{directory} has what is `here`; --resume asks for the rest");
        }
        let _ = writeln!(out, "\nfirst requests:");
        for (look, _) in &self.rows {
            let _ = writeln!(out, "  {}", look.first);
        }
        out
    }

    fn json(&self) -> String {
        let partitions: Vec<_> = self
            .rows
            .iter()
            .map(|(look, here)| {
                let stream = &self.plan.streams[look.stream];
                let outline = look.found.as_ref().ok().copied().flatten();
                json!({
                    "stream": stream.name,
                    "partition": stream.partitions[look.partition].id,
                    "records": outline.map(|o| o.records),
                    "here": here,
                    "page_size": outline.map(|o| o.page),
                    "pages": outline.map(|o| o.pages),
                    "ranges": outline.map(|o| o.ranges),
                    "requests": outline.map(|o| o.requests),
                    "first_request": look.first,
                    "error": look.found.as_ref().err(),
                })
            })
            .collect();
        let mut line = json!({
            "base_url": crate::http::without_credentials(&self.plan.http.base_url),
            "partitions": partitions,
            "requests": self.requests(),
            "child_lists": self.lists(),
            "seconds_at_least": self.least().map(|least| least.as_secs_f64().round()),
            "budget_left": self.budget.map(|budget| budget.left),
        })
        .to_string();
        line.push('\n');
        line
    }
}
