//! What a character beside a delimiter counts as.

/// The three classes that Jira's delimiter rule and CommonMark's flanking rule
/// know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// White space, or the edge of the text.
    Space,
    /// A letter or a digit of any script.
    Word,
    /// Anything else: punctuation and symbols.
    Other,
}

/// The class of a character; `None` is the edge of the text.
pub(crate) fn class(c: Option<char>) -> Class {
    match c {
        None => Class::Space,
        Some(c) if c.is_alphanumeric() => Class::Word,
        Some(c) if c.is_whitespace() => Class::Space,
        Some(_) => Class::Other,
    }
}

/// The character that ends at byte `at`.
pub(crate) fn before(text: &str, at: usize) -> Option<char> {
    text[..at].chars().next_back()
}

/// The character that begins at byte `at`.
pub(crate) fn after(text: &str, at: usize) -> Option<char> {
    text[at..].chars().next()
}

/// Whether a line shows nothing.
pub(crate) fn is_blank(line: &str) -> bool {
    line.trim_start().is_empty()
}

/// The number of bytes of white space at the start of a line.
pub(crate) fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Byte length of the run of `byte` at `at`.
pub(crate) fn run(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().take_while(|&&b| b == bytes[at]).count()
}
