//! What becomes of each character.

/// The treatment of one character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Stays.
    Keep,
    /// A space of some kind: becomes U+0020.
    Space,
    /// A mandatory line break: becomes U+000A.
    Newline,
    /// Invisible: goes.
    Remove,
    /// Joins or parts letters of some scripts and emoji; elsewhere invisible.
    Joiner,
}

/// Classifies a character by Unicode's general categories.
///
/// Line breaks are the classes CR, BK and NL of UAX #14 (a form feed or a line
/// separator parts words, so it must not vanish); spaces are category Zs; what
/// is removed is the rest of Cc without the tab, and those of Cf that mark
/// direction or have no width.
pub(crate) fn class(c: char) -> Class {
    match c {
        '\t' | '\n' | ' '..='~' => Class::Keep,
        '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Class::Newline,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Class::Remove,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' => Class::Space,
        '\u{202f}' | '\u{205f}' | '\u{3000}' => Class::Space,
        '\u{200c}' | '\u{200d}' => Class::Joiner,
        // Soft hyphen, zero-width space, word joiner and invisible operators, byte order mark.
        '\u{ad}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' => Class::Remove,
        // Marks, embeddings, overrides and isolates of the bidirectional algorithm.
        '\u{61c}' | '\u{200e}' | '\u{200f}' => Class::Remove,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Class::Remove,
        _ => Class::Keep,
    }
}

/// Whether a joiner beside this character can carry meaning (Persian, Indic
/// scripts, emoji sequences).
pub(crate) fn joins(c: char) -> bool {
    !c.is_ascii() && class(c) == Class::Keep
}
