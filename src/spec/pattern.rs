//! Regular expressions of specs and templates.

use regex::{Regex, RegexBuilder};

/// Memory for the automata of one pattern, in bytes. One that needs more is
/// matched in a slower way.
const DFA_SIZE: usize = 256 << 10;

/// The most memory of one compiled pattern, in bytes: repetitions of repetitions
/// grow without end.
const SIZE: usize = 1 << 20;

/// The longest pattern, in bytes.
const LONGEST: usize = 16 << 10;

/// Compiles a regular expression. `\w`, `\d`, `\s`, `\b` and their opposites are
/// about ASCII: what stands beside a Chinese or a Cyrillic letter is a word of its
/// own, and a match needs no tables of Unicode.
///
/// # Errors
/// What is wrong with it, on one line.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > LONGEST {
        return Err(format!("longer than {} KiB", LONGEST >> 10));
    }
    let mut builder = RegexBuilder::new(&ascii(pattern));
    builder.size_limit(SIZE).dfa_size_limit(DFA_SIZE).build().map_err(|error| {
        if let regex::Error::CompiledTooBig(_) = error {
            return String::from("it repeats too much: compiled it is larger than 1 MiB");
        }
        // The lines before it draw the pattern as it was rewritten.
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        last.strip_prefix("error: ").unwrap_or(last).to_owned()
    })
}

/// The pattern with its classes written out. The library knows ASCII classes, but
/// not inside a negated class (`[^\w]`): there they could match half a character.
fn ascii(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 32);
    let mut depth = 0_usize;
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            '\\' => {
                match rest.next() {
                    Some('d') => out.push_str("[0-9]"),
                    Some('D') => out.push_str("[^0-9]"),
                    Some('w') => out.push_str("[0-9A-Za-z_]"),
                    Some('W') => out.push_str("[^0-9A-Za-z_]"),
                    Some('s') => out.push_str(r"[\t\n\x0B\f\r\x20]"),
                    Some('S') => out.push_str(r"[^\t\n\x0B\f\r\x20]"),
                    Some(edge @ ('b' | 'B')) if depth == 0 => {
                        out.push_str(r"(?-u:\");
                        out.push(edge);
                        if let Some((name, after)) = named(rest.as_str()) {
                            out.push_str(name);
                            rest = after.chars();
                        }
                        out.push(')');
                    }
                    Some(other) => out.extend(['\\', other]),
                    None => out.push('\\'),
                }
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    out
}

/// The `{start}` after `\b`; a number would be a repetition.
fn named(after: &str) -> Option<(&str, &str)> {
    let inner = after.strip_prefix('{').filter(|a| a.starts_with(|c: char| c.is_alphabetic()))?;
    let end = inner.find('}')? + 2;
    Some(after.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_word_boundaries_are_ascii() {
        for (pattern, text, expected) in [
            (
                r"\bNullPointerException\b",
                "抛出NullPointerException异常",
                Some("NullPointerException"),
            ),
            (r"\w+", "é_a1", Some("_a1")),
            (r"[^\w ]", "a é", Some("é")),
            (r"\W\S\D\s\d", "éxy 1", Some("éxy 1")),
            (r"[\w.-]+", "ü2.4-a", Some("2.4-a")),
            (r"\b{start}b", "ab éb", Some("b")),
            (r"a\B.", "aé ab", Some("ab")),
            (r"(?x) a \s b", "a b", Some("a b")),
            (r"\d{2}\\w", r"123\w", Some(r"23\w")),
            (r"\d", "٣", None),
        ] {
            let found = compile(pattern).unwrap().find(text).map(|m| m.as_str());
            assert_eq!(found, expected, "{pattern} in {text}");
        }
    }

    #[test]
    fn a_mistake_is_one_line() {
        for (pattern, message) in [
            ("(", "unclosed group"),
            (r"[\b]", "invalid escape sequence found in character class"),
            (r"a\", "incomplete escape sequence, reached end of pattern prematurely"),
            ("*", "repetition operator missing expression"),
            ("((a{99}){99}){99}", "it repeats too much: compiled it is larger than 1 MiB"),
        ] {
            assert_eq!(compile(pattern).unwrap_err(), message, "{pattern}");
        }
    }
}
