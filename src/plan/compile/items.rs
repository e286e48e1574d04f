//! Attributes of items that a template uses: those of loop variables, and those
//! named in filters. minijinja tells of neither, so the text itself is gone
//! through; whatever is not simple is let pass.

use std::ops::Range;

use super::code::{Code, Finding, closing, is_word, path_length, words};
use super::names::{Attrs, Known};
use crate::plan::Env;
use crate::spec::suggest_hint;

/// Filters that hand on items as they are.
pub(super) const PASSING: [&str; 8] =
    ["selectattr", "rejectattr", "select", "reject", "sort", "reverse", "list", "unique"];

/// Attributes in use that items do not have.
pub(super) fn unknown_attributes(env: &Env, text: &str, known: &Known) -> Vec<Finding> {
    let template = Code::new(text);
    let (scope, bound) = template.bindings(env, known);
    let mut found = Vec::new();
    for path in template.paths() {
        let name = &text[path.clone()];
        if bound.iter().any(|b| Some(b.as_str()) == name.split('.').next())
            && let Some(unknown) = scope.unknown(env, name)
        {
            let (start, end) = unknown.part();
            let (start, end) = (path.start + start, path.start + end);
            found.push(Finding { start, end, message: unknown.message, hint: unknown.hint });
        }
        template.indexed(path.clone(), &scope, &mut found);
        found.extend(template.subscript(env, path.clone(), &scope));
        template.chain(path, text.len(), &scope, &mut found);
    }
    found
}

impl Code<'_> {
    /// What templates see with the loop variables, and which of those have
    /// known attributes. A name that is bound twice, differently, has none.
    fn bindings(&self, env: &Env, known: &Known) -> (Known, Vec<String>) {
        let mut scope = known.clone();
        let mut bound: Vec<(String, Attrs)> = Vec::new();
        let mut bind = |scope: &mut Known, name: &str, mut attrs: Attrs| {
            let before = bound.iter().find(|(n, _)| n == name);
            let other = before.is_some_and(|(_, a)| *a != attrs);
            if other || known.attrs(name).is_some() || env.has_global(name) {
                attrs = Attrs::Any;
            }
            bound.retain(|(n, _)| n != name);
            bound.push((name.to_owned(), attrs.clone()));
            *scope = scope.clone().with(name, attrs);
        };
        for &(start, end) in &self.expressions {
            let block =
                start + self.code[start..end].find(|c: char| !"-+ \n".contains(c)).unwrap_or(0);
            let mut words = words(&self.code[block..end]);
            match words.next().map(|w| &self.code[block..end][w]) {
                Some("for") => {
                    let names = words.map(|w| block + w.start..block + w.end);
                    let names: Vec<_> =
                        names.take_while(|w| &self.code[w.clone()] != "in").collect();
                    let list = names.last().and_then(|last| {
                        Some(last.end + self.code[last.end..end].find("in ")? + "in ".len())
                    });
                    let list = list.map(|at| (at + self.blanks(at)).min(end));
                    let items = match (names.as_slice(), list) {
                        ([_], Some(list)) => {
                            let stop = self.code[list..end].find(" if ").map_or(end, |i| list + i);
                            let path = list..list + path_length(&self.code[list..stop]);
                            self.chain(path, stop, &scope, &mut Vec::new())
                        }
                        _ => Attrs::Any,
                    };
                    for name in names {
                        bind(&mut scope, &self.code[name], items.clone());
                    }
                }
                Some("set" | "with" | "macro" | "call" | "import" | "from") => {
                    for word in words {
                        let word = block + word.start..block + word.end;
                        let rest = self.code[word.end..end].trim_start();
                        if !rest.starts_with("==") && rest.starts_with(['=', ',', ')', '-', '%'])
                            || rest.is_empty()
                        {
                            let before = self.code[..word.start].chars().next_back();
                            if before != Some('.')
                                && known.attrs(&self.code[word.clone()]).is_none()
                            {
                                bind(&mut scope, &self.code[word], Attrs::Any);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        let sure = bound.into_iter().filter(|(_, attrs)| *attrs != Attrs::Any);
        (scope, sure.map(|(name, _)| name).collect())
    }

    /// An attribute named by a text, `record['titel']`, that there is not.
    fn subscript(&self, env: &Env, path: Range<usize>, scope: &Known) -> Option<Finding> {
        let name = &self.text[path.clone()];
        scope.attrs(name)?;
        let rest = self.text[path.end..].strip_prefix('[')?;
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (word, _) = rest[1..].split_once(quote).filter(|(_, end)| end.starts_with(']'))?;
        let unknown =
            scope.unknown(env, &format!("{name}.{word}")).filter(|_| !word.contains('.'))?;
        let start = path.end + 2;
        let end = start + word.len();
        Some(Finding { start, end, message: unknown.message, hint: unknown.hint })
    }

    /// An attribute of `record.comments[0].author` that the item does not have.
    fn indexed(&self, path: Range<usize>, scope: &Known, found: &mut Vec<Finding>) {
        let name = &self.text[path.clone()];
        let Some(Attrs::Items(items)) = scope.attrs(name) else { return };
        let Attrs::Fields(fields) = &**items else { return };
        let rest = &self.code[path.end..];
        let Some((index, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once("]."))
        else {
            return;
        };
        if index.trim_start_matches('-').parse::<u32>().is_err() {
            return;
        }
        let start = path.end + rest.len() - after.len();
        let length = after.find(|c| !is_word(c)).unwrap_or(after.len());
        let word = &self.text[start..start + length];
        if !after[length..].starts_with('(') && !fields.iter().any(|(field, _)| field == word) {
            found.push(Finding {
                start,
                end: start + length,
                message: format!("an item of `{name}` has no `{word}`"),
                hint: suggest_hint(word, fields.iter().map(|(n, _)| n.as_str())),
            });
        }
    }

    /// All dotted names.
    fn paths(&self) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for word in words(&self.code) {
            let before = self.code[..word.start].chars().next_back();
            if before != Some('.') {
                found.push(word.start..word.start + path_length(&self.code[word.start..]));
            }
        }
        found
    }

    /// What is known about the items that come out of `record.comments | …`;
    /// reports attributes in its filters that they do not have.
    fn chain(
        &self,
        path: Range<usize>,
        end: usize,
        scope: &Known,
        found: &mut Vec<Finding>,
    ) -> Attrs {
        let name = &self.text[path.clone()];
        let Some(Attrs::Items(items)) = scope.attrs(name) else { return Attrs::Any };
        let mut items = (**items).clone();
        let mut at = path.end;
        loop {
            at += self.blanks(at);
            let stop =
                at >= end || self.code[at..end].trim_matches(['-', '+', ' ', '\n']).is_empty();
            if stop {
                return items;
            }
            if !self.code[at..end].starts_with('|') {
                return Attrs::Any;
            }
            at = (at + 1 + self.blanks(at + 1)).min(end);
            let filter = &self.code[at..at + path_length(&self.code[at..end])];
            at += filter.len();
            let mut inside = at..at;
            if self.code[at..end].starts_with('(') {
                let Some(length) = closing(&self.code[at..end]) else { return Attrs::Any };
                inside = at + 1..at + length;
                at = inside.end + 1;
            }
            let positional = matches!(filter, "selectattr" | "rejectattr" | "sum" | "groupby");
            let attribute = self.attribute(inside, positional);
            let mut attrs = items.clone();
            for part in attribute.clone().into_iter().flat_map(|a| parts(self.text, a)) {
                let Attrs::Fields(fields) = &attrs else { break };
                let word = &self.text[part.clone()];
                let Some((_, next)) = fields.iter().find(|(field, _)| field == word) else {
                    found.push(Finding {
                        start: part.start,
                        end: part.end,
                        message: format!("an item of `{name}` has no `{word}`"),
                        hint: suggest_hint(word, fields.iter().map(|(n, _)| n.as_str())),
                    });
                    return Attrs::Any;
                };
                attrs = next.clone();
            }
            match filter {
                "map" if attribute.is_some() => items = attrs,
                filter if PASSING.contains(&filter) => {}
                _ => return Attrs::Any,
            }
        }
    }

    /// Where the attribute stands that is named by a literal.
    fn attribute(&self, inside: Range<usize>, positional: bool) -> Option<Range<usize>> {
        let code = &self.code[inside.clone()];
        let mut at = match code.find("attribute") {
            Some(at) => {
                let rest = code[at + "attribute".len()..].trim_start().strip_prefix('=')?;
                code.len() - rest.len()
            }
            None if positional => 0,
            None => return None,
        };
        at += code[at..].len() - code[at..].trim_start().len();
        let quote = code[at..].chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let length = code[at + 1..].find(quote)?;
        let start = inside.start + at + 1;
        Some(start..start + length)
    }
}

/// The parts of a dotted name in a text.
fn parts(text: &str, name: Range<usize>) -> Vec<Range<usize>> {
    let mut at = name.start;
    let split = text[name].split('.').map(|part| {
        let range = at..at + part.len();
        at = range.end + 1;
        range
    });
    split.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let comment = Attrs::fields(["body", "author"]);
        let comments = (String::from("comments"), Attrs::Items(Box::new(comment)));
        let title = (String::from("title"), Attrs::Any);
        let known = Known::default().with("record", Attrs::Fields(vec![comments, title]));
        let found = unknown_attributes(&Env::new(), text, &known);
        found.iter().map(|f| format!("{}: {}", &text[f.start..f.end], f.message)).collect()
    }

    #[test]
    fn slips_in_the_names_of_items_are_found() {
        for (text, slip) in [
            (
                "{% for c in record.comments %}é{{ c.body }}{{ c.bodyy | trim }}{% endfor %}",
                "bodyy: `c` has no `bodyy`",
            ),
            (
                "{%- for c in record.comments if c.autor -%}{% endfor %}",
                "autor: `c` has no `autor`",
            ),
            (
                "{% for c in record.comments | rejectattr('author', 'in', ['a)|']) | list %}{{ c.x.y }}{% endfor %}",
                "x: `c` has no `x`",
            ),
            (
                "{{ record.comments | map(attribute='boody') | join('|') }}",
                "boody: an item of `record.comments` has no `boody`",
            ),
            (
                "{{ record.comments|selectattr(\"auhor\", 'eq', 1)|list }}",
                "auhor: an item of `record.comments` has no `auhor`",
            ),
            (
                "{{ record.comments | sort( attribute = 'nope') }}",
                "nope: an item of `record.comments` has no `nope`",
            ),
        ] {
            assert_eq!(found(text), [slip], "{text}");
        }
    }

    #[test]
    fn what_is_not_certain_passes() {
        for text in [
            "{% for c in record.comments %}{{ c.body.bodyy }} c.bodyy {{ 'c.bodyy' }}{# c.x #}{% endfor %}",
            "{% for c in record.comments[1:] %}{{ c.bodyy }}{% endfor %}",
            "{% for c in record.comments + more %}{{ c.bodyy }}{% endfor %}",
            "{% for c in record.comments | groupby('author') %}{{ c.grouper }}{% endfor %}",
            "{% for c in record.comments %}{% endfor %}{% for c in [{'x': 1}] %}{{ c.x }}{% endfor %}",
            "{% for c in record.comments %}{{ c.body }}{% set c = d %}{{ c.x }}{% endfor %}",
            "{% for i, c in record.comments | items %}{{ c.x }}{% endfor %}",
            "{% macro m(c) %}{{ c.x }}{% endmacro %}{% for c in record.comments %}{{ m(c) }}{% endfor %}",
            "{% for c in record.comments %}{{ c.items() }}{{ d.c.x }}{{ loop.index }}{% endfor %}",
            "{{ record.comments | map('attr', 'x') | map(attribute='y') }}",
            "{{ record.comments | map(attribute=name) | map(attribute='y') }}",
            "{% for c in record.comments %}{% for d in c.body %}{{ d.x }}{% endfor %}{% endfor %}",
            "{{ record.comments | map(attribute='body",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }
}
