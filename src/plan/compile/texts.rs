//! Text templates that `render("…")` loads, and the filters that templates use.

use std::path::{Component, Path};

use super::calls::wrong_calls;
use super::code::{Finding, expressions};
use super::compiler::{Compiler, plain_words};
use super::items::unknown_attributes;
use super::names::Known;
use crate::plan::slips::{self, Slip};
use crate::plan::template::is_below;
use crate::spec::decode::Text;
use crate::spec::{Span, near, read, simplify};

/// The statements that lead to other files.
const STATEMENTS: [&str; 4] = ["include ", "import ", "from ", "extends "];

fn is_statement(expression: &str, word: &str) -> bool {
    expression.trim_start_matches(['-', ' ']).starts_with(word)
}

/// The names of all files that a template may lead to; `None` where some of them come
/// out only when it is rendered.
pub(super) fn all_named_files(text: &str) -> Option<Vec<&str>> {
    let mut found = Vec::new();
    for (start, end) in expressions(text) {
        let expression = &text[start..end];
        for (at, word) in expression.match_indices("render") {
            let argument = expression[at + word.len()..].trim_start().strip_prefix('(')?;
            let (name, rest) = literal(argument)?;
            found.push(name);
            rest.starts_with(')').then_some(())?;
        }
        for word in STATEMENTS.iter().filter(|word| is_statement(expression, word)) {
            let (_, argument) = expression.split_once(word)?;
            let (name, rest) = literal(argument)?;
            found.push(name);
            let rest = rest.trim_end_matches('-').trim_end();
            let goes_on = ["", "import ", "as ", "ignore missing", "with ", "without "];
            goes_on
                .iter()
                .any(|word| rest.starts_with(word) && (!word.is_empty() || rest.is_empty()))
                .then_some(())?;
        }
    }
    Some(found)
}

/// A text in quotes, and what follows it.
fn literal(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (name, rest) = text[1..].split_once(quote)?;
    (!name.contains('\\')).then_some((name, rest.trim_start()))
}

/// The names of other files in `render("name")` and in `{% include "name" %}` and
/// its like, with their places.
fn named_files(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (start, end) in expressions(text) {
        for before in STATEMENTS.into_iter().chain(["render("]) {
            if !before.ends_with('(') && !is_statement(&text[start..end], before) {
                continue;
            }
            for (i, _) in text[start..end].match_indices(before) {
                let argument = start + i + before.len();
                let rest = &text[argument..end];
                let quote_at = rest.len() - rest.trim_start().len();
                let quote = rest[quote_at..].chars().next().filter(|c| matches!(c, '"' | '\''));
                let name_at = argument + quote_at + 1;
                let length = quote.and_then(|quote| text[name_at..end].find(quote));
                if let Some(length) = length {
                    found.push((name_at, &text[name_at..name_at + length]));
                }
            }
        }
    }
    found
}

impl Compiler<'_> {
    /// Checks the text templates that a template renders: that they are there,
    /// compile, and use names that are known.
    pub(super) fn check_texts(&mut self, text: &Text, known: &Known) {
        for (at, name) in named_files(&text.scalar.text) {
            let place = self.place(&text.scalar, text.span, at, at + name.len());
            let folder = self.sources.folder(text.span.file).to_owned();
            self.check_text(&folder, name, place, known, 0);
        }
    }

    fn check_text(&mut self, folder: &Path, name: &str, place: Span, known: &Known, depth: usize) {
        if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_))) {
            self.diagnostics
                .error(place, format!("`{name}` is not below the folder of this template"))
                .hint("move the file there");
            return;
        }
        let path = folder.join(name);
        if depth > 20 || !self.texts_done.insert((path.clone(), known.identity())) {
            return;
        }
        let shown = simplify(&path);
        if path.exists() && !is_below(folder, &path) {
            let message = format!("{} is a link that leads out of its folder", shown.display());
            self.diagnostics.error(place, message).hint("put the file itself there");
            return;
        }
        let text = match read(&path) {
            Ok(text) => text,
            Err(why) => {
                let near = near(&path).and_then(|n| Some(n.file_name()?.to_owned()));
                let message = format!("cannot read {}: {why}", shown.display());
                let diagnostic = self.diagnostics.error(place, message);
                diagnostic.hint(match near {
                    Some(near) => format!("did you mean {}?", near.display()),
                    None => String::from("names are relative to the folder of this template"),
                });
                return;
            }
        };
        let file = self.sources.find_or_add(&shown, &text);
        let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let whole = Span { file, start: 0, end };
        // Compiled once more by itself, so that places are those of the file.
        if let Err(error) = self.env.compile(&text, whole, folder) {
            let Slip { start, end, message, hint } =
                slips::template::find(&text).unwrap_or_else(|| {
                    let at = |offset: u32| (offset - whole.start) as usize;
                    let range = at(error.span.start)..at(error.span.end);
                    Slip::new(range, plain_words(&error.message), None)
                });
            let diagnostic = self.diagnostics.error(whole.part(start, end), message);
            if let Some(hint) = hint {
                diagnostic.hint(hint);
            }
            return;
        }
        let names = match self.env.undeclared_in_text(&path, place) {
            Ok(names) => names,
            Err(error) => {
                self.diagnostics.error(error.span, error.message);
                return;
            }
        };
        for name in names {
            if let Some(unknown) = known.unknown(&self.env, &name) {
                let (start, end) = unknown.find(&text).unwrap_or((0, 0));
                self.diagnostics.error(whole.part(start, end), unknown.message).hint(unknown.hint);
            }
        }
        let mut found = wrong_calls(&self.env, &text, known);
        found.extend(unknown_attributes(&self.env, &text, known));
        for Finding { start, end, message, hint } in found {
            self.diagnostics.error(whole.part(start, end), message).hint(hint);
        }
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        for (at, name) in named_files(&text) {
            self.check_text(&folder, name, whole.part(at, at + name.len()), known, depth + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_come_out_later_are_not_overlooked() {
        let all = [
            ("{{ record.title }}", vec![]),
            ("{{ (render('a') ~ render( \"b\" )) | trim }} render(c)", vec!["a", "b"]),
            ("{% include 'a' ignore missing %}{%- from \"b\" import c -%}", vec!["a", "b"]),
        ];
        for (text, names) in all {
            assert_eq!(all_named_files(text), Some(names), "{text}");
        }
        for text in [
            "{{ render(name) }}",
            "{{ render('a' ~ name) }}",
            "{{ 'a' | render }}",
            "{% set r = render %}{{ r('a') }}",
            "{% include name %}",
            "{% include ['a', 'b'] %}",
            "{% extends 'a' if x else 'b' %}",
        ] {
            assert_eq!(all_named_files(text), None, "{text}");
        }
    }

    #[test]
    fn names_of_other_files_are_found() {
        assert_eq!(named_files("{{ render(\"a.j2\") }} render('b')"), [(11, "a.j2")]);
        assert_eq!(
            named_files("{%- include 'a.j2' %}{% from \"b.j2\" import c %}{{ from 'x' }}"),
            [(13, "a.j2"), (30, "b.j2"), (56, "x")]
        );
    }
}
