//! `scrape verify`: the server's keys against the store.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use clap::{Arg, ArgAction, Command, value_parser};
use serde_json::json;

use super::args::{format, ran_into, with_pace, with_spec, with_voice};
use super::memory::{Memory, Source};
use super::spec_args::SpecArgs;
use super::verb::{Run, Verb};
use super::{signals, transport};
use crate::collect::{self, Gap, PartitionCheck, Verified, VerifyOptions};
use crate::http::{ClientOptions, Stop};
use crate::observe::words::printable;
use crate::observe::{Display, Event, Observer};
use crate::plan::Plan;
use crate::report::{Ended, Exit, Outcome};
use crate::store::{Lock, LockKind, OutputState, STORE_FILE, SqliteStore, Store, Writer};

/// How many records or numbers a line of text names.
const NAMED: usize = 10;

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Spec(run) };

fn command() -> Command {
    let command = with_pace(with_spec(Command::new("verify")).arg(ran_into()))
        .about("Compare all keys of the server with the store")
        .long_about(
            "Lists the keys of every partition (as pagination.sweep says) and compares them with \
             what was collected. Says what is missing and what is gone; writes nothing unless \
             --fix is given. Exit code 0: they agree; 3: they differ.",
        )
        .arg(
            Arg::new("fix")
                .long("fix")
                .action(ArgAction::SetTrue)
                .help("Fetch what is missing, mark what is gone; then build again"),
        )
        .arg(
            Arg::new("gaps")
                .long("gaps")
                .action(ArgAction::SetTrue)
                .help("Look up numbers that no key has, as pagination.gaps says"),
        )
        .arg(
            Arg::new("max-gaps")
                .long("max-gaps")
                .value_name("N")
                .value_parser(value_parser!(u32))
                .default_value("100")
                .help("The most numbers of a partition that are looked up"),
        )
        .arg(format())
        .after_help("Example:\n  scrape verify specs/apache-jira.yaml -o output --gaps");
    with_voice(command)
}

/// Runs the verb.
fn run(spec: &SpecArgs) -> Outcome {
    let observer = Arc::new(Observer::new(spec.voice()));
    let dir = spec.output_dir(false);
    let shown = dir.display().to_string();
    if !matches!(OutputState::inspect(&dir)?, OutputState::Unfinished(_) | OutputState::Complete(_))
    {
        return Err(Ended::usage(format!("{shown} holds no run: there is nothing to verify")));
    }
    let _lock = Lock::acquire(&dir, LockKind::Collect)?;
    let store = SqliteStore::open(&dir.join(STORE_FILE))?;
    let remembered = Memory::read(|key| Store::meta(&store, key))?;
    let plan = Arc::new(spec.compile(remembered.as_ref().map(|m| &m.params))?);
    if let Some(remembered) = remembered {
        if remembered.source == Source::Recording {
            return Err(Ended::usage(format!(
                "{shown} was collected from a recording: there is no server to ask"
            )));
        }
        let now = Memory::of(&plan, Source::Live, remembered.limit);
        remembered.must_match(&now, &shown)?;
    }
    let options = VerifyOptions {
        concurrency: spec.concurrency().unwrap_or(plan.http.concurrency),
        fix: spec.flag("fix"),
        max_gaps: spec.flag("gaps").then(|| spec.number("max-gaps").unwrap_or(0)),
    };
    if options.max_gaps.is_some() && plan.streams.iter().all(|s| s.pagination.gaps.is_none()) {
        return Err(Ended::usage(
            "--gaps needs pagination.gaps in the spec: the request for a record by its key",
        ));
    }
    let fix = options.fix;
    let verified = ask(spec, plan, Box::new(store), options, &observer)?;
    if let Some((back_at, reason)) = &verified.closed {
        observer.tell(&Event::Closed { reason, back_at: *back_at });
    }
    let text = match spec.text("format") {
        Some("json") => as_json(&verified)?,
        _ => {
            let next = next(spec, &dir, &verified, fix);
            printable(&as_text(&verified, &shown, &next)).into_owned()
        }
    };
    // A closed pipe is no error.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(match (verified.interrupted, verified.agrees()) {
        (true, _) => Exit::Interrupted,
        (false, true) => Exit::Complete,
        (false, false) => Exit::Incomplete,
    })
}

fn ask(
    spec: &SpecArgs,
    plan: Arc<Plan>,
    store: Box<dyn Store>,
    options: VerifyOptions,
    observer: &Arc<Observer>,
) -> Outcome<Verified> {
    let runtime = transport::runtime()?;
    let _inside = runtime.enter();
    let stop = Stop::default();
    let client = ClientOptions { first_seq: store.last_seq()? + 1, ..transport::options(spec)? };
    let client = transport::client(&plan, client, &stop, observer)?;
    let _display = Display::start(observer.clone(), true);
    runtime.block_on(async {
        signals::listen(stop.clone(), observer.clone(), signals::finishing);
        let writer = Writer::start(store)?;
        let verified =
            collect::verify(plan, writer.clone(), client, options, stop, observer.clone()).await;
        writer.close().await?;
        verified.map_err(|e| Ended::failed(e.to_string()))
    })
}

/// The command to go on with, if there is one.
fn next(spec: &SpecArgs, dir: &Path, verified: &Verified, fix: bool) -> Option<String> {
    let parts = || verified.partitions.iter();
    let given = |verb: &str, more: &str| Some(spec.other(verb, dir, more));
    if parts().any(|p| p.fetched + p.marked_gone > 0) {
        given("build", "")
    } else if parts().any(|p| p.problem.is_some()) {
        given("run", "--resume")
    } else if !fix && !verified.agrees() {
        given("verify", "--fix")
    } else {
        None
    }
}

fn as_json(verified: &Verified) -> Outcome<String> {
    let whole = json!({ "agrees": verified.agrees(), "partitions": verified.partitions });
    let text = serde_json::to_string_pretty(&whole).map_err(|e| Ended::failed(e.to_string()))?;
    Ok(text + "\n")
}

fn as_text(verified: &Verified, shown: &str, next: &Option<String>) -> String {
    let mut text = String::new();
    let width = verified.partitions.iter().map(|p| p.partition.chars().count()).max().unwrap_or(0);
    for check in &verified.partitions {
        let _ = writeln!(text, "{:width$}  {}", check.partition, line(check));
        for more in below(check) {
            let _ = writeln!(text, "  {more}");
        }
    }
    let verdict = match verified.agrees() {
        true => "agrees with the server",
        false => "does not agree with the server",
    };
    let _ = writeln!(text, "{shown}: {verdict}");
    if let Some(next) = next {
        let _ = writeln!(text, "next: {next}");
    }
    text
}

fn line(check: &PartitionCheck) -> String {
    let mut parts = Vec::new();
    if let Some(listed) = check.listed {
        parts.push(format!("{listed} listed"));
    }
    parts.push(format!("{} here", check.here));
    for (count, what) in [
        (check.missing.len() as u64, "missing"),
        (check.gone.len() as u64, "gone"),
        (check.rejected, "rejected"),
        (check.fetched, "fetched"),
        (check.marked_gone, "marked as gone"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    if check.checked == Some("count") {
        parts.push(String::from("checked by count only"));
    }
    parts.join(", ")
}

fn below(check: &PartitionCheck) -> Vec<String> {
    let mut lines: Vec<String> = check.problem.clone().into_iter().collect();
    if !check.missing.is_empty() {
        let names = check.missing.iter().map(|m| m.key.as_ref().unwrap_or(&m.primary_key).clone());
        lines.push(format!("missing: {}", some(names)));
    }
    if !check.gone.is_empty() {
        lines.push(format!("gone (primary keys): {}", some(check.gone.iter().cloned())));
    }
    if let Some(gaps) = &check.gaps {
        let looked = gaps.looked_up.len() as u64;
        let rest = match gaps.numbers - looked {
            0 => String::new(),
            rest => format!(", {rest} of them not looked up (--max-gaps)"),
        };
        lines.push(format!("{} numbers that no key has{rest}", gaps.numbers));
        lines.extend(gaps.looked_up.iter().map(|gap| format!("  {}", outcome(gap))));
    }
    lines
}

fn outcome(gap: &Gap) -> String {
    let Gap { key, outcome, detail } = gap;
    match (outcome.as_str(), detail) {
        ("moved", Some(to)) => format!("{key}: moved to {to}"),
        ("unlisted", _) => format!("{key}: is there, but no list has it"),
        (outcome, Some(detail)) => format!("{key}: {outcome}: {detail}"),
        (outcome, None) => format!("{key}: {outcome}"),
    }
}

fn some(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more (--format json names all)"),
    };
    format!("{}{more}", names.take(NAMED).collect::<Vec<_>>().join(", "))
}
