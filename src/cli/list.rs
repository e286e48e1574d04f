//! `scrape list`: the plugins of this binary.

use std::fmt::Write as _;
use std::io::Write as _;

use clap::{Arg, ArgMatches, Command};
use scrape_api::plugins;

use super::verb::{Run, Verb};
use crate::report::{Exit, Outcome};

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
        .after_help("Example:\n  scrape list sink")
}

/// Prints the plugins of a kind, or all.
fn run(args: &ArgMatches) -> Outcome {
    let kind = args.get_one::<String>("kind");
    let mut text = String::new();
    for plugin in plugins() {
        let name = plugin.constructor.kind().as_str();
        if kind.is_some_and(|k| k != name) {
            continue;
        }
        let _ = writeln!(
            text,
            "{} {name} ({} {})\n  {}",
            plugin.name, plugin.crate_name, plugin.crate_version, plugin.summary
        );
        let schema = (plugin.schema)();
        for (option, description) in options(schema.as_value()) {
            let _ = writeln!(text, "    {option}{description}");
        }
        for line in plugin.example.trim().lines() {
            let _ = writeln!(text, "  | {line}");
        }
        text.push('\n');
    }
    // A closed pipe is no error.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(Exit::Complete)
}

/// Option names with what their schema says: required or default, description.
fn options(schema: &serde_json::Value) -> Vec<(String, String)> {
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let required = schema["required"].as_array();
    properties
        .iter()
        .map(|(name, property)| {
            let must = required.is_some_and(|r| r.iter().any(|n| n == name));
            let note = match (must, property.get("default")) {
                (true, _) => String::from(" (required)"),
                (false, Some(default)) => format!(" (default: {default})"),
                (false, None) => String::new(),
            };
            let text = property["description"].as_str().unwrap_or_default().replace('\n', " ");
            (name.clone(), format!("{note}  {text}"))
        })
        .collect()
}
