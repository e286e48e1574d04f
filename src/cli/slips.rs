//! Command lines that are none, and what was probably meant: each with the words
//! that can be typed instead.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::spec_args::quoted;
use super::verb::Run;
use super::verbs::{self, VERBS};
use crate::report::Ended;
use crate::spec::closest;

/// Where specs are looked for that are not where they were named.
const SPECS: &str = "specs";

/// The first argument names no verb.
pub fn no_verb(argv: &[OsString]) -> Option<Ended> {
    let word = argv.get(1)?.to_str()?;
    if word.starts_with('-') || word == "help" || verbs::find(word).is_some() {
        return None;
    }
    let rest = &argv[2..];
    if is_spec(word) {
        // `scrape SPEC run`, or a verb was forgotten.
        let at = rest.iter().position(|arg| arg.to_str().is_some_and(takes_spec));
        let (verb, rest) = match at {
            Some(at) => (rest[at].to_string_lossy(), [&rest[..at], &rest[at + 1..]].concat()),
            None => ("run".into(), rest.to_vec()),
        };
        let words = line(["scrape", &verb, word].map(OsString::from).iter().chain(&rest));
        return Some(Ended::usage(format!("the verb comes first, then the spec: {words}")));
    }
    let names: Vec<String> = VERBS.iter().map(|v| (v.command)().get_name().to_owned()).collect();
    // Short words are like none: one letter more, less or wrong counts for itself.
    let one_off = || names.iter().find(|name| strsim::osa_distance(word, name) == 1);
    let meant = closest(word, names.iter().map(String::as_str));
    Some(Ended::usage(match meant.or_else(|| one_off().map(String::as_str)) {
        Some(meant) => {
            let words = line(["scrape", meant].map(OsString::from).iter().chain(rest));
            format!("there is no verb `{word}`: did you mean `{words}`?")
        }
        None => format!("there is no verb `{word}`: there are {}", names.join(", ")),
    }))
}

/// The second argument of a verb that takes a spec is a flag.
pub fn spec_not_first(argv: &[OsString]) -> Option<Ended> {
    let rest = argv.get(2..)?;
    let is_flag = |arg: &OsString| arg.to_string_lossy().starts_with('-');
    let asks_help = rest.iter().any(|arg| arg == "-h" || arg == "--help");
    if asks_help || !rest.first().is_some_and(is_flag) {
        return None;
    }
    let at = rest.iter().position(|arg| arg.to_str().is_some_and(is_spec));
    Some(Ended::usage(match at {
        Some(at) => {
            let others = rest[..at].iter().chain(&rest[at + 1..]);
            let words = line(
                [OsString::from("scrape"), argv[1].clone(), rest[at].clone()].iter().chain(others),
            );
            format!("the spec is the first argument after the verb: {words}")
        }
        None => {
            let verb = argv[1].to_string_lossy();
            format!("the spec is the first argument after the verb: scrape {verb} SPEC …")
        }
    }))
}

/// A spec that is not where it was named, and that nothing there is like: one of
/// that name among those that ship.
pub fn spec_elsewhere(path: &Path) -> Option<Ended> {
    if path.exists() {
        return None;
    }
    let name = path.file_name()?;
    let with_ending = |folder: &Path| {
        let plain = folder.join(name);
        [plain.with_extension("yaml"), plain.with_extension("yml"), plain]
    };
    let here = path.parent().unwrap_or(Path::new(""));
    let candidates: Vec<PathBuf> =
        with_ending(here).into_iter().chain(with_ending(Path::new(SPECS))).collect();
    let found = candidates.into_iter().find(|candidate| candidate.is_file())?;
    let (path, found) = (path.display(), found.display());
    Some(Ended::usage(format!("cannot read {path}: there is no such file; did you mean {found}?")))
}

fn takes_spec(name: &str) -> bool {
    verbs::find(name).is_some_and(|verb| matches!(verb.run, Run::Spec(_)) || name == "validate")
}

/// Whether an argument names a spec, by its ending.
fn is_spec(word: &str) -> bool {
    let ending = Path::new(word).extension();
    ending.is_some_and(|ending| ending == "yaml" || ending == "yml")
}

fn line<'a>(words: impl Iterator<Item = &'a OsString>) -> String {
    words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
}
