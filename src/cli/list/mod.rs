//! `scrape list`: the plugins of this binary.

mod options;
mod text;

use std::io::Write as _;

use clap::{Arg, ArgMatches, Command};
use scrape_api::{Plugin, plugins};
use serde_json::{Value, json};

use self::options::{Optional, options};
use super::args;
use super::verb::{Run, Verb};
use crate::observe::screen;
use crate::report::{Ended, Exit, Outcome};

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Plain(run) };

fn command() -> Command {
    Command::new("list")
        .about("Plugins, with where each comes from, options and an example")
        .arg(
            Arg::new("kind")
                .value_name("KIND")
                .value_parser(["fetch", "transform", "sink"])
                .help("Only plugins of this kind"),
        )
        .arg(args::format())
        .after_help(
            "Example:\n  scrape list sink\n\n\
             A program with plugins of its own lists those as well. To write one: scrape new sink NAME",
        )
}

/// Prints the plugins of a kind, or all.
fn run(args: &ArgMatches) -> Outcome {
    let kind = args.get_one::<String>("kind");
    let all = plugins();
    let found = all
        .into_iter()
        .filter(|plugin| kind.is_none_or(|kind| kind == plugin.constructor.kind().as_str()));
    let text = if args.get_one::<String>("format").is_some_and(|format| format == "json") {
        let data: Vec<Value> = found.map(as_json).collect();
        let text = serde_json::to_string_pretty(&data).map_err(|e| Ended::failed(e.to_string()))?;
        text + "\n"
    } else {
        let width = screen::stdout_columns().unwrap_or(text::WIDTH).min(text::WIDTH);
        found.map(|found| text::plugin(found, width)).collect::<Vec<_>>().join("\n")
    };
    // A closed pipe is no error.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(Exit::Complete)
}

fn as_json(plugin: &Plugin) -> Value {
    let options: Vec<Value> = options(plugin)
        .into_iter()
        .map(|option| {
            json!({
                "name": option.name,
                "type": option.kind,
                "required": option.optional == Optional::No,
                "default": match option.optional {
                    Optional::Default(value) => value,
                    _ => Value::Null,
                },
                "values": option
                    .values
                    .into_iter()
                    .map(|(name, meaning)| json!({ "name": name, "meaning": meaning }))
                    .collect::<Vec<_>>(),
                "description": option.description,
            })
        })
        .collect();
    json!({
        "kind": plugin.constructor.kind().as_str(),
        "name": plugin.name,
        "summary": plugin.summary,
        "crate": plugin.crate_name,
        "version": plugin.crate_version,
        "options": options,
        "example": plugin.example,
    })
}
