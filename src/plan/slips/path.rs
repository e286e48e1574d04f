//! Text that is no JSONPath, in the words of somebody who writes specs: the
//! frequent slips, with the path that was meant.

use jsonpath_rust::parser::parse_json_path;

use super::Slip;
use crate::spec::closest;

/// The functions of RFC 9535; they stand in filters only.
const FUNCTIONS: [&str; 5] = ["length", "count", "match", "search", "value"];

/// A slip that makes a text no path, or another than it seems.
pub fn find(text: &str) -> Option<Slip> {
    if let Some(inner) = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) {
        let message = "a path selects data; a template makes text";
        let name = inner.trim().trim_start_matches("record.");
        return Some(slip(text, 0..text.len(), message, fixed(&format!("$.{name}"))));
    }
    if !text.starts_with('$') {
        let message = "a path starts with `$`";
        return Some(slip(
            text,
            0..text.len(),
            message,
            fixed(&format!("$.{}", text.trim_start_matches('.'))),
        ));
    }
    unclosed(text).or_else(|| in_filter(text)).or_else(|| in_names(text))
}

fn slip(text: &str, at: std::ops::Range<usize>, message: &str, hint: Option<String>) -> Slip {
    let end = at.end.min(text.len());
    Slip::new(at.start.min(end)..end, message, hint)
}

/// The text when it is a path, perhaps after mending what else is wrong with it.
fn fixed(text: &str) -> Option<String> {
    let mut text = text.replace("[]", "[*]");
    for _ in 0..8 {
        if parse_json_path(&text).is_ok() && in_names(&text).is_none() {
            return Some(text);
        }
        text = in_names(&text).or_else(|| in_filter(&text))?.hint?;
    }
    None
}

/// A bracket or a quote that is opened and never closed.
fn unclosed(text: &str) -> Option<Slip> {
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut quote: Option<(usize, char)> = None;
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some((_, q)), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if !open.is_empty() => quote = Some((i, c)),
            (None, '[' | '(') => open.push((i, c)),
            (None, ']' | ')') => {
                let wanted = if c == ']' { '[' } else { '(' };
                match open.pop() {
                    Some((_, opened)) if opened == wanted => {}
                    Some((at, opened)) => {
                        let message = format!("`{opened}` is opened here and closed by `{c}`");
                        return Some(slip(text, at..i + 1, &message, None));
                    }
                    None => {
                        let message = format!("nothing is open that `{c}` could close");
                        return Some(slip(text, i..i + 1, &message, None));
                    }
                }
            }
            _ => {}
        }
    }
    let (at, c) = quote.or(open.last().copied())?;
    let close = match c {
        '[' => "]",
        '(' => ")",
        _ => return Some(slip(text, at..at + 1, "a quote is opened here and never closed", None)),
    };
    let mut whole = text.to_owned();
    for (_, c) in open.iter().rev() {
        whole.push(if *c == '[' { ']' } else { ')' });
    }
    let message = format!("`{c}` is opened here and never closed: `{close}` is missing");
    Some(slip(text, at..at + 1, &message, fixed(&whole)))
}

/// The filter `[?…]` that is read as another language's.
fn in_filter(text: &str) -> Option<Slip> {
    let code = blanked(text);
    if let Some(at) = code.find("[]") {
        let hint = fixed(&text.replace("[]", "[*]"));
        return Some(slip(text, at..at + 2, "a path has no `[]`; all items are `[*]`", hint));
    }
    if let Some(at) = code.find("[(") {
        let end = code[at..].find(']').map_or(text.len(), |i| at + i + 1);
        let last = text[at..end]
            .contains("length")
            .then(|| fixed(&format!("{}[-1]{}", &text[..at], &text[end..])));
        let message = "a path computes no positions; items from the end are `[-1]`, `[-2]`";
        return Some(slip(text, at..end, message, last.flatten()));
    }
    let filter = code.find('?')?;
    for (wrong, right) in [("===", "=="), ("!==", "!="), ("<>", "!="), ("=~", "")] {
        let Some(at) = code[filter..].find(wrong).map(|i| filter + i) else { continue };
        if wrong == "=~" {
            let message = "a regular expression is matched by a function";
            let hint = String::from(
                "[?match(@.name, 'pattern')] for the whole, [?search(@.name, 'pattern')] for a part",
            );
            return Some(slip(text, at..at + 2, message, Some(hint)));
        }
        let better = format!("{}{right}{}", &text[..at], &text[at + wrong.len()..]);
        return Some(slip(
            text,
            at..at + wrong.len(),
            &format!("`{wrong}` is written `{right}`"),
            fixed(&better),
        ));
    }
    let bytes = code.as_bytes();
    let single = (filter..code.len()).find(|i| {
        bytes[*i] == b'='
            && bytes.get(i + 1) != Some(&b'=')
            && !matches!(bytes[i - 1], b'=' | b'!' | b'<' | b'>')
    });
    if let Some(at) = single {
        let better = format!("{}={}", &text[..at], &text[at..]);
        return Some(slip(text, at..at + 1, "a filter compares by `==`", fixed(&better)));
    }
    for (word, sign) in [(" and ", "&&"), (" or ", "||"), (" not ", "!"), ("?not ", "!")] {
        let Some(at) = code[filter..].find(word).map(|i| filter + i) else { continue };
        let sign = if sign == "!" { sign.to_owned() } else { format!(" {sign} ") };
        let head = if word.starts_with('?') { "?" } else { "" };
        let better = format!("{}{head}{sign}{}", &text[..at], &text[at + word.len()..]);
        let message =
            format!("a filter says `{}` for `{}`", sign.trim(), word.trim_matches(['?', ' ']));
        let start = at + 1;
        return Some(slip(
            text,
            start..start + word.trim_matches(['?', ' ']).len(),
            &message,
            fixed(&better),
        ));
    }
    function(text, &code, filter)
}

/// A function that there is none of.
fn function(text: &str, code: &str, filter: usize) -> Option<Slip> {
    for (at, _) in code.match_indices('(').filter(|(at, _)| *at > filter) {
        let before = &code[..at];
        let start =
            before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |i| i + 1);
        let name = &code[start..at];
        if name.is_empty() || FUNCTIONS.contains(&name) {
            continue;
        }
        let hint = match closest(name, FUNCTIONS) {
            _ if name.contains("contains") || name.contains("with") => {
                String::from("search(@.name, 'part') looks for a part of a text")
            }
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are {}", FUNCTIONS.map(|f| format!("`{f}`")).join(", ")),
        };
        return Some(slip(
            text,
            start..at,
            &format!("there is no function `{name}` in a path"),
            Some(hint),
        ));
    }
    None
}

/// Names outside brackets that hold what only a quoted name may.
fn in_names(text: &str) -> Option<Slip> {
    let code = blanked(text);
    let bytes = code.as_bytes();
    if bytes.get(1).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_') {
        let better = format!("$.{}", &text[1..]);
        return Some(slip(text, 1..2, "`.` is missing after `$`", fixed(&better)));
    }
    if let Some(at) = code.find("...") {
        let better = format!("{}{}", &text[..at], &text[at + 1..]);
        return Some(slip(
            text,
            at..at + 3,
            "a path has at most two dots in a row",
            fixed(&better),
        ));
    }
    if let Some(at) = code.find(".[").filter(|at| !code[..*at].ends_with('.')) {
        let better = format!("{}{}", &text[..at], &text[at + 1..]);
        return Some(slip(text, at..at + 1, "no dot stands before `[`", fixed(&better)));
    }
    if text.ends_with('.') {
        let better = text.trim_end_matches('.');
        return Some(slip(
            text,
            better.len()..text.len(),
            "a name is missing after the last dot",
            fixed(better),
        ));
    }
    let mut depth = 0_usize;
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'[' | b'(' => depth += 1,
            b']' | b')' => depth = depth.saturating_sub(1),
            b'.' if depth == 0 => {
                let start = at + 1;
                let end = code[start..].find(['.', '[', '(']).map_or(code.len(), |i| start + i);
                if let Some(found) = name(text, start, end, &code) {
                    return Some(found);
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn name(text: &str, start: usize, end: usize, code: &str) -> Option<Slip> {
    let name = &text[start..end];
    if code[end..].starts_with('(') {
        let close = code[end..].find(')').map_or(text.len(), |i| end + i + 1);
        let message = format!("`{name}()` stands only in a filter; a path selects values");
        return Some(slip(
            text,
            start..close,
            &message,
            fixed(text[..start].trim_end_matches('.')),
        ));
    }
    let odd =
        name.find(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && c != '_' && c != '*');
    let odd = odd.or_else(|| name.starts_with(|c: char| c.is_ascii_digit()).then_some(0))?;
    let c = name[odd..].chars().next()?;
    let shown = match c {
        ' ' => String::from("a blank"),
        c => format!("`{c}`"),
    };
    let better = format!("{}['{name}']{}", text[..start].trim_end_matches('.'), &text[end..]);
    let message = match odd {
        0 if c.is_ascii_digit() => {
            String::from("a name that begins with a digit stands in brackets and quotes")
        }
        _ => format!("a name with {shown} in it stands in brackets and quotes"),
    };
    Some(slip(text, start..end, &message, fixed(&better)))
}

/// The text with blanks for what stands in quotes, so that places stay.
fn blanked(text: &str) -> String {
    let mut quote = None;
    let mut escaped = false;
    let blank = |b: u8| {
        let inside = quote.is_some();
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if b == b'\\' => escaped = true,
            Some(q) if b == q => quote = None,
            Some(_) => {}
            None if matches!(b, b'\'' | b'"') => quote = Some(b),
            None => {}
        }
        if inside && quote.is_some() {
            b'_'
        } else if b.is_ascii() {
            b
        } else {
            b'_'
        }
    };
    String::from_utf8(text.bytes().map(blank).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_have_their_place_and_the_path_that_was_meant() {
        for (text, part, hint) in [
            ("fields.summary", "fields.summary", Some("$.fields.summary")),
            (".labels[]", ".labels[]", Some("$.labels[*]")),
            ("$fields.a", "f", Some("$.fields.a")),
            ("$.my-field.x", "my-field", Some("$['my-field'].x")),
            ("$.a.my field", "my field", Some("$.a['my field']")),
            ("$.a.[0]", ".", Some("$.a[0]")),
            ("$.a.", ".", Some("$.a")),
            ("$...a", "...", Some("$..a")),
            ("$.a[]", "[]", Some("$.a[*]")),
            ("$.a[*", "[", Some("$.a[*]")),
            ("$.a['b]", "'", None),
            ("$.a[?@.x = 1]", "=", Some("$.a[?@.x == 1]")),
            ("$.a[?(@.x === 'a=b')]", "===", Some("$.a[?(@.x == 'a=b')]")),
            ("$.a[?@.x and @.y]", "and", Some("$.a[?@.x && @.y]")),
            ("$.a[?lenght(@.x) > 1]", "lenght", Some("did you mean `length`?")),
            ("$.a[(@.length-1)]", "[(@.length-1)]", Some("$.a[-1]")),
            ("$.a.length()", "length()", Some("$.a")),
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
    fn good_paths_are_no_slips() {
        for text in [
            "$",
            "$.a.b_c[0][*]['x y'].*",
            "$..a",
            "$..[0]",
            "$.a[?@.x == 'a = b' && !@.y || @['or'] <= 3]",
            "$.a[?length(@.x) > 1].b",
            "$.a[?match(@.x, '[a-z]+(b)')]",
            "$.ä",
        ] {
            assert_eq!(find(text), None, "{text}");
            assert!(parse_json_path(text).is_ok(), "{text}");
        }
    }
}
