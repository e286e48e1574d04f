//! HTML character references, which Jira shows as the characters they stand for.

/// Named references that occur in issue texts. `nbsp` becomes a plain space: it
/// is what editors leave behind, and nobody means it.
const NAMED: [(&str, char); 36] = [
    ("amp", '&'),
    ("apos", '\''),
    ("bull", '•'),
    ("cent", '¢'),
    ("copy", '©'),
    ("deg", '°'),
    ("divide", '÷'),
    ("euro", '€'),
    ("ge", '≥'),
    ("gt", '>'),
    ("harr", '↔'),
    ("hellip", '…'),
    ("infin", '∞'),
    ("laquo", '«'),
    ("larr", '←'),
    ("ldquo", '“'),
    ("le", '≤'),
    ("lsquo", '‘'),
    ("lt", '<'),
    ("mdash", '—'),
    ("middot", '·'),
    ("minus", '−'),
    ("nbsp", ' '),
    ("ndash", '–'),
    ("ne", '≠'),
    ("para", '¶'),
    ("plusmn", '±'),
    ("pound", '£'),
    ("quot", '"'),
    ("raquo", '»'),
    ("rarr", '→'),
    ("rdquo", '”'),
    ("reg", '®'),
    ("rsquo", '’'),
    ("times", '×'),
    ("trade", '™'),
];

/// Decodes the reference at the start of `text`, which begins with `&`: the
/// character and the length of the reference in bytes. Control characters and
/// unknown names are left as text.
pub(crate) fn decode(text: &str) -> Option<(char, usize)> {
    let (name, len) = name(text)?;
    let c = match name.strip_prefix('#') {
        Some(number) => {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            let c = char::from_u32(code).filter(|c| !c.is_control())?;
            if c == '\u{a0}' { ' ' } else { c }
        }
        None => NAMED[NAMED.binary_search_by_key(&name, |n| n.0).ok()?].1,
    };
    Some((c, len))
}

/// What stands between `&` and `;`, and the length with both.
fn name(text: &str) -> Option<(&str, usize)> {
    let rest = text.strip_prefix('&')?;
    let end = rest
        .bytes()
        .take(12)
        .position(|b| !(b.is_ascii_alphanumeric() || b == b'#'))
        .filter(|&end| end > 0 && rest.as_bytes()[end] == b';')?;
    Some((&rest[..end], end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted() {
        assert!(NAMED.windows(2).all(|w| w[0].0 < w[1].0));
    }

    #[test]
    fn decodes_names_and_numbers() {
        assert_eq!(decode("&lt;b"), Some(('<', 4)));
        assert_eq!(decode("&#65;"), Some(('A', 5)));
        assert_eq!(decode("&#x41; "), Some(('A', 6)));
        assert_eq!(decode("&nbsp;"), Some((' ', 6)));
        for text in ["&", "& lt;", "&lt", "&unknown;", "&#0;", "&#xD800;", "&&lt;"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
