//! `scrape preview`: a few records, or the examples of a task beside the fields
//! that went in. Nothing is written.

use std::io::{Stdout, Write as _};
use std::sync::Arc;

use clap::{Arg, ArgAction, Command, value_parser};

use super::args::{format, ran_into, replay, with_pace, with_spec, with_voice};
use super::held;
use super::spec_args::SpecArgs;
use super::transport;
use super::verb::{Run, Verb};
use crate::collect;
use crate::http::{ClientOptions, Stop};
use crate::observe::{Observer, words};
use crate::plan::Plan;
use crate::preview::{Settings, View};
use crate::report::outline::Extent;
use crate::report::{Ended, Exit, Outcome};
use crate::spec::suggest_hint;

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Spec(run) };

fn command() -> Command {
    let command = with_pace(with_spec(Command::new("preview")).arg(ran_into()))
        .about("A few records, or examples of a task beside the fields that went in")
        .long_about(
            "A few records, or examples of a task beside the fields that went in.\n\n\
             Records come from the output directory where it holds a run, else from the recording \
             of --replay, else one page of each partition is asked for, with the lists that come \
             inside its records. Nothing is written.",
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
            "Examples:\n  scrape preview specs/apache-jira.yaml --task summarization -n 2\n  \
             scrape preview specs/apache-jira.yaml --task qa --key KAFKA-12\n\n\
             With --task, the fields are those that the task looked at, and each example says what \
             became of it: made, left out because its target stands in its input, or not made \
             because `when` is false, with the values that it looked at.\n\
             With --format json, each record is an object on a line of its own; `tasks` has, by \
             name, `fields` and `examples`.",
        );
    with_voice(command)
}

/// Runs the verb. A template that fails is exit code 3.
fn run(spec: &SpecArgs) -> Outcome {
    let dir = spec.output_dir(false);
    // A recording that is named is what is wanted.
    let (plan, held) = match spec.path("replay") {
        Some(_) => (spec.compile(None)?, None),
        None => held::look(spec, &dir, None)?,
    };
    let plan = Arc::new(plan);
    let settings = Settings {
        task: spec.text("task").map(|name| task(&plan, name)).transpose()?,
        key: spec.text("key").map(str::to_owned),
        most: spec.number("records").unwrap_or(3),
        extent: if spec.flag("full") { Extent::Full } else { Extent::Brief },
        json: spec.text("format") == Some("json"),
    };
    let mut view = View::new(&plan, settings.clone(), std::io::stdout());
    let from = match &held {
        Some(held) => {
            view.stored(&held.reader)?;
            dir.display().to_string()
        }
        None => sample(spec, &plan, &mut view)?,
    };
    end(&plan, &settings, view, &from, held.is_some())
}

/// The place of a task.
fn task(plan: &Plan, name: &str) -> Outcome<usize> {
    plan.tasks.iter().position(|task| task.name == name).ok_or_else(|| {
        let hint = suggest_hint(name, plan.tasks.iter().map(|task| task.name.as_str()));
        Ended::usage(format!("the spec has no task `{name}`; {hint}"))
    })
}

/// Shows records of first pages; says where they come from.
fn sample(spec: &SpecArgs, plan: &Arc<Plan>, view: &mut View<Stdout>) -> Outcome<String> {
    let observer = Arc::new(Observer::new(spec.voice()));
    let replay = spec.path("replay").cloned();
    let from = match &replay {
        Some(recording) => recording.display().to_string(),
        None => crate::http::without_credentials(&plan.http.base_url),
    };
    let options = ClientOptions { replay, ..transport::options(spec)? };
    let runtime = transport::runtime()?;
    let _inside = runtime.enter();
    let client = transport::client(plan, options, &Stop::default(), &observer)?;
    let looks = runtime
        .block_on(collect::sample(plan, &client))
        .map_err(|e| Ended::failed(e.to_string()))?;
    for look in &looks {
        if let Err(reason) = &look.found {
            let stream = &plan.streams[look.stream];
            let partition = &stream.partitions[look.partition].id;
            let mut stderr = std::io::stderr().lock();
            let reason = words::printable(reason);
            let _ = writeln!(stderr, "{} {partition}: {reason}", stream.name);
        }
    }
    let records = looks
        .iter()
        .flat_map(|look| look.found.iter().flatten().map(move |record| (look.stream, record)));
    view.sampled(records);
    Ok(from)
}

/// Says where it came from and what was not shown; how the verb ends.
fn end(
    plan: &Plan,
    settings: &Settings,
    mut view: View<Stdout>,
    from: &str,
    stored: bool,
) -> Outcome {
    let mut said = String::new();
    if let Some(task) = settings.task.filter(|_| view.passed > 0) {
        let name = &plan.tasks[task].name;
        let records = words::counted(view.passed as u64, "record");
        let but = if view.shown == 0 { ":" } else { " passed over:" };
        said.push_str(&format!("{records}{but} no example of task {name}\n"));
    }
    if view.shown == 0 && !view.show_passed() {
        let among = if stored {
            ""
        } else {
            " on the first page of any partition: `scrape run` brings the others"
        };
        return Err(Ended::failed(match &settings.key {
            Some(key) => format!("{from}: no record with the key {key}{among}"),
            None => format!("{from}: no records"),
        }));
    }
    said.push_str(&format!("from {from}\n"));
    let _ = std::io::stderr().lock().write_all(said.as_bytes());
    Ok(if view.failed == 0 { Exit::Complete } else { Exit::Incomplete })
}
