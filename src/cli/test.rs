//! `scrape test`: the tests that lie beside specs.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::args::{allow_read, allowed, format};
use super::transport;
use super::verb::{Run, Verb};
use crate::http::{Client, ClientOptions, Stop};
use crate::observe::Observer;
use crate::observe::words::{counted, printable};
use crate::plan::Plan;
use crate::report::{self, Ended, Exit, Outcome};
use crate::spec::lang::CaseSpec;
use crate::trial;

/// Findings of one test that are shown.
const MOST_SHOWN: usize = 20;

/// What `--crash` gives the runs that it kills: where, which test, after how many steps.
const LIFE_FOLDER: &str = "SCRAPE_LIFE_FOLDER";
const LIFE_CASE: &str = "SCRAPE_LIFE_CASE";
const LIFE_STEPS: &str = "SCRAPE_LIFE_STEPS";

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Plain(run) };

fn command() -> Command {
    Command::new("test")
        .about("Run the tests of specs: recordings, and what is expected of them")
        .long_about(
            "Run the tests of specs: recordings, and what is expected of them.\n\n\
             The tests of NAME.yaml are in NAME.test.yaml beside it. No network is needed, and \
             nothing is written but in a temporary folder.",
        )
        .arg(
            Arg::new("spec")
                .value_name("SPEC")
                .required(true)
                .num_args(1..)
                .value_parser(value_parser!(PathBuf))
                .help("Spec files"),
        )
        .arg(
            Arg::new("crash")
                .long("crash")
                .action(ArgAction::SetTrue)
                .help("Also kill each run after every step, resume it, and compare the outputs")
                .long_help(
                    "Also kill each run after every commit of the store and every call of a sink, \
                     resume it, and compare all that it leaves with what an undisturbed run \
                     leaves. Sinks that write elsewhere than into the output directory are left \
                     out. Databases of SQLite are compared by their rows.",
                ),
        )
        .arg(allow_read())
        .arg(format())
        .after_help(
            "Examples:\n  scrape test specs/apache-jira.yaml\n  \
             scrape test specs/apache-jira.yaml --crash",
        )
}

/// Runs the verb. A test that fails is exit code 1, a file that is wrong 2.
fn run(args: &ArgMatches) -> Outcome {
    let json = args.get_one::<String>("format").is_some_and(|format| format == "json");
    let allowed = allowed(args);
    let runtime = transport::runtime()?;
    if let Some(folder) = std::env::var_os(LIFE_FOLDER) {
        return live(args, Path::new(&folder), &runtime, &allowed);
    }
    let (mut passed, mut failed, mut broken) = (0, 0, false);
    for named in args.get_many::<PathBuf>("spec").into_iter().flatten() {
        let (spec, beside) = trial::sidecar(named);
        if spec.exists() && !beside.exists() {
            return Err(Ended::usage(format!(
                "{} has no tests: they would be in {}",
                spec.display(),
                beside.display()
            )));
        }
        let file = match trial::load(&beside, &allowed) {
            Ok(file) => file,
            Err((diagnostics, sources)) => {
                report::diagnostics::print(diagnostics, &sources, json);
                broken = true;
                continue;
            }
        };
        for (number, case) in file.cases.iter().enumerate() {
            match trial::run(&runtime, &spec, &file, case, &connect) {
                Ok(verdict) => {
                    let mut judge = |name: &str, kills: Option<u64>, verdict: &trial::Verdict| {
                        let good = verdict.findings.is_empty();
                        passed += u64::from(good);
                        failed += u64::from(!good);
                        tell(&spec, name, kills, verdict, json);
                    };
                    judge(&case.name, None, &verdict);
                    if args.get_flag("crash") {
                        let crashed = crash(&spec, &allowed, number, case)?;
                        let kills = counted(crashed.kills, "time");
                        let name = format!("{}, killed {kills} and resumed", case.name);
                        judge(&name, Some(crashed.kills), &crashed.verdict);
                    }
                }
                Err((diagnostics, sources)) => {
                    report::diagnostics::print(diagnostics, &sources, json);
                    broken = true;
                    break;
                }
            }
        }
    }
    if !json {
        print(&format!("{} passed, {} failed\n", counted(passed, "test"), failed));
    }
    match (broken, failed) {
        (true, _) => Err(Ended::told(Exit::Usage)),
        (false, 0) => Ok(Exit::Complete),
        (false, _) => Err(Ended::told(Exit::Failed)),
    }
}

fn connect(
    plan: &Arc<Plan>,
    options: ClientOptions,
    observer: &Arc<Observer>,
) -> Result<Client, String> {
    transport::client(plan, options, &Stop::default(), observer).map_err(|ended| ended.message)
}

/// Kills the run of a test at each step.
fn crash(
    spec: &Path,
    allowed: &[PathBuf],
    number: usize,
    case: &CaseSpec,
) -> Outcome<trial::Crashed> {
    let me = std::env::current_exe()
        .map_err(|e| Ended::failed(format!("it is not known where this program is: {e}")))?;
    let lives = |folder: &Path, kill_after: Option<u64>| {
        life(&me, spec, number, allowed, folder, kill_after)
    };
    // Drawn on a terminal alone, and gone in the end.
    let style = ProgressStyle::with_template("     kill {pos} of {len}");
    let bar =
        ProgressBar::no_length().with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let show = |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let crashed = trial::crash(spec, allowed, case, &lives, &show);
    bar.finish_and_clear();
    Ok(crashed)
}

/// The call of this program for a run that may be killed. What it is to do is no flag:
/// nobody else has a use for it.
fn life(
    me: &Path,
    spec: &Path,
    case: usize,
    allowed: &[PathBuf],
    folder: &Path,
    kill_after: Option<u64>,
) -> process::Command {
    let mut command = process::Command::new(me);
    command.arg("test").arg(spec).env(LIFE_FOLDER, folder).env(LIFE_CASE, case.to_string());
    for folder in allowed {
        command.arg("--allow-read").arg(folder);
    }
    match kill_after {
        Some(steps) => command.env(LIFE_STEPS, steps.to_string()),
        None => command.env_remove(LIFE_STEPS),
    };
    command
}

/// A run of [`life`]: says on standard output how it ends.
fn live(
    args: &ArgMatches,
    folder: &Path,
    runtime: &tokio::runtime::Runtime,
    allowed: &[PathBuf],
) -> Outcome {
    let number = |name| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let none = || Ended::usage(format!("{LIFE_FOLDER} is set, and there is no such test"));
    let named = args.get_one::<PathBuf>("spec").ok_or_else(none)?;
    let (spec, beside) = trial::sidecar(named);
    let file = trial::load(&beside, allowed).map_err(|_| none())?;
    let case = number(LIFE_CASE).and_then(|case| file.cases.get(usize::try_from(case).ok()?));
    let case = case.ok_or_else(none)?;
    let steps = trial::Steps::until(number(LIFE_STEPS));
    let lived = trial::live(runtime, &spec, (&file, case), &connect, folder, &steps);
    let line = lived.map_or_else(trial::Line::Failed, trial::Line::Done);
    print(&format!("{line}\n"));
    Ok(Exit::Complete)
}

fn tell(spec: &Path, name: &str, kills: Option<u64>, verdict: &trial::Verdict, as_json: bool) {
    let seconds = verdict.took.as_secs_f64();
    if as_json {
        let mut line = json!({
            "spec": spec.display().to_string(),
            "test": name,
            "passed": verdict.findings.is_empty(),
            "findings": verdict.findings,
            "notes": verdict.notes,
            "seconds": (seconds * 1000.0).round() / 1000.0,
        });
        if let Some(kills) = kills {
            line["kills"] = kills.into();
        }
        return print(&format!("{line}\n"));
    }
    let word = if verdict.findings.is_empty() { "ok  " } else { "FAIL" };
    let mut text = format!("{word} {}: {name} ({seconds:.2} s)\n", spec.display());
    let findings = verdict.findings.iter().take(MOST_SHOWN);
    for told in findings.chain(&verdict.notes) {
        let _ = writeln!(text, "     {}", told.replace('\n', "\n     "));
    }
    if let more @ 1.. = verdict.findings.len().saturating_sub(MOST_SHOWN) {
        let _ = writeln!(text, "     and {more} more; --format json has them all");
    }
    print(&printable(&text));
}

/// A closed pipe is no error.
fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
