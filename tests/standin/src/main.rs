//! `jira-standin`: the stand-in on the command line.

mod cli;

use std::io::Write;
use std::process::ExitCode;

use scrape_standin::Standin;

fn main() -> ExitCode {
    let matches = cli::command().get_matches();
    let started = cli::config(&matches).and_then(Standin::start);
    let standin = match started {
        Ok(standin) => standin,
        Err(error) => {
            _ = writeln!(std::io::stderr(), "jira-standin: {error}");
            return ExitCode::from(2);
        }
    };
    // Scripts wait for this line and read the address from it.
    let mut out = std::io::stdout();
    _ = writeln!(out, "listening on {}", standin.url()).and_then(|()| out.flush());
    standin.wait();
    ExitCode::SUCCESS
}
