//! `scrape plan`: what a run would ask for, and how long that takes.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use clap::Command;

use super::args::{format, output_dir, replay, with_pace, with_spec, with_voice};
use super::held;
use super::memory::Source;
use super::spec_args::SpecArgs;
use super::transport;
use super::verb::{Run, Verb};
use crate::collect;
use crate::forecast::{Forecast, Row, Sample};
use crate::http::{ClientOptions, Stop};
use crate::observe::words::printable;
use crate::observe::{Budget, Observer, Spacing};
use crate::plan::Plan;
use crate::report::{Ended, Exit, Outcome};

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Spec(run) };

fn command() -> Command {
    let command = with_pace(with_spec(Command::new("plan")).arg(output_dir()))
        .about("What would be requested, how many requests, and how long at this pace")
        .long_about(
            "What would be requested, how many requests, and how long at this pace.\n\n\
             Asks for one number for each partition, through the same pace and budget as a run. \
             Nothing is written.",
        )
        .arg(replay())
        .arg(format())
        .after_help(
            "Examples:\n  scrape plan specs/apache-jira.yaml -p KAFKA -p SPARK\n  \
             scrape plan specs/apache-jira.yaml --replay specs/recordings/apache-jira.har\n\n\
             Where the output directory holds a run of the spec, the plan is what --resume would \
             ask for. The exit code is 3 where a partition cannot be counted.",
        );
    with_voice(command)
}

/// Runs the verb. A partition that cannot be counted is exit code 3.
fn run(spec: &SpecArgs) -> Outcome {
    let observer = Arc::new(Observer::new(spec.voice()));
    let replay = spec.path("replay").cloned();
    let dir = spec.output_dir(replay.is_some());
    let source = if replay.is_some() { Source::Recording } else { Source::Live };
    let (plan, held) = held::look(spec, &dir, Some(source))?;
    let plan = Arc::new(plan);
    let concurrency = spec.concurrency().unwrap_or(plan.http.concurrency);
    let options = ClientOptions { replay, ..transport::options(spec)? };
    let runtime = transport::runtime()?;
    let _inside = runtime.enter();
    let client = transport::client(&plan, options, &Stop::default(), &observer)?;
    let looks = runtime
        .block_on(collect::outline(&plan, &client, concurrency))
        .map_err(|e| Ended::failed(e.to_string()))?;
    let host = observer.board.hosts().into_iter().next();
    let (spacing, budget) = match &host {
        Some(host) => (host.spacing(), host.budget()),
        None => (spacing(spec, &plan), budget(&plan)),
    };
    let samples = match &held {
        Some(held) => Sample::of(&plan, &held.reader)?,
        None => Vec::new(),
    };
    let contents = held.as_ref().map(|held| &held.contents);
    let forecast = Forecast {
        plan: &plan,
        rows: looks.into_iter().map(|look| Row::of(&plan, look, contents)).collect(),
        concurrency,
        spacing,
        budget,
        directory: held.as_ref().map(|_| dir.display().to_string()),
        samples,
    };
    let text = match spec.text("format") {
        Some("json") => forecast.json(),
        _ => printable(&forecast.text()).into_owned(),
    };
    // A closed pipe is no error.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(if forecast.is_whole() { Exit::Complete } else { Exit::Incomplete })
}

/// Under replay no host is paced: the time between requests that a live run keeps.
fn spacing(spec: &SpecArgs, plan: &Plan) -> Option<Spacing> {
    let rates = plan.http.rate_limits.iter().filter(|limit| !limit.is_budget());
    let spacing = match spec.rate_limit() {
        Some(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        None => rates.map(|limit| limit.per / limit.requests.max(1)).max(),
    };
    let spacing = spacing.filter(|spacing| !spacing.is_zero())?;
    Some(Spacing { between: spacing, slowed: false })
}

/// The smallest budget, of which a recording uses nothing.
fn budget(plan: &Plan) -> Option<Budget> {
    let budgets = plan.http.rate_limits.iter().filter(|limit| limit.is_budget());
    budgets.min_by_key(|limit| limit.requests).map(|limit| {
        let requests = u64::from(limit.requests);
        Budget { left: requests, requests, per: limit.per }
    })
}
