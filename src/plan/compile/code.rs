//! The code of a template, as far as it can be told without a parser. minijinja
//! keeps its syntax tree to itself.

use std::ops::Range;

/// Something wrong in the text of a template.
pub(super) struct Finding {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) message: String,
    pub(super) hint: String,
}

/// A template with blanks for all that is no code, strings included, so that
/// places stay.
pub(super) struct Code<'t> {
    /// The template.
    pub(super) text: &'t str,
    /// As long as the template, byte by byte.
    pub(super) code: String,
    /// Where the insides of `{{ }}` and `{% %}` stand.
    pub(super) expressions: Vec<(usize, usize)>,
}

impl<'t> Code<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let expressions = expressions(text);
        let mut code = " ".repeat(text.len()).into_bytes();
        for &(start, end) in &expressions {
            let mut quote = None;
            let mut escaped = false;
            for (out, byte) in code[start..end].iter_mut().zip(text[start..end].bytes()) {
                let ends = quote == Some(byte) && !escaped;
                escaped = quote.is_some() && byte == b'\\' && !escaped;
                if quote.is_none() || ends {
                    *out = if byte.is_ascii() { byte } else { b'_' };
                    if ends {
                        quote = None;
                    } else if matches!(byte, b'"' | b'\'') {
                        quote = Some(byte);
                    }
                }
            }
        }
        Self { text, code: String::from_utf8(code).unwrap_or_default(), expressions }
    }

    /// How many blanks stand from here on.
    pub(super) fn blanks(&self, at: usize) -> usize {
        self.code[at..].len() - self.code[at..].trim_start().len()
    }
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

pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Names and keywords of code; no numbers.
pub(super) fn words(code: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + code[at..].find(is_word)?;
        at = start + code[start..].find(|c| !is_word(c)).unwrap_or(code.len() - start);
        Some(start..at)
    })
    .filter(|word| !code[word.start..].starts_with(|c: char| c.is_ascii_digit()))
}

/// The bytes of the dotted name that code begins with. A method that is called
/// is no attribute.
pub(super) fn path_length(code: &str) -> usize {
    let length = code.find(|c| !is_word(c) && c != '.').unwrap_or(code.len());
    match code[..length].rfind('.') {
        Some(dot) if code[length..].starts_with('(') => dot,
        _ => length,
    }
}

/// Where the bracket closes that code begins with.
pub(super) fn closing(code: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 1 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}
