//! `scrape test`: the tests that lie beside specs.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::json;

use super::args::{allow_read, allowed, format};
use super::transport;
use super::verb::{Run, Verb};
use crate::http::Stop;
use crate::observe::words::counted;
use crate::report::{self, Ended, Exit, Outcome};
use crate::trial;

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
        .arg(allow_read())
        .arg(format())
        .after_help("Example:\n  scrape test specs/apache-jira.yaml")
}

/// Runs the verb. A test that fails is exit code 1, a file that is wrong 2.
fn run(args: &ArgMatches) -> Outcome {
    let json = args.get_one::<String>("format").is_some_and(|format| format == "json");
    let allowed = allowed(args);
    let runtime = transport::runtime()?;
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
        for case in &file.cases {
            let connect: trial::Connect = &|plan, options, observer| {
                transport::client(plan, options, &Stop::default(), observer)
                    .map_err(|ended| ended.message)
            };
            match trial::run(&runtime, &spec, &file, case, connect) {
                Ok(verdict) => {
                    let good = verdict.findings.is_empty();
                    passed += u64::from(good);
                    failed += u64::from(!good);
                    tell(&spec, &case.name, &verdict, json);
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

fn tell(spec: &Path, name: &str, verdict: &trial::Verdict, as_json: bool) {
    let seconds = verdict.took.as_secs_f64();
    if as_json {
        let line = json!({
            "spec": spec.display().to_string(),
            "test": name,
            "passed": verdict.findings.is_empty(),
            "findings": verdict.findings,
            "seconds": (seconds * 1000.0).round() / 1000.0,
        });
        return print(&format!("{line}\n"));
    }
    let word = if verdict.findings.is_empty() { "ok  " } else { "FAIL" };
    let mut text = format!("{word} {}: {name} ({seconds:.2} s)\n", spec.display());
    for finding in &verdict.findings {
        let _ = writeln!(text, "     {}", finding.replace('\n', "\n     "));
    }
    print(&text);
}

/// A closed pipe is no error.
fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
