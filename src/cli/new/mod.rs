//! `scrape new`: commented starting points.

mod engine;
mod starters;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use clap::{Arg, ArgMatches, Command};
use scrape_api::plugins;

use self::engine::Engine;
use self::starters::{Starter, starter};
use super::verb::{Run, Verb};
use crate::report::{Ended, Exit, Outcome};

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Plain(run) };

fn command() -> Command {
    Command::new("new")
        .about("A commented starting point: a spec, a task, or a crate with a plugin")
        .arg(
            Arg::new("kind")
                .value_name("KIND")
                .required(true)
                .value_parser(["spec", "task", "sink", "transform", "fetch"])
                .help("What is made"),
        )
        .arg(
            Arg::new("name")
                .value_name("NAME")
                .required(true)
                .value_parser(checked_name)
                .help("Its name: lower-case letters, digits, `-` and `_`"),
        )
        .after_help("Example:\n  scrape new sink my-sink")
}

/// Writes files into the current folder, and says what to do next.
fn run(args: &ArgMatches) -> Outcome {
    let text = |id: &str| args.get_one::<String>(id).map_or("", String::as_str);
    let (kind, name) = (text("kind"), text("name"));
    let word = starters::word(name);
    let taken = |p: &&&scrape_api::Plugin| p.name == word && p.constructor.kind().as_str() == kind;
    if let Some(other) = plugins().iter().find(taken) {
        return Err(Ended::usage(format!(
            "there is a {kind} `{word}` already, of the crate {}: two of one name cannot be in one program",
            other.crate_name
        )));
    }
    let engine = Engine::find();
    let starter = starter(kind, name, &engine)
        .ok_or_else(|| Ended::usage(format!("there is no starting point for {kind}")))?;
    write(&starter)?;
    let mut told = String::new();
    for (file, _) in &starter.files {
        told.push_str(&format!("{file}\n"));
    }
    told.push_str(&format!("\nnext:\n{}", indented(&starter.next)));
    // A closed pipe is no error.
    let _ = std::io::stdout().lock().write_all(told.as_bytes());
    Ok(Exit::Complete)
}

/// Writes all files, or none where one is in the way.
fn write(starter: &Starter) -> Outcome<()> {
    let place = Path::new(&starter.place);
    if place.exists() {
        return Err(Ended::usage(format!(
            "{} is there already, and nothing is overwritten: take another name, or move it away",
            starter.place
        )));
    }
    for (file, text) in &starter.files {
        let file = Path::new(file);
        let written = match file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => fs::create_dir_all(folder),
            None => Ok(()),
        };
        written
            .and_then(|()| fs::File::create_new(file)?.write_all(text.as_bytes()))
            .map_err(|e| Ended::failed(format!("write {}: {e}", file.display())))?;
    }
    Ok(())
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}").trim_end().to_owned() + "\n").collect()
}

/// Words that Rust keeps for itself, or that name crates that a plugin uses.
const TAKEN: [&str; 18] = [
    "abstract",
    "async",
    "await",
    "box",
    "const",
    "core",
    "crate",
    "dyn",
    "enum",
    "impl",
    "match",
    "mod",
    "scrape",
    "scrape_api",
    "static",
    "std",
    "test",
    "type",
];

fn checked_name(name: &str) -> Result<String, String> {
    let sound = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
        && !name.ends_with(['-', '_'])
        && name.len() <= 60;
    if !sound {
        let plain: String = name
            .to_ascii_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let plain = plain.trim_matches(|c: char| c == '-' || c.is_ascii_digit());
        let hint = if plain.is_empty() { "my-sink" } else { plain };
        return Err(format!("lower-case letters, digits, `-` and `_` are needed, as in `{hint}`"));
    }
    if TAKEN.contains(&starters::word(name).as_str()) {
        return Err(format!("`{name}` is taken in Rust, take another"));
    }
    Ok(name.to_owned())
}
