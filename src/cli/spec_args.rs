//! Arguments of a verb that takes a spec: the spec's own params are flags too.

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Map, Value};

use super::args::{allowed, allowed_early};
use super::program::parsed;
use super::slips;
use crate::observe::{Voice, log};
use crate::plan::{Plan, compile, explain};
use crate::report::{self, Ended, Exit, Outcome};
use crate::spec::{self, Diagnostics, Loaded, ParamDecl, ParamValues, Sources, params};

/// A loaded spec, and the arguments that were read with its help.
pub struct SpecArgs {
    loaded: RefCell<Loaded>,
    params: Vec<ParamDecl>,
    matches: ArgMatches,
    /// The arguments of the process.
    argv: Vec<OsString>,
}

impl SpecArgs {
    /// Reads the spec that is the first argument after the verb, then all
    /// arguments.
    ///
    /// # Errors
    /// With the diagnostics already told, when the spec cannot be loaded; with
    /// what clap says, when the arguments are wrong.
    pub fn parse(verb: Command, argv: &[OsString]) -> Outcome<Self> {
        let name = format!("scrape {}", verb.get_name());
        let verb = verb.bin_name(name);
        if let Some(slip) = slips::spec_not_first(argv) {
            return Err(slip);
        }
        let spec = argv.get(2).filter(|a| !a.to_string_lossy().starts_with('-'));
        let Some(spec) = spec else {
            // What clap says about a missing argument, or its help.
            parsed(verb.try_get_matches_from(&argv[1..]))?;
            return Err(Ended::told(Exit::Usage));
        };
        if let Some(slip) = slips::spec_elsewhere(Path::new(spec)) {
            return Err(slip);
        }
        let help = || argv.iter().any(|a| a == "--help" || a == "-h");
        let loaded = match spec::load(Path::new(spec), &allowed_early(argv)) {
            Ok(loaded) => loaded,
            Err(error) => {
                if help() {
                    // The engine's own flags are known even so.
                    let _ = verb.clone().print_long_help();
                }
                report::diagnostics::print(error.diagnostics, &error.sources, json_asked(argv));
                return Err(Ended::told(Exit::Usage));
            }
        };
        let mut diagnostics = Diagnostics::default();
        let params = params::declarations(&loaded, &mut diagnostics);
        if diagnostics.has_errors() {
            if help() {
                let _ = verb.clone().print_long_help();
            }
            // The other findings are wanted as well.
            let mut loaded = loaded;
            let mut all = Diagnostics::default();
            compile(&mut loaded, &ParamValues::default(), &mut all);
            report::diagnostics::print(all, &loaded.sources, json_asked(argv));
            return Err(Ended::told(Exit::Usage));
        }
        let heading = format!("Params of {}", spec.to_string_lossy());
        let verb = params
            .iter()
            .fold(verb, |verb, decl| verb.arg(flag(decl).help_heading(heading.clone())));
        let matches = parsed(verb.try_get_matches_from(&argv[1..]))?;
        log::init(matches.get_count("verbose"), voice(&matches).is_json());
        Ok(Self { loaded: RefCell::new(loaded), params, matches, argv: argv.to_vec() })
    }

    /// Reads the spec again, and the arguments with its help.
    ///
    /// # Errors
    /// As [`SpecArgs::parse`].
    pub fn reload(&self, verb: Command) -> Outcome<Self> {
        Self::parse(verb, &self.argv)
    }

    /// The texts of all files that were read so far.
    pub fn sources(&self) -> Arc<Sources> {
        self.loaded.borrow().sources.clone()
    }

    /// The arguments after the verb, as they were given.
    fn given(&self) -> impl Iterator<Item = String> {
        self.argv.iter().skip(2).map(|word| word.to_string_lossy().into_owned())
    }

    /// Makes the plan: stored params first, then those of the command line.
    ///
    /// # Errors
    /// With the diagnostics already told.
    pub fn compile(&self, stored: Option<&Map<String, Value>>) -> Outcome<Plan> {
        let mut values =
            stored.map_or_else(ParamValues::default, |s| ParamValues::from_stored(s.clone()));
        let mut wrong = Vec::new();
        let mut set = |decl: &ParamDecl, texts: &[String]| {
            if let Err(message) = values.set(decl, texts) {
                wrong.push(message);
            }
        };
        for text in self.matches.get_many::<String>("set").into_iter().flatten() {
            let Some((name, value)) = text.split_once('=') else {
                return Err(Ended::usage(format!("--set {text}: expected NAME=VALUE")));
            };
            let decl = params::find(&self.params, name).map_err(Ended::usage)?;
            set(decl, &[value.to_owned()]);
        }
        for decl in &self.params {
            if let Some(texts) = self.matches.get_many::<String>(&id(decl)) {
                set(decl, &texts.cloned().collect::<Vec<_>>());
            }
        }
        if !wrong.is_empty() {
            return Err(Ended::usage(wrong.join("\n  ")));
        }
        let mut diagnostics = Diagnostics::default();
        let loaded = &mut *self.loaded.borrow_mut();
        let plan = compile(loaded, &values, &mut diagnostics);
        let sources: &Sources = &loaded.sources;
        report::diagnostics::print(diagnostics, sources, self.voice().is_json());
        plan.ok_or(Ended::told(Exit::Usage))
    }

    /// The effective spec as YAML, with the place of each value.
    ///
    /// # Errors
    /// With the diagnostics already told.
    pub fn explained(&self) -> Outcome<String> {
        let plan = self.compile(None)?;
        Ok(explain(&self.loaded.borrow(), &plan))
    }

    /// The command line that goes on in this directory: what was given, with
    /// `more` behind it and without what would begin anew.
    pub fn again(&self, dir: &Path, more: &str) -> String {
        let mut words = vec!["scrape".to_owned(), "run".to_owned()];
        let mut given = self.given();
        while let Some(word) = given.next() {
            match word.as_str() {
                "--fresh" | "--resume" | "--watch" => {}
                // An existing recording is never written over.
                "--record" | "-o" | "--output-dir" => drop(given.next()),
                word => words.push(quoted(word)),
            }
        }
        words.extend(["-o".to_owned(), quoted(&dir.display().to_string()), more.to_owned()]);
        words.join(" ")
    }

    /// The command line of another verb for this directory, which knows the
    /// params by itself.
    pub fn other(&self, verb: &str, dir: &Path, more: &str) -> String {
        let spec = quoted(&self.given().next().unwrap_or_default());
        let dir = quoted(&dir.display().to_string());
        let allowed: String = allowed(&self.matches)
            .iter()
            .map(|folder| format!(" --allow-read {}", quoted(&folder.display().to_string())))
            .collect();
        format!("scrape {verb} {spec}{allowed} -o {dir} {more}").trim_end().to_owned()
    }

    /// How progress is told.
    pub fn voice(&self) -> Voice {
        voice(&self.matches)
    }

    /// Whether a switch was given.
    pub fn flag(&self, name: &str) -> bool {
        self.matches.get_flag(name)
    }

    /// The value of a flag that is a path.
    pub fn path(&self, name: &str) -> Option<&PathBuf> {
        self.matches.get_one(name)
    }

    /// The value of a flag that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.matches.get_one::<String>(name).map(String::as_str)
    }

    /// The value of a flag that is a number.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.matches.get_one::<u32>(name).map(|n| *n as usize)
    }

    /// `--output-dir`, or its default.
    pub fn output_dir(&self, replay: bool) -> PathBuf {
        let default = if replay { "output-replay" } else { "output" };
        self.path("output-dir").cloned().unwrap_or_else(|| default.into())
    }

    /// `--limit`.
    pub fn limit(&self) -> Option<u64> {
        self.matches.get_one("limit").copied()
    }

    /// `--max-concurrent`.
    pub fn concurrency(&self) -> Option<usize> {
        self.matches.get_one::<u32>("max-concurrent").map(|n| *n as usize)
    }

    /// `--rate-limit`, in seconds.
    pub fn rate_limit(&self) -> Option<f64> {
        self.matches.get_one("rate-limit").copied()
    }
}

/// A word as a shell reads it back.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// How progress is told, as `--log-format` and `--quiet` say.
pub fn voice(args: &ArgMatches) -> Voice {
    let json = args.get_one::<String>("log-format").is_some_and(|format| format == "json");
    Voice::of(json, args.get_flag("quiet"))
}

/// Whether the arguments ask for JSON, as long as clap cannot read them.
fn json_asked(argv: &[OsString]) -> bool {
    argv.iter().any(|arg| arg == "--log-format=json")
        || argv.windows(2).any(|pair| pair[0] == "--log-format" && pair[1] == "json")
}

/// Params and fixed flags have names of their own, so clap's ids must not meet.
fn id(decl: &ParamDecl) -> String {
    format!("param {}", decl.name)
}

fn flag(decl: &ParamDecl) -> Arg {
    let mut help = decl.help.clone();
    if let Some(default) = &decl.default {
        let text = match default {
            Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
            other => plain(other),
        };
        help.push_str(&format!(" [default: {text}]"));
    } else if decl.required {
        help.push_str(" (required)");
    }
    let mut arg = Arg::new(id(decl))
        .long(decl.flag())
        .value_name(decl.name.to_uppercase())
        .action(ArgAction::Append)
        .help(help.trim().to_owned());
    if decl.flag() != decl.name {
        arg = arg.alias(decl.name.clone());
    }
    match decl.short {
        Some(short) => arg.short(short),
        None => arg,
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
