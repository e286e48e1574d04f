//! The verbs, in the order of the help.

use clap::Command;

use super::verb::Verb;
use super::{
    build, completions, explain, list, man, new, plan, preview, run, schema, status, test,
    validate, verify,
};

/// All of them.
pub const VERBS: &[Verb] = &[
    run::VERB,
    build::VERB,
    validate::VERB,
    explain::VERB,
    plan::VERB,
    preview::VERB,
    test::VERB,
    status::VERB,
    verify::VERB,
    list::VERB,
    schema::VERB,
    new::VERB,
    completions::VERB,
    man::VERB,
];

const EXAMPLES: &str = "Examples:
  scrape run specs/apache-jira.yaml -p KAFKA --limit 100
  scrape status output
  scrape build specs/apache-jira.yaml";

const EXIT_CODES: &str = "Exit codes:
  0    complete
  1    failed: no network, wrong credentials, full disk, damaged store
  2    the spec or the command line is wrong; nothing was done
  3    finished, but something is missing; --resume tries again
  130  interrupted (Ctrl-C, SIGTERM); --resume goes on";

const ENVIRONMENT: &str = "Environment:
  SCRAPE_STATE_DIR  where pace and budgets of hosts are kept, for all runs of a user
                    [default: $XDG_STATE_HOME/scrape, or ~/.local/state/scrape]
  NO_COLOR          no colours
  TERM=dumb         lines in place of progress bars
  HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY
                    proxies
  SSL_CERT_FILE, SSL_CERT_DIR
                    certificates that are trusted, in place of the system's; nothing
                    turns their verification off
  and those that the secrets of a spec name";

/// The program's own command line, without what a spec adds to it.
pub fn command() -> Command {
    let command = Command::new("scrape")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Turns issue trackers into training data for language models")
        .after_help(format!(
            "{EXAMPLES}\n\nExit codes: 0 complete, 1 failed, 2 bad spec or usage, 3 finished but \
             not complete, 130 interrupted."
        ))
        .after_long_help(format!("{EXAMPLES}\n\n{EXIT_CODES}\n\n{ENVIRONMENT}"))
        .subcommand_required(true)
        .arg_required_else_help(true);
    VERBS.iter().fold(command, |command, verb| command.subcommand((verb.command)()))
}

/// The verb of a name.
pub fn find(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| (verb.command)().get_name() == name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cli::verb::Run;
    use crate::spec::params::FIXED_FLAGS;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_verb_shows_an_example() {
        for verb in VERBS {
            let help = (verb.command)().render_long_help().to_string();
            let name = (verb.command)().get_name().to_owned();
            assert!(help.contains(&format!("\n  scrape {name}")), "{help}");
        }
    }

    #[test]
    fn no_param_can_take_the_flag_of_a_verb() {
        let specs = VERBS.iter().filter(|verb| matches!(verb.run, Run::Spec(_)));
        for command in specs.map(|verb| (verb.command)()) {
            for flag in command.get_arguments().filter_map(|arg| arg.get_long()) {
                let fixed = FIXED_FLAGS.iter().any(|(long, _)| *long == flag);
                assert!(fixed, "--{flag} of {} has to be in FIXED_FLAGS", command.get_name());
            }
        }
    }
}
