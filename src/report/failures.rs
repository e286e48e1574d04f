//! Templates that failed in a build, in the voice of the findings about a spec.

use crate::build::Failure;
use crate::spec::{Diagnostic, Severity, Sources, Span};

/// One finding for each place: what failed, over which value, in how many records.
/// `dir` is the output directory, where each record is told of.
pub fn findings(failures: &[Failure], sources: &Sources, dir: &str) -> Vec<Diagnostic> {
    failures.iter().map(|failure| finding(failure, sources, dir)).collect()
}

fn finding(failure: &Failure, sources: &Sources, dir: &str) -> Diagnostic {
    let Failure { what, error, count, keys } = failure;
    let mut notes = Vec::new();
    if let (false, Some(key)) = (error.values.is_empty(), keys.first()) {
        notes.push(format!("in {key}, {}", error.values.join(", ")));
    }
    let span = match error.texts.last() {
        None => Some(error.span),
        Some(text) => {
            let end = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            let file = sources.find(&text.file);
            file.map(|file| Span { file, start: end(text.range.start), end: end(text.range.end) })
        }
    };
    let places = error.places(sources);
    // The place of the finding itself is drawn, where its file is known.
    let drawn = usize::from(span.is_some());
    notes.extend(places.iter().skip(drawn).enumerate().map(|(n, place)| match n + drawn {
        0 => format!("at {place}"),
        _ => format!("rendered at {place}"),
    }));
    let more = if *count > keys.len() as u64 { ", …" } else { "" };
    let records = if *count == 1 { "record" } else { "records" };
    let each = if *count == 1 { "it is" } else { "each is" };
    let keys = keys.join(", ");
    notes.push(format!("{count} {records}: {keys}{more} ({each} in {dir}/rejected.jsonl)"));
    let message = format!("{what}: {}", error.message);
    Diagnostic { severity: Severity::Error, message, span, hint: None, notes, secret: false }
}
