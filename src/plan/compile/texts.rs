//! Text templates that `render("…")` loads, and the filters that templates use.

use std::path::{Component, Path};

use super::compiler::Compiler;
use super::items::unknown_attributes;
use super::names::Known;
use crate::plan::Env;
use crate::spec::decode::Text;
use crate::spec::{Span, near, read, simplify, suggest_hint};

/// Something in the text of a template that there is none of.
pub(super) struct Finding {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) message: String,
    pub(super) hint: String,
}

/// Filters in use that do not exist: names after a single `|` inside `{{ }}` or
/// `{% %}`, outside strings.
pub(super) fn unknown_filters(env: &Env, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for (start, end) in expressions(text) {
        let mut quote = None;
        for (i, c) in text[start..end].char_indices() {
            match quote {
                Some(q) => {
                    if c == q {
                        quote = None;
                    }
                    continue;
                }
                None if c == '"' || c == '\'' => {
                    quote = Some(c);
                    continue;
                }
                None if c != '|' => continue,
                None => {}
            }
            let rest = &text[start + i + 1..end];
            let name_at = start + i + 1 + (rest.len() - rest.trim_start().len());
            let name = text[name_at..end].split(|c: char| !c.is_alphanumeric() && c != '_').next();
            let Some(name) = name.filter(|n| !n.is_empty()) else { continue };
            if !env.has_filter(name) {
                let hint = suggest_hint(name, Env::FILTERS.iter().copied());
                let message = format!("there is no filter `{name}`");
                found.push(Finding { start: name_at, end: name_at + name.len(), message, hint });
            }
        }
    }
    found
}

/// Where the insides of `{{ }}` and `{% %}` stand.
pub(super) fn expressions(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('{').map(|i| at + i) {
        let close = match text[open + 1..].chars().next() {
            Some('{') => "}}",
            Some('%') => "%}",
            Some('#') => "#}",
            _ => {
                at = open + 1;
                continue;
            }
        };
        let inside = open + 2;
        let end = text[inside..].find(close).map_or(text.len(), |i| inside + i);
        if close != "#}" {
            found.push((inside, end));
        }
        at = (end + 2).min(text.len());
    }
    found
}

/// The names of other files in `render("name")` and in `{% include "name" %}` and
/// its like, with their places.
fn named_files(text: &str) -> Vec<(usize, &str)> {
    const BEFORE: [&str; 5] = ["render(", "include ", "import ", "from ", "extends "];
    let mut found = Vec::new();
    for (start, end) in expressions(text) {
        for before in BEFORE {
            if !before.ends_with('(')
                && !text[start..end].trim_start_matches(['-', ' ']).starts_with(before)
            {
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
        let text = match read(&path) {
            Ok(text) => text,
            Err(why) => {
                let near = near(&path).and_then(|n| Some(n.file_name()?.to_owned()));
                let message = format!("cannot read {}: {why}", shown.display());
                let diagnostic = self.diagnostics.error(place, message);
                if let Some(near) = near {
                    diagnostic.hint(format!("did you mean {}?", near.display()));
                }
                return;
            }
        };
        let file = self.sources.find_or_add(&shown, &text);
        let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let whole = Span { file, start: 0, end };
        // Compiled once more by itself, so that places are those of the file.
        if let Err(error) = self.env.compile(&text, whole, folder) {
            self.diagnostics.error(error.span, error.message);
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
        let mut found = unknown_filters(&self.env, &text);
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
    fn filters_are_found_outside_strings_and_comments() {
        let env = Env::new();
        let names = |text: &str| -> Vec<String> {
            unknown_filters(&env, text).iter().map(|f| text[f.start..f.end].to_owned()).collect()
        };
        assert!(names("a | nope {{ x | length }} {# y | nope #}").is_empty());
        assert!(names("{{ 'a | nope' | jql }} {% if x | mentions('|b') %}").is_empty());
        assert_eq!(names("{{ x |lenght }} {% for a in b | sorted %}"), ["lenght", "sorted"]);
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
