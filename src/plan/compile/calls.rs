//! Filters, tests and functions that a template calls: that there are such, and
//! that the number and the names of their arguments fit.

use std::ops::Range;

use super::code::{Code, Finding, closing, is_word, path_length, words};
use super::names::Known;
use crate::plan::{Callee, Env};
use crate::spec::suggest_hint;

/// Words that end what a test is given without brackets.
const OPERATORS: [&str; 8] = ["and", "or", "if", "else", "is", "not", "in", "recursive"];

/// Filters whose first argument is the name of a test, with its position.
const TESTING: [(&str, usize); 4] =
    [("select", 0), ("reject", 0), ("selectattr", 1), ("rejectattr", 1)];

/// Methods of other template languages, with what does the same here.
const METHODS: [(&str, &str); 14] = [
    ("strip", "| trim"),
    ("lstrip", "| trim"),
    ("rstrip", "| trim"),
    ("lower", "| lower"),
    ("upper", "| upper"),
    ("title", "| title"),
    ("capitalize", "| capitalize"),
    ("replace", "| replace(\"a\", \"b\")"),
    ("split", "| split(\" \")"),
    ("splitlines", "| lines"),
    ("join", "| join(\", \")"),
    ("format", "| format(…)"),
    ("startswith", "is startingwith(\"a\")"),
    ("endswith", "is endingwith(\"a\")"),
];

/// What a mapping can be asked for by a method.
const OF_MAPS: [&str; 4] = ["items", "keys", "values", "get"];

/// One call in the code of a template.
struct Call {
    callee: Callee,
    name: Range<usize>,
    /// `None` where they cannot be told apart.
    arguments: Option<Vec<Range<usize>>>,
}

/// Calls that cannot work.
pub(super) fn wrong_calls(env: &Env, text: &str, known: &Known) -> Vec<Finding> {
    let code = Code::new(text);
    let mut found = Vec::new();
    for call in code.calls() {
        code.check(env, &call, &mut found);
    }
    code.methods(env, known, &mut found);
    found
}

impl Code<'_> {
    fn calls(&self) -> Vec<Call> {
        let mut calls = Vec::new();
        for &(start, end) in &self.expressions {
            for (i, _) in self.code[start..end].match_indices('|') {
                let at = start + i + 1;
                calls.extend(self.call(Callee::Filter, at + self.blanks(at), end));
            }
            for word in words(&self.code[start..end]) {
                let word = start + word.start..start + word.end;
                let before = self.code[start..word.start].trim_end();
                match &self.code[word.clone()] {
                    "is" if !before.is_empty() && !before.ends_with('.') => {
                        let mut at = word.end + self.blanks(word.end);
                        if words(&self.code[at..end]).next().is_some_and(|w| w == (0..3))
                            && self.code[at..].starts_with("not")
                        {
                            at += 3 + self.blanks(at + 3);
                        }
                        calls.extend(self.call(Callee::Test, at.min(end), end));
                    }
                    _ if self.code[word.end..end].starts_with('(')
                        && !before.ends_with(['.', '|'])
                        && !is_after_is(before) =>
                    {
                        calls.extend(self.call(Callee::Function, word.start, end));
                    }
                    _ => {}
                }
            }
        }
        calls
    }

    /// The call of a name that stands here.
    fn call(&self, callee: Callee, at: usize, end: usize) -> Option<Call> {
        let length = self.code[at..end].find(|c| !is_word(c)).unwrap_or(end - at);
        let name = at..at + length;
        if length == 0 {
            return None;
        }
        let rest = &self.code[name.end..end];
        let arguments = match (rest.strip_prefix('('), callee) {
            (Some(_), _) => {
                closing(rest).map(|close| self.arguments(name.end + 1..name.end + close))
            }
            (None, Callee::Test) => {
                let next = rest.trim_start();
                let word = words(next).next().filter(|w| w.start == 0).map(|w| &next[w]);
                let none = match word {
                    Some(word) => OPERATORS.contains(&word),
                    None => !next.starts_with(|c: char| c.is_ascii_digit() || "'\"[{(".contains(c)),
                };
                none.then(Vec::new)
            }
            (None, _) => Some(Vec::new()),
        };
        Some(Call { callee, name, arguments })
    }

    /// What stands between commas that are inside no brackets.
    fn arguments(&self, inside: Range<usize>) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut start = inside.start;
        let mut depth = 0_usize;
        for (i, c) in self.code[inside.clone()].char_indices() {
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                ',' if depth == 0 => {
                    found.push(start..inside.start + i);
                    start = inside.start + i + 1;
                }
                _ => {}
            }
        }
        if !self.text[start..inside.end].trim().is_empty() {
            found.push(start..inside.end);
        }
        found
    }

    fn check(&self, env: &Env, call: &Call, found: &mut Vec<Finding>) {
        let name = &self.text[call.name.clone()];
        let what = call.callee.as_str();
        if !env.has(call.callee, name) {
            // A name that is no function is reported as one that there is none of.
            if call.callee != Callee::Function {
                self.unknown(call.callee, call.name.clone(), found);
            }
            return;
        }
        let Some(arguments) = &call.arguments else { return };
        let mut positional = Vec::new();
        let mut named = Vec::new();
        for argument in arguments {
            match self.named(argument) {
                Some(key) => named.push(key),
                // What a function does with a name is none of our affair.
                None if call.callee == Callee::Function => positional.push("".into()),
                None => positional.push(self.literal(argument)),
            }
        }
        if let Some(misfit) = env.misfit(call.callee, name, &positional, &named) {
            let signature = misfit.signature.unwrap_or_default();
            found.push(Finding {
                start: call.name.start,
                end: call.name.end,
                message: format!("the {what} `{name}` {}", misfit.message),
                hint: signature.to_owned(),
            });
        }
        if call.callee == Callee::Filter {
            self.names_in_arguments(env, name, arguments, found);
        }
    }

    /// Arguments that name a test or a filter, or are a regular expression.
    fn names_in_arguments(
        &self,
        env: &Env,
        filter: &str,
        arguments: &[Range<usize>],
        found: &mut Vec<Finding>,
    ) {
        let text = |at: usize| arguments.get(at).and_then(|argument| self.string(argument));
        if let Some((_, at)) = TESTING.iter().find(|(name, _)| *name == filter)
            && let Some(test) = text(*at)
            && !env.has(Callee::Test, &self.text[test.clone()])
        {
            self.unknown(Callee::Test, test, found);
        }
        if filter == "map"
            && let Some(inner) = text(0)
            && !env.has(Callee::Filter, &self.text[inner.clone()])
        {
            self.unknown(Callee::Filter, inner, found);
        }
        if matches!(filter, "matches" | "findall")
            && let Some(pattern) = text(0)
            && !self.text[pattern.clone()].contains('\\')
            && let Err(error) = crate::spec::compile_pattern(&self.text[pattern.clone()])
        {
            found.push(Finding {
                start: pattern.start,
                end: pattern.end,
                message: format!("no regular expression: {error}"),
                hint: String::from(
                    "in a pattern, signs such as `(` stand for themselves in `[ ]`: `[(]`",
                ),
            });
        }
    }

    fn unknown(&self, callee: Callee, name: Range<usize>, found: &mut Vec<Finding>) {
        let text = &self.text[name.clone()];
        let names = match callee {
            Callee::Test => Env::TESTS,
            _ => Env::FILTERS,
        };
        found.push(Finding {
            start: name.start,
            end: name.end,
            message: format!("there is no {} `{text}`", callee.as_str()),
            hint: suggest_hint(text, names.iter().copied()),
        });
    }

    /// Texts have no methods here.
    fn methods(&self, env: &Env, known: &Known, found: &mut Vec<Finding>) {
        for &(start, end) in &self.expressions {
            for word in words(&self.code[start..end]) {
                let root = start + word.start;
                if self.code[..root].ends_with('.') {
                    continue;
                }
                let path = root..root + path_length(&self.code[root..end]);
                let rest = &self.code[path.end..end];
                let Some(after) = rest.strip_prefix('.') else { continue };
                let length = after.find(|c| !is_word(c)).unwrap_or(after.len());
                let method = &after[..length];
                let name = &self.text[root..start + word.end];
                // Macros and loops are none of the spec's own values.
                if !after[length..].starts_with('(')
                    || env.has_global(name)
                    || known.attrs(name).is_none()
                    || OF_MAPS.contains(&method)
                {
                    continue;
                }
                let value = &self.text[path.clone()];
                let hint = match METHODS.iter().find(|(theirs, _)| *theirs == method) {
                    Some((_, ours)) => format!("{{{{ {value} {ours} }}}}"),
                    None => suggest_hint(method, Env::FILTERS.iter().copied()),
                };
                let at = path.end + 1;
                found.push(Finding {
                    start: at,
                    end: at + length,
                    message: format!(
                        "values have no methods such as `{method}()`: filters do their work"
                    ),
                    hint,
                });
            }
        }
    }

    /// The name of an argument `name=value`.
    fn named(&self, argument: &Range<usize>) -> Option<&str> {
        let code = &self.code[argument.clone()];
        let (name, value) = code.split_once('=')?;
        let is_name = !name.trim().is_empty() && name.trim().chars().all(is_word);
        (is_name && !value.starts_with('=')).then(|| name.trim())
    }

    /// Where the text of an argument stands that is one string.
    fn string(&self, argument: &Range<usize>) -> Option<Range<usize>> {
        let text = &self.text[argument.clone()];
        let start = argument.start + (text.len() - text.trim_start().len());
        let trimmed = text.trim();
        let quote = trimmed.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let inner = trimmed[1..].strip_suffix(quote)?;
        (!inner.contains(quote)).then(|| start + 1..start + 1 + inner.len())
    }

    /// The value of an argument, as far as it stands there.
    fn literal(&self, argument: &Range<usize>) -> minijinja::Value {
        match self.string(argument) {
            Some(text) => minijinja::Value::from(&self.text[text]),
            None if self.text[argument.clone()].trim().parse::<f64>().is_ok() => 1.into(),
            None => minijinja::Value::from(""),
        }
    }
}

fn is_after_is(before: &str) -> bool {
    let last = |text: &str| words(text).last().map(|w| text[w].to_owned());
    match last(before).as_deref() {
        Some("is") => true,
        Some("not") => last(before.trim_end_matches("not")).as_deref() == Some("is"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::compile::names::Attrs;

    fn found(text: &str) -> Vec<String> {
        let known = Known::default().with("record", Attrs::Any);
        let found = wrong_calls(&Env::new(), text, &known);
        found.iter().map(|f| format!("{}: {}", &text[f.start..f.end], f.message)).collect()
    }

    #[test]
    fn calls_that_cannot_work_are_found() {
        for (text, slip) in [
            ("{{ x |lenght }}", "lenght: there is no filter `lenght`"),
            ("{% for a in b | sorted %}", "sorted: there is no filter `sorted`"),
            ("{{ x is definde }}", "definde: there is no test `definde`"),
            ("{{ x is not definde and y }}", "definde: there is no test `definde`"),
            ("{{ x | replace('a') }}", "replace: the filter `replace` needs more arguments"),
            ("{{ x | length(1) }}", "length: the filter `length` takes fewer arguments"),
            ("{{ x | jql('x', y) }}", "jql: the filter `jql` takes fewer arguments"),
            (
                "{{ x | truncate_words }}",
                "truncate_words: the filter `truncate_words` needs more arguments",
            ),
            ("{{ x | join(sep=',') }}", "join: the filter `join` has no argument `sep`"),
            ("{{ x is divisibleby }}", "divisibleby: the test `divisibleby` needs more arguments"),
            ("{{ range() }}", "range: the function `range` needs more arguments"),
            ("{{ render() }}", "render: the function `render` needs more arguments"),
            ("{{ x | select('isin', [1]) }}", "isin: there is no test `isin`"),
            ("{{ x | map('uper') | list }}", "uper: there is no filter `uper`"),
            (
                "{{ record.title.strip() }}",
                "strip: values have no methods such as `strip()`: filters do their work",
            ),
        ] {
            assert_eq!(found(text), [slip], "{text}");
        }
        assert!(found("{{ x | matches('(') }}")[0].starts_with("(: no regular expression"));
    }

    #[test]
    fn calls_that_may_work_pass() {
        for text in [
            "a | nope {{ x | length }} {# y | nope #}",
            "{{ 'a | nope' | jql }} {% if x | mentions('|b') %}",
            "{{ x is defined and y is not none or z is in [1] }}{{ a is divisibleby 3 }}",
            "{{ x | default('') | replace('a', 'b') | trim | join(', ') }}",
            "{{ x | sort(attribute='a', reverse=true) | map(attribute='b') | list }}",
            "{{ x | selectattr('a') | rejectattr('b', 'in', c) | unique(case_sensitive=true) }}",
            "{{ x | map('length') | sum }}{{ range(3) }}{{ range(1, n, 2) }}{{ dict(a=1) }}",
            "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1) }}{{ loop.cycle(1, 2) }}",
            "{{ record.a.items() }}{{ x.y.z() }}{{ x | truncate_words(3, end='…') }}",
            "{{ x | indent(4) | format(1) | round(2) | slice(2) | batch(3) | first }}",
            "{{ x if y is lt(3) else z | default(0) }}{{ x | select('in', y) }}",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }
}
