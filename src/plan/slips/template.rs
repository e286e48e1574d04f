//! Slips in templates that minijinja refuses. It names the token that it did not
//! expect; here it is said what the author did.

use std::ops::Range;

use super::Slip;
use crate::spec::closest;

/// Statements, each with what closes it where it holds others.
const STATEMENTS: [(&str, &str); 19] = [
    ("if", "endif"),
    ("for", "endfor"),
    ("macro", "endmacro"),
    ("call", "endcall"),
    ("filter", "endfilter"),
    ("with", "endwith"),
    ("block", "endblock"),
    ("autoescape", "endautoescape"),
    ("raw", "endraw"),
    ("set", ""),
    ("elif", ""),
    ("else", ""),
    ("include", ""),
    ("import", ""),
    ("from", ""),
    ("extends", ""),
    ("do", ""),
    ("break", ""),
    ("continue", ""),
];

/// A tag of a template: its whole, and what is between its marks.
struct Tag {
    open: usize,
    inside: Range<usize>,
    mark: char,
}

/// The slip in a template that does not compile, if it is one of the frequent
/// ones.
pub fn find(text: &str) -> Option<Slip> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('{').map(|i| at + i) {
        let mark = text[open + 1..].chars().next().unwrap_or(' ');
        if !matches!(mark, '{' | '%' | '#') {
            at = open + 1;
            continue;
        }
        let inside = open + 2;
        let end = match end_of_tag(text, open, mark) {
            Ok(end) => end,
            Err(slip) => return Some(slip),
        };
        tags.push(Tag { open, inside: inside..end, mark });
        at = (end + 2).min(text.len());
        if mark == '%' && word(&text[inside..end]) == "raw" {
            let Some(raw) = text[at..].find("endraw").map(|i| at + i) else {
                return Some(unclosed_block(text, open, "raw", "endraw"));
            };
            at = text[raw..].find("%}").map_or(text.len(), |i| raw + i + 2);
            tags.pop();
        }
    }
    let code = tags.iter().filter(|tag| tag.mark != '#');
    code.clone().find_map(|tag| operator(text, tag)).or_else(|| blocks(text, code))
}

/// Where a tag ends that opens here.
fn end_of_tag(text: &str, open: usize, mark: char) -> Result<usize, Slip> {
    let close = match mark {
        '{' => "}}",
        '%' => "%}",
        _ => "#}",
    };
    let opened = || open..open + 2;
    let missing = || {
        let message =
            format!("`{}` is opened here and never closed: `{close}` is missing", &text[opened()]);
        Slip::new(opened(), message, None)
    };
    if mark == '#' {
        return text[open + 2..].find(close).map(|i| open + 2 + i).ok_or_else(missing);
    }
    let mut quote: Option<(usize, char)> = None;
    let mut escaped = false;
    let mut braces = 0_usize;
    for (i, c) in text[open + 2..].char_indices().map(|(i, c)| (open + 2 + i, c)) {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some((_, q)) if c == q => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some((i, c)),
            None if braces == 0 && text[i..].starts_with(close) => return Ok(i),
            None if text[i..].starts_with("{{") && mark == '%' || text[i..].starts_with("{%") => {
                return Err(missing());
            }
            None if text[i..].starts_with("%}") => {
                let message = format!("`{{{{` is closed by `{close}`, not by `%}}`");
                return Err(Slip::new(i..i + 2, message, Some(close.to_owned())));
            }
            None if c == '{' => braces += 1,
            None if c == '}' && braces > 0 => braces -= 1,
            None if text[i..].starts_with("}}") && mark == '%' => {
                let message = "`{%` is closed by `%}`, not by `}}`";
                return Err(Slip::new(i..i + 2, message, Some(close.to_owned())));
            }
            None => {}
        }
    }
    match quote {
        // The quote may be the tag's end that was swallowed, or the other way round.
        Some((at, _)) => {
            Err(Slip::new(at..at + 1, "a quote is opened here and never closed", None))
        }
        None => Err(missing()),
    }
}

/// Signs of other languages.
fn operator(text: &str, tag: &Tag) -> Option<Slip> {
    let code = blanked(&text[tag.inside.clone()]);
    let from = tag.inside.start;
    let at = |i: usize, width: usize| from + i..from + i + width;
    for (sign, word) in [("&&", "and"), ("||", "or"), ("===", "=="), ("!==", "!=")] {
        if let Some(i) = code.find(sign) {
            return Some(Slip::new(
                at(i, sign.len()),
                format!("`{sign}` is written `{word}`"),
                Some(word.to_owned()),
            ));
        }
    }
    let bytes = code.as_bytes();
    if let Some(i) = (0..bytes.len()).find(|i| bytes[*i] == b'!' && bytes.get(i + 1) != Some(&b'='))
    {
        return Some(Slip::new(at(i, 1), "`!` is written `not`", Some(String::from("not"))));
    }
    let source = text[tag.inside.clone()].as_bytes();
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if let Some(i) = (0..bytes.len()).find(|i| {
        matches!(bytes[*i], b'f' | b'F' | b'r' | b'b')
            && matches!(source.get(i + 1), Some(b'\'' | b'"'))
            && !i.checked_sub(1).is_some_and(|before| is_word(bytes[before]))
    }) {
        let hint = "write the text around `{{ … }}`, or join by `~`: {{ 'no. ' ~ record.key }}";
        return Some(Slip::new(
            at(i, 2),
            "a template has no letters before a quoted text",
            Some(String::from(hint)),
        ));
    }
    if let Some(i) = code.find('$') {
        let message =
            "a template has no paths: `map` selects by `$…`, a template uses the fields it makes";
        return Some(Slip::new(at(i, 1), message, Some(String::from("{{ record.NAME }}"))));
    }
    if let Some(i) = code.find('?') {
        let hint = code[i..].find(':').map(|colon| {
            let source = &text[tag.inside.clone()];
            let (test, yes, no) =
                (&source[..i], &source[i + 1..i + colon], &source[i + colon + 1..]);
            format!("{} if {} else {}", yes.trim(), test.trim(), no.trim())
        });
        return Some(Slip::new(at(i, 1), "`a ? b : c` is written `b if a else c`", hint));
    }
    // `=` gives a value to a name in `set` and in arguments; a test is `==`.
    let assigns = tag.mark == '%'
        && matches!(word(&code), "set" | "with" | "macro" | "call" | "import" | "from");
    let mut depth = 0_usize;
    for i in 0..bytes.len() {
        match bytes[i] {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b'=' if depth == 0
                && !assigns
                && bytes.get(i + 1) != Some(&b'=')
                && !matches!(
                    i.checked_sub(1).map(|b| bytes[b]),
                    Some(b'=' | b'!' | b'<' | b'>')
                ) =>
            {
                return Some(Slip::new(
                    at(i, 1),
                    "a template compares by `==`",
                    Some(String::from("==")),
                ));
            }
            _ => {}
        }
    }
    None
}

/// Statements that do not fit together.
fn blocks<'t>(text: &str, tags: impl Iterator<Item = &'t Tag>) -> Option<Slip> {
    let mut open: Vec<(usize, &str, &str)> = Vec::new();
    for tag in tags.filter(|tag| tag.mark == '%') {
        let inside = &text[tag.inside.clone()];
        let name = word(inside);
        let start = tag.inside.start + inside.find(name).unwrap_or(0);
        let place = start..start + name.len();
        if let Some(closed) = name.strip_prefix("end").filter(|c| !c.is_empty()) {
            let known = closed == "set" || STATEMENTS.iter().any(|(_, end)| *end == name);
            match open.pop() {
                _ if !known => return Some(unknown(place, name)),
                Some((_, opened, _)) if opened == closed => {}
                Some((_, opened, end)) => {
                    let message = format!("`{{% {name} %}}` does not close `{{% {opened} %}}`");
                    return Some(Slip::new(place, message, Some(format!("{{% {end} %}}"))));
                }
                None => {
                    return Some(Slip::new(
                        place,
                        format!("nothing is open that `{{% {name} %}}` could close"),
                        None,
                    ));
                }
            }
            continue;
        }
        match STATEMENTS.iter().find(|(statement, _)| *statement == name) {
            None => return Some(unknown(place, name)),
            Some(("else", _)) if word(inside[inside.find("else")? + 4..].trim_start()) == "if" => {
                return Some(Slip::new(
                    place,
                    "`else if` is written `elif`",
                    Some(String::from("elif")),
                ));
            }
            // `{% set x %}…{% endset %}`
            Some(("set", _))
                if !inside.contains('=') && !inside.trim().contains(char::is_whitespace) => {}
            Some(("set", _)) if !inside.contains('=') && inside.split_whitespace().count() == 2 => {
                open.push((tag.open, "set", "endset"));
            }
            Some((_, "")) => {}
            Some((statement, end)) => open.push((tag.open, statement, end)),
        }
    }
    open.pop().map(|(at, statement, end)| unclosed_block(text, at, statement, end))
}

fn unclosed_block(text: &str, open: usize, statement: &str, end: &str) -> Slip {
    let close = text[open..].find("%}").map_or(text.len(), |i| open + i + 2);
    let message = format!("`{{% {statement} %}}` is opened here and never closed");
    Slip::new(open..close, message, Some(format!("{{% {end} %}}")))
}

fn unknown(place: Range<usize>, name: &str) -> Slip {
    let hint = match name {
        "elseif" | "elsif" | "elsef" => Some("elif"),
        "end" | "fi" | "done" => None,
        name => {
            let ends = STATEMENTS.iter().map(|(_, end)| *end).filter(|end| !end.is_empty());
            closest(
                name,
                STATEMENTS.iter().map(|(statement, _)| *statement).chain(ends).chain(["endset"]),
            )
        }
    };
    let hint = match hint {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => String::from("a block ends with `{% endif %}`, `{% endfor %}` and the like"),
    };
    Slip::new(place, format!("there is no statement `{name}`"), Some(hint))
}

/// The first word of a tag.
fn word(inside: &str) -> &str {
    let inside = inside.trim_start_matches(['-', '+']).trim_start();
    let end = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
    &inside[..end]
}

/// Code with blanks for what stands in its strings, so that places stay.
fn blanked(code: &str) -> String {
    let mut quote = None;
    let mut escaped = false;
    let blank = |b: u8| {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if b == b'\\' => escaped = true,
            Some(q) if b == q => quote = None,
            Some(_) => {}
            None if matches!(b, b'\'' | b'"') => quote = Some(b),
            None if b.is_ascii() => return b,
            None => {}
        }
        b'_'
    };
    String::from_utf8(code.bytes().map(blank).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_have_their_place_and_what_was_meant() {
        for (text, part, hint) in [
            ("a {{ record.title ", "{{", None),
            ("{{ record.title }", "{{", None),
            ("{{ record.title %}", "%}", Some("}}")),
            ("{% if a }}", "}}", Some("%}")),
            ("{# x", "{#", None),
            ("{{ 'a }}", "'", None),
            ("{{ a && b }}", "&&", Some("and")),
            ("{{ !a }}", "!", Some("not")),
            ("{{ $.a }}", "$", Some("{{ record.NAME }}")),
            ("{{ a ? 'b' : c }}", "?", Some("'b' if a else c")),
            ("{{ a = 'x' }}", "=", Some("==")),
            ("{% if a %}x", "{% if a %}", Some("{% endif %}")),
            ("{% if a %}x{% endfor %}", "endfor", Some("{% endif %}")),
            ("{% if a %}{% elseif b %}{% endif %}", "elseif", Some("did you mean `elif`?")),
            ("{% if a %}{% else if b %}{% endif %}", "else", Some("elif")),
            ("{% fore a in b %}", "fore", Some("did you mean `for`?")),
            ("x{% endif %}", "endif", None),
            ("{% raw %}{{", "{% raw %}", Some("{% endraw %}")),
        ] {
            let found = find(text).unwrap_or_else(|| panic!("{text} is no slip"));
            assert_eq!(
                (&text[found.start..found.end], found.hint.as_deref()),
                (part, hint),
                "{text}"
            );
        }
    }

    #[test]
    fn good_templates_are_no_slips() {
        for text in [
            "{{ a != 'b && c' and x | f(k=1) }} {a} $5 ? {{ {'a': {'b': 1}} }}",
            "{%- for a in b -%}{% set c = 1 %}{% if c %}{% elif d %}{% else %}{% endif %}{% endfor %}",
            "{% set x %}y{% endset %}{# {{ #}{% raw %}{% if {{{% endraw %}",
            "{% macro m(a, b=1) %}{% endmacro %}{% call m(1) %}{% endcall %}",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
