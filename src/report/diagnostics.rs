//! Diagnostics as a person reads them, and as a machine does.

use std::io::Write;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use crate::observe::screen;
use crate::observe::words::printable;
use crate::spec::{Diagnostic, Diagnostics, Severity, Sources, Span, boundary};

/// Renders findings: each with `file:line:column`, the line, a caret under the
/// place, and a hint. Ends with a line that counts them.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, color: bool, width: usize) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(width);
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&one(diagnostic, sources, &renderer));
        out.push_str("\n\n");
    }
    out.push_str(&summary(diagnostics));
    out
}

/// Renders findings to standard error, with colours where it is a terminal that
/// wants them, or as JSON, one object a line; nothing where there are none.
pub fn print(diagnostics: Diagnostics, sources: &Sources, json: bool) {
    print_all(&diagnostics.sorted(), sources, json);
}

/// As [`print`], in the order that they have.
pub fn print_all(found: &[Diagnostic], sources: &Sources, json: bool) {
    if found.is_empty() {
        return;
    }
    if json {
        let lines = to_json(found, sources).into_iter().map(Event::new);
        for line in lines.filter_map(|event| serde_json::to_string(&event).ok()) {
            screen::print(&format!("{line}\n"));
        }
        return;
    }
    let width = screen::columns().unwrap_or(160);
    screen::print(&render(found, sources, screen::has_color(), width));
}

/// Writes findings to standard output, as data: one object a line.
pub fn write(diagnostics: Diagnostics, sources: &Sources) {
    let mut stdout = std::io::stdout().lock();
    let lines = to_json(&diagnostics.sorted(), sources);
    for line in lines.iter().filter_map(|d| serde_json::to_string(d).ok()) {
        // Who reads may stop reading.
        let _ = writeln!(stdout, "{line}");
    }
}

/// `3 errors, 1 warning`, with a line end; nothing where there is nothing.
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let words = |n: usize, what: &str| match n {
        0 => None,
        1 => Some(format!("1 {what}")),
        n => Some(format!("{n} {what}s")),
    };
    let parts: Vec<_> =
        [words(count(Severity::Error), "error"), words(count(Severity::Warning), "warning")]
            .into_iter()
            .flatten()
            .collect();
    if parts.is_empty() { String::new() } else { format!("{}\n", parts.join(", ")) }
}

fn one(diagnostic: &Diagnostic, sources: &Sources, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let message = printable(&diagnostic.message);
    let notes: Vec<_> = diagnostic.notes.iter().map(|note| printable(note)).collect();
    let hint = diagnostic.hint.as_ref().map(|hint| printable(hint));
    let mut group = level.primary_title(&*message).elements(None::<annotate_snippets::Message<'_>>);
    if let Some(line) = diagnostic.span.and_then(|span| Line::of(sources, span)) {
        let path = line.path.display().to_string();
        group = if diagnostic.secret {
            let column = line.text[..line.start].chars().count() + 1;
            group.element(Origin::path(path).line(line.number).char_column(column))
        } else {
            group.element(
                Snippet::source(line.text)
                    .path(path)
                    .line_start(line.number)
                    .annotation(AnnotationKind::Primary.span(line.start..line.end)),
            )
        };
    }
    for note in &notes {
        group = group.element(Level::NOTE.message(&**note));
    }
    if let Some(hint) = &hint {
        group = group.element(Level::HELP.message(&**hint));
    }
    renderer.render(&[group])
}

/// The line of a place, and the bytes of it that are meant. Of a place that
/// goes over several lines only the first is shown.
struct Line<'s> {
    path: &'s std::path::Path,
    text: &'s str,
    number: usize,
    start: usize,
    end: usize,
}

impl<'s> Line<'s> {
    fn of(sources: &'s Sources, span: Span) -> Option<Self> {
        let source = sources.get(span.file)?;
        let text = source.text.as_str();
        let at = boundary(text, span.start as usize);
        let first = text[..at].rfind('\n').map_or(0, |i| i + 1);
        let last = text[at..].find('\n').map_or(text.len(), |i| at + i);
        let line = text[first..last].trim_end_matches('\r');
        let start = (at - first).min(line.len());
        let end = (span.end as usize).saturating_sub(first);
        // A place that ends inside a character means all of it.
        let end = (end..=line.len()).find(|end| line.is_char_boundary(*end));
        let end = end.unwrap_or(line.len()).max(start);
        let number = text[..first].matches('\n').count() + 1;
        Some(Self { path: &source.path, text: line, number, start, end })
    }
}

/// A finding for editors and other programs. All keys are always there.
#[derive(Debug, Serialize)]
pub struct JsonDiagnostic {
    /// `error` or `warning`.
    pub severity: &'static str,
    /// The cause in one sentence.
    pub message: String,
    /// The file, the way it was named; null for what concerns none.
    pub file: Option<String>,
    /// Where in it; null likewise.
    pub range: Option<Range>,
    /// What can be done, to be pasted where possible.
    pub hint: Option<String>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

/// A part of a file.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Range {
    /// Where it begins.
    pub start: Position,
    /// One past where it ends.
    pub end: Position,
}

/// A place in a file. Line and column count from 1, columns in characters.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
    /// Bytes before it.
    pub offset: u32,
}

/// A finding among the events of `--log-format json`.
#[derive(Serialize)]
struct Event {
    event: &'static str,
    level: &'static str,
    #[serde(flatten)]
    diagnostic: JsonDiagnostic,
}

impl Event {
    fn new(diagnostic: JsonDiagnostic) -> Self {
        Self { event: "diagnostic", level: diagnostic.severity, diagnostic }
    }
}

/// Findings as data.
pub fn to_json(diagnostics: &[Diagnostic], sources: &Sources) -> Vec<JsonDiagnostic> {
    let position = |span: Span, offset: u32| {
        let (_, line, column) = sources.locate(Span { start: offset, end: offset, ..span })?;
        Some(Position { line, column, offset })
    };
    let range = |span: Span| {
        Some(Range { start: position(span, span.start)?, end: position(span, span.end)? })
    };
    diagnostics
        .iter()
        .map(|d| JsonDiagnostic {
            severity: match d.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            message: d.message.clone(),
            file: d.span.and_then(|s| Some(sources.get(s.file)?.path.display().to_string())),
            range: d.span.and_then(range),
            hint: d.hint.clone(),
            notes: d.notes.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_its_line_and_a_caret() {
        let mut sources = Sources::default();
        sources.add("a.yaml".into(), String::from("ä: 1\nnaïve: two\n"));
        let mut found = Diagnostics::default();
        // `two`, after a line and a word with two-byte letters.
        found.error(Span { file: 0, start: 14, end: 17 }, "no number").hint("2");
        found.error_nowhere("no place");
        let found = found.sorted();
        assert_eq!(
            render(&found, &sources, false, 80),
            "error: no place\n\nerror: no number\n --> a.yaml:2:8\n  |\n2 | naïve: two\n  |        ^^^\n  |\n  = help: 2\n\n2 errors\n"
        );
        let json = to_json(&found, &sources);
        let start = Position { line: 2, column: 8, offset: 14 };
        let end = Position { line: 2, column: 11, offset: 17 };
        assert_eq!(json[1].range, Some(Range { start, end }));
        assert_eq!(json[0].file, None);
    }
}
